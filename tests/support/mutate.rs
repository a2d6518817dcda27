//! Good requests made bad: JSON, forms and XML, changed in their meaning or in their bytes.

use serde_json::{Map, Value, json};

use tally_proof::random::Random;

/// Texts that programs stumble over.
const NASTY: [&str; 24] = [
    "",
    " ",
    "0",
    "-1",
    "1e9",
    "0.5",
    "00012",
    "9223372036854775808",
    "18446744073709551616",
    "NaN",
    "null",
    "true",
    "商户🧧",
    "\u{0}",
    "\r\n",
    "\u{202e}",
    "a\u{300}\u{301}",
    "%00%0a",
    "../../etc",
    "'; drop table orders; --",
    "&amp;",
    "<![CDATA[x]]>",
    "]]>",
    "2026-02-30T25:61:61Z",
];

/// Numbers on the edges, as JSON.
const EDGES: [&str; 12] = [
    "0",
    "-0",
    "-1",
    "1",
    "0.5",
    "1e3",
    "1e400",
    "1000000000",
    "1000000001",
    "9223372036854775807",
    "18446744073709551616",
    "-9223372036854775809",
];

/// Elements that no document of WeChat's has.
const FOREIGN_XML: [&str; 8] = [
    "<!DOCTYPE xml [<!ENTITY x SYSTEM \"file:///etc/hostname\">]>",
    "<!DOCTYPE a [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;\">]>",
    "<total_fee>&x;</total_fee>",
    "<?xml version=\"1.0\" encoding=\"UTF-16\"?>",
    "<!-- --><sign>0</sign>",
    "<a><b><c/></b></a>",
    "&#0;&#x110000;",
    "<![CDATA[",
];

/// The largest value that is put in, in bytes: more than a body may have.
const LONG: usize = 70_000;

/// The same object with one or two fields changed in their meaning.
pub(crate) fn object(random: &mut Random, good: &Value) -> Value {
    let mut changed = good.clone();
    let Value::Object(fields) = &mut changed else { return any_value(random) };
    for _ in 0..=random.below(2) {
        change_field(random, fields);
    }
    changed
}

fn change_field(random: &mut Random, fields: &mut Map<String, Value>) {
    let names: Vec<String> = fields.keys().cloned().collect();
    let Some(name) = (!names.is_empty()).then(|| random.of(&names).clone()) else { return };
    match random.below(10) {
        0 => drop(fields.remove(&name)),
        1 => drop(fields.insert(text(random), any_value(random))),
        2 | 3 => {
            if let Some(Value::String(old)) = fields.get(&name) {
                let bytes = self::bytes(random, old.as_bytes());
                fields.insert(name, json!(String::from_utf8_lossy(&bytes)));
            }
        }
        _ => drop(fields.insert(name, any_value(random))),
    }
}

fn any_value(random: &mut Random) -> Value {
    match random.below(9) {
        0 => Value::Null,
        1 => json!(random.percent(50)),
        2 => json!([any_scalar(random), any_scalar(random)]),
        3 => json!({text(random): any_scalar(random)}),
        4 => json!("长".repeat(usize::try_from(random.below(300)).expect("small"))),
        _ => any_scalar(random),
    }
}

fn any_scalar(random: &mut Random) -> Value {
    if random.percent(50) {
        return json!(text(random));
    }
    let edge = *random.of(&EDGES);
    // What no `Value` can hold is put in as a text; the bytes of other bodies hold it as it is.
    serde_json::from_str(edge).unwrap_or_else(|_| json!(edge))
}

/// A text that programs stumble over.
pub(crate) fn text(random: &mut Random) -> String {
    if random.percent(3) { "x".repeat(LONG) } else { (*random.of(&NASTY)).to_owned() }
}

/// The same bytes, changed in one to three places.
pub(crate) fn bytes(random: &mut Random, good: &[u8]) -> Vec<u8> {
    let mut changed = good.to_vec();
    for _ in 0..=random.below(3) {
        change_bytes(random, &mut changed);
    }
    changed
}

fn change_bytes(random: &mut Random, bytes: &mut Vec<u8>) {
    let (from, to) = (place(random, bytes), place(random, bytes));
    let (from, to) = (from.min(to), from.max(to));
    match random.below(9) {
        0 => bytes.truncate(from),
        1 => drop(bytes.drain(from..to)),
        2 => {
            let part = bytes[from..to].to_vec();
            bytes.splice(to..to, part);
        }
        3 => drop(bytes.splice(from..from, random.draw().to_le_bytes())),
        4 => drop(bytes.splice(from..to, random.of(&NASTY).bytes())),
        5 => drop(bytes.splice(from..from, random.of(&EDGES).bytes())),
        6 => drop(bytes.splice(from..from, random.of(&FOREIGN_XML).bytes())),
        7 if random.percent(10) => {
            let nested = ["[", "{\"a\":", "<a>"][usize::try_from(random.below(3)).expect("small")];
            bytes.splice(from..from, nested.repeat(5_000).into_bytes());
        }
        _ => {
            if let Some(byte) = bytes.get_mut(from) {
                *byte ^= 1 << random.below(8);
            }
        }
    }
}

fn place(random: &mut Random, bytes: &[u8]) -> usize {
    usize::try_from(random.below(bytes.len() as u64 + 1)).expect("an index")
}

/// An object as a form.
pub(crate) fn form(object: &Value) -> Vec<u8> {
    let escape = |text: &str| -> String {
        let one = |byte: u8| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => char::from(byte).to_string(),
            b' ' => "+".to_owned(),
            other => format!("%{other:02X}"),
        };
        text.bytes().map(one).collect()
    };
    let Some(fields) = object.as_object() else { return object.to_string().into_bytes() };
    let pairs = fields.iter().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        format!("{}={}", escape(name), escape(&value))
    });
    pairs.collect::<Vec<_>>().join("&").into_bytes()
}
