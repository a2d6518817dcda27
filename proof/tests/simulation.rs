//! The simulator as a test: many seeds keep every claim, and none of them is less than it seems.

use std::collections::BTreeSet;
use std::process::Command;

use tally_proof::sim::{Fault, Kind, Options, Plan, Timeline, Tour, Trip, tour};

/// Seeds that found something, each with a note of what.
const KEPT: &str = include_str!("seeds.txt");

fn run(from: u64, seeds: u64) -> Tour {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let options = Options::default();
    tour(&Trip { kind: Kind::Mixed, from, seeds, threads, keep_going: false, options }, |_| {})
}

/// The short form of `tally-proof payouts`.
#[test]
fn each_fen_that_the_channel_pays_was_withdrawn_once_however_much_goes_wrong_there() {
    let kind = Kind::Payouts(100, 30);
    let trip = Trip {
        kind,
        from: 0,
        seeds: 50,
        threads: 2,
        keep_going: true,
        options: Options::default(),
    };
    let tour = tour(&trip, |_| {});
    assert!(tour.failed.is_empty(), "{:?}", tour.failed);
    assert_eq!(tour.paid_out, tour.withdrawn);
    let came_up = |group, kind| tour.counts.get(&(group, kind)).copied().unwrap_or(0);
    assert!(came_up("event", "withdrawal_succeeded") > 1_000, "{:?}", tour.counts);
    assert!(came_up("event", "withdrawal_failed") > 100, "{:?}", tour.counts);
}

fn none_failed(tour: &Tour) {
    if let Some((seed, violation)) = tour.failed.first_key_value() {
        let command =
            format!("cargo run --release -p tally-proof -- simulate --from {seed} --seeds 1");
        panic!("seed {seed} breaks {violation}\nTo see it small: {command}");
    }
}

/// So many seeds as `TALLY_TEST_SEEDS` says, 20,000 if it says nothing.
#[test]
fn no_seed_breaks_a_claim() {
    let seeds = std::env::var("TALLY_TEST_SEEDS")
        .map_or(20_000, |seeds| seeds.parse().expect("TALLY_TEST_SEEDS is a number"));
    none_failed(&run(0, seeds));
}

#[test]
fn what_seeds_once_found_stays_mended() {
    for line in KEPT.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let (seed, _) = line.split_once(' ').expect("a seed, and what it found");
        none_failed(&run(seed.parse().expect("a seed"), 1));
    }
}

/// A run that never meets a fault proves nothing about it.
#[test]
fn every_fault_answer_and_event_comes_up() {
    let counts = run(1_000_000, 600).counts;
    let seen = |of: &str| -> BTreeSet<&str> {
        counts.keys().filter(|(group, _)| *group == of).map(|(_, kind)| *kind).collect()
    };
    let all = |of: &str, wanted: &[&str]| {
        let missing: Vec<_> = wanted.iter().filter(|kind| !seen(of).contains(*kind)).collect();
        assert!(missing.is_empty(), "{of}: {missing:?} never came up");
    };
    let unseen: &[Fault] = &[Fault::TightBound];
    let faults = Fault::ALL.iter().filter(|(fault, ..)| !unseen.contains(fault));
    all("fault", &faults.map(|(_, name, ..)| *name).collect::<Vec<_>>());
    all("answer", &["done", "repeat", "refused", "not done", "unknown", "none"]);
    all("try", &["answered", "refused", "not done", "doubt", "lost", "defect"]);
    all("call", &["busy", "overdue"]);
    all(
        "commit",
        &["committed", "conflict", "refused", "not done", "doubt", "fatal", "late", "too late"],
    );
    all("process", &["died"]);
    all("actor", &["started", "over", "left"]);
    all("transfer", &["sent", "paid"]);
    all("refund", &["sent", "paid back", "by hand"]);
    let events = [
        "merchant_registered",
        "rules_changed",
        "order_opened",
        "order_prepaid",
        "order_paid",
        "order_closing",
        "order_closed",
        "settled",
        "withdrawal_requested",
        "withdrawal_approved",
        "withdrawal_rejected",
        "withdrawal_sending",
        "withdrawal_unknown",
        "withdrawal_succeeded",
        "withdrawal_failed",
        "case_opened",
        "case_raised",
        "refund_requested",
        "refund_sending",
        "refund_postponed",
        "refund_unknown",
        "refund_succeeded",
        "refund_failed",
        "refund_noticed",
        "refund_found",
        "standing_changed",
        "case_resolved",
        "withdrawal_attested",
        "withdrawal_in_run",
        "suspense_released",
        "adjustment_requested",
        "adjustment_approved",
        "adjustment_rejected",
    ];
    all("event", &events);
}

#[test]
fn the_same_seed_is_the_same_run_bit_for_bit() {
    for seed in [1, 2, 3, 4, 5] {
        let [one, other] = [0, 1].map(|_| Options::default().run(Plan::of(seed), Timeline::on()));
        assert_eq!(one.timeline.text(), other.timeline.text());
        assert_eq!(format!("{:?}", one.history), format!("{:?}", other.history));
        assert_eq!((one.trace, one.steps), (other.trace, other.steps));
    }
}

/// Hash maps have another order in each process.
#[test]
fn the_same_seed_is_the_same_run_in_another_process() {
    let told = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tally-proof"));
        let output = command.args(["simulate", "--seed", "17"]).output().expect("it runs");
        String::from_utf8(output.stdout).expect("text")
    };
    let one = told();
    assert!(one.contains("trace"), "{one}");
    for _ in 0..3 {
        assert_eq!(one, told());
    }
}
