//! What a row must hold, column by column. It shares with `sql::rows` how one value is spelt, and no more: the audit does
//! not trust which column is written or read as what.

use std::fmt;

use tally_actors::domain::books::{Key, Numbered, Record, Route};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::money::Money;
use tally_actors::domain::time::{At, Day};

use super::fold::Fold;
use super::report::What;
use super::things::{
    ADJUSTMENT, CASE, ORDER, REFUND, SETTLEMENT, WITHDRAWAL, adjustment, case, order, refund,
    settlement, withdrawal,
};
use crate::sql::row::{Cell, Row};
use crate::sql::rows::{fen, integer};
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
    Refunds,
    InRuns,
    Adjustments,
}

impl Table {
    /// All of them, in the order of [`Key`].
    pub(super) const ALL: [Self; 8] = [
        Self::Idempotency,
        Self::Orders,
        Self::Settlements,
        Self::Withdrawals,
        Self::Cases,
        Self::Refunds,
        Self::InRuns,
        Self::Adjustments,
    ];

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Idempotency => "idempotency",
            Self::Orders => "orders",
            Self::Settlements => "settlements",
            Self::Withdrawals => "withdrawals",
            Self::Cases => "cases",
            Self::Refunds => "refunds",
            Self::InRuns => "bank_run_items",
            Self::Adjustments => "adjustments",
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
            Self::Refunds => REFUND,
            Self::InRuns => &["withdrawal_no", "run_no"],
            Self::Adjustments => ADJUSTMENT,
        }
    }

    /// How many of them are the rest of the primary key.
    pub(super) fn key_columns(self) -> usize {
        if self == Self::Idempotency { 2 } else { 1 }
    }

    /// The column by which a row belongs to a share.
    pub(super) fn number_column(self) -> usize {
        match self {
            Self::Idempotency => 2,
            Self::Refunds => 1, // of the order, whose row is folded together with it
            Self::Orders
            | Self::Settlements
            | Self::Withdrawals
            | Self::Cases
            | Self::InRuns
            | Self::Adjustments => 0,
        }
    }

    /// Whether the row of a key is in this table.
    pub(super) fn has(self, key: &Key) -> bool {
        self == match key {
            Key::Idempotency(..) => Self::Idempotency,
            Key::Order(_) | Key::Transaction(_) => Self::Orders,
            Key::Settlement(_) => Self::Settlements,
            Key::Withdrawal(_) => Self::Withdrawals,
            Key::Case(_) | Key::Held(_) => Self::Cases,
            Key::Refund(_) => Self::Refunds,
            Key::InRun(_) => Self::InRuns,
            Key::Adjustment(_) => Self::Adjustments,
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
                let routes = [
                    Route::Adjustments,
                    Route::Orders,
                    Route::Settlements,
                    Route::Withdrawals,
                    Route::Refunds,
                ];
                let route = routes.into_iter().find(|route| route.as_str() == first)?;
                Some(Key::Idempotency(route, text(1)?.parse().ok()?))
            }
            Self::Orders => Some(Key::Order(first.parse().ok()?)),
            Self::Settlements => Some(Key::Settlement(first.parse().ok()?)),
            Self::Withdrawals => Some(Key::Withdrawal(first.parse().ok()?)),
            Self::Cases => Some(Key::Case(first.parse().ok()?)),
            Self::Refunds => Some(Key::Refund(first.parse().ok()?)),
            Self::InRuns => Some(Key::InRun(first.parse().ok()?)),
            Self::Adjustments => Some(Key::Adjustment(first.parse().ok()?)),
        }
    }
}

/// A key as a report names it.
pub(super) fn key_text(key: &Key) -> String {
    match key {
        Key::Idempotency(route, key) => format!("{}/{key}", route.as_str()),
        Key::Order(number) => number.to_string(),
        Key::Transaction(number) | Key::Held(number) => number.to_string(),
        Key::Settlement(number) => number.to_string(),
        Key::Withdrawal(number) => number.to_string(),
        Key::Case(id) => id.to_string(),
        Key::Refund(number) => number.to_string(),
        Key::InRun(number) => number.to_string(),
        Key::Adjustment(number) => number.to_string(),
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
                Numbered::Refund(number) => text(number),
                Numbered::Adjustment(number) => text(number),
            };
            vec![text(route.as_str()), text(key), number]
        }
        Record::Order(found) => order(found),
        Record::Transaction(order_no) => vec![text(order_no)],
        Record::Held(case_id) => vec![text(case_id)],
        Record::Adjustment(found) => adjustment(found),
        Record::Settlement(found) => settlement(found),
        Record::Withdrawal(found) => withdrawal(found),
        Record::Refund(found) => refund(found),
        Record::Case(found) => case(found),
        Record::InRun(run_no) => {
            let Key::InRun(number) = key else { return vec![] };
            vec![text(number), text(run_no)]
        }
    }
}

pub(super) fn or_null<T>(thing: Option<T>, value: impl FnOnce(T) -> Value) -> Value {
    thing.map_or(Value::Null, value)
}

pub(super) fn text(thing: impl fmt::Display) -> Value {
    Value::Text(thing.to_string())
}

pub(super) fn amount(amount: Money) -> Value {
    Value::Integer(fen(amount))
}

pub(super) fn count(count: u64) -> Value {
    Value::Integer(integer(count))
}

pub(super) fn place(seq: Seq) -> Value {
    count(seq.0)
}

pub(super) fn at(at: At) -> Value {
    Value::Integer(at.ms())
}

pub(super) fn date(day: Day) -> Value {
    Value::Integer(i64::from(day.days()))
}
