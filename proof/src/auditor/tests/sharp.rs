//! One wrong thing often breaks several claims, and several rules of one. Here each rule is broken, and heard, by itself.

use serde_json::{Value, json};

use super::checks::{chained, expect, right, rules, say, told};
use super::shop::{SHOP, Shop};
use crate::history::{Answer, History, Request, Rules, Thing};

/// The fields of the oldest event of a kind.
fn fields<'a>(history: &'a mut History, kind: &str) -> &'a mut Value {
    let journal = &mut history.stored.get_mut(SHOP).unwrap().journal;
    &mut journal.iter_mut().find(|fact| fact.kind == kind).unwrap().fields
}

#[test]
fn each_rule_of_conservation_is_heard() {
    let claim = "conservation";
    told(claim, "takes a fee of 59 fen for order A001; 60 bp of 10000 fen are 60", |history| {
        fields(history, "order_paid")["fee"] = json!(59);
    });
    told(claim, "books 10000 fen with a fee of 10001", |history| {
        fields(history, "order_paid")["fee"] = json!(10_001);
    });
    told(claim, "pending is -", |history| {
        fields(history, "settled")["moved"]["gross"] = json!(20_000);
    });
    told(claim, "available is -", |history| {
        fields(history, "withdrawal_requested")["amount"] = json!(40_000);
    });
    told(claim, "pending, one by one it is", |history| {
        fields(history, "settled")["moved"]["fee"] = json!(0);
    });
    told(claim, "moves 3999 fen of withdrawal W001, which is of 4000 fen", |history| {
        fields(history, "withdrawal_succeeded")["amount"] = json!(3_999);
    });
    told(claim, "the head has", |history| {
        history.stored.get_mut(SHOP).unwrap().balance.as_mut().unwrap().paid_orders += 1;
    });
    told(claim, "orders has two rows", |history| {
        let orders = &mut history.stored.get_mut(SHOP).unwrap().orders;
        orders[1] = orders[0].clone();
    });
}

#[test]
fn each_rule_of_settlements_is_heard() {
    let claim = "settlements";
    told(claim, "by the rule in that of seq", |history| {
        fields(history, "settled")["moved"]["last_paid_seq"] = json!(0);
    });
    told(claim, "has paid_seq 7, it is payment 1", |history| {
        fields(history, "order_paid")["paid_seq"] = json!(7);
    });
    told(claim, "its orders Bucket { orders: 2", |history| {
        fields(history, "settled")["moved"]["orders"] = json!(1);
    });
    let mut shop = Shop::new(&Rules { settle_after_days: Some(1), ..rules() });
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    shop.settle("S001", true);
    let mut history = shop.close_books();
    fields(&mut history, "settled")["through"] = json!("2026-11-25");
    say(claim, "leaves 1 due orders", &chained(history.clone()));
    say(claim, "its orders Bucket { orders: 0", &chained(history));
}

#[test]
fn each_rule_of_limits_is_heard() {
    told("limits", "takes 4001 fen, asked for are 4000 fen", |history| {
        fields(history, "withdrawal_requested")["amount"] = json!(4_001);
    });
    told("limits", "takes 20000 fen, 10023 fen are available", |history| {
        fields(history, "withdrawal_requested")["amount"] = json!(20_000);
    });
    told("limits", "key1 approves its own withdrawal W002", |history| {
        fields(history, "withdrawal_approved")["by"] = json!("key1");
    });
    told("limits", "and not approved", |history| {
        fields(history, "withdrawal_approved")["withdrawal_no"] = json!("W003");
    });
}

#[test]
fn a_payment_after_the_close_without_its_case_is_heard() {
    told("states", "pays the closed order A003, and no case says so", |history| {
        fields(history, "case_opened")["case"]["transaction_id"] = json!("t1");
    });
}

#[test]
fn a_withdrawal_that_does_not_know_its_settlement_is_heard() {
    told("nothing_unasked", "no call may have recorded settled", |history| {
        let journal = &mut history.stored.get_mut(SHOP).unwrap().journal;
        journal.last_mut().unwrap().fields["settlement_no"] = json!(null);
    });
}

fn open(order_no: &str) -> Request {
    Request::Open { order_no: order_no.into(), key: None, amount: 7, by_wechat: true }
}

#[test]
fn a_reading_of_what_a_lost_call_asked_for_later_is_caught() {
    for early in [false, true] {
        let mut shop = Shop::new(&rules());
        let lost = early.then(|| shop.ask(open("A001")));
        let read = shop.ask(Request::Read);
        shop.answer(read, Answer::NotDone);
        let lost = lost.unwrap_or_else(|| shop.ask(open("A001")));
        shop.answer(lost, Answer::Unknown);
        let made = shop.open("A001", 7, true);
        shop.history.calls.remove(made);
        let balance = shop.stored().balance.clone().unwrap();
        let step = shop.history.calls[read].answer.as_ref().unwrap().0;
        let done = Answer::Done { fresh: false, thing: Thing::Merchant(balance) };
        shop.history.calls[read].answer = Some((step, done));
        let history = shop.close_books();
        if early { right(&history) } else { expect("linearizable", &history) }
    }
}

#[test]
fn a_reading_between_two_events_of_one_message_is_caught() {
    let mut shop = Shop::new(&rules());
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    let read = shop.ask(Request::Read);
    let balance = shop.stored().balance.clone().unwrap();
    shop.withdraw_all_settled("W001");
    let settled = crate::history::Balance { seq: 4, available: 9_940, pending: 0, ..balance };
    shop.answer(read, Answer::Done { fresh: false, thing: Thing::Merchant(settled) });
    expect("linearizable", &shop.close_books());
}

#[test]
fn a_try_that_was_seen_before_it_was_asked_for_is_caught() {
    let mut shop = Shop::new(&rules());
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    shop.withdraw_all_settled("W001");
    let lost = shop.send("W001");
    let step = shop.history.calls[lost].asked + 1;
    shop.history.calls[lost].answer = Some((step, Answer::Unknown));
    let send = shop.send("W001");
    let Some((step, Answer::Done { thing, .. })) = shop.history.calls[send].answer.clone() else {
        panic!("it was answered")
    };
    shop.history.calls[send].answer = Some((step, Answer::Unknown));
    shop.read();
    right(&chained(shop.history.clone()));
    shop.done(Request::StartSending { withdrawal_no: "W001".into() }, true, thing);
    expect("linearizable", &shop.close_books());
}
