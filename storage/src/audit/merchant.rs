//! The audit of one merchant: snapshots, pages, comparison.

use std::ops::Bound;
use std::time::{Duration, Instant};

use tally_actors::domain::ids::MerchantId;

use super::Stop;
use super::columns::{self, Table, Value, difference};
use super::fold::{Fold, Share};
use super::heads::{Checkpoints, StoredHead};
use super::report::{Fault, Report, What};
use crate::sql::db::{Db, Pool, Snapshot};
use crate::sql::rows::integer;
use crate::sql::value::Value::{Integer, Text};

/// How many events one statement reads. In tests, bounds are so low that a few hundred rows cross them.
const JOURNAL_PAGE_ROWS: i64 = if cfg!(test) { 50 } else { 2_000 };

/// How many rows of a table one statement reads.
const TABLE_PAGE_ROWS: usize = if cfg!(test) { 3 } else { 1_000 };

/// When a snapshot is given up for a younger one: well below the second that any reader is allowed.
const SNAPSHOT_MAX: Duration = if cfg!(test) { Duration::ZERO } else { Duration::from_millis(300) };

/// How often the journal may grow by more than was read of it, before the audit gives up.
const LOSSES_MAX: u32 = 50;

/// How many events lead to one more pass over the journal: it bounds the records in memory, to about 200 MB.
const EVENTS_A_PASS: u64 = 400_000;

/// A moment of the store, with whom the fold has caught up.
struct Moment {
    snapshot: Snapshot,
    taken: Instant,
}

/// Audits one merchant, and adds what was read to the report.
pub(super) async fn audit(db: &Pool, of: MerchantId, report: &mut Report) -> Result<(), Stop> {
    let newest = newest(&mut db.acquire().await?.db(), &of).await?;
    let newest = u64::try_from(newest).unwrap_or(0);
    audit_in(db, of, newest / EVENTS_A_PASS + 1, report).await
}

/// Audits one merchant in so many passes over its journal.
pub(super) async fn audit_in(
    db: &Pool,
    of: MerchantId,
    passes: u64,
    report: &mut Report,
) -> Result<(), Stop> {
    for index in 0..passes {
        let fold = Fold::new(of, Share { index, of: passes });
        Pass { db, of, fold, checkpoints: Checkpoints::default() }.run(report).await?;
    }
    Ok(())
}

/// One pass over a merchant's journal and tables.
struct Pass<'a> {
    db: &'a Pool,
    of: MerchantId,
    fold: Fold,
    checkpoints: Checkpoints,
}

impl Pass<'_> {
    async fn run(mut self, report: &mut Report) -> Result<(), Stop> {
        let mut moment = self.moment().await?;
        for table in Table::ALL {
            let mut after: Option<Vec<Value>> = None;
            loop {
                if moment.taken.elapsed() > SNAPSHOT_MAX {
                    moment.snapshot.end().await?;
                    moment = self.moment().await?;
                }
                let rows =
                    page(&mut moment.snapshot.db(), &self.of, table, after.as_deref()).await?;
                let last = rows.len() < TABLE_PAGE_ROWS;
                let same = self.compare(table, after.as_deref(), &rows, last)?;
                *counter(report, table) += same;
                if last {
                    break;
                }
                after = rows.last().cloned();
            }
        }
        moment.snapshot.end().await?;
        if self.fold.share().index == 0 {
            report.events += self.fold.link().seq.0;
            report.checkpoints += self.checkpoints.same;
        }
        Ok(())
    }

    /// A snapshot that the fold is brought up to, and whose head was compared with it.
    async fn moment(&mut self) -> Result<Moment, Stop> {
        let (mut left, mut losses) = (i64::MAX, 0);
        loop {
            let mut snapshot = Snapshot::begin(self.db).await?;
            let taken = Instant::now();
            let head = StoredHead::read(&mut snapshot.db(), self.of).await?;
            if self.catch_up(&mut snapshot.db(), taken).await? {
                self.compare_head(head.as_ref())?;
                return Ok(Moment { snapshot, taken });
            }
            let left_before = left;
            left = newest(&mut snapshot.db(), &self.of).await? - integer(self.fold.link().seq.0);
            snapshot.end().await?;
            losses += u32::from(left >= left_before);
            if losses > LOSSES_MAX {
                return Err(Stop::TooBusy(self.of));
            }
        }
    }

    /// Takes the journal's events as the snapshot has them; `false` when that took too long for one snapshot.
    async fn catch_up(&mut self, db: &mut Db<'_>, taken: Instant) -> Result<bool, Stop> {
        let sql = "select seq, hash, event from journal where merchant_id = ? and seq > ? order by seq limit ?";
        loop {
            let after = Integer(integer(self.fold.link().seq.0));
            let values = [Text(self.of.as_str()), after, Integer(JOURNAL_PAGE_ROWS)];
            let rows = db.fetch(sql, &values).await?;
            if let Some(last) = rows.last() {
                let last = last.get(0).unwrap_or(i64::MAX);
                self.checkpoints.read(db, self.of, last).await?;
            }
            for row in &rows {
                let place = row.get(0).unwrap_or_default();
                let (hash, event) = (row.get(1), row.get(2));
                self.fold.take(place, hash.unwrap_or_default(), event.unwrap_or_default())?;
                self.checkpoints.compare(self.of, &self.fold)?;
            }
            if i64::try_from(rows.len()).is_ok_and(|rows| rows < JOURNAL_PAGE_ROWS) {
                Checkpoints::end(db, self.of, self.fold.link().seq).await?;
                return Ok(true);
            }
            if taken.elapsed() > SNAPSHOT_MAX / 2 {
                return Ok(false);
            }
        }
    }

    fn compare_head(&self, stored: Option<&StoredHead>) -> Result<(), Box<Fault>> {
        let fault = |what| Err(Fault::new(&self.of, "heads", self.of.to_string(), what));
        let (stored, head) = match (stored, self.fold.head()) {
            (None, None) => return Ok(()),
            (Some(_), None) => return fault(What::Extra),
            (None, Some(_)) => return fault(What::Missing),
            (Some(stored), Some(head)) => (stored, head),
        };
        if let Some(fault) = stored.difference(head) {
            return Err(Box::new(fault));
        }
        match self.fold.ledger().difference(head) {
            None => Ok(()),
            Some((column, sum, expected)) => {
                let (stored, expected) = (sum.to_string(), expected.to_string());
                let what = What::Differs { column, stored, expected };
                Err(Fault::new(&self.of, "entries", "sums".into(), what))
            }
        }
    }

    /// Compares a page of a table with the fold: the rows after the row `after` up to the last of `rows`, or to the table's
    /// end if it is the `last` page. Says how many rows of this share are as they should be.
    fn compare(
        &self,
        table: Table,
        after: Option<&[Value]>,
        rows: &[Vec<Value>],
        last: bool,
    ) -> Result<u64, Box<Fault>> {
        let fault = |key, what| Err(Fault::new(&self.of, table.name(), key, what));
        let after = after.and_then(|row| table.key(row)).map_or(Bound::Unbounded, Bound::Excluded);
        let keys = self.fold.keys().range((after, Bound::Unbounded));
        let mut due =
            keys.skip_while(|key| !table.has(key)).take_while(|key| table.has(key)).peekable();
        let mut same = 0;
        for row in rows {
            let Some(key) = table.key(row) else {
                return fault(row_key(table, row), What::Extra);
            };
            if let Some(missing) = due.next_if(|due| **due < key) {
                return fault(columns::key_text(missing), What::Missing);
            }
            if due.next_if(|due| **due == key).is_some() {
                let expected = columns::expected(&key, &self.fold);
                if let Some(what) = difference(table.columns(), row, &expected) {
                    return fault(columns::key_text(&key), what);
                }
                same += u64::from(self.is_ours(table, row));
            } else if self.is_ours(table, row) {
                return fault(columns::key_text(&key), What::Extra);
            }
        }
        match due.next().filter(|_| last) {
            None => Ok(same),
            Some(missing) => fault(columns::key_text(missing), What::Missing),
        }
    }

    /// Whether a row belongs to the share of this pass. One without a number is everybody's.
    fn is_ours(&self, table: Table, row: &[Value]) -> bool {
        match row.get(table.number_column()) {
            Some(Value::Text(number)) => self.fold.share().has(number),
            _ => true,
        }
    }
}

/// The place of the newest event, zero for none.
async fn newest(db: &mut Db<'_>, of: &MerchantId) -> Result<i64, sqlx::Error> {
    let newest = "select max(seq) from journal where merchant_id = ?";
    let rows = db.fetch(newest, &[Text(of.as_str())]).await?;
    Ok(rows.first().and_then(|row| row.get(0)).unwrap_or(0))
}

/// The rows that follow the row `after` in the order of the primary key.
async fn page(
    db: &mut Db<'_>,
    of: &MerchantId,
    table: Table,
    after: Option<&[Value]>,
) -> Result<Vec<Vec<Value>>, Stop> {
    let columns = table.columns();
    let keys = &columns[..table.key_columns()];
    let dialect = db.dialect();
    let follows = after.map(|_| format!("and {}", dialect.after(keys))).unwrap_or_default();
    let sql = format!(
        "select {} from {} where merchant_id = ? {follows} order by {} limit ?",
        columns.join(", "),
        table.name(),
        keys.join(", "),
    );
    let mut values = vec![Text(of.as_str())];
    if let Some(after) = after {
        values.extend(dialect.place(after.iter().take(keys.len()).map(Value::given).collect()));
    }
    values.push(Integer(i64::try_from(TABLE_PAGE_ROWS).expect("a small number")));
    let rows = db.fetch(&sql, &values).await?;
    let stored = |row| (0..columns.len()).map(|column| Value::stored(row, column)).collect();
    Ok(rows.iter().map(stored).collect())
}

fn row_key(table: Table, row: &[Value]) -> String {
    let texts: Vec<String> = row.iter().take(table.key_columns()).map(Value::to_string).collect();
    texts.join("/")
}

fn counter(report: &mut Report, table: Table) -> &mut u64 {
    match table {
        Table::Idempotency => &mut report.idempotency,
        Table::Orders => &mut report.orders,
        Table::Settlements => &mut report.settlements,
        Table::Withdrawals => &mut report.withdrawals,
        Table::Cases => &mut report.cases,
        Table::Refunds => &mut report.refunds,
        Table::InRuns => &mut report.in_runs,
        Table::Adjustments => &mut report.adjustments,
    }
}
