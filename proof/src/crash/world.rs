//! The world around the server: a WeChat of its own that outlives it, and one public address whatever port it listens on.

use std::collections::BTreeMap;
use std::process::Child;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tally_sandbox::{Credentials, Sandbox, Settings};
use tally_wechat::Secret;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use super::server::Server;
use super::site::Site;

/// The app that the world's WeChat knows.
pub const APP_ID: &str = "wx00000000test0000";
/// Its number as a merchant of WeChat's.
pub const MCH_ID: &str = "1900000000";
/// The key that its documents are signed with.
pub const API_KEY: &str = "0123456789abcdef0123456789abcdef";
const APP_SECRET: &str = "fedcba9876543210fedcba9876543210";

/// Longer than any answer takes.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Items of a part of the sandbox's lists.
const PART: usize = 1_000;

/// All around the server. The sandbox's file is in the site's folder.
#[derive(Debug)]
pub struct World {
    /// The binary and its folder.
    pub site: Site,
    sandbox: Sandbox,
    http: reqwest::Client,
    gate: Gate,
}

/// An answer of the mini-program's calls; a status other than 200 has no code.
#[derive(Debug)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// The code of api.md 1.
    pub code: Option<u64>,
    /// What the code 0 comes with.
    pub data: Value,
}

impl World {
    /// A WeChat that sends a notice again after these waits, in milliseconds.
    pub async fn new(site: Site, ladder: &[u64]) -> Self {
        Self::with(site, |settings| {
            settings.notify.ladder = ladder.iter().copied().map(Duration::from_millis).collect();
        })
        .await
    }

    /// A WeChat that is set up so.
    pub async fn with(site: Site, set_up: impl FnOnce(&mut Settings)) -> Self {
        tally_wechat::tls::install_provider();
        let credentials = Credentials {
            app_id: APP_ID.into(),
            app_secret: Secret::new(APP_SECRET),
            mch_id: MCH_ID.into(),
            api_key: Secret::new(API_KEY),
        };
        let listen = "127.0.0.1:0".parse().expect("an address");
        let file = site.path().join("sandbox.jsonl");
        let mut settings = Settings::new(listen, file, credentials);
        set_up(&mut settings);
        let sandbox = Sandbox::start(settings).await.expect("a sandbox");
        let http = reqwest::Client::builder().timeout(ANSWER_MAX).no_proxy().build();
        Self { site, sandbox, http: http.expect("a client"), gate: Gate::open().await }
    }

    /// Starts the server on the folder's data, with this WeChat; more settings as environment variables.
    pub fn serve(&self, more: &[(&str, &str)]) -> Server {
        let server = self.serve_at(&self.site, more);
        self.lead_to(&server);
        server
    }

    /// The same at another site; the public address does not lead there yet.
    pub fn serve_at(&self, site: &Site, more: &[(&str, &str)]) -> Server {
        self.with_settings(more, |settings| Server::start_with(site, settings))
    }

    /// From now on the public address leads to this server.
    pub fn lead_to(&self, server: &Server) {
        self.gate.lead_to(server.address());
    }

    /// The same, without waiting for it, and without leading anybody to it.
    pub fn spawn(&self, more: &[(&str, &str)]) -> Child {
        self.with_settings(more, |settings| self.site.spawn(settings).0)
    }

    fn with_settings<T>(
        &self,
        more: &[(&str, &str)],
        start: impl FnOnce(&[(&str, &str)]) -> T,
    ) -> T {
        let (wechat, public) = (self.sandbox.url(), self.public_url());
        let mut settings = vec![
            ("TALLY_WECHAT_APP_ID", APP_ID),
            ("TALLY_WECHAT_APP_SECRET", APP_SECRET),
            ("TALLY_WECHAT_MCH_ID", MCH_ID),
            ("TALLY_WECHAT_API_KEY", API_KEY),
            ("TALLY_WECHAT_API_URL", &wechat),
            ("TALLY_WECHAT_PAY_URL", &wechat),
            ("TALLY_PUBLIC_URL", &public),
        ];
        settings.extend(more);
        start(&settings)
    }

    /// Where its WeChat is.
    pub fn wechat_url(&self) -> String {
        self.sandbox.url()
    }

    /// Where the server is reached, whatever port it has.
    pub fn public_url(&self) -> String {
        format!("http://{}", self.gate.address)
    }

    /// A call as the mini-program makes it. An error: there was no answer.
    pub async fn page(&self, path: &str, body: &Value) -> Result<Page, reqwest::Error> {
        self.page_at(&self.public_url(), path, body).await
    }

    /// The same, of a server that is reached there.
    pub async fn page_at(
        &self,
        base: &str,
        path: &str,
        body: &Value,
    ) -> Result<Page, reqwest::Error> {
        let request = self.http.post(format!("{base}{path}")).json(body);
        let response = request.send().await?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await?;
        let mut body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Page { status, code: body["code"].as_u64(), data: body["data"].take() })
    }

    /// A call to the sandbox's control API, which must do as it is told.
    pub async fn sandbox(&self, method: Method, path: &str, body: &Value) -> Value {
        let url = format!("{}/sandbox/{path}", self.sandbox.url());
        let request = self.http.request(method.clone(), url).json(body);
        let response = request.send().await.expect("the sandbox answers");
        let status = response.status();
        let text = response.text().await.expect("a body");
        assert!(status.is_success(), "{method} /sandbox/{path} {body}: {status} {text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// What goes wrong from now on: (on, fault, per_mille).
    pub async fn faults(&self, seed: u64, faults: &[(&str, &str, u16)]) {
        let rule = |(on, fault, per_mille): &(&str, &str, u16)| json!({"on": on, "fault": fault, "per_mille": per_mille});
        let rules: Vec<_> = faults.iter().map(rule).collect();
        let plan = json!({"seed": seed, "late_ms": 200, "faults": rules});
        self.sandbox(Method::PUT, "faults", &plan).await;
    }

    /// The sandbox's orders of a merchant, by their number here.
    pub async fn orders(&self, merchant: &str) -> BTreeMap<String, Value> {
        self.by_number("orders", &Self::order_prefix(merchant), "out_trade_no").await
    }

    /// The sandbox's transfers of a merchant, by the withdrawal's number.
    pub async fn transfers(&self, merchant: &str) -> BTreeMap<String, Value> {
        self.by_number("transfers", &Self::transfer_prefix(merchant), "partner_trade_no").await
    }

    /// All of the sandbox's refunds, also those made there by hand, which name no merchant.
    pub async fn refunds(&self) -> Vec<Value> {
        self.by_number("refunds", "", "out_refund_no").await.into_values().collect()
    }

    /// How the numbers of a merchant's orders begin at WeChat.
    pub fn order_prefix(merchant: &str) -> String {
        format!("{merchant}-")
    }

    /// How the numbers of a merchant's transfers begin at WeChat.
    pub fn transfer_prefix(merchant: &str) -> String {
        format!("{}{merchant}", merchant.len())
    }

    /// All of the sandbox's `orders` or `transfers` whose number begins so, by the rest of it.
    async fn by_number(&self, what: &str, prefix: &str, number: &str) -> BTreeMap<String, Value> {
        let (mut items, mut after) = (BTreeMap::new(), String::new());
        loop {
            let path = format!("{what}?prefix={prefix}&after={after}&limit={PART}");
            let mut part = self.sandbox(Method::GET, &path, &Value::Null).await;
            let Value::Array(part) = part["items"].take() else { panic!("{path} has no items") };
            if part.is_empty() {
                return items;
            }
            for item in part {
                after = item[number].as_str().expect("a number").to_owned();
                items.insert(after[prefix.len()..].to_owned(), item);
            }
        }
    }

    /// Logs a customer in; the token. An error: there was no answer, or none that is final.
    pub async fn log_in(&self, openid: &str) -> Result<String, String> {
        let code = self.sandbox(Method::POST, "login", &json!({"openid": openid})).await;
        let page = self.page("/login/", &json!({"code": code["code"]})).await;
        let page = page.map_err(|error| error.to_string())?;
        let token = page.data["token"].as_str().map(str::to_owned);
        token.ok_or_else(|| format!("/login/ was answered {page:?}"))
    }
}

/// One address that leads to wherever the server listens now, as a load balancer's does.
#[derive(Debug)]
struct Gate {
    address: String,
    target: Arc<Mutex<Option<String>>>,
}

impl Gate {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound").to_string();
        let target = Arc::new(Mutex::new(None));
        tokio::spawn(lead(listener, Arc::clone(&target)));
        Self { address, target }
    }

    fn lead_to(&self, address: &str) {
        *self.target.lock().expect("nobody panics with it") = Some(address.to_owned());
    }
}

async fn lead(listener: TcpListener, target: Arc<Mutex<Option<String>>>) {
    while let Ok((mut near, _)) = listener.accept().await {
        let target = target.lock().expect("nobody panics with it").clone();
        tokio::spawn(async move {
            // A server that is down is, from here, a connection that breaks off.
            if let Some(target) = target
                && let Ok(mut far) = TcpStream::connect(target).await
            {
                drop(copy_bidirectional(&mut near, &mut far).await);
            }
        });
    }
}
