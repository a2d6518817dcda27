//! The refunder of a process: a shell around the plan of each refund that is under way, as `actors/src/refunder/step.rs`,
//! without tasks.

use std::collections::BTreeMap;

use tally_actors::domain::command::{Answer, Command, RecordRefund, StartRefund};
use tally_actors::domain::refund::Refund;
use tally_actors::domain::refusal::Refusal;
use tally_actors::error::EngineError;
use tally_actors::gateway::RefundSent;
use tally_actors::payer::plan::Terms;
use tally_actors::pipeline::Outcome;
use tally_actors::ports::{Page, RefundUnderWay, Store};
use tally_actors::refunder::plan::{Next, Plan, Remembered};

use super::door::Message;
use super::item::{CallId, Item};
use super::memos::{self, Doing, Memos};
use super::plan::SECOND;
use super::process::Process;
use super::returns::{Heard, Number};
use super::stage::{Open, Origin, Stage};
use super::store::ready;
use crate::translate;

/// What the refunder remembers. Gone when the process dies.
pub(super) struct Refunder {
    memos: Memos<Number, Remembered>,
    /// Calls to the front door, with what they are for.
    calls: BTreeMap<CallId, InHand>,
    /// Refunds and questions at the channel, with what they are for.
    asked: BTreeMap<u64, InHand>,
    /// When it looks again, in microseconds. An earlier item that comes up is older than this plan.
    next: u64,
}

/// A refund in hand.
type InHand = memos::InHand<Number, Plan>;

impl Refunder {
    pub(super) fn new(gaps: &'static [u64]) -> Self {
        let (memos, calls, asked) = (Memos::new(gaps), BTreeMap::new(), BTreeMap::new());
        Self { memos, calls, asked, next: 0 }
    }
}

impl Process {
    /// Looks again after so many microseconds.
    pub(super) fn refunder_in(&mut self, after: u64, stage: &mut Stage) {
        self.refunder.next = stage.now + after;
        stage.at(after, Item::Refunder(self.place));
    }

    /// Takes in hand what is due, and looks again when the next is.
    pub(super) fn refunder_looks(&mut self, stage: &mut Stage) {
        if stage.now < self.refunder.next {
            return;
        }
        let page = Page { limit: u32::MAX, cursor: None };
        let under_way = ready(stage.store.inner.refunds_under_way(page))
            .expect("the store in memory can be listed")
            .items;
        let mut next: Option<u64> = None;
        for RefundUnderWay { merchant, refund } in under_way.into_iter().flatten() {
            let number = (merchant, refund.refund_no);
            if let Some(remembered) = self.refunder.memos.take(number, stage.now) {
                let now = self.clocks(stage);
                let (plan, next) = Plan::take(refund, remembered, Terms::open(), now);
                self.goes_on_with(number, plan, next, stage);
            }
            let due_at = self.refunder.memos.due_at(number);
            next = Some(next.map_or(due_at, |soonest| soonest.min(due_at)));
        }
        if let Some(due_at) = next {
            let wait = due_at.saturating_sub(stage.now).max(SECOND);
            self.refunder_in(wait, stage);
        }
    }

    /// Does what is next for a refund in hand.
    fn goes_on_with(&mut self, number: Number, plan: Plan, next: Next, stage: &mut Stage) {
        self.refunder.memos.remember(number, plan.remembered());
        let Refund { refund_no, order_no, tried_at: last_try, .. } = *plan.refund();
        match next {
            Next::Begin => {
                let begin = Command::StartRefund(StartRefund { refund_no, order_no, last_try });
                self.refunder_calls(InHand { number, plan, doing: Doing::Begin }, begin, stage);
            }
            Next::Record(outcome) => {
                let record = Command::RecordRefund(RecordRefund { refund_no, order_no, outcome });
                self.refunder_calls(InHand { number, plan, doing: Doing::Record }, record, stage);
            }
            Next::Send => {
                stage.count("refund", "sent");
                let asked = stage.pay_back(self.place, number.0, &plan.outgoing());
                self.refunder.asked.insert(asked, InHand { number, plan, doing: Doing::Send });
            }
            Next::Ask => {
                let doing = Doing::Ask(plan.asks(self.clocks(stage)));
                let asked = stage.ask_refund(self.place, number.0, plan.refund());
                self.refunder.asked.insert(asked, InHand { number, plan, doing });
            }
            Next::Rest => self.refunder.memos.rests(number),
        }
    }

    fn refunder_calls(&mut self, in_hand: InHand, command: Command, stage: &mut Stage) {
        let of = in_hand.number.0;
        let open = Open { origin: Origin::Refunder, place: self.place };
        let call = stage.ask(of, translate::request(&command), open);
        self.refunder.calls.insert(call, in_hand);
        let asked = self.now(stage).into();
        self.receive(call, Message { of, command, asked }, stage);
    }

    /// The front door answered.
    pub(super) fn refunder_hears(
        &mut self,
        call: CallId,
        said: Result<Outcome, EngineError>,
        stage: &mut Stage,
    ) {
        let Some(InHand { number, mut plan, doing }) = self.refunder.calls.remove(&call) else {
            return;
        };
        if let Err(EngineError::Refused(Refusal::RefundTooSoon(until))) = &said {
            let wait = until.ms().saturating_sub(self.now(stage).ms()).max(0).unsigned_abs();
            self.refunder.memos.begins_anew(number, stage.now + wait * 1_000);
        }
        let made = match said {
            Ok(Outcome { answer: Answer::Refund(made), .. }) => Some(*made),
            Ok(_) | Err(_) => None,
        };
        let next = match doing {
            Doing::Begin => plan.begun(made, self.clocks(stage)),
            Doing::Record => plan.recorded(made, self.clocks(stage)),
            Doing::Send | Doing::Ask(_) => Next::Rest,
        };
        self.goes_on_with(number, plan, next, stage);
    }

    /// The channel answered, or did not in time.
    pub(super) fn refund_told(&mut self, asked: u64, stage: &mut Stage) {
        let Some(InHand { number, mut plan, doing }) = self.refunder.asked.remove(&asked) else {
            return;
        };
        let next = match (doing, stage.refund_said(asked)) {
            (Doing::Send, Some(Heard::Sent(sent))) => {
                if sent == RefundSent::Taken {
                    let memos = &mut self.refunder.memos;
                    memos.begins_anew(number, stage.now + memos.first_gap());
                }
                plan.sent(sent)
            }
            (Doing::Ask(asked_at), Some(Heard::Standing(standing))) => {
                plan.stands(asked_at, standing, self.clocks(stage))
            }
            (_, _) => Next::Rest,
        };
        self.goes_on_with(number, plan, next, stage);
    }
}
