//! Sessions of the mini-program's customers: a token stands for an openid and its newest session_key (`design.md` 3.9).
//!
//! They are kept in this process, or in Redis, where every process finds them. Neither store sees a token: each is given the
//! token's hash, so that how long a search takes tells nothing about it, and what is stored is no way in.

mod memory;
mod shared;

use std::path::PathBuf;
use std::sync::Arc;

use tally_actors::domain::time::At;
use tally_wechat::login::SessionKey;
use tokio::runtime::Handle;

use self::memory::MemoryStore;
use self::shared::RedisStore;
use crate::limits::SESSIONS_MAX;
use crate::settings::{SessionSettings, SettingsFault};

/// Who shows a token.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    /// The customer in the mini-program.
    pub(crate) openid: Arc<str>,
    /// The key of the newest login, which opens what the page encrypts. Never sent to a page, never logged.
    pub(crate) session_key: Arc<SessionKey>,
}

/// All the sessions.
pub(crate) struct Sessions {
    life_ms: i64,
    store: Store,
}

enum Store {
    Memory(MemoryStore),
    Redis(RedisStore),
}

/// Why there is no session now: it may well be there a moment later. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NotNow(String);

/// Why sessions can't be kept as the settings say.
#[derive(Debug, thiserror::Error)]
pub enum SessionsFault {
    /// The settings contradict each other.
    #[error(transparent)]
    Settings(#[from] SettingsFault),
    /// Not a URL of a Redis.
    #[error(
        "TALLY_REDIS_URL is not a Redis URL; give redis://[user:password@]host[:port][/database], or rediss:// for TLS"
    )]
    Url,
    /// Not the certificates of an authority.
    #[error("TALLY_REDIS_CA: {0} holds no certificates in PEM")]
    Ca(PathBuf),
    /// Redis is there, and does not do what sessions need.
    #[error("TALLY_REDIS_URL: {0}")]
    Refused(String),
}

/// BLAKE3 of a token.
type TokenHash = blake3::Hash;

impl Sessions {
    /// Sessions where the settings say, spoken to on this runtime. A Redis that is not to be reached does not stop the start: what
    /// needs no session goes on without it.
    ///
    /// # Errors
    ///
    /// [`SessionsFault`] for settings that can't be meant, and for a Redis that refuses them.
    pub(crate) async fn start(
        settings: &SessionSettings,
        runtime: &Handle,
    ) -> Result<Self, SessionsFault> {
        let store = match settings.redis()? {
            Some(redis) => Store::Redis(RedisStore::start(&redis, runtime.clone()).await?),
            None => Store::Memory(MemoryStore::new(SESSIONS_MAX)),
        };
        Ok(Self { life_ms: settings.hours * 3_600_000, store })
    }

    /// Begins a session and gives its token of 256 random bits. The session_key replaces the customer's earlier one; earlier tokens
    /// stay good.
    pub(crate) async fn begin(
        &self,
        openid: &str,
        session_key: SessionKey,
        now: At,
    ) -> Result<String, NotNow> {
        let mut random = [0; 32];
        getrandom::fill(&mut random)
            .map_err(|error| NotNow(format!("no random bits for a token: {error}")))?;
        let token = blake3::Hash::from_bytes(random).to_hex().to_string();
        match &self.store {
            Store::Memory(memory) => {
                memory.put(hash(&token), openid, session_key, (now, self.life_ms));
            }
            Store::Redis(redis) => {
                redis.put(hash(&token), openid, &session_key, self.life_ms).await?;
            }
        }
        Ok(token)
    }

    /// Whose token it is; `None`: nobody's, or expired.
    pub(crate) async fn customer(&self, token: &str, now: At) -> Result<Option<Customer>, NotNow> {
        match &self.store {
            Store::Memory(memory) => Ok(memory.get(hash(token), now)),
            Store::Redis(redis) => redis.get(hash(token)).await,
        }
    }

    /// Whether a session could begin now.
    pub(crate) async fn check(&self) -> Result<(), NotNow> {
        match &self.store {
            Store::Memory(_) => Ok(()),
            Store::Redis(redis) => redis.check().await,
        }
    }
}

fn hash(token: &str) -> TokenHash {
    blake3::hash(token.as_bytes())
}

#[cfg(test)]
mod conformance;

#[cfg(test)]
mod shared_tests;
