//! A courier: tells one webhook what happened to merchants, in the order of each thing.
//!
//! It reads a merchant's journal from its cursor on, a page at a time. Things are told side by side, the events of one thing one
//! after the other. One that fails gets a row, and so do the later ones of the same thing, which wait behind it; then the cursor
//! moves on. Rows are tried again on the ladder. An event is told, or has its row, before the cursor passes it: whatever ends in
//! between, it is told again, and none is lost.

mod due;
mod telling;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tally_actors::cashier::Now;
use tally_actors::claims::Claims;
use tally_actors::domain::chain::Seq;
use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::{ReadError, Trouble};
use tally_storage::Books;
use tally_storage::webhooks::{Cursor, Webhook};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use self::due::Due;
use super::event::decoded;
use super::post::Post;
use crate::limits::{
    WEBHOOK_AT_ONCE, WEBHOOK_MERCHANTS_A_ROUND, WEBHOOK_MERCHANTS_AT_ONCE, WEBHOOK_RETRY_EVERY,
    WEBHOOK_ROUND_EVERY, WEBHOOK_WAITING_MAX,
};

/// What all couriers share.
pub(super) struct Desk {
    pub(super) store: Arc<dyn Books>,
    pub(super) claims: Claims,
    pub(super) post: Arc<Post>,
    pub(super) now: Now,
    /// Whether WeChat refunds can be made at all.
    pub(super) refunds_open: bool,
}

/// One webhook's courier.
pub(super) struct Courier {
    desk: Arc<Desk>,
    pub(super) webhook: Webhook,
    due: Due,
    /// Wakes those who look at deliveries that wait.
    asked: Notify,
    /// Cursors that the store does not have yet.
    moved: Mutex<HashMap<MerchantId, Seq>>,
    at_once: Semaphore,
}

/// What became of a merchant's turn.
enum Turn {
    /// All was told.
    Done,
    /// There is more.
    More,
}

impl Courier {
    pub(super) fn new(desk: Arc<Desk>, webhook: Webhook) -> Self {
        let (due, asked) = (Due::default(), Notify::new());
        let at_once = Semaphore::new(WEBHOOK_AT_ONCE);
        Self { desk, webhook, due, asked, moved: Mutex::default(), at_once }
    }

    /// Takes note that something happened to a merchant, as far as there is room; the scan finds the rest.
    pub(super) fn hear(&self, merchant: MerchantId) {
        if self.webhook.merchant.is_none_or(|only| only == merchant) {
            self.due.add(merchant);
        }
    }

    /// Looks at deliveries that wait, now.
    pub(super) fn look(&self) {
        self.asked.notify_one();
    }

    /// Tells of what is new, and again of what waits, in turns of their own: until it is dropped.
    pub(super) async fn run(self: Arc<Self>) {
        let news = async {
            loop {
                self.due.some().await;
                let next = Instant::now() + WEBHOOK_ROUND_EVERY;
                if let Err(error) = self.round().await {
                    tracing::warn!(webhook_id = %self.webhook.webhook_id, %error, "a webhook could not be told; it is tried again");
                    sleep(WEBHOOK_RETRY_EVERY).await;
                }
                sleep_until(next).await; // so that many cursors are kept by one statement
            }
        };
        let waiting = async {
            loop {
                match self.retry().await {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(webhook_id = %self.webhook.webhook_id, %error, "deliveries that wait could not be looked at")
                    }
                }
                drop(tokio::time::timeout(WEBHOOK_RETRY_EVERY, self.asked.notified()).await);
            }
        };
        let ((), ()) = tokio::join!(news, waiting);
    }

    /// Tells of what is new about some of the merchants that are due. Afterwards the store has their cursors.
    pub(super) async fn round(self: &Arc<Self>) -> Result<(), ReadError> {
        let waiting = self.desk.store.waiting(self.webhook.webhook_id).await?;
        if waiting >= WEBHOOK_WAITING_MAX {
            // The journal holds what comes after; it is told when some of what waits is.
            sleep(WEBHOOK_RETRY_EVERY).await;
            return Ok(());
        }
        let some = self.due.take(WEBHOOK_MERCHANTS_A_ROUND);
        let told = self.tell_all(&some).await;
        if told.is_err() {
            some.iter().for_each(|of| self.due.add(*of));
        }
        let flushed = self.flush().await;
        told.and(flushed.map_err(ReadError::from))
    }

    async fn tell_all(self: &Arc<Self>, of: &[MerchantId]) -> Result<(), ReadError> {
        let ours = self.desk.claims.ours(of.iter().copied()).await?;
        let mut left = of.iter().copied().filter(|of| ours.contains(of));
        let (mut turns, mut failed) = (JoinSet::new(), None);
        loop {
            while turns.len() < WEBHOOK_MERCHANTS_AT_ONCE {
                let Some(merchant) = left.next() else { break };
                let courier = Arc::clone(self);
                turns.spawn(async move { (merchant, courier.tell_of(merchant).await) });
            }
            match turns.join_next().await {
                None => return failed.map_or(Ok(()), Err),
                Some(Ok((_, Ok(Turn::Done)))) => {}
                Some(Ok((merchant, Ok(Turn::More)))) => self.due.add(merchant),
                Some(Ok((merchant, Err(error @ ReadError::Unreadable { .. })))) => {
                    // It is no trouble of the others, and is looked at again with the next scan.
                    tracing::error!(%merchant, %error, "webhooks are told no more of this merchant");
                }
                Some(Ok((_, Err(error)))) => failed = Some(error),
                Some(Err(ended)) => failed = Some(ended_early(&ended.to_string())),
            }
        }
    }

    /// How far this webhook was told of a merchant.
    async fn cursor(&self, of: MerchantId) -> Result<Seq, ReadError> {
        if let Some(seq) = self.moved().get(&of) {
            return Ok(*seq);
        }
        let cursors = self.desk.store.cursors(of, of).await?;
        let own = cursors.iter().find(|cursor| cursor.webhook_id == self.webhook.webhook_id);
        match own {
            Some(cursor) => Ok(cursor.seq),
            None => self.beginning(of).await,
        }
    }

    /// The last event before the webhook was made: halving finds it, as the times of a journal never go back.
    async fn beginning(&self, of: MerchantId) -> Result<Seq, ReadError> {
        let Some(head) = self.desk.store.heads(vec![of]).await?.pop().unwrap_or(Ok(None))? else {
            return Ok(Seq::default());
        };
        if head.at < self.webhook.created_at {
            return Ok(head.link.seq);
        }
        let (mut before, mut from) = (0, head.link.seq.0);
        while before + 1 < from {
            let middle = before + (from - before) / 2;
            let events = self.desk.store.events(of, Seq(middle), 1).await?;
            let at = events.first().map(|event| decoded(of, event)).transpose()?.map(|one| one.at);
            if at.is_some_and(|at| at < self.webhook.created_at) {
                before = middle;
            } else {
                from = middle;
            }
        }
        Ok(Seq(before))
    }

    /// Hands moved cursors to the store.
    pub(super) async fn flush(&self) -> Result<(), Trouble> {
        let moved: Vec<(MerchantId, Seq)> =
            self.moved().iter().map(|(of, to)| (*of, *to)).collect();
        if moved.is_empty() {
            return Ok(());
        }
        let webhook_id = self.webhook.webhook_id;
        let cursors = moved.iter().map(|(merchant, seq)| Cursor {
            webhook_id,
            merchant: *merchant,
            seq: *seq,
        });
        let (store, cursors) = (Arc::clone(&self.desk.store), cursors.collect());
        to_the_end(async move { store.move_cursors(cursors).await }).await?;
        let mut unkept = self.moved();
        for (of, to) in moved {
            if unkept.get(&of) == Some(&to) {
                unkept.remove(&of);
            }
        }
        Ok(())
    }

    fn moved(&self) -> MutexGuard<'_, HashMap<MerchantId, Seq>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes to the end, also when whoever waits for it is stopped: a statement must not be left half way on its connection.
async fn to_the_end<T: Send + 'static>(
    write: impl Future<Output = Result<T, Trouble>> + Send + 'static,
) -> Result<T, Trouble> {
    tokio::spawn(write).await.map_err(|ended| Trouble::Unavailable(ended.to_string()))?
}

fn ended_early(why: &str) -> ReadError {
    ReadError::Trouble(Trouble::Unavailable(why.to_owned()))
}

#[cfg(test)]
#[path = "courier_tests.rs"]
mod tests;
