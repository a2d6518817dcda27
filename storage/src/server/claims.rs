//! Claims to background work: rows that run out, by the server's clock, as those of nodes differ.

use std::sync::Arc;
use std::time::Duration;

use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::Work;

use crate::sql::db::Db;
use crate::sql::dialect::Dialect;
use crate::sql::value::Value::{Integer, Text};
use crate::sql::value::Values;

/// Claims what is nobody's, or the holder's own, for so long. Gives what the holder now has.
pub(super) async fn claim(
    db: &mut Db<'_>,
    work: Work,
    of: &[MerchantId],
    holder: &Arc<str>,
    term: Duration,
) -> Result<Vec<MerchantId>, sqlx::Error> {
    let term = Integer(i64::try_from(term.as_millis()).unwrap_or(i64::MAX));
    let mut ours = vec![];
    for part in of.chunks(CLAIMS_MAX) {
        let rows = vec![row(db.dialect()); part.len()].join(", ");
        let values: Values<'_> = part
            .iter()
            .flat_map(|of| [Text(of.as_str()), Text(work.as_str()), Text(holder), term.clone()])
            .collect();
        db.execute(&claim_sql(db.dialect(), &rows), &values).await?;
        let marks = vec!["?"; part.len()].join(", ");
        let sql = format!(
            "select merchant_id from claims where work = ? and holder = ? and merchant_id in ({marks})"
        );
        let mut values = vec![Text(work.as_str()), Text(holder)];
        values.extend(part.iter().map(|of| Text(of.as_str())));
        let found = db.fetch(&sql, &values).await?;
        ours.extend(found.iter().filter_map(|row| row.get::<&str>(0)?.parse::<MerchantId>().ok()));
    }
    Ok(ours)
}

/// Claims in one statement.
const CLAIMS_MAX: usize = 200;

/// The server's clock, in milliseconds.
fn now(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Mysql => "cast(unix_timestamp(now(3)) * 1000 as signed)",
        Dialect::Postgres => "(extract(epoch from clock_timestamp()) * 1000)::bigint",
        Dialect::Sqlite => "cast(unixepoch('subsec') * 1000 as integer)",
    }
}

fn row(dialect: Dialect) -> String {
    format!("(?, ?, ?, {} + ?)", now(dialect))
}

fn claim_sql(dialect: Dialect, rows: &str) -> String {
    let into = format!("insert into claims (merchant_id, work, holder, until_ms) values {rows}");
    let now = now(dialect);
    match dialect {
        // In their order: whoever has it after the first is given the term by the second.
        Dialect::Mysql => format!(
            "{into} on duplicate key update \
                holder = if(holder = values(holder) or until_ms < {now}, values(holder), holder), \
                until_ms = if(holder = values(holder), values(until_ms), until_ms)"
        ),
        Dialect::Postgres | Dialect::Sqlite => format!(
            "{into} on conflict (merchant_id, work) do update \
                set holder = excluded.holder, until_ms = excluded.until_ms \
                where claims.holder = excluded.holder or claims.until_ms < {now}"
        ),
    }
}
