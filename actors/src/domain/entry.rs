//! Double entry: what an event means in the ledger. Derived when read, never stored.

use serde::Serialize;

use super::event::{Event, ReleasedTo};
use super::money::{Balance, Money};
use super::refund::RefundSource;

/// An account of the ledger. All are a merchant's own, but suspense and adjustment, which are the platform's beside them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LedgerAccount {
    /// Money where it really is: at WeChat, or where external money comes in. Debits are money in.
    Channel,
    /// Owed to the merchant, not yet settled.
    Pending,
    /// Owed to the merchant, may be withdrawn.
    Available,
    /// On its way out.
    InTransit,
    /// Earned by the platform.
    Fee,
    /// Owed to customers, about to be paid back.
    Refund,
    /// There, and credited to nobody (挂账).
    Suspense,
    /// What the platform gave to merchants beside payments, less what it took so (调账).
    Adjustment,
}

/// One side of a booking, in fen. Exactly one of the two amounts is not zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The account.
    pub account: LedgerAccount,
    /// What it is debited.
    pub debit_fen: Money,
    /// What it is credited.
    pub credit_fen: Money,
}

/// The entries of an event: the sum of debits is the sum of credits.
pub fn entries(event: &Event) -> Vec<Entry> {
    use LedgerAccount::{Available, Channel, Fee, InTransit, Pending, Refund, Suspense};
    let net = |gross: Money, less: Money| {
        gross.minus(less).expect("an event was checked when it was decided")
    };
    let sides = match event {
        Event::OrderPaid { booked, fee, .. } => {
            vec![debit(Channel, *booked), credit(Pending, net(*booked, *fee)), credit(Fee, *fee)]
        }
        Event::Settled { moved, .. } => {
            let moved = moved.net().expect("an event was checked when it was decided");
            vec![debit(Pending, moved), credit(Available, moved)]
        }
        Event::WithdrawalRequested { amount, .. } => {
            vec![debit(Available, *amount), credit(InTransit, *amount)]
        }
        Event::WithdrawalSucceeded { amount, .. } => {
            vec![debit(InTransit, *amount), credit(Channel, *amount)]
        }
        Event::WithdrawalRejected { amount, .. } | Event::WithdrawalFailed { amount, .. } => {
            vec![debit(InTransit, *amount), credit(Available, *amount)]
        }
        Event::RefundRequested { booked, fee, source, .. } => {
            vec![debit(of(*source), net(*booked, *fee)), debit(Fee, *fee), credit(Refund, *booked)]
        }
        Event::RefundFound { booked, fee, source, .. } => {
            vec![debit(of(*source), net(*booked, *fee)), debit(Fee, *fee), credit(Channel, *booked)]
        }
        Event::RefundFailed { booked, fee, to, .. } => {
            vec![debit(Refund, *booked), credit(of(*to), net(*booked, *fee)), credit(Fee, *fee)]
        }
        Event::RefundSucceeded { booked, booked_now, order_fee, order_fee_now, source, .. } => {
            corrected((*booked, *booked_now), (*order_fee, *order_fee_now), of(*source))
        }
        Event::CaseOpened { case } => {
            let amount = case.suspended().unwrap_or(Money::ZERO);
            vec![debit(Channel, amount), credit(Suspense, amount)]
        }
        Event::SuspenseReleased { amount, to, .. } => {
            let account = match to {
                ReleasedTo::Available => Available,
                ReleasedTo::Order => Channel, // out of which the payment takes it
            };
            vec![debit(Suspense, *amount), credit(account, *amount)]
        }
        Event::AdjustmentApproved { amount, .. } => adjusted(*amount),
        Event::AdjustmentRequested { .. } | Event::AdjustmentRejected { .. } => vec![],
        Event::RefundSending { .. }
        | Event::RefundPostponed { .. }
        | Event::RefundUnknown { .. }
        | Event::RefundNoticed { .. } => vec![],
        Event::MerchantRegistered { .. }
        | Event::RulesChanged { .. }
        | Event::OrderOpened { .. }
        | Event::OrderPrepaid { .. }
        | Event::OrderClosed { .. }
        | Event::OrderClosing { .. }
        | Event::WithdrawalApproved { .. }
        | Event::WithdrawalSending { .. }
        | Event::WithdrawalUnknown { .. }
        | Event::WithdrawalAttested { .. }
        | Event::CaseRaised { .. }
        | Event::StandingChanged { .. }
        | Event::CaseResolved { .. }
        | Event::WithdrawalInRun { .. } => vec![],
    };
    sides.into_iter().filter(|entry| entry.debit_fen != entry.credit_fen).collect()
}

/// What a merchant gets beside payments, or gives.
fn adjusted(amount: Balance) -> Vec<Entry> {
    use LedgerAccount::{Adjustment, Available};
    let fen = Money::from_fen(amount.fen().unsigned_abs()).unwrap_or(Money::MAX);
    if amount < Balance::ZERO {
        vec![debit(Available, fen), credit(Adjustment, fen)]
    } else {
        vec![debit(Adjustment, fen), credit(Available, fen)]
    }
}

/// The account that a refund takes from.
fn of(source: RefundSource) -> LedgerAccount {
    match source {
        RefundSource::Pending(_) => LedgerAccount::Pending,
        RefundSource::Available => LedgerAccount::Available,
        RefundSource::Suspense => LedgerAccount::Suspense,
    }
}

/// A refund that left: what was held for it, what really went, and the merchant's and the platform's share of the difference.
fn corrected(
    (booked, booked_now): (Money, Money),
    (fee, fee_now): (Money, Money),
    account: LedgerAccount,
) -> Vec<Entry> {
    let apart = |account, debited: Money, credited: Money| match credited.minus(debited) {
        Some(more) => credit(account, more),
        None => debit(account, debited.minus(credited).unwrap_or(Money::ZERO)),
    };
    let sum = |one: Money, other: Money| {
        one.plus(other).expect("an event was checked when it was decided")
    };
    vec![
        debit(LedgerAccount::Refund, booked),
        credit(LedgerAccount::Channel, booked_now),
        apart(LedgerAccount::Fee, fee, fee_now),
        apart(account, sum(booked_now, fee_now), sum(booked, fee)),
    ]
}

fn debit(account: LedgerAccount, amount: Money) -> Entry {
    Entry { account, debit_fen: amount, credit_fen: Money::ZERO }
}

fn credit(account: LedgerAccount, amount: Money) -> Entry {
    Entry { account, debit_fen: Money::ZERO, credit_fen: amount }
}
