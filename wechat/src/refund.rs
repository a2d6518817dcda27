//! `refund`: asks WeChat to give a customer money back. Taken is not done: `refundquery` or the notice tells that.

use serde::{Deserialize, Serialize};

use crate::answer::{Verified, fen, fen_if_there, same, text};
use crate::errors::{Code, Doubt, FieldFault, Outcome};
use crate::fields::Fields;
use crate::limits::{NOTIFY_URL_BYTES_MAX, OUT_REFUND_NO_BYTES_MAX, REFUND_DESC_BYTES_MAX};
use crate::sign::SignType;

/// What a refund says.
#[derive(Debug, Clone, Copy)]
pub struct NewRefund<'a> {
    /// WeChat's number of the payment: an order that was paid twice has two.
    pub transaction_id: &'a str,
    /// The refund's number, which never changes: under it WeChat pays back once, under another one again.
    pub out_refund_no: &'a str,
    /// The order's whole amount in fen, whatever was refunded of it before.
    pub total_fee: u64,
    /// What is to go back, in fen.
    pub refund_fee: u64,
    /// What the customer sees.
    pub desc: Option<&'a str>,
    /// Where the refund notice goes.
    pub notify_url: &'a str,
    /// The algorithm of the request.
    pub sign_type: SignType,
}

/// The request for a refund. It is kept (as a JSON object) and sent again as it was: WeChat refuses a repeat that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Refund(Fields);

impl Refund {
    /// The request for a new refund. Control characters in `desc` are dropped.
    ///
    /// # Errors
    ///
    /// [`FieldFault`] for what WeChat would not take.
    pub fn new(refund: NewRefund<'_>) -> Result<Self, FieldFault> {
        let desc: Option<String> =
            refund.desc.map(|desc| desc.chars().filter(|c| !c.is_control()).collect());
        check(&refund, desc.as_deref())?;
        let mut fields = Fields::new()
            .with("sign_type", refund.sign_type.as_str())
            .with("transaction_id", refund.transaction_id)
            .with("out_refund_no", refund.out_refund_no)
            .with("total_fee", refund.total_fee.to_string())
            .with("refund_fee", refund.refund_fee.to_string())
            .with("notify_url", refund.notify_url);
        if let Some(desc) = desc {
            fields.set("refund_desc", desc);
        }
        Ok(Self(fields))
    }

    /// The fields that are sent beside appid, mch_id, nonce_str and sign.
    pub fn fields(&self) -> &Fields {
        &self.0
    }

    /// The algorithm that the refund was first sent with.
    pub fn sign_type(&self) -> SignType {
        self.0.get("sign_type").and_then(|name| name.parse().ok()).unwrap_or_default()
    }
}

fn check(refund: &NewRefund<'_>, desc: Option<&str>) -> Result<(), FieldFault> {
    let fault = |field, wanted| Err(FieldFault { field, wanted });
    let payment = refund.transaction_id;
    if payment.is_empty()
        || payment.len() > 32
        || !payment.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        return fault("transaction_id", "must be 1 to 32 letters and digits");
    }
    let number = refund.out_refund_no;
    if number.is_empty()
        || number.len() > OUT_REFUND_NO_BYTES_MAX
        || !number.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    {
        return fault("out_refund_no", "must be 1 to 64 letters, digits, dashes or underlines");
    }
    if refund.refund_fee == 0 || refund.refund_fee > refund.total_fee {
        return fault("refund_fee", "must be at least 1 fen and at most the order's total_fee");
    }
    if desc.is_some_and(|desc| desc.is_empty() || desc.len() > REFUND_DESC_BYTES_MAX) {
        return fault("refund_desc", "must be 1 to 80 bytes of UTF-8");
    }
    let url = refund.notify_url;
    if url.is_empty() || url.len() > NOTIFY_URL_BYTES_MAX || url.contains(['?', '#', ' ']) {
        return fault("notify_url", "must be a URL of at most 256 bytes, without a query");
    }
    Ok(())
}

/// WeChat took the refund. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundTaken {
    /// WeChat's number of the refund.
    pub refund_id: String,
    /// The order's number.
    pub out_trade_no: String,
    /// What the merchant gives, where coupons make it less than what was asked for.
    pub settlement_refund_fee: Option<u64>,
    /// The part that goes back as money.
    pub cash_refund_fee: Option<u64>,
    /// The part that goes back as coupons.
    pub coupon_refund_fee: Option<u64>,
}

/// This call refunded nothing. An earlier call under the number may have: only its query tells.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundRefusal {
    /// The merchant's refundable balance is too low: it stays open until money has come in, then the same number again.
    #[error("WeChat's merchant account has too little money for the refund, top it up: {0}")]
    NoMoney(Code),
    /// Later, with the same number and fields.
    #[error("WeChat will not refund it now: {0}")]
    Later(Code),
    /// Never by this way.
    #[error("WeChat will never refund it, pay it back by other means: {0}")]
    Final(Code),
    /// A person must do something first.
    #[error("WeChat will not refund it, a person must look at it: {0}")]
    Person(Code),
    /// Nothing was sent.
    #[error("no client certificate is set: set TALLY_WECHAT_CERT and TALLY_WECHAT_CERT_KEY")]
    CertificateMissing,
}

/// What to do after a code of the refund call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Outcome unknown: query by number, and send again only under the same number.
    Ask,
    /// Not taken for want of money: the same number when there is some.
    NoMoney,
    /// Not taken: the same number later.
    Later,
    /// Not taken, and never will be.
    Final,
    /// Not taken, and it will not be before a person did something.
    Person,
}

/// "page": the list of error codes on the page of `refund`, V2 (`secapi/pay/refund`), as of 2025. A code that is not here
/// is an unknown outcome: the page says that new ones may come.
const CODES: &[(&str, Then)] = &[
    ("SYSTEMERROR", Then::Ask), // page: a time-out of WeChat's; same number, same fields
    ("REFUND_FEE_MISMATCH", Then::Ask), // page: other amounts than the first call's, which may have been taken
    ("NOTENOUGH", Then::NoMoney),       // page: not accepted; top up, same number
    ("BIZERR_NEED_RETRY", Then::Later), // page: refused for concurrency, repeating mends it
    ("FREQUENCY_LIMITED", Then::Later), // page: an old order, or less than a minute apart; not accepted
    ("INVALID_REQ_TOO_MUCH", Then::Later), // page: too many bad requests, wait a minute
    ("ORDER_NOT_READY", Then::Later),   // page: the order is still at work
    ("TRADE_OVERDUE", Then::Final),     // page: paid more than a year ago
    ("USER_ACCOUNT_ABNORMAL", Then::Final), // page: the payer's account is closed
    ("ERROR", Then::Person),            // page: a refusal of business, only its text says which
    ("ORDERNOTEXIST", Then::Person),    // page: no such order, or unpaid, which our books deny
    ("INVALID_TRANSACTIONID", Then::Person), // page
    ("PARAM_ERROR", Then::Person),      // page
    ("CERT_ERROR", Then::Person),       // page: certificate
    ("APPID_NOT_EXIST", Then::Person),  // page
    ("MCHID_NOT_EXIST", Then::Person),  // page
    ("APPID_MCHID_NOT_MATCH", Then::Person), // page
    ("SIGNERROR", Then::Person),        // page
    ("XML_FORMAT_ERROR", Then::Person), // page
    ("REQUIRE_POST_METHOD", Then::Person), // page
];

pub(crate) fn outcome(answer: Verified, request: &Refund) -> Outcome<RefundTaken, RefundRefusal> {
    let code = match answer {
        Ok(fields) => {
            return match taken(&fields, request) {
                Ok(taken) => Outcome::Done(taken),
                Err(doubt) => Outcome::Unknown(doubt),
            };
        }
        Err(code) => code,
    };
    let row = CODES.iter().find(|(name, _)| *name == code.code.as_str());
    Outcome::Refused(match row.map_or(Then::Ask, |(_, then)| *then) {
        Then::Ask => return Outcome::Unknown(Doubt::Code(code)),
        Then::NoMoney => RefundRefusal::NoMoney(code),
        Then::Later => RefundRefusal::Later(code),
        Then::Final => RefundRefusal::Final(code),
        Then::Person => RefundRefusal::Person(code),
    })
}

/// The answer must be about this refund, and about all of its amount.
fn taken(fields: &Fields, request: &Refund) -> Result<RefundTaken, Doubt> {
    let ours = |name| request.0.get(name).unwrap_or_default();
    for name in ["out_refund_no", "transaction_id"] {
        same(fields, name, ours(name))?;
    }
    for name in ["refund_fee", "total_fee"] {
        if fen(fields, name)?.to_string() != ours(name) {
            return Err(Doubt::Foreign(name));
        }
    }
    Ok(RefundTaken {
        refund_id: text(fields, "refund_id")?,
        out_trade_no: text(fields, "out_trade_no")?,
        settlement_refund_fee: fen_if_there(fields, "settlement_refund_fee")?,
        cash_refund_fee: fen_if_there(fields, "cash_refund_fee")?,
        coupon_refund_fee: fen_if_there(fields, "coupon_refund_fee")?,
    })
}

#[cfg(test)]
#[path = "refund_tests.rs"]
mod tests;
