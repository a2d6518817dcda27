//! Webhooks: the platform's own server is told of what happened.
//!
//! | module | what |
//! |---|---|
//! | `kind` | what is told, a closed mapping from events |
//! | `event` | an event's name, and the body that tells of it |
//! | `sign` | the signature |
//! | `address` | where deliveries may go |
//! | `post` | a delivery on the wire |
//! | `ladder` | when one that failed is tried again |
//! | `courier` | tells one webhook, in order, and again |
//! | `deliverer` | a courier for each webhook, and how they learn what is new |

mod address;
mod courier;
mod deliverer;
mod event;
mod kind;
mod ladder;
mod post;
#[cfg(test)]
mod receiver;
mod sign;

use std::sync::Arc;

use tally_actors::cashier::Now;
use tally_actors::claims::Claims;
use tally_actors::domain::ids::{MerchantId, WebhookId};
use tally_actors::domain::number;
use tally_actors::domain::time::At;
use tally_actors::error::EngineError;
use tally_actors::ports::{ReadError, Store, Trouble, Work};
use tally_storage::Books;
use tally_storage::webhooks::{Delivery, DeliveryStatus, Webhook};
use tokio::runtime::Handle;
use tokio::sync::Notify;

pub(crate) use self::address::is_public;
use self::courier::Desk;
pub(crate) use self::deliverer::Deliverer;
pub(crate) use self::event::EventId;
use self::event::Told;
pub(crate) use self::kind::Kind;
pub(crate) use self::post::Post;
use crate::keyring::unmade;
use crate::limits::WEBHOOKS_MAX;
use crate::web::error::ApiError;

/// Wakes the deliverer when a webhook or a delivery was changed here.
#[derive(Default)]
pub(crate) struct Changed(Notify);

impl Changed {
    async fn woken(&self) {
        self.0.notified().await;
    }
}

/// A webhook to make.
pub(crate) struct NewWebhook {
    /// Where it is.
    pub(crate) url: String,
    /// What it is told of; none: everything.
    pub(crate) kinds: Vec<Kind>,
    /// The merchant that it is told of; `None`: all.
    pub(crate) merchant: Option<MerchantId>,
}

/// The webhooks, as the calls about them see them.
pub(crate) struct Webhooks {
    store: Arc<dyn Books>,
    runtime: Handle,
    post: Arc<Post>,
    refunds_open: bool,
    changed: Arc<Changed>,
}

impl Webhooks {
    /// Those of a store, and the runtime that it lives on. `refunds_open`: whether WeChat refunds can be made at all.
    pub(crate) fn new(
        store: Arc<dyn Books>,
        runtime: Handle,
        post: Post,
        refunds_open: bool,
    ) -> Self {
        Self { store, runtime, post: Arc::new(post), refunds_open, changed: Arc::default() }
    }

    fn desk(&self, now: Now) -> Desk {
        let claims = Claims::new(Arc::clone(&self.store) as Arc<dyn Store>, Work::Webhooks);
        let (store, post) = (Arc::clone(&self.store), Arc::clone(&self.post));
        Desk { store, claims, post, now, refunds_open: self.refunds_open }
    }

    fn changed(&self) -> Arc<Changed> {
        Arc::clone(&self.changed)
    }

    /// Whether a URL may be a webhook's; else what is wrong with it.
    pub(crate) fn check(&self, url: &str) -> Result<(), &'static str> {
        self.post.check(url)
    }

    /// Makes a webhook. Its secret is in the answer, and kept as it is: deliveries are signed with it.
    pub(crate) async fn make(&self, new: NewWebhook, now: At) -> Result<Webhook, ApiError> {
        let no_random = |_| EngineError::Unavailable("the system gives no random bytes".into());
        let random = getrandom::u64().map_err(no_random)?;
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(no_random)?;
        let webhook = Webhook {
            webhook_id: number::make(now, random)
                .parse()
                .expect("a made number is letters and digits"),
            url: new.url,
            kinds: new.kinds.iter().map(|kind| kind.as_str().to_owned()).collect(),
            merchant: new.merchant,
            secret: format!("whsec_{}", blake3::Hash::from_bytes(secret).to_hex()),
            created_at: now,
        };
        let (store, kept) = (Arc::clone(&self.store), webhook.clone());
        let made = self.to_the_end(async move {
            if store.webhooks().await?.len() >= WEBHOOKS_MAX {
                return Ok(false);
            }
            store.keep_webhook(kept).await?;
            Ok(true)
        });
        if made.await? { Ok(webhook) } else { Err(ApiError::TooManyWebhooks) }
    }

    /// Removes a webhook; `false` when there is none of that name.
    pub(crate) async fn delete(&self, webhook_id: WebhookId) -> Result<bool, ApiError> {
        let store = Arc::clone(&self.store);
        self.to_the_end(async move { Ok(store.delete_webhook(webhook_id).await?) }).await
    }

    /// Has an event told again, from the first try on: one that was set aside, that waits, or that was told before. `None`: the
    /// journal has no such event, or it is of no kind that the webhook is told of.
    pub(crate) async fn replay(
        &self,
        webhook: Webhook,
        id: EventId,
        now: At,
    ) -> Result<Option<Delivery>, ApiError> {
        let store = Arc::clone(&self.store);
        self.to_the_end(async move {
            let event = Told::find(&*store, id).await?;
            let Some(event) = event.filter(|event| event.is_for(&webhook)) else {
                return Ok(None);
            };
            let delivery = waiting(&webhook, &event, now);
            store.keep_delivery(delivery.clone()).await?;
            Ok(Some(delivery))
        })
        .await
    }

    /// Works on the runtime that the store lives on, to the end even when the caller goes away, and wakes the deliverer.
    async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, ReadError>> + Send + 'static,
    ) -> Result<T, ApiError> {
        let changed = Arc::clone(&self.changed);
        let done = self.runtime.spawn(async move {
            let done = work.await;
            changed.0.notify_one();
            done
        });
        match done.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(ReadError::Trouble(trouble))) => Err(unmade(trouble).into()),
            Ok(Err(error)) => Err(error.into()),
            Err(ended) => Err(unmade(Trouble::Unavailable(ended.to_string())).into()),
        }
    }
}

/// The row of an event that is to be told as soon as nothing of its thing waits before it.
fn waiting(webhook: &Webhook, event: &Told, now: At) -> Delivery {
    Delivery {
        webhook_id: webhook.webhook_id,
        merchant: event.id.merchant,
        seq: event.id.seq,
        event_id: event.id.to_string(),
        kind: event.kind.as_str().to_owned(),
        thing: event.thing.to_string(),
        at: event.at,
        made_at: now,
        status: DeliveryStatus::Waiting,
        tries: 0,
        next_at: now,
        changed_at: now,
        error: String::new(),
    }
}
