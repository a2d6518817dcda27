//! Why a copy stops: one line each, with the merchant, the event and the remedy.

use std::fmt;

use tally_actors::domain::chain::Seq;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::replay::Flaw;
use tally_actors::ports::{ReadError, Trouble};

/// Which of the two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that is copied.
    Source,
    /// The one that is written.
    Target,
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Source => "source",
            Self::Target => "target",
        })
    }
}

/// Why a copy stops.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CopyFault {
    /// A database does not answer, or holds what can't be read.
    #[error("the {side} can't be read: {error}")]
    Unread {
        /// Which.
        side: Side,
        /// Why.
        error: ReadError,
    },
    /// A database names a merchant by what is no id.
    #[error("the {side} names a merchant {raw:?}, which is no merchant id: run tally audit on it")]
    Nameless {
        /// Which.
        side: Side,
        /// The name.
        raw: String,
    },
    /// The source's events can't be read.
    #[error("merchant {merchant}, event {seq}: the source can't be read: {error}")]
    UnreadEvents {
        /// Whose.
        merchant: MerchantId,
        /// The first of the events that were to be read.
        seq: Seq,
        /// Why.
        error: ReadError,
    },
    /// An event of the source is not what Tally wrote.
    #[error("merchant {merchant}, event {seq} of the source: {flaw}; run tally audit on it")]
    Flawed {
        /// Whose.
        merchant: MerchantId,
        /// Its place.
        seq: Seq,
        /// What is wrong.
        flaw: Flaw,
    },
    /// The source's journal ends before its head.
    #[error(
        "merchant {merchant}, event {seq} of the source is missing, and the head stands after event {head}; \
         run tally audit on it"
    )]
    Short {
        /// Whose.
        merchant: MerchantId,
        /// The first event that is missing.
        seq: Seq,
        /// Where the head stands.
        head: Seq,
    },
    /// The source has events of a merchant and no head.
    #[error("merchant {merchant}: the source has events of it, and no head; run tally audit on it")]
    Headless {
        /// Whose.
        merchant: MerchantId,
    },
    /// The source's head is another than the fold of its events.
    #[error(
        "merchant {merchant}, event {seq}: the source's head is not what the events up to there lead to; run tally audit \
         on it, and on the target where that is an earlier copy"
    )]
    Head {
        /// Whose.
        merchant: MerchantId,
        /// Where it stands.
        seq: Seq,
    },
    /// The target holds other books than the source, or a later state of them.
    #[error(
        "the target is neither empty nor an earlier copy of the source: its merchant {merchant}, event {seq}, {what}; \
         name another target"
    )]
    Foreign {
        /// Whose.
        merchant: MerchantId,
        /// Where the target stands with it.
        seq: Seq,
        /// How it differs.
        what: &'static str,
    },
    /// Somebody else writes to the target.
    #[error(
        "the target is written by somebody else, merchant {merchant}, event {seq}: stop the tally that serves it"
    )]
    Contended {
        /// Whose.
        merchant: MerchantId,
        /// The first event that was to be written.
        seq: Seq,
    },
    /// The target does not take an event.
    #[error("merchant {merchant}, event {seq}: the target does not take it: {constraint}")]
    Refused {
        /// Whose.
        merchant: MerchantId,
        /// Its place.
        seq: Seq,
        /// The constraint, as the database names it.
        constraint: String,
    },
    /// The target does not answer, or has no room.
    #[error("the target can't be written: {0}; run the same again, it goes on where it stands")]
    Unwritten(#[from] Trouble),
    /// The target may or may not have taken the newest events.
    #[error(
        "the target may or may not hold the newest events: {0}; run the same again, it finds out and goes on"
    )]
    Doubt(String),
    /// After the copy, the target's head is not at the event that was copied last.
    #[error(
        "merchant {merchant}, event {seq}: the target does not stand there after the copy; run tally audit on it"
    )]
    Unverified {
        /// Whose.
        merchant: MerchantId,
        /// Where it was copied to; where it stands, for a merchant that was not copied.
        seq: Seq,
    },
    /// A stage of the copy ended without a result, which is a bug of ours.
    #[error("the copy broke off: {0}")]
    Ended(String),
}
