//! WeChat's XML: one root, one level of fields, text only. Whatever else XML can do is refused, and says why.

use quick_xml::Reader;
use quick_xml::events::{BytesDecl, BytesRef, BytesStart, Event};

use crate::fields::{Fields, xml_char};
use crate::limits::{DOCUMENT_BYTES_MAX, DOCUMENT_FIELDS_MAX, FIELD_NAME_BYTES_MAX};

/// Why a document was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum XmlFault {
    /// Larger than any that WeChat sends.
    #[error("over {DOCUMENT_BYTES_MAX} bytes or {DOCUMENT_FIELDS_MAX} fields")]
    TooLarge,
    /// Not text.
    #[error("not UTF-8")]
    NotUtf8,
    /// A document type could name entities and files.
    #[error("has a DOCTYPE")]
    Doctype,
    /// An entity other than the five that XML predefines.
    #[error("has an entity that XML does not predefine")]
    Entity,
    /// A field within a field.
    #[error("has a field within a field")]
    Nested,
    /// Two values for one name make it unclear what was signed.
    #[error("has a field twice")]
    Duplicate,
    /// An attribute; V2 has none.
    #[error("has an attribute")]
    Attribute,
    /// Not a document of this kind.
    #[error("malformed: {0}")]
    Malformed(&'static str),
}

/// Reads a document whose root is `xml`.
///
/// # Errors
///
/// [`XmlFault`] for anything but one root with one level of distinct text fields.
pub fn parse(document: &[u8]) -> Result<Fields, XmlFault> {
    parse_rooted(document, "xml")
}

/// Reads a document with a root of another name (the refund notice's inner one is called `root`).
pub(crate) fn parse_rooted(document: &[u8], root: &str) -> Result<Fields, XmlFault> {
    if document.len() > DOCUMENT_BYTES_MAX {
        return Err(XmlFault::TooLarge);
    }
    let text = std::str::from_utf8(document).map_err(|_| XmlFault::NotUtf8)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader::from_str(text);
    let mut parser = Parser { root, fields: Fields::new(), place: Place::Start };
    loop {
        let event = reader.read_event().map_err(|_| XmlFault::Malformed("not well-formed"))?;
        match event {
            Event::Start(tag) => parser.open(&tag)?,
            Event::Empty(tag) => {
                parser.open(&tag)?;
                parser.close()?;
            }
            Event::End(_) => parser.close()?,
            Event::Text(text) => parser.text(&text, false)?,
            Event::CData(text) => parser.text(&text, true)?,
            Event::GeneralRef(reference) => parser.reference(&reference)?,
            Event::Decl(declaration) => parser.declaration(&declaration)?,
            Event::DocType(_) => return Err(XmlFault::Doctype),
            Event::Comment(_) => return Err(XmlFault::Malformed("a comment")),
            Event::PI(_) => return Err(XmlFault::Malformed("a processing instruction")),
            Event::Eof => return parser.finish(),
        }
    }
}

/// Writes the fields under the root `xml`, each value in CDATA sections that it can't break out of.
pub fn write(fields: &Fields) -> String {
    write_rooted(fields, "xml")
}

/// The same under a root of another name.
pub(crate) fn write_rooted(fields: &Fields, root: &str) -> String {
    let mut document = format!("<{root}>");
    for (name, value) in fields.iter() {
        let value = value.replace("]]>", "]]]]><![CDATA[>");
        document.push_str(&format!("<{name}><![CDATA[{value}]]></{name}>"));
    }
    document.push_str(&format!("</{root}>"));
    document
}

/// Where the parser stands.
enum Place {
    Start,
    Declared,
    Root,
    Field { name: String, value: String },
    After,
}

struct Parser<'a> {
    root: &'a str,
    fields: Fields,
    place: Place,
}

impl Parser<'_> {
    fn open(&mut self, tag: &BytesStart<'_>) -> Result<(), XmlFault> {
        if !tag.attributes_raw().trim().is_empty() {
            return Err(XmlFault::Attribute);
        }
        let name = tag.name().0;
        self.place = match self.place {
            Place::Start | Place::Declared if name == self.root => Place::Root,
            Place::Start | Place::Declared => {
                return Err(XmlFault::Malformed("the root has another name"));
            }
            Place::Root if is_name(name) => {
                Place::Field { name: name.to_owned(), value: String::new() }
            }
            Place::Root => return Err(XmlFault::Malformed("a field's name is none")),
            Place::Field { .. } => return Err(XmlFault::Nested),
            Place::After => return Err(XmlFault::Malformed("a second root")),
        };
        Ok(())
    }

    fn close(&mut self) -> Result<(), XmlFault> {
        self.place = match std::mem::replace(&mut self.place, Place::Root) {
            Place::Field { name, value } => {
                if self.fields.len() >= DOCUMENT_FIELDS_MAX {
                    return Err(XmlFault::TooLarge);
                }
                if !self.fields.receive(&name, value) {
                    return Err(XmlFault::Duplicate);
                }
                Place::Root
            }
            Place::Root => Place::After,
            Place::Start | Place::Declared | Place::After => {
                return Err(XmlFault::Malformed("an end without a beginning"));
            }
        };
        Ok(())
    }

    fn text(&mut self, text: &str, section: bool) -> Result<(), XmlFault> {
        if !text.chars().all(xml_char) {
            return Err(XmlFault::Malformed("a control character"));
        }
        match &mut self.place {
            Place::Field { value, .. } => value.push_str(text),
            // White space before the root would make a declaration after it impossible.
            Place::Start | Place::Declared | Place::Root | Place::After => {
                if section || !text.chars().all(|c| matches!(c, ' ' | '\t' | '\r' | '\n')) {
                    return Err(XmlFault::Malformed("text outside of the fields"));
                }
                if matches!(self.place, Place::Start) && !text.is_empty() {
                    self.place = Place::Declared;
                }
            }
        }
        Ok(())
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), XmlFault> {
        let Place::Field { value, .. } = &mut self.place else {
            return Err(XmlFault::Malformed("text outside of the fields"));
        };
        let numbered = reference.resolve_char_ref().map_err(|_| XmlFault::Entity)?;
        let character = match numbered {
            Some(character) => character,
            None => predefined(reference).ok_or(XmlFault::Entity)?,
        };
        if !xml_char(character) {
            return Err(XmlFault::Malformed("a control character"));
        }
        value.push(character);
        Ok(())
    }

    fn declaration(&mut self, declaration: &BytesDecl<'_>) -> Result<(), XmlFault> {
        if !matches!(self.place, Place::Start) {
            return Err(XmlFault::Malformed("a declaration that is not at the start"));
        }
        self.place = Place::Declared;
        match declaration.encoding() {
            None => Ok(()),
            Some(Ok(encoding)) if encoding.eq_ignore_ascii_case("utf-8") => Ok(()),
            Some(_) => Err(XmlFault::NotUtf8),
        }
    }

    fn finish(self) -> Result<Fields, XmlFault> {
        match self.place {
            Place::After => Ok(self.fields),
            Place::Start | Place::Declared => Err(XmlFault::Malformed("no document")),
            Place::Root | Place::Field { .. } => Err(XmlFault::Malformed("it ends too early")),
        }
    }
}

fn predefined(name: &str) -> Option<char> {
    match name {
        "lt" => Some('<'),
        "gt" => Some('>'),
        "amp" => Some('&'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        _ => None,
    }
}

/// A field's name as WeChat makes them. Neither `=` nor `&` can be in one, which would make the signed text ambiguous.
fn is_name(name: &str) -> bool {
    let first = name.bytes().next();
    first.is_some_and(|b| b.is_ascii_alphabetic() || b == b'_')
        && name.len() <= FIELD_NAME_BYTES_MAX
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'))
}

#[cfg(test)]
#[path = "xml_tests.rs"]
mod tests;
