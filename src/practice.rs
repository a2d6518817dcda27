//! Practice: the sandbox that plays WeChat where no credentials are set, and the commands that play its customers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tally_actors::domain::channel_no::out_trade_no;
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_sandbox::{Credentials, Sandbox, StartFault};
use tally_storage::account::{Account, Player};
use tally_wechat::{Config, Keys, Secret};

use crate::limits::{SANDBOX_LOOK, SANDBOX_WAIT_MAX};
use crate::settings::{self, Settings};

/// The account that exists in the sandbox only.
const APP_ID: &str = "wx00005a4db0c5ad01";
const MCH_ID: &str = "1900000109";

/// The account of books that are kept for practice.
pub(crate) fn account() -> Account {
    Account { player: Player::Sandbox, app_id: APP_ID.into(), mch_id: MCH_ID.into() }
}

/// What the sandbox knows us by. Its secrets are made of the admin's key, so that nobody can forge its notices, and a restart
/// finds them again.
fn credentials(admin_key: &settings::Secret) -> Credentials {
    let secret = |what: &str| {
        let hash =
            blake3::Hash::from_bytes(blake3::derive_key(what, admin_key.expose().as_bytes()));
        Secret::new(&hash.to_hex()[..32])
    };
    Credentials {
        app_id: APP_ID.into(),
        app_secret: secret("tally 2026 sandbox app secret"),
        mch_id: MCH_ID.into(),
        api_key: secret("tally 2026 sandbox api key"),
    }
}

/// How a sandbox at an address is spoken to.
pub(crate) fn config(settings: &Settings, admin_key: &settings::Secret, url: &str) -> Config {
    let Credentials { app_id, app_secret, mch_id, api_key } = credentials(admin_key);
    Config {
        app_id,
        app_secret,
        mch_id,
        keys: Keys { current: api_key, old: None },
        sign_type: settings.wechat.sign_type,
        api_url: url.into(),
        pay_url: url.into(),
        timeout: settings.wechat.timeout(),
        certificate: None,
    }
}

/// Starts the sandbox, its books in the data directory, and says how it is spoken to.
pub(crate) async fn start(
    settings: &Settings,
    admin_key: &settings::Secret,
) -> Result<(Sandbox, Config), StartFault> {
    let (listen, data_file) = (settings.sandbox.listen, settings.data.sandbox_file());
    let sandbox = tally_sandbox::Settings::new(listen, data_file, credentials(admin_key));
    let sandbox = Sandbox::start(sandbox).await?;
    let config = config(settings, admin_key, &sandbox.url());
    Ok((sandbox, config))
}

/// Why the sandbox did not do what the command line asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PracticeError {
    /// Nobody is there.
    #[error("no sandbox answers on {address} ({error}); start tally, or set TALLY_SANDBOX_LISTEN")]
    Silent {
        /// Where it should be.
        address: SocketAddr,
        /// What happened.
        error: std::io::Error,
    },
    /// It would not; in its words.
    #[error("the sandbox says: {0}")]
    Refused(String),
    /// Something else than a sandbox answered.
    #[error("what answers on {0} is not a sandbox; set TALLY_SANDBOX_LISTEN")]
    Foreign(SocketAddr),
    /// The notice did not get through.
    #[error(
        "the order is paid, but its notice was not taken in {} s; the log of tally serve says why",
        SANDBOX_WAIT_MAX.as_secs()
    )]
    NoticeNotTaken,
}

/// A login: what the page would hand to `/login/` and `/getinfo/`, as lines that a shell can read.
pub(crate) fn log_in(sandbox: SocketAddr, openid: Option<&str>) -> Result<String, PracticeError> {
    let body = openid.map_or_else(|| json!({}), |openid| json!({"openid": openid}));
    let login = call(sandbox, "POST", "/sandbox/login", &body)?;
    let line = |name: &str| match login[name].as_str() {
        Some(value) => Ok(format!("{name}={value}\n")),
        None => Err(PracticeError::Foreign(sandbox)),
    };
    Ok([line("openid")?, line("code")?, line("iv")?, line("encryptedData")?].concat())
}

/// Pays an order as its customer, and waits until its notice was taken.
pub(crate) fn pay(
    sandbox: SocketAddr,
    of: MerchantId,
    order_no: OrderNo,
) -> Result<String, PracticeError> {
    let order = format!("/sandbox/orders/{}", out_trade_no(&of, &order_no));
    let paid = call(sandbox, "POST", &format!("{order}/pay"), &json!({}))?;
    let began = Instant::now();
    loop {
        let standing = call(sandbox, "GET", &order, &Value::Null)?;
        match standing["notice_taken"].as_bool() {
            Some(true) => return Ok(format!("{paid}\n")),
            Some(false) if began.elapsed() < SANDBOX_WAIT_MAX => std::thread::sleep(SANDBOX_LOOK),
            Some(false) => return Err(PracticeError::NoticeNotTaken),
            None => return Err(PracticeError::Foreign(sandbox)),
        }
    }
}

/// One call of the control API. It is on this machine and speaks plain HTTP, so no client is needed for it.
fn call(
    sandbox: SocketAddr,
    method: &str,
    path: &str,
    body: &Value,
) -> Result<Value, PracticeError> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: {sandbox}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let answer = exchange(sandbox, &request, SANDBOX_WAIT_MAX)
        .map_err(|error| PracticeError::Silent { address: sandbox, error })?;
    let foreign = || PracticeError::Foreign(sandbox);
    let (head, body) = answer.split_once("\r\n\r\n").ok_or_else(foreign)?;
    let value: Value = serde_json::from_str(body).map_err(|_| foreign())?;
    if head.starts_with("HTTP/1.1 200 ") {
        return Ok(value);
    }
    match value["error"].as_str() {
        Some(words) => Err(PracticeError::Refused(words.to_owned())),
        None => Err(foreign()),
    }
}

fn exchange(to: SocketAddr, request: &str, wait: Duration) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&to, wait)?;
    stream.set_read_timeout(Some(wait))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
