//! The head's row and the checkpoints, which are heads as they were, beside what the fold leads to: bit for bit, column by
//! column.

use std::collections::VecDeque;

use sqlx::sqlite::{SqliteExecutor, SqliteRow};
use sqlx::{AssertSqlSafe, Row, Sqlite, Transaction};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::head::{self, Head};
use tally_actors::domain::ids::MerchantId;

use super::columns::{Value, amount, at, count, difference, place};
use super::fold::Fold;
use super::report::{Fault, What};
use super::{AuditError, Stop, unreadable};
use crate::sql::rows::integer;
use crate::sqlite::SqliteStore;

/// The row of a head, as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredHead {
    of: MerchantId,
    values: Vec<Value>,
}

/// The columns of a head, after its merchant's id.
pub(super) const HEAD: &[&str] = &[
    "format",
    "seq",
    "hash",
    "at_ms",
    "registered_ms",
    "paid_orders",
    "paid_fen",
    "refunded_fen",
    "fee_fen",
    "pending_fen",
    "available_fen",
    "in_transit_fen",
    "withdrawn_fen",
    "kept",
];

/// What the row of a head holds.
fn columns_of(head: &Head) -> Vec<Value> {
    vec![
        Value::Integer(i64::from(head::FORMAT)),
        place(head.link.seq),
        Value::Blob(head.link.hash.0.to_vec()),
        at(head.at),
        at(head.registered_at),
        count(head.paid_orders),
        amount(head.paid),
        amount(head.refunded),
        amount(head.fee),
        amount(head.pending()),
        Value::Integer(head.available.fen()),
        amount(head.in_transit),
        amount(head.withdrawn),
        Value::Blob(head.encode_kept()),
    ]
}

/// The place of `seq` among them.
const SEQ: usize = 1;

/// The row of a merchant's head as it now is; `None`: there is none.
pub async fn stored_head(
    store: &SqliteStore,
    of: MerchantId,
) -> Result<Option<StoredHead>, AuditError> {
    StoredHead::read(store.read.file(), of).await.map_err(unreadable)
}

impl StoredHead {
    /// The row as one statement sees it.
    pub(super) async fn read<'e>(
        db: impl SqliteExecutor<'e>,
        of: MerchantId,
    ) -> Result<Option<Self>, sqlx::Error> {
        let sql = format!("select {} from heads where merchant_id = ?", HEAD.join(", "));
        let row = sqlx::query(AssertSqlSafe(sql)).bind(of.to_string()).fetch_optional(db).await?;
        row.map(|row| Ok(Self { of, values: values(&row)? })).transpose()
    }

    /// The place of the event that it stands after; `None`: it names no place.
    pub fn seq(&self) -> Option<Seq> {
        match self.values[SEQ] {
            Value::Integer(seq) => u64::try_from(seq).ok().map(Seq),
            Value::Null | Value::Text(_) | Value::Blob(_) | Value::Damaged => None,
        }
    }

    /// The first column that is not, bit for bit, what this head is stored as.
    pub fn difference(&self, head: &Head) -> Option<Fault> {
        let what = difference(HEAD, &self.values, &columns_of(head))?;
        Some(*Fault::new(&self.of, "heads", self.of.to_string(), what))
    }
}

/// The checkpoints of a journal, compared one by one as the fold comes to them.
#[derive(Default)]
pub(super) struct Checkpoints {
    /// Up to where they were read.
    read: Option<i64>,
    due: VecDeque<(i64, Vec<Value>)>,
    /// How many are as they should be.
    pub(super) same: u64,
}

impl Checkpoints {
    /// Reads those that are due until the fold has come to a place.
    pub(super) async fn read(
        &mut self,
        tx: &mut Transaction<'static, Sqlite>,
        of: MerchantId,
        upto: i64,
    ) -> Result<(), Stop> {
        let sql = format!(
            "select {} from checkpoints where merchant_id = ? and seq > ? and seq <= ? order by seq",
            HEAD.join(", ")
        );
        let query = sqlx::query(AssertSqlSafe(sql)).bind(of.to_string());
        let query = query.bind(self.read.unwrap_or(i64::MIN)).bind(upto);
        for row in query.fetch_all(&mut **tx).await? {
            self.due.push_back((row.try_get(SEQ)?, values(&row)?));
        }
        self.read = Some(upto);
        Ok(())
    }

    /// Compares the one at the fold's place, if there is one.
    pub(super) fn compare(&mut self, of: MerchantId, fold: &Fold) -> Result<(), Box<Fault>> {
        let here = integer(fold.link().seq.0);
        let (Some((seq, stored)), Some(head)) = (self.due.front(), fold.head()) else {
            return Ok(());
        };
        if *seq > here {
            return Ok(());
        }
        // One at no event's place differs too, by the place at least.
        if let Some(what) = difference(HEAD, stored, &columns_of(head)) {
            return Err(Fault::new(&of, "checkpoints", seq.to_string(), what));
        }
        self.same += 1;
        self.due.pop_front();
        Ok(())
    }

    /// None may be past the journal's end.
    pub(super) async fn end(
        tx: &mut Transaction<'static, Sqlite>,
        of: MerchantId,
        end: Seq,
    ) -> Result<(), Stop> {
        let past = "select min(seq) from checkpoints where merchant_id = ? and seq > ?";
        let query = sqlx::query_scalar(past).bind(of.to_string()).bind(integer(end.0));
        match query.fetch_one(&mut **tx).await? {
            None => Ok(()),
            Some::<i64>(seq) => {
                Err(Fault::new(&of, "checkpoints", seq.to_string(), What::Extra).into())
            }
        }
    }
}

fn values(row: &SqliteRow) -> Result<Vec<Value>, sqlx::Error> {
    (0..HEAD.len()).map(|column| Value::stored(row, column)).collect()
}
