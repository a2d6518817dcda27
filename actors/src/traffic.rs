//! Calls to the payment channel: customers' calls first, polls behind them and at a bounded rate.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep_until, timeout};

use crate::limits;

/// What is under way to the channel.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    customers: AtomicUsize,
    eased: Notify,
    /// When the next poll may begin.
    next: Mutex<Option<Instant>>,
}

/// A flow that a customer waits for, until it is dropped.
#[derive(Debug)]
pub(crate) struct Customer(Arc<Traffic>);

impl Traffic {
    /// Counts a flow that a customer waits for.
    pub(crate) fn customer(self: &Arc<Self>) -> Customer {
        self.customers.fetch_add(1, Ordering::AcqRel);
        Customer(Arc::clone(self))
    }

    /// Waits until a poll may be made: its turn has come at the rate of polls, and few customers wait. Customers who come
    /// without a pause hold a poll back for a while only, as polls find the payments whose notice was lost.
    pub(crate) async fn poll(&self, apart: Duration) {
        let mut next = self.next.lock().await;
        if let Some(next) = *next {
            sleep_until(next).await;
        }
        drop(timeout(limits::POLL_YIELDS_FOR, self.few_customers()).await);
        *next = Some(Instant::now() + apart);
    }

    async fn few_customers(&self) {
        loop {
            let eased = self.eased.notified();
            if self.customers.load(Ordering::Acquire) < limits::POLLS_WAIT_ABOVE {
                return;
            }
            eased.await;
        }
    }
}

impl Drop for Customer {
    fn drop(&mut self) {
        self.0.customers.fetch_sub(1, Ordering::AcqRel);
        self.0.eased.notify_waiters();
    }
}
