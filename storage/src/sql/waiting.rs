//! What of all merchants waits for the payment channel: a part at a time, newest first, along an index that holds nothing
//! else.

use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::time::At;
use tally_actors::ports::{Damaged, OpenOrder, Page, Part, ReadError, WithdrawalUnderWay};

use super::cursor;
use super::db::Pool;
use super::dialect::Dialect;
use super::lists::{fetch, part, probe};
use super::row::Row;
use super::rows::{self, Fields};
use super::value::Value::{Integer, Text};

/// WeChat orders that are open, of those opened from one instant on and before another.
pub(crate) async fn open_orders(
    db: &Pool,
    from: At,
    to: At,
    page: Page,
) -> Result<Part<Result<OpenOrder, Damaged>>, ReadError> {
    let (ms, id, seq) = cursor::waiting('q', page.cursor.as_deref())?;
    // Before the end and after the last one shown are one bound: whichever is earlier.
    let (ms, id, seq) = (ms, id, seq).min((to.ms(), String::new(), 0));
    let mut values = vec![Integer(from.ms())];
    values.extend(db.dialect().place(vec![Integer(ms), Text(&id), Integer(seq)]));
    values.push(Integer(probe(&page)));
    let rows = fetch(db, &open_orders_sql(db.dialect()), &values).await?;
    walked(&rows, &page, 'q', |merchant, fields| Ok(OpenOrder { merchant, order: fields.order()? }))
}

/// WeChat orders that are open, from an instant on and before a place.
pub(crate) fn open_orders_sql(dialect: Dialect) -> String {
    let (only, ms) = match dialect {
        Dialect::Sqlite => ("status = 'open' and channel >= x'01' and", "opened_ms"),
        Dialect::Postgres => ("status = 'open' and channel >= '\\x01' and", "opened_ms"),
        Dialect::Mysql => ("", "waiting_ms"), // null but for those
    };
    format!(
        "select merchant_id, order_no, opened_ms, opened_seq, {} from orders {} where {only} {ms} >= ? and {}
         order by {ms} desc, merchant_id desc, opened_seq desc limit ?",
        rows::ORDER,
        dialect.along("orders_waiting"),
        dialect.before(&[ms, "merchant_id", "opened_seq"]),
    )
}

/// Withdrawals by WeChat whose outcome is not yet certain and that may go out.
pub(crate) async fn withdrawals_under_way(
    db: &Pool,
    page: Page,
) -> Result<Part<Result<WithdrawalUnderWay, Damaged>>, ReadError> {
    let (ms, id, seq) = cursor::waiting('t', page.cursor.as_deref())?;
    let mut values = db.dialect().place(vec![Integer(ms), Text(&id), Integer(seq)]);
    values.push(Integer(probe(&page)));
    let rows = fetch(db, &withdrawals_under_way_sql(db.dialect()), &values).await?;
    walked(&rows, &page, 't', |merchant, fields| {
        Ok(WithdrawalUnderWay { merchant, withdrawal: fields.withdrawal()? })
    })
}

/// The rows of a page: each begins with whose it is, its number, and its place in the list. One that can't be read beyond these is
/// no trouble of the others.
pub(super) fn walked<T>(
    rows: &[Row],
    page: &Page,
    list: char,
    read: impl Fn(MerchantId, &mut Fields<'_>) -> Result<T, ReadError>,
) -> Result<Part<Result<T, Damaged>>, ReadError> {
    let mut found = vec![];
    for row in rows {
        let mut fields = Fields::led_by_merchant(row)?;
        let merchant = fields.of();
        let number = fields.take::<&str>().unwrap_or("(a number that can't be read)");
        let (at, seq) = (fields.at()?, fields.seq()?);
        let damaged = |why| Damaged { merchant, number: number.into(), at, why };
        let item = read(merchant, &mut fields).map_err(damaged);
        found.push((cursor::of_waiting(list, at, &merchant, seq), item));
    }
    let Part { items, next } = part(found, page, |(place, _)| place.clone())?;
    Ok(Part { items: items.into_iter().map(|(_, item)| item).collect(), next })
}

/// Withdrawals by WeChat under way, before a place.
pub(crate) fn withdrawals_under_way_sql(dialect: Dialect) -> String {
    let (only, ms) = match dialect {
        Dialect::Sqlite | Dialect::Postgres => (
            "method = 'wechat' and status in ('requested', 'sending', 'unknown') and",
            "requested_ms",
        ),
        Dialect::Mysql => ("", "under_way_ms"), // null but for those
    };
    format!(
        "select merchant_id, withdrawal_no, requested_ms, requested_seq, {} from withdrawals {} where {only} {}
         order by {ms} desc, merchant_id desc, requested_seq desc limit ?",
        rows::WITHDRAWAL,
        dialect.along("withdrawals_under_way"),
        dialect.before(&[ms, "merchant_id", "requested_seq"]),
    )
}
