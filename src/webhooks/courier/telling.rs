//! Events told one by one: the first time, and again.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::{ReadError, Trouble};
use tally_storage::webhooks::{Delivery, DeliveryStatus};
use tokio::task::JoinSet;

use super::super::event::{EventId, Told};
use super::super::kind::Thing;
use super::super::ladder::{TRIES_MAX, pause};
use super::super::waiting;
use super::{Courier, Turn, ended_early, to_the_end};
use crate::limits::{WEBHOOK_EVENTS_PAGE, WEBHOOK_RETRIES_A_ROUND};

impl Courier {
    /// Tells of a page of a merchant's events. Afterwards each is told or has its row, and the cursor has moved.
    pub(super) async fn tell_of(self: &Arc<Self>, of: MerchantId) -> Result<Turn, ReadError> {
        let cursor = self.cursor(of).await?;
        let events = self.desk.store.events(of, cursor.next(), WEBHOOK_EVENTS_PAGE).await?;
        let Some(last) = events.last().map(|event| event.seq) else { return Ok(Turn::Done) };
        let mut things: BTreeMap<Thing, Vec<Told>> = BTreeMap::new();
        for event in &events {
            let told = Told::of(of, event)?.filter(|told| told.is_for(&self.webhook));
            if let Some(told) = told {
                things.entry(told.thing).or_default().push(told);
            }
        }
        if !things.is_empty() {
            self.tell_things(of, things).await?;
        }
        self.moved().insert(of, last);
        let full = events.len() >= WEBHOOK_EVENTS_PAGE as usize;
        Ok(if full { Turn::More } else { Turn::Done })
    }

    async fn tell_things(
        self: &Arc<Self>,
        of: MerchantId,
        things: BTreeMap<Thing, Vec<Told>>,
    ) -> Result<(), ReadError> {
        let waiting = self.desk.store.waiting_things(self.webhook.webhook_id, of).await?;
        let waiting: HashSet<String> = waiting.into_iter().collect();
        let mut telling = JoinSet::new();
        for (thing, events) in things {
            let (courier, held) = (Arc::clone(self), waiting.contains(&thing.to_string()));
            telling.spawn(async move { courier.tell_in_order(events, held).await });
        }
        let mut failed = None;
        while let Some(told) = telling.join_next().await {
            let told = told.unwrap_or_else(|ended| Err(ended_early(&ended.to_string())));
            failed = failed.or(told.err());
        }
        failed.map_or(Ok(()), Err)
    }

    /// Tells the events of one thing. From the first that fails on, each waits behind it.
    async fn tell_in_order(&self, events: Vec<Told>, mut held: bool) -> Result<(), ReadError> {
        for event in events {
            let failed = if held { None } else { self.send(&event).await?.err() };
            if !held && failed.is_none() {
                continue;
            }
            held = true;
            let delivery = waiting(&self.webhook, &event, (self.desk.now)());
            let delivery = match failed {
                Some(why) => self.after_a_failure(delivery, why),
                None => delivery,
            };
            let store = Arc::clone(&self.desk.store);
            to_the_end(async move { store.add_delivery(delivery).await }).await?;
        }
        Ok(())
    }

    /// Sends an event once. The outer error is ours, the inner one the receiver's.
    async fn send(&self, event: &Told) -> Result<Result<(), String>, ReadError> {
        let _turn = self.at_once.acquire().await;
        let body = event.body(&*self.desk.store, self.desk.refunds_open).await?;
        Ok(self.desk.post.send(&self.webhook, &event.id, (self.desk.now)(), body).await)
    }

    /// Tries what is due again, each once. `true`: there may be more that is due already.
    pub(in crate::webhooks) async fn retry(self: &Arc<Self>) -> Result<bool, ReadError> {
        let (of, now) = (self.webhook.webhook_id, (self.desk.now)());
        let due = self.desk.store.due_deliveries(of, now, WEBHOOK_RETRIES_A_ROUND).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let ours = self.desk.claims.ours(due.iter().map(|one| one.merchant)).await?;
        let mut trying = JoinSet::new();
        for delivery in due.into_iter().filter(|one| ours.contains(&one.merchant)) {
            let courier = Arc::clone(self);
            trying.spawn(async move { courier.try_again(delivery).await });
        }
        let (mut any, mut failed) = (false, None);
        while let Some(tried) = trying.join_next().await {
            match tried.unwrap_or_else(|ended| Err(ended_early(&ended.to_string()))) {
                Ok(()) => any = true,
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(any), Err)
    }

    async fn try_again(&self, delivery: Delivery) -> Result<(), ReadError> {
        let id: Option<EventId> = delivery.event_id.parse().ok();
        let found = match id {
            Some(id) => Told::find(&*self.desk.store, id).await?,
            None => None,
        };
        let told = match found {
            Some(event) => self.send(&event).await?,
            None => Err("the journal has no such event".into()),
        };
        let delivery = match told {
            Ok(()) => Delivery {
                status: DeliveryStatus::Delivered,
                tries: delivery.tries.saturating_add(1),
                changed_at: (self.desk.now)(),
                error: String::new(),
                ..delivery
            },
            Err(why) => self.after_a_failure(delivery, why),
        };
        let store = Arc::clone(&self.desk.store);
        let kept: Result<(), Trouble> =
            to_the_end(async move { store.keep_delivery(delivery).await }).await;
        Ok(kept?)
    }

    /// A delivery after one more try in vain: it waits for its next, or is set aside.
    fn after_a_failure(&self, delivery: Delivery, why: String) -> Delivery {
        let (now, tries) = ((self.desk.now)(), delivery.tries.saturating_add(1));
        let random = getrandom::u64().unwrap_or_default();
        let pause = if tries < TRIES_MAX { pause(tries, random) } else { None };
        let (status, next_at) = match pause {
            Some(pause) => (DeliveryStatus::Waiting, now.plus_ms(pause)),
            None => (DeliveryStatus::SetAside, delivery.next_at),
        };
        if status == DeliveryStatus::SetAside {
            let (webhook_id, event_id) = (delivery.webhook_id, &delivery.event_id);
            tracing::error!(%webhook_id, event_id, why, "a delivery was tried in vain for a day and is set aside; replay it when the receiver is well");
        }
        Delivery { status, tries, next_at, changed_at: now, error: why, ..delivery }
    }
}
