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
    let (reasons, warnings) = tokio::join!(service.troubles(), service.warnings());
    let sandbox = service.sandbox;
    let answer = |status| json!({"status": status, "reasons": reasons, "warnings": warnings, "sandbox": sandbox});
    if reasons.is_empty() {
        return ok(answer("ready"));
    }
    tracing::warn!(?reasons, "not ready");
    let mut response = HttpResponse::ServiceUnavailable();
    response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
    Ok(response.json(answer("not_ready")))
}
