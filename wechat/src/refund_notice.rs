//! The refund notice: encrypted, not signed, in a mode without integrity. It is a hint, to be confirmed by a query.

use md5::{Digest, Md5};

use crate::answer::{fen, fen_if_there, text};
use crate::cipher::{from_base64, open_ecb, seal_ecb, to_base64};
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
    /// The part that goes back as money, where it is named.
    pub cash_refund_fee: Option<u64>,
    /// Where the customer's money goes, in words.
    pub received_by: Option<String>,
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

/// Encrypts the inner fields of a refund notice as WeChat does: what the other side of the protocol needs. Answers `req_info`.
pub fn seal(inner: &Fields, key: &Secret) -> String {
    to_base64(&seal_ecb(cipher_key(key), xml::write_rooted(inner, "root").as_bytes()))
}

fn open(sealed: Vec<u8>, key: &Secret) -> Option<Fields> {
    xml::parse_rooted(&open_ecb(cipher_key(key), sealed).ok()?, "root").ok()
}

/// The lower-case hex of the API key's MD5, as 32 bytes of text.
fn cipher_key(key: &Secret) -> [u8; 32] {
    let digest = lower_hex(&Md5::digest(key.expose().as_bytes()));
    digest.into_bytes().try_into().expect("MD5 is 32 digits of hex")
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
        cash_refund_fee: fen_if_there(inner, "cash_refund_fee")?,
        // As WeChat spells it.
        received_by: inner.filled("refund_recv_accout").map(str::to_owned),
        end,
        success_at_ms: inner.filled("success_time").and_then(from_dashed),
        by_hand: inner.get("refund_request_source") == Some("VENDOR_PLATFORM"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn keys() -> Keys {
        Keys { current: Secret::new("k"), old: Some(Secret::new("o")) }
    }

    fn inner(total_fee: u64, refund_fee: u64) -> Fields {
        let (total, refund) = (total_fee.to_string(), refund_fee.to_string());
        [
            ("transaction_id", "42"),
            ("out_trade_no", "m1-A0001"),
            ("refund_id", "50"),
            ("out_refund_no", "m1-R0001"),
            ("total_fee", total.as_str()),
            ("refund_fee", refund.as_str()),
            ("refund_status", "SUCCESS"),
            ("success_time", "2024-02-29 18:01:35"),
        ]
        .into_iter()
        .collect()
    }

    fn sealed(inner: &Fields, key: &str) -> Vec<u8> {
        from_base64(&seal(inner, &Secret::new(key))).unwrap()
    }

    fn read(sealed: &[u8]) -> Result<RefundHint, RefundNoticeFault> {
        let outer = Fields::new().with("appid", "wx1").with("mch_id", "19");
        let outer = outer.with("req_info", to_base64(sealed));
        RefundHint::read(xml::write(&outer).as_bytes(), &keys())
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300), text in ".{0,120}") {
            let _ = RefundHint::read(&body, &keys());
            let _ = read(&body);
            let outer = xml::write(&Fields::new().with("req_info", text));
            let _ = RefundHint::read(outer.as_bytes(), &keys());
            let _ = read(&seal_ecb(cipher_key(&keys().current), &body));
        }

        #[test]
        fn a_refund_is_told_as_it_was_sealed_and_under_our_keys_only(total in any::<u32>(), refund in any::<u32>(), other in "[a-z0-9]{2,32}") {
            let (total, refund) = (u64::from(total), u64::from(refund));
            for key in ["k", "o"] {
                let hint = read(&sealed(&inner(total, refund), key)).unwrap();
                prop_assert_eq!((hint.total_fee, hint.refund_fee, hint.end), (total, refund, RefundEnd::Success));
                prop_assert_eq!((hint.app_id.as_str(), hint.out_refund_no.as_str()), ("wx1", "m1-R0001"));
            }
            prop_assert_eq!(read(&sealed(&inner(total, refund), &other)), Err(RefundNoticeFault::Undecryptable));
        }

        /// The cipher has no integrity, but a block that was touched comes out as noise, and the document around it breaks.
        #[test]
        fn a_seal_that_is_cut_off_or_touched_tells_nothing_else(at in any::<prop::sample::Index>(), change in 1..=255_u8) {
            let good = sealed(&inner(1_280, 640), "k");
            let at = at.index(good.len());
            prop_assert!(read(&good[..at]).is_err());
            let mut touched = good.clone();
            touched[at] ^= change;
            if let Ok(hint) = read(&touched) {
                prop_assert_eq!(Ok(hint), read(&good));
            }
        }
    }
}
