//! `tally-proof crash`: real processes, real SIGKILLs.

use std::process::ExitCode;

use clap::Args;
use tally_proof::crash::plan::{Plan, Report};
use tally_proof::crash::{kills, notices};

use super::binary::{self, Run};

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// How often to kill
    #[arg(long, default_value_t = 300)]
    kills: u64,
    /// Kill while notices come in and transfers go out, with a WeChat that lives on
    #[arg(long)]
    notices: bool,
    #[command(flatten)]
    run: Run,
}

pub(crate) fn run(asked: &Asked) -> ExitCode {
    let &Asked { kills, notices, run: Run { clients, keep, .. } } = asked;
    let (binary, seed) = match asked.run.begin(&format!("is killed {kills} times")) {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let plan = Plan { binary, place: binary::place(), kills, seed, clients, keep };
    let report = binary::block_on(played(plan, notices));
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
        asked.run.binary
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
