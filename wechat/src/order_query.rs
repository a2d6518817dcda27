//! `orderquery`: how an order stands at WeChat. A success of the query says nothing about the order; `trade_state` does.

use crate::answer::{Verified, same};
use crate::errors::{Code, Doubt, Outcome};
use crate::fields::Fields;
use crate::payment::Payment;
use crate::unified_order::CONFIGURATION;

/// How an order stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderState {
    /// Paid.
    Paid(Payment),
    /// Paid, and at least one refund was begun, perhaps of a part only. For the books it is paid.
    PaidAndRefunded(Payment),
    /// Not paid yet.
    NotPaid,
    /// The customer is paying, or WeChat is at it (USERPAYING, ACCEPT).
    Paying,
    /// A try to pay it failed; it may still be paid.
    PayError,
    /// Closed for good.
    Closed,
    /// Taken back by the merchant (codes at a till only), for good.
    Revoked,
}

/// WeChat does not tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryRefusal {
    /// WeChat knows no such order: for good only when the order surely never reached it.
    #[error("WeChat knows no such order: {0}")]
    NotFound(Code),
    /// Our credentials or our request: an operator's matter.
    #[error("WeChat does not accept our account or request: {0}")]
    Configuration(Code),
}

pub(crate) fn request(out_trade_no: &str) -> Fields {
    Fields::new().with("out_trade_no", out_trade_no)
}

pub(crate) fn outcome(answer: Verified, out_trade_no: &str) -> Outcome<OrderState, QueryRefusal> {
    let code = match answer {
        Ok(fields) => {
            return match state(&fields, out_trade_no) {
                Ok(state) => Outcome::Done(state),
                Err(doubt) => Outcome::Unknown(doubt),
            };
        }
        Err(code) => code,
    };
    Outcome::Refused(match code.code.as_str() {
        "ORDERNOTEXIST" => QueryRefusal::NotFound(code),
        "INVALID_TRANSACTIONID" => QueryRefusal::Configuration(code),
        name if CONFIGURATION.contains(&name) => QueryRefusal::Configuration(code),
        _ => return Outcome::Unknown(Doubt::Code(code)),
    })
}

fn state(fields: &Fields, out_trade_no: &str) -> Result<OrderState, Doubt> {
    same(fields, "out_trade_no", out_trade_no)?;
    match fields.filled("trade_state") {
        Some("SUCCESS") => Payment::read(fields).map(OrderState::Paid),
        Some("REFUND") => Payment::read(fields).map(OrderState::PaidAndRefunded),
        Some("NOTPAY") => Ok(OrderState::NotPaid),
        Some("USERPAYING" | "ACCEPT") => Ok(OrderState::Paying),
        Some("PAYERROR" | "NOPAY") => Ok(OrderState::PayError),
        Some("CLOSED") => Ok(OrderState::Closed),
        Some("REVOKED") => Ok(OrderState::Revoked),
        Some(_) | None => Err(Doubt::Field("trade_state")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(state: &str) -> Fields {
        Fields::new().with("out_trade_no", "m1-A0001").with("trade_state", state)
    }

    fn paid(state: &str) -> Fields {
        answer(state)
            .with("transaction_id", "42")
            .with("total_fee", "1280")
            .with("settlement_total_fee", "1180")
            .with("time_end", "20240229180135")
    }

    #[test]
    fn an_order_is_paid_also_when_a_part_was_refunded() {
        let Outcome::Done(OrderState::Paid(payment)) = outcome(Ok(paid("SUCCESS")), "m1-A0001")
        else {
            panic!("paid")
        };
        assert_eq!((payment.total_fee, payment.booked_fee(), payment.is_cny()), (1280, 1180, true));
        assert_eq!(
            outcome(Ok(paid("REFUND")), "m1-A0001"),
            Outcome::Done(OrderState::PaidAndRefunded(payment))
        );
    }

    #[test]
    fn each_state_has_its_meaning_and_a_new_one_is_doubt() {
        for (name, state) in [
            ("NOTPAY", OrderState::NotPaid),
            ("USERPAYING", OrderState::Paying),
            ("ACCEPT", OrderState::Paying),
            ("PAYERROR", OrderState::PayError),
            ("CLOSED", OrderState::Closed),
            ("REVOKED", OrderState::Revoked),
        ] {
            assert_eq!(outcome(Ok(answer(name)), "m1-A0001"), Outcome::Done(state));
        }
        for (fields, doubt) in [
            (answer("NEW_IN_2031"), Doubt::Field("trade_state")),
            (answer("NOTPAY").with("out_trade_no", "m1-A0002"), Doubt::Foreign("out_trade_no")),
            (answer("SUCCESS"), Doubt::Field("transaction_id")),
            (paid("SUCCESS").with("time_end", "20240229"), Doubt::Field("time_end")),
        ] {
            assert_eq!(outcome(Ok(fields), "m1-A0001"), Outcome::Unknown(doubt));
        }
    }

    #[test]
    fn an_order_that_wechat_does_not_know_is_not_an_order_that_is_not_paid() {
        let code = Code::new("ORDERNOTEXIST", "");
        assert_eq!(
            outcome(Err(code.clone()), "m1-A0001"),
            Outcome::Refused(QueryRefusal::NotFound(code))
        );
        let busy = Code::new("SYSTEMERROR", "");
        assert_eq!(outcome(Err(busy.clone()), "m1-A0001"), Outcome::Unknown(Doubt::Code(busy)));
    }
}
