//! What a row must hold, column by column. It shares with `sql::rows` how one value is spelt, and no more: the audit does
//! not trust which column is written or read as what.

use std::fmt;

use tally_actors::domain::books::{Key, Numbered, Record, Route};
use tally_actors::domain::case::Case;
use tally_actors::domain::order::Order;
use tally_actors::domain::settlement::Settlement;
use tally_actors::domain::withdrawal::Withdrawal;

use super::cells::{amount, at, count, date, or_null, place, text};
use super::fold::Fold;
use super::report::What;
use crate::sql::row::{Cell, Row};
use crate::sql::rows::{encode_channel, encode_facts, method_name};
use crate::sql::value as sql;

/// What a column holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Null,
    Integer(i64),
    Text(String),
    Blob(Vec<u8>),
    /// Of no type that the schema has, or text that is not UTF-8.
    Damaged,
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Text(text) => write!(f, "{text:?}"),
            Self::Blob(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Damaged => f.write_str("damaged"),
        }
    }
}

impl Value {
    /// What a row holds in its how-manieth column.
    pub(super) fn stored(row: &Row, column: usize) -> Self {
        match row.cell(column) {
            Cell::Null => Self::Null,
            Cell::Integer(number) => Self::Integer(*number),
            Cell::Text(text) => Self::Text(text.to_string()),
            Cell::Bytes(bytes) => Self::Blob(bytes.to_vec()),
            Cell::Damaged => Self::Damaged,
        }
    }

    /// As a statement takes it.
    pub(super) fn given(&self) -> sql::Value<'_> {
        match self {
            Self::Null | Self::Damaged => sql::Value::Null,
            Self::Integer(number) => sql::Value::Integer(*number),
            Self::Text(text) => sql::Value::Text(text),
            Self::Blob(bytes) => sql::Value::Bytes(bytes),
        }
    }
}

/// Columns that hold what is personal or could hold it: a report does not show them.
const PERSONAL: [&str; 8] = [
    "description",
    "channel",
    "prepay_id",
    "payout_openid",
    "payout_name",
    "kept",
    "facts",
    "note",
];

/// The first column whose value is another than expected.
pub(super) fn difference(
    names: &[&'static str],
    stored: &[Value],
    expected: &[Value],
) -> Option<What> {
    let columns = names.iter().zip(stored.iter().zip(expected));
    let (column, (stored, expected)) =
        columns.into_iter().find(|(_, (stored, expected))| stored != expected)?;
    let show = |value: &Value| {
        if PERSONAL.contains(column) && *value != Value::Null {
            "another (personal, not shown)".to_owned()
        } else {
            value.to_string()
        }
    };
    Some(What::Differs { column, stored: show(stored), expected: show(expected) })
}

/// A table of which a merchant has many rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Table {
    Idempotency,
    Orders,
    Settlements,
    Withdrawals,
    Cases,
    InRuns,
}

impl Table {
    /// All of them, in the order of [`Key`].
    pub(super) const ALL: [Self; 6] = [
        Self::Idempotency,
        Self::Orders,
        Self::Settlements,
        Self::Withdrawals,
        Self::Cases,
        Self::InRuns,
    ];

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Idempotency => "idempotency",
            Self::Orders => "orders",
            Self::Settlements => "settlements",
            Self::Withdrawals => "withdrawals",
            Self::Cases => "cases",
            Self::InRuns => "bank_run_items",
        }
    }

    /// Its columns after the merchant's id, the rest of the primary key first.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Idempotency => &["route", "idempotency_key", "number"],
            Self::Orders => ORDER,
            Self::Settlements => SETTLEMENT,
            Self::Withdrawals => WITHDRAWAL,
            Self::Cases => CASE,
            Self::InRuns => &["withdrawal_no", "run_no"],
        }
    }

    /// How many of them are the rest of the primary key.
    pub(super) fn key_columns(self) -> usize {
        if self == Self::Idempotency { 2 } else { 1 }
    }

    /// The column by which a row belongs to a share.
    pub(super) fn number_column(self) -> usize {
        if self == Self::Idempotency { 2 } else { 0 }
    }

    /// Whether the row of a key is in this table.
    pub(super) fn has(self, key: &Key) -> bool {
        self == match key {
            Key::Idempotency(..) => Self::Idempotency,
            Key::Order(_) | Key::Transaction(_) => Self::Orders,
            Key::Settlement(_) => Self::Settlements,
            Key::Withdrawal(_) => Self::Withdrawals,
            Key::Case(_) => Self::Cases,
            Key::InRun(_) => Self::InRuns,
        }
    }

    /// The key of a row; `None` when no key looks so.
    pub(super) fn key(self, values: &[Value]) -> Option<Key> {
        let text = |column: usize| match values.get(column) {
            Some(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let first = text(0)?;
        match self {
            Self::Idempotency => {
                let routes = [Route::Orders, Route::Settlements, Route::Withdrawals];
                let route = routes.into_iter().find(|route| route.as_str() == first)?;
                Some(Key::Idempotency(route, text(1)?.parse().ok()?))
            }
            Self::Orders => Some(Key::Order(first.parse().ok()?)),
            Self::Settlements => Some(Key::Settlement(first.parse().ok()?)),
            Self::Withdrawals => Some(Key::Withdrawal(first.parse().ok()?)),
            Self::Cases => Some(Key::Case(first.parse().ok()?)),
            Self::InRuns => Some(Key::InRun(first.parse().ok()?)),
        }
    }
}

/// A key as a report names it.
pub(super) fn key_text(key: &Key) -> String {
    match key {
        Key::Idempotency(route, key) => format!("{}/{key}", route.as_str()),
        Key::Order(number) => number.to_string(),
        Key::Transaction(number) => number.to_string(),
        Key::Settlement(number) => number.to_string(),
        Key::Withdrawal(number) => number.to_string(),
        Key::Case(id) => id.to_string(),
        Key::InRun(number) => number.to_string(),
    }
}

/// What the row of a key holds.
pub(super) fn expected(key: &Key, fold: &Fold) -> Vec<Value> {
    match fold.record(key) {
        Record::Number(number) => {
            let Key::Idempotency(route, key) = key else { return vec![] };
            let number = match number {
                Numbered::Order(number) => text(number),
                Numbered::Settlement(number) => text(number),
                Numbered::Withdrawal(number) => text(number),
            };
            vec![text(route.as_str()), text(key), number]
        }
        Record::Order(found) => order(found),
        Record::Transaction(order_no) => vec![text(order_no)],
        Record::Settlement(found) => settlement(found),
        Record::Withdrawal(found) => withdrawal(found),
        Record::Case(found) => case(found),
        Record::InRun(run_no) => {
            let Key::InRun(number) = key else { return vec![] };
            vec![text(number), text(run_no)]
        }
    }
}

const ORDER: &[&str] = &[
    "order_no",
    "amount_fen",
    "description",
    "channel",
    "status",
    "opened_ms",
    "opened_seq",
    "expires_ms",
    "prepay_id",
    "prepaid_ms",
    "closed_ms",
    "paid_seq",
    "transaction_id",
    "paid_ms",
    "booked_fen",
    "fee_fen",
    "settle_on",
    "refunded_fen",
    "closing_ms",
];

fn order(order: &Order) -> Vec<Value> {
    let (prepay, payment) = (order.prepay.as_ref(), order.payment.as_ref());
    vec![
        text(order.order_no),
        amount(order.amount),
        text(&order.description),
        Value::Blob(encode_channel(&order.channel)),
        text(order.status.as_str()),
        at(order.opened_at),
        place(order.opened_seq),
        at(order.expires_at),
        or_null(prepay, |prepay| text(&prepay.prepay_id)),
        or_null(prepay, |prepay| at(prepay.at)),
        or_null(order.closed_at, at),
        or_null(payment, |payment| count(payment.paid_seq)),
        or_null(payment, |payment| text(payment.transaction_id)),
        or_null(payment, |payment| at(payment.paid_at)),
        or_null(payment, |payment| amount(payment.booked)),
        or_null(payment, |payment| amount(payment.fee)),
        or_null(payment.and_then(|payment| payment.settle_on), date),
        amount(order.refunded),
        or_null(order.closing_at, at),
    ]
}

const SETTLEMENT: &[&str] = &[
    "settlement_no",
    "seq",
    "at_ms",
    "through",
    "include_not_due",
    "orders",
    "gross_fen",
    "refunded_fen",
    "fee_fen",
    "first_paid_seq",
    "last_paid_seq",
];

fn settlement(settlement: &Settlement) -> Vec<Value> {
    let moved = &settlement.moved;
    vec![
        text(settlement.settlement_no),
        place(settlement.seq),
        at(settlement.at),
        date(settlement.through),
        Value::Integer(i64::from(settlement.include_not_due)),
        count(moved.orders),
        amount(moved.gross),
        amount(moved.refunded),
        amount(moved.fee),
        count(moved.first_paid_seq),
        count(moved.last_paid_seq),
    ]
}

const WITHDRAWAL: &[&str] = &[
    "withdrawal_no",
    "amount_fen",
    "asked_fen",
    "settle_first",
    "method",
    "payout_openid",
    "payout_name",
    "status",
    "reason",
    "reference",
    "requested_ms",
    "requested_seq",
    "day",
    "asked_by",
    "approved_by",
    "settlement_no",
    "tried_ms",
];

fn withdrawal(withdrawal: &Withdrawal) -> Vec<Value> {
    vec![
        text(withdrawal.withdrawal_no),
        amount(withdrawal.amount),
        or_null(withdrawal.request.amount, amount),
        Value::Integer(i64::from(withdrawal.request.settle_first)),
        text(method_name(withdrawal.method)),
        or_null(withdrawal.payout_openid.as_ref(), text),
        or_null(withdrawal.payout_name.as_ref(), text),
        text(withdrawal.status.as_str()),
        or_null(withdrawal.reason.as_ref(), text),
        or_null(withdrawal.reference.as_ref(), text),
        at(withdrawal.requested_at),
        place(withdrawal.requested_seq),
        date(withdrawal.day),
        text(withdrawal.asked_by),
        or_null(withdrawal.approved_by, text),
        or_null(withdrawal.settlement_no, text),
        or_null(withdrawal.tried_at, at),
    ]
}

const CASE: &[&str] = &[
    "case_id",
    "kind",
    "opened_ms",
    "opened_seq",
    "order_no",
    "transaction_id",
    "amount_fen",
    "expected_fen",
    "paid_ms",
    "facts",
    "status",
    "resolved_ms",
    "resolved_by",
    "note",
    "remedy",
];

fn case(case: &Case) -> Vec<Value> {
    let resolution = case.resolution.as_ref();
    vec![
        text(case.case_id),
        text(case.kind.as_str()),
        at(case.opened_at),
        place(case.opened_seq),
        or_null(case.order_no, text),
        or_null(case.transaction_id, text),
        or_null(case.amount, amount),
        or_null(case.expected, amount),
        or_null(case.paid_at, at),
        text(encode_facts(&case.facts)),
        text(if resolution.is_some() { "resolved" } else { "open" }),
        or_null(resolution, |made| at(made.at)),
        or_null(resolution, |made| text(made.by)),
        or_null(resolution, |made| text(&made.note)),
        or_null(resolution.and_then(|made| made.remedy), |remedy| text(remedy.as_str())),
    ]
}
