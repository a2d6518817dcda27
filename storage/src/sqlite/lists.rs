//! Lists: newest first, a part at a time. A part is one short statement (few, where it must look for what it shows), so
//! no reader holds a snapshot for long.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Sqlite, SqlitePool};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::domain::order::OrderStatus;
use tally_actors::domain::settlement::Settlement;
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use tally_actors::ports::{
    CaseFilter, ListedCase, ListedOrder, OrderFilter, Page, Part, ReadError, Recorded,
};

use super::cursor;
use super::errors::read_error;
use super::rows::{self, Fields, integer};

/// How many events or payments one statement looks through for what a list shows: some 20 ms. In tests, so few that lists
/// cross it.
const WINDOW: i64 = if cfg!(test) { 3 } else { 20_000 };

/// An order's settlement: the first whose `through` is not before its `settle_on` and whose `last_paid_seq` is not before its
/// own (`design.md` 3.4). It was made after the order was opened, so the search begins there.
const SETTLEMENT_NO: &str = "case when o.paid_seq is null then null else (
    select s.settlement_no from settlements s
    where s.merchant_id = o.merchant_id and s.seq > o.opened_seq and s.last_paid_seq >= o.paid_seq
        and (o.settle_on is null or s.through >= o.settle_on)
    order by s.seq limit 1
) end";

/// All merchants, by when they were registered.
pub(crate) async fn merchants(db: &SqlitePool, page: Page) -> Result<Part<Head>, ReadError> {
    let (ms, id) = cursor::merchant(page.cursor.as_deref())?;
    let query = sqlx::query(AssertSqlSafe(merchants_sql())).bind(ms).bind(id);
    let rows = fetch(db, query.bind(probe(&page))).await?;
    let heads = rows.iter().map(|row| Fields::led_by_merchant(row)?.head());
    part(heads.collect::<Result<_, _>>()?, &page, cursor::of_merchant)
}

/// Merchants registered before a time and id.
pub(super) fn merchants_sql() -> String {
    format!(
        "select merchant_id, {} from heads where (registered_ms, merchant_id) < (?, ?)
         order by registered_ms desc, merchant_id desc limit ?",
        rows::HEAD
    )
}

/// One order.
pub(crate) async fn order(
    db: &SqlitePool,
    of: MerchantId,
    order_no: OrderNo,
) -> Result<Option<ListedOrder>, ReadError> {
    let query = sqlx::query(AssertSqlSafe(order_sql())).bind(of.to_string());
    let rows = fetch(db, query.bind(order_no.to_string())).await?;
    rows.first().map(|row| listed_order(row, of)).transpose()
}

/// The order of a number.
pub(super) fn order_sql() -> String {
    format!(
        "select {}, {SETTLEMENT_NO} from orders o where merchant_id = ? and order_no = ?",
        rows::ORDER
    )
}

/// A merchant's orders, by when they were opened.
pub(crate) async fn orders(
    db: &SqlitePool,
    of: MerchantId,
    filter: OrderFilter,
    page: Page,
) -> Result<Part<ListedOrder>, ReadError> {
    let mut before = cursor::place('o', page.cursor.as_deref())?;
    if let Some(to) = filter.to {
        before = before.min(first_opened(db, &of, to).await?);
    }
    let from = match filter.from {
        Some(from) => first_opened(db, &of, from).await?,
        None => 1,
    };
    let sql = orders_sql(filter.status);
    let wanted = probe(&page);
    if filter.status != Some(OrderStatus::Paid) {
        let query = sqlx::query(AssertSqlSafe(sql)).bind(of.to_string());
        let rows = fetch(db, query.bind(from).bind(before).bind(wanted)).await?;
        return orders_part(&rows, of, &page);
    }
    before = before.min(past_the_last(db, &of).await?);
    let mut found = vec![];
    while before > from && found.len() < len(wanted) {
        let after = before.saturating_sub(WINDOW).max(from);
        let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(of.to_string());
        let left = wanted - integer_of(found.len());
        found.extend(fetch(db, query.bind(after).bind(before).bind(left)).await?);
        before = after;
    }
    orders_part(&found, of, &page)
}

/// Orders from one place on and before another. The index is named, as no statistics say that few orders are open.
pub(super) fn orders_sql(status: Option<OrderStatus>) -> String {
    let (index, only) = match status {
        None => ("orders_by_opening", ""),
        Some(OrderStatus::Open) => ("orders_open", "and status = 'open'"),
        Some(OrderStatus::Closed) => ("orders_closed", "and status = 'closed'"),
        Some(OrderStatus::Paid) => ("orders_by_opening", "and status = 'paid'"),
    };
    format!(
        "select {}, {SETTLEMENT_NO} from orders o indexed by {index}
         where merchant_id = ? and opened_seq >= ? and opened_seq < ? {only}
         order by opened_seq desc limit ?",
        rows::ORDER
    )
}

fn orders_part(
    rows: &[SqliteRow],
    of: MerchantId,
    page: &Page,
) -> Result<Part<ListedOrder>, ReadError> {
    let orders = rows.iter().map(|row| listed_order(row, of)).collect::<Result<_, _>>()?;
    part(orders, page, |listed| cursor::of_place('o', listed.order.opened_seq.0))
}

/// The place of the first order opened at `at` or later. Orders are opened in the order of time, so it is found by halving,
/// which spares an index on the time.
async fn first_opened(db: &SqlitePool, of: &MerchantId, at: At) -> Result<i64, ReadError> {
    let (mut low, mut high) = (1, past_the_last(db, of).await?);
    while low < high {
        let middle = low + (high - low) / 2;
        let query = sqlx::query_as(
            "select opened_seq, opened_ms from orders indexed by orders_by_opening
             where merchant_id = ? and opened_seq >= ? order by opened_seq limit 1",
        );
        let next: Option<(i64, i64)> = query
            .bind(of.as_str())
            .bind(middle)
            .fetch_optional(db)
            .await
            .map_err(|error| read_error(&error))?;
        match next {
            Some((seq, ms)) if ms < at.ms() => low = seq + 1,
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

/// The place after the merchant's newest order.
async fn past_the_last(db: &SqlitePool, of: &MerchantId) -> Result<i64, ReadError> {
    let newest: Option<i64> =
        sqlx::query_scalar("select max(opened_seq) from orders where merchant_id = ?")
            .bind(of.as_str())
            .fetch_one(db)
            .await
            .map_err(|error| read_error(&error))?;
    Ok(newest.unwrap_or(0).saturating_add(1))
}

/// A merchant's settlements.
pub(crate) async fn settlements(
    db: &SqlitePool,
    of: MerchantId,
    page: Page,
) -> Result<Part<Settlement>, ReadError> {
    let before = cursor::place('s', page.cursor.as_deref())?;
    let query = sqlx::query(AssertSqlSafe(settlements_sql())).bind(of.to_string());
    let rows = fetch(db, query.bind(before).bind(probe(&page))).await?;
    let made = rows.iter().map(|row| Fields::new(row, of).settlement());
    part(made.collect::<Result<_, _>>()?, &page, |made: &Settlement| {
        cursor::of_place('s', made.seq.0)
    })
}

/// Settlements before a place.
pub(super) fn settlements_sql() -> String {
    format!(
        "select {} from settlements where merchant_id = ? and seq < ? order by seq desc limit ?",
        rows::SETTLEMENT
    )
}

/// The orders that a settlement moved, by when they were paid. Between its first and its last payment there may be any number
/// that others moved, so it looks through them a window at a time.
pub(crate) async fn settlement_orders(
    db: &SqlitePool,
    of: MerchantId,
    settlement: Settlement,
    page: Page,
) -> Result<Part<ListedOrder>, ReadError> {
    let past = integer(settlement.moved.last_paid_seq).saturating_add(1);
    let mut before = cursor::place('p', page.cursor.as_deref())?.min(past);
    let first = integer(settlement.moved.first_paid_seq);
    let sql = settlement_orders_sql();
    let wanted = probe(&page);
    let mut found = vec![];
    while before > first && found.len() < len(wanted) {
        let after = before.saturating_sub(WINDOW).max(first);
        let query = sqlx::query(AssertSqlSafe(sql.clone())).bind(of.to_string());
        let query = query.bind(after).bind(before).bind(settlement.through.days());
        let query = query.bind(settlement.settlement_no.to_string());
        found.extend(fetch(db, query.bind(wanted - integer_of(found.len()))).await?);
        before = after;
    }
    let orders = found.iter().map(|row| listed_order(row, of)).collect::<Result<_, _>>()?;
    part(orders, &page, |listed| {
        cursor::of_place('p', listed.order.payment.as_ref().map_or(0, |payment| payment.paid_seq))
    })
}

/// The orders of a settlement within a range of payments.
pub(super) fn settlement_orders_sql() -> String {
    format!(
        "select {}, {SETTLEMENT_NO} as moved_by from orders o indexed by one_order_per_paid_seq
         where merchant_id = ? and paid_seq >= ? and paid_seq < ?
             and (settle_on is null or settle_on <= ?) and moved_by = ?
         order by paid_seq desc limit ?",
        rows::ORDER
    )
}

/// A merchant's withdrawals, by when they were requested.
pub(crate) async fn withdrawals(
    db: &SqlitePool,
    of: MerchantId,
    status: Option<WithdrawalStatus>,
    page: Page,
) -> Result<Part<Withdrawal>, ReadError> {
    let before = cursor::place('w', page.cursor.as_deref())?;
    let query = sqlx::query(AssertSqlSafe(withdrawals_sql(status.is_some()))).bind(of.to_string());
    let query = match status {
        Some(status) => query.bind(status.as_str()),
        None => query,
    };
    let rows = fetch(db, query.bind(before).bind(probe(&page))).await?;
    let found = rows.iter().map(|row| Fields::new(row, of).withdrawal());
    part(found.collect::<Result<_, _>>()?, &page, |withdrawal: &Withdrawal| {
        cursor::of_place('w', withdrawal.requested_seq.0)
    })
}

/// Withdrawals before a place, of one status or of all.
pub(super) fn withdrawals_sql(of_one_status: bool) -> String {
    format!(
        "select {} from withdrawals where merchant_id = ? {} and requested_seq < ?
         order by requested_seq desc limit ?",
        rows::WITHDRAWAL,
        if of_one_status { "and status = ?" } else { "" }
    )
}

/// Cases, by when they were opened.
pub(crate) async fn cases(
    db: &SqlitePool,
    filter: CaseFilter,
    page: Page,
) -> Result<Part<ListedCase>, ReadError> {
    let (ms, id, seq) = cursor::case(page.cursor.as_deref())?;
    let sql = cases_sql(filter.merchant.is_some(), filter.kind.is_some());
    let mut query = sqlx::query(AssertSqlSafe(sql));
    if let Some(of) = filter.merchant {
        query = query.bind(of.to_string());
    }
    if let Some(kind) = filter.kind {
        query = query.bind(kind.as_str());
    }
    let rows = fetch(db, query.bind(ms).bind(id).bind(seq).bind(probe(&page))).await?;
    let mut found = vec![];
    for row in &rows {
        let mut fields = Fields::led_by_merchant(row)?;
        let (opened_at, opened_seq) = (fields.at()?, fields.seq()?);
        let case = fields.case()?;
        found.push((ListedCase { merchant: fields.of(), opened_at, case }, opened_seq));
    }
    let Part { items, next } = part(found, &page, |(listed, seq)| {
        cursor::of_case(listed.opened_at, &listed.merchant, *seq)
    })?;
    Ok(Part { items: items.into_iter().map(|(listed, _)| listed).collect(), next })
}

/// Cases before a place, of one merchant, one kind, both or neither.
pub(super) fn cases_sql(of_one_merchant: bool, of_one_kind: bool) -> String {
    let index = match (of_one_merchant, of_one_kind) {
        (true, _) => "cases_by_merchant",
        (false, true) => "cases_by_kind",
        (false, false) => "cases_by_opening",
    };
    format!(
        "select merchant_id, opened_ms, opened_seq, {} from cases indexed by {index}
         where {} {} (opened_ms, merchant_id, opened_seq) < (?, ?, ?)
         order by opened_ms desc, merchant_id desc, opened_seq desc limit ?",
        rows::CASE,
        if of_one_merchant { "merchant_id = ? and" } else { "" },
        if of_one_kind { "kind = ? and" } else { "" },
    )
}

/// A merchant's events from a place on, oldest first.
pub(crate) async fn events(
    db: &SqlitePool,
    of: MerchantId,
    from: Seq,
    limit: u32,
) -> Result<Vec<Recorded>, ReadError> {
    let query = sqlx::query(
        "select seq, hash, event from journal where merchant_id = ? and seq >= ? order by seq limit ?",
    );
    let from = i64::try_from(from.0).unwrap_or(i64::MAX);
    let rows = fetch(db, query.bind(of.to_string()).bind(from).bind(i64::from(limit))).await?;
    let recorded = |row| {
        let mut fields = Fields::new(row, of);
        Ok(Recorded { seq: fields.seq()?, hash: fields.hash()?, bytes: fields.take()? })
    };
    rows.iter().map(recorded).collect()
}

fn listed_order(row: &SqliteRow, of: MerchantId) -> Result<ListedOrder, ReadError> {
    let mut fields = Fields::new(row, of);
    let order = fields.order()?;
    let settlement_no = fields.made_if_any(|raw: &str| raw.parse().ok())?;
    Ok(ListedOrder { order, settlement_no })
}

pub(super) async fn fetch(
    db: &SqlitePool,
    query: Query<'_, Sqlite, SqliteArguments>,
) -> Result<Vec<SqliteRow>, ReadError> {
    query.fetch_all(db).await.map_err(|error| read_error(&error))
}

/// How many rows to ask for: one more than are shown tells whether another part follows.
pub(super) fn probe(page: &Page) -> i64 {
    i64::from(page.limit.max(1)) + 1
}

/// The part that a page shows of what was found for it.
pub(super) fn part<T>(
    mut items: Vec<T>,
    page: &Page,
    cursor: impl Fn(&T) -> String,
) -> Result<Part<T>, ReadError> {
    let shown = len(probe(page)) - 1;
    let more = items.len() > shown;
    items.truncate(shown);
    let next = if more { items.last().map(cursor) } else { None };
    Ok(Part { items, next })
}

fn len(rows: i64) -> usize {
    usize::try_from(rows).expect("limits are small")
}

fn integer_of(rows: usize) -> i64 {
    i64::try_from(rows).expect("limits are small")
}
