//! One transaction a batch on the writer's connection, which is thrown away after any failed BEGIN, COMMIT or ROLLBACK.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use tally_actors::ports::{Batch, Commit, Run};

use super::{connect, errors};
use crate::sql::commit::{self, Tried};
use crate::sql::db::Db;
use crate::sql::dialect::Dialect;
use crate::sql::heads;
use crate::sql::meaning::Meaning;

/// Commits a batch on the connection in `slot`, and leaves a good one there, or none.
pub(crate) async fn commit(
    file: &Path,
    slot: &mut Option<SqliteConnection>,
    batch: &Batch,
) -> Commit {
    let mut db = match take(file, slot).await {
        Ok(db) => db,
        Err(error) => return errors::meaning(&error).nothing_written(),
    };
    let answer =
        match commit::attempt(&mut Db::Sqlite(&mut db), Dialect::Sqlite.words(), batch).await {
            Tried::Answered(answer) => {
                *slot = Some(db);
                return answer;
            }
            Tried::Lost(answer) => {
                connect::discard(db).await;
                answer
            }
            Tried::Unsure(runs, meaning) => {
                connect::discard(db).await;
                look(file, &runs, meaning).await
            }
        };
    *slot = connect::writer(file).await.ok(); // without one, the next batch tries again
    answer
}

async fn take(
    file: &Path,
    slot: &mut Option<SqliteConnection>,
) -> Result<SqliteConnection, sqlx::Error> {
    match slot.take() {
        Some(db) => Ok(db),
        None => connect::writer(file).await,
    }
}

/// After a failed COMMIT: the connection that sent it is closed, so what it began is over. One row tells of all.
pub(super) async fn look(file: &Path, runs: &[&Run], meaning: Meaning) -> Commit {
    if matches!(meaning, Meaning::Broken(_)) {
        return meaning.nothing_written();
    }
    let found = match connect::writer(file).await {
        Ok(mut db) => {
            let found = heads::written(&mut Db::Sqlite(&mut db), runs).await;
            connect::discard(db).await;
            found
        }
        Err(error) => Err(error),
    };
    match found {
        Ok(found) if found.len() == runs.len() => Commit::Committed,
        Ok(found) if found.is_empty() => meaning.nothing_written(),
        Ok(_) => Commit::Fatal("a transaction was written in part".to_owned()),
        Err(error) => Commit::Doubt(error.to_string()),
    }
}
