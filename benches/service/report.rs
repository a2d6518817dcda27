//! What was measured, as tables for people and as JSON and plots in `target/bench`.

use std::path::PathBuf;

use serde::Serialize;

use super::processes::Measured;
use super::support::{hundredths, millis, target};

/// One line of a table.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    pub(crate) group: String,
    pub(crate) name: String,
    pub(crate) done: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    pub(crate) per_second: u64,
    /// Microseconds: the median, 99 and 99.9 of 100.
    pub(crate) quantiles: [u64; 3],
    /// The same of what was refused.
    pub(crate) refused_quantiles: [u64; 3],
    /// Processor time in microseconds, of the server and of the generator, all calls together.
    pub(crate) server_cpu: u64,
    pub(crate) generator_cpu: u64,
    pub(crate) micros: u64,
    /// What it is of each baseline of the same group, in hundredths, with the baseline's letter.
    pub(crate) of: Vec<(char, u64)>,
    pub(crate) note: String,
    /// Latencies in microseconds, each with how often it was seen.
    pub(crate) histogram: Vec<(u64, u64)>,
    /// What the first that was refused, or failed, was answered, if there was one.
    pub(crate) first_fault: String,
}

impl Row {
    pub(crate) fn new(group: &str, name: &str, measured: &Measured) -> Self {
        let outcome = &measured.outcome;
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            done: outcome.done,
            refused: outcome.refused,
            failed: outcome.failed,
            per_second: outcome.done * 1_000_000 / outcome.micros.max(1),
            quantiles: quantiles(&outcome.done_after),
            refused_quantiles: quantiles(&outcome.refused_after),
            server_cpu: measured.server_cpu,
            generator_cpu: outcome.cpu_micros,
            micros: outcome.micros,
            of: vec![],
            note: String::new(),
            histogram: outcome.done_after.clone(),
            first_fault: outcome.first_fault.clone(),
        }
    }

    /// The names of the columns.
    pub(crate) fn title(of: &str) {
        println!(
            "{of:<46} {:>9} {:>8} {:>8} {:>8} {:>8} {:>8} {:>8}  ratios",
            "done/s", "p50 ms", "p99 ms", "p99.9", "server", "load", "refused"
        );
        println!("{:<46} {:>36} {:>8} {:>8}", "", "", "cpu µs", "cpu µs");
    }

    pub(crate) fn print(&self) {
        let [p50, p99, p999] = self.quantiles.map(millis);
        let calls = (self.done + self.refused).max(1);
        let ratios: Vec<String> = self
            .of
            .iter()
            .map(|(letter, ratio)| format!("{letter} {}", hundredths(*ratio, 100)))
            .collect();
        let failed =
            if self.failed > 0 { format!(" FAILED {}", self.failed) } else { String::new() };
        println!(
            "{:<46} {:>9} {p50:>8} {p99:>8} {p999:>8} {:>8} {:>8} {:>8}  {}{failed}{}{}",
            self.name,
            self.per_second,
            self.server_cpu / calls,
            self.generator_cpu / calls,
            self.refused,
            ratios.join("  "),
            if self.note.is_empty() { "" } else { "  " },
            self.note,
        );
    }
}

/// The median, 99 and 99.9 of 100 of latencies with how often each was seen.
pub(crate) fn quantiles(buckets: &[(u64, u64)]) -> [u64; 3] {
    [500, 990, 999].map(|mille| quantile(buckets, mille))
}

fn quantile(buckets: &[(u64, u64)], mille: u64) -> u64 {
    let all: u64 = buckets.iter().map(|(_, count)| count).sum();
    let mut seen = 0;
    let reached = buckets.iter().find(|(_, count)| {
        seen += count;
        seen * 1_000 >= all * mille
    });
    reached.map_or(0, |(value, _)| *value)
}

/// The folder for what a benchmark leaves behind.
pub(crate) fn folder() -> PathBuf {
    let folder = target().parent().expect("target").join("bench");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// Writes what a benchmark found.
pub(crate) fn keep(name: &str, text: &str) {
    let file = folder().join(name);
    std::fs::write(&file, text).expect("there is room");
    println!("wrote {}", file.display());
}
