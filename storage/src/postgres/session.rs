//! Ending a session whose COMMIT was not answered: until it is over, nobody can know what will have become of it.

use std::time::Duration;

use sqlx::postgres::PgConnection;
use tokio::time::sleep;

/// How often the server is asked whether a session is over.
const LOOK: Duration = Duration::from_millis(10);

/// A session by its process and the moment it began, as another may get the same process id later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Session {
    pid: i32,
    began_us: i64,
}

const OWN: &str = "select pid, (extract(epoch from backend_start) * 1000000)::bigint from pg_stat_activity \
    where pid = pg_backend_pid()";

/// Gives a row as long as the session lives. A role may end its own sessions. One that is at its COMMIT is left to it: that ends by
/// itself, as fast as the disk is, and one that waits for a standby would be told to commit without it.
const END: &str = "select case when state = 'active' and query = 'commit' then false else pg_terminate_backend(pid) end \
    from pg_stat_activity where pid = $1 and (extract(epoch from backend_start) * 1000000)::bigint = $2";

impl Session {
    /// One of the same process id, long before.
    #[cfg(test)]
    pub(crate) fn earlier(self) -> Self {
        Self { began_us: self.began_us - 1_000_000, ..self }
    }

    /// The session of this connection.
    pub(crate) async fn of(db: &mut PgConnection) -> Result<Self, sqlx::Error> {
        let (pid, began_us) = sqlx::query_as(OWN).fetch_one(db).await?;
        Ok(Self { pid, began_us })
    }

    /// Ends it, and waits until it is over, on a connection to the same server. A server that was started anew meanwhile has
    /// none of its old sessions. It waits for as long as it is let.
    pub(crate) async fn end(self, db: &mut PgConnection) -> Result<(), sqlx::Error> {
        loop {
            let lives = sqlx::query(END).bind(self.pid).bind(self.began_us);
            if lives.fetch_optional(&mut *db).await?.is_none() {
                return Ok(());
            }
            sleep(LOOK).await;
        }
    }
}
