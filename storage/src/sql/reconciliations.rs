//! The statements about reconciliations, their differences, and what they carry over.

use tally_actors::domain::time::Day;
use tally_actors::ports::{Page, Part, ReadError};

use super::cursor;
use super::db::Pool;
use super::dialect::Dialect;
use super::lists::{fetch, part, probe};
use super::row::Row;
use super::rows::Fields;
use super::value::Value::{Integer, Text};
use super::value::{Value, Values};
use crate::keys::nobody;
use crate::reconciliations::{Carried, Difference, Reconciliation, Side};

const RECONCILIATION: &str = "day, ran_ms, report";

const DIFFERENCE: &str = "day, difference_id, seen_ms, difference";

const CARRIED: &str = "day, side, number, ran_ms, carried";

fn date(day: Day) -> Value<'static> {
    Integer(day.days().into())
}

fn day(raw: i64) -> Option<Day> {
    i32::try_from(raw).ok().and_then(Day::from_days)
}

/// The statement that keeps a day's row, and its values.
pub(crate) fn keep(dialect: Dialect, of: &Reconciliation) -> (String, Values<'_>) {
    let over = dialect.over_older("reconciliations", ("day", "ran_ms"), RECONCILIATION);
    let text = format!("insert into reconciliations ({RECONCILIATION}) values (?, ?, ?) {over}");
    (text, vec![date(of.day), Integer(of.ran_at.ms()), Text(&of.report)])
}

/// The row of a day.
pub(crate) async fn of_day(db: &Pool, day: Day) -> Result<Option<Reconciliation>, ReadError> {
    let sql = format!("select {RECONCILIATION} from reconciliations where day = ?");
    let rows = fetch(db, &sql, &[date(day)]).await?;
    rows.first().map(reconciliation).transpose()
}

/// All days, the newest first.
pub(crate) async fn list(db: &Pool, page: Page) -> Result<Part<Reconciliation>, ReadError> {
    let before = cursor::place('r', page.cursor.as_deref())?;
    let sql = format!(
        "select {RECONCILIATION} from reconciliations where day < ? order by day desc limit ?"
    );
    let rows = fetch(db, &sql, &[Integer(before), Integer(probe(&page))]).await?;
    let found = rows.iter().map(reconciliation).collect::<Result<_, _>>()?;
    part(found, &page, |last: &Reconciliation| {
        cursor::of_place('r', u64::from(last.day.days().unsigned_abs()))
    })
}

fn reconciliation(row: &Row) -> Result<Reconciliation, ReadError> {
    let mut fields = Fields::new(row, nobody());
    Ok(Reconciliation { day: fields.made(day)?, ran_at: fields.at()?, report: fields.take()? })
}

/// The statement that keeps differences, and its values.
pub(crate) fn keep_differences(dialect: Dialect, found: &[Difference]) -> (String, Values<'_>) {
    let rows = vec!["(?, ?, ?, ?)"; found.len()].join(", ");
    let key = ("day, difference_id", "seen_ms");
    let over = dialect.over_older("reconciliation_differences", key, DIFFERENCE);
    let text =
        format!("insert into reconciliation_differences ({DIFFERENCE}) values {rows} {over}");
    let values = found.iter().flat_map(|of| {
        [date(of.day), Text(&of.difference_id), Integer(of.seen_at.ms()), Text(&of.difference)]
    });
    (text, values.collect())
}

/// What runs of a day saw, by their ids.
pub(crate) async fn differences(
    db: &Pool,
    of: Day,
    page: Page,
) -> Result<Part<Difference>, ReadError> {
    let after = match page.cursor.as_deref() {
        None => "",
        Some(cursor) => cursor
            .strip_prefix('f')
            .filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
            .ok_or(ReadError::Cursor)?,
    };
    let sql = format!(
        "select {DIFFERENCE} from reconciliation_differences where day = ? and difference_id > ?
         order by difference_id limit ?"
    );
    let rows = fetch(db, &sql, &[date(of), Text(after), Integer(probe(&page))]).await?;
    let found = rows.iter().map(difference).collect::<Result<_, _>>()?;
    part(found, &page, |last: &Difference| format!("f{}", last.difference_id))
}

fn difference(row: &Row) -> Result<Difference, ReadError> {
    let mut fields = Fields::new(row, nobody());
    Ok(Difference {
        day: fields.made(day)?,
        difference_id: fields.take()?,
        seen_at: fields.at()?,
        difference: fields.take()?,
    })
}

/// The statement that keeps what is carried over, and its values.
pub(crate) fn keep_carried(dialect: Dialect, carried: &[Carried]) -> (String, Values<'_>) {
    let rows = vec!["(?, ?, ?, ?, ?)"; carried.len()].join(", ");
    let key = ("day, side, number", "ran_ms");
    let over = dialect.over_older("reconciliation_carried", key, CARRIED);
    let text = format!("insert into reconciliation_carried ({CARRIED}) values {rows} {over}");
    let values = carried.iter().flat_map(|of| {
        [
            date(of.day),
            Text(of.side.as_str()),
            Text(&of.number),
            Integer(of.ran_at.ms()),
            Text(&of.carried),
        ]
    });
    (text, values.collect())
}

/// What the newest whole run of a day carried over; a later one that was cut off may have taken what it carried as well.
pub(crate) async fn carried(db: &Pool, of: Day, side: Side) -> Result<Vec<Carried>, ReadError> {
    let sql = "select c.number, c.ran_ms, c.carried from reconciliation_carried c
        join reconciliations r on r.day = c.day and r.ran_ms <= c.ran_ms
        where c.day = ? and c.side = ? order by c.number";
    let rows = fetch(db, sql, &[date(of), Text(side.as_str())]).await?;
    let carried = |row| {
        let mut fields = Fields::new(row, nobody());
        let (number, ran_at, carried) = (fields.take()?, fields.at()?, fields.take()?);
        Ok(Carried { day: of, side, number, ran_at, carried })
    };
    rows.iter().map(carried).collect()
}
