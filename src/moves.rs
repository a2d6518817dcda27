//! `tally copy`, `tally backup` and `tally migrate`: books brought from one database into another, into a file to be kept, and
//! up to date.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use tally_storage::Migrated;
use tally_storage::backup::backup;
use tally_storage::books::Books;
use tally_storage::copy::{Copied, copy};

use crate::cli::Failure;
use crate::clock::Clock;
use crate::settings::{DataSettings, DatabaseUrl, LogSettings};

/// From where to where.
#[derive(Debug, Args)]
pub(crate) struct Copying {
    /// The database to copy; a server may run on it
    #[arg(long, value_name = "URL")]
    from: DatabaseUrl,
    /// The database to write: an empty one, or an earlier copy of the same books, which is brought up to date
    #[arg(long, value_name = "URL")]
    to: DatabaseUrl,
    /// Directory of the embedded database, which `sqlite:` alone names
    #[arg(long, env = "TALLY_DATA_DIR", default_value = "data", value_name = "DIRECTORY")]
    data_dir: PathBuf,
    #[command(flatten)]
    pub(crate) log: LogSettings,
}

/// Into which file.
#[derive(Debug, Args)]
pub(crate) struct BackingUp {
    /// The SQLite file to make; there is none of that name
    #[arg(long, value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    data: DataSettings,
    #[command(flatten)]
    pub(crate) log: LogSettings,
}

/// Which schema.
#[derive(Debug, Args)]
pub(crate) struct Migrating {
    #[command(flatten)]
    data: DataSettings,
    #[command(flatten)]
    pub(crate) log: LogSettings,
}

/// A database to read, as it may be served.
async fn source(data: &DataSettings) -> Result<Arc<dyn Books>, Failure> {
    Ok(data.place().open_read_only().await?)
}

/// A database to write, which this process has to itself where the kind of database can see to that.
async fn target(data: &DataSettings) -> Result<Arc<dyn Books>, Failure> {
    Ok(data.place().open().await?)
}

/// Copies books into another database.
pub(crate) async fn copy_books(asked: &Copying) -> Result<ExitCode, Failure> {
    let Copying { from, to, data_dir, .. } = asked;
    let data =
        |url: &DatabaseUrl| DataSettings { data_dir: data_dir.clone(), database_url: url.clone() };
    let (from, to) = (data(from), data(to));
    if from.is_same(&to) {
        return Err(format!("{} can't be copied into itself", from.place()).into());
    }
    let began = Instant::now();
    let books = source(&from).await?; // before the target, which is made where it is not there
    let written = target(&to).await?;
    let copied = copy(books, Arc::clone(&written)).await;
    written.close().await;
    let told = format!("copied {} to {}", from.place(), to.place());
    tell(&[told, counts(&copied?, began.elapsed())])
}

/// Copies books into a new file.
pub(crate) async fn back_up(asked: &BackingUp) -> Result<ExitCode, Failure> {
    let clock = Clock::start();
    let (began, begun) = (Instant::now(), clock.now());
    let books = source(&asked.data).await?;
    let shown = asked.data.place();
    tell(&[format!(
        "begun {begun}: what is acknowledged by now will be in {}",
        asked.to.display()
    )])?;
    let copied = backup(books, &shown.to_string(), &asked.to, begun, || clock.now()).await?;
    let told = format!("backed up {shown} into {}", asked.to.display());
    tell(&[told, counts(&copied, began.elapsed())])
}

/// Brings the schema up to date.
pub(crate) async fn migrate(asked: &Migrating) -> Result<ExitCode, Failure> {
    let shown = asked.data.place();
    let Migrated { from, to } = shown.migrate().await?;
    tell(&[match from {
        None => format!("{shown} was empty and is at migration {to} now"),
        Some(from) if from == to => format!("{shown} is at migration {to} already"),
        Some(from) => format!("{shown} was at migration {from} and is at {to} now"),
    }])
}

/// What was copied, and how fast.
fn counts(copied: &Copied, took: Duration) -> String {
    let Copied { merchants, events, written, bytes, keys, profiles } = copied;
    let ms = took.as_millis().max(1);
    let rate = u128::from(*written) * 1_000 / ms;
    format!(
        "merchants {merchants}, events {events}, keys {keys}, profiles {profiles}; the head of each merchant is verified\n\
         of them written now: {written} events, {bytes} bytes, in {}.{:03} s, {rate} events/s",
        ms / 1_000,
        ms % 1_000,
    )
}

fn tell(lines: &[String]) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_copied_is_told_with_its_speed() {
        let copied =
            Copied { merchants: 2, events: 700, written: 600, bytes: 54_000, keys: 1, profiles: 0 };
        let told = counts(&copied, Duration::from_millis(1_500));
        assert!(told.starts_with("merchants 2, events 700, keys 1, profiles 0; "), "{told}");
        assert!(told.ends_with(": 600 events, 54000 bytes, in 1.500 s, 400 events/s"), "{told}");
        assert!(counts(&copied, Duration::ZERO).ends_with("in 0.001 s, 600000 events/s"));
    }
}
