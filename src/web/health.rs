//! Whether the process is alive, and whether it should be sent requests. Open to all.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::reply::{Answer, ok};
use crate::limits::RETRY_AFTER_SECONDS;
use crate::service::Service;

/// `GET /healthz`
pub(crate) async fn alive() -> Answer {
    ok(json!({"status": "alive"}))
}

/// `GET /readyz`
pub(crate) async fn ready(service: web::Data<Service>) -> Answer {
    let reasons = service.troubles().await;
    if reasons.is_empty() {
        return ok(json!({"status": "ready", "reasons": [], "sandbox": service.sandbox}));
    }
    tracing::warn!(?reasons, "not ready");
    let mut response = HttpResponse::ServiceUnavailable();
    response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
    let sandbox = service.sandbox;
    Ok(response.json(json!({"status": "not_ready", "reasons": reasons, "sandbox": sandbox})))
}
