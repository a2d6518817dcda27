//! Open load: notices come at fixed rates whatever became of those before, in calm and while heavy work goes on beside them.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tally_proof::crash::site::Site;
use tally_proof::servers::find;

use super::Scale;
use super::ask::{ask, ask_json};
use super::books::Filled;
use super::calls::Calls;
use super::generator::{Pace, Plan};
use super::processes::{Load, Target};
use super::report::{Row, keep};
use super::support::plot::{Axis, Scaled, plot};
use super::support::{merchant_id, millis};

/// Connections of an open load: as many calls can be on their way at once.
const CONNECTIONS: usize = 1_024;

/// How often what is done beside the load is begun again, at the most.
const AGAIN: Duration = Duration::from_millis(100);

/// What goes on beside the load.
#[derive(Debug, Clone, Copy)]
enum Beside {
    Nothing,
    Settlement,
    Checkpoint,
    Audit,
    List,
}

/// Measures at shares of what Tally takes of a closed load just before.
pub(crate) fn table(scale: Scale, books: &Filled, rows: &mut Vec<Row>) {
    println!();
    let most = most(scale, books);
    let group = format!("open load of one hot merchant, shares of {most}/s");
    Row::title(&group);
    let calm_at = |share: &u64| (*share, Beside::Nothing, format!("{share} %, calm"));
    let shares: Vec<_> = scale.open_shares.iter().map(calm_at).collect();
    let beside = [
        (Beside::Settlement, "settlements"),
        (Beside::Checkpoint, "checkpoints"),
        (Beside::Audit, "an audit"),
        (Beside::List, "a list of all orders"),
    ];
    let beside = beside.map(|(what, name)| (50, what, format!("50 %, beside {name}")));
    let mut steps = vec![];
    let mut calm = 0;
    for (share, what, name) in shares.into_iter().chain(beside) {
        let rate = (most * share / 100).max(1);
        let (mut row, times) = measure(scale, books, (&group, &name), (rate, what));
        let [_, p99, _] = row.quantiles;
        match what {
            Beside::Nothing => steps.push((row.per_second, row.quantiles)),
            Beside::Settlement | Beside::Checkpoint | Beside::Audit | Beside::List => {
                row.note =
                    format!("{times} times, p99 {} of calm", millis(p99 * 1_000 / calm.max(1)));
            }
        }
        if share == 50 && matches!(what, Beside::Nothing) {
            calm = p99;
        }
        row.print();
        rows.push(row);
    }
    draw(rows, &group);
    let line = |name: &str, n: usize| {
        (name.to_owned(), steps.iter().map(|(rate, quantiles)| (*rate, quantiles[n])).collect())
    };
    let x = Axis { label: "payments a second", scaled: Scaled::Evenly };
    let y = Axis { label: "µs", scaled: Scaled::ByDoublings };
    let lines = [line("p50", 0), line("p99", 1), line("p99.9", 2)];
    keep("service-throughput.svg", &plot("throughput against latency", [x, y], &lines));
}

/// What Tally takes of a load that waits for its answers.
fn most(scale: Scale, books: &Filled) -> u64 {
    let tally = Target::tally(books, &[]);
    let plan = Plan {
        address: tally.address().to_owned(),
        connections: 256,
        pace: Pace::Closed,
        ms: scale.ms,
        calls: Calls::notices(books.merchants, 0, books.orders()),
    };
    Row::new("", "", &Load::ready(&plan).run(&tally)).per_second
}

fn measure(
    scale: Scale,
    books: &Filled,
    (group, name): (&str, &str),
    (rate, what): (u64, Beside),
) -> (Row, u64) {
    let tally = Target::tally(books, &[]);
    let ms = scale.open_ms.min(u64::try_from(books.orders()).expect("a count") * 1_000 / rate);
    let count = usize::try_from(rate * ms / 1_000).expect("a count");
    let plan = Plan {
        address: tally.address().to_owned(),
        connections: CONNECTIONS,
        pace: Pace::Open(rate),
        ms,
        calls: Calls::notices(books.merchants, 0, count),
    };
    let load = Load::ready(&plan);
    let (over, times) = (AtomicBool::new(false), AtomicU64::new(0));
    let measured = std::thread::scope(|threads| {
        threads.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                work(what, &tally);
                times.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(AGAIN);
            }
        });
        let measured = load.run(&tally);
        over.store(true, Ordering::Relaxed);
        measured
    });
    (Row::new(group, name, &measured), times.load(Ordering::Relaxed))
}

/// Does it once.
fn work(what: Beside, tally: &Target) {
    let (server, site) = tally.of_tally();
    let merchant = merchant_id(0);
    let path = |rest: &str| format!("/v1/merchants/{merchant}/{rest}");
    let (address, key) = (server.address(), server.key());
    match what {
        Beside::Nothing => {}
        Beside::Settlement => {
            let body = json!({"include_not_due": true});
            ask(address, "POST", &path("settlements"), key, &body);
        }
        Beside::Checkpoint => checkpoint(site),
        Beside::Audit => {
            let audit =
                site.tally().arg("audit").stdout(Stdio::null()).stderr(Stdio::null()).status();
            assert!(audit.expect("the binary starts").success(), "the audit found something");
        }
        Beside::List => {
            let list = path("orders?limit=200");
            let mut page = list.clone();
            // Page after page, as who lists them all would; as far as the load lasts is far enough.
            for _ in 0..50 {
                let part = ask_json(address, "GET", &page, key, &Value::Null);
                let Some(cursor) = part["next_cursor"].as_str() else { break };
                page = format!("{list}&cursor={cursor}");
            }
        }
    }
}

/// By SQLite's own tool, past Tally; where it is not installed nothing is done.
fn checkpoint(site: &Site) {
    let Some(program) = find("sqlite3", &[]) else { return };
    let file = site.path().join("data/tally.db");
    let done = Command::new(program).arg(file).arg("pragma wal_checkpoint(passive)").output();
    assert!(done.expect("it starts").status.success());
}

/// Latencies by how many calls took so long or less, a line a row.
fn draw(rows: &[Row], group: &str) {
    let lines: Vec<_> = rows
        .iter()
        .filter(|row| row.group == group)
        .map(|row| {
            let all: u64 = row.histogram.iter().map(|(_, count)| count).sum();
            let mut seen = 0;
            let points = row.histogram.iter().map(|(micros, count)| {
                seen += count;
                // How rare longer ones are: 1 in so many.
                ((all / (all - seen).max(1)).max(1), *micros)
            });
            let mut points: Vec<(u64, u64)> = points.collect();
            points.dedup_by_key(|point| point.0);
            (row.name.clone(), points)
        })
        .collect();
    let x = Axis { label: "one call in so many takes longer", scaled: Scaled::ByDoublings };
    let y = Axis { label: "µs", scaled: Scaled::ByDoublings };
    keep("service-latency.svg", &plot(group, [x, y], &lines));
}
