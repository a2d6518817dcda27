//! Each known defect of the engine, built in, is caught by the simulator.

use tally_actors::mutant::Mutant;
use tally_proof::mutants::hunt;

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
