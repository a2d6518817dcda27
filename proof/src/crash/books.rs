//! The judge: reads all of a merchant's books over HTTP and works out, without any of the server's code, whether they agree.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Deserialize;
use serde_json::Value;

use super::api::Api;
use super::refunds::{Refund, Story};

/// An order, amounts in fen; a number that the server calls null is `None`.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of api.md 3")]
pub struct Order {
    pub order_no: String,
    pub amount_fen: u64,
    pub status: String,
    pub paid_seq: Option<u64>,
    pub transaction_id: Option<String>,
    pub booked_fen: Option<u64>,
    pub fee_fen: Option<u64>,
    pub refunded_fen: u64,
    pub settlement_no: Option<String>,
}

impl Order {
    /// What it brought, when it was paid.
    fn booked(&self) -> i64 {
        fen(self.booked_fen.unwrap_or_default())
    }
}

/// A settlement, amounts in fen.
#[derive(Debug, Clone, Deserialize)]
pub struct Settlement {
    /// Its number.
    pub settlement_no: String,
    orders: u64,
    gross_fen: u64,
    refunded_fen: u64,
    fee_fen: u64,
    net_fen: u64,
    first_paid_seq: u64,
    last_paid_seq: u64,
}

/// A withdrawal, amounts in fen.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of api.md 3")]
pub struct Withdrawal {
    pub withdrawal_no: String,
    pub amount_fen: u64,
    pub status: String,
}

/// An adjustment.
#[derive(Debug, Clone, Deserialize)]
#[allow(missing_docs, reason = "the fields are those of docs/people.md")]
pub struct Adjustment {
    pub amount_fen: i64,
    pub status: String,
}

#[derive(Debug, Clone, Deserialize)]
struct Balance {
    seq: u64,
    pending_fen: i64,
    available_fen: i64,
    in_transit_fen: i64,
    withdrawn_fen: i64,
    paid_fen: i64,
    paid_orders: i64,
    refunded_fen: i64,
    fee_fen: i64,
    adjusted_fen: i64,
}

#[derive(Debug, Clone, Deserialize)]
struct Entry {
    seq: u64,
    account: String,
    debit_fen: i64,
    credit_fen: i64,
}

#[derive(Debug, Clone, Deserialize)]
struct Event {
    seq: u64,
    kind: String,
    body: Value,
}

/// All of a merchant's books, read while nothing is under way.
#[derive(Debug)]
pub struct Books {
    /// Whose.
    pub merchant: &'static str,
    /// All orders.
    pub orders: Vec<Order>,
    /// Each settlement, as it was listed, and the orders listed for it.
    pub settlements: Vec<(Settlement, Value, Vec<Order>)>,
    /// All withdrawals.
    pub withdrawals: Vec<Withdrawal>,
    /// All refunds.
    pub refunds: Vec<Refund>,
    /// All adjustments.
    pub adjustments: Vec<Adjustment>,
    balance: Balance,
    events: Vec<Event>,
    /// What the events say of refunds.
    story: Story,
    entries: Vec<Entry>,
}

impl Books {
    /// Reads them over HTTP; they must be there.
    pub async fn read(api: &Api, merchant: &'static str) -> Self {
        let of = |what: &str| format!("merchants/{merchant}/{what}");
        let mut settlements = vec![];
        for listed in api.list::<Value>(&of("settlements")).await {
            let settlement = Settlement::deserialize(&listed).expect("a settlement");
            let orders = of(&format!("settlements/{}/orders", settlement.settlement_no));
            settlements.push((settlement, listed, api.list(&orders).await));
        }
        let balance = api.get(&of("balance")).await.body;
        let events: Vec<Event> = api.list(&of("events")).await;
        let mut story = Story::default();
        events.iter().for_each(|event| story.take(event.seq, &event.kind, &event.body));
        Self {
            merchant,
            orders: api.list(&of("orders")).await,
            settlements,
            withdrawals: api.list(&of("withdrawals")).await,
            refunds: api.list(&of("refunds")).await,
            adjustments: api.list(&of("adjustments")).await,
            balance: Balance::deserialize(balance).expect("a balance"),
            events,
            story,
            entries: api.list(&of("entries")).await,
        }
    }

    /// How many things are in them.
    #[allow(clippy::len_without_is_empty, reason = "nobody asks")]
    pub fn len(&self) -> usize {
        self.orders.len() + self.settlements.len() + self.withdrawals.len() + self.refunds.len()
    }

    /// Everything that does not agree, to the fen.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Faults { merchant: self.merchant, found: vec![] };
        self.judge_orders(&mut faults);
        self.judge_settlements(&mut faults);
        self.judge_withdrawals(&mut faults);
        self.judge_refunds(&mut faults);
        self.judge_events(&mut faults);
        self.judge_entries(&mut faults);
        faults.found
    }

    fn paid(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| order.status == "paid")
    }

    fn judge_orders(&self, faults: &mut Faults) {
        let Balance { paid_fen, paid_orders, refunded_fen, fee_fen, pending_fen, .. } =
            self.balance;
        let left = |order: &Order| self.story.of(&order.order_no);
        let net = |order: &Order| order.booked() - left(order).refunded - left(order).fee;
        faults.same("paid orders", paid_orders, count(self.paid().count()));
        faults.same("paid", paid_fen, self.paid().map(Order::booked).sum());
        let fees = self.paid().map(|order| fen(order.fee_fen.unwrap_or(0))).sum();
        faults.same("fees", fee_fen, fees);
        faults.same("fees of the journal", fee_fen, self.paid().map(|o| left(o).fee).sum());
        let refunded = self.refunds.iter().filter(|refund| refund.is_booked());
        faults.same("refunded", refunded_fen, refunded.map(|refund| refund.booked_fen).sum());
        let refunded = self.paid().map(|order| left(order).refunded).sum();
        faults.same("refunded by the journal", refunded_fen, refunded);
        let pending = self.paid().filter(|order| order.settlement_no.is_none());
        faults.same("pending", pending_fen, pending.map(net).sum());
        faults.unique("order", self.orders.iter().map(|order| &order.order_no));
        faults.unique("transaction", self.orders.iter().filter_map(|o| o.transaction_id.as_ref()));
        let mut places: Vec<u64> = self.paid().filter_map(|order| order.paid_seq).collect();
        places.sort_unstable();
        faults
            .check("paid_seq has a gap", places.iter().copied().eq(1..=self.paid().count() as u64));
    }

    fn judge_settlements(&self, faults: &mut Faults) {
        let mut settled: HashMap<&str, &str> = HashMap::new();
        for (settlement, _, orders) in &self.settlements {
            let Settlement { settlement_no: no, .. } = settlement;
            let then = |order: &Order| self.story.then(no, &order.order_no);
            let gross: i64 = orders.iter().map(Order::booked).sum();
            let refunded: i64 = orders.iter().map(|order| then(order).refunded).sum();
            let fee: i64 = orders.iter().map(|order| then(order).fee).sum();
            faults.same(&format!("orders of {no}"), fen(settlement.orders), count(orders.len()));
            faults.same(&format!("gross of {no}"), fen(settlement.gross_fen), gross);
            faults.same(&format!("fee of {no}"), fen(settlement.fee_fen), fee);
            faults.same(&format!("refunds of {no}"), fen(settlement.refunded_fen), refunded);
            let net = gross - refunded - fee;
            faults.same(&format!("net of {no}"), fen(settlement.net_fen), net);
            let places = || orders.iter().filter_map(|order| order.paid_seq);
            let range = Some(settlement.first_paid_seq)..=Some(settlement.last_paid_seq);
            faults.check(
                "a range is not that of its orders",
                range == (places().min()..=places().max()),
            );
            for order in orders {
                let before = settled.insert(&order.order_no, no);
                faults.check(&format!("{} is settled twice", order.order_no), before.is_none());
            }
        }
        for order in &self.orders {
            let listed = settled.get(order.order_no.as_str()).copied();
            let own = order.settlement_no.as_deref();
            faults
                .check(&format!("{} is in {own:?} and {listed:?}", order.order_no), own == listed);
        }
        faults.unique("settlement", self.settlements.iter().map(|(s, _, _)| &s.settlement_no));
    }

    fn judge_withdrawals(&self, faults: &mut Faults) {
        let sum = |status: &str| -> i64 {
            let those = self.withdrawals.iter().filter(|w| w.status == status);
            those.map(|withdrawal| fen(withdrawal.amount_fen)).sum()
        };
        let under_way = ["awaiting_approval", "requested", "sending", "awaiting_payee", "unknown"];
        let (requested, succeeded) = (under_way.map(sum).iter().sum::<i64>(), sum("succeeded"));
        let settled: i64 = self.settlements.iter().map(|(s, _, _)| fen(s.net_fen)).sum();
        let since = self.since_settled();
        faults.same("in transit", self.balance.in_transit_fen, requested);
        faults.same("withdrawn", self.balance.withdrawn_fen, succeeded);
        let approved = self.adjustments.iter().filter(|one| one.status == "approved");
        let adjusted: i64 = approved.map(|one| one.amount_fen).sum();
        faults.same("adjusted", self.balance.adjusted_fen, adjusted);
        faults.same(
            "available",
            self.balance.available_fen,
            settled + adjusted - requested - succeeded - since,
        );
        faults.unique("withdrawal", self.withdrawals.iter().map(|w| &w.withdrawal_no));
    }

    /// What refunds took from available, as their orders were settled before.
    fn since_settled(&self) -> i64 {
        let settled = self.settlements.iter().flat_map(|(settlement, _, orders)| {
            orders.iter().map(move |order| (&settlement.settlement_no, &order.order_no))
        });
        let taken = |(settlement, order): (&String, &String)| {
            let (then, now) = (self.story.then(settlement, order), self.story.of(order));
            now.refunded + now.fee - then.refunded - then.fee
        };
        settled.map(taken).sum()
    }

    fn judge_refunds(&self, faults: &mut Faults) {
        let mut by_order: HashMap<&str, u64> = HashMap::new();
        for refund in self.refunds.iter().filter(|refund| refund.is_booked()) {
            *by_order.entry(&refund.order_no).or_default() += refund.amount_fen;
        }
        for order in &self.orders {
            let no = &order.order_no;
            let refunded = by_order.remove(no.as_str()).unwrap_or_default();
            let left = self.story.of(no);
            faults.same(&format!("refunded of {no}"), fen(order.refunded_fen), fen(refunded));
            faults
                .check(&format!("{no}: more was refunded than paid"), refunded <= order.amount_fen);
            let fits = left.refunded <= order.booked() && left.refunded >= 0 && left.fee >= 0;
            faults.check(&format!("{no}: what is left does not fit: {left:?}"), fits);
        }
        faults.check("a refund is of no order", by_order.is_empty());
        faults.unique("refund", self.refunds.iter().map(|refund| &refund.refund_no));
    }

    fn judge_events(&self, faults: &mut Faults) {
        let places = self.events.iter().map(|event| event.seq);
        faults.check("the journal has a gap", places.eq(1..=self.balance.seq));
        let events = |kind: &str| count(self.events.iter().filter(|e| e.kind == kind).count());
        let failed = self.withdrawals.iter().filter(|w| w.status == "failed").count();
        let succeeded = self.withdrawals.iter().filter(|w| w.status == "succeeded").count();
        faults.same("orders opened", events("order_opened"), count(self.orders.len()));
        faults.same("orders paid", events("order_paid"), count(self.paid().count()));
        faults.same("settled", events("settled"), count(self.settlements.len()));
        faults.same("requested", events("withdrawal_requested"), count(self.withdrawals.len()));
        faults.same("succeeded", events("withdrawal_succeeded"), count(succeeded));
        faults.same("failed", events("withdrawal_failed"), count(failed));
        let refunds =
            |status: &str| count(self.refunds.iter().filter(|r| r.status == status).count());
        faults.same("refunds", self.story.refunds, count(self.refunds.len()));
        faults.same("refunds failed", events("refund_failed"), refunds("failed"));
        let gone = events("refund_succeeded") + events("refund_found");
        faults.same("refunds succeeded", gone, refunds("succeeded"));
    }

    fn judge_entries(&self, faults: &mut Faults) {
        let mut accounts: BTreeMap<&str, i64> = BTreeMap::new();
        let mut events: BTreeMap<u64, i64> = BTreeMap::new();
        for Entry { seq, account, debit_fen, credit_fen } in &self.entries {
            *accounts.entry(account).or_default() += credit_fen - debit_fen;
            *events.entry(*seq).or_default() += credit_fen - debit_fen;
        }
        for (seq, sum) in events {
            faults.same(&format!("entries of event {seq}"), sum, 0);
        }
        let of = |account: &str| accounts.get(account).copied().unwrap_or_default();
        let balance = &self.balance;
        faults.same("entries of pending", of("pending"), balance.pending_fen);
        faults.same("entries of available", of("available"), balance.available_fen);
        faults.same("entries of in_transit", of("in_transit"), balance.in_transit_fen);
        faults.same("entries of fee", of("fee"), balance.fee_fen);
        let under_way: i64 = self
            .refunds
            .iter()
            .filter(|refund| refund.is_booked() && refund.status != "succeeded")
            .map(|refund| refund.booked_fen)
            .sum();
        faults.same("entries of refund", of("refund"), under_way);
        let gone = balance.withdrawn_fen + balance.refunded_fen - under_way;
        faults.same("entries of channel", of("channel"), gone - balance.paid_fen);
    }
}

/// What was found wrong with one merchant.
struct Faults {
    merchant: &'static str,
    found: Vec<String>,
}

impl Faults {
    fn check(&mut self, what: &str, holds: bool) {
        if !holds {
            self.found.push(format!("{}: {what}", self.merchant));
        }
    }

    fn same(&mut self, what: &str, told: i64, summed: i64) {
        self.check(&format!("{what}: {told} told, {summed} summed up"), told == summed);
    }

    fn unique<'a>(&mut self, what: &str, names: impl Iterator<Item = &'a String>) {
        let mut seen = HashSet::new();
        for name in names {
            self.check(&format!("{what} {name} is there twice"), seen.insert(name));
        }
    }
}

fn fen(amount: u64) -> i64 {
    i64::try_from(amount).expect("the traffic is small")
}

fn count(things: usize) -> i64 {
    i64::try_from(things).expect("the traffic is small")
}
