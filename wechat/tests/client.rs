//! The client against a server that misbehaves: whatever can't be verified is unknown, and nothing secret is told.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use tally_wechat::errors::{Code, Message};
use tally_wechat::fields::Fields;
use tally_wechat::order_query::OrderState;
use tally_wechat::refund::{NewRefund, Refund, RefundRefusal};
use tally_wechat::refund_query::RefundState;
use tally_wechat::sign::{SignFault, sign};
use tally_wechat::transfer::{NewTransfer, Transfer, TransferRefusal};
use tally_wechat::unified_order::{NewOrder, OrderRefusal, Prepaid, UnifiedOrder};
use tally_wechat::{Client, Config, Doubt, Keys, Outcome, Secret, SignType, xml};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

const APP_SECRET: &str = "app-secret-of-the-test";
const API_KEY: &str = "api-key-of-the-test";

fn config(address: &str, timeout: Duration) -> Config {
    Config {
        app_id: "wx1".into(),
        app_secret: Secret::new(APP_SECRET),
        mch_id: "1900000109".into(),
        keys: Keys { current: Secret::new(API_KEY), old: None },
        sign_type: SignType::HmacSha256,
        api_url: format!("http://{address}"),
        pay_url: format!("http://{address}"),
        timeout,
        certificate: None,
    }
}

/// A server that reads one request, answers with these bytes, and gives back what it read.
async fn answering(answer: Vec<u8>) -> (Client, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        let mut buffer = [0; 4096];
        while !complete(&request) {
            let read = stream.read(&mut buffer).await.unwrap();
            request.extend_from_slice(&buffer[..read]);
        }
        let _ = stream.write_all(&answer).await;
        let _ = stream.shutdown().await;
        String::from_utf8(request).unwrap()
    });
    (Client::new(config(&address, Duration::from_secs(20))).unwrap(), served)
}

fn complete(request: &[u8]) -> bool {
    request.ends_with(b"</xml>") || (request.starts_with(b"GET") && request.ends_with(b"\r\n\r\n"))
}

fn ok(body: &str) -> Vec<u8> {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn signed(fields: Fields) -> String {
    let signature = sign(&fields, SignType::HmacSha256, &Secret::new(API_KEY));
    xml::write(&fields.with("sign", signature))
}

fn good() -> Fields {
    Fields::new()
        .with("return_code", "SUCCESS")
        .with("result_code", "SUCCESS")
        .with("appid", "wx1")
        .with("mch_id", "1900000109")
}

fn order() -> UnifiedOrder {
    UnifiedOrder::new(NewOrder {
        out_trade_no: "m1-A0001",
        body: "小张南山店-超市",
        total_fee: 1280,
        payer_ip: "203.0.113.7".parse().unwrap(),
        openid: "oUpF8",
        notify_url: "https://pay.example.com/notify/m1/payment",
        starts_at_ms: 1_709_200_895_000,
        expires_at_ms: 1_709_208_095_000,
        sign_type: SignType::HmacSha256,
    })
    .unwrap()
}

#[tokio::test]
async fn an_order_is_sent_signed_and_its_prepay_id_is_read() {
    let (client, served) = answering(ok(&signed(good().with("prepay_id", "wx20")))).await;
    let outcome = client.unified_order(&order()).await;
    assert_eq!(outcome, Outcome::Done(Prepaid { prepay_id: "wx20".into() }));

    let request = served.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /pay/unifiedorder HTTP/1.1"));
    let sent = xml::parse(body.as_bytes()).unwrap();
    for (name, value) in order().fields().iter() {
        assert_eq!(sent.get(name), Some(value));
    }
    let keys = Keys { current: Secret::new(API_KEY), old: None };
    assert!(tally_wechat::sign::verify(sent, SignType::HmacSha256, &keys).is_ok());
}

#[tokio::test]
async fn an_answer_that_cannot_be_verified_is_unknown() {
    let closed = good().with("result_code", "FAIL").with("err_code", "ORDERCLOSED");
    let mut altered = signed(closed.clone()).replace("ORDERCLOSED", "NOTENOUGH");
    altered.push('\n');
    let page = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 6\r\n\r\n<html>";
    let elsewhere =
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    let cut = format!("HTTP/1.1 200 OK\r\ncontent-length: 900\r\n\r\n{}", signed(good()));
    let huge = ok(&format!("<xml><a>{}</a></xml>", "x".repeat(70_000)));
    let not_taken = "<xml><return_code>FAIL</return_code><return_msg>签名错误</return_msg></xml>";
    for (answer, doubt) in [
        (ok(&altered), Doubt::Sign(SignFault::Wrong)),
        (ok(&xml::write(&closed)), Doubt::Sign(SignFault::Missing)),
        (ok(&signed(closed.with("mch_id", "1"))), Doubt::Foreign("mch_id")),
        (page.into(), Doubt::Status(502)),
        (elsewhere.into(), Doubt::Status(302)),
        (cut.into_bytes(), Doubt::Broken),
        (huge, Doubt::TooLarge),
        (ok(not_taken), Doubt::NotTaken(Message::new("签名错误"))),
        (Vec::new(), Doubt::Broken),
    ] {
        let (client, served) = answering(answer).await;
        assert_eq!(client.unified_order(&order()).await, Outcome::Unknown(doubt));
        served.await.unwrap();
    }
}

#[tokio::test]
async fn a_verified_refusal_is_certain() {
    let paid = good().with("result_code", "FAIL").with("err_code", "ORDERPAID");
    let (client, _served) = answering(ok(&signed(paid))).await;
    let code = Code::new("ORDERPAID", "");
    assert_eq!(client.unified_order(&order()).await, Outcome::Refused(OrderRefusal::Paid(code)));
}

#[tokio::test]
async fn a_query_of_another_order_is_no_answer() {
    let other = good().with("out_trade_no", "m1-A0002").with("trade_state", "NOTPAY");
    let (client, _served) = answering(ok(&signed(other.clone()))).await;
    let outcome = client.order_query("m1-A0001").await;
    assert_eq!(outcome, Outcome::Unknown(Doubt::Foreign("out_trade_no")));
    let (client, _served) = answering(ok(&signed(other))).await;
    assert_eq!(client.order_query("m1-A0002").await, Outcome::Done(OrderState::NotPaid));
}

#[tokio::test]
async fn where_nobody_listens_nothing_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let client = Client::new(config(&address, Duration::from_secs(20))).unwrap();
    let Outcome::Unknown(doubt) = client.unified_order(&order()).await else { panic!("unknown") };
    assert!(doubt.never_sent());
    let login = client.code_to_session("c").await;
    assert_eq!(login, Outcome::Unknown(Doubt::Unreachable));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let client = Client::new(config(&address, Duration::from_millis(50))).unwrap();
    assert_eq!(client.unified_order(&order()).await, Outcome::Unknown(Doubt::TimedOut));
}

#[tokio::test]
async fn a_login_sends_the_secret_and_nothing_tells_it() {
    let body = r#"{"errcode":40029,"errmsg":"invalid code"}"#;
    let (client, served) = answering(ok(body)).await;
    let outcome = client.code_to_session("code/&=").await;
    let request = served.await.unwrap();
    assert!(request.starts_with("GET /sns/jscode2session?appid=wx1&secret="));
    assert!(request.contains(APP_SECRET) && request.contains("js_code=code%2F%26%3D&"));
    for shown in [format!("{outcome:?}"), format!("{client:?}"), format!("{:?}", client.config())] {
        assert!(!shown.contains(APP_SECRET) && !shown.contains(API_KEY), "{shown}");
    }
}

#[tokio::test]
async fn a_transfer_without_a_certificate_is_not_sent_over_tls() {
    let request = Transfer::new(NewTransfer {
        partner_trade_no: "W1",
        openid: "o1",
        amount: 100,
        desc: "提现",
        real_name: None,
    });
    let mut config = config("127.0.0.1:1", Duration::from_secs(1));
    config.pay_url = "https://127.0.0.1:1".into();
    let client = Client::new(config).unwrap();
    let outcome = client.transfer(&request.unwrap()).await;
    assert_eq!(outcome, Outcome::Refused(TransferRefusal::CertificateMissing));
}

fn refund() -> Refund {
    Refund::new(NewRefund {
        transaction_id: "42",
        out_refund_no: "m1-R0001",
        total_fee: 1280,
        refund_fee: 640,
        desc: None,
        notify_url: "https://pay.example.com/notify/m1/refund",
        sign_type: SignType::HmacSha256,
    })
    .unwrap()
}

fn refunded() -> Fields {
    good()
        .with("transaction_id", "42")
        .with("out_trade_no", "m1-A0001")
        .with("out_refund_no", "m1-R0001")
        .with("refund_id", "50")
        .with("total_fee", "1280")
        .with("refund_fee", "640")
}

#[tokio::test]
async fn a_refund_is_sent_signed_and_its_answer_is_believed_only_when_it_is_signed() {
    let (client, served) = answering(ok(&signed(refunded()))).await;
    let Outcome::Done(taken) = client.refund(&refund()).await else { panic!("taken") };
    assert_eq!((taken.refund_id.as_str(), taken.out_trade_no.as_str()), ("50", "m1-A0001"));
    let request = served.await.unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /secapi/pay/refund HTTP/1.1\r\n"), "{head}");
    let sent = xml::parse(body.as_bytes()).unwrap();
    let mut names: Vec<_> = sent.iter().map(|(name, _)| name).collect();
    names.retain(|name| !["appid", "mch_id", "nonce_str", "sign"].contains(name));
    assert_eq!(
        names,
        ["notify_url", "out_refund_no", "refund_fee", "sign_type", "total_fee", "transaction_id"]
    );

    let (client, _) = answering(ok(&xml::write(&refunded()))).await;
    assert_eq!(client.refund(&refund()).await, Outcome::Unknown(Doubt::Sign(SignFault::Missing)));
    let mut config = config("127.0.0.1:1", Duration::from_secs(1));
    config.pay_url = "https://127.0.0.1:1".into();
    let outcome = Client::new(config).unwrap().refund(&refund()).await;
    assert_eq!(outcome, Outcome::Refused(RefundRefusal::CertificateMissing));
}

#[tokio::test]
async fn refunds_are_asked_for_by_our_number_or_ten_at_a_time() {
    let told = refunded()
        .with("refund_count", "1")
        .with("total_refund_count", "12")
        .with("out_refund_no_0", "m1-R0001")
        .with("refund_id_0", "50")
        .with("refund_fee_0", "640")
        .with("refund_status_0", "PROCESSING");
    let (client, served) = answering(ok(&signed(told.clone()))).await;
    let Outcome::Done(found) = client.refund_query("m1-R0001").await else { panic!("found") };
    assert_eq!(found.state, RefundState::Processing);
    let request = served.await.unwrap();
    assert!(request.starts_with("POST /pay/refundquery HTTP/1.1\r\n"), "{request}");
    assert!(request.contains("<out_refund_no><![CDATA[m1-R0001]]></out_refund_no>"));
    assert!(!request.contains("<offset>"));

    let (client, served) = answering(ok(&signed(told))).await;
    let Outcome::Done(part) = client.order_refunds("42", 10).await else { panic!("told") };
    assert_eq!((part.refunds.len(), part.next_offset), (1, Some(11)));
    assert!(served.await.unwrap().contains("<offset><![CDATA[10]]></offset>"));
}

#[test]
fn addresses_and_certificates_that_cannot_be_used_are_refused() {
    use tally_wechat::Certificate;
    use tally_wechat::client::ConfigFault;
    let good = || config("127.0.0.1:1", Duration::from_secs(1));
    for bad in ["", "127.0.0.1:1", "ftp://a", "http://a/b", "http://a?b", "http://u:p@a"] {
        let with = Config { api_url: bad.into(), ..good() };
        assert_eq!(Client::new(with).unwrap_err(), ConfigFault::ApiUrl, "{bad}");
        let with = Config { pay_url: bad.into(), ..good() };
        assert_eq!(Client::new(with).unwrap_err(), ConfigFault::PayUrl, "{bad}");
    }
    let certificate = Some(Certificate { chain_pem: "no".into(), key_pem: Secret::new("private") });
    let fault = Client::new(Config { certificate, ..good() }).unwrap_err();
    assert_eq!(fault, ConfigFault::Certificate);
}
