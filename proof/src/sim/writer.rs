//! The writer of a process: a shell around the batcher, as `actors/src/writer.rs`, without tasks.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use tally_actors::batcher::{Batcher, Effect, Incarnation, Input};
use tally_actors::domain::ids::MerchantId;
use tally_actors::doubts::Doubts;
use tally_actors::pipeline;
use tally_actors::ports::{Batch, Commit};

use super::item::{Item, Leg, Place};
use super::plan::Plan;
use super::stage::Stage;
use super::store::WANTED;

pub(super) struct Writer {
    place: Place,
    pub(super) batcher: Batcher,
    inbox: VecDeque<Input>,
    /// Who is told what becomes of its rows: all incarnations that have begun and are not gone.
    owners: BTreeSet<Incarnation>,
    flight: Option<Arc<Batch>>,
    pub(super) doubts: Doubts,
    waking: bool,
}

/// What the writer has for an incarnation.
pub(super) enum News {
    Opened,
    Told(pipeline::Input),
}

/// What came of a step of the writer.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) news: Vec<(Incarnation, News)>,
    /// The process must end.
    pub(super) fatal: bool,
}

impl Writer {
    pub(super) fn new(place: Place, plan: &Plan) -> Self {
        Self {
            place,
            batcher: Batcher::new(plan.events_max),
            inbox: VecDeque::new(),
            owners: BTreeSet::new(),
            flight: None,
            doubts: Doubts::default(),
            waking: false,
        }
    }

    /// Takes a message into the inbox. It is looked at later.
    pub(super) fn send(&mut self, message: Input, stage: &mut Stage) {
        self.inbox.push_back(message);
        self.wake(stage);
    }

    fn wake(&mut self, stage: &mut Stage) {
        if !std::mem::replace(&mut self.waking, true) {
            stage.after(Leg::Wake, Item::Writer(self.place));
        }
    }

    /// Takes some of what waits, and begins a batch when it is free.
    pub(super) fn turn(&mut self, stage: &mut Stage) -> Outcome {
        self.waking = false;
        let mut outcome = Outcome::default();
        // Messages come while it takes them: any part of those that are there now may be in time for the next batch.
        let taken = 1 + stage.below(self.inbox.len().max(1));
        for _ in 0..taken {
            let Some(message) = self.inbox.pop_front() else { break };
            match &message {
                Input::Open(_, incarnation) => {
                    self.owners.insert(*incarnation);
                }
                Input::Close(_, incarnation) => {
                    self.owners.remove(incarnation);
                }
                Input::Append(..) | Input::Done(_) => {}
            }
            self.take(message, stage, &mut outcome);
        }
        self.begin(stage, &mut outcome);
        if !self.inbox.is_empty() {
            self.wake(stage);
        }
        outcome
    }

    /// What became of the batch in flight.
    pub(super) fn land(&mut self, commit: Commit, stage: &mut Stage) -> Outcome {
        let mut outcome = Outcome::default();
        if let Some(batch) = self.flight.take() {
            self.doubts.hear(&batch, &commit);
        }
        self.take(Input::Done(commit), stage, &mut outcome);
        self.begin(stage, &mut outcome);
        outcome
    }

    fn take(&mut self, input: Input, stage: &mut Stage, outcome: &mut Outcome) {
        for effect in self.batcher.take(input) {
            self.perform(effect, stage, outcome);
        }
    }

    fn begin(&mut self, stage: &mut Stage, outcome: &mut Outcome) {
        if let Some(effect) = self.batcher.write() {
            self.perform(effect, stage, outcome);
        }
    }

    fn perform(&mut self, effect: Effect, stage: &mut Stage, outcome: &mut Outcome) {
        match effect {
            Effect::Opened(incarnation) => self.tell(incarnation, News::Opened, outcome),
            Effect::Write(batch) => {
                stage.write(self.place, Arc::clone(&batch));
                self.flight = Some(batch);
            }
            Effect::Committed(incarnation, through) => {
                let told = News::Told(pipeline::Input::Committed(through));
                self.tell(incarnation, told, outcome);
            }
            Effect::Failed(incarnation, failure) => {
                let told = News::Told(pipeline::Input::Failed(failure));
                self.tell(incarnation, told, outcome);
            }
            Effect::Alarm(bad) if bad.constraint == WANTED => stage.count("alarm", "wanted"),
            Effect::Alarm(bad) => stage.violated("constraint", format!("{bad:?}")),
            Effect::Fatal(_) => outcome.fatal = true,
        }
    }

    fn tell(&self, incarnation: Incarnation, news: News, outcome: &mut Outcome) {
        if self.owners.contains(&incarnation) {
            outcome.news.push((incarnation, news));
        }
    }

    /// Whether nothing is left of anybody: no message, no batch, no lane, no owner.
    pub(super) fn is_empty(&self) -> bool {
        self.inbox.is_empty()
            && self.batcher.is_idle()
            && self.batcher.lanes() == 0
            && self.owners.is_empty()
    }

    /// Whether a batch that failed may still come.
    pub(super) fn doubted(&self, of: &MerchantId) -> bool {
        self.doubts.hold(of)
    }
}
