//! The payer of a process: a shell around the plan of each withdrawal by WeChat that is under way, as
//! `actors/src/payer/step.rs`, without tasks.

use std::collections::BTreeMap;
use std::time::Duration;

use tally_actors::domain::command::{Answer, Command, RecordTransfer, StartSending};
use tally_actors::error::EngineError;
use tally_actors::payer::plan::{Clocks, Next, Plan, Remembered, Terms};
use tally_actors::pipeline::Outcome;
use tally_actors::ports::{Page, Store, WithdrawalUnderWay};

use super::channel::{Heard, Number};
use super::door::Message;
use super::item::{CallId, Item};
use super::memos::{self, Doing, Memos};
use super::plan::SECOND;
use super::process::Process;
use super::stage::{Open, Origin, Stage};
use super::store::ready;
use crate::translate;

/// What the payer remembers. Gone when the process dies.
pub(super) struct Payer {
    memos: Memos<Number, Remembered>,
    /// Calls to the front door, with what they are for.
    calls: BTreeMap<CallId, InHand>,
    /// Orders and questions at the channel, with what they are for.
    asked: BTreeMap<u64, InHand>,
    /// When it looks again, in microseconds. An earlier item that comes up is older than this plan.
    next: u64,
}

/// A withdrawal in hand.
type InHand = memos::InHand<Number, Plan>;

impl Payer {
    pub(super) fn new(gaps: &'static [u64]) -> Self {
        let (memos, calls, asked) = (Memos::new(gaps), BTreeMap::new(), BTreeMap::new());
        Self { memos, calls, asked, next: 0 }
    }
}

impl Process {
    /// Looks again after so many microseconds.
    pub(super) fn payer_in(&mut self, after: u64, stage: &mut Stage) {
        self.payer.next = stage.now + after;
        stage.at(after, Item::Payer(self.place));
    }

    /// Takes in hand what is due, and looks again when the next is.
    pub(super) fn payer_looks(&mut self, stage: &mut Stage) {
        if stage.now < self.payer.next {
            return;
        }
        let page = Page { limit: u32::MAX, cursor: None };
        let under_way = ready(stage.store.inner.withdrawals_under_way(page))
            .expect("the store in memory can be listed")
            .items;
        let mut next: Option<u64> = None;
        for WithdrawalUnderWay { merchant, withdrawal } in under_way.into_iter().flatten() {
            let number = (merchant, withdrawal.withdrawal_no);
            if let Some(remembered) = self.payer.memos.take(number, stage.now) {
                let now = self.clocks(stage);
                let (plan, next) = Plan::take(withdrawal, remembered, Terms::open(), now);
                self.does(number, plan, next, stage);
            }
            let due_at = self.payer.memos.due_at(number);
            next = Some(next.map_or(due_at, |soonest| soonest.min(due_at)));
        }
        if let Some(due_at) = next {
            let wait = due_at.saturating_sub(stage.now).max(SECOND);
            self.payer_in(wait, stage);
        }
    }

    /// Does what is next for a withdrawal in hand.
    fn does(&mut self, number: Number, plan: Plan, next: Next, stage: &mut Stage) {
        self.payer.memos.remember(number, plan.remembered());
        let withdrawal_no = number.1;
        match next {
            Next::Begin => {
                stage.orders(number);
                let last_try = plan.withdrawal().tried_at;
                let begin = Command::StartSending(StartSending { withdrawal_no, last_try });
                self.calls_for(InHand { number, plan, doing: Doing::Begin }, begin, stage);
            }
            Next::Record(outcome) => {
                let record = Command::RecordTransfer(RecordTransfer { withdrawal_no, outcome });
                self.calls_for(InHand { number, plan, doing: Doing::Record }, record, stage);
            }
            Next::Send => {
                stage.count("transfer", "sent");
                let asked = stage.transfer(self.place, number, plan.withdrawal().amount);
                self.payer.asked.insert(asked, InHand { number, plan, doing: Doing::Send });
            }
            Next::Ask => {
                let doing = Doing::Ask(plan.asks(self.clocks(stage)));
                let asked = stage.query(self.place, number);
                self.payer.asked.insert(asked, InHand { number, plan, doing });
            }
            Next::Rest => self.payer.memos.rests(number),
        }
    }

    pub(super) fn clocks(&self, stage: &Stage) -> Clocks {
        Clocks { wall: self.now(stage), steady: Duration::from_micros(stage.now) }
    }

    fn calls_for(&mut self, in_hand: InHand, command: Command, stage: &mut Stage) {
        let of = in_hand.number.0;
        let open = Open { origin: Origin::Payer, place: self.place };
        let call = stage.ask(of, translate::request(&command), open);
        self.payer.calls.insert(call, in_hand);
        let asked = self.now(stage).into();
        self.receive(call, Message { of, command, asked }, stage);
    }

    /// The front door answered.
    pub(super) fn payer_hears(
        &mut self,
        call: CallId,
        said: Result<Outcome, EngineError>,
        stage: &mut Stage,
    ) {
        let Some(InHand { number, mut plan, doing }) = self.payer.calls.remove(&call) else {
            return;
        };
        let made = match said {
            Ok(Outcome { answer: Answer::Withdrawal(made), .. }) => Some(*made),
            Ok(_) | Err(_) => None,
        };
        let next = match doing {
            Doing::Begin => plan.begun(made, self.clocks(stage)),
            Doing::Record => plan.recorded(made, self.clocks(stage)),
            Doing::Send | Doing::Ask(_) => Next::Rest,
        };
        self.does(number, plan, next, stage);
    }

    /// The channel answered, or did not in time.
    pub(super) fn channel_answers(&mut self, asked: u64, stage: &mut Stage) {
        let Some(InHand { number, mut plan, doing }) = self.payer.asked.remove(&asked) else {
            return;
        };
        let next = match (doing, stage.channel_said(asked)) {
            (Doing::Send, Some(Heard::Sent(sent))) => plan.sent(sent),
            (Doing::Ask(asked_at), Some(Heard::Standing(standing))) => {
                plan.stands(asked_at, standing, self.clocks(stage))
            }
            (_, _) => Next::Rest,
        };
        self.does(number, plan, next, stage);
    }
}
