//! `unifiedorder`: tells WeChat of an order, and gets the prepay_id that the page pays it by.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::answer::{Verified, text};
use crate::errors::{Code, Doubt, FieldFault, Outcome};
use crate::fields::Fields;
use crate::limits::{
    BODY_BYTES_MAX, NOTIFY_URL_BYTES_MAX, OPENID_BYTES_MAX, OUT_TRADE_NO_BYTES_MAX,
    OUT_TRADE_NO_BYTES_MIN,
};
use crate::sign::SignType;
use crate::time::to_compact;

/// What an order says.
#[derive(Debug, Clone, Copy)]
pub struct NewOrder<'a> {
    /// Its number, unique for ever under the WeChat merchant number.
    pub out_trade_no: &'a str,
    /// What the customer sees.
    pub body: &'a str,
    /// In fen.
    pub total_fee: u64,
    /// Whose address the payment comes from.
    pub payer_ip: IpAddr,
    /// The customer in this mini-program.
    pub openid: &'a str,
    /// Where the notice goes.
    pub notify_url: &'a str,
    /// From when it may be paid, in milliseconds since 1970.
    pub starts_at_ms: i64,
    /// Until when, in milliseconds since 1970; WeChat wants some minutes.
    pub expires_at_ms: i64,
    /// The algorithm of this order, for all that follows.
    pub sign_type: SignType,
}

/// The request for an order. WeChat takes a repeat only when nothing in it changed, so it is kept (it serializes as a
/// JSON object) and sent again as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UnifiedOrder(Fields);

impl UnifiedOrder {
    /// The request for a new order. Control characters in `body` are dropped.
    ///
    /// # Errors
    ///
    /// [`FieldFault`] for what WeChat would not take.
    pub fn new(order: NewOrder<'_>) -> Result<Self, FieldFault> {
        let body: String = order.body.chars().filter(|c| !c.is_control()).collect();
        check(&order, &body)?;
        Ok(Self(
            Fields::new()
                .with("sign_type", order.sign_type.as_str())
                .with("body", body)
                .with("out_trade_no", order.out_trade_no)
                .with("total_fee", order.total_fee.to_string())
                .with("spbill_create_ip", order.payer_ip.to_canonical().to_string())
                .with("time_start", to_compact(order.starts_at_ms))
                .with("time_expire", to_compact(order.expires_at_ms))
                .with("notify_url", order.notify_url)
                .with("trade_type", "JSAPI")
                .with("openid", order.openid),
        ))
    }

    /// The fields that are sent beside appid, mch_id, nonce_str and sign.
    pub fn fields(&self) -> &Fields {
        &self.0
    }

    /// The algorithm that the order was first sent with.
    pub fn sign_type(&self) -> SignType {
        self.0.get("sign_type").and_then(|name| name.parse().ok()).unwrap_or_default()
    }
}

fn check(order: &NewOrder<'_>, body: &str) -> Result<(), FieldFault> {
    let fault = |field, wanted| Err(FieldFault { field, wanted });
    let number = order.out_trade_no;
    if !(OUT_TRADE_NO_BYTES_MIN..=OUT_TRADE_NO_BYTES_MAX).contains(&number.len())
        || !number.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    {
        return fault("out_trade_no", "must be 6 to 32 letters, digits, dashes or underlines");
    }
    if body.is_empty() || body.len() > BODY_BYTES_MAX {
        return fault("body", "must be 1 to 127 bytes of UTF-8");
    }
    if order.total_fee == 0 {
        return fault("total_fee", "must be at least 1 fen");
    }
    if order.openid.is_empty() || order.openid.len() > OPENID_BYTES_MAX {
        return fault("openid", "must be 1 to 128 bytes");
    }
    let url = order.notify_url;
    if url.is_empty() || url.len() > NOTIFY_URL_BYTES_MAX || url.contains(['?', '#', ' ']) {
        return fault("notify_url", "must be a URL of at most 256 bytes, without a query");
    }
    if order.expires_at_ms <= order.starts_at_ms {
        return fault("time_expire", "must be after time_start");
    }
    Ok(())
}

/// WeChat took the order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepaid {
    /// Good for two hours.
    pub prepay_id: String,
}

/// WeChat did not take the order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OrderRefusal {
    /// It is paid: query it and book it.
    #[error("the order is paid: {0}")]
    Paid(Code),
    /// It is closed or expired: its number is used up.
    #[error("the order is closed: {0}")]
    Closed(Code),
    /// Another order has this number: query it.
    #[error("the order's number is used: {0}")]
    NumberUsed(Code),
    /// A repeat that differs from the first request, or a field that WeChat does not take.
    #[error("the order differs from the first request, or has a bad field: {0}")]
    Differs(Code),
    /// The customer's money is not enough. The order stays payable.
    #[error("the customer's balance is too low: {0}")]
    PayerShort(Code),
    /// Our credentials or our request: an operator's matter.
    #[error("WeChat does not accept our account or request: {0}")]
    Configuration(Code),
}

/// Codes that mean an operator's matter in `unifiedorder`, `orderquery` and `closeorder` (the pages' error lists; PARAM_ERROR is not in them, but seen).
pub(crate) const CONFIGURATION: &[&str] = &[
    "NOAUTH",
    "APPID_NOT_EXIST",
    "MCHID_NOT_EXIST",
    "APPID_MCHID_NOT_MATCH",
    "LACK_PARAMS",
    "XML_FORMAT_ERROR",
    "REQUIRE_POST_METHOD",
    "POST_DATA_EMPTY",
    "NOT_UTF8",
    "SIGNERROR",
    "PARAM_ERROR",
];

pub(crate) fn outcome(answer: Verified) -> Outcome<Prepaid, OrderRefusal> {
    let code = match answer {
        Ok(fields) => {
            return match text(&fields, "prepay_id") {
                Ok(prepay_id) => Outcome::Done(Prepaid { prepay_id }),
                Err(doubt) => Outcome::Unknown(doubt),
            };
        }
        Err(code) => code,
    };
    Outcome::Refused(match code.code.as_str() {
        "ORDERPAID" => OrderRefusal::Paid(code),
        "ORDERCLOSED" => OrderRefusal::Closed(code),
        "OUT_TRADE_NO_USED" => OrderRefusal::NumberUsed(code),
        "INVALID_REQUEST" => OrderRefusal::Differs(code),
        "NOTENOUGH" => OrderRefusal::PayerShort(code),
        name if CONFIGURATION.contains(&name) => OrderRefusal::Configuration(code),
        // SYSTEMERROR, FREQUENCY_LIMITED, and whatever is new.
        _ => return Outcome::Unknown(Doubt::Code(code)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> NewOrder<'static> {
        NewOrder {
            out_trade_no: "m1-A0001",
            body: "小张南山店-超市",
            total_fee: 1280,
            payer_ip: "203.0.113.7".parse().unwrap(),
            openid: "oUpF8",
            notify_url: "https://pay.example.com/notify/m1/payment",
            starts_at_ms: 1_709_200_895_000,
            expires_at_ms: 1_709_208_095_000,
            sign_type: SignType::HmacSha256,
        }
    }

    #[test]
    fn a_request_is_kept_and_sent_again_as_it_was() {
        let request = UnifiedOrder::new(order()).unwrap();
        let kept = serde_json::to_string(&request).unwrap();
        let again: UnifiedOrder = serde_json::from_str(&kept).unwrap();
        assert_eq!(again, request);
        assert_eq!(again.sign_type(), SignType::HmacSha256);
        assert_eq!(again.fields().get("time_expire"), Some("20240229200135"));
    }

    #[test]
    fn a_mapped_address_is_unwrapped_and_controls_are_dropped() {
        let payer_ip = "::ffff:203.0.113.7".parse().unwrap();
        let request =
            UnifiedOrder::new(NewOrder { payer_ip, body: "a\r\n\tb", ..order() }).unwrap();
        assert_eq!(request.fields().get("spbill_create_ip"), Some("203.0.113.7"));
        assert_eq!(request.fields().get("body"), Some("ab"));
    }

    #[test]
    fn what_wechat_would_not_take_names_its_field() {
        let long = "好".repeat(43);
        for (bad, field) in [
            (NewOrder { out_trade_no: "short", ..order() }, "out_trade_no"),
            (NewOrder { out_trade_no: "m1 A0001", ..order() }, "out_trade_no"),
            (NewOrder { body: "", ..order() }, "body"),
            (NewOrder { body: &long, ..order() }, "body"),
            (NewOrder { total_fee: 0, ..order() }, "total_fee"),
            (NewOrder { openid: "", ..order() }, "openid"),
            (NewOrder { notify_url: "https://x/?a", ..order() }, "notify_url"),
            (NewOrder { expires_at_ms: 0, ..order() }, "time_expire"),
        ] {
            assert_eq!(UnifiedOrder::new(bad).unwrap_err().field, field);
        }
    }

    #[test]
    fn each_code_has_its_meaning_and_a_new_one_is_doubt() {
        let answer = |name: &str| outcome(Err(Code::new(name, "")));
        let code = |name: &str| Code::new(name, "");
        for (name, refusal) in [
            ("ORDERPAID", OrderRefusal::Paid(code("ORDERPAID"))),
            ("ORDERCLOSED", OrderRefusal::Closed(code("ORDERCLOSED"))),
            ("OUT_TRADE_NO_USED", OrderRefusal::NumberUsed(code("OUT_TRADE_NO_USED"))),
            ("INVALID_REQUEST", OrderRefusal::Differs(code("INVALID_REQUEST"))),
            ("NOTENOUGH", OrderRefusal::PayerShort(code("NOTENOUGH"))),
            ("NOAUTH", OrderRefusal::Configuration(code("NOAUTH"))),
        ] {
            assert_eq!(answer(name), Outcome::Refused(refusal));
        }
        for name in ["SYSTEMERROR", "FREQUENCY_LIMITED", "NEW_IN_2031"] {
            assert_eq!(answer(name), Outcome::Unknown(Doubt::Code(code(name))));
        }
        let without = outcome(Ok(Fields::new()));
        assert_eq!(without, Outcome::Unknown(Doubt::Field("prepay_id")));
    }
}
