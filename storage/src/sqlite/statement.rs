//! Statements over many rows: `… (values (?, …), …) …`, in fixed sizes, so that each is prepared once a connection.
//!
//! A statement that is not full leaves its last parameters unbound. SQLite takes those for null, and the text after the
//! values must make nothing of a row of nulls: a join does that by itself, an insert says `where column1 is not null`.

use std::sync::{Arc, OnceLock};

use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments, AssertSqlSafe};

/// Rows of the largest statement. With 14 columns it stays far below SQLite's limit of 32,766 parameters.
const ROWS_MAX: usize = 256;

/// One text for each power of two up to [`ROWS_MAX`].
const SIZES: usize = ROWS_MAX.ilog2() as usize + 1;

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
}

impl<'v> Value<'v> {
    /// The value, or null.
    pub(crate) fn if_any<T>(value: Option<T>, make: impl FnOnce(T) -> Self) -> Self {
        value.map_or(Self::Null, make)
    }

    fn bind(&self, arguments: &mut SqliteArguments) {
        let bound = match self {
            Self::Null => arguments.add(None::<i64>),
            Self::Integer(integer) => arguments.add(*integer),
            Self::Text(text) => arguments.add(Arc::<str>::from(*text)),
            Self::Bytes(bytes) => arguments.add(*bytes),
            Self::Blob(bytes) => arguments.add(bytes.as_slice()),
        };
        bound.expect("plain values always encode");
    }
}

/// One row of values.
pub(crate) type Values<'v> = Vec<Value<'v>>;

/// A statement over any number of rows of the same width.
pub(crate) struct Statement {
    before: Before,
    width: usize,
    after: &'static str,
    texts: [OnceLock<Arc<str>>; SIZES],
}

/// What stands before the list of rows.
enum Before {
    /// This.
    Text(&'static str),
    /// A select of the rows' first value and these columns.
    Select(&'static str),
}

impl Statement {
    /// A statement whose list of rows, each of `width` values, stands between `before` and `after`.
    pub(crate) const fn new(before: &'static str, width: usize, after: &'static str) -> Self {
        let before = Before::Text(before);
        Self { before, width, after, texts: [const { OnceLock::new() }; SIZES] }
    }

    /// A select of the first value of each row and of `columns` of the table that `after` joins with the rows, which are
    /// `v`. A cross join keeps SQLite from walking the table first.
    pub(crate) const fn select(columns: &'static str, width: usize, after: &'static str) -> Self {
        let before = Before::Select(columns);
        Self { before, width, after, texts: [const { OnceLock::new() }; SIZES] }
    }

    /// Executes it for all rows. Gives how many rows of the table it touched.
    pub(crate) async fn write(
        &self,
        db: &mut SqliteConnection,
        rows: &[Values<'_>],
    ) -> Result<u64, sqlx::Error> {
        let mut touched = 0;
        for part in rows.chunks(ROWS_MAX) {
            let (text, arguments) = (self.text(part.len()), self.arguments(part));
            let done = sqlx::query_with(AssertSqlSafe(text), arguments).execute(&mut *db).await?;
            touched += done.rows_affected();
        }
        Ok(touched)
    }

    /// Reads what it selects for all rows.
    pub(crate) async fn read(
        &self,
        db: &mut SqliteConnection,
        rows: &[Values<'_>],
    ) -> Result<Vec<SqliteRow>, sqlx::Error> {
        let mut found = Vec::with_capacity(rows.len());
        for part in rows.chunks(ROWS_MAX) {
            let (text, arguments) = (self.text(part.len()), self.arguments(part));
            found.extend(
                sqlx::query_with(AssertSqlSafe(text), arguments).fetch_all(&mut *db).await?,
            );
        }
        Ok(found)
    }

    fn arguments(&self, rows: &[Values<'_>]) -> SqliteArguments {
        let mut arguments = SqliteArguments::default();
        arguments.reserve(rows.len() * self.width, 0);
        for row in rows {
            debug_assert_eq!(row.len(), self.width, "{}", self.after);
            row.iter().for_each(|value| value.bind(&mut arguments));
        }
        arguments
    }

    /// The text for the smallest size that holds `rows` rows.
    pub(crate) fn text(&self, rows: usize) -> Arc<str> {
        let rows = rows.next_power_of_two();
        let size = rows.trailing_zeros() as usize;
        Arc::clone(self.texts[size].get_or_init(|| {
            let row = format!("({})", vec!["?"; self.width].join(", "));
            let list = vec![row.as_str(); rows].join(", ");
            let after = self.after;
            match self.before {
                Before::Text(before) => format!("{before}{list}{after}").into(),
                Before::Select(columns) => {
                    format!("select v.column1, {columns} from (values {list}{after}").into()
                }
            }
        }))
    }
}
