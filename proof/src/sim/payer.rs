//! The payer of a process, as `actors/src/payer/step.rs`: what is due for each withdrawal by WeChat that is under way.

use std::collections::BTreeMap;

use tally_actors::domain::command::{
    Answer, Command, RecordTransfer, StartSending, TransferOutcome,
};
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use tally_actors::error::EngineError;
use tally_actors::gateway::{Sent, TransferStanding};
use tally_actors::limits::{RESENDS_MAX, SEND_WITHIN_MS};
use tally_actors::pipeline::Outcome;
use tally_actors::ports::{Page, Store, WithdrawalUnderWay};

use super::channel::{Heard, Number};
use super::door::Message;
use super::item::{CallId, Item};
use super::process::Process;
use super::stage::{Open, Origin, Stage};
use super::store::ready;
use crate::translate;

/// When the channel is asked again: the gaps between the steps of the ladder, in milliseconds; the last repeats.
const GAPS: &[i64] = &[2_000, 8_000, 20_000, 30_000, 240_000, 600_000];

/// What the payer remembers. Gone when the process dies.
#[derive(Default)]
pub(super) struct Payer {
    memos: BTreeMap<Number, Memo>,
    /// Calls to the front door, with what they are for.
    calls: BTreeMap<CallId, (Number, Doing)>,
    /// Orders and questions at the channel, with what they are for.
    asked: BTreeMap<u64, (Number, Doing)>,
    /// When it looks again, in microseconds. An earlier item that comes up is older than this plan.
    next: u64,
}

#[derive(Default)]
struct Memo {
    due_at: At,
    climbed: usize,
    moved_nothing: bool,
    resends: u32,
    in_hand: bool,
}

/// What is being done for a withdrawal.
enum Doing {
    /// `sending` is being made durable; since when.
    Start(u64),
    /// The transfer is out.
    Send,
    /// The channel is asked; when that began.
    Ask(WithdrawalStatus, At),
    /// An outcome is being recorded.
    Record,
    /// That the channel does not know it is being recorded.
    RecordMissing,
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
        let now = self.now(stage);
        let mut next: Option<i64> = None;
        for WithdrawalUnderWay { merchant, withdrawal } in under_way {
            let number = (merchant, withdrawal.withdrawal_no);
            let memo = self.payer.memos.entry(number).or_default();
            if !memo.in_hand && now >= memo.due_at {
                let gap = GAPS[memo.climbed.min(GAPS.len() - 1)];
                memo.climbed += 1;
                memo.due_at = now.plus_ms(gap);
                memo.in_hand = true;
                self.begin(number, withdrawal, stage);
            }
            let wait = self.payer.memos[&number].due_at.ms() - now.ms();
            next = Some(next.map_or(wait, |soonest| soonest.min(wait)));
        }
        if let Some(wait) = next {
            let wait = u64::try_from(wait.clamp(1_000, 600_000)).expect("clamped");
            self.payer_in(wait * 1_000, stage);
        }
    }

    fn begin(&mut self, number: Number, read: Withdrawal, stage: &mut Stage) {
        if read.status == WithdrawalStatus::Requested {
            self.start_sending(number, &read, stage);
        } else {
            let asked_at = self.now(stage);
            let asked = stage.query(self.place, number);
            self.payer.asked.insert(asked, (number, Doing::Ask(read.status, asked_at)));
        }
    }

    fn start_sending(&mut self, number: Number, read: &Withdrawal, stage: &mut Stage) {
        let (withdrawal_no, last_try) = (read.withdrawal_no, read.tried_at);
        let start = Command::StartSending(StartSending { withdrawal_no, last_try });
        self.call_for(number, start, Doing::Start(stage.now), stage);
    }

    fn record(&mut self, number: Number, outcome: TransferOutcome, stage: &mut Stage) {
        let doing = match outcome {
            TransferOutcome::NotFound(_) => Doing::RecordMissing,
            TransferOutcome::Succeeded(_)
            | TransferOutcome::Failed(_)
            | TransferOutcome::Unknown(_) => Doing::Record,
        };
        let record = Command::RecordTransfer(RecordTransfer { withdrawal_no: number.1, outcome });
        self.call_for(number, record, doing, stage);
    }

    fn call_for(&mut self, number: Number, command: Command, doing: Doing, stage: &mut Stage) {
        let open = Open { origin: Origin::Payer, place: self.place };
        let call = stage.ask(number.0, translate::request(&command), open);
        self.payer.calls.insert(call, (number, doing));
        let asked = self.now(stage).into();
        self.receive(call, Message { of: number.0, command, asked }, stage);
    }

    /// The front door answered.
    pub(super) fn payer_hears(
        &mut self,
        call: CallId,
        said: Result<Outcome, EngineError>,
        stage: &mut Stage,
    ) {
        let Some((number, doing)) = self.payer.calls.remove(&call) else { return };
        let made = match said {
            Ok(Outcome { answer: Answer::Withdrawal(made), .. }) => Some(*made),
            Ok(_) | Err(_) => None,
        };
        match (doing, made) {
            (Doing::Start(began), Some(started)) => {
                self.send_transfer(number, started, began, stage)
            }
            (Doing::RecordMissing, Some(after)) => {
                let memo = self.payer.memos.entry(number).or_default();
                if !after.status.is_final() && memo.moved_nothing && memo.resends < RESENDS_MAX {
                    memo.resends += 1;
                    return self.start_sending(number, &after, stage);
                }
                self.let_go(number);
            }
            (Doing::Start(_) | Doing::Record | Doing::RecordMissing, _)
            | (Doing::Send | Doing::Ask(..), _) => self.let_go(number),
        }
    }

    fn send_transfer(
        &mut self,
        number: Number,
        started: Withdrawal,
        began: u64,
        stage: &mut Stage,
    ) {
        let within = u64::try_from(SEND_WITHIN_MS).expect("ten seconds") * 1_000;
        let tried_at = started.tried_at.unwrap_or_default();
        if self.now(stage) > tried_at.plus_ms(SEND_WITHIN_MS) || stage.now - began > within {
            stage.count("transfer", "too late to send");
            return self.sent(number, Sent::Refused("it was not sent".into()), stage);
        }
        stage.count("transfer", "sent");
        let asked = stage.transfer(self.place, number, started.amount);
        self.payer.asked.insert(asked, (number, Doing::Send));
    }

    fn sent(&mut self, number: Number, sent: Sent, stage: &mut Stage) {
        let memo = self.payer.memos.entry(number).or_default();
        let outcome = match sent {
            Sent::Paid(reference) => TransferOutcome::Succeeded(reference),
            Sent::Refused(why) => {
                memo.moved_nothing = true;
                TransferOutcome::Unknown(why)
            }
            Sent::Unknown(why) => {
                memo.moved_nothing = false;
                TransferOutcome::Unknown(why)
            }
        };
        self.record(number, outcome, stage);
    }

    /// The channel answered, or did not in time.
    pub(super) fn channel_answers(&mut self, asked: u64, stage: &mut Stage) {
        let Some((number, doing)) = self.payer.asked.remove(&asked) else { return };
        match (doing, stage.channel_said(asked)) {
            (Doing::Send, Some(Heard::Sent(sent))) => self.sent(number, sent, stage),
            (Doing::Ask(status, asked_at), Some(Heard::Standing(standing))) => {
                match told(status, standing, asked_at) {
                    Some(outcome) => self.record(number, outcome, stage),
                    None => self.let_go(number),
                }
            }
            (_, _) => self.let_go(number),
        }
    }

    fn let_go(&mut self, number: Number) {
        if let Some(memo) = self.payer.memos.get_mut(&number) {
            memo.in_hand = false;
        }
    }
}

/// What is recorded of an answer; `None`: it is no news.
fn told(
    status: WithdrawalStatus,
    standing: TransferStanding,
    asked_at: At,
) -> Option<TransferOutcome> {
    let outcome = match standing {
        TransferStanding::Paid { reference, .. } => TransferOutcome::Succeeded(reference),
        TransferStanding::Failed(why) => TransferOutcome::Failed(why),
        TransferStanding::Missing => TransferOutcome::NotFound(asked_at),
        TransferStanding::Processing => TransferOutcome::Unknown("it is under way".into()),
        TransferStanding::Unknown(why) => TransferOutcome::Unknown(why),
    };
    let news = status == WithdrawalStatus::Sending;
    (news || !matches!(outcome, TransferOutcome::Unknown(_))).then_some(outcome)
}
