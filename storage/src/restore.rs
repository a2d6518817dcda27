//! A backup put in the place of a database file: checked first, and the file that was there moved aside, never deleted.
//!
//! | step | if it ends there |
//! |---|---|
//! | the backup is copied to a file beside, brought up to date, audited and marked as restored | nothing was changed |
//! | that file gets the name with `.restoring` behind it | nobody opens the database any more, and the next restore begins anew |
//! | the files of the old database are moved aside | the same |
//! | the new file gets the database's name | it is restored |

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tally_actors::domain::time::At;
use tally_actors::ports::{ReadError, Trouble};

use crate::audit::{AuditError, Report};
use crate::books::Books;
use crate::folder;
use crate::restores::Restore;
use crate::sqlite::lock::{Lock, lock_file, one_name};
use crate::sqlite::{OpenError, SqliteStore, restoring};

/// The files that SQLite keeps beside a database: what they hold belongs to it.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

/// What was put in place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PutBack {
    /// The restore as the books know it.
    pub restore: Restore,
    /// What the audit of the backup read.
    pub report: Report,
    /// Where the file is that was there before; `None`: there was none.
    pub aside: Option<PathBuf>,
}

/// Why a backup is not put in place. Nothing was changed, unless it says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RestoreFault {
    /// There is no such backup.
    #[error("{} does not exist: name a file that tally backup made", .0.display())]
    Missing(PathBuf),
    /// The backup is the database itself.
    #[error("{} is the database itself: name a backup of it", .0.display())]
    Itself(PathBuf),
    /// A file is in use.
    #[error(transparent)]
    InUse(OpenError),
    /// The backup is no database that this binary knows.
    #[error("the backup can't be used: {0}")]
    Foreign(String),
    /// The backup's rows are not what its journal says.
    #[error("the backup {} is damaged, take another: {what}", from.display())]
    Damaged {
        /// The backup.
        from: PathBuf,
        /// The first difference.
        what: String,
    },
    /// The backup could not be read to its end.
    #[error("the backup {} is damaged, take another: {error}", from.display())]
    Unread {
        /// The backup.
        from: PathBuf,
        /// Why.
        error: AuditError,
    },
    /// Nobody says when the backup was begun.
    #[error("{} does not say when it was begun, as tally backup did not make it: give --at TIME, rather too early than too late", .0.display())]
    NoTime(PathBuf),
    /// The checked copy can't be marked or finished.
    #[error("a checked copy of the backup can't be finished: {0}")]
    Unfinished(String),
    /// The file system says no.
    #[error("{}: {error}", file.display())]
    Refused {
        /// Which file.
        file: PathBuf,
        /// What it said.
        error: io::Error,
    },
    /// It broke off after the copy was checked.
    #[error("{}: {error}; nobody can open the database until the same restore is run again", file.display())]
    BrokeOff {
        /// Which file.
        file: PathBuf,
        /// What happened.
        error: io::Error,
    },
}

/// Puts a backup in the place of a database file, and marks the books as restored. Without `at` the backup says when it was
/// begun; with both, the earlier counts.
///
/// # Errors
///
/// [`RestoreFault`], in one line. Refused while the file is served.
pub async fn restore(
    from: &Path,
    database: &Path,
    at: Option<At>,
    now: At,
) -> Result<PutBack, RestoreFault> {
    if !from.is_file() {
        return Err(RestoreFault::Missing(from.to_path_buf()));
    }
    let refused = |file: &Path| {
        let file = file.to_path_buf();
        move |error| RestoreFault::Refused { file, error }
    };
    let from = from.canonicalize().map_err(refused(from))?;
    let database = one_name(database).map_err(refused(database))?;
    if from == database {
        return Err(RestoreFault::Itself(from));
    }
    let held = Lock::take(&database).map_err(RestoreFault::InUse)?;
    // A file that nobody ever served has no lock beside it, and is not to get one.
    let from_held = match lock_file(&from).exists() {
        true => Some(Lock::take(&from).map_err(RestoreFault::InUse)?),
        false => None,
    };
    let part = with(&database, ".restore.part");
    remove(&part);
    let checked = check(&from, &part, at, now).await;
    let (restore, report) = checked.inspect_err(|_| remove(&part))?;
    drop(from_held);
    let aside = put_in_place(&part, &database, now)?;
    drop(held);
    Ok(PutBack { restore, report, aside })
}

/// Copies a backup, brings the copy up to date, and works out every row of it anew. A copy that is clean is marked, closed and on
/// disk.
async fn check(
    from: &Path,
    part: &Path,
    at: Option<At>,
    now: At,
) -> Result<(Restore, Report), RestoreFault> {
    copy(from, part).map_err(|(file, error)| RestoreFault::Refused { file, error })?;
    // Of the copy nobody wants to hear.
    let foreign = |error: OpenError| {
        let [part, from] = [part, from].map(|file| file.display().to_string());
        RestoreFault::Foreign(error.to_string().replace(&part, &from))
    };
    if SqliteStore::migrate(part).await.map_err(foreign)?.from.is_none() {
        return Err(foreign(OpenError::Foreign(part.to_path_buf())));
    }
    let store = SqliteStore::open(part).await.map_err(foreign)?;
    let checked = audit_and_mark(&store, from, at, now).await;
    let lock = store.end().await;
    let finished = finish(part).map_err(|error| RestoreFault::Unfinished(error.to_string()));
    if let Some(Err(error)) = lock.map(Lock::remove) {
        tracing::warn!(part = %part.display(), %error, "the lock's file stays");
    }
    let checked = checked?;
    finished.map(|()| checked)
}

async fn audit_and_mark(
    store: &SqliteStore,
    from: &Path,
    at: Option<At>,
    now: At,
) -> Result<(Restore, Report), RestoreFault> {
    let from = from.to_path_buf();
    let report = match store.audit(None).await {
        Ok(report) => report,
        Err(error) => return Err(RestoreFault::Unread { from, error }),
    };
    if let Some(fault) = report.faults.first() {
        return Err(RestoreFault::Damaged { from, what: fault.to_string() });
    }
    let unfinished = |error: ReadError| RestoreFault::Unfinished(error.to_string());
    let begun = store.backup_begun().await.map_err(unfinished)?;
    let since = match (begun, at) {
        (Some(begun), Some(at)) => begun.min(at),
        (Some(since), None) | (None, Some(since)) => since,
        (None, None) => return Err(RestoreFault::NoTime(from)),
    };
    let restore = Restore::new(since, now);
    let unfinished = |trouble: Trouble| RestoreFault::Unfinished(trouble.to_string());
    store.keep_restore(restore.clone()).await.map_err(unfinished)?;
    store.backup_no_more().await.map_err(unfinished)?; // else being served would mark it once more
    Ok((restore, report))
}

/// Copies a database file, with what its WAL holds.
fn copy(from: &Path, part: &Path) -> Result<(), (PathBuf, io::Error)> {
    for suffix in ["", "-wal"] {
        let (from, part) = (with(from, suffix), with(part, suffix));
        if suffix.is_empty() || from.exists() {
            fs::copy(&from, &part).map_err(|error| (from, error))?;
            let owner = fs::Permissions::from_mode(0o600);
            fs::set_permissions(&part, owner).map_err(|error| (part, error))?;
        }
    }
    Ok(())
}

/// A closed file is whole, and on disk.
fn finish(part: &Path) -> io::Result<()> {
    if with(part, "-wal").exists() {
        return Err(io::Error::other("its WAL was not brought back; run the same again"));
    }
    File::open(part)?.sync_all()
}

/// Moves the old database aside and gives the checked copy its name. From the first step on nobody opens the database until the
/// last is done: without its WAL the old one would lack its newest events, and without any file new books would be begun.
fn put_in_place(part: &Path, database: &Path, now: At) -> Result<Option<PathBuf>, RestoreFault> {
    let begun = restoring(database);
    let broke_off_before = begun.symlink_metadata().is_ok();
    let refused = |error| RestoreFault::Refused { file: begun.clone(), error };
    fs::rename(part, &begun).map_err(refused)?;
    let broke_off = |error| RestoreFault::BrokeOff { file: database.to_path_buf(), error };
    folder::sync(folder::of(database)).map_err(broke_off)?;
    let begun_aside =
        if broke_off_before { begun_name(database).map_err(broke_off)? } else { None };
    let aside = begun_aside.unwrap_or_else(|| free_name(database, now));
    let there = database.exists();
    for suffix in BESIDE.iter().chain(&[""]) {
        let (old, aside) = (with(database, suffix), with(&aside, suffix));
        if old.exists() {
            fs::rename(old, aside).map_err(broke_off)?;
        }
    }
    fs::rename(&begun, database).map_err(broke_off)?;
    folder::sync(folder::of(database)).map_err(broke_off)?;
    Ok(there.then_some(aside))
}

/// What the names begin with under which old databases are kept.
const ASIDE: &str = ".before-restore-";

/// The name under which a restore that broke off had begun to keep the old database: what SQLite keeps beside it is there already,
/// and it follows. Under two names the newest events would be lost.
fn begun_name(database: &Path) -> io::Result<Option<PathBuf>> {
    let folder = folder::of(database);
    let first = with(database, ASIDE);
    let first = first.file_name().unwrap_or_default().to_string_lossy();
    let mut begun = vec![];
    for entry in fs::read_dir(folder)? {
        let file = entry?.file_name();
        let whose = file.to_str().filter(|name| name.starts_with(&*first));
        let whose =
            whose.and_then(|name| BESIDE.iter().find_map(|suffix| name.strip_suffix(suffix)));
        begun.extend(whose.map(|name| folder.join(name)));
    }
    let follows = |name: &PathBuf| {
        let clash = |suffix: &&str| with(name, suffix).exists() && with(database, suffix).exists();
        !name.exists() && !BESIDE.iter().any(clash)
    };
    Ok(begun.into_iter().filter(follows).max())
}

/// A name beside a database that no file has: nothing is ever written over.
fn free_name(database: &Path, now: At) -> PathBuf {
    let seconds = now.to_string().split('.').next().unwrap_or_default().replace(['-', ':'], "");
    let name = |n: u32| {
        let again = if n == 0 { String::new() } else { format!("-{n}") };
        with(database, &format!("{ASIDE}{seconds}Z{again}"))
    };
    let is_free = |name: &PathBuf| {
        BESIDE.iter().chain(&[""]).all(|suffix| with(name, suffix).symlink_metadata().is_err())
    };
    (0..).map(name).find(is_free).expect("there are few of them")
}

/// Removes what an earlier try left of its copy.
fn remove(part: &Path) {
    for suffix in BESIDE.iter().chain(&["", ".lock"]) {
        drop(fs::remove_file(with(part, suffix)));
    }
}

fn with(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
