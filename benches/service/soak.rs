//! Five minutes of full load: orders opened and paid, as fast as they are answered.

use super::Scale;
use super::books::Filled;
use super::calls::{Calls, Kind};
use super::generator::{Pace, Plan};
use super::processes::{Load, Target};
use super::report::Row;
use super::support::resident_of;

/// Minutes of load, and the parts of one. What a part sends is made ready while the part before is sent, by the same processors.
const MINUTES: usize = 5;
const PARTS: usize = 6;

/// Measures, and prints each minute beside the second.
pub(crate) fn table(
    scale: Scale,
    folder: &std::path::Path,
    runtime: &tokio::runtime::Runtime,
) -> Vec<Row> {
    let books = runtime.block_on(Filled::make(folder, 1, 1));
    let tally = Target::tally(&books, &[]);
    let server = tally.of_tally();
    let count =
        2 * scale.ready_a_second * usize::try_from(scale.soak_part_ms).expect("a time") / 1_000;
    let plan = |part: usize| Plan {
        address: tally.address().to_owned(),
        connections: 256,
        pace: Pace::Closed,
        ms: scale.soak_part_ms,
        calls: Calls {
            pattern: vec![Kind::Open, Kind::Notice],
            key: server.0.key().to_owned(),
            // Orders that no part before it opened, however many that came to.
            ..Calls::notices(1, part * count + 1, count)
        },
    };
    let file = server.1.path().join("data/tally.db");
    let bytes = || {
        let of = |ending: &str| {
            std::fs::metadata(format!("{}{ending}", file.display())).map_or(0, |file| file.len())
        };
        of("") + of("-wal")
    };
    println!("\norders of one hot merchant opened and paid, 256 connections, {MINUTES} minutes");
    Row::title("minute by minute");
    let (mut rows, mut orders, first_bytes) = (vec![], 0, bytes());
    let mut next = Load::ready(&plan(0));
    for minute in 0..MINUTES {
        let mut parts = vec![];
        for part in minute * PARTS..(minute + 1) * PARTS {
            let load = next;
            let (measured, ready) = std::thread::scope(|threads| {
                let ready = threads.spawn(|| Load::ready(&plan(part + 1)));
                let measured = load.run(&tally);
                (measured, ready.join().expect("it is made ready"))
            });
            next = ready;
            parts.push(measured);
        }
        let all = parts.into_iter().reduce(|all, part| all.and(&part)).expect("some");
        let mut row = Row::new("soak", &format!("minute {}", minute + 1), &all);
        orders += row.done / 2;
        let resident = resident_of(&tally.id().to_string()) / 1_000;
        let grown = (bytes() - first_bytes) / orders.max(1);
        row.note = format!("{resident} MB resident, {grown} bytes an order");
        let second = rows.get(1).map(|row: &Row| row.per_second);
        row.of.extend(second.map(|second| ('2', row.per_second * 100 / second.max(1))));
        row.print();
        rows.push(row);
    }
    rows
}
