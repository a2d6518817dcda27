//! Cases about anything, and merchants that are frozen, suspended or closed: right histories, and wrong ones.

use serde_json::json;

use super::checks::{busy, chained, expect, right, rules, say};
use super::shop::{SHOP, Shop};
use crate::history::{Desk, Request, Thing, TransferOutcome, Withdrawal};

fn stand(shop: &mut Shop, change: &'static str) {
    let fields = json!({"change": change, "reason": "a look", "by": "key1", "case_id": null});
    shop.record("standing_changed", fields);
    let shown = shop.stored().balance.clone().unwrap();
    shop.done(Request::Desk(Desk::Stand { change, seen: None }), true, Thing::Merchant(shown));
}

/// Opens a case about a line of a bill.
fn raise(shop: &mut Shop, subject: &str, fresh: bool) {
    let (kind, id) = ("bill_only", format!("{SHOP}-{subject}"));
    if fresh {
        let case = json!({"case_id": id, "kind": kind, "amount": 500, "facts": []});
        shop.record("case_raised", json!({ "case": case }));
        shop.stored().cases.push((id.clone(), kind));
    }
    let raise = Desk::Raise { kind, subject: subject.into(), amount: Some(500) };
    shop.done(Request::Desk(raise), fresh, Thing::Case(id, kind));
}

fn resolve(shop: &mut Shop, subject: &str, recorded: bool) {
    let id = format!("{SHOP}-{subject}");
    if recorded {
        let fields = json!({"case_id": id, "by": "key1", "note": "so", "remedy": "accept"});
        shop.record("case_resolved", fields);
    }
    let resolve = Desk::Resolve { case_id: id.clone(), remedy: Some("accept") };
    shop.done(Request::Desk(resolve), recorded, Thing::Case(id, "bill_only"));
}

#[test]
fn decisions_that_are_right_break_no_claim() {
    let mut shop = busy();
    raise(&mut shop, "line 7", true);
    raise(&mut shop, "line 7", false);
    resolve(&mut shop, "line 7", true);
    resolve(&mut shop, "line 7", false);
    stand(&mut shop, "freeze");
    shop.refused(Shop::withdraw_request("W050", Some(300)), "withdrawals_frozen");
    stand(&mut shop, "unfreeze");
    stand(&mut shop, "suspend");
    let open = Request::Open { order_no: "A050".into(), key: None, amount: 5, by_wechat: true };
    shop.refused(open, "merchant_suspended");
    stand(&mut shop, "resume");
    shop.open("A051", 5, true);
    right(&shop.close_books());
}

#[test]
fn a_frozen_merchant_that_is_paid_out_is_caught() {
    let mut shop = busy();
    stand(&mut shop, "freeze");
    shop.withdraw("W050", Some(300));
    say("states", "frozen: true", &shop.close_books());
}

#[test]
fn an_order_of_a_suspended_merchant_and_a_closing_of_one_with_money_are_caught() {
    let mut shop = Shop::new(&rules());
    stand(&mut shop, "suspend");
    shop.open("A001", 10_000, true);
    say("states", "suspended", &shop.close_books());
    let mut shop = busy();
    stand(&mut shop, "close");
    expect("states", &shop.close_books());
}

#[test]
fn a_refusal_for_a_freeze_that_is_none_is_caught() {
    let mut shop = busy();
    shop.refused(Shop::withdraw_request("W050", Some(300)), "withdrawals_frozen");
    expect("linearizable", &shop.close_books());
}

#[test]
fn a_case_that_is_opened_or_resolved_twice_or_by_nobody_is_caught() {
    let mut shop = busy();
    raise(&mut shop, "line 7", true);
    raise(&mut shop, "line 7", true);
    expect("nothing_unasked", &shop.close_books());
    let mut shop = busy();
    raise(&mut shop, "line 7", true);
    resolve(&mut shop, "line 7", true);
    resolve(&mut shop, "line 7", true);
    expect("states", &shop.close_books());
    let mut shop = busy();
    raise(&mut shop, "line 7", true);
    let fields =
        json!({"case_id": format!("{SHOP}-line 7"), "by": "key1", "note": "so", "remedy": null});
    shop.record("case_resolved", fields);
    expect("nothing_unasked", &chained(shop.close_books()));
    let mut shop = busy();
    resolve(&mut shop, "line 7", false);
    expect("durable", &shop.close_books());
}

/// A case that freezes its merchant opens, and does so if it is to.
fn raise_freezing(shop: &mut Shop, freezes: bool) {
    shop.history.freeze_on = Some(vec!["bill_only"]);
    let id = format!("{SHOP}-line 9");
    let case = json!({"case_id": id, "kind": "bill_only", "amount": 500, "facts": []});
    shop.record("case_raised", json!({ "case": case }));
    shop.stored().cases.push((id.clone(), "bill_only"));
    if freezes {
        let fields = json!({"change": "freeze", "reason": "a case", "by": null, "case_id": id});
        shop.record("standing_changed", fields);
    }
    let raise = Desk::Raise { kind: "bill_only", subject: "line 9".into(), amount: Some(500) };
    shop.done(Request::Desk(raise), true, Thing::Case(id, "bill_only"));
}

#[test]
fn a_case_that_is_to_freeze_its_merchant_does_and_nothing_else_does_by_itself() {
    let mut shop = busy();
    raise_freezing(&mut shop, true);
    stand(&mut shop, "unfreeze");
    right(&shop.close_books());
    let mut shop = busy();
    raise_freezing(&mut shop, false);
    say("states", "opens case", &shop.close_books());
    let mut shop = busy();
    raise_freezing(&mut shop, true);
    shop.history.freeze_on = Some(vec!["paid_twice"]);
    say("states", "opens case", &shop.close_books());
    let mut shop = busy();
    let fields = json!({"change": "freeze", "reason": "?", "by": null, "case_id": "none"});
    shop.record("standing_changed", fields);
    let history = shop.close_books();
    say("states", "no case right before it", &history);
    expect("nothing_unasked", &history);
}

fn attest_request(succeeded: bool, by: &str) -> Request {
    Request::Desk(Desk::Attest { withdrawal_no: "W001".into(), succeeded, by: by.into() })
}

/// An admin says what became of `W001`.
fn attest(shop: &mut Shop, succeeded: bool, by: &str) {
    let fields = json!({"withdrawal_no": "W001", "succeeded": succeeded, "reference": "",
        "reason": "seen", "by": by});
    shop.record("withdrawal_attested", fields);
    let shown = Withdrawal { status: "unknown", ..shop.stored().withdrawals[0].clone() };
    shop.done(attest_request(succeeded, by), true, Thing::Withdrawal(shown));
}

/// A shop whose only transfer is unknown.
fn unknown() -> Shop {
    let mut shop = Shop::new(&rules());
    shop.open("A001", 10_000, true);
    shop.pay("A001", "t1");
    shop.settle("S001", false);
    shop.withdraw("W001", Some(4_000));
    shop.send("W001");
    shop.told("W001", TransferOutcome::Unknown);
    shop
}

#[test]
fn two_admins_end_a_transfer_and_one_does_not() {
    let mut shop = unknown();
    attest(&mut shop, false, "key1");
    shop.refused(attest_request(false, "key1"), "forbidden");
    shop.go_on("W001", attest_request(false, "key2"), "failed");
    shop.read();
    right(&shop.close_books());
    for (first, second) in [((false, "key1"), "key1"), ((true, "key2"), "key1")] {
        let mut shop = unknown();
        attest(&mut shop, first.0, first.1);
        shop.go_on("W001", attest_request(false, second), "failed");
        expect("nothing_unasked", &shop.close_books());
    }
    let mut shop = unknown();
    shop.told("W001", TransferOutcome::Failed);
    attest(&mut shop, false, "key1");
    expect("states", &shop.close_books());
}

#[test]
fn refusals_of_decisions_that_are_not_so_are_caught() {
    let stands = |change| Request::Desk(Desk::Stand { change, seen: None });
    let resolves = |of: &str| {
        let case_id = format!("{SHOP}-{of}");
        Request::Desk(Desk::Resolve { case_id, remedy: None })
    };
    for (asked, code) in [
        (stands("suspend"), "merchant_closed"),
        (resolves("line 7"), "case_unknown"),
        (resolves("line 7"), "case_resolved"),
        (attest_request(true, "key1"), "withdrawal_unknown"),
        (attest_request(true, "key1"), "transfer_still_told"),
    ] {
        let mut shop = busy();
        raise(&mut shop, "line 7", true);
        shop.refused(asked, code);
        expect("linearizable", &shop.close_books());
    }
    let mut shop = Shop::new(&rules());
    let (change, seen) = ("close", Some(1));
    shop.refused(Request::Desk(Desk::Stand { change, seen }), "merchant_not_empty");
    expect("linearizable", &shop.close_books());
}
