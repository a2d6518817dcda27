//! The sandbox refuses what WeChat refuses, in the layer in which WeChat does.

use tally_wechat::close_order::CloseRefusal;
use tally_wechat::sign::{nonce, sign};
use tally_wechat::unified_order::OrderRefusal;
use tally_wechat::{Fields, Outcome, Secret, SignType, xml};

use crate::support::{API_KEY, APP_ID, MCH_ID, OPENID, Stage, Taker, transfer};
use crate::walk::done;

/// Sends any fields, signed; answers `return_msg` when it was not taken, else the code, else SUCCESS.
async fn send(stage: &Stage, path: &str, fields: &Fields) -> String {
    let sign_type = fields.get("sign_type").and_then(|name| name.parse().ok());
    let signature = sign(fields, sign_type.unwrap_or(SignType::Md5), &Secret::new(API_KEY));
    raw(stage, path, xml::write(&fields.clone().with("sign", signature))).await
}

async fn raw(stage: &Stage, path: &str, body: String) -> String {
    let url = format!("{}{path}", stage.sandbox.url());
    let answer = stage.http.post(url).body(body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
    let fields = xml::parse(&answer.bytes().await.unwrap()).unwrap();
    let said = |name: &str| fields.get(name).unwrap().to_owned();
    if fields.get("return_code") == Some("FAIL") {
        assert_eq!(fields.get("sign"), None);
        return said("return_msg");
    }
    if fields.get("result_code") == Some("FAIL") { said("err_code") } else { said("result_code") }
}

async fn order(stage: &Stage, number: &str) -> Fields {
    let request = stage.order(number, "http://127.0.0.1:1/notify").await;
    common(request.fields().clone())
}

fn common(fields: Fields) -> Fields {
    fields.with("appid", APP_ID).with("mch_id", MCH_ID).with("nonce_str", nonce())
}

const ORDER: &str = "/pay/unifiedorder";

#[tokio::test]
async fn every_field_of_an_order_is_checked() {
    let stage = Stage::new().await;
    let good = order(&stage, "m1-A0001").await;
    let long = |count| "a".repeat(count);
    for (field, value, said) in [
        ("appid", "wx1", "APPID_MCHID_NOT_MATCH"),
        ("mch_id", "1900000110", "mch_id参数格式错误"),
        ("nonce_str", &long(33), "nonce_str参数长度有误"),
        ("sign_type", "SHA1", "sign_type参数格式错误"),
        ("body", &long(128), "body参数长度有误"),
        ("attach", &long(128), "attach参数长度有误"),
        ("attach", "", "attach参数长度有误"),
        ("out_trade_no", &long(33), "out_trade_no参数长度有误"),
        ("out_trade_no", "a@b123", "PARAM_ERROR"),
        ("out_trade_no", "short", "PARAM_ERROR"),
        ("fee_type", "USD", "PARAM_ERROR"),
        ("total_fee", "0", "PARAM_ERROR"),
        ("total_fee", "-1", "PARAM_ERROR"),
        ("total_fee", "12.80", "PARAM_ERROR"),
        ("total_fee", "01280", "PARAM_ERROR"),
        ("total_fee", "12800000000", "total_fee参数长度有误"),
        ("spbill_create_ip", "203.0.113.7, 10.0.0.1", "PARAM_ERROR"),
        ("spbill_create_ip", "::ffff:203.0.113.7", "PARAM_ERROR"),
        ("time_start", "2024-02-29", "PARAM_ERROR"),
        ("time_expire", "20240229180135", "PARAM_ERROR"),
        ("time_expire", "20240230180135", "PARAM_ERROR"),
        ("notify_url", "ftp://a/b", "PARAM_ERROR"),
        ("notify_url", "http://a/b?c=d", "PARAM_ERROR"),
        ("notify_url", &format!("http://{}", long(250)), "notify_url参数长度有误"),
        ("trade_type", "CASH", "PARAM_ERROR"),
        ("trade_type", "NATIVE", "NOAUTH"),
        ("openid", "o b", "PARAM_ERROR"),
        ("openid", &long(129), "openid参数长度有误"),
        ("limit_pay", "credit", "PARAM_ERROR"),
        ("merchant_note", "1", "PARAM_ERROR"),
    ] {
        let found = send(&stage, ORDER, &good.clone().with(field, value)).await;
        assert_eq!(found, said, "{field}: {value}");
    }
    for field in [
        "appid",
        "mch_id",
        "nonce_str",
        "body",
        "out_trade_no",
        "total_fee",
        "spbill_create_ip",
        "notify_url",
        "trade_type",
    ] {
        let mut without = good.clone();
        without.remove(field);
        assert_eq!(send(&stage, ORDER, &without).await, format!("缺少参数 {field}"));
    }
    let mut without = good.clone();
    without.remove("openid");
    assert_eq!(send(&stage, ORDER, &without).await, "PARAM_ERROR");
    assert_eq!(stage.get("books").await["orders_open"], 0);
    assert_eq!(send(&stage, ORDER, &good).await, "SUCCESS");
    assert_eq!(stage.get("books").await["orders_open"], 1);
}

#[tokio::test]
async fn what_is_not_signed_by_the_key_is_not_taken() {
    let stage = Stage::new().await;
    let good = order(&stage, "m1-A0001").await;
    let wrong = sign(&good, SignType::Md5, &Secret::new("another"));
    let lower = sign(&good, SignType::Md5, &Secret::new(API_KEY)).to_lowercase();
    for signature in [wrong, lower] {
        let body = xml::write(&good.clone().with("sign", signature));
        assert_eq!(raw(&stage, ORDER, body).await, "签名错误");
    }
    assert_eq!(raw(&stage, ORDER, xml::write(&good)).await, "缺少参数 sign");
    assert_eq!(raw(&stage, ORDER, String::new()).await, "post数据为空");
    for document in ["hello", "<xml>", "<!DOCTYPE xml><xml/>", "<xml><a><b/></a></xml>"] {
        assert_eq!(raw(&stage, ORDER, document.into()).await, "XML格式错误");
    }
    let url = format!("{}{ORDER}", stage.sandbox.url());
    let got = stage.http.get(url).send().await.unwrap().text().await.unwrap();
    assert!(got.contains("请使用post方法"));
    assert_eq!(stage.get("books").await["orders_open"], 0);
}

#[tokio::test]
async fn a_repeat_must_be_the_same_in_every_field() {
    let stage = Stage::new().await;
    let good = order(&stage, "m1-A0001").await;
    assert_eq!(send(&stage, ORDER, &good).await, "SUCCESS");
    assert_eq!(send(&stage, ORDER, &good.clone().with("nonce_str", nonce())).await, "SUCCESS");
    let hmac = good.clone().with("sign_type", "HMAC-SHA256");
    assert_eq!(send(&stage, ORDER, &hmac).await, "INVALID_REQUEST");
    for (field, value, said) in [
        ("total_fee", "1281", "INVALID_REQUEST"),
        ("body", "another", "INVALID_REQUEST"),
        ("notify_url", "http://127.0.0.1:1/another", "INVALID_REQUEST"),
        ("time_expire", "20990101000000", "INVALID_REQUEST"),
        ("attach", "more", "INVALID_REQUEST"),
        ("openid", "oAnother", "OUT_TRADE_NO_USED"),
    ] {
        let found = send(&stage, ORDER, &good.clone().with(field, value)).await;
        assert_eq!(found, said, "{field}");
    }
}

#[tokio::test]
async fn a_query_takes_either_number_and_nothing_else() {
    let stage = Stage::new().await;
    let taker = Taker::failing(0).await;
    done(stage.client.unified_order(&stage.order("m1-A0001", &taker.url).await).await);
    let transaction_id = stage.pay("m1-A0001").await;
    let query = "/pay/orderquery";
    let by = |name: &str, value: &str| common(Fields::new().with(name, value));
    let by_transaction = by("transaction_id", &transaction_id);
    assert_eq!(send(&stage, query, &by_transaction).await, "SUCCESS");
    assert_eq!(send(&stage, query, &by("out_trade_no", "m1-A0001")).await, "SUCCESS");
    assert_eq!(send(&stage, query, &by("out_trade_no", "m1-A0002")).await, "ORDERNOTEXIST");
    assert_eq!(send(&stage, query, &by("transaction_id", "42")).await, "ORDERNOTEXIST");
    assert_eq!(send(&stage, query, &common(Fields::new())).await, "PARAM_ERROR");
    let more = by_transaction.with("spbill_create_ip", "203.0.113.7");
    assert_eq!(send(&stage, query, &more).await, "PARAM_ERROR");
}

#[tokio::test]
async fn an_order_may_be_closed_after_five_minutes() {
    let stage = Stage::new().await;
    let taker = Taker::failing(0).await;
    for number in ["m1-A0001", "m1-A0002"] {
        done(stage.client.unified_order(&stage.order(number, &taker.url).await).await);
    }
    let early = stage.client.close_order("m1-A0001").await;
    assert!(matches!(early, Outcome::Refused(CloseRefusal::NotNow(_))), "{early:?}");
    stage.advance(300).await;
    done(stage.client.close_order("m1-A0001").await);
    done(stage.client.close_order("m1-A0001").await);
    stage.pay("m1-A0002").await;
    let paid = stage.client.close_order("m1-A0002").await;
    assert!(matches!(paid, Outcome::Refused(CloseRefusal::Paid(_))), "{paid:?}");
    let unknown = stage.client.close_order("m1-A0003").await;
    assert!(matches!(unknown, Outcome::Refused(CloseRefusal::NotFound(_))), "{unknown:?}");
    let request = stage.order("m1-A0001", &taker.url).await;
    let closed = stage.client.unified_order(&request).await;
    assert!(matches!(closed, Outcome::Refused(OrderRefusal::Closed(_))), "{closed:?}");
}

#[tokio::test]
async fn every_field_of_a_transfer_is_checked() {
    let stage = Stage::new().await;
    let path = "/mmpaymkttransfers/promotion/transfers";
    let good = transfer("W1", 100)
        .fields()
        .clone()
        .with("mch_appid", APP_ID)
        .with("mchid", MCH_ID)
        .with("nonce_str", nonce());
    for (field, value, said) in [
        ("mch_appid", "wx1", "APPID_MCHID_NOT_MATCH"),
        ("mchid", "1", "mchid参数格式错误"),
        ("partner_trade_no", "m1-W1", "PARAM_ERROR"),
        ("openid", "", "缺少参数 openid"),
        ("check_name", "OPTION_CHECK", "PARAM_ERROR"),
        ("check_name", "FORCE_CHECK", "PARAM_ERROR"),
        ("amount", "99", "AMOUNT_LIMIT"),
        ("amount", "1.00", "PARAM_ERROR"),
        ("desc", &"a".repeat(101), "desc参数长度有误"),
        ("sign_type", "MD5", "PARAM_ERROR"),
        ("appid", APP_ID, "PARAM_ERROR"),
    ] {
        let found = send(&stage, path, &good.clone().with(field, value)).await;
        assert_eq!(found, said, "{field}: {value}");
    }
    assert_eq!(stage.get("books").await["transfers"], 0);
    assert_eq!(send(&stage, path, &good).await, "SUCCESS");
    let other = good.clone().with("amount", "101");
    assert_eq!(send(&stage, path, &other).await, "FATAL_ERROR");
    let other = good.with("openid", OPENID.to_lowercase());
    assert_eq!(send(&stage, path, &other).await, "FATAL_ERROR");
    assert_eq!(stage.get("books").await["transferred_fen"], 100);
}

#[tokio::test]
async fn every_field_of_a_refund_and_its_query_is_checked() {
    let stage = Stage::new().await;
    let mut taker = Taker::failing(0).await;
    let paid = stage.paid("m1-A0001", &mut taker).await;
    let good = common(stage.refund(&paid, "m1-R0001", 640, &taker.url).fields().clone());
    let long = |count| "a".repeat(count);
    let path = "/secapi/pay/refund";
    for (field, value, said) in [
        ("appid", "wx1", "APPID_MCHID_NOT_MATCH"),
        ("mch_id", "1900000110", "mch_id参数格式错误"),
        ("transaction_id", "4-2", "PARAM_ERROR"),
        ("transaction_id", "42", "ORDERNOTEXIST"),
        ("out_refund_no", &long(65), "out_refund_no参数长度有误"),
        ("out_refund_no", "a b", "PARAM_ERROR"),
        ("out_refund_no", "", "缺少参数 out_refund_no"),
        ("total_fee", "1281", "REFUND_FEE_MISMATCH"),
        ("total_fee", "640", "REFUND_FEE_MISMATCH"),
        ("refund_fee", "0", "PARAM_ERROR"),
        ("refund_fee", "6.40", "PARAM_ERROR"),
        ("refund_fee", "1281", "ERROR"),
        ("refund_fee_type", "USD", "PARAM_ERROR"),
        ("refund_desc", &long(81), "refund_desc参数长度有误"),
        ("refund_account", "BASIC", "PARAM_ERROR"),
        ("notify_url", "http://a/b?c=d", "PARAM_ERROR"),
        ("op_user_id", "1900000109", "PARAM_ERROR"),
    ] {
        let found = send(&stage, path, &good.clone().with(field, value)).await;
        assert_eq!(found, said, "{field}: {value}");
    }
    assert_eq!(send(&stage, path, &good).await, "SUCCESS");
    assert_eq!(send(&stage, path, &good.clone().with("refund_desc", "other")).await, "ERROR");

    let query = common(Fields::new());
    let path = "/pay/refundquery";
    for (field, value, said) in [
        ("out_refund_no", "m1-R0001", "SUCCESS"),
        ("out_refund_no", "m1-R0002", "REFUNDNOTEXIST"),
        ("refund_id", "50", "REFUNDNOTEXIST"),
        ("out_trade_no", "m1-A0001", "SUCCESS"),
        ("out_trade_no", "m1-A0002", "REFUNDNOTEXIST"),
        ("offset", "0", "PARAM_ERROR"),
        ("refund_no", "m1-R0001", "PARAM_ERROR"),
    ] {
        let found = send(&stage, path, &query.clone().with(field, value)).await;
        assert_eq!(found, said, "{field}: {value}");
    }
    let beyond = query.with("out_trade_no", "m1-A0001").with("offset", "1");
    assert_eq!(send(&stage, path, &beyond).await, "REFUNDNOTEXIST");
}

#[tokio::test]
async fn every_field_of_a_bill_is_checked() {
    let stage = Stage::new().await;
    let good = common(Fields::new().with("bill_date", "20240229"));
    for (field, value, said) in [
        ("bill_date", "20240230", "data format error"),
        ("bill_date", "2024-2-9", "bill_date参数格式错误"),
        ("bill_date", "", "缺少参数 bill_date"),
        ("bill_type", "ALL", "No Bill Exist"),
        ("bill_type", "all", "bill_type参数格式错误"),
        ("tar_type", "ZIP", "tar_type参数格式错误"),
        ("account_type", "Basic", "输入了多余的参数 account_type"),
    ] {
        let found = send(&stage, "/pay/downloadbill", &good.clone().with(field, value)).await;
        assert_eq!(found, said, "{field}: {value}");
    }
    let flow = good.with("account_type", "Basic").with("sign_type", "HMAC-SHA256");
    for (field, value, said) in [
        ("account_type", "Basic", "NO_BILL_EXIST"),
        ("account_type", "basic", "PARAM_ERROR"),
        ("sign_type", "MD5", "PARAM_ERROR"),
        ("bill_type", "ALL", "PARAM_ERROR"),
    ] {
        let found = send(&stage, "/pay/downloadfundflow", &flow.clone().with(field, value)).await;
        assert_eq!(found, said, "{field}: {value}");
    }
}

#[tokio::test]
async fn a_login_needs_the_right_secret() {
    let stage = Stage::new().await;
    let ask = async |query: &str| -> i64 {
        let url = format!("{}/sns/jscode2session?{query}", stage.sandbox.url());
        let text = stage.http.get(url).send().await.unwrap().text().await.unwrap();
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        answer["errcode"].as_i64().unwrap()
    };
    let grant = "grant_type=authorization_code";
    let secret = crate::support::APP_SECRET;
    for (query, errcode) in [
        (format!("secret=s&js_code=c&{grant}"), 41002),
        (format!("appid={APP_ID}&js_code=c&{grant}"), 41004),
        (format!("appid={APP_ID}&secret=s&{grant}"), 41008),
        (format!("appid=wx1&secret={secret}&js_code=c&{grant}"), 40013),
        (format!("appid={APP_ID}&secret=s&js_code=c&{grant}"), 40125),
        (format!("appid={APP_ID}&secret={secret}&js_code=c&grant_type=x"), 40002),
        (format!("appid={APP_ID}&secret={secret}&js_code=c&{grant}"), 40029),
    ] {
        assert_eq!(ask(&query).await, errcode, "{query}");
    }
}
