//! Copies: how fast the binary brings books of a million events from one SQLite file into another, and in how much memory.
//!
//! `cargo bench --bench copy` copies books of one merchant and of ten thousand; then again, where nothing is new; and the first once
//! more beside a process that writes to the source.

#[allow(dead_code, reason = "each benchmark needs a part of it")]
mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use support::{Seeder, merchant_id, peak_of, processor_of, rate, target, write};
use tally_actors::domain::order::Channel;
use tally_storage::SqliteStore;

/// Events of each of the books.
const EVENTS: usize = 1_000_000;

/// Orders that are written in one transaction: two events each, a settlement after them.
const ORDERS_A_RUN: usize = 1_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(all());
}

async fn all() {
    println!("\ncopies of books of {EVENTS} events between SQLite files");
    println!(
        "{:<34} {:>9} {:>9} {:>11} {:>9} {:>9}",
        "", "events", "s", "events/s", "cpu s", "peak MB"
    );
    let folder = tempfile::Builder::new().prefix("copy").tempdir_in(target()).expect("a folder");
    let place = |name: &str| folder.path().join(name);
    for (name, merchants) in [("one merchant", 1), ("10000 merchants", 10_000)] {
        let (from, to) =
            (place(&format!("{merchants}.db")), place(&format!("{merchants}-copy.db")));
        let seeders = fill(&from, merchants).await;
        row(name, &from, &to);
        row(&format!("{name}, nothing new"), &from, &to);
        if merchants == 1 {
            beside_a_writer(name, seeders, &from, &place("busy.db")).await;
        }
    }
}

/// Books of so many merchants.
async fn fill(file: &Path, merchants: usize) -> Vec<Seeder> {
    let store = SqliteStore::open(file).await.expect("it opens");
    let each = EVENTS / merchants;
    let mut seeders = vec![];
    for n in 0..merchants {
        let (mut seeder, mut run) = Seeder::registered(merchant_id(n));
        let mut written = run.rows.len();
        while written < each {
            let orders = ORDERS_A_RUN.min((each - written).div_ceil(2));
            let more = seeder.sell(written, orders, &Channel::External);
            written += more.rows.len();
            run.rows.extend(more.rows);
            run.head = more.head;
            if run.rows.len() >= ORDERS_A_RUN {
                let (expects, head) = (run.head.link, run.head.clone());
                let next = tally_actors::ports::Run { expects, rows: vec![], head, ..run };
                write(&store, vec![std::mem::replace(&mut run, next)]).await;
            }
        }
        if !run.rows.is_empty() {
            write(&store, vec![run]).await;
        }
        seeders.push(seeder);
    }
    store.close().await;
    seeders
}

/// Copies while this process goes on writing to the source.
async fn beside_a_writer(name: &str, mut seeders: Vec<Seeder>, from: &Path, to: &Path) {
    let store = SqliteStore::open(from).await.expect("it opens");
    let ended = Arc::new(AtomicBool::new(false));
    let end = Arc::clone(&ended);
    let writer = tokio::spawn(async move {
        let mut first = 2 * EVENTS;
        while !end.load(Ordering::Relaxed) {
            for seeder in &mut seeders {
                write(&store, vec![seeder.sell(first, 50, &Channel::External)]).await;
            }
            first += 50;
        }
        store.close().await;
    });
    let (label, from, to): (_, PathBuf, PathBuf) =
        (format!("{name}, the source written"), from.into(), to.into());
    let copied = tokio::task::spawn_blocking(move || row(&label, &from, &to));
    copied.await.expect("it is copied");
    ended.store(true, Ordering::Relaxed);
    writer.await.expect("it writes");
}

/// Runs the command, and prints a row of what it says and took.
fn row(name: &str, from: &Path, to: &Path) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_tally"))
        .args(["copy", "--log", "off", "--from", &url(from), "--to", &url(to)])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let (mut peak, mut used) = (0, Duration::ZERO);
    while child.try_wait().expect("a child can be asked").is_none() {
        peak = peak.max(peak_of(child.id()));
        used = used.max(processor_of(&child.id().to_string()));
        std::thread::sleep(Duration::from_millis(5));
    }
    let took = begun.elapsed();
    let output = child.wait_with_output().expect("it ended");
    assert!(output.status.success(), "{}", output.status);
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    let written = said.split("written now: ").nth(1).and_then(|rest| rest.split(' ').next());
    let written: usize = written.and_then(|events| events.parse().ok()).expect("it is told");
    let seconds = |time: Duration| format!("{}.{:02}", time.as_secs(), time.subsec_millis() / 10);
    let (speed, megabytes) = (rate(written, took), peak / 1_000);
    let (took, used) = (seconds(took), seconds(used));
    println!("{name:<34} {written:>9} {took:>9} {speed:>11} {used:>9} {megabytes:>9}");
}

fn url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}
