//! Transfers to a customer's balance (V2 `promotion/transfers`) and their query. Their answers are not signed.

use serde::{Deserialize, Serialize};

use crate::answer::{Account, Verified, fen, same, same_if_there, text};
use crate::errors::{Code, Doubt, FieldFault, Outcome};
use crate::fields::Fields;
use crate::limits::{
    PARTNER_TRADE_NO_BYTES_MAX, REAL_NAME_BYTES_MAX, TRANSFER_DESC_BYTES_MAX,
    TRANSFER_OPENID_BYTES_MAX,
};
use crate::time::from_dashed;

/// What a transfer says.
#[derive(Debug, Clone, Copy)]
pub struct NewTransfer<'a> {
    /// Its number, which never changes; a repeat under it pays once.
    pub partner_trade_no: &'a str,
    /// Who gets the money, in this mini-program.
    pub openid: &'a str,
    /// In fen.
    pub amount: u64,
    /// What the payee sees.
    pub desc: &'a str,
    /// The payee's real name, for WeChat to compare; none: it is not compared.
    pub real_name: Option<&'a str>,
}

/// The request for a transfer. A repeat must be the same in every field, so it is kept (as a JSON object) and sent again as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Transfer(Fields);

impl Transfer {
    /// The request for a new transfer.
    ///
    /// # Errors
    ///
    /// [`FieldFault`] for what WeChat would not take.
    pub fn new(transfer: NewTransfer<'_>) -> Result<Self, FieldFault> {
        let desc: String = transfer.desc.chars().filter(|c| !c.is_control()).collect();
        check(&transfer, &desc)?;
        let fields = Fields::new()
            .with("partner_trade_no", transfer.partner_trade_no)
            .with("openid", transfer.openid)
            .with("amount", transfer.amount.to_string())
            .with("desc", desc)
            .with("spbill_create_ip", "127.0.0.1");
        Ok(Self(match transfer.real_name {
            Some(name) => fields.with("check_name", "FORCE_CHECK").with("re_user_name", name),
            None => fields.with("check_name", "NO_CHECK"),
        }))
    }

    /// The fields that are sent beside mch_appid, mchid, nonce_str and sign.
    pub fn fields(&self) -> &Fields {
        &self.0
    }

    pub(crate) fn number(&self) -> &str {
        self.0.get("partner_trade_no").unwrap_or_default()
    }
}

fn check(transfer: &NewTransfer<'_>, desc: &str) -> Result<(), FieldFault> {
    let fault = |field, wanted| Err(FieldFault { field, wanted });
    let number = transfer.partner_trade_no;
    if number.is_empty()
        || number.len() > PARTNER_TRADE_NO_BYTES_MAX
        || !number.bytes().all(|b| b.is_ascii_alphanumeric())
    {
        return fault("partner_trade_no", "must be 1 to 28 letters and digits");
    }
    if transfer.openid.is_empty() || transfer.openid.len() > TRANSFER_OPENID_BYTES_MAX {
        return fault("openid", "must be 1 to 64 bytes");
    }
    if transfer.amount == 0 {
        return fault("amount", "must be at least 1 fen");
    }
    if desc.is_empty() || desc.len() > TRANSFER_DESC_BYTES_MAX {
        return fault("desc", "must be 1 to 100 bytes of UTF-8");
    }
    if transfer.real_name.is_some_and(|n| n.is_empty() || n.len() > REAL_NAME_BYTES_MAX) {
        return fault("re_user_name", "must be 1 to 64 bytes of UTF-8");
    }
    Ok(())
}

/// The money has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transferred {
    /// WeChat's number.
    pub payment_no: String,
    /// When, in milliseconds since 1970, where WeChat says it.
    pub paid_at_ms: Option<i64>,
}

/// This call moved no money. That is not yet a failure of the transfer, which only its query can tell; an earlier call under the number may have paid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransferRefusal {
    /// Later, with the same number and fields: no money in our account, a limit of the day, too fast.
    #[error("WeChat will not transfer it now: {0}")]
    Later(Code),
    /// A person must do something first.
    #[error("WeChat will not transfer it, a person must look at it: {0}")]
    Person(Code),
    /// Nothing was sent.
    #[error("no client certificate is set: set TALLY_WECHAT_CERT and TALLY_WECHAT_CERT_KEY")]
    CertificateMissing,
}

/// How a transfer stands, by its query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferState {
    /// Paid.
    Succeeded {
        /// The money that arrived, in fen.
        amount: u64,
        /// WeChat's number.
        payment_no: String,
        /// When, in milliseconds since 1970, where WeChat says it.
        paid_at_ms: Option<i64>,
    },
    /// Failed for good; the only certain failure there is.
    Failed {
        /// Why, for people.
        reason: Code,
    },
    /// Not decided yet.
    Processing,
    /// Not known yet, or never taken: right after a call it proves nothing.
    NotFound,
}

/// What to do after a code of the transfer call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// Outcome unknown: query by number, and send again only under the same number.
    Ask,
    /// No money moved: the same number later.
    Later,
    /// No money moved, and none will before a person did something.
    Person,
}

/// No code is a certain failure. The page of 2025-11 says that FAIL can be an unclear outcome, and asks to keep the
/// number after the codes of `Later`; that no money moves after those was confirmed in WeChat's forum (2019-12).
const CODES: &[(&str, Then)] = &[
    ("SYSTEMERROR", Then::Ask), // page: unclear, never a new number; forum 2019 to 2022: paid twice
    ("SEND_FAILED", Then::Ask), // page since about 2022: query to confirm; the older text was wrong
    ("PROCESSING", Then::Ask),  // page
    ("FATAL_ERROR", Then::Ask), // page: same number, other fields; the first call may have paid
    ("NOTENOUGH", Then::Later), // page: top up, original number
    ("MONEY_LIMIT", Then::Later), // page: the day's sum
    ("SEND_MONEY_LIMIT", Then::Later), // seen in place of MONEY_LIMIT: our day's sum
    ("RECEIVED_MONEY_LIMIT", Then::Later), // seen in place of MONEY_LIMIT: the payee's day's sum
    ("SENDNUM_LIMIT", Then::Later), // page: the payee's count of the day
    ("FREQ_LIMIT", Then::Later), // page: too fast
    ("NAME_MISMATCH", Then::Person), // page: the payee must correct the name
    ("V2_ACCOUNT_SIMPLE_BAN", Then::Person), // page: the payee is not verified
    ("AMOUNT_LIMIT", Then::Person), // page: below or above a single payment's limit
    ("OPENID_ERROR", Then::Person), // page: openid of another appid
    ("NO_AUTH", Then::Person),  // page: product off, risk control, address not listed
    ("CA_ERROR", Then::Person), // page: certificate
    ("SIGN_ERROR", Then::Person), // page
    ("XML_ERROR", Then::Person), // page
    ("PARAM_ERROR", Then::Person), // page
    ("PARAM_IS_NOT_UTF8", Then::Person), // page
    ("RECV_ACCOUNT_NOT_ALLOWED", Then::Person), // page: product settings
    ("PAY_CHANNEL_NOT_ALLOWED", Then::Person), // page: product settings
];

pub(crate) fn outcome(
    answer: Verified,
    account: Account<'_>,
    number: &str,
) -> Outcome<Transferred, TransferRefusal> {
    match answer {
        Ok(fields) => match transferred(&fields, account, number) {
            Ok(done) => Outcome::Done(done),
            Err(doubt) => Outcome::Unknown(doubt),
        },
        Err(code) => {
            let row = CODES.iter().find(|(name, _)| *name == code.code.as_str());
            match row.map_or(Then::Ask, |(_, then)| *then) {
                Then::Ask => Outcome::Unknown(Doubt::Code(code)),
                Then::Later => Outcome::Refused(TransferRefusal::Later(code)),
                Then::Person => Outcome::Refused(TransferRefusal::Person(code)),
            }
        }
    }
}

fn transferred(fields: &Fields, account: Account<'_>, number: &str) -> Result<Transferred, Doubt> {
    same(fields, "partner_trade_no", number)?;
    same_if_there(fields, "mch_appid", account.app_id)?;
    same_if_there(fields, "mchid", account.mch_id)?;
    let paid_at_ms = fields.filled("payment_time").and_then(from_dashed);
    Ok(Transferred { payment_no: text(fields, "payment_no")?, paid_at_ms })
}

pub(crate) fn query_request(number: &str) -> Fields {
    Fields::new().with("partner_trade_no", number)
}

pub(crate) fn query_outcome(
    answer: Verified,
    account: Account<'_>,
    number: &str,
) -> Outcome<TransferState, TransferRefusal> {
    match answer {
        Ok(fields) => match state(&fields, account, number) {
            Ok(state) => Outcome::Done(state),
            Err(doubt) => Outcome::Unknown(doubt),
        },
        Err(code) => match code.code.as_str() {
            "NOT_FOUND" => Outcome::Done(TransferState::NotFound),
            "CA_ERROR" | "SIGN_ERROR" | "NO_AUTH" | "XML_ERROR" | "PARAM_ERROR" => {
                Outcome::Refused(TransferRefusal::Person(code))
            }
            _ => Outcome::Unknown(Doubt::Code(code)),
        },
    }
}

fn state(fields: &Fields, account: Account<'_>, number: &str) -> Result<TransferState, Doubt> {
    same(fields, "partner_trade_no", number)?;
    same_if_there(fields, "appid", account.app_id)?;
    same_if_there(fields, "mch_id", account.mch_id)?;
    match fields.filled("status") {
        Some("SUCCESS") => Ok(TransferState::Succeeded {
            amount: fen(fields, "payment_amount")?,
            payment_no: text(fields, "detail_id")?,
            paid_at_ms: fields.filled("payment_time").and_then(from_dashed),
        }),
        Some("FAILED") => {
            let reason = fields.get("reason").unwrap_or_default();
            Ok(TransferState::Failed { reason: Code::new("FAILED", reason) })
        }
        Some("PROCESSING") => Ok(TransferState::Processing),
        Some(_) | None => Err(Doubt::Field("status")),
    }
}

#[cfg(test)]
#[path = "transfer_tests.rs"]
mod tests;
