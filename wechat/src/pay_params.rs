//! What the mini-program hands to `wx.requestPayment`: five texts, the fifth a signature over the other four and the appid.

use serde::Serialize;

use crate::fields::Fields;
use crate::secret::Secret;
use crate::sign::{SignType, nonce, sign};

/// The parameters, named as `wx.requestPayment` wants them. All are texts, also the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PayParams {
    /// Seconds since 1970.
    pub time_stamp: String,
    /// Random.
    pub nonce_str: String,
    /// `prepay_id=…`.
    pub package: String,
    /// The algorithm of the order.
    pub sign_type: SignType,
    /// The signature.
    pub pay_sign: String,
}

/// Which order is to be paid, in which mini-program.
#[derive(Debug, Clone, Copy)]
pub struct ToPay<'a> {
    /// The mini-program: signed, but not handed over.
    pub app_id: &'a str,
    /// From the order at WeChat.
    pub prepay_id: &'a str,
    /// The algorithm that the order was signed by; another one is refused by the client.
    pub sign_type: SignType,
}

impl PayParams {
    /// Signs parameters with a fresh nonce. `at_ms` is now, in milliseconds since 1970.
    pub fn new(order: ToPay<'_>, at_ms: i64, key: &Secret) -> Self {
        let seconds = at_ms.div_euclid(1_000);
        Self::signed(order, seconds.to_string(), nonce(), key)
    }

    /// Signs parameters whose time (seconds, as text) and nonce are given.
    pub fn signed(order: ToPay<'_>, time_stamp: String, nonce_str: String, key: &Secret) -> Self {
        let package = format!("prepay_id={}", order.prepay_id);
        let fields = Fields::new()
            .with("appId", order.app_id)
            .with("timeStamp", &time_stamp)
            .with("nonceStr", &nonce_str)
            .with("package", &package)
            .with("signType", order.sign_type.as_str());
        let pay_sign = sign(&fields, order.sign_type, key);
        Self { time_stamp, nonce_str, package, sign_type: order.sign_type, pay_sign }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_gets_five_texts_and_the_time_in_seconds() {
        let order = ToPay { app_id: "wx1", prepay_id: "p", sign_type: SignType::HmacSha256 };
        let params = PayParams::new(order, 1_709_136_000_999, &Secret::new("k"));
        let json = serde_json::to_value(&params).unwrap();
        let object = json.as_object().unwrap();
        assert_eq!(object.len(), 5);
        assert!(object.values().all(serde_json::Value::is_string));
        assert_eq!(object["timeStamp"], "1709136000");
        assert_eq!(object["package"], "prepay_id=p");
        assert_eq!(object["signType"], "HMAC-SHA256");
        assert_eq!(object["paySign"].as_str().unwrap().len(), 64);
    }
}
