//! Every flow, killed at each of its steps and started again: it ends right, and once.
//!
//! `TALLY_TEST_STEPS` seeds kill at every step (the short form: one seed, every few steps); `TALLY_TEST_SEED` repeats a run.

mod support;

use std::path::PathBuf;

use tally_proof::steps::flows;
use tally_proof::steps::run::{Plan, run};

#[test]
fn every_flow_that_is_killed_at_a_step_ends_right_and_once() {
    let seed = support::seed();
    let plan = Plan {
        binary: PathBuf::from(support::BINARY),
        place: PathBuf::from(support::PLACE),
        flows: flows::all(),
        every: 1,
        seeds: vec![seed],
        at_once: 6,
        keep: true,
    };
    let report = run(&plan).expect("the shim can be built");
    println!("{report}");
    for missed in &report.missed {
        println!("not come to: {missed}");
    }
    support::assert_clean(report.faults);
}
