//! Lists: newest first, a part at a time. A part is one short statement (few, where it must look for what it shows), so
//! no reader holds a snapshot for long.

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
use super::db::Pool;
use super::dialect::Dialect;
use super::row::Row;
use super::rows::{self, Fields, integer};
use super::value::Value;
use super::value::Value::{Integer, Text};

/// How many events or payments one statement looks through for what a list shows: some 20 ms. In tests, so few that lists
/// cross it.
const WINDOW: i64 = if cfg!(test) { 3 } else { 20_000 };

/// An order's settlement: the first whose `through` is not before its `settle_on` and whose `last_paid_seq` is not before its
/// own (`design.md` 3.4). It was made after the order was opened, so the search begins there.
fn settlement_no(dialect: Dialect) -> String {
    format!(
        "case when o.paid_seq is null then null else (
            select s.settlement_no from settlements s {}
            where s.merchant_id = o.merchant_id and s.seq > o.opened_seq and s.last_paid_seq >= o.paid_seq
                and (o.settle_on is null or s.through >= o.settle_on)
            order by s.seq limit 1
        ) end",
        dialect.along("settlements_in_order")
    )
}

/// All merchants, by when they were registered.
pub(crate) async fn merchants(db: &Pool, page: Page) -> Result<Part<Head>, ReadError> {
    let (ms, id) = cursor::merchant(page.cursor.as_deref())?;
    let mut values = db.dialect().place(vec![Integer(ms), Text(&id)]);
    values.push(Integer(probe(&page)));
    let rows = fetch(db, &merchants_sql(db.dialect()), &values).await?;
    let mut found = vec![];
    for row in &rows {
        let mut fields = Fields::led_by_merchant(row)?;
        found.push((fields.at()?, fields.of(), fields.head()));
    }
    let Part { items, next } = part(found, &page, |(at, of, _)| cursor::of_merchant(*at, of))?;
    // One merchant that this binary can't read is no trouble of the others.
    let left_out = |error: &ReadError| tracing::error!(%error, "left out of the list of merchants");
    let heads = items.into_iter().filter_map(|(_, _, head)| head.inspect_err(left_out).ok());
    Ok(Part { items: heads.collect(), next })
}

/// Merchants registered before a time and id.
pub(crate) fn merchants_sql(dialect: Dialect) -> String {
    format!(
        "select merchant_id, registered_ms, {} from heads {} where {}
         order by registered_ms desc, merchant_id desc limit ?",
        rows::HEAD,
        dialect.along("heads_by_registration"),
        dialect.before(&["registered_ms", "merchant_id"])
    )
}

/// One order.
pub(crate) async fn order(
    db: &Pool,
    of: MerchantId,
    order_no: OrderNo,
) -> Result<Option<ListedOrder>, ReadError> {
    let rows =
        fetch(db, &order_sql(db.dialect()), &[Text(of.as_str()), Text(order_no.as_str())]).await?;
    rows.first().map(|row| listed_order(row, of)).transpose()
}

/// The order of a number.
pub(crate) fn order_sql(dialect: Dialect) -> String {
    format!(
        "select {}, {} from orders o where merchant_id = ? and order_no = ?",
        rows::ORDER,
        settlement_no(dialect)
    )
}

/// A merchant's orders, by when they were opened.
pub(crate) async fn orders(
    db: &Pool,
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
    let sql = orders_sql(db.dialect(), filter.status);
    let wanted = probe(&page);
    let within =
        |from, before, rows| [Text(of.as_str()), Integer(from), Integer(before), Integer(rows)];
    if filter.status != Some(OrderStatus::Paid) {
        let rows = fetch(db, &sql, &within(from, before, wanted)).await?;
        return orders_part(&rows, of, &page);
    }
    before = before.min(past_the_last(db, &of).await?);
    let mut found = vec![];
    while before > from && found.len() < len(wanted) {
        let after = before.saturating_sub(WINDOW).max(from);
        let left = wanted - integer_of(found.len());
        found.extend(fetch(db, &sql, &within(after, before, left)).await?);
        before = after;
    }
    orders_part(&found, of, &page)
}

/// Orders from one place on and before another. The index is named, as no statistics say that few orders are open.
pub(crate) fn orders_sql(dialect: Dialect, status: Option<OrderStatus>) -> String {
    let (index, only) = match status {
        None => ("orders_by_opening", ""),
        Some(OrderStatus::Open) => (dialect.orders_open(), "and status = 'open'"),
        Some(OrderStatus::Closed) => (dialect.orders_closed(), "and status = 'closed'"),
        Some(OrderStatus::Paid) => ("orders_by_opening", "and status = 'paid'"),
    };
    let along = dialect.along(index);
    format!(
        "select {}, {} from orders o {along}
         where merchant_id = ? and opened_seq >= ? and opened_seq < ? {only}
         order by opened_seq desc limit ?",
        rows::ORDER,
        settlement_no(dialect)
    )
}

fn orders_part(rows: &[Row], of: MerchantId, page: &Page) -> Result<Part<ListedOrder>, ReadError> {
    let orders = rows.iter().map(|row| listed_order(row, of)).collect::<Result<_, _>>()?;
    part(orders, page, |listed| cursor::of_place('o', listed.order.opened_seq.0))
}

/// The place of the first order opened at `at` or later. Orders are opened in the order of time, so it is found by halving,
/// which spares an index on the time.
async fn first_opened(db: &Pool, of: &MerchantId, at: At) -> Result<i64, ReadError> {
    let (mut low, mut high) = (1, past_the_last(db, of).await?);
    let along = db.dialect().along("orders_by_opening");
    let sql = format!(
        "select opened_seq, opened_ms from orders {along}
         where merchant_id = ? and opened_seq >= ? order by opened_seq limit 1"
    );
    while low < high {
        let middle = low + (high - low) / 2;
        let rows = fetch(db, &sql, &[Text(of.as_str()), Integer(middle)]).await?;
        let next = rows.first().map(|row| Fields::new(row, *of));
        let next = next
            .map(|mut fields| Ok::<_, ReadError>((fields.take::<i64>()?, fields.take::<i64>()?)));
        match next.transpose()? {
            Some((seq, ms)) if ms < at.ms() => low = seq.saturating_add(1),
            Some(_) | None => high = middle,
        }
    }
    Ok(low)
}

/// The place after the merchant's newest order.
async fn past_the_last(db: &Pool, of: &MerchantId) -> Result<i64, ReadError> {
    let sql = "select max(opened_seq) from orders where merchant_id = ?";
    let rows = fetch(db, sql, &[Text(of.as_str())]).await?;
    let newest = rows.first().and_then(|row| row.get::<i64>(0));
    Ok(newest.unwrap_or(0).saturating_add(1))
}

/// A merchant's settlements.
pub(crate) async fn settlements(
    db: &Pool,
    of: MerchantId,
    page: Page,
) -> Result<Part<Settlement>, ReadError> {
    let before = cursor::place('s', page.cursor.as_deref())?;
    let values = [Text(of.as_str()), Integer(before), Integer(probe(&page))];
    let rows = fetch(db, &settlements_sql(db.dialect()), &values).await?;
    let made = rows.iter().map(|row| Fields::new(row, of).settlement());
    part(made.collect::<Result<_, _>>()?, &page, |made: &Settlement| {
        cursor::of_place('s', made.seq.0)
    })
}

/// Settlements before a place.
pub(crate) fn settlements_sql(dialect: Dialect) -> String {
    format!(
        "select {} from settlements {} where merchant_id = ? and seq < ? order by seq desc limit ?",
        rows::SETTLEMENT,
        dialect.along("settlements_by_seq")
    )
}

/// The orders that a settlement moved, by when they were paid. Between its first and its last payment there may be any number
/// that others moved, so it looks through them a window at a time.
pub(crate) async fn settlement_orders(
    db: &Pool,
    of: MerchantId,
    settlement: Settlement,
    page: Page,
) -> Result<Part<ListedOrder>, ReadError> {
    let past = integer(settlement.moved.last_paid_seq).saturating_add(1);
    let mut before = cursor::place('p', page.cursor.as_deref())?.min(past);
    let first = integer(settlement.moved.first_paid_seq);
    let sql = settlement_orders_sql(db.dialect());
    let (number, through) = (settlement.settlement_no.as_str(), settlement.through.days().into());
    let wanted = probe(&page);
    let mut found = vec![];
    while before > first && found.len() < len(wanted) {
        let after = before.saturating_sub(WINDOW).max(first);
        let left = wanted - integer_of(found.len());
        let window = [Text(of.as_str()), Integer(after), Integer(before), Integer(through)];
        let values = [&window[..], &[Text(number), Integer(left)]].concat();
        found.extend(fetch(db, &sql, &values).await?);
        before = after;
    }
    let orders = found.iter().map(|row| listed_order(row, of)).collect::<Result<_, _>>()?;
    part(orders, &page, |listed| {
        cursor::of_place('p', listed.order.payment.as_ref().map_or(0, |payment| payment.paid_seq))
    })
}

/// The orders of a settlement within a range of payments.
pub(crate) fn settlement_orders_sql(dialect: Dialect) -> String {
    let along = dialect.along("one_order_per_paid_seq");
    format!(
        "select * from (
             select {}, {} as moved_by from orders o {along}
             where merchant_id = ? and paid_seq >= ? and paid_seq < ? and (settle_on is null or settle_on <= ?)
         ) as within where moved_by = ? order by paid_seq desc limit ?",
        rows::ORDER,
        settlement_no(dialect)
    )
}

/// A merchant's withdrawals, by when they were requested.
pub(crate) async fn withdrawals(
    db: &Pool,
    of: MerchantId,
    status: Option<WithdrawalStatus>,
    page: Page,
) -> Result<Part<Withdrawal>, ReadError> {
    let before = cursor::place('w', page.cursor.as_deref())?;
    let mut values = vec![Text(of.as_str())];
    values.extend(status.map(|status| Text(status.as_str())));
    values.extend([Integer(before), Integer(probe(&page))]);
    let rows = fetch(db, &withdrawals_sql(db.dialect(), status.is_some()), &values).await?;
    let found = rows.iter().map(|row| Fields::new(row, of).withdrawal());
    part(found.collect::<Result<_, _>>()?, &page, |withdrawal: &Withdrawal| {
        cursor::of_place('w', withdrawal.requested_seq.0)
    })
}

/// Withdrawals before a place, of one status or of all.
pub(crate) fn withdrawals_sql(dialect: Dialect, of_one_status: bool) -> String {
    let (index, only) = match of_one_status {
        true => ("withdrawals_by_status", "and status = ?"),
        false => ("withdrawals_by_request", ""),
    };
    format!(
        "select {} from withdrawals {} where merchant_id = ? {only} and requested_seq < ?
         order by requested_seq desc limit ?",
        rows::WITHDRAWAL,
        dialect.along(index)
    )
}

/// Cases, by when they were opened.
pub(crate) async fn cases(
    db: &Pool,
    filter: CaseFilter,
    page: Page,
) -> Result<Part<ListedCase>, ReadError> {
    let (ms, id, seq) = cursor::case(page.cursor.as_deref())?;
    let (one_merchant, one_kind) = (filter.merchant.is_some(), filter.kind.is_some());
    let sql = cases_sql(db.dialect(), one_merchant, one_kind, filter.open);
    let mut values: Vec<Value<'_>> = vec![];
    values.extend(filter.merchant.as_ref().map(|of| Text(of.as_str())));
    values.extend(filter.kind.map(|kind| Text(kind.as_str())));
    values.extend(db.dialect().place(vec![Integer(ms), Text(&id), Integer(seq)]));
    values.push(Integer(probe(&page)));
    let rows = fetch(db, &sql, &values).await?;
    let mut found = vec![];
    for row in &rows {
        let mut fields = Fields::led_by_merchant(row)?;
        let case = fields.case()?;
        found.push(ListedCase { merchant: fields.of(), case });
    }
    part(found, &page, |ListedCase { merchant, case }| {
        cursor::of_case(case.opened_at, merchant, case.opened_seq)
    })
}

/// Cases before a place, of one merchant, one kind, both or neither; only open or resolved ones are picked on the way.
pub(crate) fn cases_sql(
    dialect: Dialect,
    of_one_merchant: bool,
    of_one_kind: bool,
    open: Option<bool>,
) -> String {
    let index = match (of_one_merchant, of_one_kind) {
        (true, _) => "cases_by_merchant",
        (false, true) => "cases_by_kind",
        (false, false) => "cases_by_opening",
    };
    format!(
        "select merchant_id, {} from cases {}
         where {} {} {} {}
         order by opened_ms desc, merchant_id desc, opened_seq desc limit ?",
        rows::CASE,
        dialect.along(index),
        if of_one_merchant { "merchant_id = ? and" } else { "" },
        if of_one_kind { "kind = ? and" } else { "" },
        match open {
            None => "",
            Some(true) => "status = 'open' and",
            Some(false) => "status = 'resolved' and",
        },
        dialect.before(&["opened_ms", "merchant_id", "opened_seq"]),
    )
}

/// A merchant's events from a place on, oldest first.
pub(crate) async fn events(
    db: &Pool,
    of: MerchantId,
    from: Seq,
    limit: u32,
) -> Result<Vec<Recorded>, ReadError> {
    let sql = "select seq, hash, event from journal where merchant_id = ? and seq >= ? order by seq limit ?";
    let from = i64::try_from(from.0).unwrap_or(i64::MAX);
    let values = [Text(of.as_str()), Integer(from), Integer(limit.into())];
    let rows = fetch(db, sql, &values).await?;
    let recorded = |row| {
        let mut fields = Fields::new(row, of);
        Ok(Recorded { seq: fields.seq()?, hash: fields.hash()?, bytes: fields.take()? })
    };
    rows.iter().map(recorded).collect()
}

fn listed_order(row: &Row, of: MerchantId) -> Result<ListedOrder, ReadError> {
    let mut fields = Fields::new(row, of);
    let order = fields.order()?;
    let settlement_no = fields.made_if_any(|raw: &str| raw.parse().ok())?;
    Ok(ListedOrder { order, settlement_no })
}

/// The rows of a statement, in whose text `?` stands for each value.
pub(crate) async fn fetch(
    db: &Pool,
    text: &str,
    values: &[Value<'_>],
) -> Result<Vec<Row>, ReadError> {
    db.fetch(text, values).await.map_err(|error| db.dialect().meaning(&error).read_error())
}

/// How many rows to ask for: one more than are shown tells whether another part follows.
pub(crate) fn probe(page: &Page) -> i64 {
    i64::from(page.limit.max(1)) + 1
}

/// The part that a page shows of what was found for it.
pub(crate) fn part<T>(
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
