//! Adjustments (调账): one admin asks, with a reason, and another decides.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use tally_actors::domain::adjustment::{Adjustment, AdjustmentStatus};
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::command::DecideAdjustment;
use tally_actors::domain::ids::{AdjustmentNo, KeyId};
use tally_actors::domain::money::Balance;
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::time::At;
use tally_actors::engine::{NewAdjustment, Number};

use super::auth::{AdminOf, Party};
use super::body::Body;
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, List, Text, made, number, ok, part};
use crate::service::Service;

/// An adjustment to ask for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    adjustment_no: Option<AdjustmentNo>,
    amount_fen: i64,
    reason: Text<256>,
}

/// A second admin's word.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decide {
    reason: Option<Text<256>>,
}

/// An adjustment as the API shows it.
#[derive(Serialize)]
pub(crate) struct AdjustmentView {
    adjustment_no: AdjustmentNo,
    amount_fen: Balance,
    reason: Box<str>,
    status: AdjustmentStatus,
    asked_by: KeyId,
    requested_at: At,
    /// What the second admin said; null while it waits.
    decision: Option<DecisionView>,
}

#[derive(Serialize)]
struct DecisionView {
    at: At,
    by: KeyId,
    reason: Option<Box<str>>,
}

/// `POST /v1/merchants/{merchant_id}/adjustments`
pub(crate) async fn request(
    of: AdminOf,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Ask>,
) -> Answer {
    let Ask { adjustment_no, amount_fen, reason } = body.0;
    let number = number(&request, adjustment_no)?;
    if matches!(number, Number::Make(None)) {
        return Err(ApiError::IdempotencyMissing("adjustment_no"));
    }
    let (amount, reason) = (Balance::from_fen(amount_fen), reason.0.into());
    let new = NewAdjustment { number, amount, reason, asked_by: of.key_id };
    let asked = service.engine.request_adjustment(of.merchant, new, service.asked(of.key_id));
    let requested = service.write(asked).await?;
    made(requested.fresh, AdjustmentView::of(requested.thing))
}

/// `GET /v1/merchants/{merchant_id}/adjustments`
pub(crate) async fn list(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::of(&request)?;
    let (page, status) = (query.page()?, query.adjustment_status()?);
    query.end()?;
    service.must_know(of.merchant).await?;
    let part = service.stored(move |store| store.adjustments(of.merchant, status, page)).await?;
    ok(List::of(part, AdjustmentView::of))
}

/// `GET /v1/merchants/{merchant_id}/adjustments/{adjustment_no}`
pub(crate) async fn get(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let key = Key::Adjustment(part(&request, "adjustment_no")?);
    if let Some(Record::Adjustment(made)) = service.record(of.merchant, key).await? {
        return ok(AdjustmentView::of(*made));
    }
    service.must_know(of.merchant).await?;
    Err(ApiError::refused(Refusal::AdjustmentUnknown))
}

/// `POST /v1/merchants/{merchant_id}/adjustments/{adjustment_no}/approve`
pub(crate) async fn approve(
    of: AdminOf,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Decide>,
) -> Answer {
    decide(of, &service, &request, body, true).await
}

/// `POST /v1/merchants/{merchant_id}/adjustments/{adjustment_no}/reject`
pub(crate) async fn reject(
    of: AdminOf,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Decide>,
) -> Answer {
    decide(of, &service, &request, body, false).await
}

async fn decide(
    of: AdminOf,
    service: &Service,
    request: &HttpRequest,
    body: Body<Decide>,
    approve: bool,
) -> Answer {
    let reason = body.0.reason.map(|reason| reason.0.into()).unwrap_or_default();
    let adjustment_no = part(request, "adjustment_no")?;
    let decide = DecideAdjustment { adjustment_no, approve, by: of.key_id, reason };
    let asked = service.engine.decide_adjustment(of.merchant, decide, service.asked(of.key_id));
    ok(AdjustmentView::of(service.write(asked).await?))
}

impl AdjustmentView {
    /// The adjustment.
    pub(crate) fn of(adjustment: Adjustment) -> Self {
        let status = adjustment.status();
        Self {
            adjustment_no: adjustment.adjustment_no,
            amount_fen: adjustment.amount,
            reason: adjustment.reason,
            status,
            asked_by: adjustment.asked_by,
            requested_at: adjustment.requested_at,
            decision: adjustment.decision.map(|made| DecisionView {
                at: made.at,
                by: made.by,
                reason: Some(made.reason).filter(|reason| !reason.is_empty()),
            }),
        }
    }
}
