//! What is common to reaching a database on a server: what sessions are for, their bounds, and why there is none.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::time::timeout;

use super::meaning::Meaning;

/// How long a connection may take to be made, TLS and password included.
pub(crate) const CONNECT_MAX: Duration = Duration::from_secs(5);

/// Prepared statements that a connection keeps: some 20 statements in 16 sizes at the most, and the lists'.
pub(crate) const STATEMENTS_KEPT: usize = 384;

/// Why a database is not used. No message holds the URL, as that holds a password.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConnectError {
    /// The URL is none.
    #[error("TALLY_DATABASE_URL: {what}; write {example}")]
    Url {
        /// What is wrong with it.
        what: String,
        /// How one looks.
        example: &'static str,
    },
    /// There is no connection.
    #[error("TALLY_DATABASE_URL: the database at {place} is not reached: {reason}")]
    NotReached {
        /// Host, port and database.
        place: String,
        /// What was said.
        reason: String,
    },
    /// It does not let us in.
    #[error("TALLY_DATABASE_URL: the database at {place} refuses the user or the password")]
    Denied {
        /// Host, port and database.
        place: String,
    },
    /// It is not one that Tally can use.
    #[error("TALLY_DATABASE_URL: the database at {place} can't be used: {reason}")]
    Unfit {
        /// Host, port and database.
        place: String,
        /// Why, and the remedy.
        reason: String,
    },
}

impl ConnectError {
    /// There is no connection, for a reason that is nobody's in particular.
    pub(crate) fn not_reached(place: String, why: Meaning) -> Self {
        let reason = match why {
            Meaning::Constraint(said)
            | Meaning::Passing(said)
            | Meaning::Gone(said)
            | Meaning::Broken(said) => said,
            Meaning::DiskFull => "its disk is full".to_owned(),
        };
        Self::NotReached { place, reason }
    }
}

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Batches.
    Write,
    /// Rounds and lists.
    Read,
}

/// When a connection was last found to be of no more use. Those made before it may lead to the same server that is gone, or that
/// was the primary once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Renewal(Arc<Mutex<Renewed>>);

#[derive(Debug, Default)]
struct Renewed {
    last: Option<Instant>,
    /// Whether the server has given no connection since.
    unproven: bool,
}

impl Renewal {
    /// None that is there is to be used again.
    pub(crate) fn now(&self) {
        *self.renewed() = Renewed { last: Some(Instant::now()), unproven: true };
    }

    /// Whether one that was made so long ago may be used.
    pub(crate) fn allows(&self, age: Duration) -> bool {
        self.renewed().last.is_none_or(|last| age < last.elapsed())
    }

    /// Whether it is not known that the server gives connections again.
    pub(crate) fn is_unproven(&self) -> bool {
        self.renewed().unproven
    }

    /// The server gave one.
    pub(crate) fn proven(&self) {
        self.renewed().unproven = false;
    }

    fn renewed(&self) -> MutexGuard<'_, Renewed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first parameter of a URL that is not known, as what is wrong with it: misspelled, it would leave a connection without TLS.
pub(crate) fn unknown_parameter(url: &str, known: impl Fn(&str) -> bool) -> Option<String> {
    let parameters = url.split_once('?').map_or("", |(_, query)| query).split('&');
    let mut names = parameters.map(|pair| pair.split('=').next().unwrap_or_default());
    let unknown = names.find(|name| !name.is_empty() && !known(name))?;
    Some(format!("it has a parameter `{unknown}`, which is not known"))
}

/// Waits for a connection no longer than it may take.
pub(crate) async fn in_time<C>(
    connecting: impl Future<Output = Result<C, sqlx::Error>>,
) -> Result<C, sqlx::Error> {
    let late = |_| io::Error::from(io::ErrorKind::TimedOut);
    timeout(CONNECT_MAX, connecting).await.map_err(late)?
}

/// Host, port and database, or the socket in place of the first two.
pub(crate) fn place(
    socket: Option<&std::path::PathBuf>,
    (host, port): (&str, u16),
    database: &str,
) -> String {
    match socket {
        Some(socket) => format!("{}/{database}", socket.display()),
        None => format!("{host}:{port}/{database}"),
    }
}
