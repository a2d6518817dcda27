//! `tally-proof model`: explores a withdrawal's life in every world, and says what it found.

use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use tally_actors::mutant::Mutant;
use tally_proof::model::{Explored, WORLDS, World, explore};

use super::mutant;

/// What is asked for.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// How many choices in a row are explored; all there are with one payer and 14 (refused once: 24) with two, if left out
    #[arg(long)]
    depth: Option<u32>,
    /// Explore only worlds whose name contains this
    #[arg(long, default_value = "")]
    world: String,
    /// Build this known defect in (with the feature `mutants`)
    #[arg(long, value_parser = mutant::named)]
    mutant: Option<Mutant>,
}

/// Does it. Success: no claim was broken.
pub(crate) fn run(asked: &Asked) -> ExitCode {
    #[cfg(feature = "mutants")]
    tally_actors::mutant::choose(asked.mutant);
    let wanted: Vec<&World> =
        WORLDS.iter().filter(|world| world.name.contains(&asked.world)).collect();
    if wanted.is_empty() {
        eprintln!("--world {} is part of no world's name", asked.world);
        return ExitCode::from(2);
    }
    println!("    states  transitions   depth  rounds      time");
    let broken = wanted.into_iter().filter(|world| !holds(world, asked.depth)).count();
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Whether all that is claimed holds in a world. Prints what was found.
fn holds(world: &World, depth: Option<u32>) -> bool {
    let began = Instant::now();
    let explored = explore(world, depth.unwrap_or(world.depth));
    let (seconds, tenth) = (began.elapsed().as_secs(), began.elapsed().subsec_millis() / 100);
    let Explored { states, transitions, depth, complete, rounds, counterexample, .. } = explored;
    let says = match (&counterexample, complete) {
        (Some(_), _) => "BROKEN",
        (None, true) => "OK, all there are",
        (None, false) => "OK",
    };
    let (name, took) = (world.name, format!("{seconds}.{tenth} s"));
    println!("{states:>10} {transitions:>12} {depth:>7} {rounds:>7} {took:>9}  {name}: {says}");
    if let Some(found) = &counterexample {
        println!("\n{found}");
    }
    counterexample.is_none()
}
