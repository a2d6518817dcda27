//! What a call to WeChat came to: certainly yes, certainly no, or not known.

use crate::limits::{DOCUMENT_BYTES_MAX, MESSAGE_CHARS_MAX};
use crate::sign::SignFault;
use crate::xml::XmlFault;

/// What a call came to. `R` says why not, in the words of that call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Outcome<T, R> {
    /// It certainly happened, or this certainly is so.
    Done(T),
    /// WeChat certainly did not do it.
    Refused(R),
    /// Nothing is certain: ask, or repeat with the same number and the same fields.
    Unknown(Doubt),
}

impl<T, R> Outcome<T, R> {
    /// The same, with other data.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U, R> {
        match self {
            Self::Done(data) => Outcome::Done(change(data)),
            Self::Refused(refusal) => Outcome::Refused(refusal),
            Self::Unknown(doubt) => Outcome::Unknown(doubt),
        }
    }
}

/// Why an outcome is not known. Holds no URL, and no text of a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// No connection came to stand, so nothing was sent.
    #[error("WeChat can't be reached, nothing was sent")]
    Unreachable,
    /// The time was up.
    #[error("WeChat did not answer in time")]
    TimedOut,
    /// The connection broke.
    #[error("the connection to WeChat broke")]
    Broken,
    /// A gateway answered, or an error page did.
    #[error("WeChat answered with HTTP status {0}")]
    Status(u16),
    /// The answer is larger than any should be.
    #[error("WeChat's answer is over {DOCUMENT_BYTES_MAX} bytes")]
    TooLarge,
    /// The answer is not one of WeChat's documents.
    #[error("WeChat's answer is no document: {0}")]
    Xml(#[from] XmlFault),
    /// The answer is not one of the login's documents.
    #[error("WeChat's answer is not the JSON that it should be")]
    Json,
    /// The answer can't be verified.
    #[error("WeChat's answer can't be trusted: {0}")]
    Sign(#[from] SignFault),
    /// `return_code` is not SUCCESS. Such an answer is not signed, so it proves nothing.
    #[error("WeChat did not take the request: {0}")]
    NotTaken(Message),
    /// WeChat names a code after which nothing is certain, or one that is not known here.
    #[error("WeChat answered {0}")]
    Code(Code),
    /// The answer speaks of something else than what was asked.
    #[error("WeChat's answer is about another {0}")]
    Foreign(&'static str),
    /// The answer lacks a field that it must have, or has it in a shape that it can't have.
    #[error("WeChat's answer lacks a proper {0}")]
    Field(&'static str),
}

impl Doubt {
    /// Whether the request certainly never left.
    pub fn never_sent(&self) -> bool {
        *self == Self::Unreachable
    }
}

/// A code of WeChat's with the words that came with it, which are for people only.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} ({words})")]
pub struct Code {
    /// `err_code`, or `errcode` of the login.
    pub code: Message,
    /// `err_code_des`, or `errmsg`.
    pub words: Message,
}

impl Code {
    /// Both, cut to a decent length.
    pub fn new(code: &str, words: &str) -> Self {
        Self { code: Message::new(code), words: Message::new(words) }
    }
}

/// A text of the other side that may be shown and logged: short, without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Message(String);

impl Message {
    /// Cuts and cleans a text.
    pub fn new(text: &str) -> Self {
        Self(text.chars().filter(|c| !c.is_control()).take(MESSAGE_CHARS_MAX).collect())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// A field that we were to send and WeChat would not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{field} {wanted}")]
pub struct FieldFault {
    /// As WeChat names it.
    pub field: &'static str,
    /// What it must be.
    pub wanted: &'static str,
}
