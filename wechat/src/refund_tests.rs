//! When a refund was taken, when it certainly was not, and when neither is known.

use super::*;
use proptest::prelude::*;

fn new() -> NewRefund<'static> {
    NewRefund {
        transaction_id: "42",
        out_refund_no: "m1-R0001",
        total_fee: 1280,
        refund_fee: 640,
        desc: None,
        notify_url: "https://pay.example.com/notify/m1/refund",
        sign_type: SignType::HmacSha256,
    }
}

fn answer() -> Fields {
    Fields::new()
        .with("transaction_id", "42")
        .with("out_trade_no", "m1-A0001")
        .with("out_refund_no", "m1-R0001")
        .with("refund_id", "50")
        .with("total_fee", "1280")
        .with("refund_fee", "640")
}

#[test]
fn a_request_is_kept_and_sent_again_as_it_was() {
    let request = Refund::new(NewRefund { desc: Some("断货\n了"), ..new() }).unwrap();
    let kept = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Refund>(&kept).unwrap(), request);
    assert_eq!(request.fields().get("refund_desc"), Some("断货了"));
    assert_eq!(request.sign_type(), SignType::HmacSha256);
    assert_eq!(Refund::new(new()).unwrap().fields().get("refund_desc"), None);
}

#[test]
fn what_wechat_would_not_take_names_its_field() {
    let long = "R".repeat(65);
    for (bad, field) in [
        (NewRefund { transaction_id: "", ..new() }, "transaction_id"),
        (NewRefund { transaction_id: "4-2", ..new() }, "transaction_id"),
        (NewRefund { out_refund_no: "", ..new() }, "out_refund_no"),
        (NewRefund { out_refund_no: "m1@R1", ..new() }, "out_refund_no"),
        (NewRefund { out_refund_no: &long, ..new() }, "out_refund_no"),
        (NewRefund { refund_fee: 0, ..new() }, "refund_fee"),
        (NewRefund { refund_fee: 1281, ..new() }, "refund_fee"),
        (NewRefund { desc: Some("\n"), ..new() }, "refund_desc"),
        (NewRefund { notify_url: "https://a/b?c", ..new() }, "notify_url"),
    ] {
        assert_eq!(Refund::new(bad).unwrap_err().field, field);
    }
}

#[test]
fn each_code_has_its_class_and_a_new_one_is_doubt() {
    let request = Refund::new(new()).unwrap();
    for (name, then) in CODES {
        let code = Code::new(name, "");
        let expected = match then {
            Then::Ask => Outcome::Unknown(Doubt::Code(code.clone())),
            Then::NoMoney => Outcome::Refused(RefundRefusal::NoMoney(code.clone())),
            Then::Later => Outcome::Refused(RefundRefusal::Later(code.clone())),
            Then::Final => Outcome::Refused(RefundRefusal::Final(code.clone())),
            Then::Person => Outcome::Refused(RefundRefusal::Person(code.clone())),
        };
        assert_eq!(outcome(Err(code), &request), expected);
    }
    for name in ["SYSTEMERROR", "REFUND_FEE_MISMATCH", "NEW_IN_2031"] {
        let code = Code::new(name, "");
        assert_eq!(
            outcome(Err(code.clone()), &request),
            Outcome::Unknown(Doubt::Code(code)),
            "{name} proves nothing"
        );
    }
    let code = Code::new("NOTENOUGH", "");
    let waits = Outcome::Refused(RefundRefusal::NoMoney(code.clone()));
    assert_eq!(outcome(Err(code), &request), waits);
}

#[test]
fn a_refund_was_taken_only_when_the_answer_is_about_it_and_all_of_it() {
    let request = Refund::new(new()).unwrap();
    let coupons = answer().with("cash_refund_fee", "540").with("coupon_refund_fee", "100");
    let Outcome::Done(taken) = outcome(Ok(coupons), &request) else { panic!("taken") };
    assert_eq!((taken.refund_id.as_str(), taken.out_trade_no.as_str()), ("50", "m1-A0001"));
    assert_eq!((taken.cash_refund_fee, taken.coupon_refund_fee), (Some(540), Some(100)));
    assert_eq!(taken.settlement_refund_fee, None);
    for (fields, doubt) in [
        (answer().with("out_refund_no", "m1-R0002"), Doubt::Foreign("out_refund_no")),
        (answer().with("transaction_id", "43"), Doubt::Foreign("transaction_id")),
        (answer().with("refund_fee", "641"), Doubt::Foreign("refund_fee")),
        (answer().with("total_fee", "640"), Doubt::Foreign("total_fee")),
        (answer().with("refund_fee", "6.40"), Doubt::Field("refund_fee")),
        (answer().with("refund_id", ""), Doubt::Field("refund_id")),
        (answer().with("cash_refund_fee", "-1"), Doubt::Field("cash_refund_fee")),
    ] {
        assert_eq!(outcome(Ok(fields), &request), Outcome::Unknown(doubt));
    }
}

proptest! {
    #[test]
    fn no_answer_makes_it_panic_or_takes_another_refund_for_ours(changes in prop::collection::vec((0..9_usize, ".{0,20}"), 0..4)) {
        const NAMES: [&str; 9] = ["transaction_id", "out_trade_no", "out_refund_no", "refund_id", "total_fee",
            "refund_fee", "settlement_refund_fee", "cash_refund_fee", "coupon_refund_fee"];
        let request = Refund::new(new()).unwrap();
        let mut fields = answer();
        for (at, value) in changes {
            fields.set(NAMES[at], value);
        }
        if let Outcome::Done(taken) = outcome(Ok(fields.clone()), &request) {
            prop_assert_eq!(fields.get("out_refund_no"), Some("m1-R0001"));
            prop_assert_eq!(fields.get("refund_fee").and_then(|fee| fee.parse::<u64>().ok()), Some(640));
            prop_assert_eq!(fields.get("refund_id"), Some(taken.refund_id.as_str()));
        }
    }
}
