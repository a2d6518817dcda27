//! Every flow, killed at its steps and started again: it ends right, and once.
//!
//! Every third step of each flow, beginning anywhere; `TALLY_TEST_STEPS` kills at all of them, so often each. `TALLY_TEST_SEED`
//! repeats the choices of a run.

mod support;

use std::path::PathBuf;

use tally_proof::random::Random;
use tally_proof::steps::flows;
use tally_proof::steps::run::{Plan, run};

/// Flows that run at the same time: they wait more than they compute.
const AT_ONCE: usize = 8;

#[test]
fn every_flow_that_is_killed_at_a_step_ends_right_and_once() {
    let times = std::env::var("TALLY_TEST_STEPS");
    let times = times.ok().map(|times| times.parse::<u32>().expect("a number"));
    let mut random = Random::new(support::seed());
    let plan = Plan {
        binary: PathBuf::from(support::BINARY),
        place: PathBuf::from(support::PLACE),
        flows: flows::all(),
        every: if times.is_some() { 1 } else { 3 },
        seeds: (0..times.unwrap_or(1)).map(|_| random.draw()).collect(),
        at_once: AT_ONCE,
        keep: true,
    };
    match run(&plan) {
        Ok(report) => {
            println!("{report}");
            support::assert_clean(report.faults);
        }
        Err(why) if std::env::var_os("CI").is_some() => panic!("no clock can be moved here: {why}"),
        Err(why) => println!("left out: no clock can be moved here: {why}"),
    }
}
