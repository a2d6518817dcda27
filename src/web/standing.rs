//! Freezing a merchant's withdrawals, suspending and closing a merchant: an admin's word, each with a reason.

use actix_web::web;
use serde::Deserialize;
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::Stand;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::order::OrderStatus;
use tally_actors::domain::refund::RefundStatus;
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::standing::Change;
use tally_actors::ports::{OrderFilter, Page, RefundFilter};

use super::auth::AdminOf;
use super::body::Body;
use super::error::ApiError;
use super::merchants::MerchantView;
use super::reply::{Answer, Text, ok};
use crate::service::Service;

/// Why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Reason {
    reason: Text<256>,
}

/// `POST /v1/merchants/{merchant_id}/freeze`
pub(crate) async fn freeze(of: AdminOf, service: web::Data<Service>, body: Body<Reason>) -> Answer {
    decide(of, &service, body, Change::Freeze).await
}

/// `POST /v1/merchants/{merchant_id}/unfreeze`
pub(crate) async fn unfreeze(
    of: AdminOf,
    service: web::Data<Service>,
    body: Body<Reason>,
) -> Answer {
    decide(of, &service, body, Change::Unfreeze).await
}

/// `POST /v1/merchants/{merchant_id}/suspend`
pub(crate) async fn suspend(
    of: AdminOf,
    service: web::Data<Service>,
    body: Body<Reason>,
) -> Answer {
    decide(of, &service, body, Change::Suspend).await
}

/// `POST /v1/merchants/{merchant_id}/resume`
pub(crate) async fn resume(of: AdminOf, service: web::Data<Service>, body: Body<Reason>) -> Answer {
    decide(of, &service, body, Change::Resume).await
}

/// `POST /v1/merchants/{merchant_id}/close`. Orders and refunds are looked for here; the message holds only while nothing happened since.
pub(crate) async fn close(of: AdminOf, service: web::Data<Service>, body: Body<Reason>) -> Answer {
    service.must_know(of.merchant).await?;
    let head = service.write(service.engine.head(of.merchant, service.asked(of.key_id))).await?;
    nothing_under_way(&service, of.merchant).await?;
    stand(of, &service, body, Change::Close, Some(head.link.seq)).await
}

/// Refuses where an order is open, or a refund under way.
async fn nothing_under_way(service: &Service, of: MerchantId) -> Result<(), ApiError> {
    let filter = OrderFilter { status: Some(OrderStatus::Open), from: None, to: None };
    let page = Page { limit: 1, cursor: None };
    let open = service.stored(move |store| store.orders(of, filter, page)).await?;
    if !open.items.is_empty() {
        return Err(ApiError::refused(Refusal::MerchantNotEmpty("open orders")));
    }
    // One that fails gives its money back, which nobody could withdraw any more.
    for status in [RefundStatus::Requested, RefundStatus::Sending, RefundStatus::Unknown] {
        let filter = RefundFilter { order_no: None, status: Some(status) };
        let page = Page { limit: 1, cursor: None };
        let back = service.stored(move |store| store.refunds(of, filter, page)).await?;
        if !back.items.is_empty() {
            return Err(ApiError::refused(Refusal::MerchantNotEmpty("a refund under way")));
        }
    }
    Ok(())
}

async fn decide(of: AdminOf, service: &Service, body: Body<Reason>, change: Change) -> Answer {
    stand(of, service, body, change, None).await
}

async fn stand(
    of: AdminOf,
    service: &Service,
    body: Body<Reason>,
    change: Change,
    seen: Option<Seq>,
) -> Answer {
    let stand = Stand { change, reason: body.0.reason.0.into(), by: of.key_id, seen };
    let asked = service.engine.stand(of.merchant, stand, service.asked(of.key_id));
    ok(MerchantView::of(&service.write(asked).await?))
}
