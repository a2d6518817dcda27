//! What the server is asked once, at the start: whether it fits, and whether it keeps what it says it keeps.

use sqlx::Row;
use sqlx::postgres::{PgConnection, PgRow};

/// The oldest that has what Tally needs, as `server_version_num` counts.
pub(super) const VERSION_MIN: i64 = 130_000;

/// How a server is set up. `None`: it has no such setting, as servers that only speak PostgreSQL's protocol.
#[derive(Debug)]
pub(super) struct Setup {
    pub(super) version: i64,
    pub(super) version_name: String,
    pub(super) encoding: String,
    pub(super) read_only: bool,
    fsync: Option<String>,
    full_page_writes: Option<String>,
    synchronous_commit: Option<String>,
}

const SETUP: &str = "select current_setting('server_version_num')::bigint, current_setting('server_version'), \
    current_setting('server_encoding'), current_setting('transaction_read_only') = 'on' or pg_is_in_recovery(), \
    current_setting('fsync', true), current_setting('full_page_writes', true), \
    current_setting('synchronous_commit', true)";

impl Setup {
    pub(super) async fn of(db: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let row: PgRow = sqlx::query(SETUP).fetch_one(db).await?;
        Ok(Self {
            version: row.try_get(0)?,
            version_name: row.try_get(1)?,
            encoding: row.try_get(2)?,
            read_only: row.try_get(3)?,
            fsync: row.try_get(4)?,
            full_page_writes: row.try_get(5)?,
            synchronous_commit: row.try_get(6)?,
        })
    }

    /// What would let a crash of the server take back what it said, each by the name of the setting.
    pub(super) fn dangers(&self) -> Vec<&'static str> {
        let off = |setting: &Option<String>| setting.as_deref() == Some("off");
        let dangers = [
            (
                &self.fsync,
                "fsync is off: a crash of the database's machine can lose or damage all that was answered; set it on",
            ),
            (
                &self.full_page_writes,
                "full_page_writes is off: a crash of the database's machine can damage what was answered; set it on",
            ),
            (
                &self.synchronous_commit,
                "synchronous_commit is off for this role or server: Tally sets it on for what it writes",
            ),
        ];
        dangers.iter().filter(|(setting, _)| off(setting)).map(|(_, danger)| *danger).collect()
    }
}
