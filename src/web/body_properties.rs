//! Bodies by the thousand: whatever is in one, it is taken as what it says or refused with the field that is at fault.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::Value;

use super::tests::Order;
use super::*;

/// A body that is taken.
const GOOD: &str = r#"{"amount_fen":100,"order_no":"O100","settle_first":true,"days":7,"limit":null,"kind":"tea"}"#;

/// The fields of one.
const FIELDS: [&str; 6] = ["amount_fen", "order_no", "settle_first", "days", "limit", "kind"];

/// The field that a refusal names.
fn at_fault(body: &str) -> Option<String> {
    match parse::<Order>(body.as_bytes()) {
        Ok(_) => None,
        Err(ApiError::Invalid { field, .. }) => Some(field.into()),
        Err(other) => panic!("{body}: {other:?}"),
    }
}

/// A good body with this raw value in the place of one.
fn with(field: &str, raw: &str) -> String {
    let good: serde_json::Map<String, Value> = serde_json::from_str(GOOD).unwrap();
    let pairs = good.iter().map(|(name, value)| {
        let value = if name == field { raw.to_owned() } else { value.to_string() };
        format!("\"{name}\":{value}")
    });
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

/// Values of every sort, as JSON writes them, those on edges included.
fn raw() -> impl Strategy<Value = String> {
    let plain = prop::sample::select(vec![
        "null",
        "true",
        "\"\"",
        "\"O100\"",
        "\"tea\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "0",
        "-0",
        "1.0",
        "1e2",
        "1E400",
        "1e-400",
        "255",
        "256",
        "18446744073709551615",
        "18446744073709551616",
        "[]",
        "{}",
        "[[[1]]]",
        "{\"tea\":null}",
    ]);
    prop_oneof![
        3 => plain.prop_map(str::to_owned),
        1 => any::<i128>().prop_map(|number| number.to_string()),
        1 => ".{0,20}".prop_map(|text| Value::String(text).to_string()),
    ]
}

#[test]
fn a_good_body_is_taken_and_a_mark_before_it_is_not() {
    assert_eq!(at_fault(GOOD), None);
    assert_eq!(at_fault(&format!("\u{feff}{GOOD}")).as_deref(), Some("body"));
}

#[test]
fn each_field_that_comes_twice_is_refused_by_name() {
    let good: serde_json::Map<String, Value> = serde_json::from_str(GOOD).unwrap();
    for (field, value) in &good {
        let twice = GOOD.replacen('}', &format!(",\"{field}\":{value}}}"), 1);
        assert_eq!(at_fault(&twice).as_ref(), Some(field));
    }
}

#[test]
fn no_depth_overflows_the_stack() {
    for field in FIELDS {
        for open in ["[", "{\"a\":", "{\"amount_fen\":"] {
            let deep = open.repeat(BODY_BYTES_MAX / open.len());
            assert!(at_fault(&with(field, &deep)).is_some(), "{field}: {open}");
            assert!(at_fault(&deep).is_some());
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..200)) {
        let _ = parse::<Order>(&bytes);
    }

    #[test]
    fn a_body_with_bad_bytes_is_refused(at in any::<prop::sample::Index>(), byte in 0x80..=0xff_u8) {
        let mut body = GOOD.as_bytes().to_vec();
        body.insert(at.index(body.len()), byte);
        prop_assert!(parse::<Order>(&body).is_err());
    }

    #[test]
    fn a_body_that_is_cut_off_or_goes_on_is_refused(cut in any::<prop::sample::Index>(), more in "[^ \t\r\n]{1,5}") {
        let cut_off = &GOOD[..cut.index(GOOD.len())];
        prop_assert!(at_fault(cut_off).is_some());
        prop_assert_eq!(at_fault(&format!("{GOOD}{more}")), Some("body".to_owned()));
    }

    /// Digits are an amount, whatever else spells a number is not: a fraction, an exponent, a sign.
    #[test]
    fn an_amount_is_what_is_written_or_refused(number in "(0|[1-9][0-9]{0,20}|-?[0-9]{1,22}(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,3})?)") {
        let body = format!(r#"{{"amount_fen":{number}}}"#);
        let order = parse::<Order>(body.as_bytes()).ok();
        let taken = order.and_then(|order| order.amount_fen.money("amount_fen").ok());
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let plain = digits && (number == "0" || !number.starts_with('0'));
        let written = number.parse().ok().filter(|_| plain).and_then(Money::from_fen);
        prop_assert_eq!(taken, written);
    }

    /// A refusal names the field that was changed, or says that the whole is not JSON.
    #[test]
    fn a_value_of_another_sort_is_refused_by_name(field in prop::sample::select(FIELDS.to_vec()), raw in raw()) {
        let body = with(field, &raw);
        if let Some(named) = at_fault(&body) {
            let json = serde_json::from_str::<Value>(&body).is_ok();
            prop_assert!(named == field || (named == "body" && !json), "{}: {}", body, named);
        }
    }

    #[test]
    fn a_field_that_is_not_known_is_refused_by_name(name in "[a-z_]{1,12}", raw in raw(), first in any::<bool>()) {
        let extra = format!("\"{name}\":{raw}");
        let body = if first { GOOD.replacen('{', &format!("{{{extra},"), 1) } else { GOOD.replacen('}', &format!(",{extra}}}"), 1) };
        let named = at_fault(&body);
        if serde_json::from_str::<Value>(&body).is_ok() {
            prop_assert!(named == Some(name), "{}: {:?}", body, named);
        } else {
            prop_assert!(named.is_some());
        }
    }
}
