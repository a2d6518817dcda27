//! Where customers' sessions are kept, and for how long.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::values::path_or_empty;
use super::wechat::{SettingsFault, read};
use crate::limits::{REDIS_PREFIX_BYTES_MAX, SESSION_HOURS};

/// Where customers' sessions are kept, and for how long.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct SessionSettings {
    /// Hours that a customer's log-in is good for, 1 to 8760
    #[arg(
        long = "session-hours",
        env = "TALLY_SESSION_HOURS",
        default_value = "72",
        value_name = "HOURS",
        value_parser = clap::value_parser!(i64).range(SESSION_HOURS)
    )]
    pub hours: i64,
    /// Keep log-ins in this Redis, where all processes find them: `redis://[user:password@]host[:port][/database]`, `rediss://` for
    /// TLS. Without it they are in memory
    #[arg(long, env = "TALLY_REDIS_URL", hide_env_values = true, value_name = "URL")]
    pub redis_url: Option<RedisUrl>,
    /// Who vouches for the Redis of a `rediss://` URL, a PEM file; without it the public authorities do
    #[arg(
        long,
        env = "TALLY_REDIS_CA",
        value_name = "FILE",
        value_parser = path_or_empty()
    )]
    pub redis_ca: Option<PathBuf>,
    /// What every key in Redis begins with
    #[arg(
        long,
        env = "TALLY_REDIS_PREFIX",
        default_value = KeyPrefix::USUAL,
        value_name = "TEXT"
    )]
    pub redis_prefix: KeyPrefix,
}

/// How a Redis is reached.
#[derive(Debug, Clone)]
pub struct RedisSettings {
    /// Where it is.
    pub url: RedisUrl,
    /// Who vouches for it, where that is not the public authorities: the file, and the PEM in it.
    pub ca: Option<(PathBuf, String)>,
    /// What every key begins with.
    pub prefix: KeyPrefix,
}

/// The URL of a Redis. It may hold a password, so it is not printed.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

/// What every key in Redis begins with: printable ASCII without spaces, perhaps nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPrefix(String);

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            hours: 72,
            redis_url: None,
            redis_ca: None,
            redis_prefix: KeyPrefix(KeyPrefix::USUAL.into()),
        }
    }
}

impl SessionSettings {
    /// The Redis, where sessions are kept in one. A setting that is empty counts as not set, as compose files leave them.
    ///
    /// # Errors
    ///
    /// [`SettingsFault`] for settings that contradict each other, or name a file that can't be read.
    pub(crate) fn redis(&self) -> Result<Option<RedisSettings>, SettingsFault> {
        let url = self.redis_url.clone().filter(|url| !url.0.is_empty());
        let ca = self.redis_ca.clone().filter(|path| path.as_os_str() != "");
        if ca.is_some() && !url.as_ref().is_some_and(|url| url.0.starts_with(TLS)) {
            return Err(SettingsFault::AuthorityWithoutTls);
        }
        let ca = ca.map(|path| Ok((path.clone(), read("TALLY_REDIS_CA", &path)?))).transpose()?;
        Ok(url.map(|url| RedisSettings { url, ca, prefix: self.redis_prefix.clone() }))
    }
}

const TLS: &str = "rediss://";

impl RedisUrl {
    /// The text itself, for whoever connects.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for RedisUrl {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let known = raw.is_empty() || raw.starts_with("redis://") || raw.starts_with(TLS);
        if !known {
            return Err("must begin with redis://, or with rediss:// for TLS");
        }
        if raw.contains(['?', '#']) {
            return Err("takes no options; write ? and # of a password as %3F and %23");
        }
        Ok(Self(raw.to_owned()))
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

impl KeyPrefix {
    const USUAL: &str = "tally:";

    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyPrefix {
    type Err = String;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let plain = raw.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || raw.len() > REDIS_PREFIX_BYTES_MAX {
            return Err(format!(
                "must be at most {REDIS_PREFIX_BYTES_MAX} printable ASCII characters without spaces"
            ));
        }
        Ok(Self(raw.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(url: &str, ca: &str) -> SessionSettings {
        SessionSettings {
            redis_url: Some(url.parse().unwrap()),
            redis_ca: Some(ca.into()),
            ..SessionSettings::default()
        }
    }

    #[test]
    fn what_is_empty_counts_as_not_set() {
        assert!(with("", "").redis().unwrap().is_none());
        let redis = with("redis://cache", "").redis().unwrap().unwrap();
        assert_eq!((redis.url.expose(), redis.prefix.as_str()), ("redis://cache", "tally:"));
        assert!(redis.ca.is_none());
    }

    #[test]
    fn a_redis_url_has_its_scheme_and_no_options() {
        for good in ["redis://cache", "rediss://tally:a%23b@cache:6380/3", "redis://[::1]/"] {
            assert!(good.parse::<RedisUrl>().is_ok(), "{good}");
        }
        for (bad, remedy) in [
            ("cache:6379", "redis://"),
            ("redis:cache", "redis://"),
            ("unix:///run/redis.sock", "redis://"),
            ("rediss://cache/#insecure", "%23"),
            ("redis://cache/?protocol=resp3", "%3F"),
        ] {
            assert!(bad.parse::<RedisUrl>().unwrap_err().contains(remedy), "{bad}");
        }
    }

    #[test]
    fn an_authority_is_for_tls_and_its_file_must_be_there() {
        for url in ["", "redis://cache"] {
            let fault = with(url, "ca.pem").redis().unwrap_err();
            assert!(fault.to_string().starts_with("TALLY_REDIS_CA is set, but"), "{fault}");
        }
        let fault = with("rediss://cache", "nowhere/ca.pem").redis().unwrap_err();
        assert!(
            fault.to_string().starts_with("TALLY_REDIS_CA: the file nowhere/ca.pem"),
            "{fault}"
        );
    }

    #[test]
    fn a_prefix_is_short_and_printable() {
        for (raw, good) in [("", true), ("shop:1:", true), ("商", false), ("a b", false)] {
            assert_eq!(raw.parse::<KeyPrefix>().is_ok(), good, "{raw}");
        }
        assert!("x".repeat(65).parse::<KeyPrefix>().is_err());
    }
}
