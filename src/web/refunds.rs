//! Refunds: customers get back what orders brought.

use actix_web::{HttpRequest, web};
use serde::{Deserialize, Serialize};
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::ids::{OrderNo, RefundNo};
use tally_actors::domain::money::Money;
use tally_actors::domain::refund::{Refund, RefundStatus};
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::time::At;
use tally_actors::engine::{NewRefund, Number};
use tally_actors::ports::RefundFilter;

use super::auth::Party;
use super::body::{Body, Fen};
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, List, Plain, made, number, ok, part};
use crate::service::Service;

/// A refund to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ask {
    refund_no: Option<RefundNo>,
    amount_fen: Fen,
    reason: Option<Plain>,
}

/// A refund as the API shows it.
#[derive(Serialize)]
pub(crate) struct RefundView {
    refund_no: RefundNo,
    order_no: OrderNo,
    amount_fen: Money,
    booked_fen: Money,
    fee_fen: Money,
    status: RefundStatus,
    reason: Option<Box<str>>,
    why: Option<Box<str>>,
    refund_id: Option<Box<str>>,
    by_hand: bool,
    requested_at: At,
}

/// `POST /v1/merchants/{merchant_id}/orders/{order_no}/refunds`
pub(crate) async fn request(
    of: Party,
    service: web::Data<Service>,
    request: HttpRequest,
    body: Body<Ask>,
) -> Answer {
    let new = body.0.new_refund(&request, &of)?;
    let asked = service.asked(of.caller.key_id);
    let requested = service.write(service.engine.request_refund(of.merchant, new, asked)).await?;
    made(requested.fresh, RefundView::of(requested.thing, of.is_admin()))
}

/// `GET /v1/merchants/{merchant_id}/refunds`
pub(crate) async fn list(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let mut query = Query::of(&request)?;
    let page = query.page()?;
    let filter =
        RefundFilter { order_no: query.shaped("order_no")?, status: query.refund_status()? };
    query.end()?;
    service.must_know(of.merchant).await?;
    let part = service.stored(move |store| store.refunds(of.merchant, filter, page)).await?;
    ok(List::of(part, |refund| RefundView::of(refund, of.is_admin())))
}

/// `GET /v1/merchants/{merchant_id}/refunds/{refund_no}`
pub(crate) async fn get(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let key = Key::Refund(part(&request, "refund_no")?);
    if let Some(Record::Refund(refund)) = service.record(of.merchant, key).await? {
        return ok(RefundView::of(*refund, of.is_admin()));
    }
    service.must_know(of.merchant).await?;
    Err(ApiError::refused(Refusal::RefundUnknown))
}

impl Ask {
    fn new_refund(self, request: &HttpRequest, of: &Party) -> Result<NewRefund, ApiError> {
        let number = number(request, self.refund_no)?;
        if matches!(number, Number::Make(None)) {
            return Err(ApiError::IdempotencyMissing("refund_no"));
        }
        Ok(NewRefund {
            number,
            order_no: part(request, "order_no")?,
            amount: self.amount_fen.money("amount_fen")?,
            reason: self.reason.map(|reason| reason.0).unwrap_or_default(),
            asked_by: of.caller.key_id,
            by_admin: of.is_admin(),
        })
    }
}

impl RefundView {
    /// The refund.
    pub(crate) fn of(refund: Refund, for_admin: bool) -> Self {
        Self {
            refund_no: refund.refund_no,
            order_no: refund.order_no,
            amount_fen: refund.amount,
            booked_fen: refund.booked,
            fee_fen: refund.fee,
            status: refund.status,
            reason: Some(refund.reason).filter(|reason| !reason.is_empty()),
            // What keeps it waiting is the platform's own affair: its credit at WeChat, its settings.
            why: refund.why.filter(|_| for_admin || refund.status == RefundStatus::Failed),
            refund_id: refund.refund_id,
            by_hand: refund.by_hand.is_some(),
            requested_at: refund.requested_at,
        }
    }
}
