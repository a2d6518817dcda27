//! What an admin decided about a merchant as a whole: its withdrawals frozen, its business suspended or closed.

use serde::{Deserialize, Serialize};

use super::case::CaseKind;
use super::ids::KeyId;
use super::time::At;

/// A decision about a merchant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// No withdrawal is taken, approved or sent; one that was sent still ends.
    Freeze,
    /// Withdrawals go on.
    Unfreeze,
    /// No order is opened; money that arrives is booked, withdrawals go on.
    Suspend,
    /// Orders are opened again.
    Resume,
    /// No order and no withdrawal, for ever; money that still arrives is booked, with a case.
    Close,
}

/// Why and since when something does not go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// Why, for people.
    pub reason: Box<str>,
    /// Since when.
    pub since: At,
    /// The admin's key; `None`: Tally itself, as a case was opened.
    pub by: Option<KeyId>,
}

/// How a merchant stands beside its money.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// Its withdrawals are frozen.
    pub frozen: Option<Word>,
    /// It is suspended, or closed.
    pub stopped: Option<Word>,
    /// It is closed, and stays so.
    pub closed: bool,
}

impl Standing {
    /// Nothing was decided, or all of it was taken back.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a decision would change anything.
    pub fn differs_after(&self, change: Change) -> bool {
        match change {
            Change::Freeze => self.frozen.is_none(),
            Change::Unfreeze => self.frozen.is_some(),
            Change::Suspend => self.stopped.is_none(),
            Change::Resume => self.stopped.is_some(),
            Change::Close => !self.closed,
        }
    }

    /// Takes a decision. `None`: nothing follows on a closing but freezing.
    pub(super) fn take(&mut self, change: Change, word: Word) -> Option<()> {
        match change {
            Change::Freeze => self.frozen = Some(word),
            Change::Unfreeze => self.frozen = None,
            Change::Suspend | Change::Resume | Change::Close if self.closed => return None,
            Change::Suspend => self.stopped = Some(word),
            Change::Resume => self.stopped = None,
            Change::Close => {
                self.stopped = Some(word);
                self.closed = true;
            }
        }
        Some(())
    }
}

/// Some kinds of case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CaseKinds(u32);

impl CaseKinds {
    /// Whether a kind is among them.
    pub fn has(self, kind: CaseKind) -> bool {
        self.0 & 1 << kind as u32 != 0
    }
}

impl FromIterator<CaseKind> for CaseKinds {
    fn from_iter<I: IntoIterator<Item = CaseKind>>(kinds: I) -> Self {
        Self(kinds.into_iter().fold(0, |all, kind| all | 1 << kind as u32))
    }
}
