//! Holds the books on the disk against what WeChat knows: it was told what was taken, and it made the transfers.

use std::collections::BTreeMap;

use serde_json::Value;
use tally_actors::domain::order::{Order, OrderStatus};
use tally_actors::domain::refund::{Refund, RefundStatus};
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalStatus};

use super::transcript::Transcript;
use super::world::World;
use crate::history::{Channel, Fen, PaidBack, Refunding, Request};
use crate::lists;

/// What both sides have of a merchant, by number.
#[derive(Debug)]
pub struct Sides {
    shop: &'static str,
    orders: BTreeMap<String, Order>,
    withdrawals: BTreeMap<String, Withdrawal>,
    /// By the number that WeChat has.
    refunds: BTreeMap<String, Refund>,
    their_orders: BTreeMap<String, Value>,
    their_transfers: BTreeMap<String, Value>,
    /// By the number that WeChat has; also those that were made there by hand.
    their_refunds: BTreeMap<String, Value>,
}

impl Sides {
    /// Reads both; the server may be dead.
    pub async fn read(world: &World, shop: &'static str) -> Self {
        let store = world.site.store().await;
        let of = shop.parse().expect("an id");
        let orders = lists::orders(&*store, of).await.into_iter();
        let withdrawals = lists::withdrawals(&*store, of).await.into_iter();
        let refunds = lists::refunds(&*store, of).await.into_iter();
        let number = |one: &Refund| match &one.by_hand {
            Some(number) => number.to_string(),
            None => format!("{}{}", World::order_prefix(shop), one.refund_no),
        };
        let prefix = World::order_prefix(shop);
        let is_of_shop =
            |one: &Value| one["out_trade_no"].as_str().is_some_and(|no| no.starts_with(&prefix));
        let theirs = world.refunds().await.into_iter().filter(is_of_shop);
        let their_number =
            |one: &Value| one["out_refund_no"].as_str().unwrap_or_default().to_owned();
        Self {
            shop,
            orders: orders.map(|one| (one.order.order_no.to_string(), one.order)).collect(),
            withdrawals: withdrawals.map(|one| (one.withdrawal_no.to_string(), one)).collect(),
            refunds: refunds.map(|one| (number(&one), one)).collect(),
            their_orders: world.orders(shop).await,
            their_refunds: theirs.map(|one| (their_number(&one), one)).collect(),
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

    /// How many refunds WeChat has made.
    pub fn refunded(&self) -> usize {
        self.their_refunds.values().filter(|one| one["status"] == "succeeded").count()
    }

    /// What must never be, even with the server dead: something that it said is not on its disk, or it has something that
    /// never was.
    pub fn faults(&self, said: &Transcript) -> Vec<String> {
        let Self { shop, orders, their_orders, .. } = self;
        let mut faults = self.transfer_faults();
        faults.extend(self.refund_faults());
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
        let made = self.their_refunds.iter().filter(|(_, one)| one["status"] == "succeeded");
        let paid_back = made.filter_map(|(number, one)| {
            let ours = self.refunds.get(number)?;
            Some(PaidBack {
                merchant: self.shop.to_owned(),
                order_no: ours.order_no.to_string(),
                refund_no: ours.refund_no.to_string(),
                amount: amount(one),
                booked: one["settlement_fen"].as_i64(),
                by_hand: one["by_hand"] == true,
            })
        });
        channel.refunds.get_or_insert_default().extend(paid_back);
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

    /// What must not be once everything was looked up: a refund that is under way, or that WeChat made and nobody has booked.
    pub fn unrefunded(&self) -> Vec<String> {
        let open = self.refunds.values().filter(|one| !one.status.is_final());
        let open = open.map(|one| format!("{}: {one:?} is under way", self.shop));
        let heard_of = |one: &Value| one["by_hand"] == false || one["notice_taken"] == true;
        let made = self.their_refunds.iter();
        let made = made.filter(|(_, one)| one["status"] == "succeeded" && heard_of(one));
        let booked = |number: &str| {
            self.refunds.get(number).is_some_and(|one| one.status == RefundStatus::Succeeded)
        };
        let missing = made.filter(|(number, _)| !booked(number));
        let missing = missing.map(|(_, one)| format!("{}: {one} is not booked", self.shop));
        open.chain(missing).collect()
    }

    /// Whether something that was asked for is not here.
    fn is_lost(&self, request: &Request) -> bool {
        if let Request::Open { order_no, .. } = request {
            return !self.orders.contains_key(order_no);
        }
        if let Request::Withdraw { withdrawal_no, .. } = request {
            return !self.withdrawals.contains_key(withdrawal_no);
        }
        if let Request::Refunding(Refunding::Ask { refund_no, .. }) = request {
            return !self.refunds.values().any(|one| one.refund_no.as_str() == refund_no);
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

    /// Money that a customer got back and the merchant as well, or nobody knows of; or that nobody got back.
    fn refund_faults(&self) -> Vec<String> {
        let Self { shop, refunds, their_refunds, .. } = self;
        let mut faults = vec![];
        for (number, theirs) in their_refunds {
            let found = refunds.get(number);
            let told = theirs["by_hand"] == false || theirs["notice_taken"] == true;
            let same = found.is_some_and(|ours| theirs["amount_fen"] == ours.amount.fen());
            if told && !same {
                faults.push(format!("{shop}: {theirs} was asked for or told of; found {found:?}"));
            }
            let goes = theirs["status"] == "succeeded" || theirs["status"] == "processing";
            if goes && found.is_some_and(|ours| ours.status == RefundStatus::Failed) {
                faults.push(format!("{shop}: {theirs} went back; found {found:?}"));
            }
        }
        for (number, ours) in
            refunds.iter().filter(|(_, one)| one.status == RefundStatus::Succeeded)
        {
            if their_refunds.get(number).is_none_or(|theirs| theirs["status"] != "succeeded") {
                faults.push(format!("{shop}: {ours:?} succeeded, but WeChat made no refund"));
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
