//! The database, the account that it is kept with, and Redis.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use tally_storage::place::Looked;
use tally_storage::{OpenError, folder};
use tokio::runtime::Handle;

use super::finding::Finding;
use crate::account;
use crate::sessions::Sessions;
use crate::settings::{Counterpart, Settings};

pub(super) async fn look(settings: &Settings, counterpart: Option<&Counterpart>) -> Vec<Finding> {
    let place = settings.data.place();
    let mut findings = vec![];
    match place.look().await {
        Ok(looked) => {
            let written = place.file().map_or(Ok(()), |file| may_write(file));
            match written {
                Ok(()) => findings.push(fits(&looked)),
                Err(why) => findings.push(Finding::wrong("database", why)),
            }
            findings.extend(counterpart.map(|counterpart| kept(&looked, counterpart)));
        }
        Err(OpenError::Missing(file)) => findings.push(match may_make(&file) {
            Ok(()) => Finding::warning(
                "database",
                format!("{} is not there yet: the first start makes it", file.display()),
            ),
            Err(why) => Finding::wrong("database", why),
        }),
        Err(error) => findings.push(Finding::wrong("database", error)),
    }
    findings.push(redis(settings).await);
    findings
}

fn fits(looked: &Looked) -> Finding {
    let words = format!("it is at migration {} and takes writes", looked.migration);
    match &looked.dangers[..] {
        [] => Finding::ok("database", words),
        dangers => Finding::warning("database", format!("{words}; {}", dangers.join("; "))),
    }
}

/// Whether the books are of the account that is set.
fn kept(looked: &Looked, counterpart: &Counterpart) -> Finding {
    let ours = account::of(counterpart);
    match &looked.account {
        None => Finding::ok("account", "the next start keeps the account that is set"),
        Some(kept) if kept.account == ours => Finding::ok("account", format!("{ours}")),
        Some(kept) => Finding::wrong(
            "account",
            format!(
                "the books are kept with {}, and {ours} is set: a start is refused; see tally account --help",
                kept.account
            ),
        ),
    }
}

/// SQLite writes into the file, and makes others beside it.
fn may_write(file: &Path) -> Result<(), String> {
    let refused = |error| format!("{}: {error}; run as the user that serves", file.display());
    OpenOptions::new().append(true).open(file).map_err(refused)?;
    may_make(file)
}

fn may_make(file: &Path) -> Result<(), String> {
    let folder = folder::of(file);
    // A folder that is not there is made by the first start, in one that is.
    let mut above = folder.ancestors().filter(|folder| *folder != Path::new(""));
    let there = above.find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let probe = there.join(format!(".tally-doctor-{}", std::process::id()));
    let made = OpenOptions::new().write(true).create_new(true).open(&probe);
    let made = made.map(drop).and_then(|()| fs::remove_file(&probe));
    made.map_err(|error: io::Error| {
        format!("{} can't be written: {error}; set TALLY_DATA_DIR, or its rights", there.display())
    })
}

async fn redis(settings: &Settings) -> Finding {
    let what = "Redis";
    match settings.sessions.redis() {
        Err(fault) => return Finding::wrong(what, fault),
        Ok(None) => return Finding::ok(what, "none is set: log-ins are kept in memory"),
        Ok(Some(_)) => {}
    }
    let sessions = match Sessions::start(&settings.sessions, &Handle::current()).await {
        Ok(sessions) => sessions,
        Err(fault) => return Finding::wrong(what, fault),
    };
    match sessions.check().await {
        Ok(()) => Finding::ok(what, "log-ins can be kept there"),
        Err(why) => Finding::wrong(
            what,
            format!(
                "{why}: start it, or look at TALLY_REDIS_URL; without it no customer can log in"
            ),
        ),
    }
}
