//! `closeorder`: nobody can pay it any more. Not before the order is 5 minutes old.

use crate::answer::Verified;
use crate::errors::{Code, Doubt, Outcome};
use crate::fields::Fields;
use crate::unified_order::CONFIGURATION;

/// The order is closed at WeChat, by this call or before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// The order is not closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloseRefusal {
    /// It is paid: query it and book it.
    #[error("the order is paid: {0}")]
    Paid(Code),
    /// WeChat knows no such order: closed only after the order's own time is over.
    #[error("WeChat knows no such order: {0}")]
    NotFound(Code),
    /// Not now: too early, or a payment is under way. Query it.
    #[error("the order can't be closed now: {0}")]
    NotNow(Code),
    /// Our credentials or our request: an operator's matter.
    #[error("WeChat does not accept our account or request: {0}")]
    Configuration(Code),
}

pub(crate) fn request(out_trade_no: &str) -> Fields {
    Fields::new().with("out_trade_no", out_trade_no)
}

pub(crate) fn outcome(answer: Verified) -> Outcome<Closed, CloseRefusal> {
    let code = match answer {
        Ok(_) => return Outcome::Done(Closed),
        Err(code) => code,
    };
    Outcome::Refused(match code.code.as_str() {
        "ORDERCLOSED" => return Outcome::Done(Closed),
        "ORDERPAID" => CloseRefusal::Paid(code),
        "ORDERNOTEXIST" => CloseRefusal::NotFound(code),
        "TRADE_STATE_ERROR" => CloseRefusal::NotNow(code),
        name if CONFIGURATION.contains(&name) => CloseRefusal::Configuration(code),
        _ => return Outcome::Unknown(Doubt::Code(code)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_closed_is_closed() {
        let answer = |name: &str| outcome(Err(Code::new(name, "")));
        let code = |name: &str| Code::new(name, "");
        assert_eq!(outcome(Ok(Fields::new())), Outcome::Done(Closed));
        assert_eq!(answer("ORDERCLOSED"), Outcome::Done(Closed));
        for (name, refusal) in [
            ("ORDERPAID", CloseRefusal::Paid(code("ORDERPAID"))),
            ("ORDERNOTEXIST", CloseRefusal::NotFound(code("ORDERNOTEXIST"))),
            ("TRADE_STATE_ERROR", CloseRefusal::NotNow(code("TRADE_STATE_ERROR"))),
            ("SIGNERROR", CloseRefusal::Configuration(code("SIGNERROR"))),
        ] {
            assert_eq!(answer(name), Outcome::Refused(refusal));
        }
        for name in ["SYSTEMERROR", "NEW_IN_2031"] {
            assert_eq!(answer(name), Outcome::Unknown(Doubt::Code(code(name))));
        }
    }
}
