//! Values on their way into a statement.

use std::sync::Arc;

use sqlx::Arguments;
use sqlx::mysql::MySqlArguments;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;

/// A value on its way into a statement.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Value<'v> {
    /// SQL's null.
    Null,
    /// A number, an amount, an instant, a day.
    Integer(i64),
    /// A text.
    Text(&'v str),
    /// Bytes that exist.
    Bytes(&'v [u8]),
    /// Bytes made for this row.
    Blob(Vec<u8>),
    /// A text made for this row.
    Words(String),
}

/// One row of values.
pub(crate) type Values<'v> = Vec<Value<'v>>;

/// What a value always can be: encoded.
const PLAIN: &str = "plain values always encode";

impl<'v> Value<'v> {
    /// The value, or null.
    pub(crate) fn if_any<T>(value: Option<T>, make: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Null, make)
    }

    pub(crate) fn bind_sqlite(&self, arguments: &mut SqliteArguments) {
        let bound = match self {
            Self::Null => arguments.add(None::<i64>),
            Self::Integer(integer) => arguments.add(*integer),
            Self::Text(text) => arguments.add(Arc::<str>::from(*text)),
            Self::Words(text) => arguments.add(Arc::<str>::from(text.as_str())),
            Self::Bytes(bytes) => arguments.add(*bytes),
            Self::Blob(bytes) => arguments.add(bytes.as_slice()),
        };
        bound.expect(PLAIN);
    }

    pub(crate) fn bind_mysql(&self, arguments: &mut MySqlArguments) {
        let bound = match self {
            Self::Null => arguments.add(None::<i64>),
            Self::Integer(integer) => arguments.add(*integer),
            Self::Text(text) => arguments.add(*text),
            Self::Words(text) => arguments.add(text.as_str()),
            Self::Bytes(bytes) => arguments.add(*bytes),
            Self::Blob(bytes) => arguments.add(bytes.as_slice()),
        };
        bound.expect(PLAIN);
    }

    pub(crate) fn bind_postgres(&self, arguments: &mut PgArguments) {
        let bound = match self {
            Self::Null => arguments.add(None::<&str>), // of no type: see `Sql`
            Self::Integer(integer) => arguments.add(*integer),
            Self::Text(text) => arguments.add(*text),
            Self::Words(text) => arguments.add(text.as_str()),
            Self::Bytes(bytes) => arguments.add(*bytes),
            Self::Blob(bytes) => arguments.add(bytes.as_slice()),
        };
        bound.expect(PLAIN);
    }

    /// As a number, where it is one.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(*integer),
            Self::Null | Self::Text(_) | Self::Words(_) | Self::Bytes(_) | Self::Blob(_) => None,
        }
    }

    /// As a text, where it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Words(text) => Some(text),
            Self::Null | Self::Integer(_) | Self::Bytes(_) | Self::Blob(_) => None,
        }
    }

    /// As bytes, where it is some.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Blob(bytes) => Some(bytes),
            Self::Null | Self::Integer(_) | Self::Text(_) | Self::Words(_) => None,
        }
    }
}
