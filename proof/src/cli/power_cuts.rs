//! `tally-proof power-cuts`: a disk that forgets what was not synced.

use std::process::ExitCode;

use clap::Args;
use tally_proof::power::cuts;
use tally_proof::power::disk::Names;
use tally_proof::power::plan::{Plan, Report};

use super::binary::{self, Binary};

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// How often to cut the power
    #[arg(long, default_value_t = 200)]
    cuts: u64,
    /// How many images to make of each disk: what it may hold afterwards
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    images: u16,
    /// Names of files last by the sync of any file, as on ext4 and XFS, and not only by that of their folder
    #[arg(long)]
    journaled: bool,
    /// A disk that lies: each Nth sync does nothing; each one, where no N is given. The run must find it out
    #[arg(long, value_name = "N", num_args = 0..=1, default_missing_value = "1",
        value_parser = clap::value_parser!(u64).range(1..))]
    lying_disk: Option<u64>,
    /// Decides all choices; a new one where it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// How many ask at the same time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=999))]
    clients: u64,
    /// Keep the images with faults
    #[arg(long)]
    keep: bool,
    #[command(flatten)]
    binary: Binary,
}

pub(crate) fn run(asked: &Asked) -> ExitCode {
    let binary = match asked.binary.find() {
        Ok(binary) => binary,
        Err(trouble) => {
            eprintln!("{trouble}");
            return ExitCode::from(2);
        }
    };
    let seed = asked.seed.unwrap_or_else(|| getrandom::u64().expect("the system has randomness"));
    let &Asked { cuts, clients, keep, lying_disk: lies, .. } = asked;
    println!("{} loses power {cuts} times; --seed {seed}", binary.display());
    let names = if asked.journaled { Names::Journaled } else { Names::Strict };
    let (place, images) = (binary::place(), asked.images.into());
    let plan = Plan { binary, place, cuts, images, names, lies, seed, clients, keep };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.expect("a runtime").block_on(cuts::run(&plan)) {
        Ok(report) => verdict(&report, lies.is_some()),
        Err(trouble) => {
            eprintln!("{trouble}");
            ExitCode::from(2)
        }
    }
}

/// On an honest disk there must be no faults, on one that lies there must be some.
fn verdict(report: &Report, lying: bool) -> ExitCode {
    println!("{report}");
    for fault in &report.faults {
        println!("FAULT {fault}");
    }
    if report.faults.is_empty() != lying {
        return ExitCode::SUCCESS;
    }
    if lying {
        println!("The disk lied, and nobody noticed");
    }
    ExitCode::FAILURE
}
