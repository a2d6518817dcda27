//! The records that messages name: what is known of them, and how events change them.

use std::collections::HashMap;

use super::case::Case;
use super::chain::Seq;
use super::event::{Event, Stamped};
use super::head::Broken;
use super::ids::{CaseId, IdempotencyKey, OrderNo, SettlementNo, TransactionId, WithdrawalNo};
use super::money::Money;
use super::order::{Order, OrderStatus, Payment, Prepay};
use super::settlement::Settlement;
use super::time::At;
use super::withdrawal::{Withdrawal, WithdrawalStatus};

/// A call whose number the server may make: the scope of an Idempotency-Key, beside the merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Route {
    /// Opening an order.
    Orders,
    /// Settling.
    Settlements,
    /// Withdrawing.
    Withdrawals,
}

impl Route {
    /// Its name in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Orders => "orders",
            Self::Settlements => "settlements",
            Self::Withdrawals => "withdrawals",
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

    /// The number made for a caller's key.
    pub fn number(&self, route: Route, key: &IdempotencyKey) -> Option<Numbered> {
        match self.0.get(&Key::Idempotency(route, *key)).expect(LOOKED_UP) {
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
            Event::MerchantRegistered { .. } | Event::RulesChanged { .. } => vec![],
            Event::OrderOpened { order_no, idempotency_key, .. } => {
                let made = idempotency(Route::Orders, idempotency_key);
                made.into_iter().chain([Key::Order(*order_no)]).collect()
            }
            Event::OrderPrepaid { order_no, .. } | Event::OrderClosed { order_no } => {
                vec![Key::Order(*order_no)]
            }
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
            Event::CaseOpened { case } => vec![Key::Case(case.case_id)],
        }
    }

    /// Applies an event at its place in the journal. What it changes must be at hand.
    pub fn apply(&mut self, seq: Seq, stamped: &Stamped) -> Result<(), Broken> {
        self.fold(seq, stamped).ok_or(Broken(stamped.event.kind()))
    }

    fn fold(&mut self, seq: Seq, Stamped { at, event }: &Stamped) -> Option<()> {
        match event {
            Event::MerchantRegistered { .. } | Event::RulesChanged { .. } => {}
            Event::OrderOpened {
                order_no,
                idempotency_key,
                amount,
                description,
                channel,
                expires_at,
            } => {
                self.insert_number(Route::Orders, *idempotency_key, Numbered::Order(*order_no))?;
                let order = Order {
                    order_no: *order_no,
                    amount: *amount,
                    description: description.clone(),
                    channel: channel.clone(),
                    status: OrderStatus::Open,
                    opened_at: *at,
                    opened_seq: seq,
                    expires_at: *expires_at,
                    prepay: None,
                    closed_at: None,
                    payment: None,
                    refunded: Money::ZERO,
                };
                self.insert(Key::Order(*order_no), Record::Order(Box::new(order)))?;
            }
            Event::OrderPrepaid { order_no, prepay_id } => {
                self.order_mut(order_no)?.prepay =
                    Some(Prepay { prepay_id: prepay_id.clone(), at: *at });
            }
            Event::OrderPaid {
                order_no,
                transaction_id,
                paid_at,
                booked,
                fee,
                paid_seq,
                settle_on,
                ..
            } => {
                let order = self.order_mut(order_no).filter(|order| order.payment.is_none())?;
                order.status = OrderStatus::Paid;
                order.payment = Some(Payment {
                    paid_seq: *paid_seq,
                    transaction_id: *transaction_id,
                    paid_at: *paid_at,
                    booked: *booked,
                    fee: *fee,
                    settle_on: *settle_on,
                });
                self.insert(Key::Transaction(*transaction_id), Record::Transaction(*order_no))?;
            }
            Event::OrderClosed { order_no } => {
                let order =
                    self.order_mut(order_no).filter(|order| order.status == OrderStatus::Open)?;
                order.status = OrderStatus::Closed;
                order.closed_at = Some(*at);
            }
            Event::Settled { settlement_no, idempotency_key, through, include_not_due, moved } => {
                self.insert_number(
                    Route::Settlements,
                    *idempotency_key,
                    Numbered::Settlement(*settlement_no),
                )?;
                let settlement = Settlement {
                    settlement_no: *settlement_no,
                    seq,
                    at: *at,
                    through: *through,
                    include_not_due: *include_not_due,
                    moved: *moved,
                };
                self.insert(
                    Key::Settlement(*settlement_no),
                    Record::Settlement(Box::new(settlement)),
                )?;
            }
            Event::CaseOpened { case } => {
                self.insert(Key::Case(case.case_id), Record::Case(Box::new(case.clone())))?;
            }
            Event::WithdrawalRequested { .. }
            | Event::WithdrawalApproved { .. }
            | Event::WithdrawalRejected { .. }
            | Event::WithdrawalSending { .. }
            | Event::WithdrawalUnknown { .. }
            | Event::WithdrawalSucceeded { .. }
            | Event::WithdrawalFailed { .. } => self.fold_withdrawal(seq, *at, event)?,
        }
        Some(())
    }

    fn fold_withdrawal(&mut self, seq: Seq, at: At, event: &Event) -> Option<()> {
        if let Event::WithdrawalRequested {
            withdrawal_no, idempotency_key, needs_approval, ..
        } = event
        {
            self.insert_number(
                Route::Withdrawals,
                *idempotency_key,
                Numbered::Withdrawal(*withdrawal_no),
            )?;
            let status = if *needs_approval {
                WithdrawalStatus::AwaitingApproval
            } else {
                WithdrawalStatus::Requested
            };
            let withdrawal = requested(seq, at, event, status)?;
            return self
                .insert(Key::Withdrawal(*withdrawal_no), Record::Withdrawal(Box::new(withdrawal)));
        }
        let [Key::Withdrawal(withdrawal_no)] = Self::touched_by(event)[..] else { return None };
        let withdrawal = self
            .withdrawal_mut(&withdrawal_no)
            .filter(|withdrawal| !withdrawal.status.is_final())?;
        match event {
            Event::WithdrawalApproved { .. } => withdrawal.status = WithdrawalStatus::Requested,
            Event::WithdrawalSending { .. } => withdrawal.status = WithdrawalStatus::Sending,
            Event::WithdrawalUnknown { reason, .. } => {
                withdrawal.status = WithdrawalStatus::Unknown;
                withdrawal.reason = Some(reason.clone());
            }
            Event::WithdrawalSucceeded { amount, reference, .. }
                if *amount == withdrawal.amount =>
            {
                withdrawal.status = WithdrawalStatus::Succeeded;
                withdrawal.reason = None;
                withdrawal.reference = Some(reference.clone());
            }
            Event::WithdrawalFailed { amount, reason, .. } if *amount == withdrawal.amount => {
                withdrawal.status = WithdrawalStatus::Failed;
                withdrawal.reason = Some(reason.clone());
            }
            Event::WithdrawalRejected { amount, reason, .. } if *amount == withdrawal.amount => {
                withdrawal.status = WithdrawalStatus::Rejected;
                withdrawal.reason = Some(reason.clone());
            }
            _ => return None,
        }
        Some(())
    }

    fn insert(&mut self, key: Key, record: Record) -> Option<()> {
        let before = self.0.insert(key, Some(record));
        matches!(before, None | Some(None)).then_some(())
    }

    fn insert_number(
        &mut self,
        route: Route,
        key: Option<IdempotencyKey>,
        number: Numbered,
    ) -> Option<()> {
        key.map_or(Some(()), |key| {
            self.insert(Key::Idempotency(route, key), Record::Number(number))
        })
    }

    fn order_mut(&mut self, order_no: &OrderNo) -> Option<&mut Order> {
        match self.0.get_mut(&Key::Order(*order_no))? {
            Some(Record::Order(order)) => Some(order),
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

/// The withdrawal that a request makes.
fn requested(seq: Seq, at: At, event: &Event, status: WithdrawalStatus) -> Option<Withdrawal> {
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
        status,
        reason: None,
        reference: None,
        requested_at: at,
        requested_seq: seq,
        day: *day,
        asked_by: *asked_by,
        settlement_no: *settlement_no,
    })
}
