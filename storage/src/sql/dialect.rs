//! What differs between the databases' SQL: how values are marked, and a few words.

use std::sync::Arc;

use super::meaning::Meaning;
use super::value::Value;
use crate::{mysql, postgres, sqlite};

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// SQLite's.
    Sqlite,
    /// MySQL's and MariaDB's.
    Mysql,
    /// PostgreSQL's.
    Postgres,
}

/// The words around a transaction that writes, as they are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Words {
    pub(crate) begin: &'static str,
    pub(crate) commit: &'static str,
    pub(crate) rollback: &'static str,
}

impl Dialect {
    /// A text as the database takes it: PostgreSQL counts its values.
    pub(crate) fn text(self, text: &str) -> Arc<str> {
        match self {
            Self::Sqlite | Self::Mysql => text.into(),
            Self::Postgres => {
                let mut counted = String::with_capacity(text.len() + 8);
                let mut parts = text.split('?');
                counted.push_str(parts.next().unwrap_or_default());
                for (part, place) in parts.zip(1..) {
                    counted.push_str(&format!("${place}"));
                    counted.push_str(part);
                }
                counted.into()
            }
        }
    }

    /// What an error means.
    pub(crate) fn meaning(self, error: &sqlx::Error) -> Meaning {
        match self {
            Self::Sqlite => sqlite::errors::meaning(error),
            Self::Mysql => mysql::errors::meaning(error),
            Self::Postgres => postgres::errors::meaning(error),
        }
    }

    /// The words around a transaction that writes.
    pub(crate) fn words(self) -> Words {
        let begin = match self {
            Self::Sqlite => "begin immediate",
            Self::Mysql => "start transaction",
            Self::Postgres => "begin",
        };
        Words { begin, commit: "commit", rollback: "rollback" }
    }

    /// How a transaction that reads at one point begins.
    pub(crate) fn begin_snapshot(self) -> &'static str {
        match self {
            Self::Sqlite => "begin",
            // Of that transaction alone: another isolation has no snapshot.
            Self::Mysql => {
                "set transaction isolation level repeatable read; start transaction with consistent snapshot, read only"
            }
            Self::Postgres => "begin isolation level repeatable read read only",
        }
    }

    /// The table of API keys: MySQL has another use for the word.
    pub(crate) fn keys(self) -> &'static str {
        match self {
            Self::Sqlite | Self::Postgres => "keys",
            Self::Mysql => "`keys`",
        }
    }

    /// Names the index that a select walks along, where the planner would not find it by itself. Stands behind the table.
    pub(crate) fn along(self, index: &str) -> String {
        match self {
            Self::Sqlite => format!("indexed by {index}"),
            Self::Mysql => format!("force index ({index})"),
            Self::Postgres => String::new(), // it has no hints, and statistics of its own
        }
    }

    /// The index of open orders.
    pub(crate) fn orders_open(self) -> &'static str {
        match self {
            Self::Sqlite | Self::Postgres => "orders_open",
            Self::Mysql => "orders_by_status",
        }
    }

    /// The index of closed orders.
    pub(crate) fn orders_closed(self) -> &'static str {
        match self {
            Self::Sqlite | Self::Postgres => "orders_closed",
            Self::Mysql => "orders_by_status",
        }
    }

    /// Whether columns are before a place, in their order. MySQL walks no index for a comparison of rows, so it is spelled out
    /// there; [`Dialect::place`] gives the values for the marks.
    pub(crate) fn before(self, columns: &[&str]) -> String {
        match self {
            Self::Sqlite | Self::Postgres => {
                format!("({}) < ({})", columns.join(", "), vec!["?"; columns.len()].join(", "))
            }
            Self::Mysql => {
                let smaller = |rest: String, column: &&str| match rest.is_empty() {
                    true => format!("{column} < ?"),
                    false => format!("({column} < ? or ({column} = ? and {rest}))"),
                };
                let spelled = columns.iter().rev().fold(String::new(), smaller);
                format!("{} <= ? and {spelled}", columns.first().unwrap_or(&""))
            }
        }
    }

    /// The values for the marks of [`Dialect::before`].
    pub(crate) fn place<'v>(self, values: Vec<Value<'v>>) -> Vec<Value<'v>> {
        match self {
            Self::Sqlite | Self::Postgres => values,
            Self::Mysql => {
                let mut marks: Vec<Value<'v>> = values.first().cloned().into_iter().collect();
                let last = values.len().saturating_sub(1);
                for (place, value) in values.into_iter().enumerate() {
                    if place < last {
                        marks.push(value.clone());
                    }
                    marks.push(value);
                }
                marks
            }
        }
    }

    /// Whether columns are after a place, in their order; the values are those of [`Dialect::place`].
    pub(crate) fn after(self, columns: &[&str]) -> String {
        self.before(columns).replace('<', ">")
    }

    /// What an insert of these columns says that is to stand in place of the rows of the same key.
    pub(crate) fn over(self, key: &str, columns: &str) -> String {
        let is_key = |column: &&str| key.split(", ").any(|part| part == *column);
        let new = |column: &str| match self {
            Self::Sqlite | Self::Postgres => format!("{column} = excluded.{column}"),
            Self::Mysql => format!("{column} = values({column})"),
        };
        let others = columns.split(", ").filter(|column| !is_key(column));
        let set = others.map(new).collect::<Vec<_>>().join(", ");
        match self {
            Self::Sqlite | Self::Postgres => format!("on conflict ({key}) do update set {set}"),
            Self::Mysql => format!("on duplicate key update {set}"),
        }
    }

    /// As [`Dialect::over`], into a table whose rows have a time in the column `by`: a row of the same key that is newer stays.
    pub(crate) fn over_older(self, table: &str, (key, by): (&str, &str), columns: &str) -> String {
        let others = columns.split(", ").filter(|column| !key.split(", ").any(|of| of == *column));
        match self {
            Self::Sqlite | Self::Postgres => {
                format!("{} where excluded.{by} >= {table}.{by}", self.over(key, columns))
            }
            // In their order: the time last, as the others ask for what it was.
            Self::Mysql => {
                let others = others.filter(|column| *column != by);
                let set = others.map(|column| {
                    format!("{column} = if(values({by}) >= {by}, values({column}), {column})")
                });
                let set = set.chain([format!("{by} = greatest({by}, values({by}))")]);
                format!("on duplicate key update {}", set.collect::<Vec<_>>().join(", "))
            }
        }
    }

    /// Whether a column is what is given, null included.
    pub(crate) fn same(self, column: &str) -> String {
        match self {
            Self::Sqlite => format!("{column} is ?"),
            Self::Mysql => format!("{column} <=> ?"),
            Self::Postgres => format!("{column} is not distinct from ?"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Dialect::{Mysql, Postgres, Sqlite};
    use crate::sql::value::Value::Integer;

    #[test]
    fn each_dialect_has_its_own_marks() {
        let text = "select a from t where a = ? and b = ?";
        assert_eq!(&*Sqlite.text(text), text);
        assert_eq!(&*Mysql.text(text), text);
        assert_eq!(&*Postgres.text(text), "select a from t where a = $1 and b = $2");
    }

    #[test]
    fn what_stands_in_place_of_a_row_keeps_its_key() {
        let set = "on conflict (a, b) do update set c = excluded.c, d = excluded.d";
        assert_eq!(Sqlite.over("a, b", "a, b, c, d"), set);
        assert_eq!(Postgres.over("a, b", "a, b, c, d"), set);
        let set = "on duplicate key update c = values(c), d = values(d)";
        assert_eq!(Mysql.over("a, b", "a, b, c, d"), set);
    }

    #[test]
    fn what_is_before_a_place_is_spelled_out_where_rows_are_not_compared_along_an_index() {
        assert_eq!(Sqlite.before(&["a", "b"]), "(a, b) < (?, ?)");
        assert_eq!(Postgres.before(&["a", "b"]), "(a, b) < (?, ?)");
        let spelled = Mysql.before(&["a", "b", "c"]);
        assert_eq!(spelled, "a <= ? and (a < ? or (a = ? and (b < ? or (b = ? and c < ?))))");
        assert_eq!(Mysql.after(&["a", "b"]), "a >= ? and (a > ? or (a = ? and b > ?))");
        let marks = Mysql.place(vec![Integer(1), Integer(2), Integer(3)]);
        assert_eq!(marks, [1, 1, 1, 2, 2, 3].map(Integer));
        assert_eq!(marks.len(), spelled.matches('?').count());
    }
}
