//! The run that nobody asks for: each day from a set hour on, the day before is compared, and days before it that were missed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tally_actors::claims::Claims;
use tally_actors::domain::reserved;
use tally_actors::domain::time::Day;
use tally_actors::ports::{Page, Work};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Fault, Reconciler};
use crate::limits::{RECONCILE_DAYS_BACK, RECONCILE_EVERY};

/// The running task.
pub(crate) struct Daily {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Daily {
    /// Starts it, from so long after Beijing's midnight on.
    pub(crate) fn start(reconciler: Arc<Reconciler>, after_midnight: Duration) -> Self {
        let (stop, mut stopped) = watch::channel(false);
        let runtime = reconciler.runtime.clone();
        let store = Arc::clone(reconciler.engine.store());
        let claims = Claims::new(store, Work::Reconciliations);
        let after_ms = i64::try_from(after_midnight.as_millis()).unwrap_or(i64::MAX);
        let task = runtime.spawn(async move {
            let looks = async {
                loop {
                    if let Err(fault) = look(&reconciler, &claims, after_ms).await {
                        tracing::warn!(%fault, "a day is compared with WeChat's bill later");
                    }
                    tokio::time::sleep(RECONCILE_EVERY).await;
                }
            };
            tokio::select! {
                () = looks => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        });
        Self { stop, task }
    }

    /// Stops it. A run that breaks off is made anew by the next start: its day has no row yet.
    pub(crate) async fn stop(self) {
        self.stop.send_replace(true);
        drop(self.task.await);
    }
}

/// Compares what is due and not compared yet, while it is this process's to do. A day that fails is tried again next time, and
/// keeps no other waiting. Days before the first that was ever compared are nobody's business.
async fn look(of: &Reconciler, claims: &Claims, after_ms: i64) -> Result<(), Fault> {
    if let Err(why) = of.clock.check() {
        return Err(Fault::Unavailable(why));
    }
    let today = of.clock.now().plus_ms(-after_ms).day().days();
    let page = Page { limit: RECONCILE_DAYS_BACK, cursor: None };
    let known = of.books.reconciliations(page).await?.items;
    let known: BTreeSet<i32> = known.iter().map(|made| made.day.days()).collect();
    let oldest = today - i32::try_from(RECONCILE_DAYS_BACK).unwrap_or(i32::MAX);
    let first = known.first().map_or(today - 1, |first| (*first).max(oldest));
    for day in (first..today).filter(|day| !known.contains(day)).filter_map(Day::from_days) {
        let ours = claims.ours([reserved::id()].into_iter()).await?;
        if ours.is_empty() || of.books.reconciliation(day).await?.is_some() {
            continue;
        }
        if let Err(fault) = of.run(day).await {
            tracing::warn!(%day, %fault, "a day is compared with WeChat's bill later");
        }
    }
    Ok(())
}
