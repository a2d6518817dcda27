//! Wrong histories of money that moves: `channel`, `limits`, `states`.

use serde_json::json;

use super::checks::{busy, caught, chained, expect, right, rules};
use super::shop::{SHOP, Shop};
use crate::history::{Answer, Fact, History, Request, Rules, Thing, TransferOutcome};

/// The oldest event of a kind.
fn fact<'a>(history: &'a mut History, kind: &str) -> &'a mut Fact {
    let journal = &mut history.stored.get_mut(SHOP).unwrap().journal;
    journal.iter_mut().find(|fact| fact.kind == kind).unwrap()
}

#[test]
fn money_that_goes_out_twice_or_not_at_all_is_caught() {
    let transfers = |history: &mut History| history.channel.transfers.clone();
    caught("channel", |history| {
        let again = transfers(history).remove(0);
        history.channel.transfers.push(again);
    });
    caught("channel", |history| history.channel.transfers.clear());
    caught("channel", |history| history.channel.transfers[0].2 += 1);
    for returned in ["W002", "W003"] {
        caught("channel", |history| {
            history.channel.transfers.push((SHOP.into(), returned.into(), 21_000));
        });
    }
    caught("channel", |history| {
        history.channel.transfers.push((SHOP.into(), "W004".into(), 55_723));
    });
    for (merchant, withdrawal_no) in [(SHOP, "W999"), ("nobody", "W001")] {
        caught("channel", |history| {
            history.channel.transfers.push((merchant.into(), withdrawal_no.into(), 100));
        });
    }
}

#[test]
fn a_credit_that_nobody_paid_is_caught() {
    caught("channel", |history| {
        history.channel.payments.remove(0);
    });
    caught("channel", |history| history.channel.payments[0].3 -= 1);
    caught("channel", |history| history.channel.payments[0].1 = "A002".into());
}

#[test]
fn a_payment_that_was_heard_and_is_nowhere_is_caught() {
    let mut shop = busy();
    shop.open("B001", 100, true);
    shop.history.channel.payments.push((SHOP.into(), "B001".into(), "tb".into(), 100));
    let pay = Request::Pay {
        order_no: "B001".into(),
        transaction_id: "tb".into(),
        amount: 100,
        booked: 100,
        by_hand: false,
    };
    let call = shop.ask(pay);
    let unheard = chained(shop.history.clone());
    right(&unheard);
    shop.answer(call, Answer::Done { fresh: false, thing: Thing::Unseen });
    expect("channel", &shop.close_books());
}

#[test]
fn a_withdrawal_beyond_the_limits_is_caught() {
    for (name, limit) in [
        ("withdrawal_min_fen", 4_001),
        ("withdrawal_max_fen", 3_999),
        ("daily_max_fen", 3_999),
        ("approval_over_fen", 3_999),
        ("approval_over_fen", 60_000),
    ] {
        caught("limits", |history| {
            fact(history, "merchant_registered").fields["rules"][name] = json!(limit);
        });
    }
    caught("limits", |history| {
        fact(history, "merchant_registered").fields["rules"]["payout_method"] = json!(null);
    });
    caught("limits", |history| {
        fact(history, "withdrawal_requested").fields["amount"] = json!(9_941 + 1);
    });
    caught("limits", |history| {
        fact(history, "withdrawal_requested").fields["day"] = json!("2026-11-24");
    });
    caught("limits", |history| {
        fact(history, "withdrawal_requested").fields["settlement_no"] = json!("S001");
    });
}

#[test]
fn what_came_back_does_not_count_against_the_day() {
    // 4,000 + 21,000 (failed) + 22,000 (rejected) + 55,723 fen on one day, with a limit of 60,000.
    right(&busy().close_books());
    caught("limits", |history| {
        fact(history, "withdrawal_failed").fields["withdrawal_no"] = json!("W001");
        fact(history, "withdrawal_rejected").fields["withdrawal_no"] = json!("W001");
    });
}

#[test]
fn an_approval_by_the_key_that_asked_is_caught() {
    caught("limits", |history| fact(history, "withdrawal_approved").fields["by"] = json!("key1"));
    caught("limits", |history| {
        fact(history, "withdrawal_approved").fields["withdrawal_no"] = json!("W003");
    });
}

#[test]
fn orders_go_only_where_they_may() {
    caught("states", |history| {
        fact(history, "order_closed").fields["order_no"] = json!("A001");
    });
    // The case beside the payment of a closed order is missing, or beside another payment.
    caught("states", |history| {
        fact(history, "case_opened").fields["case"]["kind"] = json!("paid_twice");
    });
    caught("states", |history| {
        fact(history, "case_opened").fields["case"]["transaction_id"] = json!("t1");
    });
    caught("states", |history| fact(history, "order_paid").fields["order_no"] = json!("A777"));
    caught("states", |history| fact(history, "order_paid").fields["booked"] = json!(10_001));
    let mut shop = busy();
    shop.record("order_closing", json!({"order_no": "A001"}));
    expect("states", &shop.close_books());
}

#[test]
fn cases_that_do_not_tell_the_truth_are_caught() {
    for (kind, says) in [
        ("paid_twice", "order_unknown"),
        ("paid_twice", "transaction_reused"),
        ("order_unknown", "amount_differs"),
        ("order_unknown", "paid_after_close"),
        ("order_unknown", "weather"),
    ] {
        caught("states", |history| {
            let journal = &mut history.stored.get_mut(SHOP).unwrap().journal;
            let about = |fact: &&mut Fact| fact.fields["case"]["kind"] == kind;
            journal.iter_mut().find(about).unwrap().fields["case"]["kind"] = json!(says);
        });
    }
}

#[test]
fn withdrawals_go_only_where_they_may() {
    // Sent though it was rejected; confirmed though nothing was sent; final twice.
    caught("states", |history| {
        fact(history, "withdrawal_sending").fields["withdrawal_no"] = json!("W003");
    });
    let end = |number: &str, kind: &'static str| {
        let mut shop = busy();
        let fields =
            json!({"withdrawal_no": number, "amount": 100, "day": "2026-11-25", "by": "key2"});
        shop.record(kind, fields);
        shop.close_books()
    };
    for (number, kind) in [
        ("W001", "withdrawal_failed"),
        ("W001", "withdrawal_succeeded"),
        ("W002", "withdrawal_succeeded"),
        ("W003", "withdrawal_approved"),
        ("W004", "withdrawal_unknown"),
        ("W004", "withdrawal_succeeded"),
        ("W777", "withdrawal_sending"),
    ] {
        expect("states", &end(number, kind));
    }
}

#[test]
fn a_bank_run_is_confirmed_without_being_sent() {
    let mut shop = Shop::new(&Rules { payout_by_wechat: false, ..rules() });
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    shop.withdraw_all_settled("W001");
    let confirm = Request::Confirm { withdrawal_no: "W001".into(), succeeded: true };
    shop.go_on("W001", confirm, "succeeded");
    let mut history = shop.close_books();
    right(&history);
    fact(&mut history, "withdrawal_succeeded").kind = "withdrawal_sending";
    expect("states", &chained(history));
}

#[test]
fn a_transfer_without_a_recorded_sending_is_caught() {
    let mut shop = busy();
    shop.review("W004", true, "key2");
    shop.transfer("W004", 55_723);
    expect("channel", &chained(shop.history.clone()));
    shop.send("W004");
    right(&chained(shop.history.clone()));
    shop.told("W004", TransferOutcome::NotFound);
    expect("channel", &shop.close_books());
}
