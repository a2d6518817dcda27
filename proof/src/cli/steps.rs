//! `tally-proof steps`: each flow, killed at each of its steps.

use std::fmt;
use std::process::ExitCode;

use clap::Args;
use tally_proof::random::Random;
use tally_proof::steps::flows;
use tally_proof::steps::run::{self, Plan};

use super::binary::{self, Run};

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    #[command(flatten)]
    what: What,
    /// Name each step
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    run: Run,
}

/// What is killed, and how often.
#[derive(Debug, Clone, Args)]
struct What {
    /// How often to kill at each step: the first time once, later often a second time a few steps on
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    seeds: u32,
    /// Of each flow only every so many-th step
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    every: u32,
    /// Only flows whose name begins so
    #[arg(long, default_value = "")]
    flow: String,
    /// How many flows run at the same time
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u8).range(1..=99))]
    at_once: u8,
}

/// The flags that ask for it again.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seeds, every, flow, at_once } = self;
        write!(f, " --seeds {seeds} --every {every} --flow '{flow}' --at-once {at_once}")
    }
}

pub(crate) fn run(asked: &Asked) -> ExitCode {
    let Asked { what, list, run: Run { keep, .. } } = asked;
    let (binary, seed) = match asked.run.begin("is killed at each step") {
        Ok(begun) => begun,
        Err(code) => return code,
    };
    let mut flows = flows::all();
    flows.retain(|flow| flow.name.starts_with(&what.flow));
    let mut seeds = Random::new(seed);
    let plan = Plan {
        binary,
        place: binary::place(),
        flows,
        every: what.every,
        seeds: (0..what.seeds).map(|_| seeds.draw()).collect(),
        at_once: what.at_once.into(),
        keep: *keep,
    };
    let report = match run::run(&plan) {
        Ok(report) => report,
        Err(trouble) => return binary::unable(&trouble),
    };
    for (flow, steps) in report.steps.iter().filter(|_| *list) {
        steps.iter().for_each(|step| println!("{flow}: {step}"));
    }
    for missed in &report.missed {
        println!("not come to: {missed}");
    }
    let again = format!("steps{what} --seed {seed} --keep{}", asked.run.binary);
    binary::verdict(&report, (&report.faults, &report.kept), &again)
}
