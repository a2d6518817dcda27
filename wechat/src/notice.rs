//! The payment notice: WeChat's call to us. Anyone can send one, so nothing in it is read before its signature is checked.

use crate::answer::{Account, text};
use crate::errors::{Code, Doubt};
use crate::fields::Fields;
use crate::payment::Payment;
use crate::sign::{Keys, SignFault, SignType, Signed, verify};
use crate::xml::{self, XmlFault};

/// The answer that ends WeChat's repeats.
pub const SUCCESS: &str = "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";

/// The answer that makes WeChat repeat the notice; `reason` is for WeChat's logs.
pub fn failure(reason: &str) -> String {
    xml::write(&Fields::new().with("return_code", "FAIL").with("return_msg", reason))
}

/// Whether an answer to a notice ends its repeats.
pub fn ends_repeats(answer: &[u8]) -> bool {
    xml::parse(answer).is_ok_and(|fields| fields.get("return_code") == Some("SUCCESS"))
}

/// Why a notice changes nothing and is answered FAIL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoticeFault {
    /// Not one of WeChat's documents.
    #[error("the notice is no document: {0}")]
    Xml(#[from] XmlFault),
    /// `return_code` is not SUCCESS.
    #[error("the notice's return_code is not SUCCESS")]
    ReturnCode,
    /// Forged, altered, or under another key or algorithm.
    #[error("the notice can't be trusted: {0}")]
    Sign(#[from] SignFault),
    /// Signed, but it lacks what a notice must have.
    #[error("the notice is unclear: {0}")]
    Unclear(Doubt),
}

/// What a notice tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The order is paid.
    Paid(Payment),
    /// A try to pay failed. It must not fail the order: query it instead.
    Failed(Code),
}

/// A notice whose signature was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentNotice {
    /// The mini-program it is for.
    pub app_id: String,
    /// The WeChat merchant number it is for.
    pub mch_id: String,
    /// The order's number.
    pub out_trade_no: String,
    /// What it tells.
    pub told: Told,
}

impl PaymentNotice {
    /// Checks shape and signature, and reads what is told.
    ///
    /// # Errors
    ///
    /// [`NoticeFault`]: then nothing in the notice may be believed.
    pub fn read(body: &[u8], sign_type: SignType, keys: &Keys) -> Result<Self, NoticeFault> {
        let fields = xml::parse(body)?;
        if fields.get("return_code") != Some("SUCCESS") {
            return Err(NoticeFault::ReturnCode);
        }
        Self::told(&verify(fields, sign_type, keys)?).map_err(NoticeFault::Unclear)
    }

    fn told(signed: &Signed) -> Result<Self, Doubt> {
        let fields = signed.fields();
        let told = match fields.get("result_code") {
            Some("SUCCESS") => Told::Paid(Payment::read(fields)?),
            Some("FAIL") => Told::Failed(Code::new(
                fields.get("err_code").unwrap_or_default(),
                fields.get("err_code_des").unwrap_or_default(),
            )),
            Some(_) | None => return Err(Doubt::Field("result_code")),
        };
        Ok(Self {
            app_id: text(fields, "appid")?,
            mch_id: text(fields, "mch_id")?,
            out_trade_no: text(fields, "out_trade_no")?,
            told,
        })
    }

    /// Whether it is for this account; one that is not is answered FAIL.
    pub fn is_for(&self, account: Account<'_>) -> bool {
        self.app_id == account.app_id && self.mch_id == account.mch_id
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::sign::sign;
    use proptest::prelude::*;

    fn keys() -> Keys {
        Keys { current: Secret::new("k"), old: None }
    }

    fn paid() -> Fields {
        [
            ("return_code", "SUCCESS"),
            ("result_code", "SUCCESS"),
            ("appid", "wx1"),
            ("mch_id", "19"),
            ("out_trade_no", "m1-A0001"),
            ("transaction_id", "42"),
            ("total_fee", "1280"),
            ("time_end", "20240229180135"),
            ("coupon_fee_0", "100"),
            ("future_field_2031", "x=1&y"),
        ]
        .into_iter()
        .collect()
    }

    fn read(fields: &Fields) -> Result<PaymentNotice, NoticeFault> {
        let signature = sign(fields, SignType::Md5, &keys().current);
        let document = xml::write(&fields.clone().with("sign", signature));
        PaymentNotice::read(document.as_bytes(), SignType::Md5, &keys())
    }

    #[test]
    fn a_paid_notice_tells_a_payment() {
        let notice = read(&paid()).unwrap();
        assert!(notice.is_for(Account { app_id: "wx1", mch_id: "19" }));
        assert!(!notice.is_for(Account { app_id: "wx2", mch_id: "19" }));
        assert!(!notice.is_for(Account { app_id: "wx1", mch_id: "20" }));
        let Told::Paid(payment) = notice.told else { panic!("paid") };
        assert_eq!((payment.total_fee, payment.time_end_ms), (1280, 1_709_200_895_000));
    }

    #[test]
    fn a_signed_failure_is_told_as_such() {
        let notice = read(&paid().with("result_code", "FAIL").with("err_code", "X")).unwrap();
        assert_eq!(notice.told, Told::Failed(Code::new("X", "")));
    }

    #[test]
    fn what_a_notice_must_have_is_asked_for() {
        for field in ["appid", "mch_id", "out_trade_no", "transaction_id", "total_fee", "time_end"]
        {
            let mut fields = paid();
            fields.remove(field);
            assert_eq!(read(&fields), Err(NoticeFault::Unclear(Doubt::Field(field))));
        }
        assert_eq!(read(&paid().with("return_code", "FAIL")), Err(NoticeFault::ReturnCode));
        let odd = read(&paid().with("result_code", "?"));
        assert_eq!(odd, Err(NoticeFault::Unclear(Doubt::Field("result_code"))));
    }

    #[test]
    fn the_answers_are_those_that_wechat_reads() {
        assert!(ends_repeats(SUCCESS.as_bytes()));
        assert!(!ends_repeats(failure("]]><return_code>SUCCESS").as_bytes()));
        assert!(!ends_repeats(b"<html>log in</html>"));
        assert!(!ends_repeats(b"SUCCESS"));
    }

    proptest! {
        #[test]
        fn no_notice_makes_it_panic(pairs in prop::collection::btree_map("[a-z_]{1,12}", any::<String>(), 0..6)) {
            let mut fields = paid();
            for (name, value) in pairs {
                fields.set(&name, value);
            }
            let _ = read(&fields);
            for name in ["total_fee", "time_end", "result_code", "settlement_total_fee"] {
                let _ = read(&paid().with(name, "9".repeat(fields.len() * 3)));
            }
        }

        #[test]
        fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = PaymentNotice::read(&body, SignType::HmacSha256, &keys());
        }

        /// Whatever byte of the document or of its signature is another: either no field is, or nothing is believed.
        #[test]
        fn one_changed_byte_is_noticed(at in any::<prop::sample::Index>(), change in prop_oneof![(0..8_u8).prop_map(|bit| 1 << bit), 1..=255_u8], hmac in any::<bool>(), by_old in any::<bool>()) {
            let keys = Keys { current: Secret::new("k"), old: Some(Secret::new("o")) };
            let sign_type = if hmac { SignType::HmacSha256 } else { SignType::Md5 };
            let key = if by_old { keys.old.as_ref().unwrap() } else { &keys.current };
            let signature = sign(&paid(), sign_type, key);
            let fields = paid().with("sign", signature);
            let mut document = xml::write(&fields).into_bytes();
            prop_assert!(PaymentNotice::read(&document, sign_type, &keys).is_ok());
            let at = at.index(document.len());
            document[at] ^= change;
            let read = PaymentNotice::read(&document, sign_type, &keys);
            prop_assert!(read.is_err() || xml::parse(&document) == Ok(fields), "{read:?}");
        }

        #[test]
        fn a_notice_under_another_key_or_algorithm_is_not_believed(key in "[a-z0-9]{2,32}", hmac in any::<bool>()) {
            let (right, other) = if hmac { (SignType::HmacSha256, SignType::Md5) } else { (SignType::Md5, SignType::HmacSha256) };
            let read = |sign_type, key: &str| {
                let signature = sign(&paid(), sign_type, &Secret::new(key));
                let document = xml::write(&paid().with("sign", signature));
                PaymentNotice::read(document.as_bytes(), right, &keys())
            };
            prop_assert_eq!(read(right, &key), Err(NoticeFault::Sign(SignFault::Wrong)));
            prop_assert_eq!(read(other, "k"), Err(NoticeFault::Sign(SignFault::Wrong)));
        }

        #[test]
        fn a_notice_that_is_cut_off_is_not_believed(cut in any::<prop::sample::Index>()) {
            let document = xml::write(&paid().with("sign", sign(&paid(), SignType::Md5, &keys().current)));
            let cut_off = &document.as_bytes()[..cut.index(document.len())];
            prop_assert!(PaymentNotice::read(cut_off, SignType::Md5, &keys()).is_err());
        }
    }
}
