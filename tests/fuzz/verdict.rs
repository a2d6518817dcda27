//! Whether an answer is one that a bad request may get.

use serde_json::Value;
use tally_wechat::xml;

/// What must not be in an answer, or must be and is not.
pub(crate) fn wrong(path: &str, status: u16, body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let fault = |what: &str| Some(format!("{what}: {status} {text}"));
    if status >= 500 {
        return fault("the server failed");
    }
    let early = matches!(status, 404 | 405 | 413 | 414 | 429);
    if early {
        return None;
    }
    if path.starts_with("/healthz") || path.starts_with("/readyz") {
        return if status == 200 { None } else { fault("the server is not well") };
    }
    if status == 204 {
        return if body.is_empty() { None } else { fault("nothing was to be said") };
    }
    if path.starts_with("/v1") {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let named = status < 400 || body["code"].is_string();
        let file = status < 400 && text.starts_with('\u{feff}');
        let told = file || (named && body.is_object());
        return if told { None } else { fault("a refusal without a code") };
    }
    if path.starts_with("/notify") {
        let told = xml::parse(body).ok();
        let told = told.as_ref().and_then(|fields| fields.get("return_code"));
        return match (status, told) {
            (200, Some("SUCCESS" | "FAIL")) => None,
            _ => fault("no answer to a notice"),
        };
    }
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let known = body["code"].as_u64().is_some_and(|code| code <= 11);
    let words = body["msg"].as_str().is_some_and(|msg| !msg.is_empty());
    if status == 200 && known && words { None } else { fault("no answer to a page") }
}
