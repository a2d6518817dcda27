//! What a caller hears when it does not hear an answer.

use crate::domain::refusal::Refusal;

/// Grouped by the only thing a caller needs to know: is it final?
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EngineError {
    /// Final: the rules said no and nothing was recorded.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// It did not happen: this merchant has too many calls in hand.
    #[error("too many calls for this merchant are under way; ask again in a moment")]
    Busy,
    /// It did not happen, and may be asked again with the same number.
    #[error("it did not happen; ask again with the same number: {0}")]
    Unavailable(String),
    /// Nobody knows whether it happened: ask again with the same number.
    #[error("whether it happened is not known; ask again with the same number")]
    OutcomeUnknown,
}
