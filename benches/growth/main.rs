//! Growth: what the same things take with a thousand orders in the file and with a million; memory, start-up, bytes an order.
//!
//! | `cargo bench --bench growth` | |
//! |---|---|
//! | | 1,000 to 1,000,000 orders of one merchant |
//! | `-- --quick` | to 100,000 |
//! | `-- --long` | to 10,000,000 |

#[allow(dead_code, reason = "each benchmark needs a part of it")]
#[path = "../support/mod.rs"]
mod support;

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use hdrhistogram::Histogram;
use support::plot::{Axis, Scaled, plot};
use support::{Seeder, fen, merchant_id, millis, now, order_no, payment, resident_of, write};
use tally_actors::domain::books::Key;
use tally_actors::domain::command::RulesChange;
use tally_actors::domain::order::Channel;
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::withdrawal::WithdrawalRequest;
use tally_actors::engine::{Engine, NewSettlement, NewWithdrawal, Number, Options};
use tally_actors::ports::Store;
use tally_proof::crash::server::Server;
use tally_proof::crash::site::Site;
use tally_storage::SqliteStore;
use tokio::runtime::Runtime;

/// How often each thing is done.
const TIMES: usize = 100;

/// How often what takes little is done.
const MANY: usize = 1_000;

/// Orders that are written in one transaction.
const ORDERS_AT_ONCE: usize = 2_500;

/// Merchants that are woken to see what they take in memory.
const MERCHANTS: [usize; 3] = [100, 1_000, 10_000];

/// The argument that makes this program open a file, wake so many merchants, and say what memory that takes.
const IDLE: &str = "--idle";

/// The things that are done, in the order of a row.
const NAMES: [&str; 6] =
    ["first settlement", "settlement", "withdrawal", "activation", "balance", "order lookup"];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let has = |flag: &str| arguments.iter().any(|argument| argument == flag);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.expect("a runtime");
    if let [_, flag, file, merchants] = &arguments[..]
        && flag == IDLE
    {
        return idle(&runtime, Path::new(file), merchants.parse().expect("a count"));
    }
    let most: u32 = if has("--quick") {
        5
    } else if has("--long") {
        7
    } else {
        6
    };
    println!(
        "\nwith so many orders of one merchant in the file, paid and not settled: p50 and p99 in ms"
    );
    println!("{:>10} {}", "orders", NAMES.map(|name| format!("{name:>18}")).join(""));
    let mut lines: Vec<(String, Vec<(u64, u64)>)> =
        NAMES.iter().map(|name| ((*name).to_owned(), vec![])).collect();
    let mut facts = vec![];
    for power in 3..=most {
        let orders = 10_u64.pow(power);
        let site = Site::new(env!("CARGO_BIN_EXE_tally"), support::target());
        let file = site.path().join("data/tally.db");
        std::fs::create_dir_all(site.path().join("data")).expect("a folder");
        runtime.block_on(fill(&file, usize::try_from(orders).expect("a count")));
        let bytes = std::fs::metadata(&file).map_or(0, |file| file.len());
        let taken = actix::System::new().block_on(things(&runtime, &file, orders));
        let shown = taken.iter().map(|taken| {
            let [p50, p99] = [0.5, 0.99].map(|q| millis(taken.value_at_quantile(q)));
            format!("{:>18}", format!("{p50} {p99}"))
        });
        println!("{orders:>10} {}", shown.collect::<String>());
        for (line, taken) in lines.iter_mut().zip(&taken) {
            line.1.push((orders, taken.value_at_quantile(0.99)));
        }
        facts.push(start_up(&site, orders, bytes));
    }
    println!("\nthe binary on these files");
    facts.iter().for_each(|fact| println!("{fact}"));
    memory(&runtime);
    let x = Axis { label: "orders in the file", scaled: Scaled::ByDoublings };
    let y = Axis { label: "p99 in µs", scaled: Scaled::ByDoublings };
    let folder = support::target().parent().expect("target").join("bench");
    std::fs::create_dir_all(&folder).expect("a folder");
    let svg = folder.join("growth.svg");
    std::fs::write(&svg, plot("growth", [x, y], &lines)).expect("there is room");
    let json = serde_json::to_string_pretty(&lines).expect("JSON");
    std::fs::write(folder.join("growth.json"), json).expect("there is room");
    println!("wrote {} and growth.json", svg.display());
}

/// A file with one merchant's orders, paid and not settled.
async fn fill(file: &Path, orders: usize) {
    let store = SqliteStore::open(file).await.expect("it opens");
    let mut seeder = Seeder::register(&store, merchant_id(0)).await;
    for first in (0..orders).step_by(ORDERS_AT_ONCE) {
        let count = ORDERS_AT_ONCE.min(orders - first);
        write(&store, vec![seeder.earn(first, count, &Channel::External)]).await;
    }
    // Those that are paid one at a time while it is measured.
    seeder.opened_from(orders);
    seeder.open_orders(&store, 2 * TIMES).await;
    store.close().await;
}

fn start(runtime: &Runtime, store: &Arc<SqliteStore>) -> Engine {
    Engine::start(Arc::clone(store) as Arc<dyn Store>, Options::new(runtime.handle().clone()))
}

async fn opened(runtime: &Runtime, file: &Path) -> Arc<SqliteStore> {
    let file = file.to_path_buf();
    let store = runtime.spawn(async move { SqliteStore::open(&file).await });
    Arc::new(store.await.expect("a task").expect("it opens"))
}

fn took(into: &mut Histogram<u64>, asked: Instant) {
    let micros = u64::try_from(asked.elapsed().as_micros()).expect("a short time");
    into.record(micros).expect("it grows");
}

/// How long each of the things takes.
async fn things(runtime: &Runtime, file: &Path, orders: u64) -> [Histogram<u64>; 6] {
    let of = merchant_id(0);
    let mut taken = [(); 6].map(|()| Histogram::<u64>::new(3).expect("a histogram"));
    let [first, settlement, withdrawal, activation, balance, lookup] = &mut taken;
    let store = opened(runtime, file).await;
    for _ in 0..TIMES {
        let engine = start(runtime, &store);
        let asked = Instant::now();
        engine.head(of, now()).await.expect("a head");
        took(activation, asked);
        engine.stop().await;
    }
    let engine = start(runtime, &store);
    let paid = usize::try_from(orders).expect("a count");
    let change =
        RulesChange { payout_method: Some(Some(PayoutMethod::Manual)), ..RulesChange::default() };
    engine.change_rules(of, change, now()).await.expect("a change");
    for n in 0..TIMES {
        let new = NewSettlement { number: Number::Make(None), include_not_due: false };
        let asked = Instant::now();
        let made = engine.settle(of, new, now()).await.expect("a settlement");
        took(if n == 0 { &mut *first } else { &mut *settlement }, asked);
        assert_eq!(made.expect("something is due").thing.moved.orders > 1, n == 0);
        let new = NewWithdrawal {
            number: Number::Make(None),
            request: WithdrawalRequest { amount: Some(fen(100)), settle_first: false },
            asked_by: "admin".parse().expect("a key's id"),
        };
        let asked = Instant::now();
        engine.withdraw(of, new, now()).await.expect("a withdrawal");
        took(withdrawal, asked);
        engine.pay(of, payment(paid + n), now()).await.expect("a payment");
    }
    for n in 0..MANY {
        let asked = Instant::now();
        engine.head(of, now()).await.expect("a head");
        took(balance, asked);
        let key = Key::Order(order_no(n * 7_919 % paid));
        let asked = Instant::now();
        let found = store.lookup(vec![(of, key)]).await.expect("an answer");
        took(lookup, asked);
        assert!(found[0].as_ref().expect("it can be read").is_some());
    }
    engine.stop().await;
    runtime.spawn(async move { store.close().await }).await.expect("it closes");
    taken
}

/// How soon the binary is ready after a stop and after a kill, what it takes in memory, and the bytes of an order.
fn start_up(site: &Site, orders: u64, bytes: u64) -> String {
    let settings =
        [("TALLY_LOG", "warn"), ("TALLY_SANDBOX", "on"), ("TALLY_QUERY_SECONDS", "86400")];
    let server = Server::start_with(site, &settings);
    server.ask_to_stop();
    assert!(server.wait().success());
    let server = Server::start_with(site, &settings);
    let (clean, resident) = (server.ready_after, resident_of(&server.id().to_string()));
    server.kill();
    let server = Server::start_with(site, &settings);
    format!(
        "{orders:>10} orders: ready after {} ms, {} ms after a kill; {} MB resident; {} bytes an order",
        clean.as_millis(),
        server.ready_after.as_millis(),
        resident / 1_000,
        bytes / orders,
    )
}

/// Fills a file, and has processes of their own wake merchants in it, so that what filling took is not counted.
fn memory(runtime: &Runtime) {
    let folder = tempfile::Builder::new().prefix("growth").tempdir_in(support::target());
    let folder = folder.expect("a folder");
    let file = folder.path().join("merchants.db");
    runtime.block_on(async {
        let store = SqliteStore::open(&file).await.expect("it opens");
        let merchants: Vec<_> = (0..MERCHANTS[2]).map(|n| (merchant_id(n), 10)).collect();
        for chunk in merchants.chunks(500) {
            Seeder::register_pay_and_settle(&store, chunk).await;
        }
        store.close().await;
    });
    println!("\nmerchants live, of {} in the file", MERCHANTS[2]);
    for merchants in MERCHANTS {
        let program = std::env::current_exe().expect("this program");
        let arguments = [IDLE.as_ref(), file.as_os_str(), merchants.to_string().as_ref()]
            .map(ToOwned::to_owned);
        let ended = std::process::Command::new(program).args(arguments).status();
        assert!(ended.expect("it runs").success());
    }
}

fn idle(runtime: &Runtime, file: &Path, merchants: usize) {
    actix::System::new().block_on(async {
        let store = opened(runtime, file).await;
        let engine = start(runtime, &store);
        let before = resident_of("self") / 1_000;
        for n in 0..merchants {
            engine.head(merchant_id(n), now()).await.expect("a head");
        }
        let live = engine.live_merchants();
        println!("{live:>10} live: {} MB resident, {before} before", resident_of("self") / 1_000);
        engine.stop().await;
    });
}
