//! Why the service does not start, each in one line with the remedy.

use std::net::SocketAddr;
use std::path::PathBuf;

use tally_actors::error::EngineError;
use tally_actors::ports::ReadError;
use tally_sandbox::StartFault;
use tally_storage::OpenError;
use tally_storage::account::AccountFault;
use tally_wechat::client::ConfigFault;

use crate::admin_key::AdminKeyError;
use crate::sessions::SessionsFault;
use crate::settings::SettingsFault;

/// Why the service does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Settings that are incomplete, or contradict each other.
    #[error(transparent)]
    Settings(#[from] SettingsFault),
    /// The sandbox does not start.
    #[error("{0}; stop what uses it, or set TALLY_SANDBOX_LISTEN or TALLY_DATA_DIR")]
    Sandbox(#[from] StartFault),
    /// WeChat can't be spoken to as it is set.
    #[error("TALLY_WECHAT_…: {0}")]
    Wechat(#[from] ConfigFault),
    /// The data directory can't be made.
    #[error("the data directory {path}: {error}; make it writable, or set TALLY_DATA_DIR")]
    DataDir {
        /// The directory.
        path: PathBuf,
        /// What happened.
        error: std::io::Error,
    },
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The books are of another WeChat account.
    #[error(transparent)]
    Account(#[from] Box<AccountFault>),
    /// There is no admin key.
    #[error(transparent)]
    AdminKey(#[from] AdminKeyError),
    /// The address can't be listened on.
    #[error("can't listen on {address}: {error}; stop what listens there, or set TALLY_LISTEN")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What happened.
        error: std::io::Error,
    },
    /// The keys can't be read.
    #[error("the keys can't be read: {0}")]
    Keys(#[from] ReadError),
    /// Webhooks can't be spoken to.
    #[error("the HTTP client for webhooks could not be made: {0}")]
    Webhooks(reqwest::Error),
    /// Whether the books were restored can't be read.
    #[error("whether the books were restored can't be read: {0}")]
    Restores(ReadError),
    /// Sessions can't be kept as the settings say.
    #[error(transparent)]
    Sessions(#[from] SessionsFault),
    /// The default merchant can't be registered.
    #[error("the merchant TALLY_DEFAULT_MERCHANT can't be registered: {0}")]
    DefaultMerchant(EngineError),
    /// The system gives no threads or sockets.
    #[error("the system does not give what a server needs: {0}")]
    System(#[from] std::io::Error),
}
