//! The sweeper: looks up orders whose notice did not come, on a ladder that widens, and closes those that are given up.
//!
//! It keeps nothing over a restart. A tick takes the orders that reached a step of the ladder since the last tick: those
//! opened in one window of time for each step. What is older than the ladder is walked through once after a start, and
//! again each time the last step has passed.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use crate::cashier::Cashier;
use crate::claims::Claims;
use crate::damage::whole;
use crate::domain::time::At;
use crate::limits;
use crate::ports::{Damaged, OpenOrder, Page, Part, ReadError, Store, Work};

/// When an open order is looked up.
#[derive(Debug, Clone)]
pub struct Ladder {
    /// Since its opening, ascending. The last repeats until the order is paid or closed.
    pub steps: Vec<Duration>,
    /// After which an order is given up unless it says otherwise: it is closed as soon as that has passed.
    pub order_life: Duration,
}

/// A running sweeper.
#[derive(Debug)]
pub struct Sweeper {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<()>>,
}

impl Sweeper {
    /// Starts sweeping on the cashier's runtime.
    pub fn start(cashier: Cashier, store: Arc<dyn Store>, ladder: Ladder) -> Self {
        let (stop, stopped) = watch::channel(false);
        let runtime = cashier.runtime().clone();
        let sweep = Arc::new(Sweep::new(cashier, store, &ladder, limits::POLLS_APART));
        let climbing = until_stopped(stopped.clone(), Arc::clone(&sweep).climb());
        let walking = until_stopped(stopped, sweep.walk_again_and_again());
        Self { stop, tasks: vec![runtime.spawn(climbing), runtime.spawn(walking)] }
    }

    /// Begins no further look-up. Those under way come to their end by themselves, as a customer's do.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        for task in self.tasks {
            drop(task.await);
        }
    }
}

async fn until_stopped(mut stopped: watch::Receiver<bool>, work: impl Future<Output = ()>) {
    tokio::select! {
        _ = stopped.wait_for(|stop| *stop) => {}
        () = work => {}
    }
}

/// What a sweeper does, apart from when.
pub(crate) struct Sweep {
    cashier: Cashier,
    store: Arc<dyn Store>,
    claims: Claims,
    /// In milliseconds, ascending: the ladder, and when an order may first be closed or is given up.
    steps: Vec<i64>,
    /// The first step and the one that repeats, in milliseconds.
    first: i64,
    last: i64,
    apart: Duration,
}

impl Sweep {
    pub(crate) fn new(
        cashier: Cashier,
        store: Arc<dyn Store>,
        ladder: &Ladder,
        apart: Duration,
    ) -> Self {
        let ladder_steps = ladder.steps.iter().map(|step| ms(*step));
        let first = ladder_steps.clone().min().unwrap_or(limits::CLOSE_AFTER_MS);
        let last = ladder_steps.clone().max().unwrap_or(limits::CLOSE_AFTER_MS);
        let closing = [limits::CLOSE_AFTER_MS, ms(ladder.order_life)];
        let mut steps: Vec<i64> = ladder_steps.chain(closing).collect();
        steps.sort_unstable();
        steps.dedup();
        let claims = Claims::new(Arc::clone(&store), Work::Orders);
        Self { cashier, store, claims, steps, first, last, apart }
    }

    /// Tick by tick. Each begins where the one before ended, however long that took.
    async fn climb(self: Arc<Self>) {
        let mut since = self.cashier.now();
        loop {
            tokio::time::sleep(limits::SWEEP_EVERY).await;
            since = self.tick(since).await;
        }
    }

    async fn walk_again_and_again(self: Arc<Self>) {
        let pause = Duration::from_millis(self.last.unsigned_abs()).max(limits::SWEEP_EVERY);
        let mut youngest = self.first;
        loop {
            self.walk(youngest).await;
            youngest = self.last;
            tokio::time::sleep(pause).await;
        }
    }

    /// Takes every order that reached a step since then, once. Gives where the next tick begins: at the same place again
    /// when orders could not be read.
    pub(crate) async fn tick(self: &Arc<Self>, since: At) -> At {
        let now = self.cashier.now();
        let mut all_read = true;
        for (from, to) in windows(&self.steps, since, now) {
            all_read &= self.sweep(from, to).await;
        }
        if all_read { now } else { since }
    }

    /// Takes every order that is at least so many milliseconds old, once.
    pub(crate) async fn walk(self: &Arc<Self>, youngest: i64) {
        let to = self.cashier.now().plus_ms(1 - youngest);
        self.sweep(At::default(), to).await;
    }

    /// Takes every order opened from an instant on and before another, a few at once. `false`: not all could be read.
    async fn sweep(self: &Arc<Self>, from: At, to: At) -> bool {
        let at_once = Arc::new(Semaphore::new(limits::POLLS_AT_ONCE));
        let (mut cursor, mut damaged) = (None, vec![]);
        let all_read = loop {
            let page = Page { limit: limits::WALK_PART, cursor };
            let part = match self.part(from, to, page, &mut damaged).await {
                Ok(part) => part,
                Err(error) => {
                    tracing::error!(%error, "open orders could not be read; they are looked up later");
                    break false;
                }
            };
            for waiting in part.items {
                let turn = Arc::clone(&at_once).acquire_owned().await;
                let turn = turn.expect("nobody closes it");
                self.cashier.traffic().poll(self.apart).await;
                let sweep = Arc::clone(self);
                self.cashier.runtime().spawn(async move {
                    sweep.take(&waiting).await;
                    drop(turn);
                });
            }
            cursor = part.next;
            if cursor.is_none() {
                break true;
            }
        };
        let all = u32::try_from(limits::POLLS_AT_ONCE).expect("a few");
        drop(at_once.acquire_many(all).await);
        if all_read {
            self.cashier.engine().damage().learn(Work::Orders, &(from..to), &damaged);
        }
        all_read
    }

    /// A part of the open orders, without those that another process looks up, and those that can't be read.
    async fn part(
        &self,
        from: At,
        to: At,
        page: Page,
        damaged: &mut Vec<Damaged>,
    ) -> Result<Part<OpenOrder>, ReadError> {
        let Part { items, next } = self.store.open_orders(from, to, page).await?;
        let mut items = whole(items, damaged);
        let ours = self.claims.ours(items.iter().map(|waiting| waiting.merchant)).await?;
        items.retain(|waiting| ours.contains(&waiting.merchant));
        Ok(Part { items, next })
    }

    async fn take(&self, OpenOrder { merchant, order }: &OpenOrder) {
        if let Err(why) = self.cashier.sweep(*merchant, order).await {
            let order_no = order.order_no;
            tracing::warn!(%merchant, %order_no, %why, "an open order was asked about in vain; it is asked about again");
        }
    }
}

/// The windows of openings whose orders reached one of the steps after `since` and not after `now`: disjoint, each from an
/// instant on and before another. None when the clock was set back: what is missed by that is walked through later.
fn windows(steps: &[i64], since: At, now: At) -> Vec<(At, At)> {
    let mut windows: Vec<(At, At)> = vec![];
    // An order reaches a step when its age is the step: so the largest step has the earliest window.
    for step in steps.iter().rev() {
        let (from, to) = (since.plus_ms(1 - step), now.plus_ms(1 - step));
        match windows.last_mut() {
            _ if from >= to => {}
            Some((_, end)) if from <= *end => *end = to,
            Some(_) | None => windows.push((from, to)),
        }
    }
    windows
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::{prop_assert_eq, proptest};

    use super::*;

    proptest! {
        /// Ticks at any times, however far apart: each order is taken by the tick during which it reached a step, once.
        #[test]
        fn each_order_is_taken_once_a_step(
            mut steps in vec(1..5_000_i64, 1..6),
            ticks in vec(1..3_000_i64, 1..20),
            opened in vec(1..20_000_i64, 1..20),
        ) {
            steps.sort_unstable();
            let start = At::from_ms(100_000);
            let (mut since, mut now) = (start, start);
            for tick in ticks {
                now = now.plus_ms(tick);
                let windows = windows(&steps, since, now);
                for opened in &opened {
                    let opened = start.plus_ms(*opened - 5_000);
                    let taken = windows.iter().filter(|(from, to)| (*from..*to).contains(&opened)).count();
                    let reached = steps.iter().any(|step| (since..now).contains(&opened.plus_ms(step - 1)));
                    prop_assert_eq!(taken, usize::from(reached));
                }
                since = now;
            }
        }
    }

    #[test]
    fn a_clock_that_is_set_back_opens_no_window() {
        assert_eq!(windows(&[5, 30], At::from_ms(1_000), At::from_ms(900)), []);
    }
}
