//! The only reader of the wall clock. Everything else is given the time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tally_actors::cashier::Now;
use tally_actors::domain::time::At;
use tally_actors::payer::Steady;

use crate::limits::CLOCK_DRIFT_MAX;

/// How far a service's clock is ahead of the wall's, in milliseconds: nothing, but in tests that need days to pass. Clones are one.
#[derive(Debug, Clone, Default)]
pub struct Ahead(Arc<AtomicI64>);

impl Ahead {
    /// Moves the clock on; only a service that has not begun may be moved back.
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

/// The wall clock, and the monotonic one beside it to tell whether the wall clock was set.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    wall: SystemTime,
    monotonic: Instant,
    ahead: Ahead,
}

impl Clock {
    /// A clock that notices what happens from now on.
    pub(crate) fn start() -> Self {
        Self::ahead(&Ahead::default())
    }

    /// One that is ahead of the wall's.
    pub(crate) fn ahead(ahead: &Ahead) -> Self {
        Self { wall: wall(), monotonic: Instant::now(), ahead: ahead.clone() }
    }

    /// The time.
    pub(crate) fn now(&self) -> At {
        let since_1970 = wall().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let wall = At::from_ms(i64::try_from(since_1970.as_millis()).unwrap_or(i64::MAX));
        wall.plus_ms(self.ahead.0.load(Ordering::Relaxed))
    }

    /// The same clock, for those who read no clock of their own.
    pub(crate) fn as_now(&self) -> Now {
        let clock = self.clone();
        Arc::new(move || clock.now())
    }

    /// The monotonic clock, for those who must not be misled by one that was set.
    pub(crate) fn as_steady(&self) -> Steady {
        let start = self.monotonic;
        Arc::new(move || start.elapsed())
    }

    /// Whether the wall clock went as the monotonic one since the start; else why the node is not ready.
    pub(crate) fn check(&self) -> Result<(), String> {
        let wall = wall();
        let apart = drift(self.wall, wall, self.monotonic.elapsed());
        if apart <= CLOCK_DRIFT_MAX {
            return Ok(());
        }
        Err(format!(
            "the wall clock was set by {} s since the start; set it right, or start Tally again",
            apart.as_secs()
        ))
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the edge that reads a clock")]
fn wall() -> SystemTime {
    SystemTime::now()
}

/// How far the wall clock is from where the monotonic one says it should be.
fn drift(from: SystemTime, to: SystemTime, elapsed: Duration) -> Duration {
    match to.duration_since(from + elapsed) {
        Ok(ahead) => ahead,
        Err(behind) => behind.duration(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_was_set_is_noticed_in_both_directions() {
        let (start, second) = (SystemTime::UNIX_EPOCH, Duration::from_secs(1));
        for (wall, elapsed, apart) in [(100, 100, 0), (111, 100, 11), (89, 100, 11), (0, 0, 0)] {
            let found = drift(start, start + second * wall, second * elapsed);
            assert_eq!(found, second * apart, "wall {wall} s, monotonic {elapsed} s");
        }
    }

    #[test]
    fn a_clock_that_just_started_is_right() {
        assert_eq!(Clock::start().check(), Ok(()));
    }
}
