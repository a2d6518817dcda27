//! `tally-proof power-cuts`: a disk that forgets what was not synced.

use std::process::ExitCode;

use clap::Args;
use tally_proof::power::cuts;
use tally_proof::power::disk::Names;
use tally_proof::power::plan::{Plan, Report};

use super::binary::{self, Run};

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// How often to cut the power
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..))]
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
    #[command(flatten)]
    run: Run,
}

pub(crate) fn run(asked: &Asked) -> ExitCode {
    let &Asked { cuts, lying_disk: lies, run: Run { clients, keep, .. }, .. } = asked;
    let (binary, seed) = match asked.run.begin(&format!("loses power {cuts} times")) {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let names = if asked.journaled { Names::Journaled } else { Names::Strict };
    let (place, images) = (binary::place(), asked.images.into());
    let plan = Plan { binary, place, cuts, images, names, lies, seed, clients, keep };
    match binary::block_on(cuts::run(&plan)) {
        Ok(report) => verdict(&report, lies.is_some()),
        Err(trouble) => binary::unable(&trouble),
    }
}

/// On an honest disk there must be no faults, on one that lies there must be some.
fn verdict(report: &Report, lying: bool) -> ExitCode {
    println!("{report}");
    for objection in report.objections() {
        println!("FAULT {objection}");
    }
    let well = if lying { !report.faults.is_empty() } else { report.objections().next().is_none() };
    if well {
        return ExitCode::SUCCESS;
    }
    if lying {
        println!("The disk lied, and nobody noticed");
    }
    ExitCode::FAILURE
}
