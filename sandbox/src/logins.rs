//! Login codes: good once, for five minutes. Kept in memory only; after a restart every code is invalid, as an expired one is.

use std::collections::HashMap;

use tally_wechat::login::SessionKey;
use tally_wechat::profile::base64;

use crate::ids;
use crate::limits::{CODE_LIFE_MS, LOGINS_MAX};

#[derive(Debug)]
struct Login {
    openid: String,
    session_key: SessionKey,
    made_at_ms: i64,
    used: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Logins(HashMap<String, Login>);

/// Why a code gives no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CodeFault {
    Invalid,
    Used,
}

impl Logins {
    /// A code for a customer, and the session_key that it will give.
    pub(crate) fn make(&mut self, openid: &str, now_ms: i64) -> (String, SessionKey) {
        if self.0.len() >= LOGINS_MAX {
            self.0.retain(|_, login| now_ms - login.made_at_ms < CODE_LIFE_MS);
        }
        let (code, text) = (ids::code(), base64(ids::block()));
        let session_key = SessionKey::parse(&text).expect("just made of 16 bytes");
        let login = Login {
            openid: openid.to_owned(),
            session_key: session_key.clone(),
            made_at_ms: now_ms,
            used: false,
        };
        self.0.insert(code.clone(), login);
        (code, session_key)
    }

    /// Uses a code up.
    pub(crate) fn redeem(
        &mut self,
        code: &str,
        now_ms: i64,
    ) -> Result<(String, SessionKey), CodeFault> {
        let login = self.0.get_mut(code).ok_or(CodeFault::Invalid)?;
        if login.used {
            return Err(CodeFault::Used);
        }
        if now_ms - login.made_at_ms >= CODE_LIFE_MS {
            return Err(CodeFault::Invalid);
        }
        login.used = true;
        Ok((login.openid.clone(), login.session_key.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_once_and_for_five_minutes() {
        let mut logins = Logins::default();
        let (code, session_key) = logins.make("o1", 0);
        assert_eq!(logins.redeem(&code, 1), Ok(("o1".into(), session_key)));
        assert_eq!(logins.redeem(&code, 2), Err(CodeFault::Used));
        assert_eq!(logins.redeem("another", 2), Err(CodeFault::Invalid));
        let (late, _) = logins.make("o1", 0);
        assert_eq!(logins.redeem(&late, CODE_LIFE_MS), Err(CodeFault::Invalid));
    }
}
