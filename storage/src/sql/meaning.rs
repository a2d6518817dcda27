//! What a database's error means for whoever asked. Each database has a table of its own codes.

use tally_actors::ports::{Commit, ReadError, Trouble};

/// What an error means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// The schema does not take a row. The constraint, as the database names it.
    Constraint(String),
    /// No room, now.
    DiskFull,
    /// Something that may pass; the transaction is undone.
    Passing(String),
    /// The connection is of no more use. What was not committed is undone; what became of a COMMIT is not known.
    Gone(String),
    /// The file, or the disk under it, can't be trusted.
    Broken(String),
}

/// The name that MariaDB gives every table's own key.
pub(crate) const PRIMARY: &str = "PRIMARY";

impl Meaning {
    /// The same with the table in the constraint's name, where it is not there.
    pub(crate) fn of(self, table: &str) -> Self {
        if self == Self::Constraint(PRIMARY.to_owned()) {
            return Self::Constraint(format!("{table}_pkey"));
        }
        self
    }

    /// The answer to a commit of which certainly nothing was written.
    pub(crate) fn nothing_written(self) -> Commit {
        match self.trouble() {
            Trouble::Broken(what) => Commit::Fatal(what),
            trouble @ (Trouble::DiskFull | Trouble::Unavailable(_)) => Commit::NotDone(trouble),
        }
    }

    /// The answer to a read, or to a statement of its own.
    pub(crate) fn trouble(self) -> Trouble {
        match self {
            Self::DiskFull => Trouble::DiskFull,
            Self::Constraint(what) | Self::Passing(what) | Self::Gone(what) => {
                Trouble::Unavailable(what)
            }
            Self::Broken(what) => Trouble::Broken(what),
        }
    }

    /// The same for a read that can also find what it can't read.
    pub(crate) fn read_error(self) -> ReadError {
        ReadError::Trouble(self.trouble())
    }
}
