//! Makes a failing run small: fewer operations, fewer kinds of faults, fewer nodes, and still the same claim broken.
//!
//! Delta debugging (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", 2002): leave out ever smaller
//! parts as long as the rest still fails. A run with an operation less has another schedule from there on, so each candidate
//! is tried with a few.

use super::plan::Plan;
use super::timeline::Timeline;
use super::tour::Options;
use super::{Fault, Run};
use crate::auditor::Violation;

/// Schedules that are tried for each candidate.
const SCHEDULES: u64 = 12;

/// More candidates than any run is worth.
const RUNS_MAX: u32 = 30_000;

/// A small run, and the flags that make it.
#[derive(Debug)]
pub struct Small {
    /// The run, with its timeline.
    pub run: Run,
    /// The flags of `tally-proof simulate`.
    pub flags: String,
    /// How many operations of clients are left.
    pub operations: usize,
}

/// What of a plan is kept.
#[derive(Debug, Clone)]
struct Kept {
    ops: Vec<usize>,
    without: Vec<Fault>,
    nodes: usize,
    schedule: u64,
}

struct Shrinker<'a> {
    plan: Plan,
    claim: &'a str,
    options: &'a Options,
    kept: Kept,
    runs: u32,
}

/// Makes the run of a plan small, as long as it breaks the same claim.
pub fn shrink(plan: Plan, broken: &Violation, options: &Options) -> Small {
    let (nodes, schedule) = (plan.nodes, plan.schedule);
    let kept = Kept { ops: (0..plan.operations()).collect(), without: vec![], nodes, schedule };
    let mut shrinker = Shrinker { plan, claim: broken.claim, options, kept, runs: 0 };
    shrinker.fewer_operations();
    shrinker.fewer_faults();
    shrinker.fewer_nodes();
    shrinker.fewer_operations();
    shrinker.fewer_faults();
    let Shrinker { plan, kept, .. } = shrinker;
    let run = options.run(kept.of(&plan), Timeline::on());
    Small { run, flags: kept.flags(&plan), operations: kept.ops.len() }
}

impl Shrinker<'_> {
    /// Takes a candidate if it still fails.
    fn takes(&mut self, candidate: &Kept) -> bool {
        for other in 0..SCHEDULES {
            if self.runs >= RUNS_MAX {
                return false;
            }
            self.runs += 1;
            let schedule =
                if other == 0 { candidate.schedule } else { self.plan.seed.wrapping_add(other) };
            let candidate = Kept { schedule, ..candidate.clone() };
            let run = self.options.run(candidate.of(&self.plan), Timeline::default());
            if run.violations.iter().any(|violation| violation.claim == self.claim) {
                self.kept = candidate;
                return true;
            }
        }
        false
    }

    fn fewer_operations(&mut self) {
        let mut part = self.kept.ops.len().div_ceil(2).max(1);
        loop {
            let mut from = 0;
            while from < self.kept.ops.len() {
                let mut candidate = self.kept.clone();
                candidate.ops.drain(from..(from + part).min(self.kept.ops.len()));
                if !self.takes(&candidate) {
                    from += part;
                }
            }
            if part == 1 {
                return;
            }
            part = part.div_ceil(2);
        }
    }

    fn fewer_faults(&mut self) {
        for fault in self.plan.faults() {
            if !self.kept.without.contains(&fault) {
                let mut candidate = self.kept.clone();
                candidate.without.push(fault);
                self.takes(&candidate);
            }
        }
    }

    fn fewer_nodes(&mut self) {
        for nodes in 1..self.kept.nodes {
            let candidate = Kept { nodes, ..self.kept.clone() };
            if self.takes(&candidate) {
                return;
            }
        }
    }
}

impl Kept {
    fn of(&self, plan: &Plan) -> Plan {
        let mut plan = plan.clone().only(&self.ops).without(&self.without);
        (plan.nodes, plan.schedule) = (self.nodes, self.schedule);
        plan
    }

    fn flags(&self, plan: &Plan) -> String {
        let ops = self.ops.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let mut flags = format!("--seed {} --only {ops}", plan.seed);
        if !self.without.is_empty() {
            let names = self.without.iter().map(|fault| fault.name()).collect::<Vec<_>>();
            flags.push_str(&format!(" --without {}", names.join(",")));
        }
        if self.nodes != plan.nodes {
            flags.push_str(&format!(" --nodes {}", self.nodes));
        }
        if self.schedule != plan.schedule {
            flags.push_str(&format!(" --schedule {}", self.schedule));
        }
        flags
    }
}
