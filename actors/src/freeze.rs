//! What a process knows of restores of its books, and so whether money may go out. Not being sure counts as frozen.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::domain::restored::Restored;
use crate::domain::time::At;

/// What the store said last, and when it was asked.
#[derive(Debug)]
pub struct Freeze {
    known: Mutex<Option<Known>>,
    /// For how long that is believed; `None`: for ever, as no other process changes it.
    believed_for: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Known {
    restored: Option<Restored>,
    asked: Instant,
}

impl Freeze {
    /// Of books that nobody restored, and nobody will while they are open.
    pub fn never() -> Self {
        let known = Known { restored: None, asked: Instant::now() };
        Self { known: Mutex::new(Some(known)), believed_for: None }
    }

    /// Of books of which nothing is known yet. What is said of them is believed for so long, where other processes share them.
    pub fn unknown(believed_for: Option<Duration>) -> Self {
        Self { known: Mutex::default(), believed_for }
    }

    /// Takes what the store, asked at that instant, said: the restores of the books, all in one.
    pub fn learn(&self, restored: Option<Restored>, asked: Instant) {
        *self.known() = Some(Known { restored, asked });
    }

    /// What holds now, and whether the store said so and not too long ago. Without its word the books count as frozen.
    pub fn now(&self) -> (Option<Restored>, bool) {
        let known = *self.known();
        let nothing = Restored { since: At::default(), at: At::default(), frozen: true };
        match known {
            Some(known) if self.is_believed(known) => (known.restored, true),
            Some(Known { restored, .. }) => {
                (Some(Restored { frozen: true, ..restored.unwrap_or(nothing) }), false)
            }
            None => (Some(nothing), false),
        }
    }

    /// What holds now.
    pub fn restored(&self) -> Option<Restored> {
        self.now().0
    }

    fn is_believed(&self, known: Known) -> bool {
        self.believed_for.is_none_or(|longest| known.asked.elapsed() <= longest)
    }

    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BELIEVED: Duration = Duration::from_secs(6);

    fn is_frozen(freeze: &Freeze) -> bool {
        freeze.restored().is_some_and(|restored| restored.frozen)
    }

    fn restored(frozen: bool) -> Option<Restored> {
        Some(Restored { since: At::from_ms(1), at: At::from_ms(2), frozen })
    }

    /// Time stands still but where the test lets it go on.
    #[tokio::test(start_paused = true)]
    async fn what_is_not_known_or_known_for_too_long_is_frozen() {
        let freeze = Freeze::unknown(Some(BELIEVED));
        assert!(is_frozen(&freeze) && !freeze.now().1);
        freeze.learn(None, Instant::now());
        assert_eq!(freeze.restored(), None);
        tokio::time::advance(BELIEVED).await;
        assert_eq!(freeze.restored(), None);
        assert!(freeze.now().1);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(is_frozen(&freeze) && !freeze.now().1);
        freeze.learn(restored(false), Instant::now());
        assert_eq!(freeze.restored(), restored(false));
        tokio::time::advance(BELIEVED + Duration::from_millis(1)).await;
        assert_eq!(freeze.restored(), restored(true));
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_else_changes_is_believed_for_ever() {
        let freeze = Freeze::unknown(None);
        assert!(is_frozen(&freeze));
        for known in [restored(true), restored(false), None] {
            freeze.learn(known, Instant::now());
            tokio::time::advance(BELIEVED * 1_000).await;
            assert_eq!(freeze.restored(), known);
        }
    }
}
