//! Answers that went well, and the parts of a request that many calls have in common.

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Deserializer, Serialize, de};
use tally_actors::domain::ids::{IdempotencyKey, Malformed};
use tally_actors::engine::Number;
use tally_actors::ports::Part;

use super::error::ApiError;

/// The thing, for a call that makes none.
pub(crate) type Answer = Result<HttpResponse, ApiError>;

/// A part of a list.
#[derive(Serialize)]
pub(crate) struct List<T> {
    items: Vec<T>,
    next_cursor: Option<String>,
}

impl<T> List<T> {
    /// The part, each item as the API shows it.
    pub(crate) fn of<S>(part: Part<S>, show: impl FnMut(S) -> T) -> Self {
        Self { items: part.items.into_iter().map(show).collect(), next_cursor: part.next }
    }
}

/// 200 with a body.
pub(crate) fn ok(body: impl Serialize) -> Answer {
    Ok(HttpResponse::Ok().json(body))
}

/// 201 for what this call made, 200 for what an earlier one did.
pub(crate) fn made(fresh: bool, body: impl Serialize) -> Answer {
    Ok(if fresh { HttpResponse::Created().json(body) } else { HttpResponse::Ok().json(body) })
}

/// A part of the path that has a shape.
pub(crate) fn part<T: FromStr<Err = Malformed>>(
    request: &HttpRequest,
    name: &'static str,
) -> Result<T, ApiError> {
    let raw = request.match_info().get(name).unwrap_or_default();
    raw.parse().map_err(|Malformed(shape)| ApiError::invalid(name, shape))
}

/// The number of a call: the one in the body, else one to be made for the header Idempotency-Key.
pub(crate) fn number<N>(request: &HttpRequest, chosen: Option<N>) -> Result<Number<N>, ApiError> {
    const NAME: &str = "Idempotency-Key";
    let mut given = request.headers().get_all(NAME);
    let key = match (given.next(), given.next()) {
        (None, _) => None,
        (Some(_), Some(_)) => return Err(ApiError::invalid(NAME, "is given twice")),
        (Some(raw), None) => {
            let parsed = raw.to_str().ok().and_then(|raw| raw.parse().ok());
            Some(parsed.ok_or(ApiError::invalid(NAME, IdempotencyKey::SHAPE))?)
        }
    };
    Ok(chosen.map_or(Number::Make(key), Number::Chosen))
}

/// A text without control characters, whose length the rules know.
#[derive(Debug, Clone)]
pub(crate) struct Plain(pub(crate) Box<str>);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = Box::<str>::deserialize(from)?;
        if text.chars().any(char::is_control) {
            return Err(de::Error::custom("must have no control characters"));
        }
        Ok(Self(text))
    }
}

/// A text of 1 to `MAX` characters, without control characters.
#[derive(Debug, Clone)]
pub(crate) struct Text<const MAX: usize>(pub(crate) String);

impl<'de, const MAX: usize> Deserialize<'de> for Text<MAX> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        if (1..=MAX).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
            return Ok(Self(text));
        }
        Err(de::Error::custom(format!("must be 1 to {MAX} characters, none of them a control")))
    }
}
