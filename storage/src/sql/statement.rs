//! Statements over many rows: described once, and put into each dialect's words.
//!
//! | | where the rows stand | sizes |
//! |---|---|---|
//! | SQLite | `values (?, …), …` | powers of two; one that is not full leaves its last parameters unbound, which counts as null |
//! | MySQL, MariaDB | `values (?, …), …` of an insert | some, each full: other numbers of rows take several statements |
//! | | else `select ? union all …` | the same; one that is not full ends in rows of nulls |
//! | PostgreSQL | one array a column, unnested | any |
//!
//! So each text is prepared once a connection. The text after the values makes nothing of a row of nulls: a join does that by
//! itself, an insert in SQLite says `where column1 is not null`.

use std::sync::{Arc, OnceLock};

use sqlx::Arguments;
use sqlx::postgres::PgArguments;

use super::db::Db;
use super::dialect::Dialect;
use super::row::Row;
use super::value::{Value, Values};

/// Rows of the largest statement whose values each have a mark. With 19 columns it stays far below SQLite's limit of 32,766
/// parameters, and MySQL's of 65,535.
const ROWS_MAX: usize = 256;

/// Rows of the largest statement whose values come in arrays.
const ARRAY_MAX: usize = 4_096;

/// One text for each power of two up to [`ROWS_MAX`].
const SIZES: usize = ROWS_MAX.ilog2() as usize + 1;

/// The sizes of statements in MySQL. A statement costs there what some twenty rows cost, and a way to the server.
const MYSQL_SIZES: [usize; 16] = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, ROWS_MAX];

/// What a column of the rows holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// Numbers, amounts, instants, days, yes and no.
    Integer,
    /// Texts.
    Text,
    /// Bytes.
    Bytes,
}

/// What is done with the rows, which are called `v`, their values `column1` and so on.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Shape {
    /// They are inserted; into a table that has one of their key, it fails.
    Insert {
        /// The table.
        table: &'static str,
        /// Its columns.
        columns: &'static str,
    },
    /// They are inserted, or written over the row of their key.
    Upsert {
        /// The table.
        table: &'static str,
        /// Its columns.
        columns: &'static str,
        /// The columns of its key.
        key: &'static str,
        /// The columns that are written over.
        changes: &'static [&'static str],
    },
    /// They change rows of a table.
    Update {
        /// The table.
        table: &'static str,
        /// What is set.
        set: &'static str,
        /// Which rows.
        on: &'static str,
    },
    /// The first value of each is selected with columns of a table's rows.
    Select {
        /// The columns.
        columns: &'static str,
        /// The table.
        table: &'static str,
        /// The index to walk along, if it is not the key.
        along: Option<&'static str>,
        /// Which rows.
        on: &'static str,
        /// Whether the table's rows are locked until the transaction ends, in the order of the rows given.
        lock: bool,
    },
}

/// A statement over any number of rows of the same width.
pub(crate) struct Statement {
    shape: Shape,
    types: &'static [Type],
    sqlite: [OnceLock<Arc<str>>; SIZES],
    mysql: [OnceLock<Arc<str>>; MYSQL_SIZES.len()],
    postgres: OnceLock<Arc<str>>,
}

/// The values of a statement.
pub(crate) enum Parameters<'p, 'v> {
    /// One by one.
    Row(&'p [Value<'v>]),
    /// Row by row, and then so many rows of nulls.
    Rows(&'static [Type], &'p [Values<'v>], usize),
}

impl<'v> Parameters<'_, 'v> {
    /// How many.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Row(values) => values.len(),
            Self::Rows(types, rows, nulls) => types.len() * (rows.len() + nulls),
        }
    }

    /// Each in its order.
    pub(super) fn each(&self, mut value: impl FnMut(&Value<'v>)) {
        match self {
            Self::Row(values) => values.iter().for_each(value),
            Self::Rows(types, rows, nulls) => {
                rows.iter().flatten().for_each(&mut value);
                (0..types.len() * nulls).for_each(|_| value(&Value::Null));
            }
        }
    }
}

impl Type {
    /// Binds a column of rows as one array.
    pub(super) fn bind_array(self, rows: &[Values<'_>], column: usize, to: &mut PgArguments) {
        let values = rows.iter().map(|row| &row[column]);
        let bound = match self {
            Self::Integer => to.add(values.map(Value::as_integer).collect::<Vec<_>>()),
            Self::Text => to.add(values.map(Value::as_text).collect::<Vec<_>>()),
            Self::Bytes => to.add(values.map(Value::as_bytes).collect::<Vec<_>>()),
        };
        bound.expect("plain values always encode");
    }

    fn array(self) -> &'static str {
        match self {
            Self::Integer => "bigint[]",
            Self::Text => "text[]",
            Self::Bytes => "bytea[]",
        }
    }

    /// A mark that says its type, as a derived table's columns have none otherwise.
    fn cast(self) -> &'static str {
        match self {
            Self::Integer => "cast(? as signed)",
            Self::Text => "cast(? as char)",
            Self::Bytes => "cast(? as binary)",
        }
    }
}

impl Statement {
    /// A statement over rows of these types.
    pub(crate) const fn new(shape: Shape, types: &'static [Type]) -> Self {
        Self {
            shape,
            types,
            sqlite: [const { OnceLock::new() }; SIZES],
            mysql: [const { OnceLock::new() }; MYSQL_SIZES.len()],
            postgres: OnceLock::new(),
        }
    }

    /// The table that it is about.
    pub(crate) fn table(&self) -> &'static str {
        match self.shape {
            Shape::Insert { table, .. }
            | Shape::Upsert { table, .. }
            | Shape::Update { table, .. }
            | Shape::Select { table, .. } => table,
        }
    }

    /// Executes it for all rows. Gives how many rows of the table it touched; a row that is inserted or written over counts as
    /// one everywhere.
    pub(crate) async fn write(
        &self,
        db: &mut Db<'_>,
        rows: &[Values<'_>],
    ) -> Result<u64, sqlx::Error> {
        let dialect = db.dialect();
        let mut touched = 0;
        for part in self.parts(dialect, rows) {
            let done = db.write(self.text(dialect, part.len()), &self.of(dialect, part)).await?;
            touched += match (dialect, self.shape) {
                (Dialect::Mysql, Shape::Upsert { .. }) => part.len() as u64, // it counts two for one written over
                _ => done,
            };
        }
        Ok(touched)
    }

    /// Reads what it selects for all rows.
    pub(crate) async fn read(
        &self,
        db: &mut Db<'_>,
        rows: &[Values<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        let dialect = db.dialect();
        let mut found = Vec::with_capacity(rows.len());
        for part in self.parts(dialect, rows) {
            debug_assert!(part.iter().all(|row| row.len() == self.types.len()), "{:?}", self.shape);
            let parameters = self.of(dialect, part);
            found.extend(db.read(self.text(dialect, part.len()), &parameters).await?);
        }
        Ok(found)
    }

    /// The text for so many rows: in SQLite and MySQL that of the smallest size that holds them.
    pub(crate) fn text(&self, dialect: Dialect, rows: usize) -> Arc<str> {
        let (text, rows) = match dialect {
            Dialect::Sqlite => {
                let rows = rows.next_power_of_two();
                (&self.sqlite[rows.trailing_zeros() as usize], rows)
            }
            Dialect::Mysql => {
                let place = mysql_size(rows);
                (&self.mysql[place], MYSQL_SIZES[place])
            }
            Dialect::Postgres => (&self.postgres, rows),
        };
        Arc::clone(text.get_or_init(|| self.render(dialect, rows).into()))
    }

    /// The values of such a text. SQLite takes what is not there for nulls.
    fn of<'p, 'v>(&self, dialect: Dialect, rows: &'p [Values<'v>]) -> Parameters<'p, 'v> {
        let nulls = match dialect {
            Dialect::Sqlite | Dialect::Postgres => 0,
            Dialect::Mysql => MYSQL_SIZES[mysql_size(rows.len())] - rows.len(),
        };
        Parameters::Rows(self.types, rows, nulls)
    }

    /// Rows in the parts that one statement takes.
    fn parts<'r, 'v>(
        &self,
        dialect: Dialect,
        mut rows: &'r [Values<'v>],
    ) -> impl Iterator<Item = &'r [Values<'v>]> + use<'r, 'v> {
        let joins = matches!(self.shape, Shape::Update { .. } | Shape::Select { .. });
        std::iter::from_fn(move || {
            let size = match dialect {
                _ if rows.is_empty() => return None,
                Dialect::Sqlite => rows.len().min(ROWS_MAX),
                Dialect::Mysql if joins => rows.len().min(ROWS_MAX),
                Dialect::Mysql => {
                    let whole = MYSQL_SIZES.iter().rev().find(|size| **size <= rows.len());
                    whole.copied().unwrap_or(1)
                }
                Dialect::Postgres => rows.len().min(ARRAY_MAX),
            };
            let (part, rest) = rows.split_at(size);
            rows = rest;
            Some(part)
        })
    }

    fn render(&self, dialect: Dialect, rows: usize) -> String {
        let marked = || {
            let row = format!("({})", vec!["?"; self.types.len()].join(", "));
            vec![row; rows].join(", ")
        };
        match dialect {
            Dialect::Sqlite => self.in_sqlite(&format!("(values {})", marked())),
            Dialect::Mysql => self.in_mysql(&marked(), &self.derived(rows)),
            Dialect::Postgres => self.in_postgres(&self.unnested()),
        }
    }

    fn in_sqlite(&self, rows: &str) -> String {
        match self.shape {
            Shape::Insert { table, columns } => format!(
                "insert into {table} ({columns}) select * from {rows} where column1 is not null"
            ),
            Shape::Upsert { table, columns, key, changes } => format!(
                "insert into {table} ({columns}) select * from {rows} where column1 is not null \
                    on conflict ({key}) do update set {}",
                assigned(changes, |column| format!("excluded.{column}")),
            ),
            Shape::Update { table, set, on } => {
                format!("update {table} set {set} from {rows} as v where {on}")
            }
            // A cross join keeps SQLite from walking the table first.
            Shape::Select { columns, table, along, on, .. } => format!(
                "select v.column1, {columns} from {rows} as v cross join {table} {} on {on}",
                along.map(|index| Dialect::Sqlite.along(index)).unwrap_or_default(),
            ),
        }
    }

    fn in_mysql(&self, marked: &str, rows: &str) -> String {
        match self.shape {
            Shape::Insert { table, columns } => {
                format!("insert into {table} ({columns}) values {marked}")
            }
            Shape::Upsert { table, columns, changes, .. } => format!(
                "insert into {table} ({columns}) values {marked} on duplicate key update {}",
                assigned(changes, |column| format!("values({column})")),
            ),
            // A straight join keeps it from walking the table first.
            Shape::Update { table, set, on } => {
                format!("update {rows} as v straight_join {table} on {on} set {set}")
            }
            Shape::Select { columns, table, along, on, lock } => format!(
                "select v.column1, {columns} from {rows} as v straight_join {table} {} on {on}{}",
                along.map(|index| Dialect::Mysql.along(index)).unwrap_or_default(),
                if lock { " for update" } else { "" },
            ),
        }
    }

    fn in_postgres(&self, rows: &str) -> String {
        match self.shape {
            Shape::Insert { table, columns } => {
                format!("insert into {table} ({columns}) select * from {rows}")
            }
            Shape::Upsert { table, columns, key, changes } => format!(
                "insert into {table} ({columns}) select * from {rows} \
                    on conflict ({key}) do update set {}",
                assigned(changes, |column| format!("excluded.{column}")),
            ),
            Shape::Update { table, set, on } => {
                format!("update {table} set {set} from {rows} where {on}")
            }
            Shape::Select { columns, table, on, lock, .. } => format!(
                "select v.column1, {columns} from {rows} join {table} on {on}{}",
                if lock {
                    format!(" order by v.column1 for update of {table}")
                } else {
                    String::new()
                },
            ),
        }
    }

    fn derived(&self, rows: usize) -> String {
        let marks = self.types.iter().map(|kind| kind.cast());
        let named = marks.clone().zip(1..).map(|(mark, place)| format!("{mark} as column{place}"));
        let first = format!("select {}", named.collect::<Vec<_>>().join(", "));
        let further = format!("select {}", marks.collect::<Vec<_>>().join(", "));
        let mut selects = vec![first];
        selects.resize(rows, further);
        format!("({})", selects.join(" union all "))
    }

    fn unnested(&self) -> String {
        let arrays =
            self.types.iter().zip(1..).map(|(kind, place)| format!("${place}::{}", kind.array()));
        let names = (1..=self.types.len()).map(|place| format!("column{place}"));
        let (arrays, names): (Vec<_>, Vec<_>) = (arrays.collect(), names.collect());
        format!("unnest({}) as v({})", arrays.join(", "), names.join(", "))
    }
}

fn assigned(columns: &[&str], value: impl Fn(&str) -> String) -> String {
    let set = columns.iter().map(|column| format!("{column} = {}", value(column)));
    set.collect::<Vec<_>>().join(", ")
}

/// The place of the smallest size that holds so many rows.
fn mysql_size(rows: usize) -> usize {
    MYSQL_SIZES.partition_point(|size| *size < rows).min(MYSQL_SIZES.len() - 1)
}

#[cfg(test)]
#[path = "statement_tests.rs"]
mod tests;
