//! Several processes on one database: killed, and stopped in the middle of a transaction, while the others go on with the same
//! merchants.
//!
//! `TALLY_TEST_SEED` repeats the choices of a run.

mod support;

use std::time::{Duration, Instant};

use tally_proof::crash::databases::{Databases, Kind};
use tally_proof::crash::judge;
use tally_proof::crash::ledger::Ledger;
use tally_proof::crash::load::Load;
use tally_proof::crash::server::Server;
use tally_proof::crash::shared::{self, Crowd};
use tally_proof::crash::site::Site;
use tally_proof::random::Random;
use tokio::time::sleep;

/// How many ask at the same time.
const CLIENTS: u64 = 12;

/// How often a process is caught with rows locked in a transaction.
const STOPS: usize = 2;

/// How often it is stopped at a random instant before it counts as impossible to catch.
const TRIES_MAX: usize = 2_000;

/// A stop comes at a random instant of so many milliseconds.
const WITHIN_MS: u64 = 40;

/// How long the merchants are waited for while a process stands still: many times the 2 s after which the server ends its
/// transaction, and the 1 s that others wait for a lock.
const SERVED_WITHIN: Duration = Duration::from_secs(30);

fn survives_kills_on(kind: Kind) {
    let _turn = support::turn();
    let Some(databases) = Databases::start(kind) else { return };
    let plan = support::plan_on(databases, 6, CLIENTS);
    let crowd = Crowd { processes: 3, lasts: Duration::from_secs(10) };
    let report = support::run(shared::run(&plan, crowd));
    println!("{report}");
    support::assert_clean(report.faults);
}

#[test]
fn three_processes_on_one_postgresql_agree_whichever_is_killed() {
    survives_kills_on(Kind::Postgres);
}

#[test]
fn three_processes_on_one_mariadb_agree_whichever_is_killed() {
    survives_kills_on(Kind::Mariadb);
}

/// One process stands still with a transaction open, and so with heads of merchants locked. The other must serve them all, while
/// it still does.
fn goes_on_beside_a_stopped_one_on(kind: Kind) {
    let _turn = support::turn();
    let Some(databases) = Databases::start(kind) else { return };
    let site = support::site().with_database(databases.fresh());
    let beside = site.beside();
    support::run(async {
        let servers = [Server::start(&site), Server::start(&beside)];
        let [stopped, other] = &servers;
        stopped.api().register().await;
        let mut random = Random::new(support::seed());
        let load = Load::begin(stopped, Ledger::default(), CLIENTS, &mut random);
        for _ in 0..STOPS {
            stop_in_a_transaction(stopped, (&databases, &site), &mut random).await;
            let began = Instant::now();
            let served = load.served(other.api(), SERVED_WITHIN).await;
            println!("served by the other after {:?}", began.elapsed());
            stopped.thaw();
            assert!(served.is_some(), "a process that stands still holds up a merchant");
        }
        let mut ledger = load.stop().await;
        support::assert_clean(judge::examine(stopped, &mut ledger, &mut random).await);
        support::assert_clean(judge::compare(other.api(), &ledger).await);
        support::assert_clean(judge::agree(&servers).await);
        support::assert_clean(judge::audit(&site, &ledger).await);
        support::assert_clean(site.audit().err());
    });
}

/// Stops a process at random instants until the database says that it left rows locked.
async fn stop_in_a_transaction(
    server: &Server,
    (databases, site): (&Databases, &Site),
    random: &mut Random,
) {
    let database = site.database().expect("on a server");
    for _ in 0..TRIES_MAX {
        sleep(Duration::from_millis(random.below(WITHIN_MS))).await;
        server.freeze();
        // What the server was still at is over when it is asked the second time.
        let open = || databases.idle_locks(database) > 0;
        if open() && open() {
            return;
        }
        server.thaw();
    }
    panic!("it was never stopped with a row locked");
}

#[test]
fn a_process_stopped_in_mid_transaction_on_postgresql_holds_nobody_up() {
    goes_on_beside_a_stopped_one_on(Kind::Postgres);
}

#[test]
fn a_process_stopped_in_mid_transaction_on_mariadb_holds_nobody_up() {
    goes_on_beside_a_stopped_one_on(Kind::Mariadb);
}
