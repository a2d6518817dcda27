//! The engine without HTTP, on SQLite with `synchronous=FULL`: payments a second, settlements by history, memory.
//!
//! `cargo bench --bench engine` runs it all, `-- --quick` a tenth of it, `-- --payments` its first table. Each row stands beside the same payments written
//! one transaction each in the same run, so that a noisy machine flatters nobody.

#[allow(dead_code, reason = "each benchmark needs a part of it")]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use support::{Seeder, merchant_id, millis, now, payment, processor, rate, target};
use tally_actors::domain::ids::MerchantId;
use tally_actors::engine::{Engine, NewSettlement, Number, Options};
use tally_storage::SqliteStore;
use tokio::runtime::Runtime;

/// How large everything is.
#[derive(Clone, Copy)]
struct Scale {
    seconds: u64,
    hot_orders: usize,
    merchants: usize,
    orders_each: usize,
    settled_orders: usize,
    unsettled: [usize; 2],
}

const FULL: Scale = Scale {
    seconds: 3,
    hot_orders: 400_000,
    merchants: 10_000,
    orders_each: 30,
    settled_orders: 1_000_000,
    unsettled: [1_000, 1_000_000],
};

const QUICK: Scale = Scale {
    seconds: 1,
    hot_orders: 120_000,
    merchants: 1_000,
    orders_each: 60,
    settled_orders: 100_000,
    unsettled: [1_000, 100_000],
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let scale = if arguments.iter().any(|argument| argument == "--quick") { QUICK } else { FULL };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    if let [_, flag, file, merchants] = &arguments[..]
        && flag == IDLE
    {
        let merchants = merchants.parse().expect("a count");
        return actix::System::new().block_on(idle(&runtime, Path::new(file), merchants));
    }
    let folder = tempfile::Builder::new().prefix("bench").tempdir_in(target()).expect("a folder");
    actix::System::new().block_on(async {
        payments(&runtime, folder.path(), scale).await;
        if arguments.iter().any(|argument| argument == "--payments") {
            return;
        }
        settlements(&runtime, folder.path(), scale).await;
        memory(&runtime, folder.path(), scale).await;
    });
}

async fn open(runtime: &Runtime, file: &Path) -> Arc<SqliteStore> {
    let file = file.to_path_buf();
    let store = runtime.spawn(async move { SqliteStore::open(&file).await });
    Arc::new(store.await.expect("it opens").expect("it opens"))
}

fn start(runtime: &Runtime, store: &Arc<SqliteStore>) -> Engine {
    Engine::start(Arc::<SqliteStore>::clone(store), Options::new(runtime.handle().clone()))
}

async fn payments(runtime: &Runtime, folder: &Path, scale: Scale) {
    println!(
        "\npayments of orders opened before and no longer in memory, {} s each row",
        scale.seconds
    );
    println!(
        "{:<34} {:>10} {:>9} {:>9} {:>8} {:>9} {:>7}",
        "", "payments/s", "p50 ms", "p99 ms", "batch", "cpu µs", "ratio"
    );
    let alone = one_transaction_each(runtime, folder, scale).await;
    for in_flight in [64, 512, 2_048] {
        let orders = vec![(merchant_id(0), scale.hot_orders)];
        let name = format!("hot-{in_flight}");
        load(runtime, &folder.join(&name), &orders, in_flight, (scale, alone)).await;
    }
    for in_flight in [64, 512, 2_048] {
        let orders: Vec<_> =
            (0..scale.merchants).map(|n| (merchant_id(n), scale.orders_each)).collect();
        let name = format!("many-{in_flight}");
        load(runtime, &folder.join(&name), &orders, in_flight, (scale, alone)).await;
    }
}

/// The same rows of one merchant, each payment in a transaction of its own. Gives payments a second.
async fn one_transaction_each(runtime: &Runtime, folder: &Path, scale: Scale) -> u64 {
    let store = open(runtime, &folder.join("alone.db")).await;
    let mut seeder = Seeder::register(&*store, merchant_id(0)).await;
    seeder.open_orders(&*store, 20_000).await;
    let mut done = 0;
    let (begun, used) = (Instant::now(), processor());
    while begun.elapsed() < Duration::from_secs(scale.seconds) && done < 20_000 {
        seeder.pay(&*store, done, 1).await;
        done += 1;
    }
    let per_second = rate(done, begun.elapsed());
    let each = (processor() - used).as_micros() / u128::try_from(done.max(1)).expect("a count");
    println!(
        "{:<34} {per_second:>10} {:>9} {:>9} {:>8} {each:>9} {:>7}",
        "one transaction each", "", "", 1, "1.0"
    );
    per_second
}

/// Keeps `in_flight` payments under way for the row's time, over all merchants in turn, and prints the row.
async fn load(
    runtime: &Runtime,
    folder: &Path,
    orders: &[(MerchantId, usize)],
    in_flight: usize,
    (scale, alone): (Scale, u64),
) {
    std::fs::create_dir_all(folder).expect("a folder");
    let store = open(runtime, &folder.join("tally.db")).await;
    for chunk in orders.chunks(500) {
        Seeder::register_and_open(&*store, chunk).await;
    }
    let engine = start(runtime, &store);
    let total: usize = orders.iter().map(|(_, count)| count).sum();
    let next = Arc::new(AtomicUsize::new(0));
    let until = Instant::now() + Duration::from_secs(scale.seconds);
    let (begun, used) = (Instant::now(), processor());
    let clients: Vec<_> = (0..in_flight)
        .map(|_| {
            let (engine, next, orders) = (engine.clone(), Arc::clone(&next), orders.to_vec());
            actix::spawn(async move {
                let mut latencies = Histogram::<u64>::new(3).expect("a histogram");
                while Instant::now() < until {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= total {
                        break;
                    }
                    let (merchant, _) = orders[n % orders.len()];
                    let asked = Instant::now();
                    engine
                        .pay(merchant, payment(n / orders.len()), now())
                        .await
                        .expect("a payment");
                    let micros = u64::try_from(asked.elapsed().as_micros()).expect("a short time");
                    latencies.record(micros).expect("within bounds");
                }
                latencies
            })
        })
        .collect();
    let mut latencies = Histogram::<u64>::new(3).expect("a histogram");
    for client in clients {
        latencies.add(client.await.expect("a client")).expect("the same bounds");
    }
    let per_second = rate(usize::try_from(latencies.len()).expect("a count"), begun.elapsed());
    let each = (processor() - used).as_micros() / u128::from(latencies.len().max(1));
    let written = engine.written();
    let batch =
        written.events.load(Ordering::Relaxed) / written.batches.load(Ordering::Relaxed).max(1);
    let name = if orders.len() == 1 {
        format!("one hot merchant, {in_flight} in flight")
    } else {
        format!("{} merchants, {in_flight} in flight", orders.len())
    };
    let [p50, p99] = [0.5, 0.99].map(|quantile| millis(latencies.value_at_quantile(quantile)));
    println!(
        "{name:<34} {per_second:>10} {p50:>9} {p99:>9} {batch:>8} {each:>9} {:>7}",
        tenths(per_second, alone)
    );
    engine.stop().await;
    store.close().await;
    std::fs::remove_dir_all(folder).expect("the folder goes");
}

async fn settlements(runtime: &Runtime, folder: &Path, scale: Scale) {
    println!("\na settlement, by the orders that it settles: the median and the longest of 100");
    for unsettled in scale.unsettled {
        let store = open(runtime, &folder.join(format!("settle-{unsettled}.db"))).await;
        let mut seeder = Seeder::register(&*store, merchant_id(0)).await;
        seeder.open_orders(&*store, unsettled + 100).await;
        seeder.pay(&*store, 0, unsettled).await;
        let engine = start(runtime, &store);
        let mut latencies = Histogram::<u64>::new(3).expect("a histogram");
        let mut first = 0;
        for n in 0..100 {
            let asked = Instant::now();
            let new = NewSettlement { number: Number::Make(None), include_not_due: false };
            let made = engine.settle(merchant_id(0), new, now()).await.expect("a settlement");
            let micros = u64::try_from(asked.elapsed().as_micros()).expect("a short time");
            assert_eq!(made.expect("something is due").thing.moved.orders > 1, n == 0);
            if n == 0 {
                first = micros;
            }
            latencies.record(micros).expect("within bounds");
            engine.pay(merchant_id(0), payment(unsettled + n), now()).await.expect("a payment");
        }
        println!(
            "{unsettled:>9} orders in the first: {} ms; one order in each after it: median {} ms, longest {} ms",
            millis(first),
            millis(latencies.value_at_quantile(0.5)),
            millis(latencies.max()),
        );
        engine.stop().await;
    }
}

/// Fills a file, and has a process of its own open it, so that what filling took is not counted.
async fn memory(runtime: &Runtime, folder: &Path, scale: Scale) {
    let each = scale.settled_orders / scale.merchants;
    let file = folder.join("memory.db");
    let store = open(runtime, &file).await;
    let merchants: Vec<_> = (0..scale.merchants).map(|n| (merchant_id(n), each)).collect();
    for chunk in merchants.chunks(500) {
        Seeder::register_pay_and_settle(&*store, chunk).await;
    }
    store.close().await;
    println!(
        "\n{} merchants with {} settled orders, a file of {} MB:",
        scale.merchants,
        each * scale.merchants,
        std::fs::metadata(&file).map_or(0, |file| file.len() / 1_000_000),
    );
    let program = std::env::current_exe().expect("this program");
    let arguments = [IDLE.as_ref(), file.as_os_str(), scale.merchants.to_string().as_ref()]
        .map(ToOwned::to_owned);
    let ended = std::process::Command::new(program).args(arguments).status().expect("it runs");
    assert!(ended.success());
}

/// The argument that makes this program open a file, wake every merchant in it, and say what memory that takes.
const IDLE: &str = "--idle";

async fn idle(runtime: &Runtime, file: &Path, merchants: usize) {
    let store = open(runtime, file).await;
    let engine = start(runtime, &store);
    println!("  opened: {} MB resident", resident() / 1_000);
    for n in 0..merchants {
        engine.head(merchant_id(n), now()).await.expect("a head");
    }
    println!("  {} actors live, idle: {} MB resident", engine.live_merchants(), resident() / 1_000);
    engine.stop().await;
}

/// The resident memory of this process, in kB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

fn tenths(value: u64, of: u64) -> String {
    let tenths = value * 10 / of.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}
