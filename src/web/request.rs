//! What happens around every request: its id, a span that carries it into each line of the log, and one line at its end.

use std::time::Instant;

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use tally_actors::domain::number;
use tracing::{Instrument, field};

use super::door::{Place, turned_away};
use crate::limits::REQUEST_ID_CHARS_MAX;
use crate::service::Service;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Answers a request with its id, and logs that it did: no query, header or body, as they may hold what is private.
pub(crate) async fn around<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let start = Instant::now();
    let service =
        Data::<Service>::clone(request.app_data().expect("web::routes is given a service"));
    let id = id(&request, &service);
    let Some(place) = Place::take(&service, &request) else {
        return Ok(named(turned_away(request, &service), &id));
    };
    let span = tracing::error_span!("request", id = %id, key_id = field::Empty);
    let answered = async move {
        let (method, path) = (request.method().clone(), request.path().to_owned());
        let response = named(next.call(request).await?.map_into_boxed_body(), &id);
        place.leave();
        let (status, ms) = (response.status().as_u16(), start.elapsed().as_millis());
        tracing::info!(%method, path, status, ms, "answered");
        Ok(response)
    };
    answered.instrument(span).await
}

fn named(mut response: ServiceResponse, id: &str) -> ServiceResponse {
    if let Ok(value) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The caller's id for the request where it is well-formed, else a new one.
fn id(request: &ServiceRequest, service: &Service) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|id| id.to_str().ok());
    if let Some(id) = given.filter(|id| well_formed(id)) {
        return id.to_owned();
    }
    number::make(service.now(), getrandom::u64().unwrap_or_default())
}

fn well_formed(id: &str) -> bool {
    (1..=REQUEST_ID_CHARS_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_could_forge_a_line_of_the_log_is_not_taken() {
        for (id, taken) in
            [("a-b_c.1", true), ("", false), ("a b", false), ("a\n", false), ("é", false)]
        {
            assert_eq!(well_formed(id), taken, "{id:?}");
        }
        assert!(well_formed(&"a".repeat(64)) && !well_formed(&"a".repeat(65)));
    }
}
