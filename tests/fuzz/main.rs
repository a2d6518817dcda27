//! Bad requests by the thousand against a live server: no 500, no hang, no panic, and the books stay clean.
//!
//! `TALLY_TEST_FUZZ_SECONDS` sends for that long (5 unless set); `TALLY_TEST_SEED` repeats the choices of a run.

mod calls;
#[path = "../support/mod.rs"]
mod support;
mod target;
mod verdict;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tally_proof::crash::world::World;
use tally_proof::random::Random;
use target::{FORGED, Request, TARGET, Target};

/// How many send at the same time.
const SENDERS: u64 = 4;

#[test]
fn bad_requests_get_an_answer_and_leave_the_books_clean() {
    let seconds = std::env::var("TALLY_TEST_FUZZ_SECONDS");
    let lasts =
        Duration::from_secs(seconds.map_or(5, |seconds| seconds.parse().expect("a number")));
    support::run(async {
        let mut random = Random::new(support::seed());
        let world = Arc::new(World::new(support::site(), &[500, 1_000]).await);
        let server = world.serve(&[("TALLY_QUERY_SECONDS", "1,5"), ("TALLY_LOG", "warn")]);
        let target = Arc::new(Target::prepare(&world, &server).await);
        let until = Instant::now() + lasts;
        let senders = (0..SENDERS).map(|_| {
            let (world, target) = (Arc::clone(&world), Arc::clone(&target));
            tokio::spawn(send_until(world, target, random.fork(), until))
        });
        let mut sent = 0;
        let mut faults = vec![];
        for sender in senders.collect::<Vec<_>>() {
            let (count, found) = sender.await.expect("a sender does not panic");
            sent += count;
            faults.extend(found);
        }
        println!("{sent} bad requests in {} s", lasts.as_secs());
        let log = server.log();
        if log.contains("panicked") {
            faults.push(format!("a panic is in the log:\n{log}"));
        }
        let balance = server.api().get(&format!("merchants/{FORGED}/balance")).await.body;
        if balance["paid_orders"] != 0 {
            faults.push(format!("a forged notice was believed: {balance}"));
        }
        let balance = server.api().get(&format!("merchants/{TARGET}/balance")).await.body;
        if balance["paid_orders"] == 0 {
            faults.push(format!("no good notice was among the bad ones: {balance}"));
        }
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n\n"));
        assert!(sent > 500, "too little to prove anything");
    });
}

/// Sends until then, and audits. How many were sent, and what went wrong.
async fn send_until(
    world: Arc<World>,
    target: Arc<Target>,
    mut random: Random,
    until: Instant,
) -> (u64, Vec<String>) {
    let (mut sent, mut faults) = (0, vec![]);
    while Instant::now() < until && faults.len() < 5 {
        let request = target.bad_request(&mut random);
        if let Some(fault) = target.send(&mut random, &request).await {
            let Request { method, path, kind, body } = &request;
            let start = body[..body.len().min(2_000)].escape_ascii();
            faults
                .push(format!("{method} {path} ({kind}), {} bytes: {start}\n{fault}", body.len()));
        }
        sent += 1;
    }
    let audited = tokio::task::spawn_blocking(move || world.site.audit()).await;
    faults.extend(audited.expect("an audit does not panic").err());
    (sent, faults)
}
