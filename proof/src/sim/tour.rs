//! A tour over many seeds, on several threads: the seeds are shared out, and what was exercised is added up.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tally_actors::mutant::Mutant;

use super::plan::Plan;
use super::stage::Counts;
use super::timeline::Timeline;
use super::{Run, run};
use crate::auditor::Violation;
use crate::history::History;

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
    /// How many calls were made.
    pub calls: usize,
    /// What happened how often.
    pub counts: Counts,
    /// What the channel paid out, in fen.
    pub paid_out: i128,
    /// What the books say was withdrawn, in fen.
    pub withdrawn: i128,
    /// The seeds that broke a claim, each with the first that it broke.
    pub failed: BTreeMap<u64, Violation>,
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
}

/// What a seed's plan is about.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A bit of everything.
    Mixed,
    /// So many withdrawals by WeChat, while every step there goes wrong in so many of a hundred cases.
    Payouts(u64, u16),
}

impl Kind {
    fn plan(self, seed: u64) -> Plan {
        match self {
            Self::Mixed => Plan::of(seed),
            Self::Payouts(withdrawals, percent) => Plan::payouts(seed, withdrawals, percent),
        }
    }
}

/// Which seeds to run, and how.
#[derive(Debug, Clone, Copy)]
pub struct Trip {
    /// What their plans are about.
    pub kind: Kind,
    /// The first.
    pub from: u64,
    /// How many.
    pub seeds: u64,
    /// On how many threads.
    pub threads: usize,
    /// Go on after a seed that broke a claim.
    pub keep_going: bool,
    /// How runs are made.
    pub options: Options,
}

/// How often the progress is told.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// Runs seeds. Every few seconds `progress` hears how many are done.
pub fn tour(trip: &Trip, progress: impl Fn(u64) + Sync) -> Tour {
    let (next, end) = (AtomicU64::new(trip.from), AtomicU64::new(trip.from + trip.seeds));
    let sum = Mutex::new((Tour::default(), Instant::now()));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            // Seeds below one that failed are run all the same: the lowest is told, whatever the threads do.
            if seed >= end.load(Ordering::Relaxed) {
                return;
            }
            let run = trip.options.run(trip.kind.plan(seed), Timeline::default());
            if !run.violations.is_empty() && !trip.keep_going {
                end.fetch_min(seed, Ordering::Relaxed);
            }
            let mut sum = sum.lock().expect("no thread panics with the sum in hand");
            sum.0.add(seed, run);
            if sum.1.elapsed() >= PROGRESS_EVERY {
                sum.1 = Instant::now();
                progress(sum.0.seeds);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..trip.threads.max(1) {
            scope.spawn(work);
        }
    });
    sum.into_inner().expect("no thread panicked with the sum in hand").0
}

impl Tour {
    fn add(&mut self, seed: u64, run: Run) {
        self.seeds += 1;
        self.steps += run.steps;
        self.calls += run.history.calls.len();
        let History { channel, stored, .. } = &run.history;
        let fen = channel.transfers.iter().map(|(_, _, fen)| i128::from(*fen));
        self.paid_out += fen.sum::<i128>();
        let balances = stored.values().filter_map(|stored| stored.balance.as_ref());
        self.withdrawn += balances.map(|balance| i128::from(balance.withdrawn)).sum::<i128>();
        for (key, count) in run.counts {
            *self.counts.entry(key).or_default() += count;
        }
        if let Some(first) = run.violations.into_iter().next() {
            self.failed.insert(seed, first);
        }
    }
}
