//! Sessions in Redis (`TALLY_REDIS_URL`), found by every process that has the same server, database and prefix.
//!
//! | key | value | lives |
//! |---|---|---|
//! | `{prefix}token:{BLAKE3 of the token, in hex}` | format, openid | as long as the session |
//! | `{prefix}customer:{openid}` | format, session_key | as long as the customer's newest session |
//!
//! The format is the byte `1`. A value of a format that is not known is nobody's: its customer logs in again. The customer's
//! key is written before the token, so that no token is ever without one; a login that breaks off between the two has replaced
//! the session_key, as it has at WeChat.
//!
//! There is one connection for all callers. What fails on it is failed at once, or within [`SESSION_WAIT_MAX`]; after a failure
//! nobody tries again for [`REDIS_PAUSE`], and then the first who asks does. No thread waits for Redis to come back.

use std::error::Error;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, FromRedisValue, IntoConnectionInfo, Pipeline,
    RedisError, TlsCertificates,
};
use tally_wechat::login::SessionKey;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout_at};

use super::{Customer, NotNow, SessionsFault, TokenHash};
use crate::limits::{REDIS_PAUSE, REDIS_TELL_EVERY, SESSION_WAIT_MAX};
use crate::settings::RedisSettings;

/// The format of the values.
const FORMAT: u8 = b'1';

/// What a start writes, to see whether it may: gone after a second.
const START: &str = "start";

/// The sessions in a Redis.
pub(super) struct RedisStore {
    shared: Arc<Shared>,
    /// The runtime that the connection belongs to: those who ask have others, which may end.
    runtime: Handle,
}

struct Shared {
    client: Client,
    prefix: Box<str>,
    link: Mutex<Link>,
    /// Held by the one who connects.
    connecting: tokio::sync::Mutex<()>,
}

/// How it stands with the connection.
#[derive(Default)]
struct Link {
    up: Option<Connected>,
    connects: u64,
    /// Why there is none, and until when nobody tries again.
    failed: Option<(Instant, NotNow)>,
    /// What was last told in the log, and when.
    told: Option<(Instant, NotNow)>,
}

/// A connection, and which one it is.
#[derive(Clone)]
struct Connected {
    number: u64,
    connection: MultiplexedConnection,
}

impl RedisStore {
    /// The sessions there. It is asked once whether it lets sessions be kept.
    pub(super) async fn start(
        settings: &RedisSettings,
        runtime: Handle,
    ) -> Result<Self, SessionsFault> {
        let shared = Shared {
            client: client(settings)?,
            prefix: settings.prefix.as_str().into(),
            link: Mutex::default(),
            connecting: tokio::sync::Mutex::default(),
        };
        let store = Self { shared: Arc::new(shared), runtime };
        let key = store.key(START, "");
        let mut may = Pipeline::new();
        may.cmd("SET").arg(&key).arg(&[FORMAT]).arg("PX").arg(1_000).ignore();
        may.cmd("GET").arg(&key).ignore();
        match store.ask::<()>(may).await {
            Err(Failure::Refused(why)) => Err(SessionsFault::Refused(why.0)),
            // Told in the log, and by `/readyz`.
            Err(Failure::Passing(_)) | Ok(()) => Ok(store),
        }
    }

    /// Keeps a session for so many milliseconds.
    pub(super) async fn put(
        &self,
        token: TokenHash,
        openid: &str,
        session_key: &SessionKey,
        life_ms: i64,
    ) -> Result<(), NotNow> {
        let mut write = Pipeline::new();
        for (key, value) in [
            (self.key("customer:", openid), session_key.expose()),
            (self.key("token:", &token.to_hex()), openid),
        ] {
            let value = [&[FORMAT], value.as_bytes()].concat();
            write.cmd("SET").arg(key).arg(value).arg("PX").arg(life_ms).ignore();
        }
        Ok(self.ask(write).await?)
    }

    /// Whose token it is.
    pub(super) async fn get(&self, token: TokenHash) -> Result<Option<Customer>, NotNow> {
        let Some(openid) = self.value(self.key("token:", &token.to_hex())).await? else {
            return Ok(None);
        };
        let session_key = self.value(self.key("customer:", &openid)).await?;
        Ok(session_key.and_then(|text| SessionKey::parse(&text)).map(|session_key| Customer {
            openid: openid.into(),
            session_key: Arc::new(session_key),
        }))
    }

    /// Whether Redis answers.
    pub(super) async fn check(&self) -> Result<(), NotNow> {
        let mut ping = Pipeline::new();
        ping.cmd("PING").ignore();
        Ok(self.ask(ping).await?)
    }

    fn key(&self, kind: &str, name: &str) -> String {
        format!("{}{kind}{name}", self.shared.prefix)
    }

    /// The value of a key, if there is one, of our format.
    async fn value(&self, key: String) -> Result<Option<String>, NotNow> {
        let mut read = Pipeline::new();
        read.cmd("GET").arg(key);
        let (value,): (Option<Vec<u8>>,) = self.ask(read).await?;
        Ok(value.and_then(|value| {
            let text = value.strip_prefix(&[FORMAT])?;
            String::from_utf8(text.to_vec()).ok()
        }))
    }

    async fn ask<T: FromRedisValue + Send + 'static>(&self, what: Pipeline) -> Result<T, Failure> {
        let shared = Arc::clone(&self.shared);
        let asked = self.runtime.spawn(async move { shared.ask(&what).await });
        let ended = |_| Failure::Passing(NotNow("Redis was asked by a task that ended".into()));
        asked.await.map_err(ended)?
    }
}

/// Why Redis did not do as it was told.
#[derive(Clone)]
enum Failure {
    /// It will not, unless somebody changes the settings, here or there.
    Refused(NotNow),
    /// Another time it may.
    Passing(NotNow),
}

impl From<Failure> for NotNow {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(why) | Failure::Passing(why) => why,
        }
    }
}

impl Shared {
    /// Asks within [`SESSION_WAIT_MAX`]. A connection that turns out to be gone (idle for too long, or the server was started
    /// anew) is replaced once: all that is asked may be asked twice.
    async fn ask<T: FromRedisValue>(&self, what: &Pipeline) -> Result<T, Failure> {
        let deadline = Instant::now() + SESSION_WAIT_MAX;
        let mut connected = self.connected(deadline).await?;
        let mut once_more = true;
        loop {
            let asked = what.query_async(&mut connected.connection);
            let error = match timeout_at(deadline, asked).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(error)) => error,
                Err(_) => too_slow(),
            };
            self.hang_up(connected.number);
            if once_more && error.is_connection_dropped() {
                once_more = false;
                connected = self.connected(deadline).await?;
            } else {
                return Err(self.failed(&error, server_code(&error).is_none()));
            }
        }
    }

    /// The connection: the one that is there, or a new one; a failure at once while nobody tries again.
    async fn connected(&self, deadline: Instant) -> Result<Connected, Failure> {
        if let Some(known) = self.known() {
            return known;
        }
        let Ok(_turn) = timeout_at(deadline, self.connecting.lock()).await else {
            return Err(Failure::Passing(why(&too_slow())));
        };
        // Whoever had the turn before may have found out.
        if let Some(known) = self.known() {
            return known;
        }
        match timeout_at(deadline, self.connect()).await {
            Ok(Ok(connection)) => Ok(self.up(connection)),
            Ok(Err(error)) => Err(self.failed(&error, true)),
            Err(_) => Err(self.failed(&too_slow(), true)),
        }
    }

    /// A connection on which Redis has answered: a server that hangs takes connections all the same.
    async fn connect(&self) -> Result<MultiplexedConnection, RedisError> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(None) // who asks has a deadline for all of it
            .set_response_timeout(None);
        let mut connection =
            self.client.get_multiplexed_async_connection_with_config(&config).await?;
        redis::cmd("PING").query_async::<()>(&mut connection).await?;
        Ok(connection)
    }

    fn known(&self) -> Option<Result<Connected, Failure>> {
        let link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(connected) = &link.up {
            return Some(Ok(connected.clone()));
        }
        let (until, why) = link.failed.as_ref()?;
        (Instant::now() < *until).then(|| Err(Failure::Passing(why.clone())))
    }

    fn up(&self, connection: MultiplexedConnection) -> Connected {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        link.connects += 1;
        let connected = Connected { number: link.connects, connection };
        link.up = Some(connected.clone());
        if link.failed.take().is_some() {
            link.told = None;
            tracing::info!("Redis is reached again: customers can log in");
        }
        connected
    }

    /// No more with this connection. Whoever waits for an answer on it still gets that.
    fn hang_up(&self, number: u64) {
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if link.up.as_ref().is_some_and(|up| up.number == number) {
            link.up = None;
        }
    }

    /// Tells a failure, unless that was just told; where there is no connection, nobody tries again for a while.
    fn failed(&self, error: &RedisError, no_connection: bool) -> Failure {
        let (now, why) = (Instant::now(), why(error));
        let mut link = self.link.lock().unwrap_or_else(PoisonError::into_inner);
        if no_connection {
            link.failed = Some((now + REDIS_PAUSE, why.clone()));
        }
        let just_told =
            |(at, told): &(Instant, NotNow)| *told == why && now < *at + REDIS_TELL_EVERY;
        if !link.told.as_ref().is_some_and(just_told) {
            tracing::warn!(%why, "sessions can't be looked up or begun: TALLY_REDIS_URL");
            link.told = Some((now, why.clone()));
        }
        if is_refusal(error) { Failure::Refused(why) } else { Failure::Passing(why) }
    }
}

/// How Redis is reached. What is wrong with a URL is not said in the words of a parser, which might repeat a password.
fn client(settings: &RedisSettings) -> Result<Client, SessionsFault> {
    let url = settings.url.expose();
    let info = url.into_connection_info().map_err(|_| SessionsFault::Url)?;
    // So that a user needs no more rights than for keeping sessions.
    let bare = info.redis_settings().clone().set_skip_set_lib_name();
    let info = info.set_redis_settings(bare);
    let Some((path, pem)) = &settings.ca else {
        return Client::open(info).map_err(|_| SessionsFault::Url);
    };
    let authority = pem.contains("-----BEGIN CERTIFICATE-----");
    let certificates =
        TlsCertificates { client_tls: None, root_cert: Some(pem.clone().into_bytes()) };
    let client = Client::build_with_tls(info, certificates).ok().filter(|_| authority);
    client.ok_or_else(|| SessionsFault::Ca(path.clone()))
}

fn too_slow() -> RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

/// The first word of what the server said, if it said anything; the rest may repeat what was sent.
fn server_code(error: &RedisError) -> Option<String> {
    let said = error.clone().into_server_errors()?;
    said.first().map(|(_, said)| said.code().to_owned())
}

/// What a failure means, without a word that might be secret.
fn why(error: &RedisError) -> NotNow {
    NotNow(match server_code(error).as_deref() {
        Some("NOAUTH") => "Redis asks for a password".into(),
        Some("NOPERM") => {
            "the user at Redis lacks rights: it needs +ping +get +set on the keys of TALLY_REDIS_PREFIX".into()
        }
        Some(code) => format!("Redis answers {code}"),
        None if error.kind() == ErrorKind::AuthenticationFailed => {
            "Redis refuses the user or the password".into()
        }
        None if is_refused_database(error) => "Redis refuses the number of the database".into(),
        None if error.is_timeout() => "Redis does not answer in time".into(),
        None if error.is_io_error() => format!("Redis is not reached: {error}"),
        None => format!("Redis is not understood: {}", error.category()),
    })
}

/// Whether it is a matter of the settings, here or there.
fn is_refusal(error: &RedisError) -> bool {
    error.kind() == ErrorKind::AuthenticationFailed
        || matches!(server_code(error).as_deref(), Some("NOAUTH" | "NOPERM"))
        || is_refused_database(error)
        || is_no_tls(error)
}

/// Whether the other side is not who it should be, or speaks no TLS. The client keeps its cause in an `Arc`.
fn is_no_tls(error: &RedisError) -> bool {
    let cause =
        error.source().and_then(|cause| cause.downcast_ref::<Arc<dyn Error + Send + Sync>>());
    let fault = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    fault.is_some_and(|fault| fault.kind() == io::ErrorKind::InvalidData)
}

/// The client says in words of its own that the database could not be chosen.
fn is_refused_database(error: &RedisError) -> bool {
    server_code(error).is_none() && error.code() == Some("ERR")
}
