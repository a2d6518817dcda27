//! The audit: every row of the tables, worked out anew from the journal and compared.
//!
//! It may run beside a server: each merchant is read in short transactions, and the fold of its journal is brought up to a
//! transaction's snapshot before rows of that snapshot are compared with it. So a merchant that is being written is
//! judged by what is true at one moment, and no snapshot is held for long (`design.md` 3.3).
//!
//! | module | what |
//! |---|---|
//! | `fold` | a journal, read event by event: chain, rules, ledger |
//! | `ledger` | the sums of the entries |
//! | `heads` | the head's row, and checkpoints, beside the fold |
//! | `columns` | what a row must hold, column by column |
//! | `indexes` | each index and its table, in both directions |
//! | `merchant` | one merchant: snapshots, pages, comparison |
//! | `things` | what columns a thing has |
//! | `report` | what was found |

mod columns;
mod fold;
mod heads;
mod indexes;
mod ledger;
mod merchant;
mod report;
#[cfg(test)]
mod tests;
mod things;

use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::Trouble;

pub use self::heads::StoredHead;
pub use self::report::{Fault, Report, What};
use crate::sql::db::Pool;
use crate::sql::dialect::Dialect;
use crate::sql::row::Cell;
use crate::sql::value as sql;

/// Why an audit could not be brought to its end. It says nothing about the books.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The store could not be read.
    #[error("the audit did not end: {0}")]
    Unreadable(#[from] Trouble),
    /// A merchant's journal grows faster than it can be read.
    #[error(
        "the audit did not end: merchant {0} is written faster than it can be read; run it again when there is less load"
    )]
    TooBusy(MerchantId),
}

/// Why the audit of a merchant ends early.
enum Stop {
    Fault(Box<Fault>),
    TooBusy(MerchantId),
    Unread(sqlx::Error),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Unread(error)
    }
}

impl From<Box<Fault>> for Stop {
    fn from(fault: Box<Fault>) -> Self {
        Self::Fault(fault)
    }
}

/// The tables that name merchants.
const TABLES: [&str; 10] = [
    "journal",
    "heads",
    "checkpoints",
    "orders",
    "settlements",
    "withdrawals",
    "idempotency",
    "cases",
    "refunds",
    "adjustments",
];

/// The merchant that follows in any table, with the table that names it: a row without a journal must be found as well.
async fn next_merchant(
    db: &Pool,
    after: &[u8],
) -> Result<Option<(Vec<u8>, &'static str)>, AuditError> {
    // Ids of a file come and go as bytes, so that one which is not UTF-8 does not stop the walk. A server keeps none.
    let (out, mark) = match db.dialect() {
        Dialect::Sqlite => ("cast(m as blob)", "cast(? as text)"),
        Dialect::Mysql | Dialect::Postgres => ("m", "?"),
    };
    let text = String::from_utf8_lossy(after);
    let after = match db.dialect() {
        Dialect::Sqlite => sql::Value::Bytes(after),
        Dialect::Mysql | Dialect::Postgres => sql::Value::Text(&text),
    };
    let from = TABLES.map(|table| {
        format!(
            "select '{table}' as t, min(merchant_id) as m from {table} where merchant_id > {mark}"
        )
    });
    let sql = format!(
        "select {out}, t from ({}) as next where m is not null order by m limit 1",
        from.join(" union all ")
    );
    let rows = db.fetch(&sql, &vec![after; TABLES.len()]).await;
    let rows = rows.map_err(|error| unreadable(db, &error))?;
    let Some(row) = rows.first() else { return Ok(None) };
    let raw = match row.cell(0) {
        Cell::Bytes(raw) => raw.to_vec(),
        Cell::Text(raw) => raw.as_bytes().to_vec(),
        Cell::Null | Cell::Integer(_) | Cell::Damaged => vec![],
    };
    let table = TABLES.into_iter().find(|table| row.get::<&str>(1) == Some(table));
    Ok(Some((raw, table.expect("the statement names one of them"))))
}

/// Audits one merchant, or all: the first difference of each. A report without events about one merchant: it has no journal, so
/// it was never registered.
pub(crate) async fn audit(db: &Pool, of: Option<MerchantId>) -> Result<Report, AuditError> {
    let mut report = Report::default();
    match of {
        Some(of) => {
            report.merchants = 1;
            take(merchant::audit(db, of, &mut report).await, db, &mut report)?;
        }
        None => walk(db, &mut report).await?,
    }
    let indexes = indexes::audit(db, of, &mut report).await;
    indexes.map_err(|error| unreadable(db, &error))?;
    Ok(report)
}

async fn walk(db: &Pool, report: &mut Report) -> Result<(), AuditError> {
    let mut after: Vec<u8> = vec![];
    while let Some((raw, table)) = next_merchant(db, &after).await? {
        report.merchants += 1;
        let parsed = std::str::from_utf8(&raw).ok().and_then(|raw| raw.parse().ok());
        let audited = match parsed {
            Some(of) => merchant::audit(db, of, report).await,
            None => Err(Fault::of_no_merchant(&raw, table).into()),
        };
        take(audited, db, report)?;
        after = raw;
    }
    Ok(())
}

fn take(audited: Result<(), Stop>, db: &Pool, report: &mut Report) -> Result<(), AuditError> {
    match audited {
        Ok(()) => {}
        Err(Stop::Fault(fault)) => report.faults.push(*fault),
        Err(Stop::TooBusy(of)) => return Err(AuditError::TooBusy(of)),
        Err(Stop::Unread(error)) => return Err(unreadable(db, &error)),
    }
    Ok(())
}

/// The row of a merchant's head as it now is; `None`: there is none.
pub(crate) async fn stored_head(
    db: &Pool,
    of: MerchantId,
) -> Result<Option<StoredHead>, AuditError> {
    let read = async { StoredHead::read(&mut db.acquire().await?.db(), of).await };
    read.await.map_err(|error| unreadable(db, &error))
}

fn unreadable(db: &Pool, error: &sqlx::Error) -> AuditError {
    AuditError::Unreadable(db.dialect().meaning(error).trouble())
}
