//! Books that were put back from an earlier state: what happened at the channel since then, they do not know.

use super::time::At;

/// An earlier state that was put in the place of newer books.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restored {
    /// From when on something may be missing: when the backup was begun.
    pub since: At,
    /// When it was put in place. Whatever is missing happened before.
    pub at: At,
    /// Nobody has said yet that what is missing was made up for: no money may go out.
    pub frozen: bool,
}

impl Restored {
    /// Of two restores, what holds after both.
    pub fn and(self, other: Self) -> Self {
        let (since, at) = (self.since.min(other.since), self.at.max(other.at));
        Self { since, at, frozen: self.frozen || other.frozen }
    }
}
