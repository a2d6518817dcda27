//! One at a time, of all processes that share the books: comparing a day, making a bank run.

use std::sync::Arc;

use tally_actors::claims::Claims;
use tally_actors::domain::reserved;
use tally_actors::limits::CLAIM_TERM;
use tally_actors::ports::{ReadError, Store, Trouble, Work};
use tokio::sync::Mutex;

/// Whose turn it is: in this process by a lock, among processes by a claim.
pub(crate) struct Turn {
    here: Mutex<()>,
    claims: Claims,
}

impl Turn {
    /// Nobody's yet, on these books.
    pub(crate) fn new(store: &Arc<dyn Store>, work: Work) -> Self {
        let claims = Claims::new(Arc::clone(store), work);
        Self { here: Mutex::default(), claims }
    }

    /// Does something while nobody else does the same; `elsewhere`: another process does. It is dropped when another process took over,
    /// as after a standstill of this one; what both then write comes out right as well.
    pub(crate) async fn with<T, E: From<ReadError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
        elsewhere: impl Fn() -> E,
    ) -> Result<T, E> {
        let _here = self.here.lock().await;
        if !self.ours().await.map_err(ReadError::from)? {
            return Err(elsewhere());
        }
        let done = tokio::select! {
            done = work => done,
            () = self.lost() => Err(elsewhere()),
        };
        if let Err(trouble) = self.claims.give_back(reserved::id()).await {
            tracing::warn!(%trouble, "others have their turn a little later");
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
