//! Webhooks: the platform's endpoints that are told of what happens, and what they were not told at once.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::ids::{MerchantId, WebhookId};
use tally_actors::domain::time::At;
use tally_actors::ports::Part;
use tally_storage::webhooks::{Delivery, DeliveryStatus, Webhook};

use super::auth::Admin;
use super::body::Body;
use super::error::ApiError;
use super::orders::Nothing;
use super::query::Query;
use super::reply::{Answer, List, ok, part};
use crate::limits::WEBHOOK_URL_CHARS_MAX;
use crate::service::Service;
use crate::webhooks::{EventId, Kind, NewWebhook};

/// A webhook to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Make {
    url: String,
    kinds: Option<Vec<String>>,
    merchant_id: Option<MerchantId>,
}

/// A webhook; with its secret only in the answer to the call that made it.
#[derive(Serialize)]
struct WebhookView {
    webhook_id: WebhookId,
    url: String,
    kinds: Option<Vec<String>>,
    merchant_id: Option<MerchantId>,
    created_at: At,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A delivery that was not made at the first try, or was asked for again.
#[derive(Serialize)]
struct DeliveryView {
    delivery_id: String,
    merchant_id: MerchantId,
    seq: Seq,
    kind: String,
    at: At,
    status: &'static str,
    tries: u32,
    next_try_at: Option<At>,
    changed_at: At,
    error: Option<String>,
}

impl WebhookView {
    fn of(webhook: Webhook) -> Self {
        let Webhook { webhook_id, url, kinds, merchant, created_at, .. } = webhook;
        let kinds = Some(kinds).filter(|kinds| !kinds.is_empty());
        Self { webhook_id, url, kinds, merchant_id: merchant, created_at, secret: None }
    }
}

impl DeliveryView {
    fn of(delivery: Delivery) -> Self {
        let waits = delivery.status == DeliveryStatus::Waiting;
        Self {
            delivery_id: delivery.event_id,
            merchant_id: delivery.merchant,
            seq: delivery.seq,
            kind: delivery.kind,
            at: delivery.at,
            status: delivery.status.as_str(),
            tries: delivery.tries,
            next_try_at: waits.then_some(delivery.next_at),
            changed_at: delivery.changed_at,
            error: Some(delivery.error).filter(|error| !error.is_empty()),
        }
    }
}

/// `POST /v1/webhooks`
pub(crate) async fn make(_: Admin, service: web::Data<Service>, body: Body<Make>) -> Answer {
    let new = body.0.checked(&service)?;
    if let Some(merchant) = new.merchant {
        service.must_know(merchant).await?;
    }
    let made = service.write(service.webhooks.make(new, service.now())).await?;
    let secret = Some(made.secret.clone());
    Ok(HttpResponse::Created().json(WebhookView { secret, ..WebhookView::of(made) }))
}

/// `GET /v1/webhooks`
pub(crate) async fn list(_: Admin, service: web::Data<Service>, request: HttpRequest) -> Answer {
    Query::of(&request)?.end()?;
    let items = service.kept(|books| books.webhooks()).await?;
    ok(List::of(Part { items, next: None }, WebhookView::of))
}

/// `DELETE /v1/webhooks/{webhook_id}`
pub(crate) async fn delete(_: Admin, service: web::Data<Service>, request: HttpRequest) -> Answer {
    let webhook_id = part(&request, "webhook_id")?;
    if service.write(service.webhooks.delete(webhook_id)).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(ApiError::WebhookUnknown)
}

/// `GET /v1/webhooks/{webhook_id}/deliveries`
pub(crate) async fn deliveries(
    _: Admin,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    let mut query = Query::of(&request)?;
    let (page, status) = (query.page()?, query.delivery_status()?);
    query.end()?;
    let of = find(&service, &request).await?.webhook_id;
    let part = service.kept(move |books| books.deliveries(of, status, page)).await?;
    ok(List::of(part, DeliveryView::of))
}

/// `POST /v1/webhooks/{webhook_id}/deliveries/{n}/replay`, `n` being a `delivery_id`
pub(crate) async fn replay(
    _: Admin,
    service: web::Data<Service>,
    request: HttpRequest,
    _: Body<Nothing>,
) -> Answer {
    let id: EventId = part(&request, "n")?;
    let webhook = find(&service, &request).await?;
    let again = service.write(service.webhooks.replay(webhook, id, service.now())).await?;
    ok(DeliveryView::of(again.ok_or(ApiError::DeliveryUnknown)?))
}

/// The webhook in the path.
async fn find(service: &Service, request: &HttpRequest) -> Result<Webhook, ApiError> {
    let webhook_id: WebhookId = part(request, "webhook_id")?;
    let all = service.kept(|books| books.webhooks()).await?;
    let found = all.into_iter().find(|webhook| webhook.webhook_id == webhook_id);
    found.ok_or(ApiError::WebhookUnknown)
}

impl Make {
    fn checked(self, service: &Service) -> Result<NewWebhook, ApiError> {
        let Self { url, kinds, merchant_id: merchant } = self;
        if url.chars().count() > WEBHOOK_URL_CHARS_MAX {
            let most = format!("must have {WEBHOOK_URL_CHARS_MAX} characters at the most");
            return Err(ApiError::invalid("url", most));
        }
        service.webhooks.check(&url).map_err(|wrong| ApiError::invalid("url", wrong))?;
        let names = Kind::ALL.map(Kind::as_str).join(", ");
        let wrong = || ApiError::invalid("kinds", format!("must be some of {names}"));
        let mut wanted = vec![];
        for name in kinds.iter().flatten() {
            let kind = Kind::of(name).ok_or_else(wrong)?;
            if !wanted.contains(&kind) {
                wanted.push(kind);
            }
        }
        if kinds.is_some() && wanted.is_empty() {
            return Err(wrong());
        }
        Ok(NewWebhook { url, kinds: wanted, merchant })
    }
}
