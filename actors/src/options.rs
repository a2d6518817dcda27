//! What an engine is started with.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::domain::standing::CaseKinds;
use crate::freeze::Freeze;
use crate::limits;
use crate::writer::Fatal;

/// What an engine is started with.
pub struct Options {
    /// The runtime that the store lives on: started before the engine, stopped after it.
    pub runtime: Handle,
    /// How many threads the actors share.
    pub threads: usize,
    /// Whether WeChat transfers can be made: a client certificate is configured.
    pub transfers_open: bool,
    /// Whether money may go out, after a restore.
    pub freeze: Arc<Freeze>,
    /// A case of these kinds freezes its merchant's withdrawals.
    pub freeze_on: CaseKinds,
    /// An actor with nothing to do for so long leaves.
    pub leave_after: Duration,
    /// Called when the process must end.
    pub fatal: Fatal,
}

impl Options {
    /// A thread for the actors of each core, no transfers, books that were never restored, and an abort where the process must end.
    pub fn new(runtime: Handle) -> Self {
        Self {
            runtime,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            transfers_open: false,
            freeze: Arc::new(Freeze::never()),
            freeze_on: CaseKinds::default(),
            leave_after: limits::IDLE_LEAVE_AFTER,
            fatal: Arc::new(|why| {
                let _end = AbortAtEnd;
                tracing::error!(why, "the process ends here; start it again");
            }),
        }
    }

    /// The same, where cases of these kinds freeze their merchant's withdrawals.
    pub fn freezing_on(self, kinds: CaseKinds) -> Self {
        Self { freeze_on: kinds, ..self }
    }
}

/// Ends the process when it goes, also when telling why has panicked.
struct AbortAtEnd;

impl Drop for AbortAtEnd {
    fn drop(&mut self) {
        std::process::abort();
    }
}
