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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        log: LogSettings,
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_strangers_send_that_is_no_http_is_not_logged_unless_it_is_asked_for() {
        let filter = Line::parse_from(["tally"]).log.filter;
        let lines = Lines::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(filter).unwrap())
            .with_writer(move || writer.clone());
        tracing::subscriber::with_default(log.finish(), || {
            tracing::error!(target: "actix_http::h1::dispatcher", "stream error: not HTTP");
            tracing::error!("an error of ours");
        });
        let logged = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        assert!(logged.contains("an error of ours"), "{logged}");
        assert!(!logged.contains("stream error"), "{logged}");
    }
}
