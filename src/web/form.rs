//! The mini-program's parameters: a JSON object or a form, its unknown fields ignored.

use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use serde_json::{Map, Value};
use tally_actors::domain::ids::Malformed;
use tally_actors::domain::money::Money;
use tally_actors::domain::order::ORDER_MAX;

use super::body::{check_length, text, whole};
use super::error::ApiError;
use super::fault::Fault;

/// The parameters of a call.
pub(crate) struct Form(Map<String, Value>);

impl FromRequest for Form {
    type Error = Fault;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Fault>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let head = check_length(request);
        let kind = text(request, header::CONTENT_TYPE).unwrap_or_default();
        let is_form = kind.trim_start().to_ascii_lowercase().starts_with(FORM);
        let payload = web::Payload::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            head.map_err(Fault::Unread)?;
            let payload = payload.await.map_err(|_| Fault::malformed("body", "无法读取"))?;
            let body = whole(&request, payload).await.map_err(|error| {
                if matches!(error, ApiError::Invalid { .. }) {
                    return Fault::malformed("body", "无法读取");
                }
                Fault::Unread(error)
            })?;
            Self::parse(&body, is_form)
        })
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

impl Form {
    /// What is not said to be a form is taken for JSON: `wx.request` sends that unless told otherwise.
    fn parse(body: &[u8], is_form: bool) -> Result<Self, Fault> {
        if body.trim_ascii().is_empty() {
            return Ok(Self(Map::new()));
        }
        if is_form {
            let raw = std::str::from_utf8(body)
                .map_err(|_| Fault::malformed("body", "不是 UTF-8 编码的表单"))?;
            let pairs = web::Query::<Vec<(String, String)>>::from_query(raw)
                .map_err(|_| Fault::malformed("body", "不是有效的表单"))?;
            let fields = pairs.into_inner().into_iter();
            return Ok(Self(fields.map(|(name, value)| (name, Value::String(value))).collect()));
        }
        serde_json::from_slice(body)
            .map(Self)
            .map_err(|_| Fault::malformed("body", "须为 JSON 对象或表单"))
    }

    /// All of these must be there and not empty; the first that is not is named.
    pub(crate) fn require(&self, names: &[&'static str]) -> Result<(), Fault> {
        match names.iter().find(|name| self.given(name).is_none()) {
            Some(name) => Err(Fault::Missing(name)),
            None => Ok(()),
        }
    }

    /// A text that must be there.
    pub(crate) fn text(&self, name: &'static str) -> Result<&str, Fault> {
        self.text_if_there(name)?.ok_or(Fault::Missing(name))
    }

    /// A text that may be missing; an empty one counts as missing.
    pub(crate) fn text_if_there(&self, name: &'static str) -> Result<Option<&str>, Fault> {
        match self.given(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::malformed(name, "须为字符串")),
        }
    }

    /// An id or a number that may be missing.
    pub(crate) fn shaped<T: FromStr<Err = Malformed>>(
        &self,
        name: &'static str,
    ) -> Result<Option<T>, Fault> {
        let Some(raw) = self.text_if_there(name)? else { return Ok(None) };
        raw.parse().map(Some).map_err(|Malformed(shape)| Fault::malformed(name, shape))
    }

    /// An amount that must be there: a JSON integer or a text of digits.
    pub(crate) fn fen(&self, name: &'static str) -> Result<Money, Fault> {
        let fen = match self.given(name).ok_or(Fault::Missing(name))? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            Value::Null
            | Value::Bool(_)
            | Value::String(_)
            | Value::Array(_)
            | Value::Object(_) => None,
        };
        let range = Money::from_fen(1).expect("a small amount")..=ORDER_MAX;
        fen.and_then(Money::from_fen)
            .filter(|money| range.contains(money))
            .ok_or_else(|| Fault::malformed(name, "须为 1 到 1000000000 的整数，单位为分"))
    }

    fn given(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null() && *value != "")
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use tally_actors::domain::ids::OrderNo;

    use super::*;

    fn json(body: &str) -> Form {
        Form::parse(body.as_bytes(), false).unwrap()
    }

    #[test]
    fn money_is_a_whole_number_of_fen_within_bounds_as_number_or_text() {
        for (raw, fen) in [("1", 1), ("\"1\"", 1), ("1000000000", 1_000_000_000), ("\"0012\"", 12)]
        {
            let form = json(&format!(r#"{{"money":{raw}}}"#));
            assert_eq!(form.fen("money").unwrap().fen(), fen, "{raw}");
        }
        for raw in [
            "0",
            "-1",
            "1.5",
            "1.0",
            "1e3",
            "1000000001",
            "18446744073709551616",
            "\"-1\"",
            "\"+1\"",
            "\" 1\"",
            "\"1.0\"",
            "\"１\"",
            "true",
            "[]",
            "{}",
            "\"99999999999999999999999\"",
        ] {
            let fault = json(&format!(r#"{{"money":{raw}}}"#)).fen("money").unwrap_err();
            assert!(fault.to_string().starts_with("参数错误: money "), "{raw}: {fault}");
        }
    }

    #[test]
    fn what_is_missing_empty_or_null_is_named_and_what_is_unknown_is_ignored() {
        for body in ["", " ", "{}", r#"{"token":""}"#, r#"{"token":null,"x":[1]}"#] {
            let fault = json(body).text("token").unwrap_err();
            assert!(matches!(fault, Fault::Missing("token")), "{body}");
        }
        let form = json(r#"{"b":"1","x":{"y":2}}"#);
        assert!(matches!(form.require(&["b", "a", "c"]), Err(Fault::Missing("a"))));
        assert!(form.require(&["b"]).is_ok());
        assert_eq!(json(r#"{"order_no":""}"#).shaped::<OrderNo>("order_no").unwrap(), None);
    }

    #[test]
    fn a_form_means_the_same_as_json() {
        let form = Form::parse(b"money=100&token=a%2Bb+c&nick=%F0%9F%8C%BE", true).unwrap();
        assert_eq!(form.fen("money").unwrap().fen(), 100);
        assert_eq!(form.text("token").unwrap(), "a+b c");
        assert_eq!(form.text("nick").unwrap(), "🌾");
    }

    #[test]
    fn what_is_neither_is_said_of_the_body() {
        for body in [&b"[]"[..], b"{", b"7", b"\xff", b"token=1", b"{} {}"] {
            let Err(fault) = Form::parse(body, false) else { panic!("{body:?}") };
            assert!(fault.to_string().starts_with("参数错误: body "), "{fault}");
        }
        assert!(Form::parse(b"\xff=1", true).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in vec(any::<u8>(), 0..200), is_form in any::<bool>()) {
            if let Ok(form) = Form::parse(&body, is_form) {
                let _ = form.fen("money");
            }
        }

        /// In every spelling of a number, and as a text: an amount is digits within the bounds, and nothing else is.
        #[test]
        fn money_is_what_is_written_or_refused(
            number in "(0|[1-9][0-9]{0,11}|-?[0-9]{1,22}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?)",
            quoted in any::<bool>(),
        ) {
            let raw = if quoted { format!("\"{number}\"") } else { number.clone() };
            let body = format!(r#"{{"money":{raw}}}"#);
            let money = Form::parse(body.as_bytes(), false).ok().and_then(|form| form.fen("money").ok());
            let digits = number.bytes().all(|byte| byte.is_ascii_digit());
            let plain = digits && (quoted || number == "0" || !number.starts_with('0'));
            let written = number.parse().ok().filter(|fen| plain && (1..=1_000_000_000).contains(fen));
            prop_assert_eq!(money.map(Money::fen), written);
        }
    }
}
