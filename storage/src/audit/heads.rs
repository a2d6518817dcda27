//! The head's row and the checkpoints, which are heads as they were, beside what the fold leads to: bit for bit, column by
//! column.

use std::collections::VecDeque;

use tally_actors::domain::chain::Seq;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;

use super::Stop;
use super::columns::{Value, amount, at, count, difference, place};
use super::fold::Fold;
use super::report::{Fault, What};
use crate::sql::db::Db;
use crate::sql::row::Row;
use crate::sql::rows::integer;
use crate::sql::value::Value::{Integer, Text};

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
    "suspense_fen",
    "suspended_fen",
    "credited_fen",
    "adjusted_fen",
    "kept",
];

/// What the row of a head holds.
fn columns_of(head: &Head) -> Vec<Value> {
    vec![
        Value::Integer(i64::from(head.format())),
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
        amount(head.suspense),
        amount(head.suspended),
        amount(head.credited),
        Value::Integer(head.adjusted.fen()),
        Value::Blob(head.encode_kept()),
    ]
}

/// The place of `seq` among them.
const SEQ: usize = 1;

impl StoredHead {
    /// The row as one statement sees it.
    pub(super) async fn read(db: &mut Db<'_>, of: MerchantId) -> Result<Option<Self>, sqlx::Error> {
        let sql = format!("select {} from heads where merchant_id = ?", HEAD.join(", "));
        let rows = db.fetch(&sql, &[Text(of.as_str())]).await?;
        Ok(rows.first().map(|row| Self { of, values: values(row) }))
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
        db: &mut Db<'_>,
        of: MerchantId,
        upto: i64,
    ) -> Result<(), Stop> {
        let sql = format!(
            "select {} from checkpoints where merchant_id = ? and seq > ? and seq <= ? order by seq",
            HEAD.join(", ")
        );
        let from = Integer(self.read.unwrap_or(i64::MIN));
        for row in db.fetch(&sql, &[Text(of.as_str()), from, Integer(upto)]).await? {
            // A place that is no number is at none, so the first that the fold comes to differs from it.
            self.due.push_back((row.get(SEQ).unwrap_or_default(), values(&row)));
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
    pub(super) async fn end(db: &mut Db<'_>, of: MerchantId, end: Seq) -> Result<(), Stop> {
        let past = "select min(seq) from checkpoints where merchant_id = ? and seq > ?";
        let rows = db.fetch(past, &[Text(of.as_str()), Integer(integer(end.0))]).await?;
        match rows.first().and_then(|row| row.get::<i64>(0)) {
            None => Ok(()),
            Some(seq) => Err(Fault::new(&of, "checkpoints", seq.to_string(), What::Extra).into()),
        }
    }
}

fn values(row: &Row) -> Vec<Value> {
    (0..HEAD.len()).map(|column| Value::stored(row, column)).collect()
}
