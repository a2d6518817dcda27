//! JSON bodies: each that is not as wanted is answered with the field that is at fault.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use serde::de::value::StrDeserializer;
use serde::de::{self, DeserializeOwned, Deserializer};
use tally_actors::domain::money::Money;

use super::door::Place;
use super::error::ApiError;
use crate::limits::{BODY_BYTES_MAX, BODY_WAIT_MAX};

/// A JSON body. An empty one is taken for `{}`, so a call whose fields are all optional needs none.
pub(crate) struct Body<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest for Body<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let wanted = check_head(request);
        let payload = web::Payload::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            wanted?;
            let unreadable = |_| ApiError::invalid("body", "can't be read to its end");
            let body = whole(&request, payload.await.map_err(unreadable)?).await?;
            parse(if body.trim_ascii().is_empty() { b"{}" } else { &body }).map(Self)
        })
    }
}

/// A whole body, within its bounds of size and time.
pub(crate) async fn whole(
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<web::Bytes, ApiError> {
    limited(request, payload, BODY_BYTES_MAX).await?.ok_or(ApiError::BodyTooLarge)
}

/// The same of another size.
pub(crate) async fn whole_up_to(
    request: &HttpRequest,
    payload: web::Payload,
    bytes_max: usize,
) -> Result<web::Bytes, ApiError> {
    let body = limited(request, payload, bytes_max).await?;
    body.ok_or_else(|| {
        ApiError::invalid("body", format!("may have {bytes_max} bytes at the most here"))
    })
}

/// A whole body; `None`: it is larger.
async fn limited(
    request: &HttpRequest,
    payload: web::Payload,
    bytes_max: usize,
) -> Result<Option<web::Bytes>, ApiError> {
    let read = tokio::time::timeout(BODY_WAIT_MAX, payload.to_bytes_limited(bytes_max));
    let read = Place::wait_outside(request, read).await?;
    let Ok(read) = read.map_err(|_| ApiError::BodyTooSlow)? else { return Ok(None) };
    read.map(Some).map_err(|_| ApiError::invalid("body", "can't be read to its end"))
}

/// The length that a body will have, where that is said before; refused if that is too much.
pub(crate) fn check_length(request: &HttpRequest) -> Result<Option<u64>, ApiError> {
    let length = text(request, header::CONTENT_LENGTH).and_then(|raw| raw.parse().ok());
    match length {
        Some(length) if length > BODY_BYTES_MAX as u64 => Err(ApiError::BodyTooLarge),
        Some(_) | None => Ok(length),
    }
}

/// A header as text; one that is none is `?`.
pub(crate) fn text(request: &HttpRequest, name: header::HeaderName) -> Option<&str> {
    request.headers().get(name).map(|value| value.to_str().unwrap_or("?"))
}

/// What can be said before the body is read.
fn check_head(request: &HttpRequest) -> Result<(), ApiError> {
    let length = check_length(request)?;
    let kind = text(request, header::CONTENT_TYPE).filter(|_| length != Some(0));
    match kind.map(|kind| kind.split(';').next().unwrap_or_default().trim()) {
        Some(kind) if !kind.eq_ignore_ascii_case("application/json") => {
            Err(ApiError::invalid("Content-Type", "must be application/json"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Reads a whole body as `T`.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(ApiError::invalid("body", "must be an object, not an array"));
    }
    let mut json = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        if path != "." && error.to_string().starts_with("number out of range") {
            return ApiError::invalid(path, "is a number that is too large");
        }
        if error.is_syntax() || error.is_eof() {
            return ApiError::invalid("body", format!("is not JSON: {error}"));
        }
        named(&path, &error.to_string())
    })?;
    json.end().map_err(|error| ApiError::invalid("body", format!("is not JSON: {error}")))?;
    Ok(value)
}

/// serde's words in ours, with the field they are about. Where the fault is a field's absence or presence, the path is
/// that of the object around it, and the field is in the words.
fn named(path: &str, words: &str) -> ApiError {
    let words = words.rsplit_once(" at line ").map_or(words, |(words, _)| words);
    let quoted = |start: &str| words.strip_prefix(start).and_then(|rest| rest.split('`').next());
    if let Some(field) = quoted("missing field `") {
        return ApiError::invalid(field.to_owned(), "is missing");
    }
    if let Some(field) = quoted("unknown field `") {
        return ApiError::invalid(field.to_owned(), "is not a field of this call");
    }
    if let Some(field) = quoted("duplicate field `") {
        return ApiError::invalid(field.to_owned(), "is given twice");
    }
    let field = if path == "." { "body" } else { path };
    let reason = match words.rsplit_once(", expected ") {
        Some((found, expected)) => {
            let expected = match expected {
                "u8" | "u16" | "u32" | "u64" => "a whole number that is not negative or too large",
                "a boolean" => "true or false",
                "a string" => "a text",
                other if other.starts_with("struct ") => "an object",
                other => other,
            };
            let found = found.trim_start_matches("invalid type: ");
            format!("must be {expected}, not {}", found.trim_start_matches("invalid value: "))
        }
        None => words.to_owned(),
    };
    ApiError::invalid(field.to_owned(), reason)
}

/// An amount as it was sent. A whole number that is no amount is told apart from what is no whole number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fen(Option<Money>);

impl Fen {
    /// The amount, if it is one.
    pub(crate) fn money(self, field: &'static str) -> Result<Money, ApiError> {
        self.0.ok_or(ApiError::Amount(field))
    }
}

impl<'de> de::Deserialize<'de> for Fen {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Whole;
        impl de::Visitor<'_> for Whole {
            type Value = Fen;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a whole number of fen")
            }

            fn visit_u64<E: de::Error>(self, fen: u64) -> Result<Fen, E> {
                Ok(Fen(Money::from_fen(fen)))
            }

            fn visit_i64<E: de::Error>(self, fen: i64) -> Result<Fen, E> {
                Ok(Fen(u64::try_from(fen).ok().and_then(Money::from_fen)))
            }

            #[expect(
                clippy::disallowed_types,
                reason = "so serde_json tells of numbers above 64 bits"
            )]
            fn visit_f64<E: de::Error>(self, number: f64) -> Result<Fen, E> {
                if number.abs() >= 9.2e18 {
                    return Ok(Fen(None));
                }
                Err(E::invalid_type(de::Unexpected::Float(number), &self))
            }
        }
        from.deserialize_any(Whole)
    }
}

/// One of some names. serde_json takes an enum of another type than text for bad JSON, and a name in an object for a name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Choice<T>(pub(crate) T);

impl<'de, T: de::Deserialize<'de>> de::Deserialize<'de> for Choice<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let name = String::deserialize(from)?;
        T::deserialize(StrDeserializer::new(&name)).map(Self)
    }
}

/// For a field that may be absent, be null, or have a value, all three told apart: `None` is absent.
pub(crate) fn present<'de, T, D>(from: D) -> Result<Option<T>, D::Error>
where
    T: de::Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(from).map(Some)
}

#[cfg(test)]
#[path = "body_properties.rs"]
mod properties;

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use tally_actors::domain::ids::OrderNo;

    use super::*;

    /// A body with a field of every sort.
    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(deny_unknown_fields)]
    pub(super) struct Order {
        pub(super) amount_fen: Fen,
        order_no: Option<OrderNo>,
        #[serde(default)]
        settle_first: bool,
        days: Option<u8>,
        #[serde(default, deserialize_with = "present")]
        limit: Option<Option<Fen>>,
        kind: Option<Choice<Kind>>,
    }

    #[derive(Debug, PartialEq, Eq, Deserialize)]
    #[serde(rename_all = "snake_case")]
    pub(super) enum Kind {
        Tea,
        Milk,
    }

    #[track_caller]
    fn fault(body: &str) -> (String, String) {
        let error = parse::<Order>(body.as_bytes()).unwrap_err();
        let ApiError::Invalid { field, reason } = error else { panic!("{body}: {error:?}") };
        (field.into(), reason.into())
    }

    #[test]
    fn what_is_wrong_is_said_of_the_field_that_has_it() {
        for (body, field, reason) in [
            ("{}", "amount_fen", "is missing"),
            (r#"{"amount_fen":1,"x":1}"#, "x", "is not a field of this call"),
            (r#"{"amount_fen":1,"amount_fen":2}"#, "amount_fen", "is given twice"),
            (r#"{"amount_fen":"1"}"#, "amount_fen", "a whole number of fen"),
            (r#"{"amount_fen":1.5}"#, "amount_fen", "a whole number of fen"),
            (r#"{"amount_fen":1.0}"#, "amount_fen", "a whole number of fen"),
            (r#"{"amount_fen":null}"#, "amount_fen", "a whole number of fen"),
            (r#"{"amount_fen":1,"order_no":"x"}"#, "order_no", "4 to 19 letters or digits"),
            (r#"{"amount_fen":1,"order_no":7}"#, "order_no", "must be a text"),
            (r#"{"amount_fen":1,"settle_first":"yes"}"#, "settle_first", "true or false"),
            (r#"{"amount_fen":1,"days":300}"#, "days", "a whole number"),
            (r#"{"amount_fen":1,"days":-1}"#, "days", "a whole number"),
            (r#"{"amount_fen":1e400}"#, "amount_fen", "is a number that is too large"),
            (r#"{"amount_fen":1,"kind":7}"#, "kind", "must be a text"),
            (r#"{"amount_fen":1,"kind":{"tea":null}}"#, "kind", "must be a text"),
            (r#"{"amount_fen":1,"kind":"beer"}"#, "kind", "must be `tea` or `milk`"),
            (" [1]", "body", "an object"),
            ("7", "body", "an object"),
            ("{", "body", "is not JSON"),
            ("{} {}", "amount_fen", "is missing"),
            (r#"{"amount_fen":1} x"#, "body", "is not JSON"),
            ("\u{fffd}", "body", "is not JSON"),
        ] {
            let (named, said) = fault(body);
            assert_eq!(named, field, "{body}: {said}");
            assert!(said.contains(reason), "{body}: {said}");
        }
    }

    #[test]
    fn a_whole_number_that_is_no_amount_is_told_apart_from_no_whole_number() {
        for huge in ["-1", "9223372036854775808", "18446744073709551616", "-99999999999999999999"] {
            let order: Order = parse(format!(r#"{{"amount_fen":{huge}}}"#).as_bytes()).unwrap();
            let error = order.amount_fen.money("amount_fen").unwrap_err();
            assert!(matches!(error, ApiError::Amount("amount_fen")), "{huge}");
        }
        let order: Order = parse(br#"{"amount_fen":9223372036854775807}"#).unwrap();
        assert_eq!(order.amount_fen.money("amount_fen").unwrap(), Money::MAX);
    }

    #[test]
    fn absent_and_null_are_told_apart() {
        let limit = |body: &str| parse::<Order>(body.as_bytes()).unwrap().limit;
        assert_eq!(limit(r#"{"amount_fen":1}"#), None);
        assert_eq!(limit(r#"{"amount_fen":1,"limit":null}"#), Some(None));
        assert_eq!(limit(r#"{"amount_fen":1,"limit":5}"#), Some(Some(Fen(Money::from_fen(5)))));
    }
}
