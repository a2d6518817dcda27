//! One comparison at a time, of all processes that share the books.

use std::sync::Arc;

use tally_actors::claims::Claims;
use tally_actors::domain::reserved;
use tally_actors::limits::CLAIM_TERM;
use tally_actors::ports::{Store, Trouble, Work};
use tokio::sync::Mutex;

use super::Fault;

/// Whose turn it is: in this process by a lock, among processes by a claim.
pub(super) struct Turn {
    here: Mutex<()>,
    claims: Claims,
}

impl Turn {
    /// Nobody's yet, on these books.
    pub(super) fn new(store: &Arc<dyn Store>) -> Self {
        let claims = Claims::new(Arc::clone(store), Work::Reconciliations);
        Self { here: Mutex::default(), claims }
    }

    /// Does something while nobody else compares. It is dropped when another process took over, as after a standstill of this one; what
    /// both then write comes out right as well.
    pub(super) async fn with<T>(
        &self,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        let _here = self.here.lock().await;
        if !self.ours().await? {
            return Err(Fault::Elsewhere);
        }
        let done = tokio::select! {
            done = work => done,
            () = self.lost() => Err(Fault::Elsewhere),
        };
        if let Err(trouble) = self.claims.give_back(reserved::id()).await {
            tracing::warn!(%trouble, "others compare days a little later");
        }
        done
    }

    async fn ours(&self) -> Result<bool, Trouble> {
        Ok(!self.claims.ours([reserved::id()].into_iter()).await?.is_empty())
    }

    /// Keeps the claim alive, and ends when another process has it.
    async fn lost(&self) {
        loop {
            tokio::time::sleep(CLAIM_TERM / 4).await;
            if matches!(self.ours().await, Ok(false)) {
                return;
            }
        }
    }
}
