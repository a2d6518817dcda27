//! What every handler is given: the engine, the keys, the clock, and deadlines for asking them.

pub(crate) mod lost;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::Value;
use tally_storage::Books;
use tally_storage::books::Profile;
use tally_storage::keys::ListedKey;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use tally_actors::cashier::Cashier;
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::Asked;
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::{KeyId, MerchantId, OrderNo};
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::replay::Point;
use tally_actors::domain::reserved;
use tally_actors::domain::time::At;
use tally_actors::engine::Engine;
use tally_actors::error::EngineError;
use tally_actors::history;
use tally_actors::ports::{Answering, Page, Part, ReadError, Store, Trouble, Work};
use tally_actors::recovery::Recovery;

use crate::clock::Clock;
use crate::keyring::Keyring;
use crate::limits::{
    ANSWER_WAIT_MAX, HISTORIES_MAX, LISTS_MAX, LOST_NUMBERS_AT_ONCE, READY_WAIT_MAX, REQUESTS_MAX,
    SINGLES_MAX, TURN_WAIT_MAX,
};
use crate::logins::Logins;
use crate::look_ups::LookUps;
use crate::reconcile::Reconciler;
use crate::restores::Restores;
use crate::sessions::Sessions;
use crate::settings::Proxies;
use crate::turn::Turn;
use crate::web::error::ApiError;
use crate::webhooks::Webhooks;
use crate::wechat_gateway::WechatGateway;

/// The turns of those who ask, so that more than can be answered waits nowhere; and of those who read, so that a rush of them leaves the
/// store free for the engine.
pub(crate) struct Turns {
    /// Of requests in hand.
    pub(crate) requests: Arc<Semaphore>,
    lists: Arc<Semaphore>,
    singles: Arc<Semaphore>,
    histories: Arc<Semaphore>,
    lost: Arc<Semaphore>,
    bank_runs: Arc<Turn>,
}

impl Turns {
    /// As many turns as there are limits for.
    pub(crate) fn new(store: &Arc<dyn Store>) -> Self {
        let turns = |max| Arc::new(Semaphore::new(max));
        Self {
            requests: turns(REQUESTS_MAX),
            lists: turns(LISTS_MAX),
            singles: turns(SINGLES_MAX),
            histories: turns(HISTORIES_MAX),
            lost: turns(LOST_NUMBERS_AT_ONCE),
            bank_runs: Arc::new(Turn::new(store, Work::BankRuns)),
        }
    }

    /// The turn of whoever makes a bank run: one at a time, so that two calls with one number are one run.
    pub(crate) fn bank_runs(&self) -> Arc<Turn> {
        Arc::clone(&self.bank_runs)
    }
}

/// A task that ends when nobody waits for it any more.
struct Awaited<T>(JoinHandle<T>);

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The service, as the handlers see it.
pub(crate) struct Service {
    /// The engine.
    pub(crate) engine: Engine,
    /// The runtime that the store lives on.
    pub(crate) runtime: Handle,
    /// The store, where it is asked how it is.
    pub(crate) store: Arc<dyn Books>,
    /// How many may read at once.
    pub(crate) turns: Turns,
    /// Who may call.
    pub(crate) keyring: Keyring,
    /// The time.
    pub(crate) clock: Clock,
    /// The merchant that exists from the first start on.
    pub(crate) default_merchant: MerchantId,
    /// How long an order waits for its money, in milliseconds.
    pub(crate) order_ms: i64,
    /// WeChat.
    pub(crate) gateway: Arc<WechatGateway>,
    /// The flows between merchants and WeChat.
    pub(crate) cashier: Cashier,
    /// Whether the books were put back from an earlier state.
    pub(crate) restores: Arc<Restores>,
    /// Who looks up what they may lack then.
    pub(crate) recovery: Recovery,
    /// Who compares days with WeChat's bills.
    pub(crate) reconciler: Arc<Reconciler>,
    /// Who is told of what happens.
    pub(crate) webhooks: Webhooks,
    /// Customers who logged in.
    pub(crate) sessions: Arc<Sessions>,
    /// Logins under way.
    pub(crate) logins: Logins,
    /// Orders that pages had looked up.
    pub(crate) look_ups: LookUps,
    /// Whose X-Forwarded-For is believed.
    pub(crate) proxies: Proxies,
    /// Whether a sandbox plays WeChat.
    pub(crate) sandbox: bool,
    /// Notices that were answered FAIL.
    pub(crate) unheeded_notices: AtomicU64,
    /// Requests that found as many in hand as may be.
    pub(crate) turned_away: AtomicU64,
}

impl Service {
    /// The time of this message.
    pub(crate) fn now(&self) -> At {
        self.clock.now()
    }

    /// What is asked now, by this key.
    pub(crate) fn asked(&self, by: KeyId) -> Asked {
        Asked::new(self.now(), Some(by))
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

    /// Whether anything may be recorded. Days and the order of events come from the clock: with a wrong one nothing is. To be asked before
    /// anything is begun that goes on whoever waits for it.
    pub(crate) fn may_record(&self) -> Result<(), ApiError> {
        Ok(self.clock.check().map_err(EngineError::Unavailable)?)
    }

    /// Waits for something that changes the books. Too slow means that nobody knows.
    pub(crate) async fn write<T, E: Into<ApiError>>(
        &self,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ApiError> {
        self.may_record()?;
        match tokio::time::timeout(ANSWER_WAIT_MAX, asked).await {
            Ok(answer) => answer.map_err(Into::into),
            Err(_) => Err(EngineError::OutcomeUnknown.into()),
        }
    }

    /// Asks the store for a list.
    pub(crate) async fn stored<T: Send + 'static>(
        &self,
        ask: impl for<'a> FnOnce(&'a dyn Store) -> Answering<'a, Result<T, ReadError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = Arc::clone(self.engine.store());
        self.in_turn(&self.turns.lists, async move { ask(store.as_ref()).await }).await
    }

    /// Asks the store for one thing by its key.
    pub(crate) async fn single<T: Send + 'static>(
        &self,
        ask: impl for<'a> FnOnce(&'a dyn Store) -> Answering<'a, Result<T, ReadError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = Arc::clone(self.engine.store());
        self.in_turn(&self.turns.singles, async move { ask(store.as_ref()).await }).await
    }

    /// Asks the store for what it keeps beside the journal.
    pub(crate) async fn kept<T: Send + 'static>(
        &self,
        ask: impl for<'a> FnOnce(&'a dyn Books) -> Answering<'a, Result<T, ReadError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let store = Arc::clone(&self.store);
        self.in_turn(&self.turns.lists, async move { ask(store.as_ref()).await }).await
    }

    /// A part of a merchant's keys, or of the admins'.
    pub(crate) async fn keys(
        &self,
        of: Option<MerchantId>,
        page: Page,
    ) -> Result<Part<ListedKey>, ApiError> {
        self.in_turn(&self.turns.lists, self.keyring.list(of, page)).await
    }

    /// The head as it was, before the event that was just read as the newest; `None`: there was no such merchant yet.
    pub(crate) async fn head_at(
        &self,
        of: MerchantId,
        point: Point,
        newest: Seq,
    ) -> Result<Option<Head>, ApiError> {
        let store = Arc::clone(self.engine.store());
        let asked = async move { history::head_at(store.as_ref(), of, point, newest).await };
        self.in_turn(&self.turns.histories, asked).await
    }

    /// Reads when it is its turn, on the runtime that the store lives on, whose connections belong to no other. The reading ends
    /// when it took too long or its caller is gone; its turn ends with it.
    async fn in_turn<T: Send + 'static>(
        &self,
        turns: &Arc<Semaphore>,
        asked: impl Future<Output = Result<T, ReadError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let turn = tokio::time::timeout(TURN_WAIT_MAX, Arc::clone(turns).acquire_owned()).await;
        let Ok(Ok(turn)) = turn else { return Err(ApiError::Busy) };
        let mut asked = Awaited(self.runtime.spawn(async move {
            let answer = asked.await;
            drop(turn);
            answer
        }));
        let ended = |_| ReadError::Trouble(Trouble::Unavailable("a read ended early".into()));
        self.read(async { (&mut asked.0).await.map_err(ended)? }).await
    }

    /// The record that a key names, as it is stored.
    pub(crate) async fn record(
        &self,
        of: MerchantId,
        key: Key,
    ) -> Result<Option<Record>, ApiError> {
        let found = self.single(move |store| store.lookup(vec![(of, key)])).await?;
        Ok(found.into_iter().next().unwrap_or(Ok(None))?)
    }

    /// Refuses a merchant that was never registered, so that nothing found is told apart from nobody there.
    pub(crate) async fn must_know(&self, merchant: MerchantId) -> Result<(), ApiError> {
        let head = self.single(move |store| Box::pin(head(store, merchant))).await?;
        head.map(drop).ok_or(ApiError::refused(Refusal::MerchantUnknown))
    }

    /// Keeps a customer's profile, on the runtime that the store lives on; to the end even when the caller goes away.
    pub(crate) async fn keep_profile(
        &self,
        openid: &str,
        profile: &Value,
        now: At,
    ) -> Result<(), ApiError> {
        let store = Arc::clone(&self.store);
        let profile =
            Profile { openid: openid.to_owned(), json: profile.to_string(), stored_at: now };
        let kept = self.runtime.spawn(async move { store.keep_profiles(vec![profile]).await });
        let ended = |_| Trouble::Unavailable("it ended early".into());
        self.read(async { Ok::<_, ReadError>(kept.await.map_err(ended)??) }).await
    }

    /// Has an order looked up at WeChat, without waiting for it.
    pub(crate) fn look_up_later(&self, of: MerchantId, order_no: OrderNo) {
        let cashier = self.cashier.clone();
        self.runtime.spawn(async move {
            if let Err(error) = cashier.look_up(of, order_no).await {
                tracing::warn!(merchant = %of, %order_no, %error, "an order could not be looked up");
            }
        });
    }

    /// Counts a notice that was answered FAIL, and says how many there were.
    pub(crate) fn count_unheeded_notice(&self) -> u64 {
        self.unheeded_notices.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Counts a request that found as many in hand as may be. The log tells of the first and then ever more seldom: a line for each
    /// would be more work in the worst moment.
    pub(crate) fn count_turned_away(&self) {
        let so_far = self.turned_away.fetch_add(1, Ordering::Relaxed) + 1;
        if so_far.is_power_of_two() || so_far.is_multiple_of(100_000) {
            tracing::warn!(
                so_far,
                "more is asked than can be answered: requests are told busy, notices FAIL"
            );
        }
    }

    /// What does not work although the node is ready: a node that can't begin sessions still takes notices and calls of `/v1`.
    pub(crate) async fn warnings(&self) -> Vec<String> {
        let sessions = self.sessions.check().await.err();
        let sessions = sessions.map(|why| format!("customers can't log in: {why}"));
        sessions
            .into_iter()
            .chain(self.restores.warning())
            .chain(self.engine.damage().told())
            .collect()
    }

    /// Facts of no known merchant have a journal of their own, under an id that callers can't register. Older books may have a
    /// merchant of that id: it keeps it, and whoever runs them should know.
    pub(crate) async fn look_for_platform(&self) {
        let found = self.engine.head(reserved::id(), self.now()).await;
        if found.is_ok_and(|head| !reserved::is(&head)) {
            tracing::warn!(
                "the merchant {} has an id that is now reserved for the platform's own journal: cases of no known merchant \
                 are told among its own; move its business to a merchant of another id",
                reserved::id()
            );
        }
    }

    /// Why the node should be sent no requests; none: it is ready.
    pub(crate) async fn troubles(&self) -> Vec<String> {
        let mut troubles: Vec<String> = self.clock.check().err().into_iter().collect();
        let merchant = self.default_merchant;
        let store = Arc::clone(&self.store);
        let mut asked = Awaited(self.runtime.spawn(async move {
            store.check().await?;
            head(store.as_ref(), merchant).await
        }));
        match tokio::time::timeout(READY_WAIT_MAX, &mut asked.0).await {
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

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
