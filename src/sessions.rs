//! Sessions of the mini-program's customers, in memory: a token stands for an openid and its newest session_key.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tally_actors::domain::time::At;
use tally_wechat::login::SessionKey;

use crate::limits::SESSIONS_MAX;

/// Who shows a token.
#[derive(Debug, Clone)]
pub(crate) struct Customer {
    /// The customer in the mini-program.
    pub(crate) openid: Arc<str>,
    /// The key of the newest login, which opens what the page encrypts. Never sent, never logged.
    pub(crate) session_key: Arc<SessionKey>,
}

/// All the sessions. A token is found by its hash, so that how long a search takes tells nothing about it.
pub(crate) struct Sessions {
    life_ms: i64,
    max: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_token: HashMap<[u8; 32], Session>,
    /// Oldest first.
    tokens: VecDeque<[u8; 32]>,
    customers: HashMap<Arc<str>, Login>,
}

struct Session {
    openid: Arc<str>,
    expires_at: At,
}

/// The newest login of a customer, and how many tokens stand for the customer.
struct Login {
    session_key: Arc<SessionKey>,
    tokens: usize,
}

impl Sessions {
    /// No sessions yet; each will live for so many hours.
    pub(crate) fn new(hours: i64) -> Self {
        Self::bounded(hours * 3_600_000, SESSIONS_MAX)
    }

    fn bounded(life_ms: i64, max: usize) -> Self {
        Self { life_ms, max, kept: Mutex::default() }
    }

    /// Begins a session and gives its token of 256 random bits. The session_key replaces the customer's earlier one; earlier tokens
    /// stay good. `None` when the system gives no random bits.
    pub(crate) fn begin(&self, openid: &str, session_key: SessionKey, now: At) -> Option<String> {
        let mut random = [0; 32];
        getrandom::fill(&mut random).ok()?;
        let token = blake3::Hash::from_bytes(random).to_hex().to_string();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_expired(now);
        while kept.tokens.len() >= self.max {
            kept.forget_oldest();
        }
        kept.add(hash(&token), openid, session_key, now.plus_ms(self.life_ms));
        Some(token)
    }

    /// Whose token it is; `None`: nobody's, or expired.
    pub(crate) fn customer(&self, token: &str, now: At) -> Option<Customer> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let session = kept.by_token.get(&hash(token))?;
        if session.expires_at <= now {
            return None;
        }
        let login = kept.customers.get(&session.openid)?;
        let session_key = Arc::clone(&login.session_key);
        Some(Customer { openid: Arc::clone(&session.openid), session_key })
    }
}

impl Kept {
    fn add(&mut self, token: [u8; 32], openid: &str, session_key: SessionKey, expires_at: At) {
        let known = self.customers.get_key_value(openid).map(|(openid, _)| Arc::clone(openid));
        let openid = known.unwrap_or_else(|| openid.into());
        let session_key = Arc::new(session_key);
        self.customers
            .entry(Arc::clone(&openid))
            .and_modify(|login| {
                login.session_key = Arc::clone(&session_key);
                login.tokens += 1;
            })
            .or_insert(Login { session_key, tokens: 1 });
        self.by_token.insert(token, Session { openid, expires_at });
        self.tokens.push_back(token);
    }

    fn forget_expired(&mut self, now: At) {
        while let Some(session) = self.tokens.front().and_then(|token| self.by_token.get(token))
            && session.expires_at <= now
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(session) = self.tokens.pop_front().and_then(|token| self.by_token.remove(&token))
        else {
            return;
        };
        if let Some(login) = self.customers.get_mut(&session.openid) {
            login.tokens -= 1;
            if login.tokens == 0 {
                self.customers.remove(&session.openid);
            }
        }
    }
}

fn hash(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_000_000;

    fn key(n: u8) -> SessionKey {
        SessionKey::parse(&tally_wechat::profile::base64([n; 16])).unwrap()
    }

    fn begin(sessions: &Sessions, openid: &str, n: u8, ms: i64) -> String {
        sessions.begin(openid, key(n), At::from_ms(START + ms)).unwrap()
    }

    fn found(sessions: &Sessions, token: &str, ms: i64) -> Option<(String, SessionKey)> {
        let customer = sessions.customer(token, At::from_ms(START + ms))?;
        Some((customer.openid.to_string(), (*customer.session_key).clone()))
    }

    #[test]
    fn a_new_login_replaces_the_key_and_older_tokens_stay_good() {
        let sessions = Sessions::bounded(1_000, 10);
        let first = begin(&sessions, "alice", 1, 0);
        let other = begin(&sessions, "bob", 9, 0);
        let second = begin(&sessions, "alice", 2, 500);
        assert_ne!(first, second);
        assert_eq!(first.len(), 64);
        for token in [&first, &second] {
            assert_eq!(found(&sessions, token, 600), Some(("alice".into(), key(2))));
        }
        assert_eq!(found(&sessions, &other, 600), Some(("bob".into(), key(9))));
        assert_eq!(found(&sessions, &first.to_uppercase(), 600), None);
        assert_eq!(found(&sessions, "", 600), None);
    }

    #[test]
    fn a_token_expires_and_is_forgotten() {
        let sessions = Sessions::bounded(1_000, 10);
        let first = begin(&sessions, "alice", 1, 0);
        assert!(found(&sessions, &first, 999).is_some());
        assert_eq!(found(&sessions, &first, 1_000), None);
        let second = begin(&sessions, "alice", 2, 1_000);
        assert!(found(&sessions, &second, 1_001).is_some());
        let kept = sessions.kept.lock().unwrap();
        assert_eq!((kept.tokens.len(), kept.by_token.len(), kept.customers.len()), (1, 1, 1));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let sessions = Sessions::bounded(1_000, 2);
        let first = begin(&sessions, "alice", 1, 0);
        let second = begin(&sessions, "bob", 2, 1);
        let third = begin(&sessions, "carol", 3, 2);
        assert_eq!(found(&sessions, &first, 3), None);
        assert!(found(&sessions, &second, 3).is_some() && found(&sessions, &third, 3).is_some());
        assert_eq!(sessions.kept.lock().unwrap().customers.len(), 2);
    }
}
