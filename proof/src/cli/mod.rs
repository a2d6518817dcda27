//! What the command line can be asked for.

pub(crate) mod mutant;
mod simulate;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Tools to try to break Tally with.
#[derive(Debug, Parser)]
#[command(name = "tally-proof")]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run seeds of the simulator, or one seed again.
    Simulate(simulate::Simulate),
}

impl Cli {
    /// Does what was asked for.
    pub(crate) fn run(self) -> ExitCode {
        match self.command {
            Command::Simulate(simulate) => simulate.run(),
        }
    }
}
