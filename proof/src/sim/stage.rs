//! The stage: what is around the processes. Time, chance, the network, the store, the channel; and what is written down.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::hash::{DefaultHasher, Hash, Hasher};

use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::time::At;
use tally_actors::error::EngineError;
use tally_actors::pipeline::Outcome;

use super::channel::WeChat;
use super::fault::{Fault, Faults};
use super::item::{CallId, Item, Leg, Place};
use super::plan::Plan;
use super::returns::Returns;
use super::store::FaultyStore;
use super::timeline::Timeline;
use crate::auditor::Violation;
use crate::history::{Answer, Call, History, Request};
use crate::random::Random;

/// How often something happened: by group and kind.
pub type Counts = BTreeMap<(&'static str, &'static str), u64>;

/// Where an answer goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// A client.
    Client(usize),
    /// The payer of the process itself.
    Payer,
    /// Its refunder.
    Refunder,
}

/// A call that is not answered yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct Open {
    pub(super) origin: Origin,
    pub(super) place: Place,
}

pub(super) struct Stage {
    pub(super) random: Random,
    /// Virtual time in microseconds since the start.
    pub(super) now: u64,
    pub(super) step: u64,
    start: At,
    queue: BinaryHeap<Reverse<Due>>,
    pushed: u64,
    pub(super) faults: Faults,
    pace: super::plan::Pace,
    pub(super) store: FaultyStore,
    pub(super) wechat: WeChat,
    pub(super) returns: Returns,
    pub(super) open: BTreeMap<CallId, Open>,
    /// What a front door said, on its way.
    pub(super) said: BTreeMap<CallId, Result<Outcome, EngineError>>,
    /// A withdrawal may go out: the payers are woken.
    pub(super) payouts: bool,
    /// A refund may go out, or one was heard of: the refunders are woken.
    pub(super) refunds: bool,
    pub(super) history: History,
    pub(super) counts: Counts,
    pub(super) timeline: Timeline,
    pub(super) violations: Vec<Violation>,
    trace: DefaultHasher,
}

/// An item with when it is due. Of two at the same instant the one that was pushed first.
struct Due {
    at: u64,
    pushed: u64,
    item: Item,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.at, self.pushed).cmp(&(other.at, other.pushed))
    }
}

impl Stage {
    pub(super) fn new(plan: &Plan, timeline: Timeline) -> Self {
        let mut history = History::default();
        history.channel.refunds = Some(vec![]);
        Self {
            random: Random::new(plan.schedule),
            now: 0,
            step: 0,
            start: plan.start,
            queue: BinaryHeap::new(),
            pushed: 0,
            faults: plan.faults.clone(),
            pace: plan.pace.clone(),
            store: FaultyStore::new(plan.nodes > 1),
            wechat: WeChat::default(),
            returns: Returns::default(),
            open: BTreeMap::new(),
            said: BTreeMap::new(),
            payouts: false,
            refunds: false,
            history,
            counts: Counts::new(),
            timeline,
            violations: vec![],
            trace: DefaultHasher::new(),
        }
    }

    /// The time that a right clock shows.
    pub(super) fn true_time(&self) -> At {
        self.start.plus_ms(i64::try_from(self.now / 1_000).expect("a run takes days at the most"))
    }

    /// The next item: time goes on to when it is due.
    pub(super) fn next(&mut self) -> Option<Item> {
        let Reverse(Due { at, item, .. }) = self.queue.pop()?;
        self.now = self.now.max(at);
        self.step += 1;
        (self.now, item).hash(&mut self.trace);
        Some(item)
    }

    /// Has an item come up after so many microseconds.
    pub(super) fn at(&mut self, after: u64, item: Item) {
        self.pushed += 1;
        self.queue.push(Reverse(Due { at: self.now + after, pushed: self.pushed, item }));
    }

    /// Has an item come up after the time that such a thing takes.
    pub(super) fn after(&mut self, leg: Leg, item: Item) {
        let delay = self.pace.delay(leg, &mut self.random);
        self.at(delay, item);
    }

    /// Whether a fault strikes now; then it is counted.
    pub(super) fn strikes(&mut self, fault: Fault) -> bool {
        let strikes = self.faults.strikes(fault, &mut self.random);
        if strikes {
            self.count("fault", fault.name());
        }
        strikes
    }

    /// Counts something that happened.
    pub(super) fn count(&mut self, group: &'static str, kind: &'static str) {
        *self.counts.entry((group, kind)).or_default() += 1;
    }

    /// Writes a line of the timeline.
    pub(super) fn note(&mut self, who: impl std::fmt::Display, what: impl FnOnce() -> String) {
        let (step, now) = (self.step, self.now);
        self.timeline.note(step, now, who, what);
    }

    /// Something that must not be.
    pub(super) fn violated(&mut self, claim: &'static str, what: String) {
        self.note("!", || format!("{claim}: {what}"));
        self.violations.push(Violation { claim, what });
    }

    /// A call is asked: from here on it is history.
    pub(super) fn ask(&mut self, of: MerchantId, request: Request, open: Open) -> CallId {
        let call = CallId(self.history.calls.len());
        self.note(open.place, || {
            let who = match open.origin {
                Origin::Client(client) => format!("client {client}"),
                Origin::Payer => "payer".into(),
                Origin::Refunder => "refunder".into(),
            };
            format!("{call} {of} {who} asks: {request:?}")
        });
        let merchant = of.to_string();
        self.history.calls.push(Call { merchant, asked: self.step, request, answer: None });
        self.open.insert(call, open);
        call
    }

    /// A call is answered.
    pub(super) fn answered(&mut self, call: CallId, answer: Answer) {
        self.note("", || format!("{call} hears: {answer:?}"));
        self.count("answer", kind_of(&answer));
        self.history.calls[call.0].answer = Some((self.step, answer));
        self.open.remove(&call);
    }

    /// What the whole run comes to, in one number: another schedule has another.
    pub(super) fn trace(&self) -> u64 {
        self.trace.finish()
    }
}

fn kind_of(answer: &Answer) -> &'static str {
    match answer {
        Answer::Done { fresh: true, .. } => "done",
        Answer::Done { fresh: false, .. } => "repeat",
        Answer::Refused { .. } => "refused",
        Answer::NotDone => "not done",
        Answer::Unknown => "unknown",
    }
}
