//! Why a number is what it is: the events that moved it, by their ledger entries.

use clap::ValueEnum;
use serde::Serialize;
use tally_actors::domain::entry::{Entry, LedgerAccount, entries};
use tally_actors::domain::event::Event;
use tally_actors::domain::head::Head;
use tally_actors::domain::money::Money;

/// A number of a merchant's balance, in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub(crate) enum Number {
    /// Settled and not withdrawn
    Available,
    /// Paid, less the fee, not yet settled
    Pending,
    /// Requested, outcome not yet known
    InTransit,
    /// Paid out
    Withdrawn,
    /// What payments brought, before the fee
    Paid,
    /// What the platform keeps
    Fee,
    /// What refunds took, before the fee that came back
    Refunded,
    /// Got beside payments, less what was taken so
    Adjusted,
    /// There, and credited to nobody
    Suspense,
}

impl Number {
    /// All of them, in the order of money's way.
    pub(crate) const ALL: [Self; 9] = [
        Self::Paid,
        Self::Refunded,
        Self::Fee,
        Self::Pending,
        Self::Available,
        Self::InTransit,
        Self::Withdrawn,
        Self::Adjusted,
        Self::Suspense,
    ];

    /// Its name, as the API has it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Available => "available_fen",
            Self::Pending => "pending_fen",
            Self::InTransit => "in_transit_fen",
            Self::Withdrawn => "withdrawn_fen",
            Self::Paid => "paid_fen",
            Self::Fee => "fee_fen",
            Self::Refunded => "refunded_fen",
            Self::Adjusted => "adjusted_fen",
            Self::Suspense => "suspense_fen",
        }
    }

    /// What the head says of it.
    pub(crate) fn of(self, head: &Head) -> i128 {
        match self {
            Self::Available => i128::from(head.available.fen()),
            Self::Pending => fen(head.pending()),
            Self::InTransit => fen(head.in_transit),
            Self::Withdrawn => fen(head.withdrawn),
            Self::Paid => fen(head.paid),
            Self::Fee => fen(head.fee),
            Self::Refunded => fen(head.refunded),
            Self::Adjusted => i128::from(head.adjusted.fen()),
            Self::Suspense => fen(head.suspense),
        }
    }

    /// By how much an event moves it. The ledger has no account for what came in and what went out in all: that is what goes
    /// into the channel, and what leaves it for money in transit.
    pub(crate) fn change(self, event: &Event) -> i128 {
        let entries = entries(event);
        let of = |account| entries.iter().filter(move |entry| entry.account == account);
        let owed =
            |account| of(account).map(|entry| credited(entry) - debited(entry)).sum::<i128>();
        // What leaves is paid out where it was in transit, and else goes back to a customer.
        let left = |from_transit| {
            let in_transit = of(LedgerAccount::InTransit).map(debited).sum::<i128>() > 0;
            let left = of(LedgerAccount::Channel).map(credited).sum();
            if in_transit == from_transit { left } else { 0 }
        };
        match self {
            Self::Available => owed(LedgerAccount::Available),
            Self::Pending => owed(LedgerAccount::Pending),
            Self::InTransit => owed(LedgerAccount::InTransit),
            Self::Fee => owed(LedgerAccount::Fee),
            Self::Suspense => owed(LedgerAccount::Suspense),
            Self::Adjusted
                if matches!(
                    event,
                    Event::SuspenseReleased { .. } | Event::AdjustmentApproved { .. }
                ) =>
            {
                owed(LedgerAccount::Available)
            }
            Self::Adjusted => 0,
            // What comes in for nobody is not paid yet, and what goes back of it is no refund of an order's money.
            Self::Paid | Self::Refunded if of(LedgerAccount::Suspense).next().is_some() => 0,
            Self::Paid => of(LedgerAccount::Channel).map(debited).sum(),
            Self::Withdrawn => left(true),
            Self::Refunded => owed(LedgerAccount::Refund) + left(false),
        }
    }
}

fn debited(entry: &Entry) -> i128 {
    fen(entry.debit_fen)
}

fn credited(entry: &Entry) -> i128 {
    fen(entry.credit_fen)
}

fn fen(amount: Money) -> i128 {
    i128::from(amount.fen())
}

#[cfg(test)]
mod tests {
    use tally_actors::domain::case::{CaseKind, PaymentCase};
    use tally_actors::domain::event::{PaymentSource, ReleasedTo};
    use tally_actors::domain::money::Balance;
    use tally_actors::domain::refund::RefundSource;
    use tally_actors::domain::settlement::Bucket;
    use tally_actors::domain::time::{At, Day};

    use super::*;

    fn money(fen: u64) -> Money {
        Money::from_fen(fen).unwrap()
    }

    /// By how much an event moves each of [`Number::ALL`].
    #[track_caller]
    fn check(event: &Event, expected: [i128; 9]) {
        assert_eq!(Number::ALL.map(|number| number.change(event)), expected, "{}", event.kind());
    }

    #[test]
    fn each_event_moves_the_numbers_that_its_entries_book() {
        let paid = Event::OrderPaid {
            fee_bp: None,
            order_no: "A001".parse().unwrap(),
            transaction_id: "T1".parse().unwrap(),
            paid_at: At::from_ms(1),
            booked: money(1_000),
            fee: money(6),
            paid_seq: 1,
            settle_on: None,
            source: PaymentSource::Hand,
        };
        check(&paid, [1_000, 0, 6, 994, 0, 0, 0, 0, 0]);
        let moved = Bucket { orders: 1, gross: money(1_000), fee: money(6), ..Bucket::default() };
        let settled = Event::Settled {
            settlement_no: "S001".parse().unwrap(),
            idempotency_key: None,
            through: Day::LAST,
            include_not_due: false,
            moved,
        };
        check(&settled, [0, 0, 0, -994, 994, 0, 0, 0, 0]);
        let (withdrawal_no, amount) = ("W001".parse().unwrap(), money(500));
        let (reference, reason) = (Box::<str>::from("B1"), Box::<str>::from("so"));
        let day = At::from_ms(1).day();
        let succeeded = Event::WithdrawalSucceeded {
            withdrawal_no,
            amount,
            reference: reference.clone(),
            note: reason.clone(),
        };
        check(&succeeded, [0, 0, 0, 0, 0, -500, 500, 0, 0]);
        let failed = Event::WithdrawalFailed { withdrawal_no, amount, day, reason, reference };
        check(&failed, [0, 0, 0, 0, 500, -500, 0, 0, 0]);
        check(&Event::WithdrawalSending { withdrawal_no }, [0; 9]);
        let (refund_no, order_no) = ("R001".parse().unwrap(), "A001".parse().unwrap());
        let refund_failed = Event::RefundFailed {
            refund_no,
            order_no,
            amount: money(300),
            booked: money(300),
            fee: money(2),
            to: RefundSource::Pending(None),
            reason: "closed".into(),
        };
        check(&refund_failed, [0, -300, 2, 298, 0, 0, 0, 0, 0]);
        let less = Event::RefundSucceeded {
            refund_no,
            order_no,
            amount: money(300),
            booked: money(300),
            booked_now: money(290),
            order_fee: money(4),
            order_fee_now: money(4),
            source: RefundSource::Available,
            refund_id: "50000".into(),
        };
        check(&less, [0, -10, 0, 0, 10, 0, 0, 0, 0]);
        let found = Event::RefundFound {
            refund_no,
            order_no,
            amount: money(300),
            booked: money(300),
            fee: money(2),
            source: RefundSource::Available,
            refund_id: "50000".into(),
        };
        check(&found, [0, 300, -2, 0, -298, 0, 0, 0, 0]);
    }

    #[test]
    fn what_comes_into_suspense_and_leaves_it_moves_no_other_number_but_the_receivers() {
        let (case_id, transaction_id) =
            ("m1-0000000000000001".parse().unwrap(), "T2".parse().unwrap());
        let amount = money(500);
        let kind = CaseKind::PaidTwice;
        let (order_no, expected, paid_at) = ("A001".parse().unwrap(), None, At::from_ms(1));
        let case = PaymentCase {
            case_id,
            kind,
            order_no,
            transaction_id,
            amount,
            expected,
            paid_at,
            booked: Some(amount),
        };
        check(&Event::CaseOpened { case }, [0, 0, 0, 0, 0, 0, 0, 0, 500]);
        let released = |to| Event::SuspenseReleased { case_id, transaction_id, amount, to };
        check(&released(ReleasedTo::Available), [0, 0, 0, 0, 500, 0, 0, 500, -500]);
        check(&released(ReleasedTo::Order), [0, 0, 0, 0, 0, 0, 0, 0, -500]);
        let (refund_no, money) = ("SR001".parse().unwrap(), amount);
        let back = Event::RefundFailed {
            refund_no,
            order_no,
            amount: money,
            booked: money,
            fee: Money::ZERO,
            to: RefundSource::Suspense,
            reason: "closed".into(),
        };
        check(&back, [0, 0, 0, 0, 0, 0, 0, 0, 500]);
        let approved = Event::AdjustmentApproved {
            adjustment_no: "J001".parse().unwrap(),
            amount: Balance::from_fen(-7),
            by: "k2".parse().unwrap(),
            reason: "so".into(),
        };
        check(&approved, [0, 0, 0, 0, -7, 0, 0, -7, 0]);
    }
}
