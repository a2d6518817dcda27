//! What holds for any history of any commands, whatever the clock does. [`Driven`] checks the most of it at every step: a
//! decision is a function of account, command and the message's time; what was decided applies; Σ debit = Σ credit; the ledger and the
//! stored bytes lead to the head; no money comes or goes.

use std::collections::HashMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::steps::{Step, step};
use super::sums::records_add_up;
use super::*;
use crate::domain::books::Record;
use crate::domain::command::RefundOutcome;
use crate::domain::ids::OrderNo;
use crate::domain::refund::{RefundSource, RefundStatus};
use crate::domain::restored::Restored;
use crate::domain::time::Day;
use crate::domain::withdrawal::WithdrawalRequest;

/// A merchant about whom much is agreed.
fn strict(payout_method: PayoutMethod) -> Rules {
    Rules {
        payout_method: Some(payout_method),
        approval_over_fen: Some(fen(300)),
        daily_max_fen: Some(fen(2_000)),
        payout_openid: Some("o1".into()),
        ..Rules::new("a shop")
    }
}

fn method() -> impl Strategy<Value = PayoutMethod> {
    prop::sample::select(vec![PayoutMethod::Wechat, PayoutMethod::Manual])
}

/// A history, with what was accepted in it and stays accepted.
struct History {
    m: Driven,
    accepted: Vec<(Command, String)>,
    /// How many numbers were made for callers' keys.
    made: usize,
}

impl History {
    fn of(m: Driven, steps: &[Step]) -> Self {
        let mut history = Self { m, accepted: vec![], made: 0 };
        steps.iter().for_each(|step| history.take(step));
        (0..history.accepted.len()).for_each(|n| history.again(n));
        history
    }

    fn take(&mut self, step: &Step) {
        let one = |index: &prop::sample::Index, of: &[_]| {
            let of: &[(Command, String)] = of;
            (!of.is_empty()).then(|| index.index(of.len()))
        };
        match step {
            Step::Wait(ms) => self.m.now = self.m.now.plus_ms(*ms),
            Step::Restored(frozen) => {
                let (at, frozen) = (self.m.now, *frozen);
                self.m.restored = Some(Restored { since: at, at, frozen });
            }
            Step::Again(index) => {
                if let Some(n) = one(index, &self.accepted) {
                    self.again(n);
                }
            }
            Step::Contradict(index) => {
                if let Some(n) = one(index, &self.accepted) {
                    self.contradict(n);
                }
            }
            Step::Ask(draft) => {
                let command = self.numbered(&draft.command(&self.m));
                let before = self.m.account.link();
                match self.m.ask(&command) {
                    Err(_) => assert_eq!(self.m.account.link(), before, "{command:?} was refused"),
                    Ok(answer) => self.accept(command, &answer),
                }
            }
        }
    }

    /// Asks once more at once. If the answer can't change any more, it is asked for later as well.
    fn accept(&mut self, command: Command, answer: &Answer) {
        if matches!(command, Command::StartSending(_) | Command::StartRefund(_)) {
            return; // each is a try of its own
        }
        let after = self.m.account.link();
        self.m.ask(&command).unwrap_or_else(|refusal| panic!("{command:?} again: {refusal}"));
        assert_eq!(self.m.account.link(), after, "{command:?} again");
        if let Some(about) = for_ever(&command, answer) {
            self.accepted.push((command, about));
        }
    }

    /// A repeat is a success that records nothing and is about the same thing, also under a number that was made anew for
    /// the caller's key.
    fn again(&mut self, n: usize) {
        let (command, about) = self.accepted[n].clone();
        let before = self.m.account.link();
        let repeat = self.numbered(&command);
        let answer = self.m.ask(&repeat);
        let answer = answer.unwrap_or_else(|refusal| panic!("{command:?} again: {refusal}"));
        assert_eq!(for_ever(&command, &answer), Some(about), "{command:?} again");
        assert_eq!(self.m.account.link(), before, "{command:?} again");
    }

    /// The same command as the front door sends it for a call of its own.
    fn numbered(&mut self, command: &Command) -> Command {
        self.made += 1;
        let mut command = command.clone();
        command.number_anew(&format!("made{}", self.made));
        if let Command::Stand(stand) = &mut command {
            stand.seen = Some(self.m.account.link().seq);
        }
        command
    }

    fn contradict(&mut self, n: usize) {
        let Some(other) = other_content(&self.accepted[n].0) else { return };
        let before = self.m.account.link();
        let answer = self.m.ask(&other);
        assert!(answer.is_err(), "{other:?} after {:?}: {answer:?}", self.accepted[n].0);
        assert_eq!(self.m.account.link(), before);
    }
}

/// What an answer is about, for the commands whose repeats succeed whatever has happened since.
fn for_ever(command: &Command, answer: &Answer) -> Option<String> {
    match (command, answer) {
        (Command::OpenOrder(_), Answer::Order(order)) => Some(order.order_no.to_string()),
        (Command::Pay(pay), Answer::Payment(Booking::Credited, Some(order))) => {
            let payment = order.payment.as_ref().expect("it is credited");
            assert_eq!(payment.transaction_id, pay.transaction_id);
            Some(format!("{}: {}", order.order_no, payment.paid_seq))
        }
        (Command::Settle(_), Answer::Settlement(Some(made))) => {
            Some(format!("{}: {:?}", made.settlement_no, made.moved))
        }
        (Command::Withdraw(_) | Command::Adopt(_), Answer::Withdrawal(withdrawal)) => {
            Some(format!("{}: {}", withdrawal.withdrawal_no, withdrawal.amount))
        }
        (
            Command::Approve(_) | Command::Reject(_) | Command::Confirm(_),
            Answer::Withdrawal(withdrawal),
        ) => Some(withdrawal.withdrawal_no.to_string()),
        (Command::RecordTransfer(record), Answer::Withdrawal(withdrawal)) => {
            let said = match record.outcome {
                TransferOutcome::Succeeded(_) => WithdrawalStatus::Succeeded,
                TransferOutcome::Failed(_) | TransferOutcome::NotFound(_) => {
                    WithdrawalStatus::Failed
                }
                TransferOutcome::Unknown(_) => return None,
            };
            (withdrawal.status == said).then(|| format!("{} {said:?}", withdrawal.withdrawal_no))
        }
        (Command::RaiseCase(_) | Command::ResolveCase(_), Answer::Case(case)) => {
            Some(case.case_id.to_string())
        }
        (
            Command::RequestAdjustment(_) | Command::DecideAdjustment(_),
            Answer::Adjustment(made),
        ) => Some(made.adjustment_no.to_string()),
        (Command::RequestRefund(_), Answer::Refund(refund)) => {
            Some(format!("{}: {}", refund.refund_no, refund.amount))
        }
        (Command::RecordRefund(record), Answer::Refund(refund)) => {
            let said = match record.outcome {
                RefundOutcome::Succeeded { .. } => RefundStatus::Succeeded,
                RefundOutcome::Closed(_) | RefundOutcome::NotFound(_) => RefundStatus::Failed,
                RefundOutcome::Postponed { .. }
                | RefundOutcome::Unknown(_)
                | RefundOutcome::Stuck(_) => return None,
            };
            (refund.status == said).then(|| format!("{} {said:?}", refund.refund_no))
        }
        _ => None,
    }
}

/// The same number or key with content that it must not have.
fn other_content(command: &Command) -> Option<Command> {
    let mut command = command.clone();
    match &mut command {
        Command::OpenOrder(open) => open.amount = open.amount.plus(fen(1))?,
        Command::Settle(settle) => settle.include_not_due ^= true,
        Command::Withdraw(withdraw) => {
            let WithdrawalRequest { amount, settle_first } = withdraw.request;
            withdraw.request = WithdrawalRequest { amount, settle_first: !settle_first };
        }
        Command::Adopt(adopt) => adopt.amount = adopt.amount.plus(fen(1))?,
        Command::Approve(review) => return Some(Command::Reject(review.clone())),
        Command::Reject(review) => return Some(Command::Approve(review.clone())),
        Command::Confirm(confirm) => confirm.succeeded ^= true,
        Command::Attest(attest) => attest.succeeded ^= true,
        Command::PutInRun(put) => put.run_no = "R9999".parse().unwrap(),
        Command::RecordTransfer(record) => {
            record.outcome = match &record.outcome {
                TransferOutcome::Succeeded(_) => TransferOutcome::Failed("late".into()),
                TransferOutcome::Failed(_) | TransferOutcome::NotFound(_) => {
                    TransferOutcome::Succeeded("late".into())
                }
                TransferOutcome::Unknown(_) => return None,
            };
        }
        Command::RequestAdjustment(request) => request.amount = request.amount.plus(fen(1))?,
        Command::DecideAdjustment(decide) => decide.approve ^= true,
        Command::RequestRefund(refund) => refund.amount = refund.amount.plus(fen(1))?,
        Command::RecordRefund(record) => {
            let (refund_id, amount) = ("late".into(), fen(1));
            record.outcome = match &record.outcome {
                RefundOutcome::Succeeded { .. } => RefundOutcome::Closed("late".into()),
                RefundOutcome::Closed(_) | RefundOutcome::NotFound(_) => {
                    RefundOutcome::Succeeded { refund_id, amount, booked: None }
                }
                RefundOutcome::Postponed { .. }
                | RefundOutcome::Unknown(_)
                | RefundOutcome::Stuck(_) => return None,
            };
        }
        Command::Register(_)
        | Command::NoticeRefund(_)
        | Command::StartRefund(_)
        | Command::ChangeRules(_)
        | Command::Read
        | Command::RecordPrepay(_)
        | Command::Pay(_)
        | Command::StartClosing(_)
        | Command::CloseOrder(_)
        | Command::StartSending(_)
        | Command::RaiseCase(_)
        | Command::Stand(_)
        | Command::ResolveCase(_)
        | Command::Panic => return None,
    }
    Some(command)
}

/// What is pending of an order: its day, its `paid_seq`, what was booked, refunded and kept as fee.
type Share = (Option<Day>, u64, i128, i128, i128);

/// Every settlement moved exactly the paid orders that the rule of `design.md` 3.4 gives it, less what was refunded of them
/// before; and no refund takes from pending what is settled.
#[allow(clippy::wildcard_enum_match_arm, reason = "most events move nothing that is pending")]
fn settlements_are_a_partition(events: &[Event]) {
    let mut pending: HashMap<OrderNo, Share> = HashMap::new();
    for event in events {
        let change = match event {
            Event::OrderPaid { order_no, booked, fee, paid_seq, settle_on, .. } => {
                let share = (*settle_on, *paid_seq, of(*booked), 0, of(*fee));
                pending.insert(*order_no, share);
                None
            }
            Event::RefundRequested { order_no, booked, fee, source, .. }
            | Event::RefundFound { order_no, booked, fee, source, .. } => {
                Some((order_no, source, of(*booked), of(*fee)))
            }
            Event::RefundFailed { order_no, booked, fee, to, .. } => {
                Some((order_no, to, -of(*booked), -of(*fee)))
            }
            Event::RefundSucceeded {
                order_no,
                booked,
                booked_now,
                order_fee,
                order_fee_now,
                source,
                ..
            } => {
                let fee = of(*order_fee) - of(*order_fee_now);
                Some((order_no, source, of(*booked_now) - of(*booked), fee))
            }
            Event::Settled { through, moved, .. } => {
                let due = |share: &Share| share.0 <= Some(*through);
                let mut sums = (0, 0, 0, 0);
                pending.retain(|_, share| {
                    if due(share) {
                        assert!(share.1 <= moved.last_paid_seq);
                        let (orders, gross, refunded, fee) = sums;
                        sums = (orders + 1, gross + share.2, refunded + share.3, fee + share.4);
                    }
                    !due(share)
                });
                let moved = (moved.orders, of(moved.gross), of(moved.refunded), of(moved.fee));
                assert_eq!(sums, moved);
                None
            }
            _ => None,
        };
        if let Some((order_no, RefundSource::Pending(day), booked, fee)) = change {
            if (booked, fee) == (0, 0) {
                continue; // it changes nothing, wherever it says that it does
            }
            let share = pending.get_mut(order_no).expect("only what is not settled is pending");
            assert_eq!(share.0, *day);
            share.3 += booked;
            share.4 -= fee;
        }
    }
}

fn of(money: Money) -> i128 {
    i128::from(money.fen())
}

/// What refunds make of orders and of the head, from the records alone.
fn refunds_add_up(m: &Driven, records: &HashMap<Key, Record>) {
    let mut of_orders: HashMap<OrderNo, (i128, i128)> = HashMap::new();
    let (mut refunded, mut fee) = (0, 0);
    for record in records.values() {
        if let Record::Refund(refund) = record
            && refund.status != RefundStatus::Failed
            && refund.source != RefundSource::Suspense
        {
            let sums = of_orders.entry(refund.order_no).or_default();
            sums.0 += if refund.is_hearsay() { 0 } else { of(refund.amount) };
            sums.1 += of(refund.booked);
            refunded += of(refund.booked);
        } else if let Record::Order(order) = record {
            fee += of(order.fee());
        }
    }
    for record in records.values() {
        let Record::Order(order) = record else { continue };
        let sums = of_orders.get(&order.order_no).copied().unwrap_or_default();
        assert_eq!(sums, (of(order.refunded), of(order.refunded_booked)));
    }
    let head = m.account.head().unwrap();
    assert_eq!((refunded, fee), (of(head.refunded), of(head.fee)));
    // Each order is in one settlement or in pending, and brings there what it says.
    let (mut brought, mut settled) = (0, of(head.pending()));
    for record in records.values() {
        match record {
            Record::Order(order) => brought += order.settled().map_or(0, |fen| fen.fen().into()),
            Record::Settlement(made) => settled += of(made.moved.net().unwrap()),
            Record::Number(_)
            | Record::Transaction(_)
            | Record::Withdrawal(_)
            | Record::Refund(_)
            | Record::Case(_)
            | Record::InRun(_)
            | Record::Held(_)
            | Record::Adjustment(_) => {}
        }
    }
    assert_eq!(brought, settled);
}

proptest! {
    #[test]
    fn any_history_keeps_the_books_right_and_a_repeat_records_nothing(method in method(), steps in vec(step(), 1..200)) {
        let history = History::of(Driven::new(strict(method)), &steps);
        let records = history.m.replayed_records();
        let live: HashMap<Key, Record> =
            history.m.account.books().records().map(|(key, record)| (*key, record.clone())).collect();
        prop_assert_eq!(&live, &records);
        settlements_are_a_partition(&history.m.events());
        refunds_add_up(&history.m, &records);
        records_add_up(&history.m, &records);
    }

    /// Amounts add up to what a column can just hold, or are refused.
    #[test]
    fn no_sum_overflows(method in method(), left in 0..2_000_u64, steps in vec(step(), 1..100)) {
        let took = Money::from_fen(Money::MAX.fen() - left).unwrap();
        History::of(Driven::rich(strict(method), took), &steps);
    }
}
