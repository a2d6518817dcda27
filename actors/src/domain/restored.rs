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
    /// Of two restores, what holds after both. Nothing is missing any more because of one that was released.
    pub fn and(self, other: Self) -> Self {
        let since = match (self.frozen, other.frozen) {
            (true, false) => self.since,
            (false, true) => other.since,
            (true, true) | (false, false) => self.since.min(other.since),
        };
        Self { since, at: self.at.max(other.at), frozen: self.frozen || other.frozen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restored(since: i64, at: i64, frozen: bool) -> Restored {
        Restored { since: At::from_ms(since), at: At::from_ms(at), frozen }
    }

    #[test]
    fn nothing_is_missing_any_more_of_what_was_released() {
        for (one, other, both) in [
            (restored(1, 2, false), restored(5, 6, true), restored(5, 6, true)),
            (restored(5, 9, true), restored(1, 20, false), restored(5, 20, true)),
            (restored(1, 2, true), restored(5, 6, true), restored(1, 6, true)),
            (restored(1, 2, false), restored(5, 6, false), restored(1, 6, false)),
        ] {
            assert_eq!((one.and(other), other.and(one)), (both, both));
        }
    }
}
