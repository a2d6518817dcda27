//! What of all merchants waits for the payment channel: a part at a time, newest first, along an index that holds nothing
//! else.

use tally_actors::domain::time::At;
use tally_actors::ports::{OpenOrder, Page, Part, ReadError, WithdrawalUnderWay};

use super::cursor;
use super::db::Pool;
use super::dialect::Dialect;
use super::lists::{fetch, part, probe};
use super::rows::{self, Fields};
use super::value::Value::{Integer, Text};

/// WeChat orders that are open, of those opened from one instant on and before another.
pub(crate) async fn open_orders(
    db: &Pool,
    from: At,
    to: At,
    page: Page,
) -> Result<Part<OpenOrder>, ReadError> {
    let (ms, id, seq) = cursor::waiting('q', page.cursor.as_deref())?;
    // Before the end and after the last one shown are one bound: whichever is earlier.
    let (ms, id, seq) = (ms, id, seq).min((to.ms(), String::new(), 0));
    let mut values = vec![Integer(from.ms())];
    values.extend(db.dialect().place(vec![Integer(ms), Text(&id), Integer(seq)]));
    values.push(Integer(probe(&page)));
    let rows = fetch(db, &open_orders_sql(db.dialect()), &values).await?;
    let waiting = rows.iter().map(|row| {
        let mut fields = Fields::led_by_merchant(row)?;
        Ok(OpenOrder { merchant: fields.of(), order: fields.order()? })
    });
    part(waiting.collect::<Result<_, ReadError>>()?, &page, |OpenOrder { merchant, order }| {
        cursor::of_waiting('q', order.opened_at, merchant, order.opened_seq)
    })
}

/// WeChat orders that are open, from an instant on and before a place.
pub(crate) fn open_orders_sql(dialect: Dialect) -> String {
    let (only, ms) = match dialect {
        Dialect::Sqlite => ("status = 'open' and channel >= x'01' and", "opened_ms"),
        Dialect::Postgres => ("status = 'open' and channel >= '\\x01' and", "opened_ms"),
        Dialect::Mysql => ("", "waiting_ms"), // null but for those
    };
    format!(
        "select merchant_id, {} from orders {} where {only} {ms} >= ? and {}
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
) -> Result<Part<WithdrawalUnderWay>, ReadError> {
    let (ms, id, seq) = cursor::waiting('t', page.cursor.as_deref())?;
    let mut values = db.dialect().place(vec![Integer(ms), Text(&id), Integer(seq)]);
    values.push(Integer(probe(&page)));
    let rows = fetch(db, &withdrawals_under_way_sql(db.dialect()), &values).await?;
    let waiting = rows.iter().map(|row| {
        let mut fields = Fields::led_by_merchant(row)?;
        Ok(WithdrawalUnderWay { merchant: fields.of(), withdrawal: fields.withdrawal()? })
    });
    let waiting = waiting.collect::<Result<_, ReadError>>()?;
    part(waiting, &page, |WithdrawalUnderWay { merchant, withdrawal }| {
        cursor::of_waiting('t', withdrawal.requested_at, merchant, withdrawal.requested_seq)
    })
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
        "select merchant_id, {} from withdrawals {} where {only} {}
         order by {ms} desc, merchant_id desc, requested_seq desc limit ?",
        rows::WITHDRAWAL,
        dialect.along("withdrawals_under_way"),
        dialect.before(&[ms, "merchant_id", "requested_seq"]),
    )
}
