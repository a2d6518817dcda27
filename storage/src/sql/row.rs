//! Rows as they were read, the same whichever database they come from.

use std::sync::Arc;

use sqlx::mysql::MySqlRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Column, Row as _, TypeInfo, ValueRef};

/// A value that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// SQL's null.
    Null,
    /// A number, an amount, an instant, a day, a yes or no.
    Integer(i64),
    /// A text.
    Text(Box<str>),
    /// Bytes.
    Bytes(Box<[u8]>),
    /// Of no type that the schema has, or a text that is not UTF-8.
    Damaged,
}

/// A row that was read.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    cells: Box<[Cell]>,
    /// Of all rows of one statement.
    names: Arc<[Box<str>]>,
}

/// What a cell can be taken as; `None`: it is something else.
pub(crate) trait FromCell<'r>: Sized {
    /// Takes it.
    fn from_cell(cell: &'r Cell) -> Option<Self>;
}

impl Row {
    /// A cell; null past the last.
    pub(crate) fn cell(&self, column: usize) -> &Cell {
        self.cells.get(column).unwrap_or(&Cell::Null)
    }

    /// A column's name.
    pub(crate) fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("a column", |name| name)
    }

    /// A cell, where it is of that kind.
    pub(crate) fn get<'r, T: FromCell<'r>>(&'r self, column: usize) -> Option<T> {
        T::from_cell(self.cell(column))
    }
}

/// Rows of one statement.
pub(crate) fn of_sqlite(rows: &[SqliteRow]) -> Result<Vec<Row>, sqlx::Error> {
    of(rows, |row, column| {
        let raw = row.try_get_raw(column)?;
        let kind = raw.type_info();
        Ok(match kind.name() {
            _ if raw.is_null() => Cell::Null,
            "TEXT" => row.try_get(column).map_or(Cell::Damaged, Cell::Text),
            "BLOB" => row.try_get(column).map_or(Cell::Damaged, Cell::Bytes),
            "INTEGER" | "BOOLEAN" => row.try_get(column).map_or(Cell::Damaged, Cell::Integer),
            _ => Cell::Damaged,
        })
    })
}

/// The columns that hold bytes. MySQL tells bytes and a text that is compared by its bytes apart by nothing else.
const BYTES: [&str; 5] = ["hash", "event", "kept", "channel", "key_hash"];

/// Rows of one statement.
pub(crate) fn of_mysql(rows: &[MySqlRow]) -> Result<Vec<Row>, sqlx::Error> {
    of(rows, |row, column| {
        let raw = row.try_get_raw(column)?;
        let kind = raw.type_info();
        Ok(match kind.name() {
            _ if raw.is_null() => Cell::Null,
            "CHAR" | "VARCHAR" | "TINYTEXT" | "TEXT" | "MEDIUMTEXT" | "LONGTEXT" => {
                Cell::Text(row.try_get::<String, _>(column)?.into())
            }
            "BINARY" | "VARBINARY" | "TINYBLOB" | "BLOB" | "MEDIUMBLOB" | "LONGBLOB" => {
                let bytes: Vec<u8> = row.try_get(column)?;
                if BYTES.contains(&row.column(column).name()) {
                    Cell::Bytes(bytes.into())
                } else {
                    String::from_utf8(bytes).map_or(Cell::Damaged, |text| Cell::Text(text.into()))
                }
            }
            _ => Cell::Integer(row.try_get_unchecked(column)?),
        })
    })
}

/// Rows of one statement.
pub(crate) fn of_postgres(rows: &[PgRow]) -> Result<Vec<Row>, sqlx::Error> {
    of(rows, |row, column| {
        let raw = row.try_get_raw(column)?;
        let kind = raw.type_info();
        Ok(match kind.name() {
            _ if raw.is_null() => Cell::Null,
            "BYTEA" => Cell::Bytes(row.try_get::<Vec<u8>, _>(column)?.into()),
            "BOOL" => Cell::Integer(row.try_get::<bool, _>(column)?.into()),
            "INT4" => Cell::Integer(row.try_get::<i32, _>(column)?.into()),
            "INT8" => Cell::Integer(row.try_get(column)?),
            _ => Cell::Text(row.try_get::<String, _>(column)?.into()),
        })
    })
}

fn of<R: sqlx::Row>(
    rows: &[R],
    cell: impl Fn(&R, usize) -> Result<Cell, sqlx::Error>,
) -> Result<Vec<Row>, sqlx::Error> {
    let Some(first) = rows.first() else { return Ok(vec![]) };
    let names: Arc<[Box<str>]> =
        first.columns().iter().map(|column| column.name().into()).collect();
    let row = |row: &R| {
        let cells = (0..names.len()).map(|column| cell(row, column)).collect::<Result<_, _>>()?;
        Ok(Row { cells, names: Arc::clone(&names) })
    };
    rows.iter().map(row).collect()
}

impl<'r> FromCell<'r> for i64 {
    fn from_cell(cell: &'r Cell) -> Option<Self> {
        match cell {
            Cell::Integer(integer) => Some(*integer),
            Cell::Null | Cell::Text(_) | Cell::Bytes(_) | Cell::Damaged => None,
        }
    }
}

impl<'r> FromCell<'r> for bool {
    fn from_cell(cell: &'r Cell) -> Option<Self> {
        match cell {
            Cell::Integer(0) => Some(false),
            Cell::Integer(1) => Some(true),
            Cell::Integer(_) | Cell::Null | Cell::Text(_) | Cell::Bytes(_) | Cell::Damaged => None,
        }
    }
}

impl<'r> FromCell<'r> for i32 {
    fn from_cell(cell: &'r Cell) -> Option<Self> {
        i64::from_cell(cell)?.try_into().ok()
    }
}

impl<'r> FromCell<'r> for &'r str {
    fn from_cell(cell: &'r Cell) -> Option<Self> {
        match cell {
            Cell::Text(text) => Some(text),
            Cell::Null | Cell::Integer(_) | Cell::Bytes(_) | Cell::Damaged => None,
        }
    }
}

impl<'r> FromCell<'r> for String {
    fn from_cell(cell: &'r Cell) -> Option<Self> {
        <&str>::from_cell(cell).map(Into::into)
    }
}

impl<'r> FromCell<'r> for Box<str> {
    fn from_cell(cell: &'r Cell) -> Option<Self> {
        <&str>::from_cell(cell).map(Into::into)
    }
}

impl<'r> FromCell<'r> for &'r [u8] {
    fn from_cell(cell: &'r Cell) -> Option<Self> {
        match cell {
            Cell::Bytes(bytes) => Some(bytes),
            Cell::Null | Cell::Integer(_) | Cell::Text(_) | Cell::Damaged => None,
        }
    }
}

impl<'r> FromCell<'r> for Vec<u8> {
    fn from_cell(cell: &'r Cell) -> Option<Self> {
        <&[u8]>::from_cell(cell).map(Into::into)
    }
}

impl<'r, T: FromCell<'r>> FromCell<'r> for Option<T> {
    fn from_cell(cell: &'r Cell) -> Option<Self> {
        match cell {
            Cell::Null => Some(None),
            Cell::Integer(_) | Cell::Text(_) | Cell::Bytes(_) | Cell::Damaged => {
                T::from_cell(cell).map(Some)
            }
        }
    }
}
