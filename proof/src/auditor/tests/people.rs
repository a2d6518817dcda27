//! Cases about anything, and merchants that are frozen, suspended or closed: right histories, and wrong ones.

use serde_json::json;

use super::checks::{busy, chained, expect, right, rules, say};
use super::shop::{SHOP, Shop};
use crate::history::{Desk, Request, Thing};

fn stand(shop: &mut Shop, change: &'static str) {
    let fields = json!({"change": change, "reason": "a look", "by": "key1", "case_id": null});
    shop.record("standing_changed", fields);
    let shown = shop.stored().balance.clone().unwrap();
    shop.done(Request::Desk(Desk::Stand { change }), true, Thing::Merchant(shown));
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
