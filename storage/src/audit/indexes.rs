//! The indexes: each leads to all the rows that it should, and to nothing else.
//!
//! A database takes its indexes for the truth. One that left a payment out would let it be booked twice, one that still
//! holds what is gone would refuse it, and no look at the tables shows either. So each index is walked and its rows are
//! sought in the table, and the table is walked and its rows are sought in the index; both in pages, as one statement each,
//! so that no snapshot is held for long beside a server that writes.

use tally_actors::domain::ids::MerchantId;

use super::columns::Value;
use super::report::{Fault, Report, What};
use crate::sql::db::Pool;
use crate::sql::dialect::Dialect;
use crate::sql::row::Row;
use crate::sql::value::Values;

/// How many rows one statement compares. In tests a handful of rows crosses the bound.
const PAGE_ROWS: i64 = if cfg!(test) { 3 } else { 1_000 };

/// An index, as the migrations make it.
pub(super) struct Index {
    pub(super) name: &'static str,
    pub(super) table: &'static str,
    /// The table's primary key. Each entry of the index ends with what of it is not among the columns.
    pub(super) key: &'static [&'static str],
    pub(super) columns: &'static [&'static str],
    /// Which rows it holds; all, where it is empty.
    pub(super) only: &'static str,
}

const fn index(
    name: &'static str,
    table: &'static str,
    key: &'static [&'static str],
    columns: &'static [&'static str],
    only: &'static str,
) -> Index {
    Index { name, table, key, columns, only }
}

const ORDERS: &[&str] = &["merchant_id", "order_no"];
const SETTLEMENTS: &[&str] = &["merchant_id", "settlement_no"];
const WITHDRAWALS: &[&str] = &["merchant_id", "withdrawal_no"];
const REFUNDS: &[&str] = &["merchant_id", "refund_no"];
const ADJUSTMENTS: &[&str] = &["merchant_id", "adjustment_no"];
const CASES: &[&str] = &["merchant_id", "case_id"];
const IN_RUNS: &[&str] = &["merchant_id", "withdrawal_no"];

/// All indexes over the facts of money. No column of an entry is ever null, so that pages can follow each other.
pub(super) const ALL: &[Index] = &[
    index(
        "one_order_per_transaction",
        "orders",
        ORDERS,
        &["merchant_id", "transaction_id"],
        "transaction_id is not null",
    ),
    index(
        "one_order_per_paid_seq",
        "orders",
        ORDERS,
        &["merchant_id", "paid_seq"],
        "paid_seq is not null",
    ),
    index("orders_by_opening", "orders", ORDERS, &["merchant_id", "opened_seq"], ""),
    index("orders_open", "orders", ORDERS, &["merchant_id", "opened_seq"], "status = 'open'"),
    index("orders_closed", "orders", ORDERS, &["merchant_id", "opened_seq"], "status = 'closed'"),
    index(
        "orders_waiting",
        "orders",
        ORDERS,
        &["opened_ms", "merchant_id", "opened_seq"],
        "status = 'open' and channel >= x'01'",
    ),
    index("settlements_by_seq", "settlements", SETTLEMENTS, &["merchant_id", "seq"], ""),
    index(
        "settlements_in_order",
        "settlements",
        SETTLEMENTS,
        &["merchant_id", "seq", "last_paid_seq", "through"],
        "",
    ),
    index(
        "withdrawals_by_request",
        "withdrawals",
        WITHDRAWALS,
        &["merchant_id", "requested_seq"],
        "",
    ),
    index(
        "withdrawals_by_status",
        "withdrawals",
        WITHDRAWALS,
        &["merchant_id", "status", "requested_seq"],
        "",
    ),
    index(
        "withdrawals_under_way",
        "withdrawals",
        WITHDRAWALS,
        &["requested_ms", "merchant_id", "requested_seq"],
        "method = 'wechat' and status in ('requested', 'sending', 'unknown')",
    ),
    index("cases_by_opening", "cases", CASES, &["opened_ms", "merchant_id", "opened_seq"], ""),
    index("cases_by_merchant", "cases", CASES, &["merchant_id", "opened_ms", "opened_seq"], ""),
    index("cases_by_kind", "cases", CASES, &["kind", "opened_ms", "merchant_id", "opened_seq"], ""),
    index(
        "cases_in_suspense",
        "cases",
        CASES,
        &["merchant_id", "transaction_id", "opened_seq"],
        "transaction_id is not null and suspense is not null",
    ),
    index(
        "adjustments_by_request",
        "adjustments",
        ADJUSTMENTS,
        &["merchant_id", "requested_seq"],
        "",
    ),
    index(
        "adjustments_by_status",
        "adjustments",
        ADJUSTMENTS,
        &["merchant_id", "status", "requested_seq"],
        "",
    ),
    index("refunds_by_request", "refunds", REFUNDS, &["merchant_id", "requested_seq"], ""),
    index("refunds_by_status", "refunds", REFUNDS, &["merchant_id", "status", "requested_seq"], ""),
    index(
        "refunds_by_order",
        "refunds",
        REFUNDS,
        &["merchant_id", "order_no", "requested_seq"],
        "",
    ),
    index(
        "refunds_under_way",
        "refunds",
        REFUNDS,
        &["requested_ms", "merchant_id", "requested_seq"],
        "status in ('requested', 'sending', 'unknown')",
    ),
    index(
        "items_by_run",
        "bank_run_items",
        IN_RUNS,
        &["run_no", "merchant_id", "withdrawal_no"],
        "",
    ),
    index(
        "heads_by_registration",
        "heads",
        &["merchant_id"],
        &["registered_ms", "merchant_id"],
        "",
    ),
];

/// What is walked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walk {
    /// The entries: each must have its row. In `cases_in_suspense`, `orders_waiting`, `withdrawals_under_way` and `refunds_under_way` an entry without any row is
    /// passed over, as in every other statement: SQLite seeks the row for their conditions.
    Entries,
    /// The rows: each must have its entry.
    Rows,
}

/// Compares all indexes of a file with their tables, of all merchants or of one. An index that is not led by the merchant has its
/// entries walked for all merchants only. A server looks after its indexes by itself, and lets nobody choose the one that is read.
pub(super) async fn audit(
    db: &Pool,
    of: Option<MerchantId>,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    if db.dialect() != Dialect::Sqlite {
        return Ok(());
    }
    for index in ALL {
        for walk in [Walk::Entries, Walk::Rows] {
            if of.is_none() || index.walked(walk)[0] == "merchant_id" {
                pages(db, index, walk, of, report).await?;
            }
        }
    }
    Ok(())
}

async fn pages(
    db: &Pool,
    index: &Index,
    walk: Walk,
    of: Option<MerchantId>,
    report: &mut Report,
) -> Result<(), sqlx::Error> {
    let width = index.walked(walk).len();
    let first: Vec<Value> = of.iter().map(|of| Value::Text(of.to_string())).collect();
    let mut from = first.clone();
    loop {
        let sql = index.page_end(walk, from.len());
        let end = db.fetch(&sql, &given(&from)).await?;
        let end = end.first().map(|row| values(row, width));
        let end = end.filter(|end| of.is_none() || end[0] == first[0]);
        let to = end.as_deref().unwrap_or(&first);
        let sql = index.compare(walk, from.len(), to.len());
        let bounds = [&from, to].concat();
        for row in db.fetch(&sql, &given(&bounds)).await? {
            add(report, index, walk, &values(&row, index.key.len()));
        }
        match end {
            Some(end) => from = end,
            None => return Ok(()),
        }
    }
}

/// Adds a fault, unless its merchant has one already.
fn add(report: &mut Report, index: &Index, walk: Walk, key: &[Value]) {
    let texts: Vec<String> = key
        .iter()
        .map(|part| if let Value::Text(text) = part { text.clone() } else { part.to_string() })
        .collect();
    let (merchant, key) = (texts[0].clone(), texts.last().cloned().unwrap_or_default());
    let why = match walk {
        Walk::Entries => "leads to it, where no row is that should be found so",
        Walk::Rows => "does not lead to it",
    };
    let what = What::Broken(format!("the index {} {why}", index.name));
    if !report.faults.iter().any(|fault| fault.merchant == merchant) {
        report.faults.push(Fault { merchant, table: index.table, key, what });
    }
}

impl Index {
    /// The columns of an entry.
    pub(super) fn entry(&self) -> Vec<&'static str> {
        let rest = self.key.iter().filter(|part| !self.columns.contains(part));
        self.columns.iter().chain(rest).copied().collect()
    }

    /// The columns by which a walk goes.
    fn walked(&self, walk: Walk) -> Vec<&'static str> {
        match walk {
            Walk::Entries => self.entry(),
            Walk::Rows => self.key.to_vec(),
        }
    }

    /// The last of the rows that follow `from`, of which so many columns are given, in a page; none in the last page.
    fn page_end(&self, walk: Walk, from: usize) -> String {
        let columns = self.walked(walk).join(", ");
        let ([walked, _], bounds) = (self.sides(walk), self.bounds(walk, from, 0));
        let (table, skip) = (self.table, PAGE_ROWS - 1);
        format!(
            "select {columns} from {table} indexed by {walked} where {bounds} order by {columns} limit 1 offset {skip}"
        )
    }

    /// The primary keys of what a walk meets between two bounds and does not find on the other side.
    pub(super) fn compare(&self, walk: Walk, from: usize, to: usize) -> String {
        let (Self { table, key, .. }, [walked, sought]) = (self, self.sides(walk));
        let entry = self.entry();
        // Columns under other names, so that the index's condition is about the table it is to be about.
        let named: Vec<String> =
            entry.iter().map(|column| format!("{column} as its_{column}")).collect();
        let keys: Vec<String> = key.iter().map(|part| format!("its_{part}")).collect();
        let only = if self.only.is_empty() { "1" } else { self.only };
        let same: Vec<String> =
            entry.iter().map(|column| format!("there.{column} = its_{column}")).collect();
        format!(
            "select {keys} from (select {named} from {table} indexed by {walked} where {bounds}) \
             left join {table} as there indexed by {sought} on {only} and {same} where there.merchant_id is null",
            keys = keys.join(", "),
            named = named.join(", "),
            bounds = self.bounds(walk, from, to),
            same = same.join(" and "),
        )
    }

    /// What is walked, and where its rows are sought. Said to the database, as it takes whatever it thinks is faster: the
    /// table of a primary key is an index of that name.
    fn sides(&self, walk: Walk) -> [String; 2] {
        let table = format!("sqlite_autoindex_{}_1", self.table);
        match walk {
            Walk::Entries => [self.name.to_owned(), table],
            Walk::Rows => [table, self.name.to_owned()],
        }
    }

    /// What is walked: rows that the index should hold, after `from` and up to `to`. A bound of all columns is a row that was
    /// met; a shorter one is the merchant whose rows are walked, and none means the end of the walk.
    fn bounds(&self, walk: Walk, from: usize, to: usize) -> String {
        let columns = self.walked(walk);
        let bound = |width: usize, met: &str, merchant: &str| {
            let sign = if width == columns.len() && width > 1 { met } else { merchant };
            let marks = vec!["?"; width].join(", ");
            (width > 0).then(|| format!("({}) {sign} ({marks})", columns[..width].join(", ")))
        };
        let only = (!self.only.is_empty()).then(|| self.only.to_owned());
        let all = [only, bound(from, ">", ">="), bound(to, "<=", "<=")];
        let all: Vec<String> = all.into_iter().flatten().collect();
        if all.is_empty() { "true".to_owned() } else { all.join(" and ") }
    }
}

fn given(values: &[Value]) -> Values<'_> {
    values.iter().map(Value::given).collect()
}

fn values(row: &Row, width: usize) -> Vec<Value> {
    (0..width).map(|column| Value::stored(row, column)).collect()
}
