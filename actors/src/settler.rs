//! The settler: once a Beijing day, from a set hour on, settles what is due of each merchant whose rules name a number of days.
//!
//! It keeps nothing over a restart. A settlement carries the day as its idempotency key: whoever asks again that day, after a restart
//! or in another process, is given the one that was made.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::{JoinHandle, JoinSet};

use crate::domain::head::Head;
use crate::domain::ids::{IdempotencyKey, MerchantId};
use crate::domain::time::{At, Day};
use crate::engine::{Engine, NewSettlement, Number};
use crate::error::EngineError;
use crate::limits;
use crate::ports::Page;

/// Reads the wall clock; an error says why it can't be trusted. Then nothing is settled: a day is what it goes by.
pub type TrustedNow = Arc<dyn Fn() -> Result<At, String> + Send + Sync>;

/// A running settler.
#[derive(Debug)]
pub struct Settler {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Settler {
    /// Starts settling each day from so long after Beijing's midnight on, on that runtime: the store's.
    pub fn start(
        engine: Engine,
        now: TrustedNow,
        after_midnight: Duration,
        runtime: &tokio::runtime::Handle,
    ) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let mut days = Days::new(Settling { engine, now }, after_midnight);
        let task = runtime.spawn(async move {
            loop {
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => break,
                    () = days.look() => {}
                }
                tokio::select! {
                    _ = stopped.wait_for(|stop| *stop) => break,
                    () = tokio::time::sleep(limits::SETTLER_EVERY) => {}
                }
            }
        });
        Self { stop, task }
    }

    /// Begins no further settlement. One that is under way comes to its end in the engine.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        drop(self.task.await);
    }
}

/// Which day is done.
pub(crate) struct Days {
    settling: Settling,
    after_midnight_ms: i64,
    done: Option<Day>,
}

impl Days {
    pub(crate) fn new(settling: Settling, after_midnight: Duration) -> Self {
        let after_midnight_ms = i64::try_from(after_midnight.as_millis()).unwrap_or(i64::MAX);
        Self { settling, after_midnight_ms, done: None }
    }

    /// Settles the day whose hour came last, unless that is done.
    pub(crate) async fn look(&mut self) {
        let now = match (self.settling.now)() {
            Ok(now) => now,
            Err(why) => {
                tracing::error!(%why, "nothing is settled by itself");
                return;
            }
        };
        let day = now.plus_ms(-self.after_midnight_ms).day();
        if self.done != Some(day) && self.settling.all(day).await {
            self.done = Some(day);
        }
    }
}

/// What a settler does, apart from when.
#[derive(Clone)]
pub(crate) struct Settling {
    pub(crate) engine: Engine,
    pub(crate) now: TrustedNow,
}

/// Whether a head has something that is settled by itself.
fn is_due(head: &Head, today: Day) -> bool {
    head.rules.settle_after_days.is_some() && head.settling(false, today).1.orders > 0
}

impl Settling {
    /// Settles what is due of all merchants, a few at once. `false`: not all came to an end, so they are looked at again.
    async fn all(&self, day: Day) -> bool {
        let at_once = Arc::new(Semaphore::new(limits::SETTLEMENTS_AT_ONCE));
        let (mut settling, mut all) = (JoinSet::new(), true);
        let (mut made, mut cursor) = (0_u64, None);
        loop {
            let page = Page { limit: limits::WALK_PART, cursor };
            let part = match self.engine.store().merchants(page).await {
                Ok(part) => part,
                Err(error) => {
                    tracing::error!(%error, "merchants could not be read; what is due is settled later");
                    return false;
                }
            };
            for head in part.items.into_iter().filter(|head| is_due(head, day)) {
                let turn = Arc::clone(&at_once).acquire_owned().await.expect("nobody closes it");
                let this = self.clone();
                settling.spawn(async move {
                    let settled = this.one(head.merchant, day).await;
                    drop(turn);
                    settled
                });
            }
            while let Some(ended) = settling.try_join_next() {
                count(ended.ok().flatten(), &mut made, &mut all);
            }
            cursor = part.next;
            if cursor.is_none() {
                break;
            }
        }
        while let Some(ended) = settling.join_next().await {
            count(ended.ok().flatten(), &mut made, &mut all);
        }
        if made > 0 {
            tracing::info!(%day, made, "settled what was due");
        }
        all
    }

    /// Whether this made a settlement; `None`: nobody knows, so it is asked again.
    async fn one(&self, of: MerchantId, day: Day) -> Option<bool> {
        let key: IdempotencyKey = format!("settler {day}").parse().expect("a short text");
        let number = Number::Make(Some(key));
        let new = NewSettlement { number, include_not_due: false };
        let now = (self.now)().ok()?;
        match self.engine.settle(of, new, now).await {
            Ok(made) => Some(made.is_some_and(|made| made.fresh)),
            Err(EngineError::Refused(why)) => {
                tracing::error!(merchant = %of, %day, %why, "what is due was not settled by itself");
                Some(false)
            }
            Err(
                why @ (EngineError::Busy
                | EngineError::Unavailable(_)
                | EngineError::OutcomeUnknown),
            ) => {
                tracing::warn!(merchant = %of, %day, %why, "what is due is settled later");
                None
            }
        }
    }
}

fn count(settled: Option<bool>, made: &mut u64, all: &mut bool) {
    match settled {
        Some(fresh) => *made += u64::from(fresh),
        None => *all = false,
    }
}
