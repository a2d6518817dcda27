//! The run that nobody asks for: each day from a set hour on, the day before is compared, and all days before it that were missed.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tally_actors::domain::time::Day;
use tally_actors::ports::Page;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Fault, Reconciler, journal};
use crate::limits::{RECONCILE_AGAIN_MAX, RECONCILE_DAYS_BACK, RECONCILE_EVERY};

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
        let after_ms = i64::try_from(after_midnight.as_millis()).unwrap_or(i64::MAX);
        let mut looks =
            Looks { of: reconciler, after_ms, first: None, puts_off: PutsOff::default() };
        let task = runtime.spawn(async move {
            let looks = async {
                loop {
                    if let Err(fault) = looks.look().await {
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

/// Who looks what is due.
struct Looks {
    of: Arc<Reconciler>,
    after_ms: i64,
    /// The first day with a payment, once there is one.
    first: Option<Day>,
    puts_off: PutsOff,
}

impl Looks {
    /// Compares what is due and not compared yet, the oldest first. A day that fails keeps no other waiting.
    async fn look(&mut self) -> Result<(), Fault> {
        let of = Arc::clone(&self.of);
        if let Err(why) = of.clock.check() {
            return Err(Fault::Unavailable(why));
        }
        let today = of.clock.now().plus_ms(-self.after_ms).day();
        let page = Page { limit: RECONCILE_DAYS_BACK + 1, cursor: None };
        let known = of.books.reconciliations(page).await?.items;
        let known: BTreeSet<Day> = known.iter().map(|made| made.day).collect();
        let mut due: Vec<Day> = (1..=RECONCILE_DAYS_BACK.cast_signed())
            .rev()
            .filter_map(|back| Day::from_days(today.days() - back))
            .filter(|day| !known.contains(day))
            .collect();
        let Some(oldest) = due.first().copied() else { return Ok(()) };
        if self.first.is_none() {
            self.first = journal::first_day(of.books.as_ref(), oldest).await?;
        }
        // Where nobody was paid yet, WeChat may have a payment that was missed.
        due.retain(|day| self.first.map_or(day.days() + 1 == today.days(), |first| *day >= first));
        self.puts_off.forget_before(oldest);
        for day in due {
            if self.puts_off.waits(day, Instant::now()) {
                continue;
            }
            let missing = async {
                // Another process may have done it meanwhile.
                match of.books.reconciliation(day).await? {
                    Some(_) => Ok(()),
                    None => of.run(day).await.map(drop),
                }
            };
            let Some(running) = of.standings.begin(day) else { continue };
            match of.in_turn(running, missing).await {
                Ok(()) => {}
                Err(Fault::Elsewhere) => return Ok(()),
                Err(fault) => {
                    let again_in = self.puts_off.put_off(day, Instant::now());
                    tracing::warn!(%day, %fault, ?again_in, "a day is compared with WeChat's bill later");
                }
            }
        }
        Ok(())
    }
}

/// Days that failed, each with how often, and until when it waits.
#[derive(Debug, Default)]
struct PutsOff(BTreeMap<Day, (u32, Instant)>);

impl PutsOff {
    fn waits(&self, day: Day, now: Instant) -> bool {
        self.0.get(&day).is_some_and(|(_, until)| now < *until)
    }

    /// Twice as long each time, up to an hour.
    fn put_off(&mut self, day: Day, now: Instant) -> Duration {
        let (fails, until) = self.0.entry(day).or_insert((0, now));
        let waits = RECONCILE_EVERY.saturating_mul(1 << (*fails).min(16)).min(RECONCILE_AGAIN_MAX);
        *fails = fails.saturating_add(1);
        *until = now + waits;
        waits
    }

    fn forget_before(&mut self, oldest: Day) {
        self.0.retain(|day, _| *day >= oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_that_fails_again_waits_twice_as_long_and_an_hour_at_the_most() {
        let (mut puts_off, day) = (PutsOff::default(), Day::from_days(20_454).unwrap());
        let (now, second) = (Instant::now(), Duration::from_secs(1));
        assert!(!puts_off.waits(day, now));
        let minutes = (0..40).map(|_| puts_off.put_off(day, now).as_secs() / 60);
        let minutes: Vec<u64> = minutes.collect();
        assert_eq!(minutes[..7], [1, 2, 4, 8, 16, 32, 60]);
        assert_eq!(minutes[39], 60);
        assert!(puts_off.waits(day, now + second * 3_599));
        let next = Day::from_days(20_455).unwrap();
        assert!(!puts_off.waits(next, now), "each day for itself");
        assert!(!puts_off.waits(day, now + second * 3_600));
    }
}
