//! Booking a payment. Money that arrived is always booked, or becomes a case (`design.md` 3.6, `api.md` 2).

use super::super::books::{Key, Record};
use super::super::case::{CaseKind, PaymentCase};
use super::super::command::{Answer, Booking, Pay};
use super::super::event::{Event, PaymentSource, ReleasedTo};
use super::super::head::Head;
use super::super::ids::{CaseId, OrderNo};
use super::super::money::Money;
use super::super::order::{Channel, Order, OrderStatus};
use super::super::refusal::Refusal;
use super::Account;
use crate::mutant::{self, Mutant};

/// What a payment is, beside the order that it names.
enum Verdict {
    /// It is booked already.
    Repeat,
    /// It pays the order; a person must look at it where the order or the merchant was closed. Where a case holds its money, it
    /// is taken from there.
    Pays { case: Option<CaseKind>, held: Option<(CaseId, Money)> },
    /// It does not fit.
    Misfit(CaseKind),
}

impl Account {
    pub(super) fn payment_keys(&self, pay: &Pay) -> Vec<Key> {
        let mut keys = vec![Key::Order(pay.order_no), Key::Transaction(pay.transaction_id)];
        if !keys.iter().all(|key| self.books.knows(key)) {
            return keys;
        }
        let kind = match self.as_booked(pay) {
            Verdict::Repeat => return keys,
            // What no case ever held need not be looked for: that spares all ordinary payments.
            Verdict::Pays { case: None, .. } if !self.ever_suspended() => return keys,
            Verdict::Pays { case, .. } => case,
            Verdict::Misfit(kind) => Some(kind),
        };
        let held = Key::Held(pay.transaction_id);
        keys.push(held);
        if !self.books.knows(&held) {
            return keys;
        }
        keys.extend(kind.map(|kind| Key::Case(self.payment_case_id(kind, pay))));
        if let Some(case_id) = self.books.held(&pay.transaction_id) {
            let again = self.payment_case_id(CaseKind::TransactionReused, pay);
            for key in [Key::Case(*case_id), Key::Case(again)] {
                if !keys.contains(&key) {
                    keys.push(key);
                }
            }
        }
        keys
    }

    fn ever_suspended(&self) -> bool {
        self.head.as_ref().is_some_and(|head| head.suspended > Money::ZERO)
    }

    fn payment_case_id(&self, kind: CaseKind, pay: &Pay) -> CaseId {
        PaymentCase::id_of(&self.merchant, kind, &pay.order_no, &pay.transaction_id)
    }

    /// What the payment is, also by what became of its money if it was told of before and fitted nothing: no money is held,
    /// credited or paid back twice.
    fn verdict(&self, pay: &Pay) -> Verdict {
        let verdict = self.as_booked(pay);
        if !self.ever_suspended() || mutant::on(Mutant::HeldAndBooked) {
            return verdict;
        }
        let Some(Record::Held(case_id)) = self.books.get(&Key::Held(pay.transaction_id)) else {
            return verdict;
        };
        let Some(Record::Case(holder)) = self.books.get(&Key::Case(*case_id)) else {
            return verdict;
        };
        match verdict {
            Verdict::Repeat => verdict,
            Verdict::Pays { case, .. } => match holder.held() {
                Some(amount) => Verdict::Pays { case, held: Some((*case_id, amount)) },
                None => Verdict::Misfit(CaseKind::TransactionReused),
            },
            Verdict::Misfit(kind) => {
                let own = self.books.get(&Key::Case(self.payment_case_id(kind, pay)));
                Verdict::Misfit(if own.is_some() { kind } else { CaseKind::TransactionReused })
            }
        }
    }

    /// What the payment is by what is booked.
    fn as_booked(&self, pay: &Pay) -> Verdict {
        let known = |booked_for: &&OrderNo| {
            **booked_for == pay.order_no || !mutant::on(Mutant::DuplicateByOrderOnly)
        };
        let booked_for = self.books.transaction(&pay.transaction_id).filter(known);
        let Some(order) = self.books.order(&pay.order_no) else {
            return Verdict::Misfit(match booked_for {
                Some(_) => CaseKind::TransactionReused,
                None => CaseKind::OrderUnknown,
            });
        };
        match booked_for {
            Some(booked_for) if *booked_for != pay.order_no => {
                Verdict::Misfit(CaseKind::TransactionReused)
            }
            Some(_) if pay.amount != order.amount || pay.booked > pay.amount => {
                Verdict::Misfit(CaseKind::TransactionReused)
            }
            None if pay.amount != order.amount || pay.booked > pay.amount => {
                Verdict::Misfit(CaseKind::AmountDiffers)
            }
            Some(_) if mutant::on(Mutant::CreditWithoutUniqueNumber) => {
                Verdict::Pays { case: None, held: None }
            }
            Some(_) => Verdict::Repeat,
            None if order.status == OrderStatus::Paid => Verdict::Misfit(CaseKind::PaidTwice),
            None if order.status == OrderStatus::Closed
                && !mutant::on(Mutant::LateSuccessOverwritesClosed) =>
            {
                Verdict::Pays { case: Some(CaseKind::PaidAfterClose), held: None }
            }
            None => {
                let closed = self.head.as_ref().is_some_and(|head| head.standing.closed);
                Verdict::Pays { case: closed.then_some(CaseKind::PaidToClosed), held: None }
            }
        }
    }

    pub(super) fn pay(&self, head: &Head, pay: &Pay) -> Result<Vec<Event>, Refusal> {
        if pay.signed.is_some_and(|signed| !signed.fits(self.books.order(&pay.order_no))) {
            return Err(Refusal::Invalid {
                field: "sign_type",
                reason: "must be that of its order",
            });
        }
        let verdict = self.verdict(pay);
        if pay.source == PaymentSource::Hand {
            self.refuse_by_hand(&verdict, pay)?;
        }
        match verdict {
            Verdict::Repeat => Ok(vec![]),
            Verdict::Misfit(kind) => {
                let events = self.open_case(kind, pay);
                if let [Event::CaseOpened { case }] = &events[..] {
                    let amount = case.suspended().unwrap_or(Money::ZERO);
                    head.suspended.plus(amount).ok_or_else(too_much)?;
                }
                Ok(events)
            }
            Verdict::Pays { case, held } => {
                let released = held.map(|(case_id, amount)| Event::SuspenseReleased {
                    case_id,
                    transaction_id: pay.transaction_id,
                    amount,
                    to: ReleasedTo::Order,
                });
                let case = case.map(|kind| self.open_case(kind, pay)).unwrap_or_default();
                Ok(released.into_iter().chain([paid(head, pay)?]).chain(case).collect())
            }
        }
    }

    /// What WeChat tells is a fact, and a misfit a case. What a person types is a mistake, and refused.
    fn refuse_by_hand(&self, verdict: &Verdict, pay: &Pay) -> Result<(), Refusal> {
        let order = self.books.order(&pay.order_no).ok_or(Refusal::OrderUnknown)?;
        if order.channel != Channel::External {
            return Err(Refusal::OrderConflict(
                "it is paid by WeChat, which tells of its payment itself",
            ));
        }
        match verdict {
            Verdict::Repeat | Verdict::Pays { .. } => Ok(()),
            Verdict::Misfit(CaseKind::AmountDiffers) => {
                Err(Refusal::OrderConflict("its amount is another"))
            }
            Verdict::Misfit(CaseKind::PaidTwice) => {
                Err(Refusal::OrderConflict("it is paid under another transaction_id"))
            }
            Verdict::Misfit(_) => {
                Err(Refusal::OrderConflict("this transaction_id is booked for another order"))
            }
        }
    }

    /// The event that opens a case, unless it is open already.
    fn open_case(&self, kind: CaseKind, pay: &Pay) -> Vec<Event> {
        let case_id = self.payment_case_id(kind, pay);
        if self.books.case(&case_id).is_some() {
            return vec![];
        }
        let case = PaymentCase {
            case_id,
            kind,
            order_no: pay.order_no,
            transaction_id: pay.transaction_id,
            amount: pay.amount,
            expected: self.books.order(&pay.order_no).map(|order: &Order| order.amount),
            paid_at: pay.paid_at,
            booked: Some(came_in(pay)),
        };
        vec![Event::CaseOpened { case }]
    }

    /// What became of the payment: credited when it is booked for its order, whether by this message or by an earlier one.
    pub(super) fn payment_answer(&self, pay: &Pay) -> Answer {
        let booking = match self.verdict(pay) {
            Verdict::Repeat | Verdict::Pays { .. } => Booking::Credited,
            Verdict::Misfit(kind) => Booking::Case(kind),
        };
        Answer::Payment(booking, self.books.order(&pay.order_no).cloned().map(Box::new))
    }
}

/// What came in of a payment.
fn came_in(pay: &Pay) -> Money {
    if mutant::on(Mutant::CouponCredited) { pay.amount } else { pay.booked.min(pay.amount) }
}

fn too_much() -> Refusal {
    Refusal::AmountInvalid { min: Money::ZERO, max: Money::MAX }
}

/// The event that credits a payment, with the fee at today's rate and the next `paid_seq`.
fn paid(head: &Head, pay: &Pay) -> Result<Event, Refusal> {
    head.paid.plus(pay.booked).ok_or_else(too_much)?;
    head.available
        .plus(head.pending())
        .and_then(|all| all.plus(pay.booked))
        .ok_or_else(too_much)?;
    Ok(Event::OrderPaid {
        order_no: pay.order_no,
        transaction_id: pay.transaction_id,
        paid_at: pay.paid_at,
        booked: pay.booked,
        fee: pay.booked.fee(head.rules.fee_bp),
        paid_seq: head.paid_orders + 1,
        settle_on: head.rules.settle_on(pay.paid_at),
        source: pay.source,
        fee_bp: Some(head.rules.fee_bp),
    })
}
