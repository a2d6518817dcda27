//! The log: structured, to the standard error, so that the standard output is for answers.

use std::io;

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, LogSettings};

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
#[error(
    "TALLY_LOG is not a filter: {0}; give a level such as info, or a filter such as info,tally=debug"
)]
pub struct BadFilter(String);

/// Starts the log of the process. A second start changes nothing.
pub fn start(settings: &LogSettings) -> Result<(), BadFilter> {
    let filter =
        EnvFilter::try_new(&settings.filter).map_err(|error| BadFilter(error.to_string()))?;
    // What can't be logged (the reader gone, its disk full) is not told to the same place, which would panic.
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(false)
        .log_internal_errors(false);
    // It fails only where a log is already there.
    drop(match settings.format {
        LogFormat::Text => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    });
    Ok(())
}
