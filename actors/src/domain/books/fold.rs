//! How events make and change records.

mod adjustments;
mod refunds;

use super::super::case::{Case, Remedy, Resolution, Suspense};
use super::super::chain::Seq;
use super::super::event::{Event, Stamped};
use super::super::head::Broken;
use super::super::ids::{CaseId, IdempotencyKey, KeyId, OrderNo, WithdrawalNo};
use super::super::money::{Balance, Money};
use super::super::order::{Order, OrderStatus, Payment, Prepay};
use super::super::refund::RefundStatus;
use super::super::rules::PayoutMethod;
use super::super::settlement::Settlement;
use super::super::time::At;
use super::super::withdrawal::{Withdrawal, WithdrawalStatus};
use super::{Books, Key, Numbered, Record, Route};
use crate::mutant::lax;

impl Books {
    /// Applies an event at its place in the journal. What it changes must be at hand.
    pub fn apply(&mut self, seq: Seq, stamped: &Stamped) -> Result<(), Broken> {
        self.fold(seq, stamped).ok_or(Broken(stamped.event.kind()))
    }

    fn fold(&mut self, seq: Seq, Stamped { at, event, .. }: &Stamped) -> Option<()> {
        match event {
            Event::MerchantRegistered { .. }
            | Event::RulesChanged { .. }
            | Event::WithdrawalAttested { .. }
            | Event::StandingChanged { .. } => Some(()),
            Event::OrderOpened { .. } => self.open(seq, *at, event),
            Event::OrderPrepaid { order_no, prepay_id } => {
                let (prepay_id, at) = (prepay_id.clone(), *at);
                self.order_mut(order_no)?.prepay = Some(Prepay { prepay_id, at });
                Some(())
            }
            Event::OrderPaid { order_no, transaction_id, .. } => {
                let order =
                    self.order_mut(order_no).filter(|order| order.payment.is_none() || lax())?;
                order.status = OrderStatus::Paid;
                order.payment = Some(paid(event)?);
                self.insert(Key::Transaction(*transaction_id), Record::Transaction(*order_no))
            }
            Event::OrderClosing { order_no } => {
                self.open_order_mut(order_no)?.closing_at = Some(*at);
                Some(())
            }
            Event::OrderClosed { order_no } => self.close(order_no, *at),
            Event::Settled { settlement_no, idempotency_key, .. } => {
                let number = Numbered::Settlement(*settlement_no);
                self.insert_number(Route::Settlements, *idempotency_key, number)?;
                let made = Record::Settlement(Box::new(settled(seq, *at, event)?));
                self.insert(Key::Settlement(*settlement_no), made)
            }
            Event::CaseOpened { case } => self.insert_case(Case::of_payment(case, seq, *at)),
            Event::CaseRaised { case } => self.insert_case(Case::raised(case, seq, *at)),
            Event::SuspenseReleased { case_id, amount, .. } => self.release(case_id, *amount),
            Event::AdjustmentRequested { .. } => self.fold_adjustment(seq, *at, event),
            Event::AdjustmentApproved { .. } | Event::AdjustmentRejected { .. } => {
                self.fold_adjusted(*at, event)
            }
            Event::CaseResolved { case_id, .. } => self.resolve(case_id, resolution(*at, event)?),
            Event::WithdrawalRequested { withdrawal_no, idempotency_key, .. } => {
                let number = Numbered::Withdrawal(*withdrawal_no);
                self.insert_number(Route::Withdrawals, *idempotency_key, number)?;
                let withdrawal = Box::new(requested(seq, *at, event)?);
                self.insert(Key::Withdrawal(*withdrawal_no), Record::Withdrawal(withdrawal))
            }
            Event::WithdrawalApproved { .. }
            | Event::WithdrawalRejected { .. }
            | Event::WithdrawalSending { .. }
            | Event::WithdrawalUnknown { .. }
            | Event::WithdrawalSucceeded { .. }
            | Event::WithdrawalFailed { .. } => self.fold_withdrawal(*at, event),
            Event::RefundRequested { .. } | Event::RefundNoticed { .. } => {
                self.fold_refund_begun(seq, *at, event)
            }
            Event::RefundSending { refund_no, order_no } => {
                self.fold_refund_sending(*at, refund_no, order_no)
            }
            Event::RefundPostponed { refund_no, reason, .. } => {
                self.fold_refund_told(refund_no, RefundStatus::Requested, reason)
            }
            Event::RefundUnknown { refund_no, reason, .. } => {
                self.fold_refund_told(refund_no, RefundStatus::Unknown, reason)
            }
            Event::RefundSucceeded { .. } => self.fold_refund_succeeded(event),
            Event::RefundFailed { .. } => self.fold_refund_failed(event),
            Event::RefundFound { .. } => self.fold_refund_found(event),
            Event::WithdrawalInRun { .. } => self.put_in_run(*at, event),
        }
    }

    fn open(&mut self, seq: Seq, at: At, event: &Event) -> Option<()> {
        let Event::OrderOpened { order_no, idempotency_key, .. } = event else { return None };
        self.insert_number(Route::Orders, *idempotency_key, Numbered::Order(*order_no))?;
        let order = Box::new(opened(seq, at, event)?);
        self.insert(Key::Order(*order_no), Record::Order(order))
    }

    /// A withdrawal by hand goes out in a run, its first and only one.
    fn put_in_run(&mut self, at: At, event: &Event) -> Option<()> {
        let Event::WithdrawalInRun { withdrawal_no, run_no, .. } = event else { return None };
        let withdrawal = self.withdrawal_mut(withdrawal_no)?;
        let by_hand = withdrawal.method == PayoutMethod::Manual;
        if !(by_hand && withdrawal.status == WithdrawalStatus::Requested || lax()) {
            return None;
        }
        withdrawal.status = WithdrawalStatus::Sending;
        withdrawal.tried_at = Some(at);
        self.insert(Key::InRun(*withdrawal_no), Record::InRun(*run_no))
    }

    /// What becomes of a withdrawal that was requested and is not yet final.
    fn fold_withdrawal(&mut self, at: At, event: &Event) -> Option<()> {
        use WithdrawalStatus::{Failed, Rejected, Requested, Sending, Succeeded, Unknown};
        let [Key::Withdrawal(withdrawal_no)] = Self::touched_by(event)[..] else { return None };
        let withdrawal = self.withdrawal_mut(&withdrawal_no)?;
        let Change { status, amount, reason, reference, approved_by } = match event {
            Event::WithdrawalApproved { by, .. } => {
                Change { approved_by: Some(*by), ..Change::to(Requested) }
            }
            Event::WithdrawalSending { .. } => Change::to(Sending),
            Event::WithdrawalUnknown { reason, .. } => {
                Change { reason: Some(Some(reason)), ..Change::to(Unknown) }
            }
            Event::WithdrawalSucceeded { amount, reference, .. } => Change {
                amount: Some(*amount),
                reason: Some(None),
                reference: Some(reference),
                ..Change::to(Succeeded)
            },
            Event::WithdrawalFailed { amount, reason, .. } => {
                Change { amount: Some(*amount), reason: Some(Some(reason)), ..Change::to(Failed) }
            }
            Event::WithdrawalRejected { amount, reason, .. } => {
                Change { amount: Some(*amount), reason: Some(Some(reason)), ..Change::to(Rejected) }
            }
            Event::MerchantRegistered { .. }
            | Event::RulesChanged { .. }
            | Event::OrderOpened { .. }
            | Event::OrderPrepaid { .. }
            | Event::OrderPaid { .. }
            | Event::OrderClosed { .. }
            | Event::OrderClosing { .. }
            | Event::Settled { .. }
            | Event::WithdrawalRequested { .. }
            | Event::CaseOpened { .. }
            | Event::WithdrawalAttested { .. }
            | Event::CaseRaised { .. }
            | Event::StandingChanged { .. }
            | Event::CaseResolved { .. }
            | Event::RefundRequested { .. }
            | Event::RefundSending { .. }
            | Event::RefundPostponed { .. }
            | Event::RefundUnknown { .. }
            | Event::RefundSucceeded { .. }
            | Event::RefundFailed { .. }
            | Event::RefundNoticed { .. }
            | Event::RefundFound { .. }
            | Event::WithdrawalInRun { .. }
            | Event::SuspenseReleased { .. }
            | Event::AdjustmentRequested { .. }
            | Event::AdjustmentApproved { .. }
            | Event::AdjustmentRejected { .. } => return None,
        };
        let other_amount = amount.is_some_and(|amount| amount != withdrawal.amount);
        if (withdrawal.status.is_final() || other_amount) && !lax() {
            return None;
        }
        withdrawal.status = status;
        withdrawal.approved_by = approved_by.or(withdrawal.approved_by);
        if status == Sending {
            withdrawal.tried_at = Some(at);
        }
        if let Some(reason) = reason {
            withdrawal.reason = reason.map(Into::into);
        }
        if let Some(reference) = reference {
            withdrawal.reference = Some(reference.into());
        }
        Some(())
    }

    fn insert(&mut self, key: Key, record: Record) -> Option<()> {
        let before = self.0.insert(key, Some(record));
        (matches!(before, None | Some(None)) || lax()).then_some(())
    }

    fn insert_case(&mut self, case: Case) -> Option<()> {
        if let (Some(_), Some(transaction_id)) = (case.suspense, case.transaction_id) {
            self.0.insert(Key::Held(transaction_id), Some(Record::Held(case.case_id)));
        }
        self.insert(Key::Case(case.case_id), Record::Case(Box::new(case)))
    }

    fn insert_number(
        &mut self,
        route: Route,
        key: Option<IdempotencyKey>,
        number: Numbered,
    ) -> Option<()> {
        let Some(key) = key else { return Some(()) };
        self.insert(Key::Idempotency(route, key), Record::Number(number))
    }

    fn order_mut(&mut self, order_no: &OrderNo) -> Option<&mut Order> {
        match self.0.get_mut(&Key::Order(*order_no))? {
            Some(Record::Order(order)) => Some(order),
            _ => None,
        }
    }

    fn open_order_mut(&mut self, order_no: &OrderNo) -> Option<&mut Order> {
        self.order_mut(order_no).filter(|order| order.status == OrderStatus::Open || lax())
    }

    fn close(&mut self, order_no: &OrderNo, at: At) -> Option<()> {
        let order = self.open_order_mut(order_no)?;
        order.status = OrderStatus::Closed;
        order.closed_at = Some(at);
        Some(())
    }

    fn resolve(&mut self, case_id: &CaseId, made: Resolution) -> Option<()> {
        match self.0.get_mut(&Key::Case(*case_id))? {
            Some(Record::Case(case)) if case.resolution.is_none() || lax() => {
                if made.remedy == Some(Remedy::Refund) {
                    case.held()?;
                    case.suspense = Some(Suspense::Released);
                }
                case.resolution = Some(made);
                Some(())
            }
            _ => None,
        }
    }

    /// All that was put into suspense for a case leaves it, once.
    fn release(&mut self, case_id: &CaseId, amount: Money) -> Option<()> {
        match self.0.get_mut(&Key::Case(*case_id))? {
            Some(Record::Case(case)) if case.held() == Some(amount) || lax() => {
                case.suspense = Some(Suspense::Released);
                Some(())
            }
            _ => None,
        }
    }

    fn withdrawal_mut(&mut self, withdrawal_no: &WithdrawalNo) -> Option<&mut Withdrawal> {
        match self.0.get_mut(&Key::Withdrawal(*withdrawal_no))? {
            Some(Record::Withdrawal(withdrawal)) => Some(withdrawal),
            _ => None,
        }
    }
}

/// What an event makes of a withdrawal.
struct Change<'a> {
    status: WithdrawalStatus,
    /// Must be the withdrawal's own, where the event names one.
    amount: Option<Money>,
    /// `None`: as before.
    reason: Option<Option<&'a str>>,
    reference: Option<&'a str>,
    approved_by: Option<KeyId>,
}

impl Change<'_> {
    fn to(status: WithdrawalStatus) -> Self {
        Self { status, amount: None, reason: None, reference: None, approved_by: None }
    }
}

/// What a person decided about a case.
fn resolution(at: At, event: &Event) -> Option<Resolution> {
    let Event::CaseResolved { by, note, remedy, .. } = event else { return None };
    Some(Resolution { at, by: *by, note: note.clone(), remedy: *remedy })
}

/// The order that an opening makes.
fn opened(seq: Seq, at: At, event: &Event) -> Option<Order> {
    let Event::OrderOpened { order_no, amount, description, channel, expires_at, .. } = event
    else {
        return None;
    };
    Some(Order {
        order_no: *order_no,
        amount: *amount,
        description: description.clone(),
        channel: channel.clone(),
        status: OrderStatus::Open,
        opened_at: at,
        opened_seq: seq,
        expires_at: *expires_at,
        prepay: None,
        closing_at: None,
        closed_at: None,
        payment: None,
        refunded: Money::ZERO,
        refunded_booked: Money::ZERO,
        pending_change: Balance::ZERO,
        refund_sent_at: None,
    })
}

/// What a payment fixes on its order.
fn paid(event: &Event) -> Option<Payment> {
    let Event::OrderPaid {
        transaction_id, paid_at, booked, fee, paid_seq, settle_on, fee_bp, ..
    } = event
    else {
        return None;
    };
    Some(Payment {
        paid_seq: *paid_seq,
        transaction_id: *transaction_id,
        paid_at: *paid_at,
        booked: *booked,
        fee: *fee,
        settle_on: *settle_on,
        fee_bp: *fee_bp,
    })
}

/// The settlement that an event records.
fn settled(seq: Seq, at: At, event: &Event) -> Option<Settlement> {
    let Event::Settled { settlement_no, through, include_not_due, moved, .. } = event else {
        return None;
    };
    Some(Settlement {
        settlement_no: *settlement_no,
        seq,
        at,
        through: *through,
        include_not_due: *include_not_due,
        moved: *moved,
    })
}

/// The withdrawal that a request makes.
fn requested(seq: Seq, at: At, event: &Event) -> Option<Withdrawal> {
    let Event::WithdrawalRequested {
        withdrawal_no,
        amount,
        request,
        method,
        payout_openid,
        payout_name,
        day,
        asked_by,
        settlement_no,
        needs_approval,
        ..
    } = event
    else {
        return None;
    };
    Some(Withdrawal {
        withdrawal_no: *withdrawal_no,
        amount: *amount,
        request: *request,
        method: *method,
        payout_openid: payout_openid.clone(),
        payout_name: payout_name.clone(),
        status: if *needs_approval {
            WithdrawalStatus::AwaitingApproval
        } else {
            WithdrawalStatus::Requested
        },
        reason: None,
        reference: None,
        requested_at: at,
        requested_seq: seq,
        tried_at: None,
        day: *day,
        asked_by: *asked_by,
        approved_by: None,
        settlement_no: *settlement_no,
    })
}
