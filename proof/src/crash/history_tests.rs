//! Calls and answers over HTTP, and what they become.

use serde_json::json;

use super::*;

#[track_caller]
fn check(what: &What, (status, body): (u16, Value), expected: (Request, Answer)) {
    assert_eq!((request(what), answer(what, &Reply { status, body })), expected);
}

#[test]
fn a_number_that_is_made_for_a_key_is_left_to_the_server() {
    let order = Order { order_no: "O1".into(), amount: 5, status: "open", payment: None };
    check(
        &What::Open { name: Name::Key("key 1".into()), amount: 5 },
        (201, json!({"order_no": "O1", "amount_fen": 5, "status": "open"})),
        (
            Request::Open {
                order_no: String::new(),
                key: Some("key 1".into()),
                amount: 5,
                by_wechat: false,
            },
            Answer::Done { fresh: true, thing: Thing::Order(order) },
        ),
    );
}

#[test]
fn a_repeated_payment_is_done_and_not_fresh() {
    let payment = Payment { transaction_id: "TO1".into(), booked: 5, fee: 1, paid_seq: 3 };
    let order = Order { order_no: "O1".into(), amount: 5, status: "paid", payment: Some(payment) };
    let body = json!({
        "order_no": "O1", "amount_fen": 5, "status": "paid", "transaction_id": "TO1", "booked_fen": 5, "refunded_fen": 0,
        "fee_fen": 1, "paid_seq": 3,
    });
    check(
        &What::Pay { order_no: "O1".into(), amount: 5, paid_at: None },
        (200, body),
        (
            Request::Pay {
                order_no: "O1".into(),
                transaction_id: "TO1".into(),
                amount: 5,
                booked: 5,
                by_hand: true,
            },
            Answer::Done { fresh: false, thing: Thing::Payment(None, Some(order)) },
        ),
    );
}

#[test]
fn a_settlement_that_moved_nothing_is_none() {
    let settlement = Settlement {
        settlement_no: "S1".into(),
        orders: 2,
        gross: 10,
        refunded: 0,
        fee: 1,
        first_paid_seq: 4,
        last_paid_seq: 5,
        through: String::new(),
    };
    let body = json!({
        "settlement_no": "S1", "orders": 2, "gross_fen": 10, "refunded_fen": 0, "fee_fen": 1,
        "first_paid_seq": 4, "last_paid_seq": 5,
    });
    let what = What::Settle { name: Name::Number("S1".into()), include_not_due: true };
    let request = Request::Settle { settlement_no: "S1".into(), key: None, include_not_due: true };
    let thing = Thing::Settlement(Some(settlement));
    check(&what, (201, body), (request.clone(), Answer::Done { fresh: true, thing }));
    let nothing = Answer::Done { fresh: false, thing: Thing::Settlement(None) };
    check(&what, (200, json!({"settlement_no": null, "orders": 0})), (request, nothing));
}

#[test]
fn a_refusal_says_what_is_available() {
    let request = Request::Withdraw {
        withdrawal_no: "W1".into(),
        key: None,
        amount: None,
        settle_first: true,
        settlement_no: String::new(),
        by: String::new(),
    };
    let what = What::Withdraw { name: Name::Number("W1".into()), amount: None, settle_first: true };
    let refused = json!({"code": "balance_insufficient", "available_fen": 3});
    let refusal = Answer::Refused { code: "balance_insufficient", available: Some(3) };
    check(&what, (422, refused), (request, refusal));
}

#[test]
fn what_did_not_happen_and_what_nobody_knows_are_two_things() {
    for (status, code, answer) in [
        (429, "busy", Answer::NotDone),
        (503, "unavailable", Answer::NotDone),
        (503, "outcome_unknown", Answer::Unknown),
    ] {
        check(&What::Read, (status, json!({"code": code})), (Request::Read, answer));
    }
}

#[test]
fn an_answer_with_an_unknown_word_or_without_an_amount_fits_nothing() {
    let order = Order { order_no: "O1".into(), amount: Fen::MIN, status: "", payment: None };
    check(
        &What::Close { order_no: "O1".into() },
        (200, json!({"order_no": "O1", "status": "lost"})),
        (
            Request::Close { order_no: "O1".into() },
            Answer::Done { fresh: false, thing: Thing::Order(order) },
        ),
    );
}
