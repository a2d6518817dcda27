//! Who plays WeChat: the credentials and addresses of WeChat itself, or the sandbox (`api.md` 4).

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use tally_wechat::{Certificate, Config, Keys, Secret, SignType};

use super::values::path_or_empty;
use crate::limits::WECHAT_SECONDS;

/// How WeChat is spoken to. Without any credentials the sandbox is.
#[derive(Debug, Clone, Args)]
pub struct WechatSettings {
    /// The mini-program's app id
    #[arg(long = "wechat-app-id", env = "TALLY_WECHAT_APP_ID", value_name = "APP_ID")]
    pub app_id: Option<String>,
    /// The mini-program's secret
    #[arg(
        long = "wechat-app-secret",
        env = "TALLY_WECHAT_APP_SECRET",
        hide_env_values = true,
        value_name = "SECRET"
    )]
    pub app_secret: Option<Hidden>,
    /// The WeChat merchant number
    #[arg(long = "wechat-mch-id", env = "TALLY_WECHAT_MCH_ID", value_name = "MCH_ID")]
    pub mch_id: Option<String>,
    /// The merchant number's API key (version 2)
    #[arg(
        long = "wechat-api-key",
        env = "TALLY_WECHAT_API_KEY",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub api_key: Option<Hidden>,
    /// The API key before this one: still good for verifying, for the day after a change
    #[arg(
        long = "wechat-api-key-old",
        env = "TALLY_WECHAT_API_KEY_OLD",
        hide_env_values = true,
        value_name = "KEY"
    )]
    pub api_key_old: Option<Hidden>,
    /// The algorithm of new orders: MD5 or HMAC-SHA256
    #[arg(
        long = "wechat-sign-type",
        env = "TALLY_WECHAT_SIGN_TYPE",
        default_value = "MD5",
        value_name = "NAME"
    )]
    pub sign_type: SignType,
    /// The client certificate, a PEM file, without which there are no refunds and transfers
    #[arg(
        long = "wechat-cert",
        env = "TALLY_WECHAT_CERT",
        value_name = "FILE",
        value_parser = path_or_empty()
    )]
    pub cert: Option<PathBuf>,
    /// The certificate's key, a PEM file
    #[arg(
        long = "wechat-cert-key",
        env = "TALLY_WECHAT_CERT_KEY",
        value_name = "FILE",
        value_parser = path_or_empty()
    )]
    pub cert_key: Option<PathBuf>,
    /// Where log-ins go
    #[arg(
        long = "wechat-api-url",
        env = "TALLY_WECHAT_API_URL",
        default_value = API_URL,
        value_name = "URL"
    )]
    pub api_url: String,
    /// Where payments go
    #[arg(
        long = "wechat-pay-url",
        env = "TALLY_WECHAT_PAY_URL",
        default_value = PAY_URL,
        value_name = "URL"
    )]
    pub pay_url: String,
    /// Seconds that each call may take, 1 to 60
    #[arg(
        long = "wechat-timeout-seconds",
        env = "TALLY_WECHAT_TIMEOUT_SECONDS",
        default_value = "6",
        value_name = "SECONDS",
        value_parser = clap::value_parser!(u64).range(WECHAT_SECONDS)
    )]
    pub timeout_seconds: u64,
    /// WeChat's own charge in hundredths of a percent, which its bills are compared with, 0 to 10000
    #[arg(
        long = "wechat-fee-bp",
        env = "TALLY_WECHAT_FEE_BP",
        default_value = "60",
        value_name = "BASIS_POINTS",
        value_parser = clap::value_parser!(u16).range(0..=10_000)
    )]
    pub fee_bp: u16,
}

const API_URL: &str = "https://api.weixin.qq.com";
const PAY_URL: &str = "https://api.mch.weixin.qq.com";

impl Default for WechatSettings {
    fn default() -> Self {
        Self {
            app_id: None,
            app_secret: None,
            mch_id: None,
            api_key: None,
            api_key_old: None,
            sign_type: SignType::Md5,
            cert: None,
            cert_key: None,
            api_url: API_URL.into(),
            pay_url: PAY_URL.into(),
            timeout_seconds: 6,
            fee_bp: 60,
        }
    }
}

/// The sandbox that stands for WeChat.
#[derive(Debug, Clone, Args)]
pub struct SandboxSettings {
    /// Whether a sandbox plays WeChat; unless set, it does when there are no credentials and the service listens on loopback
    #[arg(id = "sandbox", long = "sandbox", env = "TALLY_SANDBOX", value_name = "ON_OFF")]
    pub mode: Option<OnOff>,
    /// Where the sandbox listens; port 0 picks a free one and prints it
    #[arg(
        id = "sandbox_listen",
        long = "sandbox-listen",
        env = "TALLY_SANDBOX_LISTEN",
        default_value = "127.0.0.1:8001",
        value_name = "ADDRESS"
    )]
    pub listen: SocketAddr,
}

/// A switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnOff {
    /// It is on.
    On,
    /// It is off.
    Off,
}

/// A secret text that is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Secret);

impl Hidden {
    fn is_empty(&self) -> bool {
        self.0.expose().is_empty()
    }
}

impl FromStr for Hidden {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if !raw.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("must be printable ASCII characters without spaces");
        }
        Ok(Self(Secret::new(raw)))
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// Who plays WeChat.
#[derive(Debug, Clone)]
pub enum Counterpart {
    /// WeChat itself, or whoever is at the addresses that are set.
    Wechat(Box<Config>),
    /// The sandbox, which the service starts.
    Sandbox,
}

/// Settings that are incomplete, or contradict each other.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsFault {
    /// Some credentials, but not all.
    #[error(
        "{missing} is not set, but {given} is: set all of {ALL}, or none of them for the sandbox"
    )]
    Incomplete {
        /// The first that is not.
        missing: &'static str,
        /// The first that is.
        given: &'static str,
    },
    /// A sandbox beside credentials.
    #[error(
        "TALLY_SANDBOX is on, but {0} is set: unset the credentials for the sandbox, or TALLY_SANDBOX for WeChat"
    )]
    SandboxBesideCredentials(&'static str),
    /// Nobody to play WeChat.
    #[error("TALLY_SANDBOX is off and there are no credentials: set {ALL}, or TALLY_SANDBOX=on")]
    Nobody,
    /// A sandbox for others than this machine must be wanted.
    #[error(
        "there are no WeChat credentials, and {0} is not a loopback address: set {ALL}, or TALLY_SANDBOX=on to take play money"
    )]
    SandboxForOthers(SocketAddr),
    /// A certificate without its key, or the other way round.
    #[error(
        "{missing} is not set, but its other half is: set TALLY_WECHAT_CERT and TALLY_WECHAT_CERT_KEY, or none of them"
    )]
    HalfCertificate {
        /// The half that is not.
        missing: &'static str,
    },
    /// An authority for a connection that is not TLS.
    #[error(
        "TALLY_REDIS_CA is set, but TALLY_REDIS_URL is not a rediss:// URL: give rediss:// for TLS, or unset TALLY_REDIS_CA"
    )]
    AuthorityWithoutTls,
    /// A certificate file that can't be read.
    #[error("{name}: the file {path} can't be read: {why}")]
    CertificateFile {
        /// The setting.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

const ALL: &str =
    "TALLY_WECHAT_APP_ID, TALLY_WECHAT_APP_SECRET, TALLY_WECHAT_MCH_ID and TALLY_WECHAT_API_KEY";

impl WechatSettings {
    /// Who plays WeChat, for a service that listens there.
    pub(super) fn counterpart(
        &self,
        sandbox: Option<OnOff>,
        listen: SocketAddr,
    ) -> Result<Counterpart, SettingsFault> {
        let credentials = self.credentials()?;
        match (credentials, sandbox) {
            (Some(_), Some(OnOff::On)) => {
                Err(SettingsFault::SandboxBesideCredentials("TALLY_WECHAT_APP_ID"))
            }
            (Some(config), Some(OnOff::Off) | None) => Ok(Counterpart::Wechat(Box::new(config))),
            (None, Some(OnOff::On)) => Ok(Counterpart::Sandbox),
            (None, Some(OnOff::Off)) => Err(SettingsFault::Nobody),
            (None, None) if listen.ip().is_loopback() => Ok(Counterpart::Sandbox),
            (None, None) => Err(SettingsFault::SandboxForOthers(listen)),
        }
    }

    /// All four credentials, or none. One that is empty counts as not set, as compose files leave them.
    fn credentials(&self) -> Result<Option<Config>, SettingsFault> {
        let text = |given: &Option<String>| given.clone().filter(|text| !text.is_empty());
        let secret = |given: &Option<Hidden>| given.clone().filter(|text| !text.is_empty());
        let (app_id, mch_id) = (text(&self.app_id), text(&self.mch_id));
        let (app_secret, api_key) = (secret(&self.app_secret), secret(&self.api_key));
        let set = [
            ("TALLY_WECHAT_APP_ID", app_id.is_some()),
            ("TALLY_WECHAT_APP_SECRET", app_secret.is_some()),
            ("TALLY_WECHAT_MCH_ID", mch_id.is_some()),
            ("TALLY_WECHAT_API_KEY", api_key.is_some()),
        ];
        let first = |is_set| set.iter().find(|(_, set)| *set == is_set).map(|(name, _)| *name);
        let (Some(app_id), Some(app_secret), Some(mch_id), Some(api_key)) =
            (app_id, app_secret, mch_id, api_key)
        else {
            return match (first(false), first(true)) {
                (Some(missing), Some(given)) => Err(SettingsFault::Incomplete { missing, given }),
                (Some(_), None) | (None, _) => Ok(None),
            };
        };
        Ok(Some(Config {
            app_id,
            app_secret: app_secret.0,
            mch_id,
            keys: Keys { current: api_key.0, old: secret(&self.api_key_old).map(|key| key.0) },
            sign_type: self.sign_type,
            api_url: self.api_url.clone(),
            pay_url: self.pay_url.clone(),
            timeout: self.timeout(),
            certificate: self.certificate()?,
        }))
    }

    /// For each call.
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout_seconds)
    }

    fn certificate(&self) -> Result<Option<Certificate>, SettingsFault> {
        let file = |given: &Option<PathBuf>| given.clone().filter(|path| path.as_os_str() != "");
        let (chain, key) = match (file(&self.cert), file(&self.cert_key)) {
            (None, None) => return Ok(None),
            (Some(chain), Some(key)) => (chain, key),
            (Some(_), None) => {
                return Err(SettingsFault::HalfCertificate { missing: "TALLY_WECHAT_CERT_KEY" });
            }
            (None, Some(_)) => {
                return Err(SettingsFault::HalfCertificate { missing: "TALLY_WECHAT_CERT" });
            }
        };
        Ok(Some(Certificate {
            chain_pem: read("TALLY_WECHAT_CERT", &chain)?,
            key_pem: Secret::new(read("TALLY_WECHAT_CERT_KEY", &key)?),
        }))
    }
}

/// The text of a file of certificates.
pub(super) fn read(name: &'static str, path: &Path) -> Result<String, SettingsFault> {
    std::fs::read_to_string(path).map_err(|error| SettingsFault::CertificateFile {
        name,
        path: path.to_path_buf(),
        why: error.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: ([u8; 4], u16) = ([127, 0, 0, 1], 8000);
    const ANYWHERE: ([u8; 4], u16) = ([0, 0, 0, 0], 8000);

    fn all() -> WechatSettings {
        WechatSettings {
            app_id: Some("wx1".into()),
            app_secret: Some("hush".parse().unwrap()),
            mch_id: Some("19".into()),
            api_key: Some("hush".parse().unwrap()),
            ..WechatSettings::default()
        }
    }

    #[test]
    fn all_credentials_or_none() {
        let listen = SocketAddr::from(LOOPBACK);
        let found = all().counterpart(None, listen).unwrap();
        assert!(matches!(found, Counterpart::Wechat(config) if config.mch_id == "19"));
        let none = WechatSettings::default();
        assert!(matches!(none.counterpart(None, listen).unwrap(), Counterpart::Sandbox));
        for (settings, missing) in [
            (WechatSettings { app_id: None, ..all() }, "TALLY_WECHAT_APP_ID is not set"),
            (WechatSettings { app_secret: None, ..all() }, "TALLY_WECHAT_APP_SECRET is not set"),
            (WechatSettings { mch_id: Some(String::new()), ..all() }, "TALLY_WECHAT_MCH_ID is not"),
            (WechatSettings { api_key: None, ..all() }, "TALLY_WECHAT_API_KEY is not set"),
        ] {
            let fault = settings.counterpart(None, listen).unwrap_err().to_string();
            assert!(fault.starts_with(missing) && !fault.contains('\n'), "{fault}");
        }
    }

    #[test]
    fn a_sandbox_is_for_loopback_unless_it_is_wanted_elsewhere() {
        let none = WechatSettings::default();
        let at = |sandbox, listen: ([u8; 4], u16)| none.counterpart(sandbox, listen.into());
        assert!(matches!(at(None, LOOPBACK), Ok(Counterpart::Sandbox)));
        assert!(matches!(at(Some(OnOff::On), ANYWHERE), Ok(Counterpart::Sandbox)));
        assert!(matches!(at(None, ANYWHERE), Err(SettingsFault::SandboxForOthers(_))));
        assert!(matches!(at(Some(OnOff::Off), LOOPBACK), Err(SettingsFault::Nobody)));
        let both = all().counterpart(Some(OnOff::On), LOOPBACK.into());
        assert!(matches!(both, Err(SettingsFault::SandboxBesideCredentials(_))));
    }

    #[test]
    fn a_certificate_needs_both_files() {
        let half = WechatSettings { cert: Some("cert.pem".into()), ..all() };
        let fault = half.counterpart(None, LOOPBACK.into()).unwrap_err();
        assert_eq!(fault, SettingsFault::HalfCertificate { missing: "TALLY_WECHAT_CERT_KEY" });
        let folder = tempfile::tempdir().unwrap();
        let gone = WechatSettings {
            cert: Some(folder.path().join("cert.pem")),
            cert_key: Some(folder.path().join("key.pem")),
            ..all()
        };
        let fault = gone.counterpart(None, LOOPBACK.into()).unwrap_err().to_string();
        assert!(fault.starts_with("TALLY_WECHAT_CERT: the file"), "{fault}");
    }
}
