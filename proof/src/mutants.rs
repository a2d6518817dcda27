//! The known defects of this field, built in on purpose: in how many seeds each is caught.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use tally_actors::mutant::Mutant;

use crate::sim::{Options, Plan, Timeline};

/// What became of one defect.
#[derive(Debug, Default)]
pub struct Caught {
    /// In how many seeds it was caught.
    pub seeds: u64,
    /// The first of them.
    pub first: Option<u64>,
    /// By which claims: the first violation of each seed.
    pub claims: BTreeMap<&'static str, u64>,
}

impl Caught {
    fn add(&mut self, seed: u64, claim: &'static str) {
        self.seeds += 1;
        self.first = Some(self.first.map_or(seed, |first| first.min(seed)));
        *self.claims.entry(claim).or_default() += 1;
    }
}

/// Runs the seeds below `seeds` with a defect built in, on so many threads; no more than it takes to catch it so often.
pub fn hunt(mutant: Mutant, seeds: u64, enough: u64, threads: usize) -> Caught {
    let (next, caught) = (AtomicU64::new(0), Mutex::new(Caught::default()));
    let options = Options { mutant: Some(mutant) };
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            let run = options.run(Plan::of(seed), Timeline::default());
            let mut caught = caught.lock().expect("no thread panics with it in hand");
            if let Some(violation) = run.violations.first() {
                caught.add(seed, violation.claim);
            }
            if caught.seeds >= enough {
                return;
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    caught.into_inner().expect("no thread panicked with it in hand")
}
