//! Payments a second: of one hot merchant and of many, beside payments that are a transaction each.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::engine::Engine;
use tally_storage::Books;
use tally_storage::one_each::OneEach;
use tokio::runtime::Runtime;

use super::support::stage::Stage;
use super::support::{
    Seeder, fen, merchant_id, millis, now, order_no, payment, processor, rate, tenths,
};
use super::{Scale, histogram, note, open, start};

/// What a row of the first tables was made of.
struct Measured {
    latencies: Histogram<u64>,
    elapsed: Duration,
    used: Duration,
}

impl Measured {
    fn per_second(&self) -> u64 {
        rate(usize::try_from(self.latencies.len()).expect("a count"), self.elapsed)
    }

    /// Prints the row, beside that many payments a second.
    fn print(&self, name: &str, batch: u64, beside: u64) {
        let [p50, p99] =
            [0.5, 0.99].map(|quantile| millis(self.latencies.value_at_quantile(quantile)));
        let each = self.used.as_micros() / u128::from(self.latencies.len().max(1));
        let per_second = self.per_second();
        println!(
            "{name:<48} {per_second:>10} {p50:>9} {p99:>9} {batch:>8} {each:>9} {:>7}",
            tenths(per_second, beside)
        );
    }
}

pub(super) async fn payments(runtime: &Runtime, stage: &Stage, scale: Scale) {
    println!(
        "payments of orders opened before and no longer in memory, {} s each row",
        scale.seconds
    );
    println!(
        "{:<48} {:>10} {:>9} {:>9} {:>8} {:>9} {:>7}",
        "", "payments/s", "p50 ms", "p99 ms", "batch", "cpu µs", "ratio"
    );
    for merchants in [1, scale.merchants] {
        let whose = match merchants {
            1 => "one hot merchant".to_owned(),
            _ => format!("{merchants} merchants"),
        };
        let beside = one_each(runtime, stage, (&whose, merchants), scale).await;
        if merchants == 1 {
            own_rows_one_each(runtime, stage, beside, scale).await;
        }
        let orders = if merchants == 1 { scale.hot_orders } else { scale.orders_each };
        let orders: Vec<_> = (0..merchants).map(|n| (merchant_id(n), orders)).collect();
        for in_flight in [64, 512, 2_048] {
            let store = open(runtime, &stage.place(&format!("{merchants}-{in_flight}"))).await;
            let seeded = runtime.spawn(opened(Arc::clone(&store), orders.clone()));
            seeded.await.expect("orders");
            let engine = start(runtime, &store);
            let measured = load(&engine, &orders, in_flight, scale).await;
            let written = engine.written();
            let [events, batches] =
                [&written.events, &written.batches].map(|count| count.load(Ordering::Relaxed));
            let name = format!("{whose}, {in_flight} in flight");
            measured.print(&name, events / batches.max(1), beside);
            engine.stop().await;
            runtime.spawn(async move { store.close().await }).await.expect("it closes");
            stage.clear();
        }
    }
}

/// Payments as a back end without Tally books them. Gives how many a second.
async fn one_each(
    runtime: &Runtime,
    stage: &Stage,
    (whose, merchants): (&str, usize),
    scale: Scale,
) -> u64 {
    let (place, at_once) = (stage.place(&format!("each-{merchants}")), stage.at_once());
    let orders = scale.orders_alone / merchants;
    let filled = async move {
        let each = OneEach::open(&place, at_once).await.expect("it opens");
        let numbers: Vec<OrderNo> = (0..orders).map(order_no).collect();
        for n in 0..merchants {
            each.open_orders(&merchant_id(n), &numbers, fen(100)).await.expect("orders");
        }
        each
    };
    let each = runtime.spawn(filled).await.expect("orders");
    let next = Arc::new(AtomicUsize::new(0));
    let until = Instant::now() + Duration::from_secs(scale.seconds);
    let (begun, used) = (Instant::now(), processor());
    let clients = (0..at_once).map(|_| {
        let (each, next) = (each.clone(), Arc::clone(&next));
        runtime.spawn(async move {
            let mut latencies = histogram();
            while Instant::now() < until {
                let n = next.fetch_add(1, Ordering::Relaxed);
                if n >= merchants * orders {
                    break;
                }
                let asked = Instant::now();
                let (of, order_no) = (merchant_id(n % merchants), order_no(n / merchants));
                assert!(each.pay(&of, &order_no, fen(100)).await.expect("a payment"));
                note(&mut latencies, asked);
            }
            latencies
        })
    });
    let clients: Vec<_> = clients.collect();
    let mut latencies = histogram();
    for client in clients {
        latencies.add(client.await.expect("a client")).expect("the same bounds");
    }
    let measured = Measured { latencies, elapsed: begun.elapsed(), used: processor() - used };
    let per_second = measured.per_second();
    measured.print(&format!("{whose}, plain SQL, one each, {at_once} at once"), 1, per_second);
    runtime.spawn(async move { each.close().await }).await.expect("it closes");
    stage.clear();
    per_second
}

/// The rows that Tally writes, of one merchant, each payment in a transaction of its own.
async fn own_rows_one_each(runtime: &Runtime, stage: &Stage, beside: u64, scale: Scale) {
    let store = open(runtime, &stage.place("own-each")).await;
    let measured = runtime.spawn(async move {
        let mut seeder = Seeder::register(&*store, merchant_id(0)).await;
        seeder.open_orders(&*store, scale.orders_alone).await;
        let mut latencies = histogram();
        let (begun, used) = (Instant::now(), processor());
        for n in 0..scale.orders_alone {
            let asked = Instant::now();
            seeder.pay(&*store, n, 1).await;
            note(&mut latencies, asked);
            if begun.elapsed() > Duration::from_secs(scale.seconds) {
                break;
            }
        }
        let measured = Measured { latencies, elapsed: begun.elapsed(), used: processor() - used };
        store.close().await;
        measured
    });
    measured.await.expect("payments").print("one hot merchant, Tally's rows, one each", 1, beside);
    stage.clear();
}

/// Opens so many orders of each merchant.
async fn opened(store: Arc<dyn Books>, orders: Vec<(MerchantId, usize)>) {
    for chunk in orders.chunks(300) {
        Seeder::register_and_open(&*store, chunk).await;
    }
}

/// Keeps `in_flight` payments under way for the row's time, over all merchants in turn.
async fn load(
    engine: &Engine,
    orders: &[(MerchantId, usize)],
    in_flight: usize,
    scale: Scale,
) -> Measured {
    let total: usize = orders.iter().map(|(_, count)| count).sum();
    let next = Arc::new(AtomicUsize::new(0));
    let until = Instant::now() + Duration::from_secs(scale.seconds);
    let (begun, used) = (Instant::now(), processor());
    let clients: Vec<_> = (0..in_flight)
        .map(|_| {
            let (engine, next, orders) = (engine.clone(), Arc::clone(&next), orders.to_vec());
            actix::spawn(async move {
                let mut latencies = histogram();
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
                    note(&mut latencies, asked);
                }
                latencies
            })
        })
        .collect();
    let mut latencies = histogram();
    for client in clients {
        latencies.add(client.await.expect("a client")).expect("the same bounds");
    }
    Measured { latencies, elapsed: begun.elapsed(), used: processor() - used }
}
