//! The one place where an error becomes a status and a code (`api.md` 3), as `application/problem+json` (RFC 9457).

use std::borrow::Cow;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use serde::Serialize;
use tally_actors::cashier::CashierError;
use tally_actors::domain::refusal::Refusal;
use tally_actors::error::EngineError;
use tally_actors::ports::{ReadError, Trouble};
use tally_actors::recovery::Left;

use super::status::{of_fault, of_refusal};
use crate::limits::{
    ANSWER_FIELD_CHARS_MAX, ANSWER_REASON_CHARS_MAX, BODY_BYTES_MAX, RETRY_AFTER_SECONDS,
    WEBHOOKS_MAX,
};
use crate::reconcile;

/// Why a request has no other answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ApiError {
    /// The engine's word.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// Something stored could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Too much is asked, or read, at once.
    #[error("too much is asked at once; ask again in a moment")]
    Busy,
    /// A part of the request that can't be as it is.
    #[error("{field} {reason}")]
    Invalid {
        /// The field, parameter or header.
        field: Cow<'static, str>,
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },
    /// A whole number that is no amount.
    #[error("{0} must be 0 to 9223372036854775807 fen")]
    Amount(&'static str),
    /// A call that must be safe to repeat, and is not.
    #[error("give {0}, or the header Idempotency-Key, so that the call is safe to repeat")]
    IdempotencyMissing(&'static str),
    /// No key, or one that is not known.
    #[error("give a key that is known, as the header Authorization: Bearer KEY")]
    NotAuthorized,
    /// A key that may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// No such settlement.
    #[error("the settlement is not known")]
    SettlementUnknown,
    /// No such case.
    #[error("the case is not known")]
    CaseUnknown,
    /// No such reconciliation.
    #[error("this day was not compared with WeChat's bill")]
    ReconciliationUnknown,
    /// No such bank run.
    #[error("the bank run is not known")]
    BankRunUnknown,
    /// A bank run that broke off half-way.
    #[error(
        "the bank run is not finished; ask for it again with POST /v1/bank-runs and its number"
    )]
    BankRunOpen,
    /// One at a time.
    #[error("another process makes a bank run at this moment; ask again in a minute")]
    BankRunElsewhere,
    /// No such API key.
    #[error("the key is not known")]
    KeyUnknown,
    /// No such webhook.
    #[error("the webhook is not known")]
    WebhookUnknown,
    /// No such delivery.
    #[error("the journal has no such event of a kind that the webhook is told of")]
    DeliveryUnknown,
    /// As many webhooks as there may be.
    #[error("there are {WEBHOOKS_MAX} webhooks already; delete one first")]
    TooManyWebhooks,
    /// No such path.
    #[error("there is nothing at this path")]
    NotFound,
    /// A path that does not take this method; with those that it takes.
    #[error("this path takes {0}")]
    MethodNotAllowed(String),
    /// After a restore: not all that the books have open was looked up; how much is left, if that is known.
    #[error("what the restored books have open was not all looked up at WeChat yet: {}", told(*.0))]
    NotLookedUp(Option<Left>),
    /// WeChat does not take the order; with WeChat's words.
    #[error("WeChat refused the order, a repeat asks again: {0}")]
    WechatRefused(Box<str>),
    /// A day was not compared with WeChat's bill.
    #[error(transparent)]
    NotReconciled(#[from] reconcile::Fault),
    /// A body over the limit.
    #[error("a body may have {BODY_BYTES_MAX} bytes at the most")]
    BodyTooLarge,
    /// A body that did not come in time.
    #[error("the body did not arrive in time")]
    BodyTooSlow,
}

/// What the body of an error looks like.
#[derive(Debug, Serialize)]
struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[FieldError<'a>; 1]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    available_fen: Option<i64>,
}

/// A field, and what is wrong with it.
#[derive(Debug, Serialize)]
struct FieldError<'a> {
    field: &'a str,
    reason: Cow<'a, str>,
}

impl ApiError {
    /// A part of the request that can't be as it is.
    pub(crate) fn invalid(
        field: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Invalid {
            field: cut(field.into(), ANSWER_FIELD_CHARS_MAX),
            reason: cut(reason.into(), ANSWER_REASON_CHARS_MAX),
        }
    }

    /// A refusal of the rules.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        Self::Engine(EngineError::Refused(refusal))
    }

    /// The status and the code. No wildcard arm: a new refusal does not compile until it has both.
    pub(crate) fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Engine(EngineError::Refused(refusal)) => (of_refusal(refusal), refusal.code()),
            Self::Engine(EngineError::Busy) | Self::Busy => (StatusCode::TOO_MANY_REQUESTS, "busy"),
            Self::Engine(EngineError::Unavailable(_))
            | Self::Read(ReadError::Trouble(_) | ReadError::Unreadable { .. }) => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable")
            }
            Self::Engine(EngineError::OutcomeUnknown) => {
                (StatusCode::SERVICE_UNAVAILABLE, "outcome_unknown")
            }
            Self::Read(ReadError::Cursor) | Self::Invalid { .. } => {
                (StatusCode::BAD_REQUEST, "invalid_request")
            }
            Self::Amount(_) => (StatusCode::UNPROCESSABLE_ENTITY, "amount_invalid"),
            Self::IdempotencyMissing(_) => (StatusCode::BAD_REQUEST, "idempotency_missing"),
            Self::NotAuthorized => (StatusCode::UNAUTHORIZED, "not_authorized"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::SettlementUnknown => (StatusCode::NOT_FOUND, "settlement_unknown"),
            Self::CaseUnknown => (StatusCode::NOT_FOUND, "case_unknown"),
            Self::ReconciliationUnknown => (StatusCode::NOT_FOUND, "reconciliation_unknown"),
            Self::BankRunUnknown => (StatusCode::NOT_FOUND, "bank_run_unknown"),
            Self::BankRunOpen => (StatusCode::CONFLICT, "bank_run_open"),
            Self::BankRunElsewhere => (StatusCode::TOO_MANY_REQUESTS, "busy"),
            Self::WebhookUnknown => (StatusCode::NOT_FOUND, "webhook_unknown"),
            Self::DeliveryUnknown => (StatusCode::NOT_FOUND, "delivery_unknown"),
            Self::TooManyWebhooks => (StatusCode::CONFLICT, "webhooks_max"),
            Self::KeyUnknown | Self::NotFound => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed(_) => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::NotLookedUp(_) => (StatusCode::CONFLICT, "restore_not_looked_up"),
            Self::WechatRefused(_) => (StatusCode::UNPROCESSABLE_ENTITY, "wechat_refused"),
            Self::NotReconciled(fault) => of_fault(fault),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "body_too_slow"),
        }
    }

    /// What the caller is told. What went wrong inside is logged, once and here, and not told.
    fn detail(&self) -> String {
        match self {
            Self::Engine(EngineError::Unavailable(why)) => {
                tracing::warn!(why, "answered unavailable");
                let full = Trouble::DiskFull.to_string();
                let cause = if why.contains(&full) { format!("{full}: ") } else { String::new() };
                format!("{cause}it did not happen; ask again with the same number")
            }
            Self::Read(ReadError::Trouble(trouble)) => {
                tracing::warn!(why = %trouble, "answered unavailable");
                match trouble {
                    Trouble::DiskFull => "the disk is full; ask again later".into(),
                    Trouble::Unavailable(_) | Trouble::Broken(_) => {
                        "the store does not answer; ask again".into()
                    }
                }
            }
            Self::Read(ReadError::Unreadable { merchant, what }) => {
                tracing::error!(%merchant, what, "stored data that this version can't read");
                "this version can't read what is stored; the log says more".into()
            }
            Self::Read(ReadError::Cursor) => "cursor must be a next_cursor of this list".into(),
            Self::NotReconciled(fault) => {
                tracing::warn!(%fault, "a day was not compared with WeChat's bill");
                match fault {
                    reconcile::Fault::NotReady(_)
                    | reconcile::Fault::Refused(_)
                    | reconcile::Fault::Unreadable(_)
                    | reconcile::Fault::Unavailable(_)
                    | reconcile::Fault::Elsewhere
                    | reconcile::Fault::Ended => fault.to_string(),
                    reconcile::Fault::Read(_)
                    | reconcile::Fault::Keep(_)
                    | reconcile::Fault::Case(_)
                    | reconcile::Fault::Disk(_) => {
                        "the comparison did not come to its end; ask again".into()
                    }
                }
            }
            Self::Engine(_)
            | Self::Busy
            | Self::Invalid { .. }
            | Self::Amount(_)
            | Self::IdempotencyMissing(_)
            | Self::NotAuthorized
            | Self::Forbidden(_)
            | Self::SettlementUnknown
            | Self::CaseUnknown
            | Self::ReconciliationUnknown
            | Self::BankRunUnknown
            | Self::BankRunOpen
            | Self::BankRunElsewhere
            | Self::KeyUnknown
            | Self::WebhookUnknown
            | Self::DeliveryUnknown
            | Self::TooManyWebhooks
            | Self::NotFound
            | Self::MethodNotAllowed(_)
            | Self::NotLookedUp(_)
            | Self::WechatRefused(_)
            | Self::BodyTooLarge
            | Self::BodyTooSlow => self.to_string(),
        }
    }

    /// The field at fault, where there is one.
    fn field(&self) -> Option<FieldError<'_>> {
        let (field, reason) = match self {
            Self::Invalid { field, reason } => (&**field, Cow::Borrowed(&**reason)),
            Self::Read(ReadError::Cursor) => {
                ("cursor", "must be a next_cursor of this list".into())
            }
            Self::Amount(field) => (*field, "must be 0 to 9223372036854775807 fen".into()),
            Self::IdempotencyMissing(field) => {
                (*field, "is needed where there is no Idempotency-Key".into())
            }
            Self::Engine(EngineError::Refused(Refusal::Invalid { field, reason })) => {
                (*field, (*reason).into())
            }
            Self::Engine(EngineError::Refused(Refusal::AmountInvalid { min, max })) => {
                ("amount_fen", format!("must be {} to {}", min.fen(), max.fen()).into())
            }
            Self::Engine(_)
            | Self::Read(_)
            | Self::Busy
            | Self::NotAuthorized
            | Self::Forbidden(_)
            | Self::SettlementUnknown
            | Self::CaseUnknown
            | Self::ReconciliationUnknown
            | Self::BankRunUnknown
            | Self::BankRunOpen
            | Self::BankRunElsewhere
            | Self::KeyUnknown
            | Self::WebhookUnknown
            | Self::DeliveryUnknown
            | Self::TooManyWebhooks
            | Self::NotFound
            | Self::MethodNotAllowed(_)
            | Self::NotLookedUp(_)
            | Self::WechatRefused(_)
            | Self::NotReconciled(_)
            | Self::BodyTooLarge
            | Self::BodyTooSlow => return None,
        };
        Some(FieldError { field, reason })
    }

    fn available_fen(&self) -> Option<i64> {
        if let Self::Engine(EngineError::Refused(Refusal::BalanceInsufficient { available })) = self
        {
            return Some(available.fen());
        }
        None
    }
}

/// How much is left to look up, for people.
fn told(left: Option<Left>) -> String {
    let left = left.filter(|left| left.orders + left.withdrawals > 0);
    left.map_or("ask again in a moment".into(), |Left { orders, withdrawals }| {
        format!("orders {orders}, withdrawals {withdrawals}; ask again in a minute")
    })
}

/// A text of so many characters at the most: a caller's own mistake is not sent back at length.
fn cut(text: Cow<'static, str>, chars_max: usize) -> Cow<'static, str> {
    match text.char_indices().nth(chars_max) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text,
    }
}

impl From<CashierError> for ApiError {
    fn from(error: CashierError) -> Self {
        match error {
            CashierError::Engine(error) => error.into(),
            CashierError::Refused(why) => Self::WechatRefused(why),
            CashierError::Unknown(why) => {
                tracing::warn!(%why, "WeChat left it open");
                EngineError::OutcomeUnknown.into()
            }
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status_and_code().0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = self.status_and_code();
        let mut response = HttpResponseBuilder::new(status);
        response.content_type("application/problem+json");
        if status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS {
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer realm=\"tally\""));
        }
        if let Self::MethodNotAllowed(allowed) = self {
            response.insert_header((header::ALLOW, allowed.as_str()));
        }
        response.json(Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or_default(),
            status: status.as_u16(),
            detail: self.detail(),
            code,
            errors: self.field().map(|error| [error]),
            available_fen: self.available_fen(),
        })
    }
}

#[cfg(test)]
#[path = "error_tests.rs"]
mod tests;
