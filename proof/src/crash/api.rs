//! A client of `/v1`.

use std::time::Duration;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::traffic::{MERCHANTS, RULES};

/// Longer than any answer takes.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// One server, spoken to with one key.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    base: String,
    key: String,
}

/// An answer.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Value,
}

impl Reply {
    /// Whether the status is one of success.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether it asks to be asked again: busy, unavailable, or nobody knows.
    pub fn is_not_final(&self) -> bool {
        [429, 503].contains(&self.status)
    }

    /// The stable code of a refusal.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

impl Api {
    /// A client of the server at `base`, such as `http://127.0.0.1:8000`.
    pub fn new(base: String, key: String) -> Self {
        // Even for plain HTTP, as the protocol's crate asks for a provider.
        tally_wechat::tls::install_provider();
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).no_proxy().build();
        Self { http: http.expect("a client"), base, key }
    }

    /// A client with connections of its own.
    pub fn another(&self) -> Self {
        Self::new(self.base.clone(), self.key.clone())
    }

    /// The same client, of another server that knows the key.
    pub fn at(&self, other: &Self) -> Self {
        Self { base: other.base.clone(), ..self.clone() }
    }

    /// Asks; an error means that nobody knows what became of it. A text is sent as CSV.
    pub async fn post(
        &self,
        path: &str,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<Reply, reqwest::Error> {
        let mut request = self.request(Method::POST, path);
        request = if let Value::String(csv) = body {
            request.header(CONTENT_TYPE, "text/csv").body(csv.clone())
        } else {
            request.json(body)
        };
        if let Some(key) = idempotency_key {
            request = request.header("Idempotency-Key", key);
        }
        reply(request).await
    }

    /// Asks for a thing; an error: there was no answer.
    pub async fn read(&self, path: &str) -> Result<Reply, reqwest::Error> {
        reply(self.request(Method::GET, path)).await
    }

    /// Asks for a thing that must be there.
    pub async fn get(&self, path: &str) -> Reply {
        let reply = self.read(path).await.expect("an answer");
        assert!(reply.is_success(), "GET {path}: {reply:?}");
        reply
    }

    /// All items of a list, part by part.
    pub async fn list<T: DeserializeOwned>(&self, path: &str) -> Vec<T> {
        let mut items = vec![];
        let mut part_path = format!("{path}?limit=200");
        loop {
            let mut reply = self.read(&part_path).await.expect("an answer");
            assert!(reply.is_success(), "GET {path}: {reply:?}");
            let part: Vec<T> = serde_json::from_value(reply.body["items"].take())
                .unwrap_or_else(|error| panic!("GET {path}: {error}"));
            items.extend(part);
            match reply.body["next_cursor"].as_str() {
                Some(next) => part_path = format!("{path}?limit=200&cursor={}", escaped(next)),
                None => return items,
            }
        }
    }

    /// Makes the merchants of the traffic known, with their rules.
    pub async fn register(&self) {
        for (merchant, (fee_bp, days)) in MERCHANTS.iter().zip(RULES) {
            let body = json!({
                "merchant_id": merchant,
                "name": format!("Shop {merchant}"),
                "fee_bp": fee_bp,
                "settle_after_days": days,
                "payout_method": "manual",
            });
            let reply = self.post("merchants", &body, None).await.expect("an answer");
            assert!(reply.is_success(), "{reply:?}");
        }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/v1/{path}", self.base)).bearer_auth(&self.key)
    }
}

async fn reply(request: RequestBuilder) -> Result<Reply, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    let body = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("status {status}, {error}: {text}"));
    Ok(Reply { status, body })
}

/// A text as a query carries it.
fn escaped(text: &str) -> String {
    let escape = |byte: u8| match byte {
        b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(escape).collect()
}
