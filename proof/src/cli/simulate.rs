//! `tally-proof simulate`: runs seeds until one breaks a claim.

use std::process::ExitCode;

use tally_proof::sim::{self, Counts, Plan, Timeline};

/// Flags.
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    #[arg(long, default_value_t = 0)]
    from: u64,
    #[arg(long)]
    seed: Option<u64>,
}

impl Simulate {
    pub(crate) fn run(self) -> ExitCode {
        if let Some(seed) = self.seed {
            let run = sim::run(Plan::of(seed), Timeline::on());
            println!("{}", run.timeline.text());
            println!("{:?} trace {:x} steps {}", run.violations, run.trace, run.steps);
            return ExitCode::SUCCESS;
        }
        let began = std::time::Instant::now();
        let mut counts = Counts::new();
        let mut steps = 0;
        for seed in self.from..self.from + self.seeds {
            let run = sim::run(Plan::of(seed), Timeline::default());
            for (key, n) in run.counts {
                *counts.entry(key).or_default() += n;
            }
            steps += run.steps;
            for violation in run.violations {
                println!("seed {seed}: {violation}");
            }
        }
        println!("{counts:#?} {steps} steps {:?}", began.elapsed());
        ExitCode::SUCCESS
    }
}
