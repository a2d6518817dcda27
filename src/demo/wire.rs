//! What the demo says over HTTP: the mini-program's calls, `/v1`, and the sandbox's control API.

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

use super::limits::{ANSWER_MAX, PAGE};
use crate::cli::Failure;

/// The two servers of a demo. Cheap to clone.
#[derive(Clone)]
pub(super) struct Wire {
    http: Client,
    tally: String,
    sandbox: String,
    key: String,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Reply {
    /// The status.
    pub(super) status: u16,
    /// The body; null when it is not JSON.
    pub(super) body: Value,
}

impl Reply {
    /// Whether what was asked for is done.
    pub(super) fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The stable code of a refusal by `/v1`.
    pub(super) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Whether the same question has to be asked again.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status, 429 | 503)
    }
}

impl Wire {
    /// The two servers by their URLs, and the key for `/v1`.
    pub(super) fn new(tally: String, sandbox: String, key: String) -> Result<Self, Failure> {
        tally_wechat::tls::install_provider();
        let http = Client::builder().no_proxy().timeout(ANSWER_MAX).build()?;
        Ok(Self { http, tally, sandbox, key })
    }

    /// A call as the mini-program makes it.
    pub(super) async fn page(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        answer(self.http.post(format!("{}{path}", self.tally)).json(body)).await
    }

    /// A call that changes something, as the platform makes it.
    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Reply, Failure> {
        answer(self.v1(Method::POST, path).json(body)).await
    }

    /// A thing that must be there.
    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        found(&format!("GET /v1/{path}"), answer(self.v1(Method::GET, path)).await?)
    }

    /// All items of a list, page by page.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let (mut items, mut part) = (vec![], format!("{path}?limit={PAGE}"));
        loop {
            let mut page = self.get(&part).await?;
            let more: Vec<Value> = serde_json::from_value(page["items"].take())
                .map_err(|error| format!("GET /v1/{path}: items: {error}"))?;
            items.extend(more);
            let Some(next) = page["next_cursor"].as_str() else { return Ok(items) };
            part = format!("{path}?limit={PAGE}&cursor={}", escaped(next));
        }
    }

    /// A question to the sandbox.
    pub(super) async fn sandbox_get(&self, path: &str) -> Result<Value, Failure> {
        let request = self.http.get(format!("{}/sandbox/{path}", self.sandbox));
        found(&format!("GET /sandbox/{path}"), answer(request).await?)
    }

    /// An order to the sandbox that must be carried out.
    pub(super) async fn sandbox(
        &self,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Value, Failure> {
        let request = self.http.request(method, format!("{}/sandbox/{path}", self.sandbox));
        found(&format!("/sandbox/{path}"), answer(request.json(body)).await?)
    }

    fn v1(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1/{path}", self.tally)).bearer_auth(&self.key)
    }
}

fn found(asked: &str, reply: Reply) -> Result<Value, Failure> {
    if reply.is_success() {
        return Ok(reply.body);
    }
    Err(format!("{asked} was answered {} {}", reply.status, reply.body).into())
}

async fn answer(request: RequestBuilder) -> Result<Reply, Failure> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let bytes = response.bytes().await?;
    Ok(Reply { status, body: serde_json::from_slice(&bytes).unwrap_or_default() })
}

/// A text as a query carries it.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}
