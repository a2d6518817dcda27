//! `tally-proof mutants`: builds each known defect in, and says in how many seeds it is caught.

use std::process::ExitCode;

use clap::Args;

use super::mutant;

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// This one alone
    #[arg(long, value_parser = mutant::named)]
    mutant: Option<tally_actors::mutant::Mutant>,
    /// How many seeds for each
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(1..))]
    seeds: u64,
}

#[cfg(not(feature = "mutants"))]
pub(crate) fn run(_: &Asked) -> ExitCode {
    eprintln!(
        "known defects are built in with: cargo run --release -p tally-proof --features mutants -- mutants"
    );
    ExitCode::from(2)
}

#[cfg(feature = "mutants")]
pub(crate) fn run(asked: &Asked) -> ExitCode {
    use tally_actors::mutant::Mutant;

    let all = || Mutant::ENGINE.iter().chain(Mutant::PAYOUT).copied().collect();
    let wanted: Vec<Mutant> = asked.mutant.map_or_else(all, |one| vec![one]);
    println!("caught in, of {} seeds; first seed; by which claims", asked.seeds);
    let missed = wanted.into_iter().filter(|mutant| !caught(*mutant, asked.seeds)).count();
    if missed == 0 {
        return ExitCode::SUCCESS;
    }
    println!("{missed} not caught");
    ExitCode::FAILURE
}

/// Whether a defect is caught, by the simulator or, where it is one of paying out, by the model check.
#[cfg(feature = "mutants")]
fn caught(mutant: tally_actors::mutant::Mutant, seeds: u64) -> bool {
    use tally_actors::mutant::Mutant;

    if Mutant::PAYOUT.contains(&mutant) {
        return counterexample(mutant);
    }
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let caught = tally_proof::mutants::hunt(mutant, seeds, u64::MAX, threads);
    let first = caught.first.map_or("-".to_owned(), |first| first.to_string());
    let claims: Vec<String> =
        caught.claims.iter().map(|(claim, seeds)| format!("{claim} {seeds}")).collect();
    println!("{:<32}{:>6}{first:>7}  {}", mutant.name(), caught.seeds, claims.join(", "));
    caught.seeds > 0
}

/// Whether the model check, as deep as its test goes, has a counterexample; the first is told.
#[cfg(feature = "mutants")]
fn counterexample(mutant: tally_actors::mutant::Mutant) -> bool {
    use tally_proof::model::{WORLDS, explore};

    tally_actors::mutant::choose(Some(mutant));
    let found = WORLDS.iter().find_map(|world| Some((world, explore(world, 15).counterexample?)));
    tally_actors::mutant::choose(None);
    let told = found.as_ref().map_or("not caught by the model".to_owned(), |(world, found)| {
        let (claim, steps) = (found.violation.claim, found.steps.len());
        format!("model, `{}`: {claim}, in {steps} steps", world.name)
    });
    println!("{:<32}               {told}", mutant.name());
    found.is_some()
}
