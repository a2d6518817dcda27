//! The records that messages name: what is known of them, and how events change them.

mod fold;

use std::collections::HashMap;

use super::adjustment::Adjustment;
use super::case::Case;
use super::event::Event;
use super::ids::{
    AdjustmentNo, CaseId, IdempotencyKey, OrderNo, RefundNo, RunNo, SettlementNo, TransactionId,
    WithdrawalNo,
};
use super::order::Order;
use super::refund::Refund;
use super::settlement::Settlement;
use super::withdrawal::Withdrawal;
use crate::mutant::{self, Mutant};

/// A call whose number the server may make: the scope of an Idempotency-Key, beside the merchant. In the order of their names, in
/// which a database walks them and an audit compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// Adjusting a balance.
    Adjustments,
    /// Opening an order.
    Orders,
    /// Refunding.
    Refunds,
    /// Settling.
    Settlements,
    /// Withdrawing.
    Withdrawals,
}

impl Route {
    /// Its name in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Adjustments => "adjustments",
            Self::Orders => "orders",
            Self::Settlements => "settlements",
            Self::Withdrawals => "withdrawals",
            Self::Refunds => "refunds",
        }
    }
}

/// What a message must know before it can be decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// The number that was made for a caller's key.
    Idempotency(Route, IdempotencyKey),
    /// An order.
    Order(OrderNo),
    /// The order that a payment is booked for.
    Transaction(TransactionId),
    /// A settlement.
    Settlement(SettlementNo),
    /// A withdrawal.
    Withdrawal(WithdrawalNo),
    /// A case.
    Case(CaseId),
    /// A refund.
    Refund(RefundNo),
    /// The bank run that a withdrawal is in.
    InRun(WithdrawalNo),
    /// The newest case for which a payment's money was put into suspense.
    Held(TransactionId),
    /// An adjustment.
    Adjustment(AdjustmentNo),
}

impl Key {
    /// In which order a message lines up for its keys: callers' keys lead to numbers, payments to what was put into suspense,
    /// and both to cases.
    pub fn stage(&self) -> u8 {
        match self {
            Self::Idempotency(..) => 0,
            Self::Order(_)
            | Self::Transaction(_)
            | Self::Settlement(_)
            | Self::Withdrawal(_)
            | Self::Refund(_)
            | Self::InRun(_)
            | Self::Adjustment(_) => 1,
            Self::Held(_) => 2,
            Self::Case(_) => 3,
        }
    }
}

/// A number that the server made for a caller's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Numbered {
    /// An order's.
    Order(OrderNo),
    /// A settlement's.
    Settlement(SettlementNo),
    /// A withdrawal's.
    Withdrawal(WithdrawalNo),
    /// A refund's.
    Refund(RefundNo),
    /// An adjustment's.
    Adjustment(AdjustmentNo),
}

/// What a key names. Each kind of key has its kind of record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// For [`Key::Idempotency`].
    Number(Numbered),
    /// For [`Key::Order`].
    Order(Box<Order>),
    /// For [`Key::Transaction`].
    Transaction(OrderNo),
    /// For [`Key::Settlement`].
    Settlement(Box<Settlement>),
    /// For [`Key::Withdrawal`].
    Withdrawal(Box<Withdrawal>),
    /// For [`Key::Case`].
    Case(Box<Case>),
    /// For [`Key::Refund`].
    Refund(Box<Refund>),
    /// For [`Key::InRun`].
    InRun(RunNo),
    /// For [`Key::Held`].
    Held(CaseId),
    /// For [`Key::Adjustment`].
    Adjustment(Box<Adjustment>),
}

/// The records at hand. `None` for a key that is known to name nothing.
#[derive(Debug, Clone, Default)]
pub struct Books(HashMap<Key, Option<Record>>);

const LOOKED_UP: &str = "keys() named this key, and it was looked up before deciding";

/// Makes the getter for one kind of key.
macro_rules! getter {
    ($(#[$doc:meta])* $name:ident, $key:ident($of:ty), $record:ident($found:ty)) => {
        $(#[$doc])*
        pub fn $name(&self, key: &$of) -> Option<&$found> {
            match self.0.get(&Key::$key(*key)).expect(LOOKED_UP) {
                Some(Record::$record(found)) => Some(found),
                _ => None,
            }
        }
    };
}

impl Books {
    getter!(/** The order of that number. */ order, Order(OrderNo), Order(Order));
    getter!(/** The order that the payment is booked for. */ transaction, Transaction(TransactionId), Transaction(OrderNo));
    getter!(/** The settlement of that number. */ settlement, Settlement(SettlementNo), Settlement(Settlement));
    getter!(/** The withdrawal of that number. */ withdrawal, Withdrawal(WithdrawalNo), Withdrawal(Withdrawal));
    getter!(/** The case of that id. */ case, Case(CaseId), Case(Case));
    getter!(/** The refund of that number. */ refund, Refund(RefundNo), Refund(Refund));
    getter!(/** The bank run that the withdrawal is in. */ in_run, InRun(WithdrawalNo), InRun(RunNo));
    getter!(/** The adjustment of that number. */ adjustment, Adjustment(AdjustmentNo), Adjustment(Adjustment));
    getter!(/** The case for which the payment's money was put into suspense. */ held, Held(TransactionId), Held(CaseId));

    /// The number made for a caller's key.
    pub fn number(&self, route: Route, key: &IdempotencyKey) -> Option<Numbered> {
        match self.0.get(&Key::Idempotency(route, *key)).expect(LOOKED_UP) {
            _ if mutant::on(Mutant::KeyForgotten) => None,
            Some(Record::Number(number)) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is known what the key names, if anything.
    pub fn knows(&self, key: &Key) -> bool {
        self.0.contains_key(key)
    }

    /// The record of a key that is known to name one.
    pub fn get(&self, key: &Key) -> Option<&Record> {
        self.0.get(key)?.as_ref()
    }

    /// Takes what was read from the store, unless memory knows already: memory wins over what was read.
    pub fn learn(&mut self, key: Key, found: Option<Record>) {
        self.0.entry(key).or_insert(found);
    }

    /// Forgets what the store has as well.
    pub fn forget(&mut self, key: &Key) {
        self.0.remove(key);
    }

    /// How many keys are at hand.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All records at hand.
    pub fn records(&self) -> impl Iterator<Item = (&Key, &Record)> {
        self.0.iter().filter_map(|(key, record)| Some((key, record.as_ref()?)))
    }

    /// The keys whose records an event makes or changes.
    pub fn touched_by(event: &Event) -> Vec<Key> {
        let idempotency =
            |route, key: &Option<IdempotencyKey>| key.map(|key| Key::Idempotency(route, key));
        match event {
            Event::MerchantRegistered { .. }
            | Event::RulesChanged { .. }
            | Event::WithdrawalAttested { .. }
            | Event::StandingChanged { .. } => vec![],
            Event::OrderOpened { order_no, idempotency_key, .. } => {
                let made = idempotency(Route::Orders, idempotency_key);
                made.into_iter().chain([Key::Order(*order_no)]).collect()
            }
            Event::OrderPrepaid { order_no, .. }
            | Event::OrderClosing { order_no }
            | Event::OrderClosed { order_no } => vec![Key::Order(*order_no)],
            Event::OrderPaid { order_no, transaction_id, .. } => {
                vec![Key::Order(*order_no), Key::Transaction(*transaction_id)]
            }
            Event::Settled { settlement_no, idempotency_key, .. } => {
                let made = idempotency(Route::Settlements, idempotency_key);
                made.into_iter().chain([Key::Settlement(*settlement_no)]).collect()
            }
            Event::WithdrawalRequested { withdrawal_no, idempotency_key, .. } => {
                let made = idempotency(Route::Withdrawals, idempotency_key);
                made.into_iter().chain([Key::Withdrawal(*withdrawal_no)]).collect()
            }
            Event::WithdrawalApproved { withdrawal_no, .. }
            | Event::WithdrawalRejected { withdrawal_no, .. }
            | Event::WithdrawalSending { withdrawal_no }
            | Event::WithdrawalUnknown { withdrawal_no, .. }
            | Event::WithdrawalSucceeded { withdrawal_no, .. }
            | Event::WithdrawalFailed { withdrawal_no, .. } => {
                vec![Key::Withdrawal(*withdrawal_no)]
            }
            Event::CaseOpened { case } => {
                let held = case.suspended().map(|_| Key::Held(case.transaction_id));
                held.into_iter().chain([Key::Case(case.case_id)]).collect()
            }
            Event::CaseRaised { case } => {
                let held = case.suspended().and(case.transaction_id).map(Key::Held);
                held.into_iter().chain([Key::Case(case.case_id)]).collect()
            }
            Event::CaseResolved { case_id, .. } | Event::SuspenseReleased { case_id, .. } => {
                vec![Key::Case(*case_id)]
            }
            Event::RefundRequested { refund_no, order_no, idempotency_key, .. } => {
                let made = idempotency(Route::Refunds, idempotency_key);
                let both = [Key::Refund(*refund_no), Key::Order(*order_no)];
                made.into_iter().chain(both).collect()
            }
            Event::AdjustmentRequested { adjustment_no, idempotency_key, .. } => {
                let made = idempotency(Route::Adjustments, idempotency_key);
                made.into_iter().chain([Key::Adjustment(*adjustment_no)]).collect()
            }
            Event::AdjustmentApproved { adjustment_no, .. }
            | Event::AdjustmentRejected { adjustment_no, .. } => {
                vec![Key::Adjustment(*adjustment_no)]
            }
            Event::RefundSending { refund_no, order_no }
            | Event::RefundSucceeded { refund_no, order_no, .. }
            | Event::RefundFailed { refund_no, order_no, .. }
            | Event::RefundFound { refund_no, order_no, .. }
            | Event::RefundPostponed { refund_no, order_no, .. }
            | Event::RefundUnknown { refund_no, order_no, .. }
            | Event::RefundNoticed { refund_no, order_no, .. } => {
                vec![Key::Refund(*refund_no), Key::Order(*order_no)]
            }
            Event::WithdrawalInRun { withdrawal_no, .. } => {
                vec![Key::Withdrawal(*withdrawal_no), Key::InRun(*withdrawal_no)]
            }
        }
    }
}
