//! Published and computed examples of the protocol. Each must come out as it says, and not after one byte was changed.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use base64::Engine;
use serde_json::{Map, Value};
use tally_wechat::bill::gzip::Gunzip;
use tally_wechat::bill::{BillFault, FundFlowReader, FundRow, LineFault, TradeReader, TradeRow};
use tally_wechat::fields::Fields;
use tally_wechat::login::SessionKey;
use tally_wechat::notice::PaymentNotice;
use tally_wechat::pay_params::{PayParams, ToPay};
use tally_wechat::profile::{OpenData, Owner, Profile, ProfileFault, Sealed};
use tally_wechat::refund_notice::{RefundHint, RefundNoticeFault};
use tally_wechat::sign::{Keys, SignType, sign, verify};
use tally_wechat::time::from_dashed;
use tally_wechat::xml::{XmlFault, parse};
use tally_wechat::{Secret, xml};

/// The examples of a kind: name, input, what is expected. How many there are is checked, so that none goes missing.
fn vectors(kinds: &[&str], count: usize) -> Vec<(String, Value, Value)> {
    let all: Vec<Value> = serde_json::from_str(include_str!("vectors.json")).unwrap();
    let of_kind: Vec<_> = all
        .into_iter()
        .filter(|v| kinds.contains(&v["kind"].as_str().unwrap()))
        .map(|v| (text(&v, "name").to_owned(), v["input"].clone(), v["expected"].clone()))
        .collect();
    assert_eq!(of_kind.len(), count);
    of_kind
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_else(|| panic!("{name} in {value}"))
}

fn fields(params: &Value) -> Fields {
    params
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name, value.as_str().unwrap()))
        .collect()
}

fn keys(input: &Value) -> Keys {
    Keys { current: Secret::new(text(input, "key")), old: None }
}

/// Every text that is one byte away from this one and still a text.
fn one_byte_away(original: &str) -> impl Iterator<Item = String> + '_ {
    (0..original.len()).flat_map(move |at| {
        [1, 2, 0x20].into_iter().filter_map(move |change| {
            let mut bytes = original.as_bytes().to_vec();
            bytes[at] ^= change;
            String::from_utf8(bytes).ok()
        })
    })
}

#[test]
fn requests_are_signed_as_the_examples_say() {
    for (name, input, expected) in vectors(&["sign_md5", "sign_hmac"], 11) {
        let sign_type = if name.starts_with("hmac") { SignType::HmacSha256 } else { SignType::Md5 };
        let (fields, keys) = (fields(&input["params"]), keys(&input));
        let signature = sign(&fields, sign_type, &keys.current);
        assert_eq!(signature, text(&expected, "sign"), "{name}");
        assert!(verify(fields.clone().with("sign", &signature), sign_type, &keys).is_ok());

        let other = if sign_type == SignType::Md5 { SignType::HmacSha256 } else { SignType::Md5 };
        assert!(verify(fields.clone().with("sign", &signature), other, &keys).is_err(), "{name}");
        if let Some(received) = input["received_sign"].as_str() {
            assert!(verify(fields.clone().with("sign", received), sign_type, &keys).is_err());
        }
        for wrong in one_byte_away(&signature) {
            assert!(verify(fields.clone().with("sign", wrong), sign_type, &keys).is_err());
        }
        let filled = fields.iter().filter(|(name, value)| *name != "sign" && !value.is_empty());
        for (field, value) in filled {
            for changed in one_byte_away(value) {
                let changed = fields.clone().with(field, &changed).with("sign", &signature);
                if changed.get(field) != Some(value) {
                    assert!(verify(changed, sign_type, &keys).is_err(), "{name}: {field}");
                }
            }
        }
        for key in one_byte_away(keys.current.expose()) {
            let keys = Keys { current: Secret::new(key), old: None };
            assert!(verify(fields.clone().with("sign", &signature), sign_type, &keys).is_err());
        }
    }
}

#[test]
fn the_second_signature_is_the_one_that_the_client_checks() {
    for (name, input, expected) in vectors(&["pay_sign_v2"], 3) {
        let sign_type: SignType = text(&input, "sign_type").parse().unwrap();
        let (params, key) = (&input["params"], keys(&input).current);
        assert_eq!(sign(&fields(params), sign_type, &key), text(&expected, "sign"), "{name}");

        let prepay_id = text(params, "package").strip_prefix("prepay_id=").unwrap();
        let made = |prepay_id: &str| {
            let order = ToPay { app_id: "wx8888888888888888", prepay_id, sign_type };
            let (time, nonce) = (text(params, "timeStamp"), text(params, "nonceStr"));
            PayParams::signed(order, time.to_owned(), nonce.to_owned(), &key).pay_sign
        };
        let correct = input["correct_sign"].as_str().unwrap_or_else(|| text(&expected, "sign"));
        assert_eq!(made(prepay_id), correct, "{name}");
        for changed in one_byte_away(prepay_id) {
            assert_ne!(made(&changed), correct, "{name}");
        }
    }
}

#[test]
fn documents_are_read_or_refused_as_the_examples_say() {
    for (name, input, expected) in vectors(&["xml_parse"], 12) {
        let document = text(&input, "xml");
        let sign_type: SignType = text(&input, "sign_type").parse().unwrap();
        let read = parse(document.as_bytes());
        if expected["ok"] == false {
            let fault = read.unwrap_err();
            let reason = match fault {
                XmlFault::Doctype => "doctype",
                XmlFault::Duplicate => "duplicate",
                XmlFault::Nested => "nested",
                XmlFault::Malformed(_) => "malformed",
                XmlFault::TooLarge | XmlFault::NotUtf8 | XmlFault::Entity | XmlFault::Attribute => {
                    "other"
                }
            };
            assert_eq!(reason, text(&expected, "reason"), "{name}: {fault}");
            continue;
        }
        let read = read.unwrap();
        let wanted = expected["fields"].as_object().unwrap();
        assert_eq!(read.len(), wanted.len(), "{name}");
        for (field, value) in wanted {
            assert_eq!(read.get(field), value.as_str(), "{name}: {field}");
        }
        let verified = verify(read.clone(), sign_type, &keys(&input)).is_ok();
        assert_eq!(verified, expected["sign_valid"] == true, "{name}");
        if verified {
            changed_documents_are_not_believed(&name, document, &read, &keys(&input));
        }
    }
}

/// A changed document either says the very same (white space, letter case of `encoding`), or its signature is wrong.
fn changed_documents_are_not_believed(name: &str, document: &str, original: &Fields, keys: &Keys) {
    let mut refused = 0;
    for changed in one_byte_away(document) {
        let Ok(read) = parse(changed.as_bytes()) else {
            refused += 1;
            continue;
        };
        let believed = [SignType::Md5, SignType::HmacSha256]
            .into_iter()
            .any(|sign_type| verify(read.clone(), sign_type, keys).is_ok());
        if believed {
            let signed = |f: &Fields| {
                let pairs = f.iter().filter(|(_, value)| !value.is_empty());
                pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect::<Vec<_>>()
            };
            assert_eq!(signed(&read), signed(original), "{name}: {changed}");
        }
    }
    assert!(refused > 0, "{name}");
}

#[test]
fn notices_are_believed_as_the_examples_say() {
    let mut believed = 0;
    for (name, input, expected) in vectors(&["xml_parse"], 12) {
        let sign_type: SignType = text(&input, "sign_type").parse().unwrap();
        let notice = PaymentNotice::read(text(&input, "xml").as_bytes(), sign_type, &keys(&input));
        let told = name.starts_with("notify") && expected["sign_valid"] == true;
        assert_eq!(notice.is_ok(), told, "{name}");
        believed += usize::from(told);
    }
    assert_eq!(believed, 2);
}

#[test]
fn profiles_open_or_are_refused_as_the_examples_say() {
    for (name, input, expected) in vectors(&["decrypt_user"], 12) {
        let key = SessionKey::parse(text(&input, "session_key")).unwrap();
        let (iv, encrypted_data) = (text(&input, "iv"), text(&input, "encrypted_data"));
        let app_id = text(&input, "appid");
        let opened = |iv: &str, encrypted_data: &str| -> Result<Map<String, Value>, ProfileFault> {
            let sealed = Sealed { iv, encrypted_data };
            match input["expected_openid"].as_str() {
                Some(openid) => {
                    Profile::open(&key, sealed, Owner { app_id, openid }).map(Profile::into_json)
                }
                None => OpenData::open(&key, sealed, app_id).map(|data| data.json().clone()),
            }
        };
        let result = opened(iv, encrypted_data);
        if expected["ok"] == false {
            let reason = match result.unwrap_err() {
                ProfileFault::Base64 => "base64",
                ProfileFault::Length => "length",
                ProfileFault::Padding => "padding",
                ProfileFault::Json => "json",
                ProfileFault::Watermark => "watermark",
                ProfileFault::Openid => "openid",
            };
            assert_eq!(reason, text(&expected, "reason"), "{name}");
            continue;
        }
        let json = result.unwrap();
        assert_eq!(Some(&json), expected["json"].as_object(), "{name}");
        for changed in one_byte_away(encrypted_data) {
            assert_ne!(opened(iv, &changed).as_ref(), Ok(&json), "{name}");
        }
        for changed in one_byte_away(iv) {
            assert_ne!(opened(&changed, encrypted_data).as_ref(), Ok(&json), "{name}");
            if input["expected_openid"].is_string() {
                assert!(opened(&changed, encrypted_data).is_err(), "{name}: {changed}");
            }
        }
    }
}

#[test]
fn refund_notices_decrypt_as_the_examples_say() {
    for (name, input, expected) in vectors(&["refund_req_info"], 5) {
        let document = text(&input, "xml");
        let hint = RefundHint::read(document.as_bytes(), &keys(&input));
        if expected["ok"] == false {
            assert_eq!(hint, Err(RefundNoticeFault::Undecryptable), "{name}");
            continue;
        }
        let (hint, wanted) = (hint.unwrap(), &expected["fields"]);
        assert_eq!(hint.out_refund_no, text(wanted, "out_refund_no"), "{name}");
        assert_eq!(hint.transaction_id, text(wanted, "transaction_id"), "{name}");
        assert_eq!(hint.refund_fee.to_string(), text(wanted, "refund_fee"), "{name}");
        let fee = hint.settlement_refund_fee.map(|fee| fee.to_string());
        assert_eq!(fee.as_deref(), wanted["settlement_refund_fee"].as_str(), "{name}");
        assert_eq!(hint.success_at_ms.is_some(), wanted["success_time"].is_string(), "{name}");
        assert_eq!(hint.by_hand, wanted["refund_request_source"] == "VENDOR_PLATFORM");
        assert_eq!(hint.received_by.as_deref(), wanted["refund_recv_accout"].as_str(), "{name}");

        let old = Keys { current: Secret::new("another"), old: Some(keys(&input).current) };
        assert_eq!(RefundHint::read(document.as_bytes(), &old).as_ref(), Ok(&hint), "{name}");
        let sealed = parse(document.as_bytes()).unwrap();
        let req_info = sealed.get("req_info").unwrap();
        for changed in one_byte_away(req_info) {
            let outer = xml::write(&sealed.clone().with("req_info", &changed));
            // ECB has no integrity: a block of text can be garbled unseen. That is why it is a hint.
            if let Ok(other) = RefundHint::read(outer.as_bytes(), &keys(&input)) {
                assert_eq!(other, hint, "{name}: only unread fields may differ");
            }
        }
    }
}

/// A bill as it was read: each row as text, and the summary.
type Read = (Vec<String>, String);

fn read_bill(text: &[u8], fund_flow: bool, piece: usize) -> Result<Read, BillFault> {
    let mut rows = vec![];
    let summary = if fund_flow {
        let mut reader = FundFlowReader::new();
        let mut tell = |row: FundRow<'_>| rows.push(format!("{row:?}"));
        text.chunks(piece).try_for_each(|piece| reader.push(piece, &mut tell))?;
        format!("{:?}", reader.finish(&mut tell)?)
    } else {
        let mut reader = TradeReader::new();
        let mut tell = |row: TradeRow<'_>| rows.push(format!("{row:?}"));
        text.chunks(piece).try_for_each(|piece| reader.push(piece, &mut tell))?;
        format!("{:?}", reader.finish(&mut tell)?)
    };
    Ok((rows, summary))
}

fn bill_text(input: &Value) -> Vec<u8> {
    match input["gzip_base64"].as_str() {
        Some(packed) => {
            let mut gunzip = Gunzip::default();
            let packed = base64::engine::general_purpose::STANDARD.decode(packed).unwrap();
            let mut text = gunzip.push(&packed).unwrap();
            text.extend(gunzip.finish().unwrap());
            text
        }
        None => text(input, "text").as_bytes().to_vec(),
    }
}

#[test]
fn bills_are_read_or_refused_as_the_examples_say() {
    for (name, input, expected) in vectors(&["bill_parse"], 10) {
        let (bill, fund_flow) = (bill_text(&input), input["bill"] == "fundflow");
        let read = read_bill(&bill, fund_flow, 1 << 20);
        assert_eq!(read_bill(&bill, fund_flow, 1), read, "{name}");
        if expected["ok"] == false {
            let said = match read.unwrap_err() {
                BillFault { line: 7, what: LineFault::Summary("应结订单总金额") } => {
                    "summary"
                }
                BillFault { line: 3, what: LineFault::CutOff } => "no_summary",
                // The client tells such a document from a bill before it comes here.
                BillFault { line: 1, what: LineFault::ColumnMissing("交易时间") } => {
                    "No Bill Exist"
                }
                fault => panic!("{name}: {fault}"),
            };
            assert_eq!(said, text(&expected, "reason"), "{name}");
            continue;
        }
        let read = read.unwrap();
        assert_eq!(read.0.len(), expected["rows"].as_array().unwrap().len(), "{name}");
        if !fund_flow {
            sums_are_as_expected(&name, &bill, &expected);
        }
        for at in 0..bill.len() {
            for change in [1, 2, 0x20] {
                let mut changed = bill.clone();
                changed[at] ^= change;
                // Texts are in no sum; amounts and rows are.
                if let Ok(other) = read_bill(&changed, fund_flow, 1 << 20) {
                    assert_eq!((other.0.len(), &other.1), (read.0.len(), &read.1), "{name}: {at}");
                }
            }
            if let Ok(other) = read_bill(&bill[..at], fund_flow, 1 << 20) {
                assert_eq!(
                    other, read,
                    "{name}: cut at {at}, where nothing but a line break or a nought is gone"
                );
            }
        }
    }
}

fn sums_are_as_expected(name: &str, bill: &[u8], expected: &Value) {
    let (mut reader, mut rows) = (TradeReader::new(), vec![]);
    let mut tell = |row: TradeRow<'_>| {
        let refund = row.refund.as_ref().map(|refund| refund.out_refund_no.to_owned());
        rows.push((row.out_trade_no.to_owned(), refund, row.at_ms, row.attach.to_owned()));
    };
    reader.push(bill, &mut tell).unwrap();
    let summary = reader.finish(&mut tell).unwrap();
    for (field, found) in [
        ("settle_fen", summary.settlement_total_fee),
        ("refund_fen", summary.settlement_refund_fee),
        ("fee_1e5", summary.charge_e5),
        ("order_fen", summary.total_fee),
        ("apply_refund_fen", summary.refund_fee),
    ] {
        if let Some(wanted) = expected["check"][field].as_i64() {
            assert_eq!(found, wanted, "{name}: {field}");
        }
    }
    assert_eq!(expected["check"]["count"], summary.rows, "{name}");
    for ((number, refund, at_ms, attach), wanted) in
        rows.iter().zip(expected["rows"].as_array().unwrap())
    {
        assert_eq!(number, text(wanted, "商户订单号"), "{name}");
        let refund_no = wanted["商户退款单号"].as_str().filter(|number| *number != "0");
        assert_eq!(refund.as_deref(), refund_no, "{name}");
        assert_eq!(Some(*at_ms), from_dashed(text(wanted, "交易时间")), "{name}");
        assert_eq!(attach, text(wanted, "商户数据包"), "{name}");
    }
}
