//! What all calls share: books, journal, clock, faults, login codes. Everything decided goes through one lock, in order.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tally_wechat::notice_sender::NoticeSender;
use tokio::sync::{mpsc, watch};

use crate::books::{Books, Entry};
use crate::clock::Clock;
use crate::faults::{Fault, Faults, Kind};
use crate::journal::Journal;
use crate::logins::Logins;
use crate::settings::Settings;

#[derive(Debug)]
pub(crate) struct Desk {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    pub(crate) sender: NoticeSender,
    books: Mutex<Books>,
    journal: Journal,
    faults: Mutex<Faults>,
    logins: Mutex<Logins>,
    notices: mpsc::UnboundedSender<Due>,
    /// Changes when the clock was moved.
    pub(crate) moved: watch::Sender<()>,
    /// Changes when a notice was sent.
    pub(crate) sent: watch::Sender<()>,
}

/// A notice that WeChat owes, by the number that it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Due {
    /// Of a paid order.
    Payment(String),
    /// Of a refund, when it has ended.
    Refund(String),
}

/// What a desk is made of, beside what it makes itself.
pub(crate) struct Parts {
    pub(crate) settings: Settings,
    pub(crate) sender: NoticeSender,
    pub(crate) books: Books,
    pub(crate) journal: Journal,
    pub(crate) notices: mpsc::UnboundedSender<Due>,
}

impl Desk {
    pub(crate) fn new(parts: Parts) -> Self {
        Self {
            clock: Clock::ahead(parts.books.ahead_ms),
            settings: parts.settings,
            sender: parts.sender,
            books: Mutex::new(parts.books),
            journal: parts.journal,
            faults: Mutex::default(),
            logins: Mutex::default(),
            notices: parts.notices,
            moved: watch::Sender::default(),
            sent: watch::Sender::default(),
        }
    }

    /// Decides by the books as they are now, and writes what was decided. What is answered must wait for `durable`.
    pub(crate) fn decide<T>(&self, decide: impl FnOnce(&Books, i64) -> (Option<Entry>, T)) -> T {
        let mut books = lock(&self.books);
        let (entry, answer) = decide(&books, self.clock.now_ms());
        if let Some(entry) = entry {
            self.journal.append(&entry);
            books.apply(entry);
        }
        answer
    }

    /// Looks into the books. What is answered must wait for `durable`.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Books, i64) -> T) -> T {
        look(&lock(&self.books), self.clock.now_ms())
    }

    /// Waits until everything decided so far is on disk; false when it can't be.
    pub(crate) async fn durable(&self) -> bool {
        self.journal.durable().await
    }

    pub(crate) fn draw(&self, on: Kind) -> Option<Fault> {
        lock(&self.faults).draw(on)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }

    pub(crate) fn logins(&self) -> MutexGuard<'_, Logins> {
        lock(&self.logins)
    }

    /// Has a notice sent until it is taken.
    pub(crate) fn notify(&self, due: Due) {
        // A notifier that is gone is one that is stopping; the books still owe the notice.
        let _ = self.notices.send(due);
    }
}

/// No panic leaves these half changed.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
