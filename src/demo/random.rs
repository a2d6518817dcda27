//! Choices from a seed: the same seed gives each customer and merchant the same choices (SplitMix64).

/// A source of choices.
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    /// The choices of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Another source, which does not depend on what this one is asked afterwards.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// Any number.
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of the range. It must not be empty.
    pub(super) fn within(&mut self, range: std::ops::Range<u64>) -> u64 {
        range.start + self.next() % (range.end - range.start)
    }

    /// True in so many of a hundred cases.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.within(0..100) < percent
    }
}
