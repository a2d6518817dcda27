//! The sandbox's clock: the wall's, moved forward on demand, so that nobody has to wait for five minutes to pass.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead_ms: AtomicI64,
}

impl Clock {
    /// A clock that is ahead of the wall's.
    pub(crate) fn ahead(ms: i64) -> Self {
        Self { ahead_ms: AtomicI64::new(ms) }
    }

    /// Milliseconds since 1970.
    #[expect(clippy::disallowed_methods, reason = "WeChat has a clock of its own: this is an edge")]
    pub(crate) fn now_ms(&self) -> i64 {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let wall = i64::try_from(wall.as_millis()).unwrap_or(i64::MAX);
        wall.saturating_add(self.ahead_ms.load(Ordering::Relaxed))
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.ahead_ms.fetch_add(ms, Ordering::Relaxed);
    }
}
