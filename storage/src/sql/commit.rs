//! One transaction a batch, and what became of it.
//!
//! | what fails | what is certain | the answer |
//! |---|---|---|
//! | BEGIN | nothing written | not done, or fatal |
//! | the fence | nothing written | conflict |
//! | a statement, by a constraint | nothing written | refused, once the event is found |
//! | a statement, otherwise | nothing written | not done, or fatal |
//! | a statement, as the session is of no more use | nothing written, as the connection is closed | not done |
//! | ROLLBACK | nothing written, as the connection is closed | as above |
//! | COMMIT | nothing yet: the connection is ended, and another looks for the last row | committed, not done, or doubt |
//!
//! After any failed BEGIN, COMMIT or ROLLBACK the connection is thrown away.

use tally_actors::ports::{BadRow, Batch, Commit, Run, Trouble};

use super::db::Db;
use super::dialect::Words;
use super::heads::{self, Fence};
use super::meaning::Meaning;
use super::project::Tables;

/// A try to commit, by what is left to do.
pub(crate) enum Tried<'b> {
    /// It is answered, and the connection is good.
    Answered(Commit),
    /// It is answered, and the connection is not to be used again.
    Lost(Commit),
    /// COMMIT failed: whether these runs are written must be looked up.
    Unsure(Vec<&'b Run>, Meaning),
}

/// Tries to commit a batch.
pub(crate) async fn attempt<'b>(db: &mut Db<'_>, words: Words, batch: &'b Batch) -> Tried<'b> {
    if let Some(bad) = batch.runs.iter().find_map(gap) {
        return Tried::Answered(Commit::Refused(bad));
    }
    if let Err(meaning) = execute(db, words.begin).await {
        return Tried::Lost(meaning.nothing_written());
    }
    let runs = match heads::fence(db, &batch.runs).await {
        Ok(Fence::Open(runs)) if runs.is_empty() => {
            return undone(db, words, Commit::Committed).await;
        }
        Ok(Fence::Open(runs)) => runs,
        Ok(Fence::Shut(merchants)) => return undone(db, words, Commit::Conflict(merchants)).await,
        Err(error) => {
            let meaning = db.meaning(&error);
            return failed(db, words, meaning).await;
        }
    };
    match Tables::of(&runs).write(db).await {
        Ok(()) => match execute(db, words.commit).await {
            Ok(()) => Tried::Answered(Commit::Committed),
            Err(meaning) => Tried::Unsure(runs, meaning),
        },
        Err(Meaning::Constraint(constraint)) => match execute(db, words.rollback).await {
            Ok(()) => find_bad_row(db, words, batch, constraint).await,
            Err(meaning) => Tried::Lost(meaning.nothing_written()),
        },
        Err(other) => failed(db, words, other).await,
    }
}

/// Rolls back after what failed, unless the connection is of no more use: a server that was the primary may well answer.
async fn failed<'b>(db: &mut Db<'_>, words: Words, meaning: Meaning) -> Tried<'b> {
    let gone = matches!(meaning, Meaning::Gone(_));
    let answer = meaning.nothing_written();
    if gone { Tried::Lost(answer) } else { undone(db, words, answer).await }
}

/// Rolls back.
async fn undone<'b>(db: &mut Db<'_>, words: Words, answer: Commit) -> Tried<'b> {
    match execute(db, words.rollback).await {
        Ok(()) => Tried::Answered(answer),
        Err(_) => Tried::Lost(answer), // it is rolled back by itself
    }
}

/// Writes the runs once more, event by event, to learn which is the first that the schema does not take. Nothing of it stays.
/// The fence stands before it again: a merchant that had no head to lock may have been registered by another process.
async fn find_bad_row<'b>(
    db: &mut Db<'_>,
    words: Words,
    batch: &'b Batch,
    constraint: String,
) -> Tried<'b> {
    if let Err(meaning) = execute(db, words.begin).await {
        return Tried::Lost(meaning.nothing_written());
    }
    let runs = match heads::fence(db, &batch.runs).await {
        Ok(Fence::Open(runs)) => runs,
        Ok(Fence::Shut(merchants)) => return undone(db, words, Commit::Conflict(merchants)).await,
        Err(error) => {
            let meaning = db.meaning(&error);
            return failed(db, words, meaning).await;
        }
    };
    for run in &runs {
        let events = run.rows.iter().map(|row| (row.link, Tables::of_event(run, row)));
        for (link, tables) in events.chain([(run.head.link, Tables::of_head(run))]) {
            match tables.write(db).await {
                Ok(()) => {}
                Err(Meaning::Constraint(constraint)) => {
                    let bad = BadRow { merchant: run.merchant, seq: link.seq, constraint };
                    return undone(db, words, Commit::Refused(bad)).await;
                }
                Err(other) => return failed(db, words, other).await,
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
    undone(db, words, answer).await
}

async fn execute(db: &mut Db<'_>, command: &'static str) -> Result<(), Meaning> {
    let done = db.command(command).await;
    done.map_err(|error| db.meaning(&error))
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
