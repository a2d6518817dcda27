//! A tour over many seeds, on several threads: the seeds are shared out, and what was exercised is added up.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tally_actors::mutant::Mutant;

use super::plan::Plan;
use super::stage::Counts;
use super::timeline::Timeline;
use super::{Run, run};

/// How runs are made.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// A known defect to build in, with the feature `mutants`.
    pub mutant: Option<Mutant>,
}

/// What came of many seeds.
#[derive(Debug, Default)]
pub struct Tour {
    /// How many ran.
    pub seeds: u64,
    /// How many steps they took.
    pub steps: u64,
    /// What happened how often.
    pub counts: Counts,
    /// The lowest seed that broke a claim. The tour ends with it.
    pub failed: Option<u64>,
}

impl Options {
    /// Runs a plan.
    pub fn run(&self, plan: Plan, timeline: Timeline) -> Run {
        #[cfg(feature = "mutants")]
        tally_actors::mutant::choose(self.mutant);
        let run = run(plan, timeline);
        #[cfg(feature = "mutants")]
        tally_actors::mutant::choose(None);
        run
    }

    /// The known defect's name.
    pub fn mutant_name(&self) -> Option<&'static str> {
        self.mutant.map(Mutant::name)
    }
}

/// How often the progress is told.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Runs so many seeds from one on. Every few seconds `progress` hears how many are done.
pub fn tour(
    from: u64,
    seeds: u64,
    threads: usize,
    options: &Options,
    progress: impl Fn(u64) + Sync,
) -> Tour {
    let (next, failed) = (AtomicU64::new(from), AtomicU64::new(u64::MAX));
    let sum = Mutex::new((Tour::default(), Instant::now()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            // Seeds below one that failed are run all the same: the lowest is told, whatever the threads do.
            if seed >= from.saturating_add(seeds) || seed > failed.load(Ordering::Relaxed) {
                return;
            }
            let run = options.run(Plan::of(seed), Timeline::default());
            if !run.violations.is_empty() {
                failed.fetch_min(seed, Ordering::Relaxed);
            }
            let mut sum = sum.lock().expect("no thread panics with the sum in hand");
            sum.0.add(run);
            if sum.1.elapsed() >= PROGRESS_EVERY {
                sum.1 = Instant::now();
                progress(sum.0.seeds);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(work);
        }
    });
    let (mut tour, _) = sum.into_inner().expect("no thread panicked with the sum in hand");
    tour.failed = Some(failed.into_inner()).filter(|failed| *failed != u64::MAX);
    tour
}

impl Tour {
    fn add(&mut self, run: Run) {
        self.seeds += 1;
        self.steps += run.steps;
        for (key, count) in run.counts {
            *self.counts.entry(key).or_default() += count;
        }
    }
}
