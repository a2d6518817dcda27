//! The command line: a file a command.

mod binary;
mod crash;
mod model;
mod mutant;
mod mutants;
mod payouts;
mod power_cuts;
mod simulate;
mod steps;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tries to break Tally
#[derive(Debug, Parser)]
#[command(name = "tally-proof", version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run seeds of the simulator, or one seed again
    Simulate(simulate::Simulate),
    /// Build each known defect in, and say in how many seeds it is caught
    Mutants(mutants::Asked),
    /// Explore every interleaving of a withdrawal's life, in a small world
    Model(model::Asked),
    /// Withdraw very often while much goes wrong at WeChat, and count each fen
    Payouts(payouts::Asked),
    /// Kill the real binary under load, and compare what is left with what was acknowledged
    Crash(crash::Asked),
    /// Cut the real binary's power under load, and let it come up from what a disk may hold that forgot what was not synced
    PowerCuts(power_cuts::Asked),
    /// Kill the real binary at each step of each flow, and see each flow end right, and once
    Steps(steps::Asked),
}

/// Runs the command that was asked for.
pub(crate) fn run() -> ExitCode {
    match Line::parse().command {
        Command::Simulate(simulate) => simulate.run(),
        Command::Mutants(asked) => mutants::run(&asked),
        Command::Model(asked) => model::run(&asked),
        Command::Payouts(asked) => payouts::run(&asked),
        Command::Crash(asked) => crash::run(&asked),
        Command::PowerCuts(asked) => power_cuts::run(&asked),
        Command::Steps(asked) => steps::run(&asked),
    }
}
