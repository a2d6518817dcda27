//! The load: a process of its own that sends what was made ready over raw keep-alive connections, so that what it takes of the
//! processors is little, and known.
//!
//! Closed: each connection sends when it was answered. Open: calls come at fixed times whatever became of those before, and a latency
//! counts from the time a call was meant to be sent, so that a server that stands still can't hide it.

use std::cell::Cell;
use std::io::{BufRead, Write};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::calls::{Calls, Came, Kind, came};
use super::support::processor;

/// How often calls whose time has come are let go.
const TICK: Duration = Duration::from_micros(200);

/// An answer is longer than this only where something is wrong.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// When a call is sent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Pace {
    /// When the one before it on its connection was answered.
    Closed,
    /// So many a second.
    Open(u64),
}

/// What is to be done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Host and port.
    pub(crate) address: String,
    /// How many.
    pub(crate) connections: usize,
    /// When.
    pub(crate) pace: Pace,
    /// For how long.
    pub(crate) ms: u64,
    /// What.
    pub(crate) calls: Calls,
}

/// What came of it. Latencies are in microseconds, each with how often it was seen.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) done: u64,
    pub(crate) refused: u64,
    pub(crate) failed: u64,
    /// How many calls were sent: where the next plan's begin.
    pub(crate) sent: usize,
    pub(crate) micros: u64,
    pub(crate) cpu_micros: u64,
    pub(crate) done_after: Vec<(u64, u64)>,
    pub(crate) refused_after: Vec<(u64, u64)>,
    /// What the first that was refused, or failed, was answered.
    pub(crate) first_fault: String,
}

/// The generator's whole life: a plan from standard input, `ready`, a line that says go, and what came of it.
pub(crate) fn run() {
    let mut lines = std::io::stdin().lock().lines();
    let mut next = || lines.next().expect("a line").expect("UTF-8");
    let plan: Plan = serde_json::from_str(&next()).expect("a plan");
    let calls = plan.calls.ready(&plan.address);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let local = tokio::task::LocalSet::new();
    let connections = local.block_on(&runtime, connect(&plan.address, plan.connections));
    say("ready");
    assert_eq!(next(), "go");
    let outcome = local.block_on(&runtime, send(plan, calls, connections));
    say(&serde_json::to_string(&outcome).expect("JSON"));
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).expect("somebody listens");
}

async fn connect(address: &str, count: usize) -> Vec<TcpStream> {
    let mut connections = vec![];
    for _ in 0..count {
        let stream = TcpStream::connect(address).await.expect("the server listens");
        stream.set_nodelay(true).expect("a socket");
        connections.push(stream);
    }
    connections
}

/// What the connections share.
struct Shared {
    plan: Plan,
    calls: Vec<Box<[u8]>>,
    next: Cell<usize>,
    begun: Instant,
    /// One permit for each call whose time has come; `None`: they need none.
    due: Option<Arc<Semaphore>>,
}

impl Shared {
    /// The next call, and when it was meant to be sent. `None`: it is over.
    async fn next(&self) -> Option<(usize, Instant)> {
        let until = self.begun + Duration::from_millis(self.plan.ms);
        if let Some(due) = &self.due {
            due.acquire().await.ok()?.forget();
        } else if Instant::now() >= until {
            return None;
        }
        let k = self.next.get();
        if k >= self.calls.len() && !self.plan.calls.again {
            return None;
        }
        self.next.set(k + 1);
        let meant = match self.plan.pace {
            Pace::Closed => Instant::now(),
            Pace::Open(rate) => self.begun + time_of(k, rate),
        };
        Some((k, meant))
    }
}

/// When the `k`th of so many a second is sent.
fn time_of(k: usize, rate: u64) -> Duration {
    Duration::from_nanos(u64::try_from(k).expect("a count") * 1_000_000_000 / rate.max(1))
}

/// What one connection saw.
struct Seen {
    done: Histogram<u64>,
    refused: Histogram<u64>,
    failed: u64,
    first_fault: String,
}

impl Seen {
    fn none() -> Self {
        let histogram = || Histogram::new(3).expect("a histogram");
        Self { done: histogram(), refused: histogram(), failed: 0, first_fault: String::new() }
    }
}

async fn send(plan: Plan, calls: Vec<Box<[u8]>>, connections: Vec<TcpStream>) -> Outcome {
    let used = processor();
    let (begun, due) = (Instant::now(), Arc::new(Semaphore::new(0)));
    let metronome = match plan.pace {
        Pace::Closed => None,
        Pace::Open(rate) => {
            let (due, ms) = (Arc::clone(&due), plan.ms);
            Some(std::thread::spawn(move || let_go(&due, begun, rate, ms)))
        }
    };
    let due = metronome.is_some().then_some(due);
    let shared = Rc::new(Shared { plan, calls, next: Cell::new(0), begun, due });
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|stream| tokio::task::spawn_local(one_connection(Rc::clone(&shared), stream)))
        .collect();
    let mut all = Seen::none();
    for task in tasks {
        let seen = task.await.expect("a connection");
        all.done.add(seen.done).expect("they grow");
        all.refused.add(seen.refused).expect("they grow");
        all.failed += seen.failed;
        if all.first_fault.is_empty() {
            all.first_fault = seen.first_fault;
        }
    }
    if let Some(metronome) = metronome {
        metronome.join().expect("it ends");
    }
    Outcome {
        done: all.done.len(),
        refused: all.refused.len(),
        failed: all.failed,
        sent: shared.next.get(),
        micros: micros(begun.elapsed()),
        cpu_micros: micros(processor().saturating_sub(used)),
        done_after: buckets(&all.done),
        refused_after: buckets(&all.refused),
        first_fault: all.first_fault,
    }
}

/// Lets calls go as their times come, then none any more.
fn let_go(due: &Semaphore, begun: Instant, rate: u64, ms: u64) {
    let (mut gone, all) = (0, rate * ms / 1_000);
    while gone < all {
        let come = (micros(begun.elapsed()) * rate / 1_000_000 + 1).min(all);
        due.add_permits(usize::try_from(come - gone).expect("a count"));
        gone = come;
        std::thread::sleep(TICK);
    }
    // Those that wait for a connection are still sent; then nobody waits any more.
    while due.available_permits() > 0 && micros(begun.elapsed()) < ms * 2_000 {
        std::thread::sleep(TICK);
    }
    due.close();
}

async fn one_connection(shared: Rc<Shared>, stream: TcpStream) -> Seen {
    let (mut seen, mut stream, mut buffer) = (Seen::none(), Some(stream), Vec::new());
    while let Some((k, meant)) = shared.next().await {
        let call = &shared.calls[k % shared.calls.len()];
        let came = exchange(&mut stream, &shared, call, shared.plan.calls.kind(k), &mut buffer);
        let came = came.await;
        let after = micros(meant.elapsed());
        if !matches!(came, Ok(Came::Done)) && seen.first_fault.is_empty() {
            let said = String::from_utf8_lossy(&buffer);
            seen.first_fault = format!("{came:?} after {after} µs: {said}");
        }
        match came.as_ref().unwrap_or(&Came::Failed) {
            Came::Done => seen.done.record(after).expect("it grows"),
            Came::Refused => {
                seen.refused.record(after).expect("it grows");
                if ends(&buffer) {
                    stream = None;
                }
            }
            Came::Failed => {
                seen.failed += 1;
                stream = None;
            }
        }
    }
    seen
}

/// Sends a call and reads its answer, on a new connection where the one before failed.
async fn exchange(
    stream: &mut Option<TcpStream>,
    shared: &Shared,
    call: &[u8],
    kind: Kind,
    buffer: &mut Vec<u8>,
) -> std::io::Result<Came> {
    let stream = match stream {
        Some(stream) => stream,
        None => stream.insert(TcpStream::connect(&shared.plan.address).await?),
    };
    stream.write_all(call).await?;
    buffer.clear();
    loop {
        if let Some((status, body)) = whole(buffer) {
            return Ok(came(kind, status, body));
        }
        if buffer.len() > ANSWER_BYTES_MAX || stream.read_buf(buffer).await? == 0 {
            return Ok(Came::Failed);
        }
    }
}

/// Whether the server will close the connection that this answer came by.
fn ends(answer: &[u8]) -> bool {
    let closing = b"connection: close";
    answer.windows(closing.len()).take(200).any(|part| part == closing)
}

/// The status and the body of an answer that is there to its end.
fn whole(buffer: &[u8]) -> Option<(u16, &[u8])> {
    let end = buffer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&buffer[..end]).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let mut lines = head.split("\r\n");
    let length = lines.find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    let body = &buffer[end + 4..];
    (body.len() >= length.unwrap_or(0)).then_some((status, body))
}

fn buckets(histogram: &Histogram<u64>) -> Vec<(u64, u64)> {
    let recorded = histogram.iter_recorded();
    recorded.map(|value| (value.value_iterated_to(), value.count_at_value())).collect()
}

pub(crate) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).expect("a short time")
}
