//! Past the maximum: more notices than can be taken, thousands of clients that say nothing or half of something, and then calm again.

use std::io::Write;
use std::net::TcpStream;

use super::Scale;
use super::books::Filled;
use super::calls::Calls;
use super::generator::{Pace, Plan};
use super::processes::{Load, Target};
use super::report::Row;
use super::support::{millis, peak_of, resident_of};

/// Connections that more is asked over than can be answered.
const CONNECTIONS: usize = 4_096;

/// Connections of a load that waits for its answers.
const CALM: usize = 256;

/// Clients that hold a connection and never finish a call.
const SILENT: usize = 10_000;

/// Measures one server through all of it.
pub(crate) fn table(scale: Scale, books: &Filled, rows: &mut Vec<Row>) {
    let group = "overload of one hot merchant";
    println!();
    Row::title(group);
    let tally = Target::tally(books, &[]);
    let mut first = 0;
    let mut best = 0;
    let mut step = |name: &str, connections, pace| {
        let most = scale.ready_a_second * usize::try_from(scale.ms).expect("a time") / 1_000;
        // Where all orders are paid, it begins with the first again.
        first %= books.orders();
        let count = most.min(books.orders() - first);
        let mut calls = Calls::notices(books.merchants, first, count);
        // Where there are not enough orders, their notices are repeated, as WeChat repeats what was answered FAIL.
        calls.again = true;
        let address = tally.address().to_owned();
        let plan = Plan { address, connections, pace, ms: scale.ms, calls };
        let measured = Load::ready(&plan).run(&tally);
        let mut row = Row::new(group, name, &measured);
        match (row.per_second * 100).checked_div(best) {
            Some(share) => row.of.push(('1', share)),
            None => best = row.per_second,
        }
        first += measured.outcome.sent.min(count);
        let megabytes = |kilobytes| kilobytes / 1_000;
        let resident = megabytes(resident_of(&tally.id().to_string()));
        let peak = megabytes(peak_of(tally.id()));
        let [_, p99, _] = row.refused_quantiles;
        row.note = format!("{resident} MB, {peak} at the most; refused p99 {}", millis(p99));
        row.print();
        rows.push(row);
        best
    };
    let best = step("1: closed, 256 connections", CALM, Pace::Closed);
    step("twice that, open, 4096 connections", CONNECTIONS, Pace::Open(best * 2));
    step("closed again", CALM, Pace::Closed);
    let silent = silent(tally.address());
    step("closed, beside 10000 silent or half-open clients", CALM, Pace::Closed);
    drop(silent);
    step("closed, without them", CALM, Pace::Closed);
}

/// Clients of which half say nothing, and half the half of a head.
fn silent(address: &str) -> Vec<TcpStream> {
    let one = |n: usize| {
        let mut stream = TcpStream::connect(address).ok()?;
        if n % 2 == 1 {
            stream.write_all(b"POST /notify/m000000/payment HTTP/1.1\r\nHost: ").ok()?;
        }
        Some(stream)
    };
    let open: Vec<TcpStream> = (0..SILENT).filter_map(one).collect();
    println!("{} clients connected", open.len());
    open
}
