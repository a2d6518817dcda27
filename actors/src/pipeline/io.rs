//! What goes into a pipeline and what comes out.

use crate::domain::books::{Key, Record};
use crate::domain::chain::{Link, Seq};
use crate::domain::command::{Answer, Asked, Command};
use crate::domain::head::Head;
use crate::domain::refusal::Refusal;
use crate::mutant::{self, Mutant};
use crate::ports::{ReadError, Row, Trouble};

/// A message in hand, named by the shell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

/// When an answer that rests on memory alone must be confirmed by the store (`design.md` 3.3, reads are fenced too).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fence {
    /// The store belongs to this process: memory is enough.
    Never,
    /// The incarnation before ended in doubt: until this one's own first commit.
    UntilFirstCommit,
    /// The store is shared.
    Always,
}

impl Fence {
    /// For a new incarnation: whether the store is shared, and whether the one before ended in doubt.
    pub fn of(shared: bool, doubted: bool) -> Self {
        match (shared && !mutant::on(Mutant::StaleOwnerRead), doubted) {
            (true, _) => Self::Always,
            (false, true) => Self::UntilFirstCommit,
            (false, false) => Self::Never,
        }
    }
}

/// What happens to a pipeline.
#[derive(Debug)]
pub enum Input {
    /// A message came.
    Ask(Ticket, Box<Command>, Asked),
    /// The head was read.
    Head(Result<Option<Box<Head>>, ReadError>),
    /// Records were looked up; `None` for a key that names nothing.
    Found(Vec<(Key, Option<Record>)>),
    /// A lookup failed.
    NotFound(Vec<Key>, ReadError),
    /// This incarnation's events are durable up to here.
    Committed(Seq),
    /// This incarnation's appends came to nothing from some event on.
    Failed(AppendFailure),
    /// The head as the store had it after `Confirm` was asked for.
    Confirmed(Result<Link, ReadError>),
}

/// What a pipeline wants done.
#[derive(Debug)]
pub enum Effect {
    /// Look these keys up. None of them is being looked up already.
    Lookup(Vec<Key>),
    /// Make these events durable, together or not at all; the head is after them.
    Append(Vec<Row>, Box<Head>),
    /// Read the head's place and hash.
    Confirm,
    /// Answer a message.
    Answer(Ticket, Result<Outcome, Failure>),
    /// This incarnation is over: nothing is in hand any more, and nothing may be asked of it.
    Over,
}

/// An answer to a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The thing as it is after the message.
    pub answer: Answer,
    /// Whether the message changed anything.
    pub fresh: bool,
}

/// Why a message is not answered with what it asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// The rules said no.
    Refused(Refusal),
    /// It certainly did not happen, and may be asked again.
    NotDone(Trouble),
    /// It certainly did not happen, and asking again would not help: a bug of ours, or a merchant we can't read.
    Defect(String),
    /// Nobody knows whether it happened.
    Doubt,
    /// The incarnation died with the message in hand. The next one knows whether it happened.
    Lost,
}

/// Why appends came to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppendFailure {
    /// None of what was not yet committed is stored.
    NotDone(Trouble),
    /// None of it is stored: the event at `seq` breaks a constraint.
    Refused {
        /// The event.
        seq: Seq,
        /// The constraint, as the database names it.
        constraint: String,
    },
    /// The events up to `through` may be stored or not; those behind are not.
    Doubt {
        /// The last event in doubt.
        through: Seq,
    },
}

impl Failure {
    /// What a message hears whose actor ended without an answer. Nothing happened while it was in the mailbox; once the actor
    /// had accepted it, only the next incarnation can tell.
    pub fn unanswered(accepted: bool) -> Self {
        if accepted {
            Self::Lost
        } else {
            Self::NotDone(Trouble::Unavailable("the actor stopped before it looked".into()))
        }
    }

    /// What a message hears when something it needs can't be read.
    pub(super) fn unread(error: &ReadError) -> Self {
        match error {
            ReadError::Trouble(trouble) => Self::NotDone(trouble.clone()),
            ReadError::Cursor | ReadError::Unreadable { .. } => Self::Defect(error.to_string()),
        }
    }
}
