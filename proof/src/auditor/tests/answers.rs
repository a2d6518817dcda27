//! Wrong answers: `durable`, `nothing_unasked`, `answers_agree`, `linearizable`.

use serde_json::json;

use super::checks::{busy, caught, chained, expect, right, rules};
use super::shop::{SHOP, Shop};
use crate::history::{Answer, Call, History, Order, Request, Rules, Thing, TransferOutcome};

/// The first call of which this is so.
fn call(history: &mut History, is: impl Fn(&Request) -> bool) -> &mut Call {
    history.calls.iter_mut().find(|call| is(&call.request)).unwrap()
}

/// What a call was told that was done.
fn thing(call: &mut Call) -> &mut Thing {
    match &mut call.answer {
        Some((_, Answer::Done { thing, .. })) => thing,
        other => panic!("not done: {other:?}"),
    }
}

fn opens(request: &Request) -> bool {
    matches!(request, Request::Open { .. })
}

fn pays(request: &Request) -> bool {
    matches!(request, Request::Pay { .. })
}

fn settles(request: &Request) -> bool {
    matches!(request, Request::Settle { .. })
}

fn withdraws(request: &Request) -> bool {
    matches!(request, Request::Withdraw { .. })
}

fn open_request(order_no: &str, amount: i64) -> Request {
    Request::Open { order_no: order_no.into(), key: None, amount, by_wechat: true }
}

fn unseen(fresh: bool) -> Answer {
    Answer::Done { fresh, thing: Thing::Unseen }
}

#[test]
fn a_lost_fact_is_caught() {
    let order = Order { order_no: "B001".into(), amount: 1, status: "open", payment: None };
    let pay = Request::Pay {
        order_no: "A001".into(),
        transaction_id: "t5".into(),
        amount: 10_000,
        booked: 10_000,
        by_hand: false,
    };
    let sent = |number: &str| Request::RecordTransfer {
        withdrawal_no: number.into(),
        outcome: TransferOutcome::Succeeded,
    };
    for (request, answer) in [
        (open_request("B001", 1), Answer::Done { fresh: true, thing: Thing::Order(order) }),
        (pay, unseen(false)),
        (Request::Close { order_no: "A001".into() }, unseen(false)),
        (Shop::withdraw_request("W777", Some(300)), unseen(true)),
        (sent("W002"), unseen(false)),
        (Request::ChangeRules(Rules { fee_bp: 1, ..rules() }), unseen(true)),
    ] {
        let mut shop = busy();
        let call = shop.ask(request);
        shop.answer(call, answer);
        expect("durable", &shop.close_books());
    }
}

#[test]
fn more_tries_told_than_recorded_are_caught() {
    let mut shop = busy();
    let send = Request::StartSending { withdrawal_no: "W002".into() };
    let call = shop.ask(send);
    shop.answer(call, unseen(true));
    expect("durable", &shop.close_books());
}

#[test]
fn what_nobody_asked_for_is_caught() {
    let refused = |is: fn(&Request) -> bool, answer: Answer| {
        move |history: &mut History| {
            let step = call(history, is).answer.as_ref().unwrap().0;
            call(history, is).answer = Some((step, answer));
        }
    };
    let no = |code| Answer::Refused { code, available: None };
    caught("nothing_unasked", refused(opens, Answer::NotDone));
    caught("nothing_unasked", refused(opens, no("amount_invalid")));
    caught("nothing_unasked", refused(pays, Answer::NotDone));
    caught("nothing_unasked", refused(settles, Answer::NotDone));
    caught("nothing_unasked", refused(withdraws, no("withdrawal_below_min")));
    caught("nothing_unasked", |history| {
        history.calls.retain(|call| !matches!(call.request, Request::Close { .. }));
    });
    let mut shop = busy();
    shop.record(
        "withdrawal_requested",
        json!({"withdrawal_no": "W009", "idempotency_key": null,
        "amount": 300, "request": {"amount": 300, "settle_first": false}, "method": "wechat",
        "payout_openid": "o", "needs_approval": false, "day": "2026-11-25", "asked_by": "key1"}),
    );
    expect("nothing_unasked", &shop.close_books());
}

#[test]
fn a_settlement_left_by_a_refused_withdrawal_is_caught() {
    caught("nothing_unasked", |history| {
        let stored = history.stored.get_mut(SHOP).unwrap();
        let last = stored.journal.pop().unwrap();
        assert_eq!(last.kind, "withdrawal_requested");
        stored.withdrawals.pop();
    });
}

#[test]
fn what_other_content_recorded_is_caught() {
    caught("nothing_unasked", |history| {
        if let Request::Open { amount, .. } = &mut call(history, opens).request {
            *amount += 1;
        }
    });
    caught("nothing_unasked", |history| {
        if let Request::Pay { booked, .. } = &mut call(history, pays).request {
            *booked -= 1;
        }
    });
    caught("nothing_unasked", |history| {
        if let Request::Withdraw { by, .. } = &mut call(history, withdraws).request {
            *by = "key9".into();
        }
    });
}

#[test]
fn what_is_recorded_twice_is_caught() {
    for kind in ["order_opened", "order_paid", "settled", "withdrawal_requested", "case_opened"] {
        caught("nothing_unasked", |history| {
            let journal = &mut history.stored.get_mut(SHOP).unwrap().journal;
            let mut twice = journal.iter().find(|fact| fact.kind == kind).unwrap().clone();
            (twice.seq, twice.at_ms) = (journal.len() as u64 + 1, journal.last().unwrap().at_ms);
            journal.push(twice);
        });
    }
    // The same payment for two orders.
    caught("nothing_unasked", |history| {
        let journal = &mut history.stored.get_mut(SHOP).unwrap().journal;
        let paid = journal.iter_mut().rfind(|fact| fact.kind == "order_paid").unwrap();
        paid.fields["transaction_id"] = json!("t1");
    });
    // Two numbers for one key.
    caught("nothing_unasked", |history| {
        let journal = &mut history.stored.get_mut(SHOP).unwrap().journal;
        for fact in journal.iter_mut().filter(|fact| fact.kind == "order_opened") {
            fact.fields["idempotency_key"] = json!("k");
        }
    });
}

#[test]
fn answers_that_contradict_each_other_are_caught() {
    let order = Order { order_no: "A001".into(), amount: 10_000, status: "open", payment: None };
    caught("answers_agree", |history| {
        let opened = call(history, opens).clone();
        history.calls.push(opened);
    });
    caught("answers_agree", |history| {
        if let Thing::Order(order) = thing(call(history, opens)) {
            order.amount -= 1;
        }
    });
    caught("answers_agree", |history| {
        if let Thing::Settlement(Some(made)) = thing(call(history, settles)) {
            made.fee -= 1;
        }
    });
    caught("answers_agree", |history| {
        if let Thing::Payment(_, Some(order)) = thing(call(history, pays)) {
            order.payment.as_mut().unwrap().transaction_id = "t7".into();
        }
    });
    caught("answers_agree", |history| {
        let twice = |request: &Request| matches!(request, Request::Pay { transaction_id, .. } if transaction_id == "t2b");
        if let Thing::Payment(kind, _) = thing(call(history, twice)) {
            *kind = Some("amount_differs");
        }
    });
    let mut shop = busy();
    shop.done(open_request("A001", 11), false, Thing::Order(order));
    expect("answers_agree", &shop.close_books());
}

#[test]
fn an_order_told_as_paid_without_its_payment_is_caught() {
    caught("answers_agree", |history| {
        if let Thing::Payment(_, Some(order)) = thing(call(history, pays)) {
            order.payment = None;
        }
    });
}

#[test]
fn a_stale_reading_is_caught() {
    let mut shop = Shop::new(&rules());
    let before = thing(&mut shop.history.calls[0]).clone();
    shop.open("A001", 10_000, true);
    shop.done(Request::Read, false, before);
    expect("linearizable", &shop.close_books());
}

#[test]
fn a_reading_that_overlaps_a_write_may_see_it_or_not() {
    for sees in [false, true] {
        let mut shop = Shop::new(&rules());
        shop.read();
        let before = thing(&mut shop.history.calls[1]).clone();
        let read = shop.ask(Request::Read);
        shop.open("A001", 10_000, true);
        let after = shop.read();
        let after = thing(&mut shop.history.calls[after]).clone();
        let seen = if sees { after } else { before };
        shop.answer(read, Answer::Done { fresh: false, thing: seen });
        right(&shop.close_books());
    }
}

#[test]
fn a_reading_of_what_was_asked_for_later_is_caught() {
    let mut shop = Shop::new(&rules());
    let early = shop.read();
    shop.open("A001", 10_000, true);
    let late = shop.read();
    let late = thing(&mut shop.history.calls[late]).clone();
    *thing(&mut shop.history.calls[early]) = late;
    expect("linearizable", &shop.close_books());
}

#[test]
fn readings_that_go_back_are_caught() {
    let mut shop = Shop::new(&rules());
    shop.read();
    let before = thing(&mut shop.history.calls[1]).clone();
    let open = shop.ask(open_request("A001", 10_000));
    shop.open("A002", 1, true);
    shop.history.calls.pop();
    shop.history.calls[open].request = open_request("A002", 1);
    shop.read();
    shop.done(Request::Read, false, before);
    expect("linearizable", &shop.close_books());
}

#[test]
fn a_write_recorded_before_one_that_was_answered_earlier_is_caught() {
    let mut shop = Shop::new(&rules());
    shop.open("A001", 10_000, true);
    shop.open("A002", 10_000, true);
    let mut history = shop.close_books();
    let journal = &mut history.stored.get_mut(SHOP).unwrap().journal;
    let (first, second) = (journal[1].fields.clone(), journal[2].fields.clone());
    (journal[1].fields, journal[2].fields) = (second, first);
    expect("linearizable", &chained(history));
}

#[test]
fn a_wrong_balance_in_an_answer_is_caught() {
    let read = |request: &Request| *request == Request::Read;
    caught("linearizable", |history| {
        if let Thing::Merchant(balance) = thing(call(history, read)) {
            balance.available += 1;
        }
    });
    caught("linearizable", |history| {
        if let Thing::Merchant(balance) = thing(call(history, read)) {
            balance.seq += 1;
        }
    });
}

#[test]
fn wrong_refusals_are_caught() {
    let review = |number: &str, approve| Request::Review {
        withdrawal_no: number.into(),
        approve,
        by: "key2".into(),
    };
    let close = |number: &str| Request::Close { order_no: number.into() };
    for (request, code) in [
        (Request::Read, "merchant_unknown"),
        (open_request("B001", 5), "order_conflict"),
        (open_request("B001", 5), "amount_invalid"),
        (close("A003"), "order_unknown"),
        (close("A999"), "order_paid"),
        (review("W001", true), "withdrawal_unknown"),
        (review("W004", true), "withdrawal_decided"),
        (review("W004", false), "withdrawal_decided"),
        (Shop::withdraw_request("W777", Some(300)), "number_reused"),
        (Shop::withdraw_request("W777", Some(300)), "withdrawal_below_min"),
        (Shop::withdraw_request("W777", Some(300)), "withdrawal_above_max"),
        (Shop::withdraw_request("W777", Some(250)), "daily_limit_reached"),
        (Shop::withdraw_request("W777", Some(300)), "payout_target_missing"),
        (Shop::withdraw_request("W001", Some(4_000)), "balance_insufficient"),
        (
            Request::Confirm { withdrawal_no: "W777".into(), succeeded: true },
            "withdrawal_not_manual",
        ),
    ] {
        let mut shop = busy();
        let words = format!("{request:?}: {code}");
        shop.refused(request, code);
        let history = shop.close_books();
        let found = super::super::judge(&history);
        assert!(found.iter().any(|found| found.claim == "linearizable"), "{words}: {found:#?}");
    }
}

#[test]
fn a_refusal_that_tells_another_balance_is_caught() {
    caught("linearizable", |history| {
        for call in &mut history.calls {
            if let Some((_, Answer::Refused { available: Some(available), .. })) = &mut call.answer
            {
                *available -= 1;
            }
        }
    });
    // Enough was available.
    let mut shop = busy();
    shop.open("B001", 10_000, true);
    shop.pay("B001", "tb");
    shop.settle("SB01", false);
    shop.refused(Shop::withdraw_request("W777", Some(300)), "balance_insufficient");
    expect("linearizable", &shop.close_books());
}

#[test]
fn a_payment_that_the_channel_brought_is_never_refused() {
    let mut shop = busy();
    let pay = Request::Pay {
        order_no: "A999".into(),
        transaction_id: "t10".into(),
        amount: 5,
        booked: 5,
        by_hand: false,
    };
    shop.refused(pay, "order_unknown");
    expect("linearizable", &shop.close_books());
}

#[test]
fn nothing_to_settle_is_said_only_when_nothing_is() {
    let settle =
        || Request::Settle { settlement_no: "S777".into(), key: None, include_not_due: false };
    let mut shop = busy();
    shop.done(settle(), false, Thing::Settlement(None));
    right(&chained(shop.history.clone()));
    shop.open("B001", 100, true);
    shop.pay("B001", "tb");
    shop.done(settle(), false, Thing::Settlement(None));
    expect("linearizable", &shop.close_books());
}
