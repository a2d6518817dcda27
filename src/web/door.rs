//! The door: how many requests are in hand, and what those beyond are told.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::{HttpMessage, HttpRequest, ResponseError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::error::ApiError;
use super::notices;
use crate::service::Service;

/// A request's place among those in hand. It has none while its body is on its way: a slow client holds nothing but its connection.
#[derive(Clone)]
pub(super) struct Place {
    all: Arc<Semaphore>,
    taken: Rc<RefCell<Option<OwnedSemaphorePermit>>>,
}

impl Place {
    /// A place for a request that has just come; `None`: as many as may be are in hand.
    pub(super) fn take(service: &Service, request: &ServiceRequest) -> Option<Self> {
        let all = Arc::clone(&service.turns.requests);
        let taken = Arc::clone(&all).try_acquire_owned().ok();
        if taken.is_none() && !is_about_the_process(request.path()) {
            return None;
        }
        let place = Self { all, taken: Rc::new(RefCell::new(taken)) };
        request.extensions_mut().insert(place.clone());
        Some(place)
    }

    /// Gives the place back: the request is answered.
    pub(super) fn leave(&self) {
        drop(self.taken.take());
    }

    /// Waits for the request's body without its place, which it must find again.
    pub(super) async fn wait_outside<T>(
        request: &HttpRequest,
        body: impl Future<Output = T>,
    ) -> Result<T, ApiError> {
        let Some(place) = request.extensions().get::<Self>().cloned() else {
            return Ok(body.await);
        };
        place.leave();
        let body = body.await;
        let taken = Arc::clone(&place.all).try_acquire_owned().map_err(|_| ApiError::Busy)?;
        place.taken.replace(Some(taken));
        Ok(body)
    }
}

/// What whoever watches over the process asks is answered whatever is in hand: one that is busy is not dead.
fn is_about_the_process(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// The answer of who finds no place. Nothing of the request was read, nothing was done.
pub(super) fn turned_away(request: ServiceRequest, service: &Service) -> ServiceResponse {
    service.count_turned_away();
    let is_notice = request.path().starts_with("/notify/");
    let answer =
        if is_notice { notices::turned_away(service) } else { ApiError::Busy.error_response() };
    request.into_response(answer)
}

#[cfg(test)]
#[path = "door_tests.rs"]
mod tests;
