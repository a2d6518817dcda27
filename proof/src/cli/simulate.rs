//! `tally-proof simulate`: runs seeds until one breaks a claim, makes it small, and says how to see it again.

use std::process::ExitCode;
use std::time::Instant;

use tally_proof::sim::{Fault, Kind, Options, Plan, Run, Timeline, Tour, Trip, shrink, tour};

/// What is asked for. Without --seed: many seeds, until one breaks a claim.
#[derive(Debug, clap::Args)]
pub(crate) struct Simulate {
    /// How many seeds
    #[arg(long, default_value_t = 20_000, value_parser = clap::value_parser!(u64).range(1..=1 << 40))]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many threads; as many as there are cores, if left out
    #[arg(long)]
    threads: Option<usize>,
    /// Go on after a seed that broke a claim, and list all of them
    #[arg(long)]
    keep_going: bool,
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
        let (from, seeds, keep_going) = (self.from, self.seeds, self.keep_going);
        let began = Instant::now();
        let rate = |done: u64| u128::from(done) * 1_000 / began.elapsed().as_millis().max(1);
        let tour =
            tour(&Trip { kind: Kind::Mixed, from, seeds, threads, keep_going, options }, |done| {
                eprintln!("{done} of {seeds} seeds, {} seeds/s", rate(done));
            });
        println!("{}", exercised(&tour));
        let (done, seconds) = (tour.seeds, began.elapsed().as_secs());
        println!(
            "{done} seeds from {from} in {seconds} s: {} a second on {threads} threads",
            rate(done)
        );
        for (seed, violation) in &tour.failed {
            println!("seed {seed} breaks {violation}");
        }
        let Some((seed, violation)) = tour.failed.first_key_value() else {
            println!("no claim was broken");
            return ExitCode::SUCCESS;
        };
        let (features, mutant) = match options.mutant {
            Some(mutant) => (" --features mutants", format!(" --mutant {}", mutant.name())),
            None => ("", String::new()),
        };
        let command = format!("cargo run --release -p tally-proof{features} -- simulate");
        println!("\nTo see it again:\n  {command} --seed {seed}{mutant}");
        let small = shrink(Plan::of(*seed), violation, &options);
        println!("\nMade small:\n{}", small.run.timeline.text());
        said(&small.run);
        println!("\nTo see the small one again:\n  {command} {}{mutant}", small.flags);
        ExitCode::FAILURE
    }
}

/// What was exercised, group by group, so that a reader sees that nothing was starved.
fn exercised(tour: &Tour) -> String {
    let mut text = format!("{} calls, {} steps", tour.calls, tour.steps);
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
