//! Holds the books on the disk against what WeChat knows: it was told what was taken, and it made the transfers.

use std::collections::BTreeMap;

use serde_json::Value;
use tally_actors::domain::order::{Order, OrderStatus};
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalStatus};

use super::transcript::Transcript;
use super::world::World;
use crate::history::{Channel, Fen, Request};
use crate::lists;

/// What both sides have of a merchant, by number.
#[derive(Debug)]
pub struct Sides {
    shop: &'static str,
    orders: BTreeMap<String, Order>,
    withdrawals: BTreeMap<String, Withdrawal>,
    their_orders: BTreeMap<String, Value>,
    their_transfers: BTreeMap<String, Value>,
}

impl Sides {
    /// Reads both; the server may be dead.
    pub async fn read(world: &World, shop: &'static str) -> Self {
        let store = world.site.store().await;
        let of = shop.parse().expect("an id");
        let orders = lists::orders(&*store, of).await.into_iter();
        let withdrawals = lists::withdrawals(&*store, of).await.into_iter();
        Self {
            shop,
            orders: orders.map(|one| (one.order.order_no.to_string(), one.order)).collect(),
            withdrawals: withdrawals.map(|one| (one.withdrawal_no.to_string(), one)).collect(),
            their_orders: world.orders(shop).await,
            their_transfers: world.transfers(shop).await,
        }
    }

    /// How many notices were answered SUCCESS.
    pub fn taken(&self) -> usize {
        self.their_orders.values().filter(|order| order["notice_taken"] == true).count()
    }

    /// How many orders WeChat has as paid.
    pub fn paid(&self) -> usize {
        self.their_orders.values().filter(|order| order["status"] == "paid").count()
    }

    /// How many transfers WeChat was asked for.
    pub fn transfers(&self) -> usize {
        self.their_transfers.len()
    }

    /// What must never be, even with the server dead: something that it said is not on its disk, or it has something that
    /// never was.
    pub fn faults(&self, said: &Transcript) -> Vec<String> {
        let Self { shop, orders, their_orders, .. } = self;
        let mut faults = self.transfer_faults();
        for (no, order) in their_orders.iter().filter(|(_, one)| one["notice_taken"] == true) {
            if !self.is_booked(no, order) {
                let found = orders.get(no);
                faults.push(format!(
                    "{shop}: the notice of {order} was answered SUCCESS; found {found:?}"
                ));
            }
        }
        for (no, order) in orders.iter().filter(|(_, order)| order.status == OrderStatus::Paid) {
            if !their_orders.get(no).is_some_and(|theirs| is_paid_as(order, theirs)) {
                let theirs = their_orders.get(no);
                faults.push(format!("{shop}: {no} is paid, but WeChat says {theirs:?}"));
            }
        }
        for call in said.done().filter(|call| call.merchant == *shop) {
            if self.is_lost(&call.request) {
                faults.push(format!("{shop}: acknowledged, and lost: {:?}", call.request));
            }
        }
        faults
    }

    /// What WeChat itself knows of the merchant's money, for the auditor.
    pub fn tell(&self, channel: &mut Channel) {
        let amount = |theirs: &Value| theirs["amount_fen"].as_i64().unwrap_or(Fen::MIN);
        let paid = self.their_orders.iter().filter(|(_, order)| order["status"] == "paid");
        channel.payments.extend(paid.map(|(no, order)| {
            let transaction = order["transaction_id"].as_str().unwrap_or_default();
            (self.shop.to_owned(), no.clone(), transaction.to_owned(), amount(order))
        }));
        let made = self.their_transfers.iter().filter(|(_, one)| one["status"] == "succeeded");
        let made = made.map(|(no, transfer)| (self.shop.to_owned(), no.clone(), amount(transfer)));
        channel.transfers.extend(made);
    }

    /// What must not be once everything was looked up: a payment that is not booked.
    pub fn unbooked(&self) -> Vec<String> {
        let paid = self.their_orders.iter().filter(|(_, order)| order["status"] == "paid");
        let unbooked = paid.filter(|(no, order)| !self.is_booked(no, order));
        let fault = |(no, order): (&String, &Value)| {
            format!("{}: {order} is not booked: {:?}", self.shop, self.orders.get(no))
        };
        unbooked.map(fault).collect()
    }

    /// Whether an order or a withdrawal that was asked for is not here.
    fn is_lost(&self, request: &Request) -> bool {
        if let Request::Open { order_no, .. } = request {
            return !self.orders.contains_key(order_no);
        }
        if let Request::Withdraw { withdrawal_no, .. } = request {
            return !self.withdrawals.contains_key(withdrawal_no);
        }
        false
    }

    fn is_booked(&self, no: &str, theirs: &Value) -> bool {
        self.orders.get(no).is_some_and(|ours| is_paid_as(ours, theirs))
    }

    /// Money that both left and came back, or was said to have left and did not.
    fn transfer_faults(&self) -> Vec<String> {
        let Self { shop, withdrawals, their_transfers, .. } = self;
        let mut faults = vec![];
        for (no, transfer) in their_transfers.iter().filter(|(_, one)| one["status"] == "succeeded")
        {
            let found = withdrawals.get(no);
            let known = found.is_some_and(|found| {
                let back =
                    matches!(found.status, WithdrawalStatus::Failed | WithdrawalStatus::Rejected);
                !back && transfer["amount_fen"] == found.amount.fen()
            });
            if !known {
                faults.push(format!("{shop}: {transfer} was paid out; found {found:?}"));
            }
        }
        let succeeded =
            withdrawals.iter().filter(|(_, one)| one.status == WithdrawalStatus::Succeeded);
        for (no, ours) in succeeded {
            if their_transfers.get(no).is_none_or(|transfer| transfer["status"] != "succeeded") {
                faults.push(format!("{shop}: {ours:?} succeeded, but WeChat made no transfer"));
            }
        }
        faults
    }
}

fn is_paid_as(ours: &Order, theirs: &Value) -> bool {
    let payment = ours.payment.as_ref();
    payment.is_some_and(|payment| theirs["transaction_id"] == payment.transaction_id.as_str())
        && theirs["status"] == "paid"
        && theirs["amount_fen"] == ours.amount.fen()
}
