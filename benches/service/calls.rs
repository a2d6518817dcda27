//! The calls that are made of a server, as bytes that are ready before the clock starts.

use serde::{Deserialize, Serialize};
use tally_actors::domain::channel_no::out_trade_no;
use tally_proof::crash::world::{API_KEY, APP_ID, MCH_ID};
use tally_wechat::fields::Fields;
use tally_wechat::sign::{SignType, sign};
use tally_wechat::{Secret, xml};

use super::support::{fen, merchant_id, order_no, payment};

/// One kind of call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Kind {
    /// A payment notice of an order that is open, signed as WeChat signs it.
    Notice,
    /// A merchant's balance.
    Balance,
    /// An order by the mini-program, which WeChat is told of.
    Pay,
    /// An order by the platform's server, which a notice pays some calls later.
    Open,
}

/// How many orders are opened before the first notice, where they are opened by calls: no notice comes before its order.
const OPENED_AHEAD: usize = 1_024;

/// Which calls, in which order.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Calls {
    /// One call after the other is of these kinds, again and again.
    pub(crate) pattern: Vec<Kind>,
    /// The merchants, in turn.
    pub(crate) merchants: usize,
    /// The first of the notices: each pays an order that none before it paid.
    pub(crate) first: usize,
    /// How many are made ready.
    pub(crate) count: usize,
    /// Whether they may be sent again when all were sent.
    pub(crate) again: bool,
    /// The admin's key.
    pub(crate) key: String,
    /// Customers who logged in.
    pub(crate) tokens: Vec<String>,
}

impl Calls {
    /// Notices alone, of so many orders.
    pub(crate) fn notices(merchants: usize, first: usize, count: usize) -> Self {
        let (key, tokens) = (String::new(), vec![]);
        Self { pattern: vec![Kind::Notice], merchants, first, count, again: false, key, tokens }
    }

    /// The kind of the `k`th call.
    pub(crate) fn kind(&self, k: usize) -> Kind {
        if k < OPENED_AHEAD && self.pattern.contains(&Kind::Open) {
            return Kind::Open;
        }
        self.pattern[k % self.pattern.len()]
    }

    /// The calls as they are sent.
    pub(crate) fn ready(&self, address: &str) -> Vec<Box<[u8]>> {
        let mut notices = self.first;
        let mut opened = self.first;
        let one = |k: usize| match self.kind(k) {
            Kind::Notice => {
                let call = notice(address, notices % self.merchants, notices / self.merchants);
                notices += 1;
                call
            }
            Kind::Balance => {
                let path = format!("/v1/merchants/{}/balance", merchant_id(k % self.merchants));
                let key = &self.key;
                format!(
                    "GET {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {key}\r\n\r\n"
                )
                .into_bytes()
                .into()
            }
            Kind::Open => {
                let (merchant, n) = (opened % self.merchants, opened / self.merchants);
                opened += 1;
                let body = format!(
                    r#"{{"order_no":"{}","amount_fen":100,"description":"apples","channel":"external"}}"#,
                    order_no(n)
                );
                let path = format!("/v1/merchants/{}/orders", merchant_id(merchant));
                let head = format!("application/json\r\nAuthorization: Bearer {}", self.key);
                post(address, &path, &head, &body)
            }
            Kind::Pay => {
                let token = &self.tokens[k % self.tokens.len()];
                let merchant = merchant_id(k % self.merchants);
                let form = format!("money=100&token={token}&merchant_id={merchant}&body=apples");
                post(address, "/pay/", "application/x-www-form-urlencoded", &form)
            }
        };
        (0..self.count).map(one).collect()
    }
}

fn post(address: &str, path: &str, content_type: &str, body: &str) -> Box<[u8]> {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
    .into()
}

/// The notice that the `n`th order of a merchant is paid, with the fields that WeChat sends.
fn notice(address: &str, merchant: usize, n: usize) -> Box<[u8]> {
    let of = merchant_id(merchant);
    // One number is one payment for ever, whoever's order it pays.
    let transaction_id = payment(n * 100_000 + merchant).transaction_id;
    let fields: Fields = [
        ("return_code", "SUCCESS"),
        ("result_code", "SUCCESS"),
        ("appid", APP_ID),
        ("mch_id", MCH_ID),
        ("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
        ("openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
        ("is_subscribe", "N"),
        ("trade_type", "JSAPI"),
        ("bank_type", "OTHERS"),
        ("total_fee", &fen(100).fen().to_string()),
        ("fee_type", "CNY"),
        ("cash_fee", "100"),
        ("cash_fee_type", "CNY"),
        ("transaction_id", transaction_id.as_str()),
        ("out_trade_no", &out_trade_no(&of, &order_no(n))),
        ("time_end", "20260301120000"),
    ]
    .into_iter()
    .collect();
    let signature = sign(&fields, SignType::Md5, &Secret::new(API_KEY));
    let body = xml::write(&fields.with("sign", signature));
    post(address, &format!("/notify/{of}/payment"), "text/xml; charset=utf-8", &body)
}

/// What came of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    /// It was done.
    Done,
    /// It was certainly not done, and may be asked again: 408, 429 or 503, FAIL to WeChat, `busy` to a page.
    Refused,
    /// Neither.
    Failed,
}

/// What an answer says of the call.
pub(crate) fn came(kind: Kind, status: u16, body: &[u8]) -> Came {
    let has = |wanted: &[u8]| body.windows(wanted.len()).any(|part| part == wanted);
    match (status, kind) {
        (408 | 429 | 503, _) => Came::Refused,
        (200, Kind::Notice) if has(b"[SUCCESS]") => Came::Done,
        (200, Kind::Notice) if has(b"FAIL") => Came::Refused,
        (200, Kind::Pay) if body.starts_with(br#"{"code":0,"#) => Came::Done,
        (200, Kind::Pay) if body.starts_with(br#"{"code":8,"#) => Came::Refused,
        (200, Kind::Balance) | (201, Kind::Open) => Came::Done,
        _ => Came::Failed,
    }
}
