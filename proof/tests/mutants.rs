//! Each known defect of the engine, built in, is caught by the simulator.

use std::process::Command;

use tally_actors::mutant::Mutant;
use tally_proof::mutants::hunt;
use tally_proof::sim::{Options, Plan, Timeline, shrink};

/// In so many seeds each must be caught.
const SEEDS: u64 = 1_000;

#[test]
fn each_known_defect_is_caught_within_a_thousand_seeds() {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let missed: Vec<&str> = Mutant::ENGINE
        .iter()
        .filter(|mutant| {
            let caught = hunt(**mutant, SEEDS, 1, threads);
            println!("{}: first caught in seed {:?}", mutant.name(), caught.first);
            caught.seeds == 0
        })
        .map(|mutant| mutant.name())
        .collect();
    assert!(missed.is_empty(), "not caught: {}", missed.join(", "));
}

/// A person must be able to read what a failing seed did, and to see it again.
#[test]
fn a_failing_seed_is_made_small_and_its_flags_make_the_same_run() {
    let mutant = Some(Mutant::SumThenMark);
    let options = Options { mutant };
    let first = hunt(Mutant::SumThenMark, SEEDS, 1, 1).first.expect("it is caught");
    let plan = Plan::of(first);
    let broken = options.run(plan.clone(), Timeline::default()).violations.remove(0);
    let small = shrink(plan.clone(), &broken, &options);
    let claims: Vec<_> = small.run.violations.iter().map(|violation| violation.claim).collect();
    assert!(claims.contains(&broken.claim), "{claims:?} instead of {}", broken.claim);
    assert!(small.operations * 3 < plan.operations(), "{} are left", small.operations);
    let mut command = Command::new(env!("CARGO_BIN_EXE_tally-proof"));
    command.arg("simulate").args(small.flags.split(' '));
    let output = command.args(["--mutant", "sum-then-mark"]).output().expect("it runs");
    let told = String::from_utf8(output.stdout).expect("text");
    assert!(!output.status.success());
    assert!(told.contains(small.run.timeline.text()), "{told}");
    assert!(told.contains(&format!("trace {:016x}", small.run.trace)), "{told}");
}
