//! How a sandbox is set up. Secrets do not print.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tally_wechat::{Keys, Secret};

use crate::limits;

/// Where it listens, where it keeps its books, whom it knows, and how fast it is.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Port 0 picks a free one.
    pub listen: SocketAddr,
    /// The append-only file; made when it is not there.
    pub data_file: PathBuf,
    /// The one account that it knows.
    pub credentials: Credentials,
    /// How notices are repeated.
    pub notify: Notify,
    /// How old an order must be to be closed.
    pub close_after: Duration,
    /// How long a call hangs that is to time out.
    pub hang: Duration,
    /// The smallest transfer, in fen.
    pub transfer_fen_min: u64,
    /// How long a refund is under way, by the sandbox's clock.
    pub refund_takes: Duration,
    /// How far two refunds of one order must be apart, by the sandbox's clock.
    pub refund_apart: Duration,
}

/// The account that the sandbox knows.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The mini-program.
    pub app_id: String,
    /// Its secret.
    pub app_secret: Secret,
    /// The WeChat merchant number.
    pub mch_id: String,
    /// The merchant's API key.
    pub api_key: Secret,
}

/// How notices are repeated.
#[derive(Debug, Clone)]
pub struct Notify {
    /// The wait after each try that was not taken. After the last try there is none.
    pub ladder: Vec<Duration>,
    /// How long an answer is waited for.
    pub timeout: Duration,
}

impl Settings {
    /// As WeChat is.
    pub fn new(listen: SocketAddr, data_file: PathBuf, credentials: Credentials) -> Self {
        Self {
            listen,
            data_file,
            credentials,
            notify: Notify::default(),
            close_after: limits::CLOSE_AFTER,
            hang: limits::HANG,
            transfer_fen_min: limits::TRANSFER_FEN_MIN,
            refund_takes: limits::REFUND_TAKES,
            refund_apart: limits::REFUND_APART,
        }
    }
}

impl Default for Notify {
    fn default() -> Self {
        let ladder = limits::LADDER_S.map(Duration::from_secs).to_vec();
        Self { ladder, timeout: limits::NOTICE_WAIT }
    }
}

impl Notify {
    /// WeChat's ladder, `times` as fast.
    pub fn faster(times: u32) -> Self {
        let ladder = limits::LADDER_S.map(|s| Duration::from_secs(s) / times.max(1)).to_vec();
        Self { ladder, timeout: limits::NOTICE_WAIT }
    }
}

impl Credentials {
    pub(crate) fn keys(&self) -> Keys {
        Keys { current: self.api_key.clone(), old: None }
    }
}
