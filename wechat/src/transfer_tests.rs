//! When a transfer has happened, when it has failed, and when neither is known.

use super::*;

const OURS: Account<'_> = Account { app_id: "wx1", mch_id: "19" };

fn new() -> NewTransfer<'static> {
    NewTransfer {
        partner_trade_no: "W1", openid: "o1", amount: 100, desc: "提现", real_name: None
    }
}

#[test]
fn a_request_is_kept_and_sent_again_as_it_was() {
    let request = Transfer::new(NewTransfer { real_name: Some("王小明"), ..new() }).unwrap();
    let kept = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<Transfer>(&kept).unwrap(), request);
    assert_eq!(request.fields().get("check_name"), Some("FORCE_CHECK"));
    assert_eq!(Transfer::new(new()).unwrap().fields().get("re_user_name"), None);
}

#[test]
fn what_wechat_would_not_take_names_its_field() {
    for (bad, field) in [
        (NewTransfer { partner_trade_no: "m1-W1", ..new() }, "partner_trade_no"),
        (NewTransfer { partner_trade_no: "", ..new() }, "partner_trade_no"),
        (
            NewTransfer { partner_trade_no: "W2345678901234567890123456789", ..new() },
            "partner_trade_no",
        ),
        (NewTransfer { openid: "", ..new() }, "openid"),
        (NewTransfer { amount: 0, ..new() }, "amount"),
        (NewTransfer { desc: "\n", ..new() }, "desc"),
        (NewTransfer { real_name: Some(""), ..new() }, "re_user_name"),
    ] {
        assert_eq!(Transfer::new(bad).unwrap_err().field, field);
    }
}

#[test]
fn no_code_of_the_call_is_a_certain_failure() {
    for (name, then) in CODES {
        let code = Code::new(name, "");
        let expected = match then {
            Then::Ask => Outcome::Unknown(Doubt::Code(code.clone())),
            Then::Later => Outcome::Refused(TransferRefusal::Later(code.clone())),
            Then::Person => Outcome::Refused(TransferRefusal::Person(code.clone())),
        };
        assert_eq!(outcome(Err(code), OURS, "W1"), expected);
    }
    for name in ["SYSTEMERROR", "SEND_FAILED", "NEW_IN_2031"] {
        let code = Code::new(name, "");
        assert_eq!(outcome(Err(code.clone()), OURS, "W1"), Outcome::Unknown(Doubt::Code(code)));
    }
}

#[test]
fn a_success_names_its_number() {
    let good = Fields::new()
        .with("partner_trade_no", "W1")
        .with("payment_no", "10000")
        .with("payment_time", "2024-02-29 18:01:35");
    let done = Transferred { payment_no: "10000".into(), paid_at_ms: Some(1_709_200_895_000) };
    assert_eq!(outcome(Ok(good.clone()), OURS, "W1"), Outcome::Done(done));
    for (fields, doubt) in [
        (good.clone().with("partner_trade_no", "W2"), Doubt::Foreign("partner_trade_no")),
        (good.clone().with("payment_no", ""), Doubt::Field("payment_no")),
        (good.with("mchid", "20"), Doubt::Foreign("mchid")),
    ] {
        assert_eq!(outcome(Ok(fields), OURS, "W1"), Outcome::Unknown(doubt));
    }
}

#[test]
fn only_the_query_tells_a_failure() {
    let answer = |status: &str| {
        let fields = Fields::new()
            .with("partner_trade_no", "W1")
            .with("status", status)
            .with("reason", "余额不足")
            .with("payment_amount", "100")
            .with("detail_id", "10000");
        query_outcome(Ok(fields), OURS, "W1")
    };
    let paid =
        TransferState::Succeeded { amount: 100, payment_no: "10000".into(), paid_at_ms: None };
    assert_eq!(answer("SUCCESS"), Outcome::Done(paid));
    let reason = Code::new("FAILED", "余额不足");
    assert_eq!(answer("FAILED"), Outcome::Done(TransferState::Failed { reason }));
    assert_eq!(answer("PROCESSING"), Outcome::Done(TransferState::Processing));
    assert_eq!(answer("NEW_IN_2031"), Outcome::Unknown(Doubt::Field("status")));
    let absent = query_outcome(Err(Code::new("NOT_FOUND", "")), OURS, "W1");
    assert_eq!(absent, Outcome::Done(TransferState::NotFound));
    let busy = Code::new("FREQ_LIMIT", "");
    assert_eq!(query_outcome(Err(busy.clone()), OURS, "W1"), Outcome::Unknown(Doubt::Code(busy)));
}
