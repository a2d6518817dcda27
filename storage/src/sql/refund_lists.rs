//! Lists of refunds: a merchant's, an order's, and all that are not yet certain.

use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::refund::Refund;
use tally_actors::ports::{Damaged, Page, Part, ReadError, RefundFilter, RefundUnderWay};

use super::cursor;
use super::db::Pool;
use super::dialect::Dialect;
use super::lists::{fetch, part, probe};
use super::rows::{self, Fields};
use super::value::Value::{Integer, Text};
use super::waiting::walked;

/// A merchant's refunds, by when they were requested.
pub(crate) async fn refunds(
    db: &Pool,
    of: MerchantId,
    filter: RefundFilter,
    page: Page,
) -> Result<Part<Refund>, ReadError> {
    let before = cursor::place('r', page.cursor.as_deref())?;
    let mut values = vec![Text(of.as_str())];
    values.extend(filter.order_no.as_ref().map(|order_no| Text(order_no.as_str())));
    values.extend(filter.status.map(|status| Text(status.as_str())));
    values.extend([Integer(before), Integer(probe(&page))]);
    let rows = fetch(db, &refunds_sql(db.dialect(), filter), &values).await?;
    let found = rows.iter().map(|row| Fields::new(row, of).refund());
    part(found.collect::<Result<_, _>>()?, &page, |refund: &Refund| {
        cursor::of_place('r', refund.requested_seq.0)
    })
}

/// Refunds before a place, of one order, one status, both or neither.
pub(crate) fn refunds_sql(dialect: Dialect, filter: RefundFilter) -> String {
    let index = match (filter.order_no, filter.status) {
        (Some(_), _) => "refunds_by_order",
        (None, Some(_)) => "refunds_by_status",
        (None, None) => "refunds_by_request",
    };
    format!(
        "select {} from refunds {} where merchant_id = ? {} {} and requested_seq < ?
         order by requested_seq desc limit ?",
        rows::REFUND,
        dialect.along(index),
        if filter.order_no.is_some() { "and order_no = ?" } else { "" },
        if filter.status.is_some() { "and status = ?" } else { "" },
    )
}

/// Refunds whose outcome is not yet certain.
pub(crate) async fn refunds_under_way(
    db: &Pool,
    page: Page,
) -> Result<Part<Result<RefundUnderWay, Damaged>>, ReadError> {
    let (ms, id, seq) = cursor::waiting('u', page.cursor.as_deref())?;
    let mut values = db.dialect().place(vec![Integer(ms), Text(&id), Integer(seq)]);
    values.push(Integer(probe(&page)));
    let rows = fetch(db, &refunds_under_way_sql(db.dialect()), &values).await?;
    walked(&rows, &page, 'u', |merchant, fields| {
        Ok(RefundUnderWay { merchant, refund: fields.refund()? })
    })
}

/// Refunds under way, before a place.
pub(crate) fn refunds_under_way_sql(dialect: Dialect) -> String {
    let (only, ms) = match dialect {
        Dialect::Sqlite | Dialect::Postgres => {
            ("status in ('requested', 'sending', 'unknown') and", "requested_ms")
        }
        Dialect::Mysql => ("", "under_way_ms"), // null but for those
    };
    format!(
        "select merchant_id, refund_no, requested_ms, requested_seq, {} from refunds {} where {only} {}
         order by {ms} desc, merchant_id desc, requested_seq desc limit ?",
        rows::REFUND,
        dialect.along("refunds_under_way"),
        dialect.before(&[ms, "merchant_id", "requested_seq"]),
    )
}
