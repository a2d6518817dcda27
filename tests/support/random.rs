//! Random choices from a seed, so that a failing run can be repeated (SplitMix64).

/// A source of choices.
#[derive(Debug, Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The seed in `TALLY_TEST_SEED`, else a new one; printed, so that a failure shows it.
    pub(crate) fn from_environment() -> Self {
        let seed = match std::env::var("TALLY_TEST_SEED") {
            Ok(seed) => seed.parse().expect("TALLY_TEST_SEED must be a number"),
            Err(_) => getrandom::u64().expect("the system has randomness"),
        };
        println!("TALLY_TEST_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True in so many of a hundred cases.
    pub(crate) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several; there must be one.
    pub(crate) fn of<'a, T>(&mut self, several: &'a [T]) -> &'a T {
        let one = self.below(several.len() as u64);
        &several[usize::try_from(one).expect("an index")]
    }

    /// Another source, which does not depend on what this one is asked afterwards.
    pub(crate) fn fork(&mut self) -> Self {
        Self(self.next())
    }
}
