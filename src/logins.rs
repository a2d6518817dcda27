//! Logins under way: a code is good for one call to WeChat, so a code that comes twice at once is asked about once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tally_wechat::Outcome;
use tally_wechat::login::LoginRefusal;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::clock::Clock;
use crate::limits::LOGINS_MAX;
use crate::sessions::Sessions;
use crate::wechat_gateway::WechatGateway;

/// What came of a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LoggedIn {
    /// A session's token.
    Token(String),
    /// WeChat does not take the code: the page gets a new one.
    CodeRefused,
    /// Not known, or not now: the page logs in again.
    NotNow,
}

/// Turns login codes into sessions.
#[derive(Clone)]
pub(crate) struct Logins(Arc<Shared>);

struct Shared {
    gateway: Arc<WechatGateway>,
    sessions: Arc<Sessions>,
    runtime: Handle,
    clock: Clock,
    /// Who waits for a code, by the code's hash.
    waiting: Mutex<HashMap<[u8; 32], Vec<oneshot::Sender<LoggedIn>>>>,
}

impl Logins {
    /// Logins through this gateway, on the runtime that its connections belong to.
    pub(crate) fn new(
        gateway: Arc<WechatGateway>,
        sessions: Arc<Sessions>,
        runtime: Handle,
        clock: Clock,
    ) -> Self {
        let waiting = Mutex::default();
        Self(Arc::new(Shared { gateway, sessions, runtime, clock, waiting }))
    }

    /// Asks WeChat about a code, or waits for the answer of a call that is under way. Carried to its end though the caller is
    /// gone: the code is used up in any case.
    pub(crate) async fn log_in(&self, code: String) -> LoggedIn {
        let hash = *blake3::hash(code.as_bytes()).as_bytes();
        let (done, answer) = oneshot::channel();
        {
            let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(others) = waiting.get_mut(&hash) {
                others.push(done);
            } else if waiting.len() >= LOGINS_MAX {
                return LoggedIn::NotNow;
            } else {
                waiting.insert(hash, vec![done]);
                self.begin(hash, code);
            }
        }
        answer.await.unwrap_or(LoggedIn::NotNow)
    }

    fn begin(&self, hash: [u8; 32], code: String) {
        let shared = Arc::clone(&self.0);
        self.0.runtime.spawn(async move {
            let ask = Arc::clone(&shared);
            // In a task of its own, so that a panic in it does not leave the code waiting for ever.
            let asked = tokio::spawn(async move { ask.ask(&code).await }).await;
            let logged_in = asked.unwrap_or(LoggedIn::NotNow);
            let mut waiting = shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            for waiter in waiting.remove(&hash).unwrap_or_default() {
                drop(waiter.send(logged_in.clone())); // whoever asked may be gone
            }
        });
    }
}

impl Shared {
    async fn ask(&self, code: &str) -> LoggedIn {
        // Asked first, so that no code is used up where no session can begin.
        if self.sessions.check().await.is_err() {
            return LoggedIn::NotNow;
        }
        match self.gateway.client().code_to_session(code).await {
            Outcome::Done(session) => {
                let now = self.clock.now();
                let begun = self.sessions.begin(&session.openid, session.session_key, now).await;
                begun.map_or(LoggedIn::NotNow, LoggedIn::Token)
            }
            Outcome::Refused(LoginRefusal::CodeInvalid(_) | LoginRefusal::CodeUsed(_)) => {
                LoggedIn::CodeRefused
            }
            Outcome::Refused(refusal @ LoginRefusal::Blocked(_)) => {
                tracing::warn!(%refusal, "a login was refused");
                LoggedIn::CodeRefused
            }
            Outcome::Refused(refusal @ LoginRefusal::TooOften(_)) => {
                tracing::warn!(%refusal, "a login was not possible");
                LoggedIn::NotNow
            }
            Outcome::Refused(refusal @ LoginRefusal::Configuration(_)) => {
                tracing::error!(%refusal, "no login is possible");
                LoggedIn::NotNow
            }
            Outcome::Unknown(doubt) => {
                tracing::warn!(%doubt, "a login was not possible");
                LoggedIn::NotNow
            }
        }
    }
}
