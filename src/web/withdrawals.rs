//! Withdrawals: available money goes out, after a second key's word where the rules want one.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::{Attest, Confirm, Review};
use tally_actors::domain::ids::{KeyId, SettlementNo, WithdrawalNo};
use tally_actors::domain::money::Money;
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalRequest, WithdrawalStatus};
use tally_actors::engine::{NewWithdrawal, Number};

use super::attest::attest;
use super::auth::{AdminOf, Party};
use super::body::{Body, Fen};
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, List, Text, made, number, ok, part};
use crate::limits::{REASON_CHARS_MAX, REFERENCE_CHARS_MAX};
use crate::service::Service;

/// A withdrawal to request.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Withdraw {
    withdrawal_no: Option<WithdrawalNo>,
    amount_fen: Option<Fen>,
    #[serde(default)]
    all: bool,
    #[serde(default)]
    settle_first: bool,
}

/// A second key's reason.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    reason: Option<Text<REASON_CHARS_MAX>>,
}

/// How a bank run ended.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Outcome {
    succeeded: bool,
    reference: Option<Text<REFERENCE_CHARS_MAX>>,
    reason: Option<Text<REASON_CHARS_MAX>>,
    /// Of a transfer that WeChat tells of no more: the place of another admin's word.
    attested_seq: Option<u64>,
}

/// A withdrawal as the API shows it.
#[derive(Serialize)]
pub(crate) struct WithdrawalView {
    withdrawal_no: WithdrawalNo,
    amount_fen: Money,
    status: WithdrawalStatus,
    reason: Option<Box<str>>,
    method: PayoutMethod,
    reference: Option<Box<str>>,
    requested_at: At,
    settlement_no: Option<SettlementNo>,
}

/// `POST /v1/merchants/{merchant_id}/withdrawals`
pub(crate) async fn request(
    of: Party,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Withdraw>,
) -> Answer {
    let new = body.0.new_withdrawal(&request, of.caller.key_id)?;
    let asked = service.engine.withdraw(of.merchant, new, service.asked(of.caller.key_id));
    let requested = service.write(asked).await?;
    made(requested.fresh, WithdrawalView::of(requested.thing))
}

/// `GET /v1/merchants/{merchant_id}/withdrawals`
pub(crate) async fn list(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::of(&request)?;
    let (page, status) = (query.page()?, query.withdrawal_status()?);
    query.end()?;
    service.must_know(of.merchant).await?;
    let part = service.stored(move |store| store.withdrawals(of.merchant, status, page)).await?;
    ok(List::of(part, WithdrawalView::of))
}

/// `GET /v1/merchants/{merchant_id}/withdrawals/{withdrawal_no}`
pub(crate) async fn get(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let key = Key::Withdrawal(part(&request, "withdrawal_no")?);
    if let Some(Record::Withdrawal(withdrawal)) = service.record(of.merchant, key).await? {
        return ok(WithdrawalView::of(*withdrawal));
    }
    service.must_know(of.merchant).await?;
    Err(ApiError::refused(Refusal::WithdrawalUnknown))
}

/// `POST /v1/merchants/{merchant_id}/withdrawals/{withdrawal_no}/approve`
pub(crate) async fn approve(
    of: AdminOf,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Reason>,
) -> Answer {
    let review = body.0.review(&request, of.key_id)?;
    let asked = service.engine.approve(of.merchant, review, service.asked(of.key_id));
    ok(WithdrawalView::of(service.write(asked).await?))
}

/// `POST /v1/merchants/{merchant_id}/withdrawals/{withdrawal_no}/reject`
pub(crate) async fn reject(
    of: AdminOf,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Reason>,
) -> Answer {
    let review = body.0.review(&request, of.key_id)?;
    let asked = service.engine.reject(of.merchant, review, service.asked(of.key_id));
    ok(WithdrawalView::of(service.write(asked).await?))
}

/// `POST /v1/merchants/{merchant_id}/withdrawals/{withdrawal_no}/confirm`
pub(crate) async fn confirm(
    of: AdminOf,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Outcome>,
) -> Answer {
    let key = Key::Withdrawal(part(&request, "withdrawal_no")?);
    if let Some(Record::Withdrawal(withdrawal)) = service.record(of.merchant, key).await?
        && withdrawal.method == PayoutMethod::Wechat
    {
        let of_first = body.0.attested_seq.map(Seq);
        return attest(&of, &service, body.0.attest(&request, of.key_id)?, of_first).await;
    }
    let confirm = body.0.confirm(&request)?;
    let asked = service.engine.confirm(of.merchant, confirm, service.asked(of.key_id));
    ok(WithdrawalView::of(service.write(asked).await?))
}

fn text<const MAX: usize>(text: Option<Text<MAX>>) -> Box<str> {
    text.map(|text| text.0.into_boxed_str()).unwrap_or_default()
}

impl Withdraw {
    fn new_withdrawal(
        self,
        request: &HttpRequest,
        asked_by: KeyId,
    ) -> Result<NewWithdrawal, ApiError> {
        let amount = match (self.amount_fen, self.all) {
            (Some(fen), false) => Some(fen.money("amount_fen")?),
            (None, true) => None,
            (Some(_), true) => {
                return Err(ApiError::invalid("all", "must not be true beside amount_fen"));
            }
            (None, false) => {
                let reason = "is missing; give it, or \"all\": true for all that is available";
                return Err(ApiError::invalid("amount_fen", reason));
            }
        };
        let number = number(request, self.withdrawal_no)?;
        if matches!(number, Number::Make(None)) {
            return Err(ApiError::IdempotencyMissing("withdrawal_no"));
        }
        let asked = WithdrawalRequest { amount, settle_first: self.settle_first };
        Ok(NewWithdrawal { number, request: asked, asked_by })
    }
}

impl Reason {
    fn review(self, request: &HttpRequest, by: KeyId) -> Result<Review, ApiError> {
        let withdrawal_no = part(request, "withdrawal_no")?;
        Ok(Review { withdrawal_no, by, reason: text(self.reason) })
    }
}

impl Outcome {
    /// What an admin says of a transfer by WeChat. It must say how that is known.
    fn attest(self, request: &HttpRequest, by: KeyId) -> Result<Attest, ApiError> {
        if self.attested_seq.is_some_and(|seq| i64::try_from(seq).is_err()) {
            return Err(ApiError::invalid("attested_seq", "must be a place of the journal"));
        }
        let Confirm { withdrawal_no, succeeded, reference, reason } = Self {
            reason: Some(self.reason.ok_or_else(|| {
                ApiError::invalid("reason", "is missing; say how it is known what became of it")
            })?),
            attested_seq: None,
            ..self
        }
        .confirm(request)?;
        Ok(Attest { withdrawal_no, succeeded, reference, reason, by, first: None })
    }

    fn confirm(self, request: &HttpRequest) -> Result<Confirm, ApiError> {
        if self.attested_seq.is_some() {
            let reason = "is for a transfer by WeChat only";
            return Err(ApiError::invalid("attested_seq", reason));
        }
        let withdrawal_no = part(request, "withdrawal_no")?;
        if self.succeeded && self.reference.is_none() {
            let reason = "is missing; give the bank's own number of a run that succeeded";
            return Err(ApiError::invalid("reference", reason));
        }
        Ok(Confirm {
            withdrawal_no,
            succeeded: self.succeeded,
            reference: text(self.reference),
            reason: text(self.reason),
        })
    }
}

impl WithdrawalView {
    /// The withdrawal.
    pub(crate) fn of(withdrawal: Withdrawal) -> Self {
        Self {
            withdrawal_no: withdrawal.withdrawal_no,
            amount_fen: withdrawal.amount,
            status: withdrawal.status,
            reason: withdrawal.reason.filter(|reason| !reason.is_empty()),
            method: withdrawal.method,
            reference: withdrawal.reference,
            requested_at: withdrawal.requested_at,
            settlement_no: withdrawal.settlement_no,
        }
    }
}
