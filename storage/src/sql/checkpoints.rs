//! Checkpoints: heads as they were, from which a fold may begin. Each is held against the journal before it is given out.

use tally_actors::domain::chain::Seq;
use tally_actors::domain::event::Stamped;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::replay::Point;
use tally_actors::ports::ReadError;

use super::db::Pool;
use super::dialect::Dialect;
use super::lists::fetch;
use super::row::Row;
use super::rows::{self, Fields};
use super::value::Value::{Integer, Text};

/// The newest checkpoint not after this point that can be read and fits the journal.
pub(crate) async fn newest(
    db: &Pool,
    of: MerchantId,
    upto: Point,
) -> Result<Option<Head>, ReadError> {
    let mut before = match upto {
        Point::Seq(Seq(seq)) => i64::try_from(seq).unwrap_or(i64::MAX).saturating_add(1),
        Point::At(_) => i64::MAX,
    };
    loop {
        let Some((seq, row)) = next(db, of, upto, before).await? else { return Ok(None) };
        match fitting(&row, of) {
            Ok(head) if !upto.is_before(head.link.seq, head.at) => return Ok(Some(head)),
            Ok(_) => tracing::error!(merchant = %of, seq, "a checkpoint is after its place"),
            Err(error) => {
                tracing::error!(merchant = %of, seq, %error, "a checkpoint is passed over");
            }
        }
        before = seq;
    }
}

/// The newest row before a place and not after the point, whatever is in it.
async fn next(
    db: &Pool,
    of: MerchantId,
    upto: Point,
    before: i64,
) -> Result<Option<(i64, Row)>, ReadError> {
    let mut values = vec![Text(of.as_str()), Integer(before)];
    match upto {
        Point::Seq(_) => {}
        Point::At(at) => values.push(Integer(at.ms())),
    }
    let rows = fetch(db, &sql(db.dialect(), upto), &values).await?;
    rows.into_iter().next().map(|row| Ok((Fields::new(&row, of).take()?, row))).transpose()
}

/// The newest checkpoint before a place, or the newest of a time, with the event that the journal has there under its hash.
pub(crate) fn sql(dialect: Dialect, upto: Point) -> String {
    let (index, only, order) = match upto {
        Point::Seq(_) => (String::new(), "", "seq desc"),
        Point::At(_) => {
            (dialect.along("checkpoints_by_time"), "and at_ms <= ?", "at_ms desc, seq desc")
        }
    };
    format!(
        "select seq, (select event from journal where merchant_id = c.merchant_id and seq = c.seq and hash = c.hash) as event, {}
         from checkpoints c {index} where merchant_id = ? and seq < ? {only} order by {order} limit 1",
        rows::HEAD
    )
}

/// The head in such a row, if it is one that the journal can have led to.
fn fitting(row: &Row, of: MerchantId) -> Result<Head, ReadError> {
    let mut fields = Fields::new(row, of);
    fields.take::<i64>()?;
    let event = fields.made(|bytes: &[u8]| Stamped::decode(bytes).ok())?;
    let head = fields.head()?;
    (head.at == event.at)
        .then_some(head)
        .ok_or_else(|| fields.unreadable("it does not fit the journal".into()))
}
