//! The fields of a flat document, in the byte order of their names: the order in which they are signed.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde::{Deserialize, Serialize};

/// Names and values. A field that is not known is kept, because it takes part in the signature.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fields(BTreeMap<String, String>);

impl Fields {
    /// No fields.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets a field that is to be sent. Characters that XML can't carry unchanged (controls, carriage returns) are
    /// dropped here, so that what is signed is what arrives.
    pub fn set(&mut self, name: &str, value: impl AsRef<str>) {
        let value = value.as_ref().chars().filter(|c| carried(*c)).collect();
        self.0.insert(name.to_owned(), value);
    }

    /// The same, in a chain.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl AsRef<str>) -> Self {
        self.set(name, value);
        self
    }

    /// Adds a field as it was received; false, and nothing done, when the name is there already.
    pub(crate) fn receive(&mut self, name: &str, value: String) -> bool {
        match self.0.entry(name.to_owned()) {
            Entry::Vacant(free) => {
                free.insert(value);
                true
            }
            Entry::Occupied(_) => false,
        }
    }

    /// The value of a field; one that is there but empty is the empty text.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The value of a field that is there and not empty.
    pub fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty())
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<String> {
        self.0.remove(name)
    }

    /// All fields, by the byte order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: AsRef<str>, V: AsRef<str>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        let mut fields = Self::new();
        for (name, value) in pairs {
            fields.set(name.as_ref(), value);
        }
        fields
    }
}

/// Whether a character comes out of an XML parser as it went in.
fn carried(c: char) -> bool {
    c != '\r' && xml_char(c)
}

/// XML 1.0's `Char`.
pub(crate) fn xml_char(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_byte_order() {
        let fields: Fields = ["coupon_fee_2", "_x", "Zzz", "a", "coupon_fee_10"]
            .map(|n| (n, "1"))
            .into_iter()
            .collect();
        let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["Zzz", "_x", "a", "coupon_fee_10", "coupon_fee_2"]);
    }

    #[test]
    fn what_xml_would_change_is_dropped_before_it_is_signed() {
        let fields = Fields::new().with("body", "a\r\nb\u{0}\u{1f}\u{ffff}🌾");
        assert_eq!(fields.get("body"), Some("a\nb🌾"));
    }
}
