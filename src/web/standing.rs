//! Freezing a merchant's withdrawals, suspending and closing a merchant: an admin's word, each with a reason.

use actix_web::web;
use serde::Deserialize;
use tally_actors::domain::command::Stand;
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

/// `POST /v1/merchants/{merchant_id}/close`. An order that is opened while this is asked may be paid later: that is booked, with
/// a case.
pub(crate) async fn close(of: AdminOf, service: web::Data<Service>, body: Body<Reason>) -> Answer {
    service.must_know(of.merchant).await?;
    let filter = OrderFilter { status: Some(OrderStatus::Open), from: None, to: None };
    let page = Page { limit: 1, cursor: None };
    let open = service.stored(move |store| store.orders(of.merchant, filter, page)).await?;
    if !open.items.is_empty() {
        return Err(ApiError::refused(Refusal::MerchantNotEmpty("open orders")));
    }
    // One that fails gives its money back, which nobody could withdraw any more.
    for status in [RefundStatus::Requested, RefundStatus::Sending, RefundStatus::Unknown] {
        let filter = RefundFilter { order_no: None, status: Some(status) };
        let page = Page { limit: 1, cursor: None };
        let back = service.stored(move |store| store.refunds(of.merchant, filter, page)).await?;
        if !back.items.is_empty() {
            return Err(ApiError::refused(Refusal::MerchantNotEmpty("a refund under way")));
        }
    }
    decide(of, &service, body, Change::Close).await
}

async fn decide(of: AdminOf, service: &Service, body: Body<Reason>, change: Change) -> Answer {
    let stand = Stand { change, reason: body.0.reason.0.into(), by: of.key_id };
    let asked = service.engine.stand(of.merchant, stand, service.asked(of.key_id));
    ok(MerchantView::of(&service.write(asked).await?))
}
