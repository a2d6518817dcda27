//! API keys: a merchant's, and the admins'.

use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::time::At;
use tally_storage::keys::ListedKey;

use super::auth::{Admin, AdminOf, Party};
use super::body::Body;
use super::error::ApiError;
use super::query::Query;
use super::reply::{Answer, List, Text, ok, part};
use crate::limits::KEY_NAME_CHARS_MAX;
use crate::service::Service;

/// A key to make.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    name: Text<KEY_NAME_CHARS_MAX>,
}

/// A key; with the key itself only in the answer to the call that made it.
#[derive(Serialize)]
struct KeyView {
    key_id: String,
    name: String,
    created_at: At,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

impl KeyView {
    fn of(listed: ListedKey, key: Option<String>) -> Self {
        let ListedKey { key_id, name, created_at } = listed;
        Self { key_id: key_id.to_string(), name, created_at, key }
    }
}

/// `POST /v1/merchants/{merchant_id}/keys`
pub(crate) async fn make(of: AdminOf, service: web::Data<Service>, body: Body<NewKey>) -> Answer {
    service.must_know(of.merchant).await?;
    make_for(&service, Some(of.merchant), body.0).await
}

/// `GET /v1/merchants/{merchant_id}/keys`
pub(crate) async fn list(of: Party, service: web::Data<Service>, request: HttpRequest) -> Answer {
    list_of(&service, Some(of.merchant), &request).await
}

/// `DELETE /v1/merchants/{merchant_id}/keys/{key_id}`
pub(crate) async fn delete(
    of: AdminOf,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    service.must_know(of.merchant).await?;
    delete_of(&service, Some(of.merchant), &request).await
}

/// `POST /v1/keys`
pub(crate) async fn make_admins(
    _: Admin,
    service: web::Data<Service>,
    body: Body<NewKey>,
) -> Answer {
    make_for(&service, None, body.0).await
}

/// `GET /v1/keys`
pub(crate) async fn list_admins(
    _: Admin,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    list_of(&service, None, &request).await
}

/// `DELETE /v1/keys/{key_id}`
pub(crate) async fn delete_admins(
    _: Admin,
    service: web::Data<Service>,
    request: HttpRequest,
) -> Answer {
    delete_of(&service, None, &request).await
}

async fn make_for(service: &Service, merchant: Option<MerchantId>, new: NewKey) -> Answer {
    let made = service.write(service.keyring.make(merchant, new.name.0, service.now())).await?;
    Ok(HttpResponse::Created().json(KeyView::of(made.listed, Some(made.key))))
}

async fn list_of(service: &Service, merchant: Option<MerchantId>, request: &HttpRequest) -> Answer {
    let mut query = Query::of(request)?;
    let page = query.page()?;
    query.end()?;
    if let Some(merchant) = merchant {
        service.must_know(merchant).await?;
    }
    let part = service.keys(merchant, page).await?;
    ok(List::of(part, |listed| KeyView::of(listed, None)))
}

async fn delete_of(
    service: &Service,
    merchant: Option<MerchantId>,
    request: &HttpRequest,
) -> Answer {
    let key_id = part(request, "key_id")?;
    if service.write(service.keyring.delete(merchant, key_id)).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    Err(ApiError::KeyUnknown)
}
