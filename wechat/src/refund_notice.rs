//! The refund notice: encrypted, not signed, in a mode without integrity. It is a hint, to be confirmed by a query.

use md5::{Digest, Md5};

use crate::answer::{fen, fen_if_there, text};
use crate::cipher::{from_base64, open_ecb};
use crate::errors::Doubt;
use crate::fields::Fields;
use crate::secret::Secret;
use crate::sign::{Keys, lower_hex};
use crate::time::from_dashed;
use crate::xml::{self, XmlFault};

/// Why a refund notice is no hint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RefundNoticeFault {
    /// The outer document is none of WeChat's.
    #[error("the refund notice is no document: {0}")]
    Xml(#[from] XmlFault),
    /// Under another key, cut off, or tampered with.
    #[error("the refund notice does not decrypt under our key")]
    Undecryptable,
    /// It lacks what it must have.
    #[error("the refund notice is unclear: {0}")]
    Unclear(Doubt),
}

/// How a refund ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundEnd {
    /// The money is back.
    Success,
    /// The card is gone: the money is back in the merchant's account, and a person must see to it.
    Change,
    /// Closed; nothing was paid back.
    Closed,
}

/// What a refund notice hints at. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundHint {
    /// The mini-program it is for.
    pub app_id: String,
    /// The WeChat merchant number it is for.
    pub mch_id: String,
    /// The payment's number.
    pub transaction_id: String,
    /// The order's number.
    pub out_trade_no: String,
    /// WeChat's number of the refund.
    pub refund_id: String,
    /// Our number of the refund; not ours when it was made by hand.
    pub out_refund_no: String,
    /// The order's amount.
    pub total_fee: u64,
    /// What the customer gets.
    pub refund_fee: u64,
    /// What the merchant gives, where it is named.
    pub settlement_refund_fee: Option<u64>,
    /// How it ended.
    pub end: RefundEnd,
    /// When, in milliseconds since 1970, for a success.
    pub success_at_ms: Option<i64>,
    /// Made by a person in WeChat's merchant platform.
    pub by_hand: bool,
}

impl RefundHint {
    /// Decrypts and reads a refund notice.
    ///
    /// # Errors
    ///
    /// [`RefundNoticeFault`]: then it hints at nothing.
    pub fn read(body: &[u8], keys: &Keys) -> Result<Self, RefundNoticeFault> {
        let outer = xml::parse(body)?;
        let sealed = text(&outer, "req_info").map_err(RefundNoticeFault::Unclear)?;
        let sealed = from_base64(&sealed).map_err(|_| RefundNoticeFault::Undecryptable)?;
        let inner = std::iter::once(&keys.current)
            .chain(&keys.old)
            .find_map(|key| open(sealed.clone(), key))
            .ok_or(RefundNoticeFault::Undecryptable)?;
        hint(&outer, &inner).map_err(RefundNoticeFault::Unclear)
    }
}

/// The key is the lower-case hex of the API key's MD5, as 32 bytes of text.
fn open(sealed: Vec<u8>, key: &Secret) -> Option<Fields> {
    let digest = lower_hex(&Md5::digest(key.expose().as_bytes()));
    let key = digest.into_bytes().try_into().expect("MD5 is 32 digits of hex");
    xml::parse_rooted(&open_ecb(key, sealed).ok()?, "root").ok()
}

fn hint(outer: &Fields, inner: &Fields) -> Result<RefundHint, Doubt> {
    let end = match inner.filled("refund_status") {
        Some("SUCCESS") => RefundEnd::Success,
        Some("CHANGE") => RefundEnd::Change,
        Some("REFUNDCLOSE") => RefundEnd::Closed,
        Some(_) | None => return Err(Doubt::Field("refund_status")),
    };
    Ok(RefundHint {
        app_id: text(outer, "appid")?,
        mch_id: text(outer, "mch_id")?,
        transaction_id: text(inner, "transaction_id")?,
        out_trade_no: text(inner, "out_trade_no")?,
        refund_id: text(inner, "refund_id")?,
        out_refund_no: text(inner, "out_refund_no")?,
        total_fee: fen(inner, "total_fee")?,
        refund_fee: fen(inner, "refund_fee")?,
        settlement_refund_fee: fen_if_there(inner, "settlement_refund_fee")?,
        end,
        success_at_ms: inner.filled("success_time").and_then(from_dashed),
        by_hand: inner.get("refund_request_source") == Some("VENDOR_PLATFORM"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cipher::to_base64;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300), inner in ".{0,120}") {
            let keys = Keys { current: Secret::new("k"), old: Some(Secret::new("o")) };
            let _ = RefundHint::read(&body, &keys);
            for sealed in [to_base64(&body), inner] {
                let outer = xml::write(&Fields::new().with("req_info", sealed));
                let _ = RefundHint::read(outer.as_bytes(), &keys);
            }
        }
    }
}
