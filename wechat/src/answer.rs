//! The layers of an answer: document, `return_code`, signature, whose it is, `result_code`.

use crate::errors::{Code, Doubt, Message};
use crate::fields::Fields;
use crate::sign::{Keys, SignType, verify};
use crate::xml;

/// Who we are at WeChat, to tell our answers from those for others.
#[derive(Debug, Clone, Copy)]
pub struct Account<'a> {
    /// The mini-program.
    pub app_id: &'a str,
    /// The WeChat merchant number.
    pub mch_id: &'a str,
}

/// A verified answer: fields when `result_code` is SUCCESS, a code when it is FAIL.
pub(crate) type Verified = Result<Fields, Code>;

/// Reads a signed answer. Doubt until the signature and the account fit.
pub(crate) fn read_signed(
    body: &[u8],
    sign_type: SignType,
    keys: &Keys,
    account: Account<'_>,
) -> Result<Verified, Doubt> {
    let fields = taken(body)?;
    let signed = verify(fields, sign_type, keys)?;
    let fields = signed.fields();
    same(fields, "appid", account.app_id)?;
    same(fields, "mch_id", account.mch_id)?;
    by_result(fields.clone())
}

/// Reads an answer that WeChat does not sign (transfers and their query): trust rests on TLS alone.
pub(crate) fn read_unsigned(body: &[u8]) -> Result<Verified, Doubt> {
    by_result(taken(body)?)
}

/// The first two layers: a document, and one that WeChat made after it took the request.
fn taken(body: &[u8]) -> Result<Fields, Doubt> {
    let fields = xml::parse(body)?;
    match fields.get("return_code") {
        Some("SUCCESS") => Ok(fields),
        Some("FAIL") => Err(Doubt::NotTaken(Message::new(
            fields.get("return_msg").unwrap_or("no reason given"),
        ))),
        Some(_) | None => Err(Doubt::Field("return_code")),
    }
}

fn by_result(fields: Fields) -> Result<Verified, Doubt> {
    match fields.get("result_code") {
        Some("SUCCESS") => Ok(Ok(fields)),
        Some("FAIL") => {
            let code = fields.filled("err_code").ok_or(Doubt::Field("err_code"))?;
            Ok(Err(Code::new(code, fields.get("err_code_des").unwrap_or_default())))
        }
        Some(_) | None => Err(Doubt::Field("result_code")),
    }
}

/// A field that must be there and say the same.
pub(crate) fn same(fields: &Fields, name: &'static str, ours: &str) -> Result<(), Doubt> {
    match fields.filled(name) {
        Some(theirs) if theirs == ours => Ok(()),
        Some(_) => Err(Doubt::Foreign(name)),
        None => Err(Doubt::Field(name)),
    }
}

/// A field that, when it is there, must say the same.
pub(crate) fn same_if_there(fields: &Fields, name: &'static str, ours: &str) -> Result<(), Doubt> {
    if fields.filled(name).is_some() { same(fields, name, ours) } else { Ok(()) }
}

/// A text that must be there.
pub(crate) fn text(fields: &Fields, name: &'static str) -> Result<String, Doubt> {
    fields.filled(name).map(str::to_owned).ok_or(Doubt::Field(name))
}

/// An amount in fen that must be there: digits only, no sign, no point.
pub(crate) fn fen(fields: &Fields, name: &'static str) -> Result<u64, Doubt> {
    fields.filled(name).and_then(whole).ok_or(Doubt::Field(name))
}

/// An amount in fen that may be missing.
pub(crate) fn fen_if_there(fields: &Fields, name: &'static str) -> Result<Option<u64>, Doubt> {
    match fields.filled(name) {
        Some(text) => whole(text).map(Some).ok_or(Doubt::Field(name)),
        None => Ok(None),
    }
}

/// A whole number as WeChat writes amounts and counts: digits only, no sign, no point.
pub(crate) fn whole(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 18;
    if digits { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;
    use crate::sign::{SignFault, sign};
    use crate::xml::XmlFault;

    const OURS: Account<'_> = Account { app_id: "wx1", mch_id: "1900000109" };

    fn read(fields: &Fields) -> Result<Verified, Doubt> {
        let keys = Keys { current: Secret::new("k"), old: None };
        let signed = fields.clone().with("sign", sign(fields, SignType::Md5, &keys.current));
        read_signed(xml::write(&signed).as_bytes(), SignType::Md5, &keys, OURS)
    }

    fn good() -> Fields {
        Fields::new()
            .with("return_code", "SUCCESS")
            .with("result_code", "SUCCESS")
            .with("appid", "wx1")
            .with("mch_id", "1900000109")
    }

    #[test]
    fn an_answer_for_another_account_is_not_ours() {
        assert!(read(&good()).unwrap().is_ok());
        assert_eq!(read(&good().with("appid", "wx2")), Err(Doubt::Foreign("appid")));
        assert_eq!(read(&good().with("mch_id", "1")), Err(Doubt::Foreign("mch_id")));
        assert_eq!(read(&good().with("mch_id", "")), Err(Doubt::Field("mch_id")));
    }

    #[test]
    fn what_is_not_signed_proves_nothing() {
        let keys = Keys { current: Secret::new("k"), old: None };
        let read =
            |text: &str| read_signed(text.as_bytes(), SignType::Md5, &keys, OURS).unwrap_err();
        let fail = "<xml><return_code>FAIL</return_code><return_msg>签名错误</return_msg></xml>";
        assert_eq!(read(fail), Doubt::NotTaken(Message::new("签名错误")));
        let forged = "<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code><err_code>ORDERCLOSED</err_code></xml>";
        assert_eq!(read(forged), Doubt::Sign(SignFault::Missing));
        let page = "<html><body>502 Bad Gateway</body></html>";
        assert_eq!(read(page), Doubt::Xml(XmlFault::Malformed("the root has another name")));
    }

    #[test]
    fn amounts_are_digits() {
        for bad in ["", "-1", "+1", "1.0", "1e3", " 1", "１", "9999999999999999999"] {
            assert_eq!(fen(&Fields::new().with("f", bad), "f"), Err(Doubt::Field("f")), "{bad}");
        }
        assert_eq!(fen(&Fields::new().with("f", "1280"), "f"), Ok(1280));
        assert_eq!(fen_if_there(&Fields::new(), "f"), Ok(None));
    }
}
