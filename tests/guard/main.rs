//! A guard against getting slower: what an operation takes in instructions, held against figures that are committed.
//!
//! Each operation of a fixed workload runs under valgrind, which counts the instructions of all threads: so many times, and then more
//! often, so that what is done once falls out. `TALLY_GUARD=update cargo test --test guard` writes the figures anew.

#[allow(dead_code, reason = "made for the benchmarks, which need more of it")]
#[path = "../../benches/support/mod.rs"]
mod support;
mod workload;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use workload::{WORKLOADS, Workload};

/// How much more, or less, an operation may take than is written down, in hundredths.
const TOLERANCE: u64 = 5;

/// How often a figure that differs is counted again: threads meet otherwise each time, and what is slower is slower each time.
const AGAIN: usize = 2;

/// Tells the process under valgrind what to do: a workload and how often.
const WHAT: &str = "TALLY_GUARD_RUN";

#[test]
fn no_operation_takes_more_instructions_than_is_written_down() {
    if Command::new("valgrind").arg("--version").stdout(Stdio::null()).status().is_err() {
        assert!(std::env::var_os("CI").is_none(), "valgrind is not installed");
        println!("left out: valgrind is not installed");
        return;
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/guard/figures.txt");
    if std::env::var("TALLY_GUARD").is_ok_and(|what| what == "update") {
        let line = |workload: &Workload| format!("{:>9} {}\n", instructions(workload), workload.0);
        let lines: String = WORKLOADS.iter().map(line).collect();
        return std::fs::write(file, lines).expect("the figures can be written");
    }
    let written = std::fs::read_to_string(file).expect("the figures");
    let mut table = String::new();
    let mut faults = 0;
    for workload in &WORKLOADS {
        let expected = expected(&written, workload.0);
        let mut count = instructions(workload);
        for _ in 0..AGAIN {
            if verdict(count, expected) != AS_BEFORE {
                count = instructions(workload);
            }
        }
        let verdict = verdict(count, expected);
        faults += usize::from(verdict != AS_BEFORE);
        let _ =
            writeln!(table, "{count:>9} {}: {expected} are written down: {verdict}", workload.0);
    }
    println!("{table}");
    assert!(
        faults == 0,
        "instructions of an operation differ by more than {TOLERANCE} in a hundred from tests/guard/figures.txt:\n{table}\
         Where that is meant, TALLY_GUARD=update cargo test --test guard writes them anew."
    );
}

fn expected(written: &str, name: &str) -> u64 {
    let line = written
        .lines()
        .find(|line| line.trim_start().split_once(' ').is_some_and(|of| of.1 == name));
    let figure = line.and_then(|line| line.trim_start().split_once(' ')?.0.parse().ok());
    figure.unwrap_or_else(|| panic!("no figure of `{name}`; TALLY_GUARD=update writes it"))
}

/// Nothing has changed.
const AS_BEFORE: &str = "as before";

fn verdict(count: u64, expected: u64) -> &'static str {
    if count * 100 > expected * (100 + TOLERANCE) {
        "MORE"
    } else if count * 100 < expected * (100 - TOLERANCE) {
        "LESS, write that down"
    } else {
        AS_BEFORE
    }
}

#[test]
fn more_than_the_tolerance_is_seen() {
    for (count, verdict_of) in
        [(1_049, AS_BEFORE), (1_051, "MORE"), (951, AS_BEFORE), (949, "LESS, write that down")]
    {
        assert_eq!(verdict(count, 1_000), verdict_of, "{count}");
    }
    assert_eq!(expected("  12 a\n 345 a b\n", "a b"), 345);
}

/// What one operation takes.
fn instructions((name, times, _): &Workload) -> u64 {
    let [less, more] = times.map(|times| counted(name, times));
    more.saturating_sub(less) / u64::try_from(times[1] - times[0]).expect("a count")
}

/// What a whole process takes that does an operation so many times.
fn counted(name: &str, times: usize) -> u64 {
    let folder = tempfile::tempdir().expect("a folder");
    let out: PathBuf = folder.path().join("counted");
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--fair-sched=yes"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().expect("this program"))
        .args(["--exact", "a_workload_under_valgrind", "--ignored", "--test-threads=1"])
        .env(WHAT, format!("{name}:{times}"))
        .output()
        .expect("valgrind starts");
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{name}: {}\n{said}", String::from_utf8_lossy(&ran.stdout));
    let kept = std::fs::read_to_string(&out).expect("what it counted");
    let total = kept.lines().find_map(|line| line.strip_prefix("totals: "));
    total.and_then(|count| count.trim().parse().ok()).unwrap_or_else(|| panic!("no total: {said}"))
}

#[test]
#[ignore = "the guard runs it under valgrind"]
fn a_workload_under_valgrind() {
    let what = std::env::var(WHAT).expect("which workload");
    let (name, times) = what.split_once(':').expect("a name and how often");
    let (_, _, run) = WORKLOADS.into_iter().find(|known| known.0 == name).expect("a workload");
    run(times.parse().expect("how often"));
}
