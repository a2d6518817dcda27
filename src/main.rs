//! The `tally` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    tally::cli::run(std::env::args_os())
}
