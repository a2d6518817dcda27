//! The deliverer: a courier for each webhook, told of what is new.
//!
//! What this process commits it hears of at once. The rest (what another process committed, what came while too much was heard,
//! what was left by a stop) is found by a slow scan that holds the heads against the cursors, a page at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tally_actors::domain::ids::{MerchantId, WebhookId};
use tally_actors::news::News;
use tally_actors::ports::ReadError;
use tally_storage::webhooks::{Cursor, Standing, Webhook};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::courier::{Courier, Desk};
use super::{Changed, Webhooks};
use crate::clock::Clock;
use crate::limits::{
    WEBHOOK_DELIVERED_KEPT_MS, WEBHOOK_SCAN_EVERY, WEBHOOK_SCAN_PAGE, WEBHOOK_SCAN_PAGES_APART,
    WEBHOOK_TIDY_EVERY, WEBHOOKS_READ_EVERY,
};

/// A running deliverer.
pub(crate) struct Deliverer {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Deliverer {
    /// Starts on the runtime that the store lives on.
    pub(crate) fn start(webhooks: &Webhooks, news: Arc<News>, clock: &Clock, on: &Handle) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let desk = Arc::new(webhooks.desk(clock.as_now()));
        let couriers = Couriers {
            desk,
            news,
            changed: webhooks.changed(),
            on: on.clone(),
            running: Mutex::default(),
        };
        let task = on.spawn(async move {
            tokio::select! {
                () = couriers.work() => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
            couriers.end().await;
        });
        Self { stop, task }
    }

    /// Begins nothing more. What is under way is broken off, and told again after the next start.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        drop(self.task.await);
    }
}

struct Running {
    courier: Arc<Courier>,
    task: JoinHandle<()>,
}

struct Couriers {
    desk: Arc<Desk>,
    news: Arc<News>,
    changed: Arc<Changed>,
    on: Handle,
    running: Mutex<HashMap<WebhookId, Running>>,
}

impl Couriers {
    async fn work(&self) {
        let ((), (), (), ()) =
            tokio::join!(self.refresh(), self.listen(), self.scan(), self.tidy());
    }

    /// Reads again and again which webhooks there are: other processes make and remove them too.
    async fn refresh(&self) {
        loop {
            match self.desk.store.webhooks().await {
                Ok(all) => self.take(all),
                Err(error) => {
                    tracing::warn!(%error, "webhooks could not be read; they are read again")
                }
            }
            drop(tokio::time::timeout(WEBHOOKS_READ_EVERY, self.changed.woken()).await);
        }
    }

    /// Starts a courier for each webhook that has none, and ends those of webhooks that are gone.
    fn take(&self, all: Vec<Webhook>) {
        let mut running = self.running();
        running.retain(|id, one| {
            let there = all.iter().any(|webhook| webhook.webhook_id == *id);
            if !there {
                one.task.abort();
            }
            there
        });
        for webhook in all {
            let one = running.entry(webhook.webhook_id).or_insert_with(|| {
                let courier = Arc::new(Courier::new(Arc::clone(&self.desk), webhook));
                let task = self.on.spawn(Arc::clone(&courier).run());
                Running { courier, task }
            });
            one.courier.look();
        }
        self.news.follow(!running.is_empty());
    }

    /// Hands on what this process commits.
    async fn listen(&self) {
        loop {
            let heard = self.news.next().await;
            for courier in self.couriers() {
                heard.iter().for_each(|merchant| courier.hear(*merchant));
            }
        }
    }

    async fn scan(&self) {
        loop {
            if let Err(error) = self.scan_once().await {
                tracing::warn!(%error, "what webhooks were not told could not be looked for; it is looked for again");
            }
            // The first webhook need not wait for a scan: it begins with what is heard.
            sleep(if self.couriers().is_empty() {
                WEBHOOKS_READ_EVERY
            } else {
                WEBHOOK_SCAN_EVERY
            })
            .await;
        }
    }

    /// Goes through all merchants once, and finds those of whom a webhook was not told everything.
    async fn scan_once(&self) -> Result<(), ReadError> {
        let mut after = String::new();
        loop {
            let couriers = self.couriers();
            if couriers.is_empty() {
                return Ok(());
            }
            let page = self.desk.store.standings_after(after, WEBHOOK_SCAN_PAGE).await?;
            let Some((first, last)) = page.first().zip(page.last()) else { return Ok(()) };
            after = last.merchant.to_string();
            let cursors = self.desk.store.cursors(first.merchant, last.merchant).await?;
            for courier in couriers {
                behind(&page, &cursors, &courier.webhook)
                    .for_each(|merchant| courier.hear(merchant));
            }
            sleep(WEBHOOK_SCAN_PAGES_APART).await;
        }
    }

    async fn tidy(&self) {
        loop {
            sleep(WEBHOOK_TIDY_EVERY).await;
            let before = (self.desk.now)().plus_ms(-WEBHOOK_DELIVERED_KEPT_MS);
            if let Err(error) = self.desk.store.tidy_webhooks(before).await {
                tracing::warn!(%error, "old deliveries could not be removed; they are removed later");
            }
        }
    }

    /// Ends the couriers, and keeps how far they came.
    async fn end(&self) {
        self.news.follow(false);
        let running: Vec<Running> = self.running().drain().map(|(_, one)| one).collect();
        for Running { courier, task } in running {
            task.abort();
            drop(task.await);
            if let Err(error) = courier.flush().await {
                tracing::warn!(%error, "how far a webhook was told is not kept; some is told twice");
            }
        }
    }

    fn couriers(&self) -> Vec<Arc<Courier>> {
        self.running().values().map(|one| Arc::clone(&one.courier)).collect()
    }

    fn running(&self) -> MutexGuard<'_, HashMap<WebhookId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The merchants on a page of whom a webhook was not told everything. One without a cursor counts when something happened since
/// the webhook was made.
fn behind<'a>(
    page: &'a [Standing],
    cursors: &[Cursor],
    webhook: &'a Webhook,
) -> impl Iterator<Item = MerchantId> + 'a {
    let own = cursors.iter().filter(|cursor| cursor.webhook_id == webhook.webhook_id);
    let told: HashMap<MerchantId, _> = own.map(|cursor| (cursor.merchant, cursor.seq)).collect();
    let is_behind = move |standing: &&Standing| match told.get(&standing.merchant) {
        Some(seq) => *seq < standing.seq,
        None => standing.at >= webhook.created_at,
    };
    page.iter().filter(is_behind).map(|standing| standing.merchant)
}

#[cfg(test)]
mod tests {
    use tally_actors::domain::chain::Seq;
    use tally_actors::domain::time::At;

    use super::*;

    #[test]
    fn whoever_has_events_past_the_cursor_or_since_the_webhook_was_made_is_behind() {
        let webhook = |name: &str| Webhook {
            webhook_id: name.parse().unwrap(),
            url: "https://example.com".into(),
            kinds: vec![],
            merchant: None,
            secret: "s".into(),
            created_at: At::from_ms(100),
        };
        let standing = |of: &str, seq, ms| Standing {
            merchant: of.parse().unwrap(),
            seq: Seq(seq),
            at: At::from_ms(ms),
        };
        let page = [
            standing("old", 5, 99),
            standing("new", 5, 100),
            standing("told", 5, 200),
            standing("more", 6, 50),
        ];
        let cursor = |of: &str| Cursor {
            webhook_id: "w1".parse().unwrap(),
            merchant: of.parse().unwrap(),
            seq: Seq(5),
        };
        let cursors = [cursor("told"), cursor("more")];
        let found = |name| {
            behind(&page, &cursors, &webhook(name)).map(|of| of.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(found("w1"), ["new", "more"]);
        assert_eq!(found("w2"), ["new", "told"]);
    }
}
