//! Single values as the audit expects them in a column.

use std::fmt;

use tally_actors::domain::chain::Seq;
use tally_actors::domain::money::Money;
use tally_actors::domain::time::{At, Day};

use super::columns::Value;
use crate::sql::rows::{fen, integer};

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
