//! The engine without HTTP: payments a second, and what a million orders take on disk.
//!
//! | `cargo bench --bench engine` | |
//! |---|---|
//! | | payments on SQLite, and on PostgreSQL and MariaDB where they are installed |
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

use std::sync::Arc;
use std::time::Instant;

use hdrhistogram::Histogram;
use support::stage::{Stage, Taken};
use support::{Seeder, merchant_id, tenths};
use tally_actors::engine::{Engine, Options};
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
}

const FULL: Scale = Scale {
    seconds: 3,
    hot_orders: 400_000,
    merchants: 10_000,
    orders_each: 30,
    orders_alone: 40_000,
    settled_orders: 1_000_000,
};

const QUICK: Scale = Scale {
    seconds: 1,
    hot_orders: 120_000,
    merchants: 1_000,
    orders_each: 60,
    orders_alone: 12_000,
    settled_orders: 100_000,
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
    let only = arguments.iter().skip_while(|argument| *argument != "--store").nth(1);
    for name in Stage::ALL.into_iter().filter(|name| only.is_none_or(|only| only == name)) {
        let Some(stage) = Stage::start(name) else { continue };
        println!("\n{}", stage.title());
        actix::System::new().block_on(async {
            if has("--sizes") {
                return sizes(&runtime, &stage, scale).await;
            }
            payments::payments(&runtime, &stage, scale).await;
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
