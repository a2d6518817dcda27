//! Judges a history. Shares no code with what it judges: it names no type of the engine.

use std::fmt;

use crate::history::History;

/// A claim that a history breaks, in words that name the merchant, the calls and the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The claim, such as `conservation`.
    pub claim: &'static str,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.claim, self.what)
    }
}

/// All that is wrong with a history; empty: nothing.
pub fn judge(_history: &History) -> Vec<Violation> {
    vec![]
}
