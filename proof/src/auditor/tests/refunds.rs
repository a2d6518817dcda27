//! Refunds: a right history, and wrong ones.

use serde_json::{Value, json};

use super::checks::{chained, expect, right, rules, say};
use super::shop::{SHOP, Shop};
use crate::history::{
    Fact, Fen, History, PaidBack, Refund, RefundOutcome, Refunding, Request, Rules, Thing,
};

/// Where the money is.
fn pending() -> Value {
    json!({ "pending": null })
}

fn available() -> Value {
    json!("available")
}

/// What is asked for, of 0.6 % fee: as the test says it.
struct Part {
    amount: Fen,
    booked: Fen,
    fee: Fen,
    place: Value,
}

fn ask_for(no: &str, order: &str, amount: Fen) -> Refunding {
    let (refund_no, order_no, by) = (no.into(), order.into(), "key1".into());
    Refunding::Ask { refund_no, key: None, order_no, amount, reason: "spoilt".into(), by }
}

fn take(shop: &mut Shop, order: &str, (booked, fee): (Fen, Fen), place: &Value) {
    let index = shop.order(order).0;
    shop.balance.refunded += booked;
    shop.balance.fee -= fee;
    if *place == available() {
        shop.balance.available -= booked - fee;
    } else {
        shop.balance.pending -= booked - fee;
        shop.taken.push((index, booked, fee));
    }
}

fn row<'a>(shop: &'a mut Shop, no: &str) -> &'a mut Refund {
    shop.stored().refunds.iter_mut().find(|row| row.refund_no == no).unwrap()
}

fn asked(shop: &mut Shop, no: &str, order: &str, part: &Part) {
    let Part { amount, booked, fee, place } = part;
    take(shop, order, (*booked, *fee), place);
    let total = shop.order(order).1.amount;
    let transaction = shop.order(order).1.payment.unwrap().transaction_id;
    let fields = json!({"refund_no": no, "order_no": order, "idempotency_key": null,
        "amount": amount, "booked": booked, "fee": fee, "source": place,
        "transaction_id": transaction, "total": total, "reason": "spoilt", "asked_by": "key1"});
    shop.record("refund_requested", fields);
    let (amount, booked) = (*amount, *booked);
    let (refund_no, order_no) = (no.into(), order.into());
    let made = Refund { refund_no, order_no, amount, booked, status: "requested" };
    shop.stored().refunds.push(made.clone());
    shop.done(Request::Refunding(ask_for(no, order, amount)), true, Thing::Refund(made));
}

/// Lets a refund go on, as the call says.
fn go_on(shop: &mut Shop, no: &str, asked: Refunding, (kind, more): (&'static str, Value)) {
    let status = match kind {
        "refund_sending" => "sending",
        "refund_unknown" => "unknown",
        "refund_postponed" => "requested",
        "refund_failed" => "failed",
        _ => "succeeded",
    };
    let order = row(shop, no).order_no.clone();
    row(shop, no).status = status;
    let mut fields = json!({"refund_no": no, "order_no": order, "reason": "so"});
    fields.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    shop.record(kind, fields);
    let made = row(shop, no).clone();
    shop.done(Request::Refunding(asked), true, Thing::Refund(made));
}

fn told(no: &str, outcome: RefundOutcome) -> Refunding {
    Refunding::Record { refund_no: no.into(), outcome }
}

fn send(shop: &mut Shop, no: &str) {
    let start = Refunding::Start { refund_no: no.into() };
    go_on(shop, no, start, ("refund_sending", json!({})));
}

/// The channel pays it back, and says what it took.
fn paid_back(shop: &mut Shop, no: &str, booked: Option<Fen>, by_hand: bool) {
    let Refund { refund_no, order_no, amount, .. } = row(shop, no).clone();
    let merchant = SHOP.into();
    let paid = PaidBack { merchant, order_no, refund_no, amount, booked, by_hand };
    shop.history.channel.refunds.get_or_insert_default().push(paid);
}

/// It succeeded; the order's fee goes from one to the other, the difference to that place.
fn succeed(shop: &mut Shop, no: &str, now: Option<Fen>, fees: (Fen, Fen), place: &Value) {
    paid_back(shop, no, now, false);
    let Refund { order_no, amount, booked, .. } = row(shop, no).clone();
    let booked_now = now.unwrap_or(booked);
    take(shop, &order_no, (booked_now - booked, fees.0 - fees.1), place);
    row(shop, no).booked = booked_now;
    let more = json!({"amount": amount, "booked": booked, "booked_now": booked_now,
        "order_fee": fees.0, "order_fee_now": fees.1, "source": place, "refund_id": "w"});
    let outcome = RefundOutcome::Succeeded { amount, booked: now };
    go_on(shop, no, told(no, outcome), ("refund_succeeded", more));
}

fn fail(shop: &mut Shop, no: &str, fee: Fen, place: &Value) {
    let Refund { order_no, amount, booked, .. } = row(shop, no).clone();
    take(shop, &order_no, (-booked, -fee), place);
    let more = json!({"amount": amount, "booked": booked, "fee": fee, "to": place});
    go_on(shop, no, told(no, RefundOutcome::Closed), ("refund_failed", more));
}

/// Somebody makes a refund of 500 fen of A002 at the channel, and it is found.
fn by_hand(shop: &mut Shop, no: &str, place: &Value) {
    let fields = json!({"refund_no": no, "order_no": "A002", "out_refund_no": "h", "refund_id": "w",
        "amount": 500, "transaction_id": "t2", "total": 20_000});
    shop.record("refund_noticed", fields);
    let (refund_no, order_no) = (no.to_owned(), "A002".to_owned());
    let mut made = Refund { refund_no, order_no, amount: 500, booked: 0, status: "unknown" };
    shop.stored().refunds.push(made.clone());
    let notice = Refunding::Notice {
        refund_no: no.into(),
        order_no: "A002".into(),
        amount: 500,
        transaction_id: None,
    };
    shop.done(Request::Refunding(notice), true, Thing::Refund(made.clone()));
    take(shop, "A002", (500, 3), place);
    let fields = json!({"refund_no": no, "order_no": "A002", "amount": 500, "booked": 500,
        "fee": 3, "source": place, "refund_id": "w"});
    shop.record("refund_found", fields);
    let id = format!("{SHOP}-{no}");
    let case = json!({"case_id": id, "kind": "refund_by_hand", "amount": 500,
        "facts": [["refund_no", no]]});
    shop.record("case_raised", json!({ "case": case }));
    shop.stored().cases.push((id, "refund_by_hand"));
    (made.booked, made.status) = (500, "succeeded");
    *row(shop, no) = made.clone();
    paid_back(shop, no, None, true);
    let outcome = RefundOutcome::Succeeded { amount: 500, booked: None };
    shop.done(Request::Refunding(told(no, outcome)), true, Thing::Refund(made));
}

/// A shop where refunds may leave a debt of 1,000 fen, and each kind of refund was made.
fn refunding() -> Shop {
    let mut shop = Shop::new(&Rules { debt_max: 1_000, approval_over: None, ..rules() });
    for (order, amount, payment) in [("A001", 10_000, "t1"), ("A002", 20_000, "t2")] {
        shop.open(order, amount, true);
        shop.pay(order, payment);
    }
    let part = Part { amount: 4_000, booked: 4_000, fee: 24, place: pending() };
    asked(&mut shop, "R001", "A001", &part);
    send(&mut shop, "R001");
    go_on(&mut shop, "R001", told("R001", RefundOutcome::Unknown), ("refund_unknown", json!({})));
    send(&mut shop, "R001");
    let over = Request::Refunding(ask_for("R009", "A001", 6_001));
    shop.refused(over, "refund_exceeds_payment");
    // The channel took less than its share: 6,100 fen are left, of which the fee is 37 fen.
    succeed(&mut shop, "R001", Some(3_900), (36, 37), &pending());
    let part = Part { amount: 2_500, booked: 2_500, fee: 15, place: pending() };
    asked(&mut shop, "R002", "A002", &part);
    send(&mut shop, "R002");
    shop.read();
    // The second fails when the order is settled: its money is available then.
    shop.settle("S001", false);
    fail(&mut shop, "R002", 15, &available());
    // All is taken out but for 943 fen, and 1,000 fen of debt are allowed.
    let everything = shop.balance.available - 943;
    shop.withdraw("W001", Some(everything));
    let part = Part { amount: 1_900, booked: 1_900, fee: 11, place: available() };
    asked(&mut shop, "R003", "A002", &part);
    shop.at_ms += 60_000;
    go_on_to_postponed(&mut shop, "R003");
    let beyond = Request::Refunding(ask_for("R009", "A002", 500));
    shop.refused(beyond, "balance_insufficient");
    send(&mut shop, "R003");
    // What a person gives back is a fact, whatever the debt is.
    succeed(&mut shop, "R003", None, (109, 109), &available());
    by_hand(&mut shop, "R004", &available());
    let repeat = Thing::Refund(row(&mut shop, "R003").clone());
    shop.done(Request::Refunding(ask_for("R003", "A002", 1_900)), false, repeat);
    shop.refused(Request::Refunding(ask_for("R003", "A002", 1_901)), "number_reused");
    shop.read();
    shop
}

fn go_on_to_postponed(shop: &mut Shop, no: &str) {
    send(shop, no);
    go_on(shop, no, told(no, RefundOutcome::Postponed), ("refund_postponed", json!({})));
}

fn books() -> History {
    let mut shop = refunding();
    shop.history.channel.refunds.get_or_insert_default();
    shop.close_books()
}

/// The newest event of a kind.
fn fact<'a>(history: &'a mut History, kind: &str) -> &'a mut Fact {
    let journal = &mut history.stored.get_mut(SHOP).unwrap().journal;
    journal.iter_mut().rev().find(|fact| fact.kind == kind).unwrap()
}

#[track_caller]
fn caught(claim: &str, words: &str, spoil: impl FnOnce(&mut History)) {
    let mut history = books();
    spoil(&mut history);
    say(claim, words, &chained(history));
}

#[test]
fn refunds_that_are_right_break_no_claim() {
    right(&books());
}

#[test]
fn what_a_refund_takes_is_exact_to_the_fen() {
    for (kind, field) in [
        ("refund_requested", "fee"),
        ("refund_failed", "fee"),
        ("refund_found", "fee"),
        ("refund_succeeded", "order_fee_now"),
    ] {
        caught("refunds", "changes the fee", |history| {
            let fee = &mut fact(history, kind).fields[field];
            *fee = json!(fee.as_i64().unwrap() + 1);
        });
    }
    caught("refunds", "its share is", |history| {
        fact(history, "refund_requested").fields["booked"] = json!(1_901);
    });
    caught("refunds", "fen were taken", |history| {
        fact(history, "refund_failed").fields["booked"] = json!(2_499);
    });
    caught("refunds", "the fee is", |history| {
        fact(history, "refund_succeeded").fields["order_fee"] = json!(108);
    });
}

#[test]
fn money_that_is_taken_from_elsewhere_or_goes_elsewhere_is_caught() {
    caught("refunds", "the money is", |history| {
        fact(history, "refund_requested").fields["source"] = pending();
    });
    caught("refunds", "the money is", |history| {
        fact(history, "refund_failed").fields["to"] = pending();
    });
    caught("refunds", "the money is", |history| {
        let journal = &mut history.stored.get_mut(SHOP).unwrap().journal;
        let first = journal.iter_mut().find(|fact| fact.kind == "refund_requested").unwrap();
        first.fields["source"] = available();
    });
}

#[test]
fn more_than_was_paid_and_more_debt_than_allowed_are_caught() {
    caught("refunds", "of the payment are left", |history| {
        fact(history, "refund_requested").fields["amount"] = json!(20_001);
    });
    caught("refunds", "the debt may be", |history| {
        fact(history, "merchant_registered").fields["rules"]["debt_max_fen"] = json!(900);
    });
    caught("conservation", "available is", |history| {
        fact(history, "withdrawal_requested").fields["amount"] = json!(40_000);
    });
}

#[test]
fn a_refund_that_is_paid_back_twice_or_not_at_all_is_caught() {
    let refunds = |history: &mut History| history.channel.refunds.take().unwrap();
    caught("channel", "paid back twice", |history| {
        let mut all = refunds(history);
        all.push(all[0].clone());
        history.channel.refunds = Some(all);
    });
    caught("channel", "which nobody recorded", |history| {
        let mut all = refunds(history);
        all.push(PaidBack { refund_no: "R001b".into(), ..all[0].clone() });
        history.channel.refunds = Some(all);
    });
    caught("channel", "nothing was paid back", |history| {
        history.channel.refunds = Some(vec![]);
    });
    caught("channel", "given back to the merchant and paid back", |history| {
        let mut all = refunds(history);
        let (order_no, refund_no) = ("A002".into(), "R002".into());
        all.push(PaidBack { refund_no, order_no, ..all[0].clone() });
        history.channel.refunds = Some(all);
    });
    caught("channel", "the amounts differ", |history| {
        let mut all = refunds(history);
        all[0].amount += 1;
        history.channel.refunds = Some(all);
    });
    caught("channel", "the channel took another sum", |history| {
        let mut all = refunds(history);
        all[0].booked = Some(4_000);
        history.channel.refunds = Some(all);
    });
    caught("channel", "nobody asked anything of it", |history| {
        let mut all = refunds(history);
        all[0].merchant = "nobody".into();
        history.channel.refunds = Some(all);
    });
}

#[test]
fn refunds_go_only_where_they_may_and_a_minute_apart() {
    let closed = || told("R001", RefundOutcome::Closed);
    let mut shop = refunding();
    let more = json!({"amount": 4_000, "booked": 3_900, "fee": 23, "to": "available"});
    go_on(&mut shop, "R001", closed(), ("refund_failed", more));
    say("refunds", "it was Some(\"succeeded\") before", &shop.close_books());
    let mut shop = refunding();
    let part = Part { amount: 100, booked: 100, fee: 1, place: available() };
    asked(&mut shop, "R005", "A002", &part);
    fail(&mut shop, "R005", 1, &available());
    say("refunds", "it was Some(\"requested\") before", &shop.close_books());
    let mut shop = Shop::new(&rules());
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    for (no, fee) in [("R001", 6), ("R002", 6)] {
        let part = Part { amount: 1_000, booked: 1_000, fee, place: pending() };
        asked(&mut shop, no, "A001", &part);
        send(&mut shop, no);
    }
    say("refunds", "ms after R001 of the same order", &shop.close_books());
}

#[test]
fn a_refund_made_by_hand_without_a_case_and_one_of_nobody_are_caught() {
    caught("refunds", "no case says so", |history| {
        fact(history, "case_raised").fields["case"]["facts"] = json!([]);
    });
    let mut history = books();
    history.calls.retain(|call| {
        !matches!(call.request, Request::Refunding(Refunding::Ask { ref refund_no, .. }) if refund_no == "R003")
    });
    expect("nothing_unasked", &chained(history));
}

#[test]
fn answers_about_refunds_that_are_not_so_are_caught() {
    for (ask, code) in [
        (ask_for("R010", "A001", 10), "refund_exceeds_payment"),
        (ask_for("R010", "A001", 10), "order_not_paid"),
        (ask_for("R003", "A002", 1_900), "number_reused"),
        (ask_for("R010", "A002", 10), "order_unknown"),
        (told("R003", RefundOutcome::Closed), "refund_unknown"),
        (Refunding::Start { refund_no: "R001".into() }, "refund_too_soon"),
    ] {
        let mut shop = refunding();
        shop.refused(Request::Refunding(ask), code);
        expect("linearizable", &shop.close_books());
    }
    let mut shop = refunding();
    let mut shown = row(&mut shop, "R003").clone();
    shown.booked -= 1;
    let ask = Request::Refunding(ask_for("R003", "A002", 1_900));
    shop.done(ask, false, Thing::Refund(shown));
    expect("linearizable", &shop.close_books());
    let mut shop = refunding();
    let mut shown = row(&mut shop, "R003").clone();
    shown.refund_no = "R077".into();
    shop.done(Request::Refunding(ask_for("R077", "A002", 5)), true, Thing::Refund(shown));
    expect("durable", &shop.close_books());
    let mut shop = refunding();
    row(&mut shop, "R003").status = "failed";
    say("conservation", "refunds has", &shop.close_books());
}

#[test]
fn what_the_refunder_does_by_itself_needs_no_call_and_a_request_does() {
    let mut history = books();
    let asks = |request: &Request| matches!(request, Request::Refunding(Refunding::Ask { .. }));
    let about = |request: &Request| matches!(request, Request::Refunding(_));
    history.calls.retain(|call| !about(&call.request) || asks(&call.request));
    say("nothing_unasked", "refund_sending", &chained(history.clone()));
    history.acts_alone = true;
    right(&chained(history.clone()));
    history.calls.retain(|call| !asks(&call.request));
    say("nothing_unasked", "refund_requested", &chained(history));
}
