//! What the client needs to know; secrets in it do not print.

use std::time::Duration;

use crate::answer::Account;
use crate::secret::Secret;
use crate::sign::{Keys, SignType};

/// Credentials, addresses, time-out.
#[derive(Debug, Clone)]
pub struct Config {
    /// The mini-program.
    pub app_id: String,
    /// Its secret, for logins.
    pub app_secret: Secret,
    /// The WeChat merchant number.
    pub mch_id: String,
    /// The merchant's API keys.
    pub keys: Keys,
    /// The algorithm of new requests.
    pub sign_type: SignType,
    /// Where logins go: `https://api.weixin.qq.com`.
    pub api_url: String,
    /// Where payments go: `https://api.mch.weixin.qq.com`.
    pub pay_url: String,
    /// For each call, from its start to the last byte of the answer.
    pub timeout: Duration,
    /// For transfers and refunds.
    pub certificate: Option<Certificate>,
}

/// A client certificate and its key, both PEM.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// `apiclient_cert.pem`.
    pub chain_pem: String,
    /// `apiclient_key.pem`.
    pub key_pem: Secret,
}

impl Config {
    /// Who we are.
    pub fn account(&self) -> Account<'_> {
        Account { app_id: &self.app_id, mch_id: &self.mch_id }
    }

    /// Whether calls that need a certificate can be made: with one, or where nobody asks for it (plain HTTP, as the
    /// sandbox speaks).
    pub fn can_transfer(&self) -> bool {
        self.certificate.is_some() || self.pay_url.starts_with("http://")
    }
}
