//! A service beside a sandbox that the test holds, with credentials that the test knows: so it can sign notices, set faults,
//! and move WeChat's clock.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tally::settings::{Ahead, Settings, WechatSettings};
use tally_sandbox::{Credentials, Notify, Sandbox};
use tally_wechat::sign::{nonce, sign};
use tally_wechat::unified_order::{NewOrder, UnifiedOrder};
use tally_wechat::{Client, Config, Fields, Keys, Outcome, Secret, SignType, xml};
use tempfile::TempDir;

use crate::helpers::{Answer, TestApp, read, spawn_with};

const DAY_MS: i64 = 86_400_000;
const APP_ID: &str = "wx8888888888888888";
const MCH_ID: &str = "1900000109";
const API_KEY: &str = "8f3c1d5e7a904b62b1c8d0e4f7a21365";
const APP_SECRET: &str = "0123456789abcdef0123456789abcdef";

/// Both sides.
pub(crate) struct Stage {
    pub(crate) app: TestApp,
    sandbox: Sandbox,
    ahead: Ahead,
    _books: TempDir,
}

/// A customer who logged in, with what the page would hand over.
pub(crate) struct Page {
    pub(crate) token: String,
    pub(crate) iv: String,
    pub(crate) encrypted_data: String,
}

/// Credentials as the settings take them.
pub(crate) fn credentials() -> WechatSettings {
    WechatSettings {
        app_id: Some(APP_ID.into()),
        app_secret: Some(APP_SECRET.parse().unwrap()),
        mch_id: Some(MCH_ID.into()),
        api_key: Some(API_KEY.parse().unwrap()),
        ..WechatSettings::default()
    }
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With settings of its own.
    pub(crate) async fn with(change: impl FnOnce(&mut Settings)) -> Self {
        Self::days_ago(0, change).await
    }

    /// With both clocks so many days behind the wall's, so that there is room for days to pass.
    pub(crate) async fn days_ago(days: i64, change: impl FnOnce(&mut Settings)) -> Self {
        let ahead = Ahead::default();
        ahead.advance(-days * DAY_MS);
        tally_wechat::tls::install_provider();
        let books = tempfile::tempdir().unwrap();
        let account = Credentials {
            app_id: APP_ID.into(),
            app_secret: Secret::new(APP_SECRET),
            mch_id: MCH_ID.into(),
            api_key: Secret::new(API_KEY),
        };
        let listen = "127.0.0.1:0".parse().unwrap();
        let mut its = tally_sandbox::Settings::new(listen, books.path().join("books"), account);
        // Notices come when a test sends them, and once when an order is paid.
        its.notify = Notify { ladder: vec![], timeout: Duration::from_secs(60) };
        its.hang = Duration::from_millis(1);
        its.refund_takes = Duration::ZERO;
        let moved = json!({"event": "clock_moved", "by_ms": -days * DAY_MS});
        std::fs::write(&its.data_file, format!("{moved}\n")).unwrap();
        let sandbox = Sandbox::start(its).await.unwrap();
        let url = sandbox.url();
        let app = spawn_with(|settings| {
            settings.wechat = credentials();
            settings.wechat.api_url.clone_from(&url);
            settings.wechat.pay_url = url;
            settings.clock_ahead = ahead.clone();
            // Nothing is looked up of itself, so that what a test sees is what it did.
            settings.query_seconds = "86400".parse().unwrap();
            change(settings);
        })
        .await;
        Self { app, sandbox, ahead, _books: books }
    }

    /// WeChat's time, in milliseconds since 1970.
    pub(crate) async fn now_ms(&self) -> i64 {
        self.play("clock", json!({"seconds": 0})).await["now_ms"].as_i64().unwrap()
    }

    /// Time goes by, here and at WeChat.
    pub(crate) async fn passes(&self, seconds: i64) {
        self.ahead.advance(seconds * 1_000);
        self.play("clock", json!({"seconds": seconds})).await;
    }

    /// A call of the mini-program.
    pub(crate) async fn call(&self, path: &str, body: Value) -> Answer {
        read(self.app.http.post(format!("{}{path}", self.app.base)).json(&body)).await
    }

    /// The code and the data of a call of the mini-program.
    pub(crate) async fn code(&self, path: &str, body: Value) -> (u64, Value) {
        let mut answer = self.call(path, body).await.expect(200);
        (answer["code"].as_u64().unwrap(), answer["data"].take())
    }

    /// A call of the sandbox's control API.
    pub(crate) async fn play(&self, path: &str, body: Value) -> Value {
        let url = format!("{}/sandbox/{path}", self.sandbox.url());
        let answer = read(self.app.http.post(url).json(&body)).await;
        answer.expect(200)
    }

    /// What the sandbox shows there.
    pub(crate) async fn asked(&self, path: &str) -> Value {
        let url = format!("{}/sandbox/{path}", self.sandbox.url());
        read(self.app.http.get(url)).await.expect(200)
    }

    /// What goes wrong at WeChat from now on.
    pub(crate) async fn faults(&self, faults: &[(&str, &str)]) {
        let each =
            |&(on, fault): &(&str, &str)| json!({"on": on, "fault": fault, "per_mille": 1000});
        let plan = json!({"faults": faults.iter().map(each).collect::<Vec<_>>()});
        let url = format!("{}/sandbox/faults", self.sandbox.url());
        read(self.app.http.put(url).json(&plan)).await.expect(200);
    }

    /// A login's code, and the page's secrets.
    pub(crate) async fn code_of(&self, openid: &str) -> Value {
        self.play("login", json!({"openid": openid, "nickname": "小满🌾👨‍👩‍👧"})).await
    }

    /// A customer who has logged in.
    pub(crate) async fn page(&self, openid: &str) -> Page {
        let login = self.code_of(openid).await;
        let (code, data) = self.code("/login/", json!({"code": login["code"]})).await;
        assert_eq!(code, 0, "{data}");
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Page {
            token: text(&data["token"]),
            iv: text(&login["iv"]),
            encrypted_data: text(&login["encryptedData"]),
        }
    }

    /// An order that a customer may pay.
    pub(crate) async fn order(&self, page: &Page, order_no: &str, money: u64) -> Value {
        let body = json!({"money": money, "token": page.token, "order_no": order_no});
        let (code, data) = self.code("/pay/", body).await;
        assert_eq!(code, 0, "{data}");
        data
    }

    /// How the default merchant's order stands, by `/v1`.
    pub(crate) async fn status(&self, order_no: &str) -> Value {
        let path = format!("/v1/merchants/default/orders/{order_no}");
        self.app.get(&path).await.expect(200)["status"].take()
    }

    /// The fields of a notice about the default merchant's order, as WeChat would sign them.
    pub(crate) fn notice(&self, order_no: &str, total_fee: u64) -> Fields {
        self.notice_of("default", order_no, total_fee)
    }

    /// The same of another merchant.
    pub(crate) fn notice_of(&self, merchant: &str, order_no: &str, total_fee: u64) -> Fields {
        [
            ("return_code", "SUCCESS"),
            ("result_code", "SUCCESS"),
            ("appid", APP_ID),
            ("mch_id", MCH_ID),
            ("nonce_str", &nonce()),
            ("openid", "alice"),
            ("trade_type", "JSAPI"),
            ("bank_type", "OTHERS"),
            ("total_fee", &total_fee.to_string()),
            ("fee_type", "CNY"),
            ("transaction_id", &format!("42{order_no}")),
            ("out_trade_no", &format!("{merchant}-{order_no}")),
            ("time_end", "20260131180135"),
        ]
        .into_iter()
        .collect()
    }

    /// Sends a notice that is signed by the right key; whether it was answered SUCCESS.
    pub(crate) async fn notify(&self, fields: &Fields) -> bool {
        self.send("default", signed(fields, SignType::Md5)).await
    }

    /// Sends a body to a merchant's path; whether it was answered SUCCESS.
    pub(crate) async fn send(&self, merchant: &str, body: impl Into<reqwest::Body>) -> bool {
        let url = format!("{}/notify/{merchant}/payment", self.app.base);
        let request = self.app.http.post(url).header("Content-Type", "text/xml").body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        let text = answer.text().await.unwrap();
        let fields = xml::parse(text.as_bytes()).expect("an answer is WeChat's XML");
        match fields.get("return_code") {
            Some("SUCCESS") => true,
            Some("FAIL") => false,
            other => panic!("{other:?}"),
        }
    }

    /// The kinds of all cases, newest first.
    pub(crate) async fn cases(&self) -> Vec<String> {
        let cases = self.app.get("/v1/cases").await.expect(200);
        let items = cases["items"].as_array().unwrap();
        items.iter().map(|case| case["kind"].as_str().unwrap().to_owned()).collect()
    }

    /// The default merchant's last event: what changes nothing leaves it as it was.
    pub(crate) async fn seq(&self) -> u64 {
        self.app.balance("default").await["seq"].as_u64().unwrap()
    }

    /// Has WeChat know an order of another system under this number.
    pub(crate) async fn take_number(&self, out_trade_no: &str) {
        let client = Client::new(Config {
            app_id: APP_ID.into(),
            app_secret: Secret::new(APP_SECRET),
            mch_id: MCH_ID.into(),
            keys: Keys { current: Secret::new(API_KEY), old: None },
            sign_type: SignType::Md5,
            api_url: self.sandbox.url(),
            pay_url: self.sandbox.url(),
            timeout: Duration::from_secs(60),
            certificate: None,
        });
        let now = self.play("clock", json!({"seconds": 0})).await["now_ms"].as_i64().unwrap();
        let order = UnifiedOrder::new(NewOrder {
            out_trade_no,
            body: "of another system",
            total_fee: 7,
            payer_ip: "203.0.113.7".parse().unwrap(),
            openid: "alice",
            notify_url: "http://127.0.0.1:9/other",
            starts_at_ms: now,
            expires_at_ms: now + 7_200_000,
            sign_type: SignType::Md5,
        });
        let taken = client.unwrap().unified_order(&order.unwrap()).await;
        assert!(matches!(taken, Outcome::Done(_)), "{taken:?}");
    }

    /// Stops the service, has commands of the binary run on its books, and starts it again. WeChat lives on.
    pub(crate) async fn restart_after(self, commands: &[&[&str]]) -> Self {
        Self { app: self.app.restart_after(commands).await, ..self }
    }

    /// Stops the service, does something to its books, and starts it again with settings that were changed. WeChat lives on.
    pub(crate) async fn restart_with(self, change: impl FnOnce(&mut Settings, &Path)) -> Self {
        Self { app: self.app.restart_with(change).await, ..self }
    }

    /// Stops both, and has the books worked out anew.
    pub(crate) async fn finish(self) {
        self.app.finish().await;
        self.sandbox.stop().await;
    }
}

/// A document with its signature.
pub(crate) fn signed(fields: &Fields, sign_type: SignType) -> String {
    let signature = sign(fields, sign_type, &Secret::new(API_KEY));
    xml::write(&fields.clone().with("sign", signature))
}
