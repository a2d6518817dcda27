//! Power cuts under load, on a disk that forgets what was not synced: nothing acknowledged is lost, nothing is there in part.
//!
//! `TALLY_TEST_CUTS` cuts that often (20 unless set); `TALLY_TEST_SEED` repeats the choices of a run.

mod support;

use std::path::PathBuf;

use tally_proof::power::cuts;
use tally_proof::power::disk::Names;
use tally_proof::power::plan::{Plan, Report};

/// How many cuts a disk that lies may get away with.
const LYING_CUTS_MAX: u64 = 10;

fn plan() -> Plan {
    Plan {
        binary: PathBuf::from(support::BINARY),
        place: PathBuf::from(support::PLACE),
        cuts: std::env::var("TALLY_TEST_CUTS").map_or(20, |cuts| cuts.parse().expect("a number")),
        images: 5,
        names: Names::Strict,
        lies: None,
        seed: support::seed(),
        clients: 16,
        keep: true,
    }
}

/// Runs a plan. `None` where there can be no shim, which is said, and in CI is a failure.
fn run(plan: &Plan) -> Option<Report> {
    match support::run(cuts::run(plan)) {
        Ok(report) => {
            println!("{report}");
            Some(report)
        }
        Err(why) if std::env::var_os("CI").is_some() => panic!("no power can be cut here: {why}"),
        Err(why) => {
            println!("NOT TESTED, as no power can be cut here: {why}");
            None
        }
    }
}

#[test]
fn nothing_acknowledged_is_lost_when_the_power_is_cut_under_load() {
    if let Some(report) = run(&plan()) {
        support::assert_clean(report.objections().cloned());
    }
}

#[test]
fn a_disk_that_lies_about_its_syncs_is_found_out() {
    let plan = Plan { cuts: LYING_CUTS_MAX, lies: Some(1), keep: false, ..plan() };
    if let Some(report) = run(&plan) {
        assert!(!report.faults.is_empty(), "nobody noticed: {report}");
    }
}
