//! Tables of what is read and what is refused.

use proptest::prelude::*;

use super::*;

#[test]
fn every_reason_to_refuse_a_document_has_a_name() {
    use XmlFault::{Attribute, Doctype, Duplicate, Entity, Malformed, Nested, NotUtf8, TooLarge};
    let large = format!("<xml><a>{}</a></xml>", "a".repeat(DOCUMENT_BYTES_MAX));
    let many: String = (0..=DOCUMENT_FIELDS_MAX).map(|n| format!("<a{n}/>")).collect();
    let many = format!("<xml>{many}</xml>");
    let long = format!("<xml><{0}>1</{0}></xml>", "a".repeat(FIELD_NAME_BYTES_MAX + 1));
    for (document, fault) in [
        (&b"<xml><a>\xff</a></xml>"[..], NotUtf8),
        (br#"<?xml version="1.0" encoding="GBK"?><xml/>"#, NotUtf8),
        (b"<!DOCTYPE xml><xml/>", Doctype),
        (b"<xml><a>1</a></xml><!DOCTYPE xml>", Doctype),
        (b"<xml><a>&x;</a></xml>", Entity),
        (b"<xml><a>&#xffffffff;</a></xml>", Entity),
        (b"<xml><a><b/></a></xml>", Nested),
        (b"<xml><a/><a/></xml>", Duplicate),
        (br#"<xml><a b="1">1</a></xml>"#, Attribute),
        (br#"<xml b="1"><a>1</a></xml>"#, Attribute),
        (large.as_bytes(), TooLarge),
        (many.as_bytes(), TooLarge),
        (long.as_bytes(), Malformed("a field's name is none")),
        (b"<xml><a:b>1</a:b></xml>", Malformed("a field's name is none")),
        (b"", Malformed("no document")),
        (b"<xml><a>1</a>", Malformed("it ends too early")),
        (b"<xml><a>1", Malformed("it ends too early")),
        (b"<xml><a>1</b></xml>", Malformed("not well-formed")),
        (b"<xml><a>&</a></xml>", Malformed("not well-formed")),
        (b"<xml/>x", Malformed("text outside of the fields")),
        (b"<xml/><xml/>", Malformed("a second root")),
        (b"<xml>1<a>1</a></xml>", Malformed("text outside of the fields")),
        (b"<xml>&amp;</xml>", Malformed("text outside of the fields")),
        (b"<xml><![CDATA[]]></xml>", Malformed("text outside of the fields")),
        (b"<xml><a>1<!-- -->2</a></xml>", Malformed("a comment")),
        (b"<xml><?php ?></xml>", Malformed("a processing instruction")),
        (b"<root/>", Malformed("the root has another name")),
        (b"<xml><a>\x01</a></xml>", Malformed("a control character")),
        (b"<xml><a>&#1;</a></xml>", Malformed("a control character")),
        (br#" <?xml version="1.0"?><xml/>"#, Malformed("a declaration that is not at the start")),
        (br#"<xml/><?xml version="1.0"?>"#, Malformed("a declaration that is not at the start")),
        (b"<html><body>502</body></html>", Malformed("the root has another name")),
    ] {
        let shown = String::from_utf8_lossy(&document[..document.len().min(60)]).into_owned();
        assert_eq!(parse(document), Err(fault), "{shown}");
    }
}

#[test]
fn both_ways_to_write_a_text_are_the_same_text() {
    let document = "\u{feff}<?xml version='1.0' encoding='utf-8'?>\n<xml>\n <a> 1 &lt;&amp;&#x31; </a><b><![CDATA[1]]>2<![CDATA[<]]></b ><c/><d></d>\n</xml>\n";
    let fields = parse(document.as_bytes()).unwrap();
    let read: Vec<_> = fields.iter().collect();
    assert_eq!(read, [("a", " 1 <&1 "), ("b", "12<"), ("c", ""), ("d", "")]);
}

#[test]
fn a_value_does_not_break_out_of_its_section() {
    let fields = Fields::new().with("body", "]]></body><total_fee>1</total_fee><x><![CDATA[");
    assert_eq!(parse(write(&fields).as_bytes()), Ok(fields));
}

#[test]
fn a_field_within_a_field_is_refused_however_deep_it_goes() {
    let deep = format!("<xml>{}", "<a>".repeat((DOCUMENT_BYTES_MAX - 5) / 3));
    assert_eq!(parse(deep.as_bytes()), Err(XmlFault::Nested));
    let roots = "<xml>".repeat(DOCUMENT_BYTES_MAX / 5);
    assert_eq!(parse(roots.as_bytes()), Err(XmlFault::Nested));
}

/// A part of a value, and how it is written.
fn written(part: &str, how: u8) -> String {
    match how {
        0 => part.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
        1 => part.chars().map(|c| format!("&#{};", u32::from(c))).collect(),
        2 => part.chars().map(|c| format!("&#x{:x};", u32::from(c))).collect(),
        _ => format!("<![CDATA[{}]]>", part.replace("]]>", "]]]]><![CDATA[>")),
    }
}

proptest! {
    #[test]
    fn what_is_written_reads_back(pairs in prop::collection::btree_map("[A-Za-z_][A-Za-z0-9_.-]{0,20}", any::<String>(), 0..12)) {
        let fields: Fields = pairs.into_iter().collect();
        prop_assert_eq!(parse(write(&fields).as_bytes()), Ok(fields));
    }

    #[test]
    fn no_text_of_markup_makes_the_parser_panic(document in r#"(<xml>|</xml>|<a>|</a>|<b/>|<!\[CDATA\[|\]\]>|&|;|amp|#x41|<!DOCTYPE|<\?xml|\?>|<!--|-->| |x|[^a]){0,40}"#) {
        let _ = parse(document.as_bytes());
    }

    #[test]
    fn no_bytes_make_the_parser_panic(document in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&document);
    }

    /// Whatever was taken has one reading: written again, it is the same.
    #[test]
    fn what_is_read_is_written_and_read_as_the_same(document in r#"(<xml>)?(<(a|b|c)>(x|&amp;|&#65;|<!\[CDATA\[(y|<|&|]]){0,3}\]\]>|\n){0,3}</(a|b|c)>|<(a|b)/>|\n){0,4}(</xml>)?"#) {
        if let Ok(fields) = parse(document.as_bytes()) {
            prop_assert_eq!(parse(write(&fields).as_bytes()), Ok(fields));
        }
    }

    #[test]
    fn a_value_is_the_same_however_it_is_written(parts in prop::collection::vec((any::<String>(), 0..4_u8), 0..6)) {
        // Without what XML can't carry, as every value that we send.
        let parts: Vec<(String, u8)> = parts
            .into_iter()
            .map(|(part, how)| (Fields::new().with("a", part).get("a").unwrap_or_default().to_owned(), how))
            .collect();
        let value: String = parts.iter().map(|(part, _)| part.as_str()).collect();
        let body: String = parts.iter().map(|(part, how)| written(part, *how)).collect();
        let fields = parse(format!("<xml><a>{body}</a></xml>").as_bytes()).unwrap();
        prop_assert_eq!(fields.get("a"), Some(value.as_str()));
    }

    #[test]
    fn no_entity_but_the_five_is_known(name in "[a-zA-Z#][a-zA-Z0-9]{0,8}") {
        let document = format!("<xml><a>&{name};</a></xml>");
        let known = ["lt", "gt", "amp", "quot", "apos"].contains(&name.as_str());
        let numbered = name.strip_prefix('#').is_some_and(|number| number.starts_with(|c: char| c.is_ascii_digit() || c == 'x'));
        prop_assert!(parse(document.as_bytes()).is_err() || known || numbered);
        prop_assert!(!known || parse(document.as_bytes()).is_ok());
    }

    #[test]
    fn a_name_that_comes_twice_is_refused_wherever_it_stands(names in prop::collection::btree_set("[a-z]{1,3}", 1..8), twice in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let mut names: Vec<String> = names.into_iter().collect();
        let again = names[twice.index(names.len())].clone();
        names.insert(at.index(names.len() + 1), again);
        let body: String = names.iter().map(|name| format!("<{name}>1</{name}>")).collect();
        prop_assert_eq!(parse(format!("<xml>{body}</xml>").as_bytes()), Err(XmlFault::Duplicate));
    }
}
