//! Heads: the fence that a commit compares, and the rows that actors start from.

use std::collections::{HashMap, HashSet};

use tally_actors::domain::chain::Link;
use tally_actors::domain::head::FORMAT;
use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::{HeadRead, ReadError, Run, Trouble};

use super::db::{Db, Pool};
use super::row::Row;
use super::rows::{self, Fields, integer};
use super::statement::{Shape, Statement, Type};
use super::value::Value::{Bytes, Integer, Text};
use super::value::Values;

/// Locked, where there are other writers, until the transaction ends.
static LINKS: Statement = Statement::new(
    Shape::Select {
        columns: "format, seq, hash",
        table: "heads",
        along: None,
        on: "merchant_id = v.column1",
        lock: true,
    },
    &[Type::Text],
);

static HEADS: Statement = Statement::new(
    Shape::Select {
        columns: rows::HEAD,
        table: "heads",
        along: None,
        on: "merchant_id = v.column1",
        lock: false,
    },
    &[Type::Text],
);

static ROWS: Statement = Statement::new(
    Shape::Select {
        columns: "seq",
        table: "journal",
        along: None,
        on: "merchant_id = v.column1 and seq = v.column2 and hash = v.column3",
        lock: false,
    },
    &[Type::Text, Type::Integer, Type::Bytes],
);

/// What the fence lets through.
pub(crate) enum Fence<'b> {
    /// These runs are to be written. Those of the batch that are missing here are in the journal already: an earlier try
    /// was ours.
    Open(Vec<&'b Run>),
    /// These merchants' heads are not what their runs expect.
    Shut(Vec<MerchantId>),
}

/// Compares the stored heads with what the runs expect. In the writer's transaction, so it stays true until that ends.
pub(crate) async fn fence<'b>(db: &mut Db<'_>, runs: &'b [Run]) -> Result<Fence<'b>, sqlx::Error> {
    let keys: Vec<Values<'_>> = runs.iter().map(|run| vec![Text(run.merchant.as_str())]).collect();
    let found = LINKS.read(db, &keys).await?;
    let stored: HashMap<MerchantId, (i64, Link)> =
        found.iter().filter_map(|row| link(row).ok()).collect();
    let fits = |run: &&'b Run| match stored.get(&run.merchant) {
        Some((format, link)) => {
            *format >= 1 && *format <= i64::from(FORMAT) && *link == run.expects
        }
        None => run.expects == Link::default(),
    };
    let (open, shut): (Vec<&Run>, Vec<&Run>) = runs.iter().partition(fits);
    let own = written(db, &shut).await?;
    let shut: Vec<MerchantId> =
        shut.iter().map(|run| run.merchant).filter(|merchant| !own.contains(merchant)).collect();
    Ok(if shut.is_empty() { Fence::Open(open) } else { Fence::Shut(shut) })
}

/// The merchants of those runs whose last row is in the journal with the same hash, which covers all before it.
pub(crate) async fn written(
    db: &mut Db<'_>,
    runs: &[&Run],
) -> Result<HashSet<MerchantId>, sqlx::Error> {
    let keys: Vec<Values<'_>> = runs.iter().map(|run| last(run)).collect();
    let found = ROWS.read(db, &keys).await?;
    Ok(found.iter().filter_map(|row| Some(Fields::led_by_merchant(row).ok()?.of())).collect())
}

fn last(run: &Run) -> Values<'_> {
    let Link { seq, hash } = &run.head.link;
    vec![Text(run.merchant.as_str()), Integer(integer(seq.0)), Bytes(&hash.0)]
}

/// The heads of merchants, in the order asked.
pub(crate) async fn heads(db: &Pool, merchants: Vec<MerchantId>) -> Result<Vec<HeadRead>, Trouble> {
    let read = async { read(&mut db.acquire().await?.db(), &merchants).await };
    read.await.map_err(|error| db.dialect().meaning(&error).trouble())
}

async fn read(db: &mut Db<'_>, merchants: &[MerchantId]) -> Result<Vec<HeadRead>, sqlx::Error> {
    let keys: Vec<Values<'_>> =
        merchants.iter().map(|merchant| vec![Text(merchant.as_str())]).collect();
    let found = HEADS.read(db, &keys).await?;
    let mut heads = HashMap::with_capacity(found.len());
    for mut fields in found.iter().filter_map(|row| Fields::led_by_merchant(row).ok()) {
        heads.insert(fields.of(), fields.head().map(Some));
    }
    Ok(merchants.iter().map(|merchant| heads.get(merchant).cloned().unwrap_or(Ok(None))).collect())
}

fn link(row: &Row) -> Result<(MerchantId, (i64, Link)), ReadError> {
    let mut fields = Fields::led_by_merchant(row)?;
    let format = fields.take()?;
    Ok((fields.of(), (format, fields.link()?)))
}

/// All statements of this file, for a test of their plans.
#[cfg(test)]
pub(crate) fn statements() -> [&'static Statement; 3] {
    [&LINKS, &HEADS, &ROWS]
}
