//! `tally-proof simulate`: runs seeds until one breaks a claim, makes it small, and says how to see it again.

use std::process::ExitCode;
use std::time::Instant;

use tally_proof::sim::{Fault, Options, Plan, Run, Timeline, Tour, shrink, tour};

/// What is asked for. Without --seed: many seeds, until one breaks a claim.
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// How many seeds
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many threads; as many as there are cores, if left out
    #[arg(long)]
    threads: Option<usize>,
    /// Run this seed alone, and print its timeline
    #[arg(long)]
    seed: Option<u64>,
    /// With --seed: these operations of its plan alone, by their places
    #[arg(long, value_delimiter = ',', requires = "seed")]
    only: Option<Vec<usize>>,
    /// With --seed: without these kinds of faults
    #[arg(long, value_delimiter = ',', value_parser = fault, requires = "seed")]
    without: Vec<Fault>,
    /// With --seed: on so many nodes
    #[arg(long, requires = "seed")]
    nodes: Option<usize>,
    /// With --seed: by the schedule of another seed
    #[arg(long, requires = "seed")]
    schedule: Option<u64>,
    /// Build this known defect in (with the feature `mutants`)
    #[arg(long, value_parser = super::mutant::named)]
    mutant: Option<tally_actors::mutant::Mutant>,
}

fn fault(name: &str) -> Result<Fault, String> {
    let names = || Fault::ALL.iter().map(|(_, name, ..)| *name).collect::<Vec<_>>().join(", ");
    Fault::named(name).ok_or_else(|| format!("is none of {}", names()))
}

impl Simulate {
    /// Does it. Success: no claim was broken.
    pub(crate) fn run(self) -> ExitCode {
        let options = Options { mutant: self.mutant };
        let Some(seed) = self.seed else { return self.many(options) };
        let mut plan = Plan::of(seed);
        if let Some(kept) = &self.only {
            plan = plan.only(kept);
        }
        plan = plan.without(&self.without);
        plan.nodes = self.nodes.unwrap_or(plan.nodes).max(1);
        plan.schedule = self.schedule.unwrap_or(plan.schedule);
        let run = options.run(plan, Timeline::on());
        println!("{}", run.timeline.text());
        said(&run)
    }

    fn many(self, options: Options) -> ExitCode {
        let threads = self.threads.unwrap_or_else(|| {
            std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
        });
        let began = Instant::now();
        let tour = tour(self.from, self.seeds, threads, &options, |done| {
            let second = began.elapsed().as_millis().max(1);
            let rate = u128::from(done) * 1_000 / second;
            eprintln!("{done} of {} seeds, {rate} seeds/s", self.seeds);
        });
        println!("{}", exercised(&tour));
        let millis = began.elapsed().as_millis().max(1);
        let (seeds, rate) = (tour.seeds, u128::from(tour.seeds) * 1_000 / millis);
        println!(
            "{seeds} seeds from {} in {millis} ms: {rate} seeds/s on {threads} threads",
            self.from
        );
        let Some(failed) = tour.failed else {
            println!("no claim was broken");
            return ExitCode::SUCCESS;
        };
        let mutant = options.mutant_name().map(|name| format!(" --mutant {name}"));
        let mutant = mutant.unwrap_or_default();
        let features = if mutant.is_empty() { "" } else { " --features mutants" };
        let command = format!("cargo run --release -p tally-proof{features} -- simulate");
        println!(
            "\nseed {failed} breaks a claim. To see it again:\n  {command} --seed {failed}{mutant}\n"
        );
        let run = options.run(Plan::of(failed), Timeline::default());
        said(&run);
        let small = shrink(Plan::of(failed), &run.violations[0], &options);
        println!("\nMade small:\n{}", small.run.timeline.text());
        said(&small.run);
        println!("\nTo see the small one again:\n  {command} {}{mutant}", small.flags);
        ExitCode::FAILURE
    }
}

/// What was exercised, group by group, so that a reader sees that nothing was starved.
fn exercised(tour: &Tour) -> String {
    let mut text = format!("{} steps", tour.steps);
    let mut group = "";
    for ((of, kind), count) in &tour.counts {
        if *of != group {
            group = of;
            text.push_str(&format!("\n{of}:"));
        }
        text.push_str(&format!(" {kind} {count},"));
    }
    text
}

fn said(run: &Run) -> ExitCode {
    println!("{} calls, {} steps, trace {:016x}", run.history.calls.len(), run.steps, run.trace);
    for violation in &run.violations {
        println!("VIOLATION {violation}");
    }
    if run.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
