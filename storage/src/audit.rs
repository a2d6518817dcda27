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

use sqlx::SqlitePool;
use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::Trouble;

pub use self::heads::{StoredHead, stored_head};
pub use self::report::{Fault, Report, What};
use crate::sql::db::Pool;
use crate::sqlite::SqliteStore;
use crate::sqlite::errors::trouble;

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
    Error(AuditError),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Error(unreadable(error))
    }
}

impl From<Box<Fault>> for Stop {
    fn from(fault: Box<Fault>) -> Self {
        Self::Fault(fault)
    }
}

/// The merchant that follows in any table, with the table that names it: a row without a journal must be found as well.
/// Ids are bound as bytes, so that one which is not UTF-8 does not stop the walk.
const NEXT_MERCHANT: &str = "
    select cast(m as blob), t from (
        select 'journal' as t, min(merchant_id) as m from journal where merchant_id > cast(?1 as text)
        union all select 'heads', min(merchant_id) from heads where merchant_id > cast(?1 as text)
        union all select 'checkpoints', min(merchant_id) from checkpoints where merchant_id > cast(?1 as text)
        union all select 'orders', min(merchant_id) from orders where merchant_id > cast(?1 as text)
        union all select 'settlements', min(merchant_id) from settlements where merchant_id > cast(?1 as text)
        union all select 'withdrawals', min(merchant_id) from withdrawals where merchant_id > cast(?1 as text)
        union all select 'idempotency', min(merchant_id) from idempotency where merchant_id > cast(?1 as text)
        union all select 'cases', min(merchant_id) from cases where merchant_id > cast(?1 as text)
    ) where m is not null order by m limit 1";

/// The row of a merchant's head.
pub(crate) async fn head_of_books(
    db: &Pool,
    of: MerchantId,
) -> Result<Option<StoredHead>, AuditError> {
    StoredHead::read(db.file(), of).await.map_err(unreadable)
}

/// Audits one merchant, or all.
pub(crate) async fn of_books(db: &Pool, of: Option<MerchantId>) -> Result<Report, AuditError> {
    match of {
        Some(of) => audit_one(db, of).await,
        None => audit_all(db).await,
    }
}

/// Audits all merchants of a store, and reports the first difference of each.
pub async fn audit(store: &SqliteStore) -> Result<Report, AuditError> {
    audit_all(&store.read).await
}

async fn audit_all(db: &Pool) -> Result<Report, AuditError> {
    let db = db.file();
    let mut report = Report::default();
    let mut after: Vec<u8> = vec![];
    while let Some((raw, table)) = next_merchant(db, &after).await? {
        report.merchants += 1;
        let parsed = std::str::from_utf8(&raw).ok().and_then(|raw| raw.parse().ok());
        let audited = match parsed {
            Some(of) => merchant::audit(db, of, &mut report).await,
            None => Err(Fault::of_no_merchant(&raw, &table).into()),
        };
        match audited {
            Ok(()) => {}
            Err(Stop::Fault(fault)) => report.faults.push(*fault),
            Err(Stop::Error(error)) => return Err(error),
        }
        after = raw;
    }
    indexes::audit(db, None, &mut report).await.map_err(unreadable)?;
    Ok(report)
}

/// Audits one merchant. A report without events: it has no journal, so it was never registered.
pub async fn audit_merchant(store: &SqliteStore, of: MerchantId) -> Result<Report, AuditError> {
    audit_one(&store.read, of).await
}

async fn audit_one(db: &Pool, of: MerchantId) -> Result<Report, AuditError> {
    let db = db.file();
    let mut report = Report { merchants: 1, ..Report::default() };
    match merchant::audit(db, of, &mut report).await {
        Ok(()) => {}
        Err(Stop::Fault(fault)) => report.faults.push(*fault),
        Err(Stop::Error(error)) => return Err(error),
    }
    indexes::audit(db, Some(of), &mut report).await.map_err(unreadable)?;
    Ok(report)
}

async fn next_merchant(
    db: &SqlitePool,
    after: &[u8],
) -> Result<Option<(Vec<u8>, String)>, AuditError> {
    sqlx::query_as(NEXT_MERCHANT).bind(after).fetch_optional(db).await.map_err(unreadable)
}

fn unreadable(error: sqlx::Error) -> AuditError {
    AuditError::Unreadable(trouble(&error))
}
