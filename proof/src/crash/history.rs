//! From calls over HTTP, and what is on the disk in the end, to a history that the auditor judges.
//!
//! The ledger has numbered when each call was asked and answered. What HTTP does not show is taken from what is stored: the number
//! that was made for a caller's key when the call was never answered, and up to which day a settlement takes what is pending.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use super::api::Reply;
use super::disk::Disk;
use super::ledger::{Asked, Ledger};
use super::site::Site;
use super::traffic::{Call, MERCHANTS, Name, RULES, What, transaction_of};
use crate::history::{
    self, Answer, Balance, Channel, Fen, History, Order, Payment, Request, Rules, Settlement,
    Stored, Thing, Withdrawal,
};
use crate::translate;

/// What the API says of an order or a withdrawal.
const STATUSES: [&str; 11] = [
    "open",
    "paid",
    "closed",
    "awaiting_approval",
    "requested",
    "sending",
    "awaiting_payee",
    "unknown",
    "succeeded",
    "failed",
    "rejected",
];

/// The refusals that the traffic provokes.
const CODES: [&str; 8] = [
    "balance_insufficient",
    "amount_invalid",
    "number_reused",
    "order_conflict",
    "order_paid",
    "order_closed",
    "order_unknown",
    "withdrawal_decided",
];

/// All that was asked and heard, and what is on the disk of `site` now that nothing is under way.
pub async fn of(site: &Site, ledger: &Ledger) -> History {
    let disk = Disk::open(site).await;
    let mut stored = BTreeMap::new();
    for merchant in MERCHANTS {
        stored.insert(merchant.to_owned(), read(&disk, merchant).await);
    }
    let known = Known::from(&stored);
    let mut calls: Vec<_> = MERCHANTS.iter().zip(RULES).map(registered).collect();
    calls.extend(ledger.calls.iter().map(|asked| known.call(asked)));
    History { calls, stored, channel: Channel::default(), acts_alone: false }
}

async fn read(disk: &Disk, merchant: &str) -> Stored {
    let of = merchant.parse().expect("an id");
    let head = disk.head(of).await;
    let (orders, cases) = (disk.orders(of).await, disk.cases(of).await);
    let number = |number: &tally_actors::domain::ids::SettlementNo| number.to_string();
    Stored {
        journal: disk.journal(of).await.iter().map(translate::fact).collect(),
        balance: Some(translate::balance(&head)),
        head_hash: head.link.hash.0,
        orders: orders
            .iter()
            .map(|one| (translate::order(&one.order), one.settlement_no.as_ref().map(number)))
            .collect(),
        settlements: disk.settlements(of).await.iter().map(translate::settlement).collect(),
        withdrawals: disk.withdrawals(of).await.iter().map(translate::withdrawal).collect(),
        cases: cases
            .iter()
            .map(|one| (one.case.case_id.to_string(), one.case.kind.as_str()))
            .collect(),
    }
}

/// Each merchant was made known before all else.
fn registered(
    (merchant, (fee_bp, settle_after_days)): (&&str, (u16, Option<u8>)),
) -> history::Call {
    let rules = Rules { fee_bp: fee_bp.into(), settle_after_days, ..Rules::default() };
    let balance = Balance { seq: 1, ..Balance::default() };
    history::Call {
        merchant: (*merchant).to_owned(),
        asked: 0,
        request: Request::Register(rules),
        answer: Some((0, Answer::Done { fresh: true, thing: Thing::Merchant(balance) })),
    }
}

/// What is stored, by what calls and answers leave out.
#[derive(Default)]
struct Known {
    /// Merchant, kind of event and key: the number that was made.
    numbers: HashMap<(String, &'static str, String), String>,
    /// Merchant and settlement: through which day.
    through: HashMap<(String, String), String>,
    /// Merchant and withdrawal: the settlement made with it, and the key that asked.
    settled_with: HashMap<(String, String), (String, String)>,
}

impl Known {
    fn from(stored: &BTreeMap<String, Stored>) -> Self {
        let mut known = Self::default();
        for (merchant, Stored { journal, .. }) in stored {
            for fact in journal {
                let field = |name: &str| fact.fields[name].as_str().unwrap_or_default().to_owned();
                let made = match fact.kind {
                    "order_opened" => field("order_no"),
                    "settled" => field("settlement_no"),
                    "withdrawal_requested" => field("withdrawal_no"),
                    _ => continue,
                };
                let (of, key) = (merchant.clone(), field("idempotency_key"));
                if fact.kind == "settled" {
                    known.through.insert((of.clone(), made.clone()), field("through"));
                }
                if fact.kind == "withdrawal_requested" {
                    let with = (field("settlement_no"), field("asked_by"));
                    known.settled_with.insert((of.clone(), made.clone()), with);
                }
                known.numbers.insert((of, fact.kind, key), made);
            }
        }
        known
    }

    fn call(&self, asked: &Asked) -> history::Call {
        let Asked { call, asked, answered } = asked;
        let answer = |(step, reply): &(u64, Reply)| (*step, self.answer(call, reply));
        history::Call {
            merchant: call.merchant.to_owned(),
            asked: *asked,
            request: self.request(call),
            answer: answered.as_ref().map(answer),
        }
    }

    fn request(&self, call: &Call) -> Request {
        match &call.what {
            What::Open { name, amount } => {
                let (order_no, key) = self.name(call, "order_opened", name);
                Request::Open { order_no, key, amount: fen(*amount), by_wechat: false }
            }
            What::Pay { order_no, amount, .. } => Request::Pay {
                order_no: order_no.clone(),
                transaction_id: transaction_of(order_no),
                amount: fen(*amount),
                booked: fen(*amount),
                by_hand: true,
            },
            What::Close { order_no } => Request::Close { order_no: order_no.clone() },
            What::Settle { name, include_not_due } => {
                let (settlement_no, key) = self.name(call, "settled", name);
                Request::Settle { settlement_no, key, include_not_due: *include_not_due }
            }
            What::Withdraw { name, amount, settle_first } => {
                let (withdrawal_no, key) = self.name(call, "withdrawal_requested", name);
                let number = (call.merchant.to_owned(), withdrawal_no.clone());
                let (settlement_no, by) =
                    self.settled_with.get(&number).cloned().unwrap_or_default();
                let (amount, settle_first) = (amount.map(fen), *settle_first);
                Request::Withdraw { withdrawal_no, key, amount, settle_first, settlement_no, by }
            }
            What::Confirm { withdrawal_no, succeeded } => {
                Request::Confirm { withdrawal_no: withdrawal_no.clone(), succeeded: *succeeded }
            }
            What::Read => Request::Read,
        }
    }

    /// Number and key of what was asked for. A key for which nothing was recorded stands for its number as well.
    fn name(&self, call: &Call, kind: &'static str, name: &Name) -> (String, Option<String>) {
        match name {
            Name::Number(number) => (number.clone(), None),
            Name::Key(key) => {
                let made = self.numbers.get(&(call.merchant.to_owned(), kind, key.clone()));
                (made.unwrap_or(key).clone(), Some(key.clone()))
            }
        }
    }

    fn answer(&self, call: &Call, reply: &Reply) -> Answer {
        match reply.status {
            200 | 201 => {
                Answer::Done { fresh: reply.status == 201, thing: self.thing(call, &reply.body) }
            }
            429 => Answer::NotDone,
            503 if reply.code() == "unavailable" => Answer::NotDone,
            503 => Answer::Unknown,
            _ => Answer::Refused {
                code: word(&CODES, &reply.body["code"]),
                available: reply.body["available_fen"].as_i64(),
            },
        }
    }

    fn thing(&self, call: &Call, body: &Value) -> Thing {
        match &call.what {
            What::Open { .. } | What::Close { .. } => Thing::Order(order(body)),
            What::Pay { .. } => Thing::Payment(None, Some(order(body))),
            What::Settle { .. } if body["settlement_no"].is_null() => Thing::Settlement(None),
            What::Settle { .. } => {
                let no = text(&body["settlement_no"]);
                let through = self.through.get(&(call.merchant.to_owned(), no));
                Thing::Settlement(Some(settlement(body, through.cloned().unwrap_or_default())))
            }
            What::Withdraw { .. } | What::Confirm { .. } => Thing::Withdrawal(Withdrawal {
                withdrawal_no: text(&body["withdrawal_no"]),
                amount: signed(&body["amount_fen"]),
                status: word(&STATUSES, &body["status"]),
                settlement_no: body["settlement_no"].as_str().map(str::to_owned),
            }),
            What::Read => Thing::Merchant(balance(body)),
        }
    }
}

fn order(body: &Value) -> Order {
    let paid = body["transaction_id"].as_str().map(|transaction_id| Payment {
        transaction_id: transaction_id.to_owned(),
        booked: signed(&body["booked_fen"]),
        fee: signed(&body["fee_fen"]),
        paid_seq: count(&body["paid_seq"]),
    });
    Order {
        order_no: text(&body["order_no"]),
        amount: signed(&body["amount_fen"]),
        status: word(&STATUSES, &body["status"]),
        payment: paid,
    }
}

fn settlement(body: &Value, through: String) -> Settlement {
    Settlement {
        settlement_no: text(&body["settlement_no"]),
        orders: count(&body["orders"]),
        gross: signed(&body["gross_fen"]),
        refunded: signed(&body["refunded_fen"]),
        fee: signed(&body["fee_fen"]),
        first_paid_seq: count(&body["first_paid_seq"]),
        last_paid_seq: count(&body["last_paid_seq"]),
        through,
    }
}

fn balance(body: &Value) -> Balance {
    Balance {
        seq: count(&body["seq"]),
        paid_orders: count(&body["paid_orders"]),
        paid: signed(&body["paid_fen"]),
        fee: signed(&body["fee_fen"]),
        refunded: signed(&body["refunded_fen"]),
        pending: signed(&body["pending_fen"]),
        available: signed(&body["available_fen"]),
        in_transit: signed(&body["in_transit_fen"]),
        withdrawn: signed(&body["withdrawn_fen"]),
    }
}

/// The word of a fixed set that an answer has; empty: it has none of them, which fits nothing.
fn word(of: &[&'static str], told: &Value) -> &'static str {
    of.iter().find(|word| told == **word).copied().unwrap_or_default()
}

fn text(told: &Value) -> String {
    told.as_str().unwrap_or_default().to_owned()
}

/// A count; a missing one is one that fits nothing.
fn count(told: &Value) -> u64 {
    told.as_u64().unwrap_or(u64::MAX)
}

/// An amount; a missing one is one that fits nothing.
fn signed(told: &Value) -> Fen {
    told.as_i64().unwrap_or(Fen::MIN)
}

fn fen(amount: u64) -> Fen {
    Fen::try_from(amount).expect("the traffic is small")
}

#[cfg(test)]
#[path = "history_tests.rs"]
mod tests;
