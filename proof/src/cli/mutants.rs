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
    #[arg(long, default_value_t = 1_000)]
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
    use tally_proof::mutants::hunt;

    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let wanted = asked.mutant.as_ref().map_or(Mutant::ENGINE, std::slice::from_ref);
    let mut missed = 0;
    println!("caught in, of {} seeds; first seed; by which claims", asked.seeds);
    for mutant in wanted {
        let caught = hunt(*mutant, asked.seeds, u64::MAX, threads);
        let first = caught.first.map_or("-".to_owned(), |first| first.to_string());
        let claims: Vec<String> =
            caught.claims.iter().map(|(claim, seeds)| format!("{claim} {seeds}")).collect();
        println!("{:<32}{:>6}{first:>7}  {}", mutant.name(), caught.seeds, claims.join(", "));
        missed += usize::from(caught.seeds == 0);
    }
    if missed == 0 {
        return ExitCode::SUCCESS;
    }
    println!("{missed} not caught");
    ExitCode::FAILURE
}
