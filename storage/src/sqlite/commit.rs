//! One transaction a batch, and what became of it.
//!
//! | what fails | what is certain | the answer |
//! |---|---|---|
//! | BEGIN | nothing written | not done, or fatal |
//! | the fence | nothing written | conflict |
//! | a statement, by a constraint | nothing written | refused, once the event is found |
//! | a statement, otherwise | nothing written | not done, or fatal |
//! | ROLLBACK | nothing written, as the connection is closed | as above |
//! | COMMIT | nothing yet: the connection is closed, and another looks for the last row | committed, not done, or doubt |
//!
//! After any failed BEGIN, COMMIT or ROLLBACK the connection is thrown away.

use std::path::Path;

use sqlx::sqlite::SqliteConnection;
use tally_actors::ports::{BadRow, Batch, Commit, Run, Trouble};

use super::connect;
use super::errors::Meaning;
use super::heads::{self, Fence};
use super::project::Tables;

/// A try to commit, by what is left to do.
enum Tried<'b> {
    /// It is answered, and the connection is good.
    Answered(Commit),
    /// It is answered, and the connection is not to be used again.
    Lost(Commit),
    /// COMMIT failed: whether these runs are written must be looked up.
    Unsure(Vec<&'b Run>, Meaning),
}

/// Commits a batch on the connection in `slot`, and leaves a good one there, or none.
pub(crate) async fn commit(
    file: &Path,
    slot: &mut Option<SqliteConnection>,
    batch: &Batch,
) -> Commit {
    if let Some(bad) = batch.runs.iter().find_map(gap) {
        return Commit::Refused(bad);
    }
    let mut db = match take(file, slot).await {
        Ok(db) => db,
        Err(error) => return Meaning::of(&error).nothing_written(),
    };
    let answer = match attempt(&mut db, batch).await {
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

async fn attempt<'b>(db: &mut SqliteConnection, batch: &'b Batch) -> Tried<'b> {
    if let Err(meaning) = execute(db, "begin immediate").await {
        return Tried::Lost(meaning.nothing_written());
    }
    let runs = match heads::fence(db, &batch.runs).await {
        Ok(Fence::Open(runs)) if runs.is_empty() => return undone(db, Commit::Committed).await,
        Ok(Fence::Open(runs)) => runs,
        Ok(Fence::Shut(merchants)) => return undone(db, Commit::Conflict(merchants)).await,
        Err(error) => return undone(db, Meaning::of(&error).nothing_written()).await,
    };
    match Tables::of(&runs).write(db).await {
        Ok(()) => match execute(db, "commit").await {
            Ok(()) => Tried::Answered(Commit::Committed),
            Err(meaning) => Tried::Unsure(runs, meaning),
        },
        Err(Meaning::Constraint(constraint)) => match execute(db, "rollback").await {
            Ok(()) => find_bad_row(db, &runs, constraint).await,
            Err(meaning) => Tried::Lost(meaning.nothing_written()),
        },
        Err(other) => undone(db, other.nothing_written()).await,
    }
}

/// Rolls back.
async fn undone<'b>(db: &mut SqliteConnection, answer: Commit) -> Tried<'b> {
    match execute(db, "rollback").await {
        Ok(()) => Tried::Answered(answer),
        Err(_) => Tried::Lost(answer), // SQLite had rolled back by itself
    }
}

/// Writes the runs once more, event by event, to learn which is the first that the schema does not take. Nothing of it stays.
async fn find_bad_row<'b>(
    db: &mut SqliteConnection,
    runs: &[&Run],
    constraint: String,
) -> Tried<'b> {
    if let Err(meaning) = execute(db, "begin immediate").await {
        return Tried::Lost(meaning.nothing_written());
    }
    for run in runs {
        let events = run.rows.iter().map(|row| (row.link, Tables::of_event(run, row)));
        for (link, tables) in events.chain([(run.head.link, Tables::of_head(run))]) {
            match tables.write(db).await {
                Ok(()) => {}
                Err(Meaning::Constraint(constraint)) => {
                    let bad = BadRow { merchant: run.merchant, seq: link.seq, constraint };
                    return undone(db, Commit::Refused(bad)).await;
                }
                Err(other) => return undone(db, other.nothing_written()).await,
            }
        }
    }
    // Each is taken alone, and all together are not.
    let answer = match runs.last() {
        Some(run) => {
            Commit::Refused(BadRow { merchant: run.merchant, seq: run.head.link.seq, constraint })
        }
        None => Commit::NotDone(Trouble::Unavailable(constraint)),
    };
    undone(db, answer).await
}

/// After a failed COMMIT: the connection that sent it is closed, so what it began is over. One row tells of all.
pub(super) async fn look(file: &Path, runs: &[&Run], meaning: Meaning) -> Commit {
    if matches!(meaning, Meaning::Broken(_)) {
        return meaning.nothing_written();
    }
    let found = match connect::writer(file).await {
        Ok(mut db) => {
            let found = heads::written(&mut db, runs).await;
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

async fn execute(db: &mut SqliteConnection, statement: &'static str) -> Result<(), Meaning> {
    sqlx::query(statement).execute(db).await.map(drop).map_err(|error| Meaning::of(&error))
}

/// The first place where a run is not one unbroken chain from the point that it expects to its head.
fn gap(run: &Run) -> Option<BadRow> {
    let mut last = run.expects;
    let broken = run.rows.iter().find_map(|row| {
        let follows = row.follows == last && row.link.seq == last.seq.next();
        last = row.link;
        (!follows).then_some(row.link.seq)
    });
    let seq = broken.or((run.rows.is_empty() || run.head.link != last).then_some(last.seq))?;
    Some(BadRow { merchant: run.merchant, seq, constraint: "journal_is_unbroken".to_owned() })
}
