//! The batcher: gathers what merchants append into batches, one transaction each (`design.md` 3.2, 3.3).
//!
//! A pure machine: inputs go in, effects come out. The writer task is a shell around it.
//!
//! - Group commit without a timer: whatever waits when the writer is free is the next batch.
//! - Each merchant has a *lane*, owned by one incarnation. Rows of another are refused.
//! - When a merchant's rows come to nothing its lane is shut: what it has queued is dropped and what its incarnation may
//!   still send is refused. The other merchants of the batch are written again without it.
//! - A new incarnation is let in only when no row of an older one is queued or in flight. So the head that it reads is not
//!   overtaken by anything this process decided before.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::domain::chain::Seq;
use crate::domain::head::Head;
use crate::domain::ids::MerchantId;
use crate::mutant::{self, Mutant};
use crate::pipeline::AppendFailure;
use crate::ports::{BadRow, Batch, Commit, Row, Run, Trouble};

/// One start of a merchant's actor, unique within the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Incarnation(pub u64);

/// What happens to a batcher.
#[derive(Debug)]
pub enum Input {
    /// An incarnation wants to begin.
    Open(MerchantId, Incarnation),
    /// An incarnation wants these events durable, together or not at all; the head is after them.
    Append(MerchantId, Incarnation, Vec<Row>, Box<Head>),
    /// An incarnation is gone: it will send nothing more and hear nothing more.
    Close(MerchantId, Incarnation),
    /// The batch in flight came to this.
    Done(Commit),
}

/// What a batcher wants done.
#[derive(Debug)]
pub enum Effect {
    /// The incarnation may read its head.
    Opened(Incarnation),
    /// Commit this batch. There is never a second one in flight.
    Write(Arc<Batch>),
    /// The incarnation's events are durable up to here.
    Committed(Incarnation, Seq),
    /// The incarnation's appends came to nothing.
    Failed(Incarnation, AppendFailure),
    /// A constraint other than the fence stopped an event: a bug of ours that somebody must hear of.
    Alarm(BadRow),
    /// The store can't be trusted: the process must end.
    Fatal(String),
}

/// The rows of many merchants on their way into one store.
#[derive(Debug)]
pub struct Batcher {
    events_max: usize,
    lanes: HashMap<MerchantId, Lane>,
    /// Merchants with something queued, the longest waiting first.
    waiting: VecDeque<MerchantId>,
    flying: Option<Arc<Batch>>,
}

#[derive(Debug)]
struct Lane {
    owner: Incarnation,
    queued: VecDeque<Append>,
    flying: bool,
    /// Its rows came to nothing: the owner is over.
    shut: bool,
    /// The owner is gone; kept for what is in flight.
    closed: bool,
    /// Who waits to be let in.
    next: Option<Incarnation>,
}

#[derive(Debug)]
struct Append {
    rows: Vec<Row>,
    head: Box<Head>,
}

impl Batcher {
    /// A batcher whose batches hold about `events_max` events.
    pub fn new(events_max: usize) -> Self {
        Self { events_max, lanes: HashMap::new(), waiting: VecDeque::new(), flying: None }
    }

    /// Takes an input and gives what is to be done about it, in order. Does not begin a batch: see [`Batcher::write`].
    pub fn take(&mut self, input: Input) -> Vec<Effect> {
        match input {
            Input::Open(merchant, incarnation) => self.open(merchant, incarnation),
            Input::Append(merchant, incarnation, rows, head) => {
                self.append(merchant, incarnation, Append { rows, head })
            }
            Input::Close(merchant, incarnation) => self.close(merchant, incarnation),
            Input::Done(commit) => self.done(commit),
        }
    }

    /// The next batch, when none is in flight and something waits. Called after all inputs at hand were taken, so that a
    /// batch holds whatever waits by then.
    pub fn write(&mut self) -> Option<Effect> {
        if self.flying.is_some() || self.waiting.is_empty() {
            return None;
        }
        let mut runs = vec![];
        let mut events = 0;
        while events < self.events_max {
            let Some(merchant) = self.waiting.pop_front() else { break };
            let Some(run) = self.gather(merchant, self.events_max - events) else { continue };
            events += run.rows.len();
            runs.push(run);
        }
        self.fly(runs)
    }

    /// Whether nothing is queued or in flight.
    pub fn is_idle(&self) -> bool {
        self.flying.is_none() && self.waiting.is_empty()
    }

    /// How many merchants have a lane.
    pub fn lanes(&self) -> usize {
        self.lanes.len()
    }

    fn open(&mut self, merchant: MerchantId, incarnation: Incarnation) -> Vec<Effect> {
        match self.lanes.get_mut(&merchant) {
            Some(lane) if lane.owner >= incarnation => vec![superseded(incarnation)],
            Some(lane) if lane.flying && mutant::on(Mutant::WaiterOfAnotherIncarnation) => {
                *lane = Lane { flying: true, ..Lane::new(incarnation) };
                vec![Effect::Opened(incarnation)]
            }
            Some(lane) if lane.flying => {
                lane.queued.clear();
                lane.next = lane.next.max(Some(incarnation));
                vec![]
            }
            Some(_) | None => {
                self.lanes.insert(merchant, Lane::new(incarnation));
                vec![Effect::Opened(incarnation)]
            }
        }
    }

    fn append(
        &mut self,
        merchant: MerchantId,
        incarnation: Incarnation,
        append: Append,
    ) -> Vec<Effect> {
        match self.lanes.get_mut(&merchant) {
            // Its incarnation was told that it is over, and answers for what it sent before it heard.
            Some(lane) if lane.owner == incarnation && lane.shut => vec![],
            Some(lane) if lane.owner == incarnation && lane.next.is_none() && !lane.closed => {
                if lane.queued.is_empty() {
                    self.waiting.push_back(merchant);
                }
                lane.queued.push_back(append);
                vec![]
            }
            Some(_) | None => vec![superseded(incarnation)],
        }
    }

    fn close(&mut self, merchant: MerchantId, incarnation: Incarnation) -> Vec<Effect> {
        let Some(lane) = self.lanes.get_mut(&merchant).filter(|lane| lane.owner == incarnation)
        else {
            return vec![];
        };
        lane.queued.clear();
        lane.closed = true;
        if !lane.flying {
            self.lanes.remove(&merchant);
        }
        vec![]
    }

    /// Takes whole appends of one merchant, at least one and about `max` events.
    fn gather(&mut self, merchant: MerchantId, max: usize) -> Option<Run> {
        let lane = self.lanes.get_mut(&merchant)?;
        let Append { mut rows, mut head } = lane.queued.pop_front()?;
        while rows.len() < max {
            let Some(append) = lane.queued.pop_front() else { break };
            rows.extend(append.rows);
            head = append.head;
        }
        if !lane.queued.is_empty() {
            self.waiting.push_back(merchant);
        }
        lane.flying = true;
        let expects = rows.first().map(|row| row.follows)?;
        Some(Run { merchant, expects, rows, head: *head })
    }

    fn fly(&mut self, mut runs: Vec<Run>) -> Option<Effect> {
        if runs.is_empty() {
            return None;
        }
        runs.sort_by_key(|run| run.merchant);
        let batch = Arc::new(Batch { runs });
        self.flying = Some(Arc::clone(&batch));
        Some(Effect::Write(batch))
    }

    fn done(&mut self, commit: Commit) -> Vec<Effect> {
        let Some(batch) = self.flying.take() else { return vec![] };
        let runs = batch.runs.iter();
        match commit {
            Commit::Committed => runs.flat_map(|run| self.landed(run)).collect(),
            Commit::Conflict(merchants) => {
                let conflict = Trouble::Unavailable("another owner changed this merchant".into());
                self.cut(&batch, |run| {
                    merchants
                        .contains(&run.merchant)
                        .then(|| AppendFailure::NotDone(conflict.clone()))
                })
            }
            Commit::Refused(bad) => {
                let (seq, constraint) = (bad.seq, bad.constraint.clone());
                let mut effects = self.cut(&batch, |run| {
                    (run.merchant == bad.merchant)
                        .then(|| AppendFailure::Refused { seq, constraint: constraint.clone() })
                });
                effects.push(Effect::Alarm(bad));
                effects
            }
            Commit::NotDone(trouble) => runs
                .flat_map(|run| self.shut(run, AppendFailure::NotDone(trouble.clone())))
                .collect(),
            Commit::Doubt(_) => runs.flat_map(|run| self.shut(run, in_doubt(run))).collect(),
            Commit::Fatal(what) => {
                let mut effects = vec![Effect::Fatal(what)];
                effects.extend(runs.flat_map(|run| self.shut(run, in_doubt(run))));
                effects
            }
        }
    }

    /// Cuts a batch of which nothing was written between merchants: those at fault are shut, the others written again.
    fn cut(&mut self, batch: &Batch, fault: impl Fn(&Run) -> Option<AppendFailure>) -> Vec<Effect> {
        let mut effects = vec![];
        let mut again = vec![];
        for run in &batch.runs {
            match fault(run) {
                Some(failure) => effects.extend(self.shut(run, failure)),
                None => again.push(run.clone()),
            }
        }
        if again.len() == batch.runs.len() {
            let nobody =
                Trouble::Unavailable("the store blamed a merchant that is not in the batch".into());
            return again
                .iter()
                .flat_map(|run| self.shut(run, AppendFailure::NotDone(nobody.clone())))
                .collect();
        }
        if mutant::on(Mutant::BatchCutWrongly) {
            effects.extend(again.iter().flat_map(|run| self.landed(run)));
            return effects;
        }
        effects.extend(self.fly(again));
        effects
    }

    /// A run is durable.
    fn landed(&mut self, run: &Run) -> Vec<Effect> {
        let Some(lane) = self.lanes.get_mut(&run.merchant) else { return vec![] };
        lane.flying = false;
        let mut effects = vec![Effect::Committed(lane.owner, run.head.link.seq)];
        effects.extend(self.hand_over(run.merchant));
        effects
    }

    /// A run came to nothing, and with it everything its incarnation decided on top.
    fn shut(&mut self, run: &Run, failure: AppendFailure) -> Vec<Effect> {
        let Some(lane) = self.lanes.get_mut(&run.merchant) else { return vec![] };
        lane.flying = false;
        lane.shut = true;
        lane.queued.clear();
        let mut effects = vec![Effect::Failed(lane.owner, failure)];
        effects.extend(self.hand_over(run.merchant));
        effects
    }

    /// Lets the next incarnation in, when one waits; forgets the lane of one that is gone.
    fn hand_over(&mut self, merchant: MerchantId) -> Option<Effect> {
        let lane = self.lanes.get_mut(&merchant)?;
        if let Some(next) = lane.next {
            *lane = Lane::new(next);
            return Some(Effect::Opened(next));
        }
        if lane.closed {
            self.lanes.remove(&merchant);
        }
        None
    }
}

impl Lane {
    fn new(owner: Incarnation) -> Self {
        Self {
            owner,
            queued: VecDeque::new(),
            flying: false,
            shut: false,
            closed: false,
            next: None,
        }
    }
}

fn in_doubt(run: &Run) -> AppendFailure {
    AppendFailure::Doubt { through: run.head.link.seq }
}

fn superseded(incarnation: Incarnation) -> Effect {
    let trouble = Trouble::Unavailable("a newer incarnation owns this merchant".into());
    Effect::Failed(incarnation, AppendFailure::NotDone(trouble))
}
