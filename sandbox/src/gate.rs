//! The gate of the protocol: opens a request as far as its signature, and closes an answer.

use tally_wechat::sign::{nonce, sign, verify};
use tally_wechat::xml::{self, XmlFault};
use tally_wechat::{Fields, SignType};

use crate::checks::{Problem, Refusal};
use crate::faults::Kind;
use crate::settings::Credentials;

/// A request whose signature is good.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) fields: Fields,
    pub(crate) sign_type: SignType,
}

/// The transfer call names the account otherwise than all others do.
fn account_names(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::Transfer => ("mch_appid", "mchid"),
        Kind::Login
        | Kind::UnifiedOrder
        | Kind::OrderQuery
        | Kind::CloseOrder
        | Kind::Refund
        | Kind::RefundQuery
        | Kind::TransferQuery
        | Kind::TradeBill
        | Kind::FundFlow
        | Kind::Notice
        | Kind::RefundNotice => ("appid", "mch_id"),
    }
}

/// Whether WeChat signs the answer.
fn signs(kind: Kind) -> bool {
    !matches!(kind, Kind::Transfer | Kind::TransferQuery)
}

/// Checks document, account and signature.
pub(crate) fn open(body: &[u8], kind: Kind, known: &Credentials) -> Result<Opened, Refusal> {
    let not_taken = |words: &str| Refusal::NotTaken(words.to_owned());
    if body.is_empty() {
        return Err(not_taken("post数据为空"));
    }
    let fields = xml::parse(body).map_err(|fault| match fault {
        XmlFault::NotUtf8 => not_taken("编码格式错误"),
        XmlFault::TooLarge
        | XmlFault::Doctype
        | XmlFault::Entity
        | XmlFault::Nested
        | XmlFault::Duplicate
        | XmlFault::Attribute
        | XmlFault::Malformed(_) => not_taken("XML格式错误"),
    })?;
    let (app, mch) = account_names(kind);
    for name in [app, mch, "nonce_str", "sign"] {
        if fields.filled(name).is_none() {
            return Err(Refusal::NotTaken(format!("缺少参数 {name}")));
        }
    }
    if fields.get(mch) != Some(&known.mch_id) {
        return Err(Refusal::NotTaken(format!("{mch}参数格式错误")));
    }
    let sign_type = match fields.filled("sign_type").filter(|_| signs(kind)) {
        Some(name) => name.parse().map_err(|_| not_taken("sign_type参数格式错误"))?,
        None => SignType::Md5,
    };
    let signed = verify(fields, sign_type, &known.keys()).map_err(|_| not_taken("签名错误"))?;
    if signed.fields().get(app) != Some(&known.app_id) {
        let words = format!("{app}和{mch}不匹配");
        return Err(Refusal::Business(Problem::new("APPID_MCHID_NOT_MATCH", words)));
    }
    Ok(Opened { fields: signed.fields().clone(), sign_type })
}

/// The document of an answer.
pub(crate) fn close(
    kind: Kind,
    sign_type: SignType,
    known: &Credentials,
    answer: Result<Fields, Refusal>,
) -> String {
    let fields = match answer {
        Ok(fields) => fields.with("result_code", "SUCCESS"),
        Err(Refusal::Business(problem)) => Fields::new()
            .with("result_code", "FAIL")
            .with("err_code", problem.code)
            .with("err_code_des", problem.words),
        Err(Refusal::NotTaken(words)) => {
            let fields = Fields::new().with("return_code", "FAIL").with("return_msg", words);
            return xml::write(&fields);
        }
    };
    let (app, mch) = account_names(kind);
    let fields = fields
        .with("return_code", "SUCCESS")
        .with("return_msg", "OK")
        .with(app, &known.app_id)
        .with(mch, &known.mch_id)
        .with("nonce_str", nonce());
    if !signs(kind) {
        return xml::write(&fields);
    }
    let signature = sign(&fields, sign_type, &known.api_key);
    xml::write(&fields.with("sign", signature))
}
