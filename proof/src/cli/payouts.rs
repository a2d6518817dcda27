//! `tally-proof payouts`: very many withdrawals by WeChat while much goes wrong there, and what came of each fen.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use tally_proof::sim::{Kind, Options, Plan, Run, Timeline, Tour, Trip, tour};

use super::mutant;

/// Withdrawals in one run of the simulator.
const IN_ONE: u64 = 100;

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// How many withdrawals, in runs of 100
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..=1 << 32))]
    withdrawals: u64,
    /// In how many of a hundred cases each step at the channel goes wrong, in each way
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(0..=90))]
    faults: u16,
    /// The first seed
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// Run this seed alone, and print its timeline
    #[arg(long)]
    seed: Option<u64>,
    /// Build this known defect in (with the feature `mutants`)
    #[arg(long, value_parser = mutant::named)]
    mutant: Option<tally_actors::mutant::Mutant>,
}

/// Does it. Success: every fen that the channel paid was withdrawn, once, and nothing is uncertain.
pub(crate) fn run(asked: &Asked) -> ExitCode {
    let options = Options { mutant: asked.mutant };
    if let Some(seed) = asked.seed {
        let Run { violations, timeline, .. } =
            options.run(Plan::payouts(seed, IN_ONE, asked.faults), Timeline::on());
        println!("{}", timeline.text());
        violations.iter().for_each(|violation| println!("VIOLATION {violation}"));
        return exit(violations.is_empty());
    }
    let (began, threads) =
        (Instant::now(), std::thread::available_parallelism().map_or(1, usize::from));
    let kind = Kind::Payouts(IN_ONE, asked.faults);
    let seeds = asked.withdrawals.div_ceil(IN_ONE);
    let trip = Trip { kind, from: asked.from, seeds, threads, keep_going: true, options };
    let tour = tour(&trip, |done| eprintln!("{done} of {seeds} runs"));
    told(&tour, began.elapsed().as_secs());
    for (seed, violation) in &tour.failed {
        println!("seed {seed} breaks {violation}");
    }
    exit(tour.failed.is_empty() && tour.paid_out == tour.withdrawn)
}

fn told(tour: &Tour, seconds: u64) {
    let count = |group, kind| tour.counts.get(&(group, kind)).copied().unwrap_or(0);
    println!("{} runs, {} steps, {seconds} s", tour.seeds, tour.steps);
    println!(
        "withdrawals: {} requested, {} succeeded, {} failed with the money back",
        count("event", "withdrawal_requested"),
        count("event", "withdrawal_succeeded"),
        count("event", "withdrawal_failed"),
    );
    println!(
        "the channel was sent {} transfers, and paid {}: {} fen; withdrawn: {} fen",
        count("transfer", "sent"),
        count("transfer", "paid"),
        tour.paid_out,
        tour.withdrawn
    );
    let faults = tour.counts.iter().filter(|((group, _), _)| *group == "fault");
    let faults: Vec<_> = faults.map(|((_, kind), count)| format!("{kind} {count}")).collect();
    println!("faults: {}", faults.join(", "));
}

fn exit(clean: bool) -> ExitCode {
    if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
