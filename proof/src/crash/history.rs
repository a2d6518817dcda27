//! From calls over HTTP, and what is on the disk in the end, to a history that the auditor judges.
//!
//! What HTTP does not show is left out: the auditor finds the number that was made for a caller's key in the journal.

use serde_json::Value;

use super::api::Reply;
use super::site::Site;
use super::traffic::{Name, REFUND_REASON, What, transaction_of};
use super::transcript::Transcript;
use crate::history::{
    Answer, Balance, Call, Desk, Fen, History, Order, Payment, Refund, Refunding, Request, Rules,
    Settlement, Thing, Withdrawal,
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
const CODES: [&str; 13] = [
    "balance_insufficient",
    "amount_invalid",
    "number_reused",
    "order_conflict",
    "order_paid",
    "order_closed",
    "order_unknown",
    "withdrawal_below_min",
    "withdrawal_decided",
    "withdrawals_frozen",
    "refund_exceeds_payment",
    "case_resolved",
    "order_not_paid",
];

/// All that was asked and heard of merchants with these rules, and what is on the disk of `site` now that nothing is under way.
pub async fn of(site: &Site, merchants: &[(&str, Rules)], transcript: &Transcript) -> History {
    let store = site.store().await;
    let mut history = History::default();
    for (merchant, rules) in merchants {
        history.calls.push(registered(merchant, rules));
        let stored = translate::stored(&*store, merchant.parse().expect("an id")).await;
        history.stored.insert((*merchant).to_owned(), stored);
    }
    history.calls.extend_from_slice(transcript.calls());
    history
}

/// Each merchant was made known before all else.
fn registered(merchant: &str, rules: &Rules) -> Call {
    let answer = Answer::Done { fresh: true, thing: Thing::Unseen };
    let (merchant, request) = (merchant.to_owned(), Request::Register(rules.clone()));
    Call { merchant, asked: 0, request, answer: Some((0, answer)) }
}

/// What a call of the traffic asks for.
pub fn request(what: &What) -> Request {
    match what {
        What::Open { name, amount } => {
            let (order_no, key) = number_and_key(name);
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
            let (settlement_no, key) = number_and_key(name);
            Request::Settle { settlement_no, key, include_not_due: *include_not_due }
        }
        What::Withdraw { name, amount, settle_first } => {
            let (withdrawal_no, key) = number_and_key(name);
            Request::Withdraw {
                withdrawal_no,
                key,
                amount: amount.map(fen),
                settle_first: *settle_first,
                settlement_no: String::new(),
                by: String::new(),
            }
        }
        What::Confirm { withdrawal_no, succeeded } => {
            Request::Confirm { withdrawal_no: withdrawal_no.clone(), succeeded: *succeeded }
        }
        What::Refund { name, order_no, amount } => {
            let (refund_no, key) = number_and_key(name);
            Request::Refunding(Refunding::Ask {
                refund_no,
                key,
                order_no: order_no.clone(),
                amount: fen(*amount),
                reason: REFUND_REASON.to_owned(),
                by: String::new(),
            })
        }
        What::Stand { frozen } => Request::Desk(Desk::Stand {
            change: if *frozen { "freeze" } else { "unfreeze" },
            seen: None,
        }),
        What::Read => Request::Read,
    }
}

fn number_and_key(name: &Name) -> (String, Option<String>) {
    match name {
        Name::Number(number) => (number.clone(), None),
        Name::Key(key) => (String::new(), Some(key.clone())),
    }
}

/// What a call of the traffic heard.
pub fn answer(what: &What, reply: &Reply) -> Answer {
    match reply.status {
        200 | 201 => Answer::Done { fresh: reply.status == 201, thing: thing(what, &reply.body) },
        _ => refusal(reply),
    }
}

/// What a call heard that was no success.
pub(super) fn refusal(reply: &Reply) -> Answer {
    match reply.status {
        429 => Answer::NotDone,
        503 if reply.code() == "unavailable" => Answer::NotDone,
        503 => Answer::Unknown,
        _ => Answer::Refused {
            code: word(&CODES, &reply.body["code"]),
            available: reply.body["available_fen"].as_i64(),
        },
    }
}

fn thing(what: &What, body: &Value) -> Thing {
    match what {
        What::Open { .. } | What::Close { .. } => order(body).map_or(Thing::Unseen, Thing::Order),
        What::Pay { .. } => {
            order(body).map_or(Thing::Unseen, |order| Thing::Payment(None, Some(order)))
        }
        What::Settle { .. } => {
            Thing::Settlement((!body["settlement_no"].is_null()).then(|| settlement(body)))
        }
        What::Withdraw { .. } | What::Confirm { .. } => Thing::Withdrawal(withdrawal(body)),
        What::Refund { .. } => Thing::Refund(refund(body)),
        What::Stand { .. } => Thing::Unseen,
        What::Read => Thing::Merchant(balance(body)),
    }
}

/// An order. `None`: refunds left another fee of it than it was paid with, and what it was paid with is not shown.
fn order(body: &Value) -> Option<Order> {
    if body["refunded_fen"].as_u64().is_some_and(|refunded| refunded > 0) {
        return None;
    }
    let payment = body["transaction_id"].as_str().map(|transaction_id| Payment {
        transaction_id: transaction_id.to_owned(),
        booked: signed(&body["booked_fen"]),
        fee: signed(&body["fee_fen"]),
        paid_seq: count(&body["paid_seq"]),
    });
    Some(Order {
        order_no: text(&body["order_no"]),
        amount: signed(&body["amount_fen"]),
        status: word(&STATUSES, &body["status"]),
        payment,
    })
}

fn settlement(body: &Value) -> Settlement {
    Settlement {
        settlement_no: text(&body["settlement_no"]),
        orders: count(&body["orders"]),
        gross: signed(&body["gross_fen"]),
        refunded: signed(&body["refunded_fen"]),
        fee: signed(&body["fee_fen"]),
        first_paid_seq: count(&body["first_paid_seq"]),
        last_paid_seq: count(&body["last_paid_seq"]),
        through: String::new(),
    }
}

fn withdrawal(body: &Value) -> Withdrawal {
    Withdrawal {
        withdrawal_no: text(&body["withdrawal_no"]),
        amount: signed(&body["amount_fen"]),
        status: word(&STATUSES, &body["status"]),
        settlement_no: body["settlement_no"].as_str().map(str::to_owned),
    }
}

fn refund(body: &Value) -> Refund {
    Refund {
        refund_no: text(&body["refund_no"]),
        order_no: text(&body["order_no"]),
        amount: signed(&body["amount_fen"]),
        booked: signed(&body["booked_fen"]),
        status: word(&STATUSES, &body["status"]),
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
        suspense: signed(&body["suspense_fen"]),
        adjusted: signed(&body["adjusted_fen"]),
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
