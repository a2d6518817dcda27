//! The engine without HTTP: payments a second, settlements by history, memory, and what a million orders take on disk.
//!
//! | `cargo bench --bench engine` | |
//! |---|---|
//! | | all on SQLite, payments also on PostgreSQL and MariaDB where they are installed |
//! | `-- --payments` | the first tables alone |
//! | `-- --sizes` | what a million orders take on each, alone |
//! | `-- --store NAME` | `sqlite`, `postgres` or `mariadb` alone |
//! | `-- --quick` | a tenth of it |
//!
//! Every commit is on disk when it is counted. Each row stands beside the same payments written one transaction each on the same
//! server in the same run, so that a noisy machine flatters nobody.

mod payments;
#[allow(dead_code, reason = "each benchmark needs a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use hdrhistogram::Histogram;
use support::stage::{Stage, Taken};
use support::{Seeder, merchant_id, millis, now, payment, resident_of, tenths};
use tally_actors::engine::{Engine, NewSettlement, Number, Options};
use tally_storage::{Books, Place};
use tokio::runtime::Runtime;

/// How large everything is.
#[derive(Clone, Copy)]
struct Scale {
    seconds: u64,
    hot_orders: usize,
    merchants: usize,
    orders_each: usize,
    orders_alone: usize,
    settled_orders: usize,
    unsettled: [usize; 2],
}

const FULL: Scale = Scale {
    seconds: 3,
    hot_orders: 400_000,
    merchants: 10_000,
    orders_each: 30,
    orders_alone: 40_000,
    settled_orders: 1_000_000,
    unsettled: [1_000, 1_000_000],
};

const QUICK: Scale = Scale {
    seconds: 1,
    hot_orders: 120_000,
    merchants: 1_000,
    orders_each: 60,
    orders_alone: 12_000,
    settled_orders: 100_000,
    unsettled: [1_000, 100_000],
};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let scale = if has("--quick") { QUICK } else { FULL };
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
    let only = arguments.iter().skip_while(|argument| *argument != "--store").nth(1);
    for name in Stage::ALL.into_iter().filter(|name| only.is_none_or(|only| only == name)) {
        let Some(stage) = Stage::start(name) else { continue };
        println!("\n{}", stage.title());
        actix::System::new().block_on(async {
            if has("--sizes") {
                return sizes(&runtime, &stage, scale).await;
            }
            payments::payments(&runtime, &stage, scale).await;
            if matches!(stage, Stage::Sqlite(_)) && !has("--payments") {
                settlements(&runtime, &stage, scale).await;
                memory(&runtime, &stage, scale).await;
            }
        });
    }
}

async fn open(runtime: &Runtime, place: &Place) -> Arc<dyn Books> {
    let place = place.clone();
    let store = runtime.spawn(async move { place.open().await });
    store.await.expect("it opens").expect("it opens")
}

fn start(runtime: &Runtime, store: &Arc<dyn Books>) -> Engine {
    let store: Arc<dyn Books> = Arc::clone(store);
    Engine::start(store, Options::new(runtime.handle().clone()))
}

fn histogram() -> Histogram<u64> {
    Histogram::new(3).expect("a histogram")
}

fn note(latencies: &mut Histogram<u64>, since: Instant) {
    let micros = u64::try_from(since.elapsed().as_micros()).expect("a short time");
    latencies.record(micros).expect("within bounds");
}

async fn settlements(runtime: &Runtime, stage: &Stage, scale: Scale) {
    println!("\na settlement, by the orders that it settles: the median and the longest of 100");
    for unsettled in scale.unsettled {
        let store = open(runtime, &stage.place(&format!("settle-{unsettled}"))).await;
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

/// Orders of 10,000 merchants, opened, paid and settled. Gives how many.
async fn settled(store: Arc<dyn Books>, scale: Scale) -> usize {
    let each = scale.settled_orders / scale.merchants;
    let merchants: Vec<_> = (0..scale.merchants).map(|n| (merchant_id(n), each)).collect();
    for chunk in merchants.chunks((EVENTS_AT_ONCE / each / 2).max(1)) {
        Seeder::register_pay_and_settle(&*store, chunk).await;
    }
    store.close().await;
    each * scale.merchants
}

/// So many are written within the time that a server is given for a transaction.
const EVENTS_AT_ONCE: usize = 10_000;

/// Fills a file, and has a process of its own open it, so that what filling took is not counted.
async fn memory(runtime: &Runtime, stage: &Stage, scale: Scale) {
    let place = stage.place("memory");
    let store = open(runtime, &place).await;
    let orders = runtime.spawn(settled(store, scale)).await.expect("orders");
    let file = place.file().expect("a file");
    println!(
        "\n{} merchants with {orders} settled orders, a file of {} MB:",
        scale.merchants,
        std::fs::metadata(file).map_or(0, |file| file.len() / 1_000_000),
    );
    let program = std::env::current_exe().expect("this program");
    let arguments = [IDLE.as_ref(), file.as_os_str(), scale.merchants.to_string().as_ref()]
        .map(ToOwned::to_owned);
    let ended = std::process::Command::new(program).args(arguments).status().expect("it runs");
    assert!(ended.success());
}

/// What settled orders take on disk, table by table.
async fn sizes(runtime: &Runtime, stage: &Stage, scale: Scale) {
    let place = stage.place("sizes");
    let store = open(runtime, &place).await;
    let begun = Instant::now();
    let orders = runtime.spawn(settled(store, scale)).await.expect("orders");
    println!(
        "{orders} orders of {} merchants, opened, paid and settled, written in {} s",
        scale.merchants,
        begun.elapsed().as_secs()
    );
    println!("{:<24} {:>12} {:>12}", "MB", "rows", "indexes");
    let mut all = [0, 0];
    for Taken { name, rows, indexes } in stage.taken(&place) {
        all = [all[0] + rows, all[1] + indexes];
        if rows + indexes > 100_000 {
            println!(
                "{name:<24} {:>12} {:>12}",
                tenths(rows, 1_000_000),
                tenths(indexes, 1_000_000)
            );
        }
    }
    println!("{:<24} {:>12} {:>12}", "all", tenths(all[0], 1_000_000), tenths(all[1], 1_000_000));
}

/// The argument that makes this program open a file, wake every merchant in it, and say what memory that takes.
const IDLE: &str = "--idle";

async fn idle(runtime: &Runtime, file: &Path, merchants: usize) {
    let store = open(runtime, &Place::File(file.to_path_buf())).await;
    let engine = start(runtime, &store);
    println!("  opened: {} MB resident", resident_of("self") / 1_000);
    for n in 0..merchants {
        engine.head(merchant_id(n), now()).await.expect("a head");
    }
    println!(
        "  {} actors live, idle: {} MB resident",
        engine.live_merchants(),
        resident_of("self") / 1_000
    );
    engine.stop().await;
}
