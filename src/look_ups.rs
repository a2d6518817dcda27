//! Which orders were just looked up at WeChat because a page asked: each at most once in a while.

use std::collections::{HashSet, VecDeque};
use std::sync::{Mutex, PoisonError};

use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::domain::time::At;

use crate::limits::{LOOK_UP_EVERY_MS, LOOK_UPS_MAX};

/// The look-ups of the last seconds.
#[derive(Default)]
pub(crate) struct LookUps(Mutex<Recent>);

#[derive(Default)]
struct Recent {
    /// Oldest first.
    queue: VecDeque<(At, MerchantId, OrderNo)>,
    orders: HashSet<(MerchantId, OrderNo)>,
}

impl LookUps {
    /// Whether an order may be looked up now; if so, it is taken for looked up.
    pub(crate) fn may(&self, of: MerchantId, order_no: OrderNo, now: At) -> bool {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(&(at, merchant, order)) = recent.queue.front()
            && !(at..at.plus_ms(LOOK_UP_EVERY_MS)).contains(&now)
        {
            recent.queue.pop_front();
            recent.orders.remove(&(merchant, order));
        }
        if recent.queue.len() >= LOOK_UPS_MAX || !recent.orders.insert((of, order_no)) {
            return false;
        }
        recent.queue.push_back((now, of, order_no));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_looked_up_once_in_a_while_and_others_meanwhile() {
        let looks = LookUps::default();
        let may = |order: &str, ms: i64| {
            looks.may("m1".parse().unwrap(), order.parse().unwrap(), At::from_ms(100_000 + ms))
        };
        assert!(may("A001", 0) && !may("A001", 1) && may("A002", 2));
        assert!(!may("A001", LOOK_UP_EVERY_MS - 1) && may("A001", LOOK_UP_EVERY_MS));
        assert!(may("A001", -50_000), "a clock that was set back blocks nothing");
        let recent = looks.0.lock().unwrap();
        assert_eq!(recent.queue.len(), recent.orders.len());
    }
}
