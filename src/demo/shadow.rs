//! The three-statement algorithm in the shadow of the demo: with `--naive` it is told of each order and payment as well.

use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::domain::money::Money;

use super::Town;

/// One order, as the three-statement algorithm has it. Without `--naive` it does nothing.
/// A statement that fails is counted, as it then is no wonder that money is missing.
pub(super) struct Shadow<'a> {
    town: &'a Town,
    shop: MerchantId,
    order_no: OrderNo,
    is_open: bool,
}

impl<'a> Shadow<'a> {
    /// The shadow of an order.
    pub(super) fn of(town: &'a Town, shop: MerchantId, order_no: OrderNo) -> Self {
        Self { town, shop, order_no, is_open: false }
    }

    /// The customer has the order.
    pub(super) async fn open(&mut self, amount: Money) {
        if let Some(naive) = &self.town.naive {
            let opened = naive.open_order(&self.shop, &self.order_no, amount).await;
            self.is_open = self.town.went_well(opened);
        }
    }

    /// The customer has paid.
    pub(super) async fn pay(&self) {
        if let Some(naive) = self.town.naive.as_ref().filter(|_| self.is_open) {
            self.town.went_well(naive.pay(&self.shop, &self.order_no).await);
        }
    }
}
