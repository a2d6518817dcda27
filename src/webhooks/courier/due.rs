//! Merchants of whom there may be news, first come, first served.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tally_actors::domain::ids::MerchantId;
use tokio::sync::Notify;

use crate::limits::WEBHOOK_DUE_MAX;

#[derive(Default)]
pub(super) struct Due {
    queue: Mutex<Queue>,
    woken: Notify,
}

#[derive(Default)]
struct Queue {
    order: VecDeque<MerchantId>,
    known: HashSet<MerchantId>,
}

impl Due {
    /// Takes a merchant in, once, if there is room.
    pub(super) fn add(&self, merchant: MerchantId) {
        let mut queue = self.queue();
        if queue.order.len() < WEBHOOK_DUE_MAX && queue.known.insert(merchant) {
            queue.order.push_back(merchant);
            self.woken.notify_one();
        }
    }

    /// Waits until there is one.
    pub(super) async fn some(&self) {
        while self.queue().order.is_empty() {
            self.woken.notified().await;
        }
    }

    /// Gives the first ones, at most so many.
    pub(super) fn take(&self, most: usize) -> Vec<MerchantId> {
        let mut queue = self.queue();
        let some = queue.order.len().min(most);
        let taken: Vec<MerchantId> = queue.order.drain(..some).collect();
        for of in &taken {
            queue.known.remove(of);
        }
        taken
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
