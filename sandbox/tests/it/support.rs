//! A sandbox on a port of its own, a client, and somebody who takes notices.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tally_sandbox::{Credentials, Notify, Sandbox, Settings};
use tally_wechat::notice::{PaymentNotice, SUCCESS, Told, failure};
use tally_wechat::payment::Payment;
use tally_wechat::refund::{NewRefund, Refund};
use tally_wechat::refund_notice::RefundHint;
use tally_wechat::transfer::{NewTransfer, Transfer};
use tally_wechat::unified_order::{NewOrder, UnifiedOrder};
use tally_wechat::{Client, Config, Keys, Outcome, Secret, SignType};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

pub(crate) const APP_ID: &str = "wx8888888888888888";
pub(crate) const MCH_ID: &str = "1900000109";
pub(crate) const API_KEY: &str = "8f3c1d5e7a904b62b1c8d0e4f7a21365";
pub(crate) const APP_SECRET: &str = "0123456789abcdef0123456789abcdef";
pub(crate) const OPENID: &str = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o";

/// Nothing is waited for longer than this; reaching it is a failure, never a measurement.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Stage {
    pub(crate) folder: TempDir,
    pub(crate) sandbox: Sandbox,
    pub(crate) client: Client,
    pub(crate) http: reqwest::Client,
    pub(crate) sign_type: SignType,
}

pub(crate) fn settings(data_file: PathBuf) -> Settings {
    let credentials = Credentials {
        app_id: APP_ID.into(),
        app_secret: Secret::new(APP_SECRET),
        mch_id: MCH_ID.into(),
        api_key: Secret::new(API_KEY),
    };
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let mut settings = Settings::new(listen, data_file, credentials);
    settings.notify = Notify { timeout: PATIENCE, ..Notify::faster(3_000) };
    settings.hang = Duration::from_millis(1);
    settings
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(SignType::Md5, |_| {}).await
    }

    pub(crate) async fn with(sign_type: SignType, change: impl FnOnce(&mut Settings)) -> Self {
        tally_wechat::tls::install_provider();
        let folder = tempfile::tempdir().unwrap();
        let mut settings = settings(folder.path().join("sandbox"));
        change(&mut settings);
        let sandbox = Sandbox::start(settings).await.unwrap();
        let client = client(&sandbox, sign_type);
        Self { folder, sandbox, client, http: reqwest::Client::new(), sign_type }
    }

    /// Stops the sandbox and starts one on the same file.
    pub(crate) async fn restarted(self) -> Self {
        let path = self.folder.path().join("sandbox");
        self.sandbox.stop().await;
        let sandbox = Sandbox::start(settings(path)).await.unwrap();
        let client = client(&sandbox, self.sign_type);
        Self { sandbox, client, ..self }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        let url = format!("{}/sandbox/{path}", self.sandbox.url());
        self.http.get(url).send().await.unwrap().json().await.unwrap()
    }

    /// The status and the answer.
    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/sandbox/{path}", self.sandbox.url());
        let answer = self.http.post(url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap())
    }

    pub(crate) async fn set_faults(&self, on: &str, fault: &str) {
        let plan = json!({"faults": [{"on": on, "fault": fault, "per_mille": 1000}]});
        let url = format!("{}/sandbox/faults", self.sandbox.url());
        let answer = self.http.put(url).json(&plan).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }

    pub(crate) async fn no_faults(&self) {
        let url = format!("{}/sandbox/faults", self.sandbox.url());
        let answer = self.http.put(url).json(&json!({})).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
    }

    /// Pays as the customer; answers the transaction_id.
    pub(crate) async fn pay(&self, out_trade_no: &str) -> String {
        let (status, paid) = self.post(&format!("orders/{out_trade_no}/pay"), json!({})).await;
        assert_eq!(status, 200, "{paid}");
        paid["transaction_id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn advance(&self, seconds: i64) {
        let (status, _) = self.post("clock", json!({"seconds": seconds})).await;
        assert_eq!(status, 200);
    }

    /// The sandbox's time.
    pub(crate) async fn now_ms(&self) -> i64 {
        let (_, answer) = self.post("clock", json!({"seconds": 0})).await;
        answer["now_ms"].as_i64().unwrap()
    }

    /// Moves the clock to the next noon in Beijing, so that midnight is far.
    pub(crate) async fn noon(&self) {
        let day_ms = 24 * 3_600_000;
        // Noon there is four o'clock of 1970's zone.
        let since_ms = (self.now_ms().await - 4 * 3_600_000).rem_euclid(day_ms);
        self.advance((day_ms - since_ms) / 1_000 + 1).await;
    }

    /// An order that was paid; its transaction_id. The notice of the payment was taken by `taker`.
    pub(crate) async fn paid(&self, out_trade_no: &str, taker: &mut Taker) -> String {
        let order = self.order(out_trade_no, &taker.url).await;
        assert!(matches!(self.client.unified_order(&order).await, Outcome::Done(_)));
        let transaction_id = self.pay(out_trade_no).await;
        assert_eq!(taker.paid(self).await.transaction_id, transaction_id);
        let path = format!("orders/{out_trade_no}");
        until(self, &path, |order| order["notice_taken"] == true).await;
        transaction_id
    }

    /// A refund of an order of 1280 fen.
    pub(crate) fn refund(&self, transaction_id: &str, number: &str, fen: u64, url: &str) -> Refund {
        Refund::new(NewRefund {
            transaction_id,
            out_refund_no: number,
            total_fee: 1280,
            refund_fee: fen,
            desc: Some("断货"),
            notify_url: url,
            sign_type: self.sign_type,
        })
        .unwrap()
    }

    /// An order that expires two hours from now.
    pub(crate) async fn order(&self, out_trade_no: &str, notify_url: &str) -> UnifiedOrder {
        let expires_at_ms = self.now_ms().await + 2 * 3_600_000;
        self.order_until(out_trade_no, notify_url, expires_at_ms).await
    }

    pub(crate) async fn order_until(
        &self,
        out_trade_no: &str,
        notify_url: &str,
        expires_at_ms: i64,
    ) -> UnifiedOrder {
        let starts_at_ms = self.now_ms().await;
        UnifiedOrder::new(NewOrder {
            out_trade_no,
            body: "小张南山店-超市",
            total_fee: 1280,
            payer_ip: "203.0.113.7".parse().unwrap(),
            openid: OPENID,
            notify_url,
            starts_at_ms,
            expires_at_ms,
            sign_type: self.sign_type,
        })
        .unwrap()
    }
}

fn client(sandbox: &Sandbox, sign_type: SignType) -> Client {
    let config = Config {
        app_id: APP_ID.into(),
        app_secret: Secret::new(APP_SECRET),
        mch_id: MCH_ID.into(),
        keys: Keys { current: Secret::new(API_KEY), old: None },
        sign_type,
        api_url: sandbox.url(),
        pay_url: sandbox.url(),
        timeout: PATIENCE,
        certificate: None,
    };
    Client::new(config).unwrap()
}

pub(crate) fn transfer(partner_trade_no: &str, amount: u64) -> Transfer {
    let new =
        NewTransfer { partner_trade_no, openid: OPENID, amount, desc: "提现", real_name: None };
    Transfer::new(new).unwrap()
}

/// A server that takes notices: it says FAIL so many times, then SUCCESS.
pub(crate) struct Taker {
    pub(crate) url: String,
    came: mpsc::UnboundedReceiver<Vec<u8>>,
}

impl Taker {
    pub(crate) async fn failing(times: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/notify/m1/payment", listener.local_addr().unwrap());
        let (tell, came) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for number in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let answer = if number < times { failure("later") } else { SUCCESS.to_owned() };
                tokio::spawn(take(stream, answer, tell.clone()));
            }
        });
        Self { url, came }
    }

    pub(crate) async fn next(&mut self) -> Vec<u8> {
        tokio::time::timeout(PATIENCE, self.came.recv()).await.expect("a notice came").unwrap()
    }

    /// The next notice, which must be a good one of a payment.
    pub(crate) async fn paid(&mut self, stage: &Stage) -> Payment {
        let body = self.next().await;
        let keys = &stage.client.config().keys;
        let notice = PaymentNotice::read(&body, stage.sign_type, keys).unwrap();
        assert!(notice.is_for(stage.client.config().account()));
        match notice.told {
            Told::Paid(payment) => payment,
            Told::Failed(code) => panic!("{code}"),
        }
    }

    /// The next notice, which must be a good one of a refund.
    pub(crate) async fn refunded(&mut self, stage: &Stage) -> RefundHint {
        let hint = stage.client.refund_notice(&self.next().await).unwrap();
        assert_eq!((hint.app_id.as_str(), hint.mch_id.as_str()), (APP_ID, MCH_ID));
        hint
    }

    pub(crate) fn is_quiet(&mut self) -> bool {
        self.came.try_recv().is_err()
    }
}

/// One notice a connection: the answer closes it.
async fn take(mut stream: TcpStream, answer: String, tell: mpsc::UnboundedSender<Vec<u8>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while !request.ends_with(b"</xml>") {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => request.extend_from_slice(&buffer[..read]),
        }
    }
    let head =
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", answer.len());
    stream.write_all(format!("{head}{answer}").as_bytes()).await.unwrap();
    let start = request.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let _ = tell.send(request[start..].to_vec());
}

/// Waits until the sandbox says so. What it waits for must come; how long it takes proves nothing.
pub(crate) async fn until(stage: &Stage, path: &str, good: impl Fn(&Value) -> bool) -> Value {
    let patience = tokio::time::Instant::now() + PATIENCE;
    loop {
        let value = stage.get(path).await;
        if good(&value) {
            return value;
        }
        assert!(tokio::time::Instant::now() < patience, "{path}: {value}");
        tokio::task::yield_now().await;
    }
}
