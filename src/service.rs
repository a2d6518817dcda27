//! What every handler is given: the engine, the keys, the clock, and deadlines for asking them.

use std::future::Future;
use std::sync::Arc;

use tally_storage::SqliteStore;
use tokio::runtime::Handle;

use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::command::Asked;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::{KeyId, MerchantId};
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::time::At;
use tally_actors::engine::Engine;
use tally_actors::error::EngineError;
use tally_actors::ports::{Answering, ReadError, Store, Trouble};

use crate::clock::Clock;
use crate::keyring::Keyring;
use crate::limits::{ANSWER_WAIT_MAX, READY_WAIT_MAX};
use crate::web::error::ApiError;

/// The service, as the handlers see it.
pub(crate) struct Service {
    /// The engine.
    pub(crate) engine: Engine,
    /// The runtime that the store lives on.
    pub(crate) runtime: Handle,
    /// The store, where it is asked how it is.
    pub(crate) store: Arc<SqliteStore>,
    /// Who may call.
    pub(crate) keyring: Keyring,
    /// The time.
    pub(crate) clock: Clock,
    /// The merchant that exists from the first start on.
    pub(crate) default_merchant: MerchantId,
    /// How long an order waits for its money, in milliseconds.
    pub(crate) order_ms: i64,
}

impl Service {
    /// The time of this message.
    pub(crate) fn now(&self) -> At {
        self.clock.now()
    }

    /// What is asked now, by this key.
    pub(crate) fn asked(&self, by: KeyId) -> Asked {
        Asked { at: self.now(), by: Some(by) }
    }

    /// Waits for something that changes nothing. Too slow means that it did not happen.
    pub(crate) async fn read<T, E: Into<ApiError>>(
        &self,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ApiError> {
        match tokio::time::timeout(ANSWER_WAIT_MAX, asked).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(ReadError::Trouble(Trouble::Unavailable("too slow".into())).into()),
        }
    }

    /// Waits for something that changes the books. Too slow means that nobody knows.
    pub(crate) async fn write<T, E: Into<ApiError>>(
        &self,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ApiError> {
        // Days and the order of events come from the clock: with a wrong one nothing is recorded.
        self.clock.check().map_err(EngineError::Unavailable)?;
        match tokio::time::timeout(ANSWER_WAIT_MAX, asked).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(EngineError::OutcomeUnknown.into()),
        }
    }

    /// Asks the store, on the runtime that it lives on, whose connections belong to no other.
    pub(crate) async fn stored<T: Send + 'static>(
        &self,
        ask: impl for<'a> FnOnce(&'a dyn Store) -> Answering<'a, Result<T, ReadError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = Arc::clone(self.engine.store());
        let asked = self.runtime.spawn(async move { ask(store.as_ref()).await });
        let ended = |_| ReadError::Trouble(Trouble::Unavailable("a read ended early".into()));
        self.read(async { asked.await.map_err(ended)? }).await
    }

    /// The record that a key names, as it is stored.
    pub(crate) async fn record(
        &self,
        of: MerchantId,
        key: Key,
    ) -> Result<Option<Record>, ApiError> {
        let found = self.stored(move |store| store.lookup(vec![(of, key)])).await?;
        Ok(found.into_iter().next().unwrap_or(Ok(None))?)
    }

    /// Refuses a merchant that was never registered, so that nothing found is told apart from nobody there.
    pub(crate) async fn must_know(&self, merchant: MerchantId) -> Result<(), ApiError> {
        let head = self.stored(move |store| Box::pin(head(store, merchant))).await?;
        head.map(drop).ok_or(ApiError::refused(Refusal::MerchantUnknown))
    }

    /// Why the node should be sent no requests; none: it is ready.
    pub(crate) async fn troubles(&self) -> Vec<String> {
        let mut troubles: Vec<String> = self.clock.check().err().into_iter().collect();
        let merchant = self.default_merchant;
        let store = Arc::clone(&self.store);
        let asked = self.runtime.spawn(async move {
            store.check().await?;
            head(store.as_ref(), merchant).await
        });
        match tokio::time::timeout(READY_WAIT_MAX, asked).await {
            Ok(Ok(Ok(_))) => {}
            Ok(Ok(Err(error))) => troubles.push(error.to_string()),
            Ok(Err(_)) => troubles.push("the store could not be asked".into()),
            Err(_) => troubles.push("the store does not answer in time".into()),
        }
        troubles
    }
}

async fn head(store: &dyn Store, of: MerchantId) -> Result<Option<Head>, ReadError> {
    store.heads(vec![of]).await?.pop().unwrap_or(Ok(None))
}
