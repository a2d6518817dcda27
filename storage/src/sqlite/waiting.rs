//! What of all merchants waits for the payment channel: a part at a time, newest first, along an index that holds nothing
//! else.

use sqlx::{AssertSqlSafe, SqlitePool};
use tally_actors::domain::time::At;
use tally_actors::ports::{OpenOrder, Page, Part, ReadError, WithdrawalUnderWay};

use super::cursor;
use super::lists::{fetch, part, probe};
use super::rows::{self, Fields};

/// WeChat orders that are open, of those opened from one instant on and before another.
pub(super) async fn open_orders(
    db: &SqlitePool,
    from: At,
    to: At,
    page: Page,
) -> Result<Part<OpenOrder>, ReadError> {
    let (ms, id, seq) = cursor::waiting('q', page.cursor.as_deref())?;
    // Before the end and after the last one shown are one bound: whichever is earlier.
    let (ms, id, seq) = (ms, id, seq).min((to.ms(), String::new(), 0));
    let query = sqlx::query(AssertSqlSafe(open_orders_sql())).bind(from.ms());
    let rows = fetch(db, query.bind(ms).bind(id).bind(seq).bind(probe(&page))).await?;
    let waiting = rows.iter().map(|row| {
        let mut fields = Fields::led_by_merchant(row)?;
        Ok(OpenOrder { merchant: fields.of(), order: fields.order()? })
    });
    part(waiting.collect::<Result<_, ReadError>>()?, &page, |OpenOrder { merchant, order }| {
        cursor::of_waiting('q', order.opened_at, merchant, order.opened_seq)
    })
}

/// WeChat orders that are open, from an instant on and before a place.
pub(super) fn open_orders_sql() -> String {
    format!(
        "select merchant_id, {} from orders indexed by orders_waiting
         where status = 'open' and channel >= x'01' and opened_ms >= ? and (opened_ms, merchant_id, opened_seq) < (?, ?, ?)
         order by opened_ms desc, merchant_id desc, opened_seq desc limit ?",
        rows::ORDER
    )
}

/// Withdrawals by WeChat whose outcome is not yet certain and that may go out.
pub(super) async fn withdrawals_under_way(
    db: &SqlitePool,
    page: Page,
) -> Result<Part<WithdrawalUnderWay>, ReadError> {
    let (ms, id, seq) = cursor::waiting('t', page.cursor.as_deref())?;
    let query = sqlx::query(AssertSqlSafe(withdrawals_under_way_sql())).bind(ms).bind(id);
    let rows = fetch(db, query.bind(seq).bind(probe(&page))).await?;
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
pub(super) fn withdrawals_under_way_sql() -> String {
    format!(
        "select merchant_id, {} from withdrawals indexed by withdrawals_under_way
         where method = 'wechat' and status in ('requested', 'sending', 'unknown')
             and (requested_ms, merchant_id, requested_seq) < (?, ?, ?)
         order by requested_ms desc, merchant_id desc, requested_seq desc limit ?",
        rows::WITHDRAWAL
    )
}
