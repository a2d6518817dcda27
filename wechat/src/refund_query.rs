//! `refundquery`: how refunds stand at WeChat, one by its number, or all of a payment, ten at a time.

use crate::answer::{Verified, fen, fen_if_there, same, text, whole};
use crate::errors::{Code, Doubt, Outcome};
use crate::fields::Fields;
use crate::limits::{COUPONS_OF_REFUND_MAX, REFUNDS_OF_ORDER_MAX, REFUNDS_TOLD_MAX};
use crate::time::from_dashed;
use crate::unified_order::CONFIGURATION;

/// How a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundState {
    /// The money is back.
    Success,
    /// Closed for good; nothing was paid back. Another refund needs another number.
    Closed,
    /// Under way.
    Processing,
    /// The customer's card is gone: the money is in the merchant's account again, and a person must see to it.
    /// Neither done nor failed.
    Change,
}

/// A coupon that goes back with a refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundedCoupon {
    /// Its number.
    pub id: String,
    /// CASH or NO_CASH; WeChat leaves it out at times.
    pub kind: Option<String>,
    /// In fen.
    pub fee: u64,
}

/// A refund as WeChat tells it. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundFound {
    /// Our number; not ours when a person made it in WeChat's merchant platform.
    pub out_refund_no: String,
    /// WeChat's number.
    pub refund_id: String,
    /// WeChat's number of the payment.
    pub transaction_id: String,
    /// What the customer gets.
    pub refund_fee: u64,
    /// What the merchant gives, where coupons make it less.
    pub settlement_refund_fee: Option<u64>,
    /// The part that goes back as coupons.
    pub coupon_refund_fee: Option<u64>,
    /// These coupons.
    pub coupons: Vec<RefundedCoupon>,
    /// How it stands.
    pub state: RefundState,
    /// ORIGINAL, BALANCE, OTHER_BALANCE or OTHER_BANKCARD.
    pub channel: Option<String>,
    /// Where the merchant's money comes from.
    pub account: Option<String>,
    /// Where the customer's money goes, in words.
    pub received_by: Option<String>,
    /// When the money was back, in milliseconds since 1970, where WeChat says it.
    pub success_at_ms: Option<i64>,
}

/// Refunds of one payment: a part of them, or all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundsTold {
    /// WeChat's number of the payment.
    pub transaction_id: String,
    /// The order's number.
    pub out_trade_no: String,
    /// The order's amount, in fen.
    pub total_fee: u64,
    /// The refunds told here.
    pub refunds: Vec<RefundFound>,
    /// Where the next part begins; none: this was the last.
    pub next_offset: Option<u64>,
}

/// WeChat does not tell.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundQueryRefusal {
    /// WeChat knows no such refund. When a call may have been lost: repeat it with the same number.
    #[error("WeChat knows no such refund: {0}")]
    NotFound(Code),
    /// Our credentials or our request: an operator's matter.
    #[error("WeChat does not accept our account or request: {0}")]
    Configuration(Code),
}

pub(crate) fn request(out_refund_no: &str) -> Fields {
    Fields::new().with("out_refund_no", out_refund_no)
}

pub(crate) fn outcome(
    answer: Verified,
    out_refund_no: &str,
) -> Outcome<RefundFound, RefundQueryRefusal> {
    read(answer, |fields| {
        let mut refunds = refunds(fields)?;
        let ours = refunds.iter().position(|refund| refund.out_refund_no == out_refund_no);
        ours.map(|at| refunds.swap_remove(at)).ok_or(Doubt::Foreign("out_refund_no_0"))
    })
}

/// An offset, also of 0, makes WeChat tell how many there are.
pub(crate) fn order_request(transaction_id: &str, offset: u64) -> Fields {
    Fields::new().with("transaction_id", transaction_id).with("offset", offset.to_string())
}

pub(crate) fn order_outcome(
    answer: Verified,
    transaction_id: &str,
    offset: u64,
) -> Outcome<RefundsTold, RefundQueryRefusal> {
    read(answer, |fields| {
        same(fields, "transaction_id", transaction_id)?;
        let refunds = refunds(fields)?;
        let told = u64::try_from(refunds.len()).unwrap_or(u64::MAX);
        let end = offset.saturating_add(told);
        let more = match fen_if_there(fields, "total_refund_count")? {
            Some(total) => told > 0 && end < total,
            // Where it does not say, a full part may have a next one.
            None => told >= REFUNDS_TOLD_MAX,
        };
        Ok(RefundsTold {
            transaction_id: transaction_id.to_owned(),
            out_trade_no: text(fields, "out_trade_no")?,
            total_fee: fen(fields, "total_fee")?,
            refunds,
            next_offset: more.then_some(end),
        })
    })
}

fn read<T>(
    answer: Verified,
    content: impl FnOnce(&Fields) -> Result<T, Doubt>,
) -> Outcome<T, RefundQueryRefusal> {
    let code = match answer {
        Ok(fields) => {
            return match content(&fields) {
                Ok(content) => Outcome::Done(content),
                Err(doubt) => Outcome::Unknown(doubt),
            };
        }
        Err(code) => code,
    };
    Outcome::Refused(match code.code.as_str() {
        "REFUNDNOTEXIST" => RefundQueryRefusal::NotFound(code),
        "INVALID_TRANSACTIONID" => RefundQueryRefusal::Configuration(code),
        name if CONFIGURATION.contains(&name) => RefundQueryRefusal::Configuration(code),
        _ => return Outcome::Unknown(Doubt::Code(code)),
    })
}

fn refunds(fields: &Fields) -> Result<Vec<RefundFound>, Doubt> {
    let count = fen(fields, "refund_count")?;
    let more = fields.filled(&format!("out_refund_no_{count}")).is_some();
    if count > REFUNDS_OF_ORDER_MAX || more {
        return Err(Doubt::Field("refund_count"));
    }
    (0..count).map(|n| refund(fields, n)).collect()
}

fn refund(fields: &Fields, n: u64) -> Result<RefundFound, Doubt> {
    let optional = |name: &str| fields.filled(&format!("{name}_{n}")).map(str::to_owned);
    let text = |name: &str, fault| optional(name).ok_or(Doubt::Field(fault));
    let transaction_id = crate::answer::text(fields, "transaction_id")?;
    let state = match optional("refund_status").as_deref() {
        Some("SUCCESS") => RefundState::Success,
        Some("REFUNDCLOSE") => RefundState::Closed,
        Some("PROCESSING") => RefundState::Processing,
        Some("CHANGE") => RefundState::Change,
        Some(_) | None => return Err(Doubt::Field("refund_status_n")),
    };
    Ok(RefundFound {
        out_refund_no: text("out_refund_no", "out_refund_no_n")?,
        refund_id: text("refund_id", "refund_id_n")?,
        transaction_id,
        refund_fee: amount(fields, &format!("refund_fee_{n}"))?
            .ok_or(Doubt::Field("refund_fee_n"))?,
        settlement_refund_fee: amount(fields, &format!("settlement_refund_fee_{n}"))?,
        coupon_refund_fee: amount(fields, &format!("coupon_refund_fee_{n}"))?,
        coupons: coupons(fields, n)?,
        state,
        channel: optional("refund_channel"),
        account: optional("refund_account"),
        // As WeChat spells it.
        received_by: optional("refund_recv_accout"),
        success_at_ms: optional("refund_success_time").as_deref().and_then(from_dashed),
    })
}

fn coupons(fields: &Fields, n: u64) -> Result<Vec<RefundedCoupon>, Doubt> {
    let count = amount(fields, &format!("coupon_refund_count_{n}"))?.unwrap_or(0);
    if count > COUPONS_OF_REFUND_MAX {
        return Err(Doubt::Field("coupon_refund_count_n"));
    }
    let coupon = |m: u64| {
        let optional = |name: &str| fields.filled(&format!("{name}_{n}_{m}")).map(str::to_owned);
        Ok(RefundedCoupon {
            id: optional("coupon_refund_id").ok_or(Doubt::Field("coupon_refund_id_n_m"))?,
            kind: optional("coupon_type"),
            fee: amount(fields, &format!("coupon_refund_fee_{n}_{m}"))?
                .ok_or(Doubt::Field("coupon_refund_fee_n_m"))?,
        })
    };
    (0..count).map(coupon).collect()
}

/// A numbered amount or count.
fn amount(fields: &Fields, name: &str) -> Result<Option<u64>, Doubt> {
    let digits = |text| whole(text).ok_or(Doubt::Field("amount or count of a refund"));
    fields.filled(name).map(digits).transpose()
}

#[cfg(test)]
#[path = "refund_query_tests.rs"]
mod tests;
