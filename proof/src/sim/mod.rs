//! The simulator: one seed decides what is asked, what goes wrong, and which step is next (issue: no interleaving, crash or
//! disk can lose or invent a fen).
//!
//! It drives the very machines that serve (`pipeline`, `batcher`, `asking`, and the rules below them) on the store in memory,
//! in one thread, in virtual time. Same seed, same run, bit for bit. What clients saw and what is stored in the end is a
//! [`crate::history::History`], which the auditor judges.
//!
//! | file | what |
//! |---|---|
//! | `plan`, `workload`, `refunds`, `desk`, `fault`, `payouts` | what a seed has in mind: rules, operations, faults |
//! | `world`, `client`, `errand`, `truth`, `ending` | the run: who asks, who crashes, how it ends |
//! | `stage`, `item`, `store`, `channel`, `returns` | what is around the processes: time, chance, the store, WeChat |
//! | `process`, `actor`, `door`, `writer`, `reader`, `payer`, `refunder`, `memos` | one process: shells around the machines, as in `actors` |
//! | `tour` | many seeds, on several threads |
//! | `timeline`, `shrink`, `quiet` | a failing run, made small and readable |

mod actor;
mod channel;
mod client;
mod desk;
mod door;
mod ending;
mod errand;
mod fault;
mod item;
mod memos;
mod payer;
mod payouts;
mod plan;
mod process;
mod quiet;
mod reader;
mod refunder;
mod refunds;
mod returns;
mod shrink;
mod stage;
mod store;
mod timeline;
mod tour;
mod truth;
mod workload;
mod world;
mod writer;

pub use fault::Fault;
pub use plan::Plan;
pub use shrink::{Small, shrink};
pub use stage::Counts;
pub use timeline::Timeline;
pub use tour::{Kind, Options, Tour, Trip, tour};
use world::World;

use crate::auditor::{self, Violation};
use crate::history::History;

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    /// What clients saw, and what was stored in the end.
    pub history: History,
    /// What must not be: as the simulator saw it, then as the auditor judges.
    pub violations: Vec<Violation>,
    /// What happened how often.
    pub counts: Counts,
    /// How many steps it took.
    pub steps: u64,
    /// One number for the whole schedule.
    pub trace: u64,
    /// Its lines, when somebody wanted them.
    pub timeline: Timeline,
}

/// Runs a plan. A panic of a machine ends the run, and is a violation.
pub fn run(plan: Plan, timeline: Timeline) -> Run {
    let mut world = World::new(plan, timeline);
    if let Some(panic) = quiet::catch(|| world.run()) {
        world.stage.violated("panic", panic);
    }
    let stage = world.stage;
    let trace = stage.trace();
    let mut violations = stage.violations;
    if violations.is_empty() {
        violations = auditor::judge(&stage.history);
    }
    Run {
        history: stage.history,
        violations,
        counts: stage.counts,
        steps: stage.step,
        trace,
        timeline: stage.timeline,
    }
}
