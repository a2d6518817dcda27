//! The past: how fast a journal is folded again, and how soon any point of a long one is told.
//!
//! `cargo bench --bench replay` takes a journal of a million events, `-- --long` one of ten million (a file of some 4 GB,
//! and some minutes). Folding stands beside decoding alone and hashing alone in the same run; the points beside a fold from the
//! first event.

#[allow(dead_code, reason = "each benchmark needs a part of it")]
mod support;

use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use support::{Seeder, merchant_id, millis, now, processor, rate, target, write};
use tally_actors::domain::chain::{Link, Seq};
use tally_actors::domain::event::Stamped;
use tally_actors::domain::head::Head;
use tally_actors::domain::order::Channel;
use tally_actors::domain::replay::{Point, Replay};
use tally_actors::history::head_at;
use tally_actors::ports::{Recorded, Store};
use tally_storage::SqliteStore;

/// Events of a journal in memory, and how often it is gone through.
const IN_MEMORY: usize = 300_000;
const ROUNDS: usize = 10;

/// Events of a journal on disk.
const SHORT: usize = 1_000_000;
const LONG: usize = 10_000_000;

/// Orders that are written in one transaction: two events each, a settlement after them. A batch holds that many.
const ORDERS_A_RUN: usize = 1_000;

/// Points that are asked for: with the file's pages in memory, and with none of them.
const WARM_POINTS: u64 = 1_000;
const COLD_POINTS: u64 = 50;

fn main() {
    let long = std::env::args().any(|argument| argument == "--long");
    in_memory();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(on_disk(if long { LONG } else { SHORT }));
}

/// The journals that are folded: what differs is how long their events are.
fn in_memory() {
    println!(
        "\na journal in memory, {IN_MEMORY} events, gone through {ROUNDS} times: events a second of one processor"
    );
    println!(
        "{:<34} {:>8} {:>12} {:>12} {:>12} {:>12}",
        "", "bytes", "decode", "hash", "advance", "the whole"
    );
    let request = [
        ("sign_type", "MD5"),
        ("body", "Longjing, 50 g"),
        ("total_fee", "12800"),
        ("spbill_create_ip", "203.0.113.7"),
        ("notify_url", "https://pay.example.com/notify/m000000/payment"),
        ("time_start", "20260301120000"),
        ("time_expire", "20260301140000"),
        ("trade_type", "JSAPI"),
        ("openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"),
        ("nonce_str", "5K8264ILTKCH16CQ2502SI8ZNMTM67VS"),
    ];
    let openid = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".into();
    let request = request.map(|(name, value)| (name.into(), value.into())).into();
    for (name, channel) in [
        ("orders opened and paid", Channel::External),
        ("orders by WeChat, with requests", Channel::Wechat { openid, request }),
    ] {
        let journal = journal(&channel);
        let bytes: usize = journal.iter().map(|recorded| recorded.bytes.len()).sum();
        let [decode, hash, whole] = [decode, hash, fold].map(|pass| speed(&journal, pass));
        let advance = {
            let events: Vec<Stamped> =
                journal.iter().map(|recorded| decoded(&recorded.bytes)).collect();
            speed(&events, advance)
        };
        let each = bytes / journal.len();
        println!("{name:<34} {each:>8} {decode:>12} {hash:>12} {advance:>12} {whole:>12}");
    }
}

fn journal(channel: &Channel) -> Vec<Recorded> {
    let (mut seeder, run) = Seeder::registered(merchant_id(0));
    let mut rows = run.rows;
    let mut first = 0;
    while rows.len() < IN_MEMORY {
        rows.extend(seeder.sell(first, ORDERS_A_RUN, channel).rows);
        first += ORDERS_A_RUN;
    }
    rows.truncate(IN_MEMORY);
    let recorded = |row: tally_actors::ports::Row| Recorded {
        seq: row.link.seq,
        hash: row.link.hash,
        bytes: row.bytes.into_vec(),
    };
    rows.into_iter().map(recorded).collect()
}

/// Events a second of the processor that goes through them, over all rounds: what others do on the machine counts less so.
fn speed<T>(journal: &[T], pass: impl Fn(&[T])) -> u64 {
    let (begun, used) = (Instant::now(), on_processor());
    (0..ROUNDS).for_each(|_| pass(journal));
    let used = on_processor().zip(used).map(|(after, before)| after - before);
    rate(journal.len() * ROUNDS, used.unwrap_or_else(|| begun.elapsed()))
}

/// How long this thread has been on a processor, where the kernel counts that.
fn on_processor() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    stat.split_whitespace().next()?.parse().map(Duration::from_nanos).ok()
}

fn decoded(bytes: &[u8]) -> Stamped {
    Stamped::decode(bytes).expect("it was encoded")
}

fn decode(journal: &[Recorded]) {
    journal.iter().for_each(|recorded| drop(black_box(decoded(&recorded.bytes))));
}

fn hash(journal: &[Recorded]) {
    let of = merchant_id(0);
    let chained = |link: Link, recorded: &Recorded| link.then(&of, &recorded.bytes);
    black_box(journal.iter().fold(Link::default(), chained));
}

fn advance(events: &[Stamped]) {
    let (of, mut head, mut link) = (merchant_id(0), None, Link::default());
    for stamped in events {
        link.seq = link.seq.next();
        Head::advance(&mut head, of, stamped, link).expect("it follows");
    }
    black_box(head);
}

/// What `tally replay` and the past do with each event.
fn fold(journal: &[Recorded]) {
    let mut replay = Replay::new(merchant_id(0));
    take(&mut replay, journal);
    black_box(replay.head());
}

fn take(replay: &mut Replay, journal: &[Recorded]) {
    for recorded in journal {
        let read = replay.read(recorded.seq, &recorded.hash.0, &recorded.bytes);
        let (link, stamped) = read.expect("it is the next");
        replay.take(link, &stamped).expect("it follows");
    }
}

async fn on_disk(events: usize) {
    let folder = tempfile::Builder::new().prefix("replay").tempdir_in(target()).expect("a folder");
    let file = folder.path().join("tally.db");
    let begun = Instant::now();
    fill(&file, events).await;
    let size = std::fs::metadata(&file).map_or(0, |file| file.len() / 1_000_000);
    println!(
        "\na journal of {events} events in a file of {size} MB, written in {} s",
        begun.elapsed().as_secs()
    );
    println!(
        "{:<34} {:>9} {:>9} {:>9} {:>9}",
        "a point at random", "p50 ms", "p99 ms", "longest", "cpu ms"
    );
    let store = SqliteStore::open(&file).await.expect("it opens");
    for by_time in [false, true] {
        let mut points = Points::new(events, by_time);
        let (mut times, used) = (histogram(), processor());
        for _ in 0..WARM_POINTS {
            points.ask(&store, &mut times).await;
        }
        print(if by_time { "by time" } else { "by seq" }, &times, Some(processor() - used));
    }
    store.close().await;
    let mut points = Points::new(events, false);
    let mut times = histogram();
    for _ in 0..COLD_POINTS {
        if !forget(&file) {
            break;
        }
        let store = SqliteStore::open(&file).await.expect("it opens");
        points.ask(&store, &mut times).await;
        store.close().await;
    }
    print("by seq, nothing of it in memory", &times, None);
    from_the_first(&file, events).await;
}

async fn fill(file: &Path, events: usize) {
    let store = SqliteStore::open(file).await.expect("it opens");
    let (mut seeder, registration) = Seeder::registered(merchant_id(0));
    write(&store, vec![registration]).await;
    let (mut first, mut written) = (0, 1);
    while written < events {
        let run = seeder.sell(first, ORDERS_A_RUN, &Channel::External);
        written += run.rows.len();
        write(&store, vec![run]).await;
        first += ORDERS_A_RUN;
    }
    store.close().await;
}

/// Points of a merchant's past, chosen by a rule that looks random and is always the same.
struct Points {
    events: u64,
    by_time: bool,
    state: u64,
}

impl Points {
    fn new(events: usize, by_time: bool) -> Self {
        Self { events: u64::try_from(events).expect("a count"), by_time, state: 1 }
    }

    /// Asks for the next point as `GET …/balance` does, and notes how long it took.
    async fn ask(&mut self, store: &SqliteStore, times: &mut Histogram<u64>) {
        self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let seq = (self.state >> 33) % self.events + 1;
        let point = match self.by_time {
            false => Point::Seq(Seq(seq)),
            true => Point::At(now().plus_ms(i64::try_from(seq).expect("a count"))),
        };
        let begun = Instant::now();
        let head = head_at(store, merchant_id(0), point, Seq(0)).await.expect("it is told");
        let micros = u64::try_from(begun.elapsed().as_micros()).expect("a short time");
        times.record(micros).expect("within bounds");
        let found = head.expect("there was one").link.seq.0;
        assert!(found == seq || self.by_time && found.abs_diff(seq) < 2, "{seq}: {found}");
    }
}

/// The same without checkpoints: what the newest point costs, and `tally replay` does in any case.
async fn from_the_first(file: &Path, events: usize) {
    const PAGE: u32 = tally_actors::limits::HISTORY_PAGE;
    let store = SqliteStore::open_read_only(file).await.expect("it opens");
    let begun = Instant::now();
    let mut replay = Replay::new(merchant_id(0));
    loop {
        let from = replay.link().seq.next();
        let page = store.events(merchant_id(0), from, PAGE).await.expect("events");
        take(&mut replay, &page);
        if page.is_empty() {
            break;
        }
    }
    let (took, all) = (begun.elapsed(), replay.link().seq);
    println!(
        "{:<34} {:>9}   ({} events/s)",
        format!("all {all} from the first"),
        took.as_millis(),
        rate(events, took)
    );
}

/// Has the kernel forget what it holds of the file's pages. It may not; then it says so.
fn forget(file: &Path) -> bool {
    let to = format!("of={}", file.display());
    let told = Command::new("dd")
        .args([to.as_str(), "oflag=nocache", "conv=notrunc,fdatasync", "count=0"])
        .stderr(Stdio::null())
        .status();
    told.is_ok_and(|status| status.success())
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("a histogram")
}

/// A row; with the processor time of all threads that each point took, where nothing else was done meanwhile.
fn print(name: &str, times: &Histogram<u64>, used: Option<Duration>) {
    let quantiles = [0.5, 0.99, 1.0].map(|quantile| millis(times.value_at_quantile(quantile)));
    let [p50, p99, longest] = quantiles;
    let each = used.map(|used| used.as_micros() / u128::from(times.len().max(1)));
    let each = each.and_then(|each| u64::try_from(each).ok()).map(millis).unwrap_or_default();
    println!("{name:<34} {p50:>9} {p99:>9} {longest:>9} {each:>9}");
}
