//! A whole service on a port of its own, and a client that speaks to it.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use actix_web::dev::ServerHandle;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tally::app::App;
use tally::settings::Settings;
use tempfile::TempDir;

/// A service under test.
pub(crate) struct TestApp {
    /// Where it listens.
    pub(crate) base: String,
    /// The admin's key.
    pub(crate) admin: String,
    /// Speaks to it.
    pub(crate) http: Client,
    /// Where its sandbox listens, if it has one.
    pub(crate) sandbox: Option<std::net::SocketAddr>,
    settings: Settings,
    folder: TempDir,
    server: ServerHandle,
    running: actix_web::rt::task::JoinHandle<std::io::Result<()>>,
    numbers: AtomicU32,
}

/// What a call was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

/// A client. The process needs a provider of TLS even for plain HTTP, as the protocol's crate asks for one.
fn client() -> Client {
    tally_wechat::tls::install_provider();
    Client::new()
}

/// Starts a service with empty books, its own sandbox beside it.
pub(crate) async fn spawn_app() -> TestApp {
    spawn_with(|_| {}).await
}

/// Starts a service with empty books and some settings of its own.
pub(crate) async fn spawn_with(change: impl FnOnce(&mut Settings)) -> TestApp {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = Settings::in_folder(folder.path());
    change(&mut settings);
    start_in(folder, settings).await
}

/// Starts a service on the books in a folder.
pub(crate) async fn spawn_app_in(folder: TempDir) -> TestApp {
    let settings = Settings::in_folder(folder.path());
    start_in(folder, settings).await
}

async fn start_in(folder: TempDir, settings: Settings) -> TestApp {
    let app = App::build(&settings).await.expect("the app builds");
    TestApp {
        base: format!("http://{}", app.address()),
        admin: app.admin_key().to_owned(),
        http: client(),
        sandbox: app.sandbox_address(),
        settings,
        folder,
        server: app.handle(),
        running: actix_web::rt::spawn(app.run()),
        numbers: AtomicU32::new(1000),
    }
}

impl Answer {
    /// The status and the code of a refusal.
    pub(crate) fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["code"].as_str().unwrap_or_default())
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }
}

impl TestApp {
    /// A call with a key, or without one where it is empty.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.base));
        if !key.is_empty() {
            request = request.bearer_auth(key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        read(request).await
    }

    /// The admin's POST.
    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, &self.admin, Some(body)).await
    }

    /// The admin's POST with an Idempotency-Key.
    pub(crate) async fn post_once(&self, path: &str, once: &str, body: Value) -> Answer {
        let request = self.http.post(format!("{}{path}", self.base)).bearer_auth(&self.admin);
        read(request.header("Idempotency-Key", once).json(&body)).await
    }

    /// The admin's PATCH.
    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PATCH, path, &self.admin, Some(body)).await
    }

    /// The admin's GET.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, &self.admin, None).await
    }

    /// The admin's DELETE.
    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, &self.admin, None).await
    }

    /// A merchant who is paid out by hand.
    pub(crate) async fn merchant(&self, merchant: &str, mut rules: Value) {
        rules["merchant_id"] = merchant.into();
        for (field, usual) in [("name", "A shop"), ("payout_method", "manual")] {
            if rules.get(field).is_none() {
                rules[field] = usual.into();
            }
        }
        self.post("/v1/merchants", rules).await.expect(201);
    }

    /// A key of a merchant.
    pub(crate) async fn key_of(&self, merchant: &str) -> String {
        let path = format!("/v1/merchants/{merchant}/keys");
        let made = self.post(&path, json!({"name": "a till"})).await.expect(201);
        made["key"].as_str().unwrap().to_owned()
    }

    /// A key of another admin.
    pub(crate) async fn key(&self, name: &str) -> String {
        let made = self.post("/v1/keys", json!({"name": name})).await.expect(201);
        made["key"].as_str().unwrap().to_owned()
    }

    /// An order that was opened and paid; its number.
    pub(crate) async fn paid(&self, merchant: &str, amount_fen: i64) -> String {
        let order_no = format!("P{}", self.numbers.fetch_add(1, Ordering::Relaxed));
        let orders = format!("/v1/merchants/{merchant}/orders");
        self.post(&orders, open(&order_no, amount_fen)).await.expect(201);
        let payment = json!({"transaction_id": format!("T{order_no}"), "amount_fen": amount_fen});
        self.post(&format!("{orders}/{order_no}/paid"), payment).await.expect(200);
        order_no
    }

    /// Where a merchant stands.
    pub(crate) async fn balance(&self, merchant: &str) -> Value {
        self.get(&format!("/v1/merchants/{merchant}/balance")).await.expect(200)
    }

    /// What a command of the binary says of its books, beside it.
    pub(crate) async fn tally(&self, arguments: &[&str]) -> Output {
        tally(self.folder.path(), arguments).await
    }

    /// Stops it and starts it again on the same books.
    pub(crate) async fn restart(self) -> Self {
        let settings = self.settings.clone();
        start_in(self.stop().await, settings).await
    }

    /// Stops it, does something to its books, and starts it again with settings that were changed.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Settings, &Path)) -> Self {
        let mut settings = self.settings.clone();
        let folder = self.stop().await;
        change(&mut settings, folder.path());
        start_in(folder, settings).await
    }

    /// Stops it, has commands of the binary run on its books, and starts it again on what they left.
    pub(crate) async fn restart_after(self, commands: &[&[&str]]) -> Self {
        let settings = self.settings.clone();
        let folder = self.stop().await;
        for command in commands {
            let Output { status, stdout, stderr } = tally(folder.path(), command).await;
            let [out, err] =
                [stdout, stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
            assert!(status.success(), "{command:?}: {out}\n{err}");
        }
        start_in(folder, settings).await
    }

    /// A file in its folder.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Stops it. Its books are in the folder.
    pub(crate) async fn stop(self) -> TempDir {
        self.server.stop(true).await;
        self.running.await.unwrap().unwrap();
        self.folder
    }

    /// Stops it, and has every row of its books worked out anew.
    pub(crate) async fn finish(self) {
        let place = self.settings.data.place();
        let _kept_until_here = self.stop().await;
        let report = place.open_read_only().await.unwrap().audit(None).await.unwrap();
        assert!(report.is_clean(), "{report}");
    }
}

/// What a command of the binary says of the books in a folder.
pub(crate) async fn tally(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally"));
    command.args(arguments).arg("--data-dir").arg(folder);
    let ran = actix_web::rt::task::spawn_blocking(move || command.output());
    ran.await.unwrap().expect("the binary starts")
}

/// The body that opens an external order.
pub(crate) fn open(order_no: &str, amount_fen: i64) -> Value {
    json!({
        "order_no": order_no,
        "amount_fen": amount_fen,
        "description": "tea",
        "channel": "external",
    })
}

/// Asks until it is so. Reaching the end is a failure, never a measurement.
pub(crate) async fn until<F: Future<Output = bool>>(what: &str, mut asked: impl FnMut() -> F) {
    for _ in 0..12_000 {
        if asked().await {
            return;
        }
        actix_web::rt::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("it never came to this: {what}");
}

/// Sends a request, and reads what is answered.
pub(crate) async fn read(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.expect("the service answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.expect("the answer has an end");
    let body = match bytes.len() {
        0 => Value::Null,
        _ => serde_json::from_slice(&bytes).expect("an answer is JSON"),
    };
    Answer { status, headers, body }
}
