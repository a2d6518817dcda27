//! The file: one JSON line an entry, never changed. A thread writes it, many lines under one fsync; what was answered is on disk.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::books::{Books, Entry};
use crate::limits::BATCH_LINES_MAX;

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalFault {
    /// Another sandbox has it.
    #[error("the sandbox's file {0} is in use by another process, stop that one first")]
    InUse(PathBuf),
    /// It can't be opened, read or cut.
    #[error("the sandbox's file {path} can't be used: {error}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It holds something else than a sandbox's books.
    #[error("line {line} of the sandbox's file {path} is none of its entries, move the file away")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

enum Job {
    Line(Vec<u8>),
    Barrier(oneshot::Sender<()>),
    Stop,
}

/// Takes entries, in order. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    jobs: mpsc::Sender<Job>,
}

impl Journal {
    /// Reads the file and opens it for more. A last line that a kill cut short is taken off.
    pub(crate) fn open(path: &Path) -> Result<(Self, Books, JoinHandle<()>), JournalFault> {
        let fault = |error| JournalFault::Io { path: path.to_owned(), error };
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).mode(0o600).open(path);
        let file = file.map_err(fault)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalFault::InUse(path.to_owned())),
            Err(TryLockError::Error(error)) => return Err(fault(error)),
        }
        let (books, whole) = read(&file, path)?;
        file.set_len(whole).and_then(|()| file.sync_all()).map_err(fault)?;
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))
            .and_then(|folder| folder.sync_all())
            .map_err(fault)?;
        let (jobs, todo) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("sandbox-journal".into())
            .spawn(move || write(file, &todo))
            .map_err(fault)?;
        Ok((Self { jobs }, books, thread))
    }

    /// Takes an entry. It is durable when a `durable` that is called later has answered.
    pub(crate) fn append(&self, entry: &Entry) {
        let mut line = serde_json::to_vec(entry).expect("entries are texts and whole numbers");
        line.push(b'\n');
        // A journal that is gone lets no `durable` answer, which is what callers see.
        let _ = self.jobs.send(Job::Line(line));
    }

    /// Waits until all that was appended before is on disk; false when the journal is gone.
    pub(crate) async fn durable(&self) -> bool {
        let (answer, answered) = oneshot::channel();
        self.jobs.send(Job::Barrier(answer)).is_ok() && answered.await.is_ok()
    }

    pub(crate) fn stop(&self) {
        let _ = self.jobs.send(Job::Stop);
    }
}

/// The books, and how many bytes of the file are whole lines.
fn read(file: &File, path: &Path) -> Result<(Books, u64), JournalFault> {
    let mut reader = BufReader::new(file);
    let (mut books, mut whole, mut number) = (Books::default(), 0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = reader.read_until(b'\n', &mut line);
        let read = read.map_err(|error| JournalFault::Io { path: path.to_owned(), error })?;
        if !line.ends_with(b"\n") {
            return Ok((books, whole));
        }
        number += 1;
        let entry = serde_json::from_slice(&line)
            .map_err(|_| JournalFault::Unreadable { path: path.to_owned(), line: number })?;
        books.apply(entry);
        whole += u64::try_from(read).expect("a line fits into memory");
    }
}

/// Writes until it is stopped, or a write fails: then nobody is answered any more.
fn write(mut file: File, todo: &mpsc::Receiver<Job>) {
    let mut lines = Vec::new();
    let mut waiting = Vec::new();
    while let Ok(first) = todo.recv() {
        lines.clear();
        let mut stop = false;
        let rest = std::iter::from_fn(|| todo.try_recv().ok()).take(BATCH_LINES_MAX);
        for job in std::iter::once(first).chain(rest) {
            match job {
                Job::Line(line) => lines.extend_from_slice(&line),
                Job::Barrier(answer) => waiting.push(answer),
                Job::Stop => stop = true,
            }
        }
        if !lines.is_empty()
            && let Err(error) = file.write_all(&lines).and_then(|()| file.sync_data())
        {
            tracing::error!(%error, "the sandbox can't write its books and answers nobody any more");
            return;
        }
        for answer in waiting.drain(..) {
            let _ = answer.send(());
        }
        if stop {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moved(by_ms: i64) -> Entry {
        Entry::ClockMoved { by_ms }
    }

    #[tokio::test]
    async fn what_was_durable_is_read_again_and_a_torn_line_is_taken_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books");
        let (journal, _, thread) = Journal::open(&path).unwrap();
        journal.append(&moved(1));
        journal.append(&moved(2));
        assert!(journal.durable().await);
        assert!(matches!(Journal::open(&path), Err(JournalFault::InUse(_))));
        journal.stop();
        thread.join().unwrap();
        assert!(!journal.durable().await);

        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"event":"clock_mo"#).unwrap();
        let (journal, books, thread) = Journal::open(&path).unwrap();
        assert_eq!(books.ahead_ms, 3);
        journal.append(&moved(4));
        journal.stop();
        thread.join().unwrap();
        let (_journal, books, _) = Journal::open(&path).unwrap();
        assert_eq!(books.ahead_ms, 7);
    }

    #[test]
    fn the_books_are_for_their_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books");
        let _journal = Journal::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_holds_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("books");
        std::fs::write(&path, "{\"event\":\"clock_moved\",\"by_ms\":1}\nhello\n").unwrap();
        let fault = Journal::open(&path).unwrap_err();
        assert!(matches!(fault, JournalFault::Unreadable { line: 2, .. }), "{fault}");
    }
}
