//! The server under test, and good requests to it, made bad.

use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use tally_proof::crash::server::Server;
use tally_proof::crash::world::{API_KEY, APP_ID, MCH_ID, World};
use tally_proof::random::Random;
use tally_wechat::refund_notice::seal;
use tally_wechat::sign::{nonce, sign};
use tally_wechat::{Fields, Secret, SignType, xml};

use crate::calls;
use crate::support::mutate;
use crate::verdict::wrong;

/// How long an answer may take. Only a server that hangs takes as long.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// The largest body that is read.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// The merchant that is only ever sent notices whose signature is wrong, and the one that gets all the rest.
pub(crate) const FORGED: &str = "forged";
pub(crate) const TARGET: &str = "target";

/// What is sent as the type of a body.
const TYPES: [&str; 8] = [
    "application/json",
    "application/json",
    "application/x-www-form-urlencoded",
    "text/xml",
    "application/json; charset=utf-16",
    "multipart/form-data; boundary=x",
    "",
    "///",
];

/// The server under test, and what good requests to it are made of.
pub(crate) struct Target {
    http: Client,
    base: String,
    key: String,
    token: String,
    sealed: Value,
    /// Open orders of both merchants.
    orders: Vec<(&'static str, String)>,
}

/// A request to send.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) body: Vec<u8>,
}

impl Target {
    pub(crate) async fn prepare(world: &World, server: &Server) -> Self {
        for merchant in [FORGED, TARGET] {
            let body = json!({"merchant_id": merchant, "name": merchant, "payout_openid": "owner"});
            let reply = server.api().post("merchants", &body, None).await.expect("an answer");
            assert!(reply.is_success(), "{reply:?}");
        }
        let sealed = world.sandbox(Method::POST, "login", &json!({"openid": "customer"})).await;
        let page = world.page("/login/", &json!({"code": sealed["code"]})).await;
        let page = page.expect("an answer");
        let token = page.data["token"].as_str().expect("a token").to_owned();
        let mut orders = vec![];
        for merchant in [FORGED, TARGET].repeat(10) {
            let order = json!({"money": 100, "token": token, "merchant_id": merchant});
            let page = world.page("/pay/", &order).await.expect("an answer");
            assert_eq!(page.code, Some(0), "{page:?}");
            orders.push((merchant, page.data["order_no"].as_str().expect("a number").to_owned()));
        }
        let http = Client::builder().timeout(ANSWER_MAX).no_proxy().build().expect("a client");
        let (base, key) = (format!("http://{}", server.address()), server.key().to_owned());
        Self { http, base, key, token, sealed, orders }
    }

    /// A good request, changed.
    pub(crate) fn bad_request(&self, random: &mut Random) -> Request {
        match random.below(10) {
            0..4 => self.page(random),
            4 => self.notice(random),
            5 => self.refund_notice(random),
            _ => self.v1(random),
        }
    }

    fn page(&self, random: &mut Random) -> Request {
        let (token, (merchant, no)) = (&self.token, random.of(&self.orders));
        let pages = [
            ("/login/", json!({"code": "0123456789abcdef"})),
            (
                "/getinfo/",
                json!({"token": token, "iv": self.sealed["iv"], "encryptedData": self.sealed["encryptedData"]}),
            ),
            (
                "/pay/",
                json!({"money": "100", "token": token, "merchant_id": merchant, "order_no": no, "body": "茶"}),
            ),
            ("/pay/", json!({"money": 100, "token": token})),
            ("/order/", json!({"token": token, "order_no": no, "merchant_id": merchant})),
            ("/order", json!({"token": token, "order_no": no})),
        ];
        let (path, good) = random.of(&pages);
        let mut request = self.changed(random, Method::POST, (*path).to_owned(), good);
        if random.percent(50) {
            request.kind = TYPES[2].into();
            request.body = mutate::form(&mutate::object(random, good));
        }
        request
    }

    /// To the target: changed, then signed with the real key. To the other: signed, then changed.
    fn notice(&self, random: &mut Random) -> Request {
        let (merchant, no) = random.of(&self.orders);
        let mut good = Fields::new()
            .with("return_code", "SUCCESS")
            .with("result_code", "SUCCESS")
            .with("appid", APP_ID)
            .with("mch_id", MCH_ID)
            .with("nonce_str", nonce())
            .with("openid", "customer")
            .with("trade_type", "JSAPI")
            .with("bank_type", "CMC")
            .with("total_fee", "100")
            .with("settlement_total_fee", "100")
            .with("cash_fee", "100")
            .with("fee_type", "CNY")
            .with("transaction_id", format!("4200000{:021}", random.below(1_000_000)))
            .with("out_trade_no", format!("{merchant}-{no}"))
            .with("time_end", "20260101120000");
        let path = match random.below(10) {
            0 => format!("/notify/{}/payment", urlencoded(&mutate::text(random))),
            _ => format!("/notify/{merchant}/payment"),
        };
        if *merchant == TARGET {
            for _ in 0..random.below(3) {
                let names: Vec<String> = good.iter().map(|(name, _)| name.to_owned()).collect();
                let name = random.of(&names).clone();
                good.set(&name, mutate::text(random));
            }
        }
        let sign_type = if random.percent(80) { SignType::Md5 } else { SignType::HmacSha256 };
        let signature = sign(&good, sign_type, &Secret::new(API_KEY));
        let good = good.with("sign", signature);
        let mut body = xml::write(&good).into_bytes();
        if *merchant == FORGED {
            while xml::parse(&body).is_ok_and(|fields| same(&fields, &good)) {
                body = mutate::bytes(random, &body); // a change that changes no field is none
            }
        } else if random.percent(30) {
            body = mutate::bytes(random, &body);
        }
        Request { method: Method::POST, path, kind: "text/xml".into(), body }
    }

    /// Of refunds that nobody asked for, to the target: what is sealed is changed, or the document around it.
    fn refund_notice(&self, random: &mut Random) -> Request {
        let own = |(merchant, _): &&(&str, String)| *merchant == TARGET;
        let owned: Vec<_> = self.orders.iter().filter(own).collect();
        let (merchant, no) = random.of(&owned);
        let mut inner = Fields::new()
            .with("transaction_id", "4200000000000000000000000001")
            .with("out_trade_no", format!("{merchant}-{no}"))
            .with("refund_id", format!("5000000{:021}", random.below(1_000)))
            .with("out_refund_no", format!("{merchant}-R{:05}", random.below(1_000)))
            .with("total_fee", "100")
            .with("refund_fee", "100")
            .with("refund_status", "SUCCESS")
            .with("success_time", "2026-01-01 12:00:00");
        for _ in 0..random.below(3) {
            let names: Vec<String> = inner.iter().map(|(name, _)| name.to_owned()).collect();
            let name = random.of(&names).clone();
            inner.set(&name, mutate::text(random));
        }
        let good = Fields::new()
            .with("return_code", "SUCCESS")
            .with("appid", APP_ID)
            .with("mch_id", MCH_ID)
            .with("nonce_str", nonce())
            .with("req_info", seal(&inner, &Secret::new(API_KEY)));
        let mut body = xml::write(&good).into_bytes();
        if random.percent(50) {
            body = mutate::bytes(random, &body);
        }
        let path = format!("/notify/{merchant}/refund");
        Request { method: Method::POST, path, kind: "text/xml".into(), body }
    }

    fn v1(&self, random: &mut Random) -> Request {
        let (_, no) = random.of(&self.orders);
        // Few enough that things made before are met again.
        let made = format!("F{:05}", random.below(1_000));
        if random.percent(25) {
            return calls::question(random, &made);
        }
        let calls = calls::changes(TARGET, no, &made);
        let (method, path, good) = random.of(&calls);
        let path = if random.percent(10) {
            format!("{path}{}", urlencoded(&mutate::text(random)))
        } else {
            path.clone()
        };
        self.changed(random, method.clone(), path, good)
    }

    /// The body changed in its meaning, or in its bytes; sometimes said to be of another type, sometimes left as it is.
    fn changed(&self, random: &mut Random, method: Method, path: String, good: &Value) -> Request {
        let body = match random.below(10) {
            0 => good.to_string().into_bytes(),
            1..6 => mutate::object(random, good).to_string().into_bytes(),
            _ => mutate::bytes(random, good.to_string().as_bytes()),
        };
        let kind = if random.percent(80) { TYPES[0] } else { random.of(&TYPES) };
        Request { method, path, kind: kind.to_owned(), body }
    }

    /// Sends it, and says what is wrong with the answer.
    pub(crate) async fn send(&self, random: &mut Random, request: &Request) -> Option<String> {
        let url = format!("{}{}", self.base, request.path);
        let mut call = self.http.request(request.method.clone(), url).body(request.body.clone());
        if !request.kind.is_empty() {
            call = call.header("Content-Type", &request.kind);
        }
        if request.path.starts_with("/v1") && random.percent(97) {
            call = call.bearer_auth(&self.key);
        }
        if random.percent(10) {
            call = call.header("Idempotency-Key", format!("key {}", random.below(50)));
        }
        let response = match call.send().await {
            Ok(response) => response,
            // The rest of a body that is too large is not read: that may break the connection.
            Err(_) if request.body.len() > BODY_BYTES_MAX => return None,
            Err(error) => return Some(format!("no answer: {error:?}")),
        };
        let status = response.status().as_u16();
        match response.bytes().await {
            Ok(body) => wrong(&request.path, status, &body),
            Err(_) if request.body.len() > BODY_BYTES_MAX => None,
            Err(error) => Some(format!("half an answer: {error:?}")),
        }
    }
}

fn same(one: &Fields, other: &Fields) -> bool {
    one.iter().eq(other.iter())
}

pub(crate) fn urlencoded(text: &str) -> String {
    let text: String = text.chars().take(300).collect();
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}
