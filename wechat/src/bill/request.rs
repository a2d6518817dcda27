//! What is asked for, and what WeChat says instead of a bill.

use crate::errors::{Code, Doubt};
use crate::fields::Fields;
use crate::time::to_compact;
use crate::xml;

/// A day in Beijing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BillDay(String);

impl BillDay {
    /// The day in Beijing at this time, in milliseconds since 1970.
    pub fn at(ms: i64) -> Self {
        Self(to_compact(ms)[..8].to_owned())
    }

    /// As WeChat writes it: `yyyyMMdd`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Which rows a trade bill has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BillType {
    /// Payments and refunds.
    All,
    /// Payments.
    Success,
    /// Refunds.
    Refund,
}

impl BillType {
    /// As WeChat names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "ALL",
            Self::Success => "SUCCESS",
            Self::Refund => "REFUND",
        }
    }
}

/// Whose movements a fund-flow bill has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountType {
    /// Where payments come in.
    Basic,
    /// Where transfers go out.
    Operation,
    /// Where charges are taken from.
    Fees,
}

impl AccountType {
    /// As WeChat names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "Basic",
            Self::Operation => "Operation",
            Self::Fees => "Fees",
        }
    }
}

/// There is no bill. WeChat does not sign this, as it does not sign bills: trust rests on TLS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BillRefusal {
    /// Nothing was traded that day, or the bill is not made yet: only after 10:00 of the next day it is the former.
    #[error("WeChat has no bill of that day: {0}")]
    NoBill(Code),
    /// It is being made: later.
    #[error("WeChat is still making the bill: {0}")]
    NotYet(Code),
    /// Our credentials or our request: an operator's matter.
    #[error("WeChat does not accept our account or request: {0}")]
    Configuration(Code),
    /// Nothing was sent.
    #[error("no client certificate is set: set TALLY_WECHAT_CERT and TALLY_WECHAT_CERT_KEY")]
    CertificateMissing,
}

/// What a code or message means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    NoBill,
    NotYet,
    Ask,
    Person,
}

/// "page": `downloadbill` and `downloadfundflow`, V2. The first tells messages, the second codes; letter case differs between
/// the page and the wire. The numbers in `error_code` are not listed there, but for 20002.
const CODES: &[(&str, Then)] = &[
    ("No Bill Exist", Then::NoBill),     // page of downloadbill
    ("NO_BILL_EXIST", Then::NoBill),     // page of downloadfundflow
    ("20002", Then::NoBill),             // page of downloadbill, example
    ("Bill Creating", Then::NotYet),     // page of downloadbill
    ("BILL_CREATING", Then::NotYet),     // page of downloadfundflow
    ("SYSTEMERROR", Then::Ask),          // both pages: repeat
    ("CompressGZip Error", Then::Ask),   // page of downloadbill: repeat
    ("UnCompressGZip Error", Then::Ask), // page of downloadbill: repeat
    ("invalid bill_type", Then::Person), // page of downloadbill
    ("data format error", Then::Person), // page of downloadbill
    ("missing parameter", Then::Person), // page of downloadbill
    ("SIGN ERROR", Then::Person),        // page of downloadbill
    ("PARAM_ERROR", Then::Person),       // page of downloadfundflow
    ("SIGNERROR", Then::Person),         // protocol rules
    ("签名错误", Then::Person),          // seen: what return_msg says in Chinese
];

pub(crate) fn trade_request(day: &BillDay, kind: BillType, packed: bool) -> Fields {
    let fields = Fields::new().with("bill_date", day.as_str()).with("bill_type", kind.as_str());
    if packed { fields.with("tar_type", "GZIP") } else { fields }
}

pub(crate) fn fund_request(day: &BillDay, account: AccountType, packed: bool) -> Fields {
    let fields =
        Fields::new().with("bill_date", day.as_str()).with("account_type", account.as_str());
    if packed { fields.with("tar_type", "GZIP") } else { fields }
}

/// Reads what came instead of a bill.
pub(crate) fn refusal(document: &[u8]) -> Result<BillRefusal, Doubt> {
    let fields = xml::parse(document)?;
    let failed = |name| fields.get(name) == Some("FAIL");
    if !failed("return_code") && !failed("result_code") {
        return Err(Doubt::Field("return_code"));
    }
    let said: Vec<&str> = ["err_code", "return_msg", "error_code"]
        .into_iter()
        .filter_map(|name| fields.filled(name))
        .collect();
    let row = said
        .iter()
        .find_map(|said| CODES.iter().find(|(known, _)| known.eq_ignore_ascii_case(said.trim())));
    let words = fields.filled("err_code_des").or(fields.filled("return_msg")).unwrap_or_default();
    let code = fields.filled("err_code").or(fields.filled("error_code")).unwrap_or("FAIL");
    let code = Code::new(code, words);
    match row.map_or(Then::Ask, |(_, then)| *then) {
        Then::NoBill => Ok(BillRefusal::NoBill(code)),
        Then::NotYet => Ok(BillRefusal::NotYet(code)),
        Then::Person => Ok(BillRefusal::Configuration(code)),
        Then::Ask => Err(Doubt::Code(code)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(fields: &[(&str, &str)]) -> Result<BillRefusal, Doubt> {
        refusal(xml::write(&fields.iter().copied().collect()).as_bytes())
    }

    #[test]
    fn each_reason_has_its_class_whatever_its_letter_case_and_a_new_one_is_doubt() {
        for (text, then) in CODES {
            for text in [text.to_string(), text.to_ascii_uppercase()] {
                for name in ["return_msg", "err_code"] {
                    let found = said(&[("return_code", "FAIL"), (name, &text)]);
                    let fits = match then {
                        Then::NoBill => matches!(found, Ok(BillRefusal::NoBill(_))),
                        Then::NotYet => matches!(found, Ok(BillRefusal::NotYet(_))),
                        Then::Ask => matches!(found, Err(Doubt::Code(_))),
                        Then::Person => matches!(found, Ok(BillRefusal::Configuration(_))),
                    };
                    assert!(fits, "{text}: {found:?}");
                }
            }
        }
        let new = said(&[("return_code", "FAIL"), ("return_msg", "NEW"), ("error_code", "20099")]);
        assert_eq!(new, Err(Doubt::Code(Code::new("20099", "NEW"))));
    }

    #[test]
    fn a_document_that_does_not_say_fail_is_doubt() {
        assert_eq!(said(&[("return_code", "SUCCESS")]), Err(Doubt::Field("return_code")));
        let fund = [
            ("return_code", "SUCCESS"),
            ("result_code", "FAIL"),
            ("err_code", "NO_BILL_EXIST"),
            ("err_code_des", "账单不存在"),
        ];
        let code = Code::new("NO_BILL_EXIST", "账单不存在");
        assert_eq!(said(&fund), Ok(BillRefusal::NoBill(code)));
        assert!(matches!(refusal(b"<html></html>"), Err(Doubt::Xml(_))));
    }

    #[test]
    fn a_day_is_one_of_beijing() {
        assert_eq!(BillDay::at(1_709_222_399_999).as_str(), "20240229");
        assert_eq!(BillDay::at(1_709_222_400_000).as_str(), "20240301");
    }
}
