//! Ending a session whose COMMIT was not answered: until it is over, nobody can know what will have become of it.
//!
//! A session is known by a lock of a name that no other has, which it holds until it ends; its number is not enough, as a server
//! that is started anew counts from one again. The server gives the lock back after it has undone the session's transaction.

use std::time::Duration;

use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Executor};
use tokio::time::sleep;

/// How often the server is asked whether a session is over.
const LOOK: Duration = Duration::from_millis(10);

/// Whether a session is at its COMMIT. Then it is left to it: that ends by itself, as fast as the disk is, and one that waits for a
/// replica would go on without it.
const COMMITTING: &str = "select cast(count(*) as signed) from information_schema.processlist \
    where id = ? and command = 'Query' and info like 'commit%'";

/// An error of whoever ends a session that is over already: there is no such thread.
const NO_SUCH_THREAD: u16 = 1094;

/// A session by the name of its lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Session {
    lock: String,
}

impl Session {
    /// The session of this connection; from here on it holds its lock.
    pub(crate) async fn of(db: &mut MySqlConnection) -> Result<Self, sqlx::Error> {
        let unique: String = sqlx::query_scalar("select uuid()").fetch_one(&mut *db).await?;
        let lock = format!("tally {unique}");
        let take = sqlx::query_scalar("select get_lock(?, 0)").bind(&lock);
        let taken: Option<i64> = take.fetch_one(db).await?;
        match taken {
            Some(1) => Ok(Self { lock }),
            Some(_) | None => Err(sqlx::Error::Configuration("get_lock gives no lock".into())),
        }
    }

    /// Ends it, and waits until it is over, on a connection to the same server. A server that was started anew meanwhile has
    /// none of its old sessions. It waits for as long as it is let. A user may end its own sessions.
    pub(crate) async fn end(&self, db: &mut MySqlConnection) -> Result<(), sqlx::Error> {
        loop {
            // Its type is another at MySQL.
            let ask = "select cast(is_used_lock(?) as char)";
            let holder = sqlx::query_scalar(ask).bind(&self.lock);
            let holder: Option<String> = holder.fetch_one(&mut *db).await?;
            let Some(id) = holder else { return Ok(()) };
            let committing = sqlx::query_scalar(COMMITTING).bind(&id);
            let committing: i64 = committing.fetch_one(&mut *db).await?;
            if committing == 0
                && let Err(error) = db.execute(AssertSqlSafe(format!("kill {id}"))).await
                && number(&error) != Some(NO_SUCH_THREAD)
            {
                return Err(error);
            }
            sleep(LOOK).await;
        }
    }
}

fn number(error: &sqlx::Error) -> Option<u16> {
    let error = error.as_database_error()?;
    Some(error.downcast_ref::<sqlx::mysql::MySqlDatabaseError>().number())
}
