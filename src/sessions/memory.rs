//! Sessions in this process: gone when it ends, and no other process knows them.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tally_actors::domain::time::At;
use tally_wechat::login::SessionKey;

use super::{Customer, TokenHash};

/// The sessions in memory, so many at the most.
pub(super) struct MemoryStore {
    max: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    by_token: HashMap<TokenHash, Session>,
    /// Oldest first.
    tokens: VecDeque<TokenHash>,
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

impl MemoryStore {
    /// No sessions yet; the oldest goes when one more than `max` comes.
    pub(super) fn new(max: usize) -> Self {
        Self { max, kept: Mutex::default() }
    }

    /// Keeps a session from now on for so many milliseconds.
    pub(super) fn put(
        &self,
        token: TokenHash,
        openid: &str,
        session_key: SessionKey,
        (now, life_ms): (At, i64),
    ) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forget_expired(now);
        while kept.tokens.len() >= self.max {
            kept.forget_oldest();
        }
        kept.add(token, openid, session_key, now.plus_ms(life_ms));
    }

    /// Whose token it is; `None`: nobody's, or expired.
    pub(super) fn get(&self, token: TokenHash, now: At) -> Option<Customer> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let session = kept.by_token.get(&token)?;
        if session.expires_at <= now {
            return None;
        }
        let login = kept.customers.get(&session.openid)?;
        let session_key = Arc::clone(&login.session_key);
        Some(Customer { openid: Arc::clone(&session.openid), session_key })
    }
}

impl Kept {
    fn add(&mut self, token: TokenHash, openid: &str, session_key: SessionKey, expires_at: At) {
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

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_000_000;
    const LIFE_MS: i64 = 1_000;

    fn put(store: &MemoryStore, openid: &str, token: u8, ms: i64) {
        let key = SessionKey::parse(&tally_wechat::profile::base64([token; 16])).unwrap();
        store.put([token; 32].into(), openid, key, (At::from_ms(START + ms), LIFE_MS));
    }

    fn is_good(store: &MemoryStore, token: u8, ms: i64) -> bool {
        store.get([token; 32].into(), At::from_ms(START + ms)).is_some()
    }

    #[test]
    fn a_session_ends_to_the_millisecond_and_is_forgotten() {
        let store = MemoryStore::new(10);
        put(&store, "alice", 1, 0);
        assert!(is_good(&store, 1, 999) && !is_good(&store, 1, 1_000));
        put(&store, "alice", 2, 1_000);
        assert!(is_good(&store, 2, 1_001));
        let kept = store.kept.lock().unwrap();
        assert_eq!((kept.tokens.len(), kept.by_token.len(), kept.customers.len()), (1, 1, 1));
    }

    #[test]
    fn the_oldest_goes_when_there_are_too_many() {
        let store = MemoryStore::new(2);
        for (token, openid) in [(1, "alice"), (2, "bob"), (3, "carol")] {
            put(&store, openid, token, i64::from(token));
        }
        assert!(!is_good(&store, 1, 3) && is_good(&store, 2, 3) && is_good(&store, 3, 3));
        assert_eq!(store.kept.lock().unwrap().customers.len(), 2);
    }
}
