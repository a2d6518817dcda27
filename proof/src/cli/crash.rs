//! `tally-proof crash`: real processes, real SIGKILLs.

use std::process::ExitCode;

use clap::Args;
use tally_proof::crash::plan::{Plan, Report};
use tally_proof::crash::{kills, notices};

use super::binary::{self, Binary};

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// How often to kill
    #[arg(long, default_value_t = 300)]
    kills: u64,
    /// Decides all choices; a new one where it is not given
    #[arg(long)]
    seed: Option<u64>,
    /// How many ask at the same time
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u64).range(1..=999))]
    clients: u64,
    /// Keep the folder of a run with faults
    #[arg(long)]
    keep: bool,
    /// Kill while notices come in and transfers go out, with a WeChat that lives on
    #[arg(long)]
    notices: bool,
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
    let &Asked { kills, clients, keep, notices, .. } = asked;
    println!("{} is killed {kills} times; --seed {seed}", binary.display());
    let plan = Plan { binary, place: binary::place(), kills, seed, clients, keep };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let report = runtime.expect("a runtime").block_on(played(plan, notices));
    println!("{report}");
    if report.faults.is_empty() {
        return ExitCode::SUCCESS;
    }
    for fault in &report.faults {
        println!("FAULT {fault}");
    }
    if let Some(folder) = &report.kept {
        println!("Data and logs are kept in {}", folder.display());
    }
    let world = if notices { " --notices" } else { "" };
    println!(
        "Again, as far as real time allows: cargo run --release -p tally-proof -- \
         crash{world} --kills {kills} --clients {clients} --seed {seed} --keep{}",
        asked.binary
    );
    ExitCode::FAILURE
}

/// Plays a plan. What breaks it off, such as a server that does not start, is a fault.
async fn played(plan: Plan, with_notices: bool) -> Report {
    let played = tokio::spawn(async move {
        if with_notices { notices::run(&plan).await } else { kills::run(&plan).await }
    });
    let played = played.await;
    played.unwrap_or_else(|error| {
        let faults = vec![format!("the run broke off: {error}")];
        Report { faults, ..Report::default() }
    })
}
