//! Login: `code2Session` turns the mini-program's one-time code into an openid and a session_key.

use std::fmt;

use serde::Deserialize;

use crate::cipher::{BLOCK, from_base64};
use crate::errors::{Code, Doubt, Outcome};
use crate::limits::{DOCUMENT_BYTES_MAX, OPENID_BYTES_MAX};

/// The key of a login, as base64 text. It opens and makes profiles, so it stays on the server; `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionKey {
    text: String,
    bytes: [u8; BLOCK],
}

impl SessionKey {
    /// Reads one; `None` unless it is the base64 of 16 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = from_base64(text).ok()?.try_into().ok()?;
        Some(Self { text: text.to_owned(), bytes })
    }

    /// As WeChat gave it, for a session store.
    pub fn expose(&self) -> &str {
        &self.text
    }

    pub(crate) fn bytes(&self) -> [u8; BLOCK] {
        self.bytes
    }
}

impl fmt::Debug for SessionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// Who logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The customer in this mini-program.
    pub openid: String,
    /// The customer in all apps of one owner, where the mini-program is bound to one.
    pub unionid: Option<String>,
    /// Opens the profile.
    pub session_key: SessionKey,
}

/// Why there is no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginRefusal {
    /// Wrong, expired, or of another mini-program: the page calls `wx.login` again.
    #[error("the login code is invalid: {0}")]
    CodeInvalid(Code),
    /// Used before, perhaps by a call of ours whose answer was lost: the page calls `wx.login` again.
    #[error("the login code was used before: {0}")]
    CodeUsed(Code),
    /// Over a hundred logins a minute for one customer, or over a quota.
    #[error("too many logins: {0}")]
    TooOften(Code),
    /// WeChat blocks this customer.
    #[error("WeChat blocks this login: {0}")]
    Blocked(Code),
    /// Our appid, our AppSecret, or our request: an operator's matter.
    #[error("WeChat does not accept our credentials, check app id and app secret: {0}")]
    Configuration(Code),
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    errcode: i64,
    #[serde(default)]
    errmsg: String,
    #[serde(default)]
    openid: String,
    #[serde(default)]
    session_key: String,
    #[serde(default)]
    unionid: String,
}

/// Reads the answer of `code2Session`.
pub fn read(body: &[u8]) -> Outcome<Session, LoginRefusal> {
    if body.len() > DOCUMENT_BYTES_MAX {
        return Outcome::Unknown(Doubt::TooLarge);
    }
    let Ok(answer) = serde_json::from_slice::<Answer>(body) else {
        return Outcome::Unknown(Doubt::Json);
    };
    if answer.errcode != 0 {
        return refuse(answer.errcode, &answer.errmsg);
    }
    match session(answer) {
        Ok(session) => Outcome::Done(session),
        Err(doubt) => Outcome::Unknown(doubt),
    }
}

fn session(answer: Answer) -> Result<Session, Doubt> {
    let printable = answer.openid.bytes().all(|b| b.is_ascii_graphic());
    if answer.openid.is_empty() || answer.openid.len() > OPENID_BYTES_MAX || !printable {
        return Err(Doubt::Field("openid"));
    }
    let session_key = SessionKey::parse(&answer.session_key).ok_or(Doubt::Field("session_key"))?;
    let unionid = Some(answer.unionid).filter(|id| !id.is_empty());
    Ok(Session { openid: answer.openid, unionid, session_key })
}

fn refuse(errcode: i64, errmsg: &str) -> Outcome<Session, LoginRefusal> {
    let code = Code::new(&errcode.to_string(), errmsg);
    Outcome::Refused(match errcode {
        40029 => LoginRefusal::CodeInvalid(code),
        40163 => LoginRefusal::CodeUsed(code),
        45011 | 45009 | 50002 => LoginRefusal::TooOften(code),
        40226 => LoginRefusal::Blocked(code),
        40013 | 40125 | 41002 | 41004 | 41008 | 40002 => LoginRefusal::Configuration(code),
        // -1 (busy) and what is not known: the code may be used up or not.
        _ => return Outcome::Unknown(Doubt::Code(code)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn refusal(errcode: i64) -> Outcome<Session, LoginRefusal> {
        read(format!(r#"{{"errcode":{errcode},"errmsg":"m, rid: 1"}}"#).as_bytes())
    }

    #[test]
    fn a_session_is_read_with_and_without_errcode() {
        for extra in ["", r#","errcode":0,"errmsg":"ok""#, r#","unionid":"","expires_in":7200"#] {
            let body =
                format!(r#"{{"openid":"oUpF8","session_key":"tiihtNczf5v6AKRyjwEUhQ=="{extra}}}"#);
            let Outcome::Done(session) = read(body.as_bytes()) else { panic!("{body}") };
            assert_eq!((session.openid.as_str(), session.unionid.as_deref()), ("oUpF8", None));
            assert!(!format!("{session:?}").contains("tiiht"));
        }
    }

    #[test]
    fn each_errcode_has_its_meaning() {
        let code = |n: i64| Code::new(&n.to_string(), "m, rid: 1");
        assert_eq!(refusal(40029), Outcome::Refused(LoginRefusal::CodeInvalid(code(40029))));
        assert_eq!(refusal(40163), Outcome::Refused(LoginRefusal::CodeUsed(code(40163))));
        assert_eq!(refusal(40226), Outcome::Refused(LoginRefusal::Blocked(code(40226))));
        for n in [45011, 45009, 50002] {
            assert_eq!(refusal(n), Outcome::Refused(LoginRefusal::TooOften(code(n))));
        }
        for n in [40013, 40125, 41002, 41004, 41008, 40002] {
            assert_eq!(refusal(n), Outcome::Refused(LoginRefusal::Configuration(code(n))));
        }
        for n in [-1, 12345] {
            assert_eq!(refusal(n), Outcome::Unknown(Doubt::Code(code(n))));
        }
    }

    #[test]
    fn an_answer_that_lacks_a_part_is_no_session() {
        for (body, doubt) in [
            ("{}", Doubt::Field("openid")),
            (r#"{"openid":"o","session_key":"short"}"#, Doubt::Field("session_key")),
            (
                r#"{"openid":"a b","session_key":"tiihtNczf5v6AKRyjwEUhQ=="}"#,
                Doubt::Field("openid"),
            ),
            (r#"{"openid":7}"#, Doubt::Json),
            ("<html>", Doubt::Json),
            ("", Doubt::Json),
        ] {
            assert_eq!(read(body.as_bytes()), Outcome::Unknown(doubt), "{body}");
        }
    }

    #[test]
    fn a_field_that_comes_twice_makes_no_session() {
        let whole =
            r#""openid":"o","session_key":"tiihtNczf5v6AKRyjwEUhQ==","errcode":0,"unionid":"u""#;
        assert!(matches!(read(format!("{{{whole}}}").as_bytes()), Outcome::Done(_)));
        for twice in whole.split(',') {
            let body = format!("{{{whole},{twice}}}");
            assert_eq!(read(body.as_bytes()), Outcome::Unknown(Doubt::Json), "{body}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&body);
        }

        /// A session has an openid that fits and a key of 16 bytes, and nothing in the answer spoke against it.
        #[test]
        fn only_a_whole_answer_is_a_session(errcode in prop_oneof![Just(0), any::<i64>()], openid in prop_oneof!["[!-~]{1,40}", ".*"], session_key in prop_oneof!["[A-Za-z0-9+/]{21}[AQgw]==", ".*"], cut in any::<prop::sample::Index>()) {
            let body = serde_json::json!({"errcode": errcode, "openid": openid, "session_key": session_key}).to_string();
            let whole = errcode == 0
                && (1..=OPENID_BYTES_MAX).contains(&openid.len())
                && openid.bytes().all(|byte| byte.is_ascii_graphic())
                && SessionKey::parse(&session_key).is_some();
            match read(body.as_bytes()) {
                Outcome::Done(session) => {
                    prop_assert!(whole, "{}", body);
                    prop_assert_eq!((session.openid, session.session_key.expose()), (openid, session_key.as_str()));
                }
                Outcome::Refused(_) | Outcome::Unknown(_) => prop_assert!(!whole, "{}", body),
            }
            let cut_off = &body.as_bytes()[..cut.index(body.len())];
            prop_assert_eq!(read(cut_off), Outcome::Unknown(Doubt::Json));
        }
    }
}
