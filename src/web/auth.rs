//! Who asks, and whether they may: the first parameter of every handler under `/v1`.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use tally_actors::domain::ids::{KeyId, MerchantId};

use super::error::ApiError;
use crate::keyring::Caller;
use crate::service::Service;

/// Finds out who asks: a store that others share may have to be asked.
type Recognizing<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// Anybody with a known key.
pub(crate) struct Known(pub(crate) Caller);

/// An admin, by the key.
pub(crate) struct Admin(pub(crate) KeyId);

/// The merchant in the path, asked about by an admin or by itself.
pub(crate) struct Party {
    /// Whom it is about.
    pub(crate) merchant: MerchantId,
    /// Who asks.
    pub(crate) caller: Caller,
}

/// The merchant in the path, asked about by an admin.
pub(crate) struct AdminOf {
    /// Whom it is about.
    pub(crate) merchant: MerchantId,
    /// The admin's key.
    pub(crate) key_id: KeyId,
}

/// What only an admin may do.
pub(crate) const FOR_ADMINS: ApiError = ApiError::Forbidden("this is for an admin's key");

impl Party {
    /// Whether an admin asks.
    pub(crate) fn is_admin(&self) -> bool {
        self.caller.merchant.is_none()
    }
}

/// Who shows a key. Asked once a request: it notes the key's name for the log.
async fn known(request: &HttpRequest) -> Result<Caller, ApiError> {
    let service = request.app_data::<web::Data<Service>>().expect("web::routes is given a service");
    let mut given = request.headers().get_all(header::AUTHORIZATION);
    let (Some(given), None) = (given.next(), given.next()) else {
        return Err(ApiError::NotAuthorized);
    };
    let (scheme, key) = given
        .to_str()
        .ok()
        .and_then(|given| given.split_once(' '))
        .ok_or(ApiError::NotAuthorized)?;
    let caller = service.keyring.recognize(key.trim()).await?.ok_or(ApiError::NotAuthorized)?;
    if !scheme.eq_ignore_ascii_case("Bearer") {
        return Err(ApiError::NotAuthorized);
    }
    tracing::Span::current().record("key_id", caller.key_id.as_str());
    Ok(caller)
}

async fn admin(request: &HttpRequest) -> Result<Caller, ApiError> {
    let caller = known(request).await?;
    if caller.merchant.is_some() { Err(FOR_ADMINS) } else { Ok(caller) }
}

/// The merchant in the path. A merchant's key hears the same of every other merchant, whether or not that exists.
fn merchant(request: &HttpRequest, caller: Caller) -> Result<MerchantId, ApiError> {
    let raw = request.match_info().get("merchant_id").unwrap_or_default();
    if caller.merchant.is_some_and(|own| own.as_str() != raw) {
        return Err(ApiError::Forbidden("this key is another merchant's"));
    }
    raw.parse().map_err(|_| ApiError::invalid("merchant_id", MerchantId::SHAPE))
}

async fn party(request: &HttpRequest) -> Result<Party, ApiError> {
    let caller = known(request).await?;
    Ok(Party { merchant: merchant(request, caller)?, caller })
}

async fn admin_of(request: &HttpRequest) -> Result<AdminOf, ApiError> {
    let caller = admin(request).await?;
    Ok(AdminOf { merchant: merchant(request, caller)?, key_id: caller.key_id })
}

impl FromRequest for Known {
    type Error = ApiError;
    type Future = Recognizing<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { known(&request).await.map(Self) })
    }
}

impl FromRequest for Admin {
    type Error = ApiError;
    type Future = Recognizing<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { admin(&request).await.map(|caller| Self(caller.key_id)) })
    }
}

impl FromRequest for Party {
    type Error = ApiError;
    type Future = Recognizing<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { party(&request).await })
    }
}

impl FromRequest for AdminOf {
    type Error = ApiError;
    type Future = Recognizing<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { admin_of(&request).await })
    }
}
