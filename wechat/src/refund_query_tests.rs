//! Refunds as WeChat tells them: one, many, none, and answers that tell nothing.

use super::*;
use proptest::prelude::*;

/// An answer that tells so many refunds of one payment, from an offset on.
fn told(count: u64, offset: u64) -> Fields {
    let mut fields = Fields::new()
        .with("transaction_id", "42")
        .with("out_trade_no", "m1-A0001")
        .with("total_fee", "1280")
        .with("refund_fee", "20")
        .with("refund_count", count.to_string());
    for n in 0..count {
        fields.set(&format!("out_refund_no_{n}"), format!("m1-R{:04}", offset + n));
        fields.set(&format!("refund_id_{n}"), format!("50{:04}", offset + n));
        fields.set(&format!("refund_fee_{n}"), (10 + offset + n).to_string());
        fields.set(&format!("refund_status_{n}"), "PROCESSING");
    }
    fields
}

fn one() -> Fields {
    told(1, 0)
}

#[test]
fn each_state_has_its_meaning_and_a_new_one_is_doubt() {
    for (name, state) in [
        ("SUCCESS", RefundState::Success),
        ("REFUNDCLOSE", RefundState::Closed),
        ("PROCESSING", RefundState::Processing),
        ("CHANGE", RefundState::Change),
    ] {
        let Outcome::Done(found) = outcome(Ok(one().with("refund_status_0", name)), "m1-R0000")
        else {
            panic!("{name}")
        };
        assert_eq!((found.state, found.refund_fee), (state, 10));
    }
    for name in ["FAIL", "NOTSURE", "NEW_IN_2031", ""] {
        let said = outcome(Ok(one().with("refund_status_0", name)), "m1-R0000");
        assert_eq!(said, Outcome::Unknown(Doubt::Field("refund_status_n")), "{name}");
    }
}

#[test]
fn coupons_and_the_misspelt_field_are_read() {
    let fields = one()
        .with("settlement_refund_fee_0", "7")
        .with("coupon_refund_fee_0", "3")
        .with("coupon_refund_count_0", "2")
        .with("coupon_refund_id_0_0", "100")
        .with("coupon_refund_fee_0_0", "1")
        .with("coupon_type_0_1", "CASH")
        .with("coupon_refund_id_0_1", "101")
        .with("coupon_refund_fee_0_1", "2")
        .with("refund_status_0", "SUCCESS")
        .with("refund_recv_accout_0", "支付用户零钱")
        .with("refund_success_time_0", "2024-02-29 18:01:35");
    let Outcome::Done(found) = outcome(Ok(fields.clone()), "m1-R0000") else { panic!("found") };
    assert_eq!((found.settlement_refund_fee, found.coupon_refund_fee), (Some(7), Some(3)));
    let coupon = |id: &str, kind: Option<&str>, fee| RefundedCoupon {
        id: id.into(),
        kind: kind.map(str::to_owned),
        fee,
    };
    assert_eq!(found.coupons, [coupon("100", None, 1), coupon("101", Some("CASH"), 2)]);
    assert_eq!(found.received_by.as_deref(), Some("支付用户零钱"));
    assert_eq!(found.success_at_ms, Some(1_709_200_895_000));
    for (field, value, fault) in [
        ("coupon_refund_count_0", "3", "coupon_refund_id_n_m"),
        ("coupon_refund_count_0", "101", "coupon_refund_count_n"),
        ("coupon_refund_fee_0_1", "", "coupon_refund_fee_n_m"),
        ("coupon_refund_fee_0_1", "1.0", "amount or count of a refund"),
        ("refund_fee_0", "", "refund_fee_n"),
        ("refund_id_0", "", "refund_id_n"),
        ("refund_count", "", "refund_count"),
        ("refund_count", "51", "refund_count"),
        ("refund_count", "0", "refund_count"),
    ] {
        let said = outcome(Ok(fields.clone().with(field, value)), "m1-R0000");
        assert_eq!(said, Outcome::Unknown(Doubt::Field(fault)), "{field}: {value}");
    }
}

#[test]
fn an_answer_about_another_refund_or_payment_is_doubt() {
    let said = outcome(Ok(one()), "m1-R0001");
    assert_eq!(said, Outcome::Unknown(Doubt::Foreign("out_refund_no_0")));
    let said = order_outcome(Ok(one()), "43", 0);
    assert_eq!(said, Outcome::Unknown(Doubt::Foreign("transaction_id")));
}

#[test]
fn a_refund_that_wechat_does_not_know_is_not_one_that_failed() {
    let refused = |name: &str| outcome(Err(Code::new(name, "")), "m1-R0001");
    let code = Code::new("REFUNDNOTEXIST", "");
    assert_eq!(refused("REFUNDNOTEXIST"), Outcome::Refused(RefundQueryRefusal::NotFound(code)));
    for name in ["INVALID_TRANSACTIONID", "SIGNERROR", "PARAM_ERROR"] {
        let said = refused(name);
        assert!(matches!(said, Outcome::Refused(RefundQueryRefusal::Configuration(_))), "{name}");
    }
    for name in ["SYSTEMERROR", "NEW_IN_2031"] {
        assert_eq!(refused(name), Outcome::Unknown(Doubt::Code(Code::new(name, ""))));
    }
}

proptest! {
    /// However many there are, walking by `next_offset` finds each once, whether WeChat says the total or not.
    #[test]
    fn the_parts_hold_each_refund_once(total in 0..=50_u64, says_total in any::<bool>()) {
        let (mut offset, mut found, mut parts) = (0, vec![], 0);
        loop {
            let mut answer = told(10.min(total - offset), offset);
            if says_total {
                answer.set("total_refund_count", total.to_string());
            }
            let Outcome::Done(part) = order_outcome(Ok(answer), "42", offset) else { panic!("told") };
            found.extend(part.refunds.into_iter().map(|refund| refund.out_refund_no));
            parts += 1;
            match part.next_offset {
                Some(next) => offset = next,
                None => break,
            }
        }
        let all: Vec<_> = (0..total).map(|n| format!("m1-R{n:04}")).collect();
        prop_assert_eq!(found, all);
        prop_assert!(!says_total || parts == total.div_ceil(10).max(1), "{} parts", parts);
    }

    #[test]
    fn no_answer_makes_it_panic(changes in prop::collection::vec((0..9_usize, 0..3_u8, ".{0,20}"), 0..6)) {
        const NAMES: [&str; 9] = ["out_refund_no", "refund_id", "refund_fee", "refund_status", "coupon_refund_count",
            "coupon_refund_id_0", "coupon_refund_fee_0", "settlement_refund_fee", "refund_success_time"];
        let mut fields = told(2, 0);
        for (at, n, value) in changes {
            fields.set(&format!("{}_{n}", NAMES[at]), &value);
            fields.set("refund_count", value);
        }
        let _ = order_outcome(Ok(fields.clone()), "42", 0);
        if let Outcome::Done(found) = outcome(Ok(fields), "m1-R0001") {
            prop_assert_eq!(found.out_refund_no, "m1-R0001");
        }
    }
}
