//! Right histories that look wrong: repeats, keys, lost answers, and what only a server knows.

use serde_json::json;

use super::checks::{busy, chained, expect, right, rules};
use super::shop::{SHOP, Shop};
use crate::history::{Answer, History, Order, Request, Rules, Thing, TransferOutcome};

fn done(history: &History, call: usize) -> (Request, Thing) {
    match &history.calls[call].answer {
        Some((_, Answer::Done { thing, .. })) => {
            (history.calls[call].request.clone(), thing.clone())
        }
        other => panic!("not done: {other:?}"),
    }
}

#[test]
fn a_repeat_shows_the_thing_as_it_now_is() {
    let mut shop = busy();
    let (_, now) = shop.order("A001");
    let open =
        Request::Open { order_no: "A001".into(), key: None, amount: 10_000, by_wechat: true };
    shop.done(open, false, Thing::Order(now));
    let settled =
        shop.history.calls.iter().position(|call| matches!(call.request, Request::Settle { .. }));
    let (request, thing) = done(&shop.history, settled.unwrap());
    shop.done(request, false, thing);
    let pay =
        shop.history.calls.iter().position(|call| matches!(call.request, Request::Pay { .. }));
    let (request, thing) = done(&shop.history, pay.unwrap());
    shop.done(request.clone(), false, thing.clone());
    right(&chained(shop.history.clone()));
    shop.done(request, true, thing);
    expect("answers_agree", &shop.close_books());
}

#[test]
fn a_repeat_that_shows_what_no_longer_is_is_caught() {
    let mut shop = Shop::new(&rules());
    let open = shop.open("A001", 10_000, true);
    shop.close("A001");
    let (request, thing) = done(&shop.history, open);
    shop.done(request, false, thing);
    expect("linearizable", &shop.close_books());
}

#[test]
fn refusals_that_are_right_break_no_claim() {
    let mut shop = busy();
    let open = |order_no: &str, amount| Request::Open {
        order_no: order_no.into(),
        key: None,
        amount,
        by_wechat: true,
    };
    let by_hand = |order_no: &str| Request::Pay {
        order_no: order_no.into(),
        transaction_id: "th".into(),
        amount: 10_000,
        booked: 10_000,
        by_hand: true,
    };
    let settle = Request::Settle { settlement_no: "S001".into(), key: None, include_not_due: true };
    let told = Request::RecordTransfer {
        withdrawal_no: "W003".into(),
        outcome: TransferOutcome::Succeeded,
    };
    let note = Request::Note { order_no: "A001".into(), kind: "order_prepaid" };
    for (request, code) in [
        (Request::Register(Rules { fee_bp: 1, ..rules() }), "merchant_exists"),
        (open("A001", 11), "order_conflict"),
        (open("B001", 0), "amount_invalid"),
        (by_hand("A001"), "order_conflict"),
        (by_hand("B001"), "order_unknown"),
        (Request::Close { order_no: "A001".into() }, "order_paid"),
        (note, "order_paid"),
        (settle, "number_reused"),
        (Shop::withdraw_request("W001", Some(4_001)), "number_reused"),
        (Shop::withdraw_request("W777", Some(100)), "withdrawal_below_min"),
        (Shop::withdraw_request("W777", Some(60_001)), "withdrawal_above_max"),
        (Shop::withdraw_request("W777", Some(5_000)), "daily_limit_reached"),
        (Shop::withdraw_request("W777", None), "balance_insufficient"),
        (
            Request::Review { withdrawal_no: "W002".into(), approve: false, by: "key2".into() },
            "withdrawal_decided",
        ),
        (
            Request::Review { withdrawal_no: "W004".into(), approve: true, by: "key1".into() },
            "forbidden",
        ),
        (
            Request::Confirm { withdrawal_no: "W001".into(), succeeded: true },
            "withdrawal_not_manual",
        ),
        (told, "withdrawal_decided"),
        (Request::StartSending { withdrawal_no: "W777".into() }, "withdrawal_unknown"),
    ] {
        shop.refused(request, code);
    }
    right(&shop.close_books());
}

#[test]
fn a_merchant_that_is_not_there_refuses_everything() {
    let mut history = History::default();
    let mut shop = busy();
    let call = shop.refused(Request::Read, "merchant_unknown");
    history.calls.push(shop.history.calls.swap_remove(call));
    right(&history);
    history.calls[0].answer = Some((9_000, Answer::Done { fresh: false, thing: Thing::Unseen }));
    expect("durable", &history);
}

#[test]
fn a_lost_answer_may_have_recorded_or_not() {
    let mut shop = busy();
    for answer in [None, Some(Answer::Unknown)] {
        let order_no = if answer.is_some() { "B001" } else { "B002" };
        let recorded = shop.open(order_no, 5, true);
        let in_vain = shop.ask(Request::Open {
            order_no: "B003".into(),
            key: None,
            amount: 5,
            by_wechat: true,
        });
        let step = shop.history.calls[recorded].asked + 1;
        shop.history.calls[recorded].answer = answer.clone().map(|answer| (step, answer));
        if let Some(answer) = answer {
            shop.answer(in_vain, answer);
        }
    }
    right(&shop.close_books());
}

#[test]
fn a_lost_write_may_land_long_after() {
    let mut shop = Shop::new(&rules());
    let lost =
        shop.ask(Request::Open { order_no: "A009".into(), key: None, amount: 7, by_wechat: true });
    shop.answer(lost, Answer::Unknown);
    shop.read();
    shop.open("A009", 7, true);
    shop.history.calls.pop();
    shop.read();
    right(&shop.close_books());
}

#[test]
fn a_key_stands_for_the_number_that_was_made_first() {
    let mut shop = Shop::new(&rules());
    let keyed = |order_no: &str| Request::Open {
        order_no: order_no.into(),
        key: Some("k".into()),
        amount: 7,
        by_wechat: true,
    };
    let first = shop.open("A001", 7, true);
    shop.history.calls[first].request = keyed("A001");
    shop.stored().journal[1].fields["idempotency_key"] = json!("k");
    let order = shop.order("A001").1;
    shop.done(keyed("A002"), false, Thing::Order(order.clone()));
    // Where only the server knows the number.
    shop.done(keyed(""), false, Thing::Order(order));
    right(&chained(shop.history.clone()));
    let other = Order { order_no: "A002".into(), amount: 7, status: "open", payment: None };
    shop.done(keyed("A002"), false, Thing::Order(other));
    expect("linearizable", &shop.close_books());
}

#[test]
fn a_number_that_only_the_server_knows_is_the_one_shown() {
    let mut shop = Shop::new(&rules());
    let open = shop.open("A001", 700, true);
    shop.pay("A001", "t1");
    let settle = shop.settle("S001", false);
    for call in [open, settle] {
        if let Request::Open { order_no: number, .. }
        | Request::Settle { settlement_no: number, .. } = &mut shop.history.calls[call].request
        {
            number.clear();
        }
    }
    right(&shop.close_books());
}

#[test]
fn what_tally_does_by_itself_needs_no_call() {
    let mut history = busy().close_books();
    history.calls.retain(|call| {
        !matches!(
            call.request,
            Request::StartSending { .. } | Request::RecordTransfer { .. } | Request::Close { .. }
        )
    });
    expect("nothing_unasked", &history);
    history.acts_alone = true;
    right(&history);
    history.calls.retain(|call| !matches!(call.request, Request::Withdraw { .. }));
    expect("nothing_unasked", &history);
}

/// A shop whose settlement was made with that key, and that nobody asked for.
fn settled_by_itself(days: Option<u8>, key: &str) -> History {
    let mut shop = Shop::new(&Rules { settle_after_days: days, ..rules() });
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    let settle = shop.settle("S001", false);
    let settled = shop.stored().journal.iter_mut().find(|fact| fact.kind == "settled").unwrap();
    settled.fields["idempotency_key"] = json!(key);
    shop.history.calls.remove(settle);
    chained(shop.close_books())
}

#[test]
fn the_settler_settles_under_the_days_key_and_only_by_a_rule() {
    right(&settled_by_itself(Some(0), "settler 2026-11-25"));
    expect("nothing_unasked", &settled_by_itself(None, "settler 2026-11-25"));
    expect("nothing_unasked", &settled_by_itself(Some(0), "settler"));
    expect("nothing_unasked", &settled_by_itself(Some(0), "another key"));
}

#[test]
fn an_answer_that_shows_nothing_is_right_when_the_fact_is_there() {
    let mut history = busy().close_books();
    for call in &mut history.calls {
        if let Some((_, Answer::Done { fresh, thing })) = &mut call.answer
            && !matches!(call.request, Request::Read)
        {
            (*fresh, *thing) = (false, Thing::Unseen);
        }
    }
    right(&history);
}

#[test]
fn rules_that_change_hold_for_what_comes() {
    let mut shop = busy();
    let changed = Rules { fee_bp: 0, withdrawal_max: None, ..rules() };
    let fields = json!({"rules": {"fee_bp": 0, "settle_after_days": null, "payout_method": "wechat",
        "withdrawal_min_fen": 200, "daily_max_fen": 60_000, "approval_over_fen": 20_000}});
    shop.record("rules_changed", fields);
    let balance = shop.stored().balance.clone().unwrap();
    shop.done(Request::ChangeRules(changed.clone()), true, Thing::Merchant(balance.clone()));
    shop.done(Request::ChangeRules(changed), false, Thing::Merchant(balance));
    right(&chained(shop.history.clone()));
    let old = Request::ChangeRules(rules());
    let balance = shop.stored().balance.clone().unwrap();
    let call = shop.done(old, false, Thing::Merchant(balance.clone()));
    expect("linearizable", &chained(shop.history.clone()));
    let step = shop.history.calls[call].asked + 1;
    let fresh = Answer::Done { fresh: true, thing: Thing::Merchant(balance) };
    shop.history.calls[call].answer = Some((step, fresh));
    expect("durable", &shop.close_books());
}

#[test]
fn what_is_due_decides_what_a_withdrawal_could_have_found() {
    let mut shop = Shop::new(&Rules { settle_after_days: Some(1), ..rules() });
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    let ask = |amount| {
        let mut request = Shop::withdraw_request("W001", Some(amount));
        if let Request::Withdraw { settle_first, .. } = &mut request {
            *settle_first = true;
        }
        request
    };
    let mut refused = |amount, available| {
        let call = shop.ask(ask(amount));
        let code = "balance_insufficient";
        shop.answer(call, Answer::Refused { code, available: Some(available) });
        chained(shop.history.clone())
    };
    right(&refused(9_000, 0));
    right(&refused(10_000, 9_940));
    expect("linearizable", &refused(9_000, 9_940));
}

#[test]
fn the_stored_merchant_may_be_read_by_the_names_of_the_api() {
    let mut history = busy().close_books();
    for fact in &mut history.stored.get_mut(SHOP).unwrap().journal {
        if let Some(amount) = fact.fields.get("amount").cloned() {
            let fields = fact.fields.as_object_mut().unwrap();
            fields.remove("amount");
            fields.insert("amount_fen".into(), amount);
        }
    }
    right(&chained(history));
}

#[test]
fn a_number_under_which_nothing_was_settled_stays_free() {
    let mut shop = Shop::new(&rules());
    let settle = |include_not_due| Request::Settle {
        settlement_no: "S001".into(),
        key: None,
        include_not_due,
    };
    shop.done(settle(false), false, Thing::Settlement(None));
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    shop.settle("S001", true);
    right(&chained(shop.history.clone()));
    shop.done(settle(false), false, Thing::Settlement(None));
    expect("linearizable", &shop.close_books());
}

#[test]
fn a_channel_may_name_one_payment_for_two_orders() {
    let mut history = busy().close_books();
    history.channel.payments.push((SHOP.into(), "A004".into(), "t1".into(), 30_000));
    right(&history);
    history.channel.payments.remove(0);
    expect("channel", &history);
}

#[test]
fn what_is_not_found_too_early_changes_nothing() {
    let mut shop = busy();
    shop.review("W004", true, "key2");
    let send = shop.send("W004");
    let (_, sending) = done(&shop.history, send);
    let missing = || Request::RecordTransfer {
        withdrawal_no: "W004".into(),
        outcome: TransferOutcome::NotFound,
    };
    shop.done(missing(), false, sending.clone());
    shop.transfer("W004", 55_723);
    shop.told("W004", TransferOutcome::Succeeded);
    right(&chained(shop.history.clone()));
    shop.done(missing(), false, sending);
    expect("linearizable", &shop.close_books());
}
