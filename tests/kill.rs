//! Real SIGKILLs under load, and a stop that is asked for: nothing acknowledged is lost, nothing is there twice.
//!
//! `TALLY_TEST_KILLS` kills that often (20 unless set); `TALLY_TEST_SEED` repeats the choices of a run.

mod support;

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use tally_proof::crash::databases::{Databases, Kind};
use tally_proof::crash::ledger::Ledger;
use tally_proof::crash::load::Load;
use tally_proof::crash::plan::Plan;
use tally_proof::crash::server::Server;
use tally_proof::crash::{judge, kills};
use tally_proof::random::Random;
use tokio::time::sleep;

/// How many ask at the same time.
const CLIENTS: u64 = 16;

/// A stop comes at a random instant of the load's first so many milliseconds.
const STOP_WITHIN_MS: u64 = 600;

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let _turn = support::turn();
    let plan = support::plan("TALLY_TEST_KILLS", CLIENTS);
    let report = support::run(kills::run(&plan));
    support::assert_clean(report.faults);
}

/// Kills of the service and of its database's server, as the short form of `tally-proof crash --store`.
fn survives_on(kind: Kind) {
    let _turn = support::turn();
    let Some(databases) = Databases::start(kind) else { return };
    let plan = Plan { server_kills: 2, ..support::plan_on(databases, 5, CLIENTS) };
    let report = support::run(kills::run(&plan));
    println!("{report}");
    support::assert_clean(report.faults);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_service_or_its_postgresql_is_killed_under_load() {
    survives_on(Kind::Postgres);
}

#[test]
fn nothing_acknowledged_is_lost_when_the_service_or_its_mariadb_is_killed_under_load() {
    survives_on(Kind::Mariadb);
}

/// The judge can fail: a disk that goes back to what it was before the load has lost all that the load was told.
#[test]
fn books_that_went_back_in_time_are_found_out() {
    let site = support::site();
    let (data, before) = (site.path().join("data"), site.path().join("before"));
    support::run(async {
        let server = Server::start(&site);
        server.api().register().await;
        server.kill();
        copy(&data, &before);
        let server = Server::start(&site);
        let mut random = Random::new(support::seed());
        let load = Load::begin(&server, Ledger::default(), CLIENTS, &mut random);
        while load.acknowledged() < 50 {
            sleep(Duration::from_millis(1)).await;
        }
        let ledger = load.stop().await;
        support::assert_clean(judge::compare(server.api(), &ledger).await);
        support::assert_clean(judge::audit(&site, &ledger).await);
        server.kill();
        fs::remove_dir_all(&data).unwrap();
        copy(&before, &data);
        let server = Server::start(&site);
        let faults = judge::compare(server.api(), &ledger).await;
        assert_eq!(faults.len(), ledger.len(), "{faults:?}");
        assert!(faults.iter().all(|fault| fault.ends_with("is lost")), "{faults:?}");
        let faults = judge::audit(&site, &ledger).await;
        let lost = faults.iter().filter(|fault| fault.starts_with("durable: "));
        assert!(lost.count() >= 50, "{faults:?}");
    });
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("a readable entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
}

#[test]
fn a_stop_under_load_ends_with_success_and_loses_nothing() {
    let site = support::site();
    support::run(async {
        let mut random = Random::new(support::seed());
        let mut ledger = Ledger::default();
        for round in 0..3 {
            let server = Server::start(&site);
            if round == 0 {
                server.api().register().await;
            }
            judge_after_a_stop(&server, &mut ledger, &mut random).await;
            let load = Load::begin(&server, ledger, CLIENTS, &mut random);
            sleep(Duration::from_millis(random.below(STOP_WITHIN_MS))).await;
            server.ask_to_stop();
            ledger = load.end().await;
            let status = server.wait();
            assert!(status.success(), "asked to stop, it ended with {status}");
            support::assert_clean(site.audit().err());
        }
        judge_after_a_stop(&Server::start(&site), &mut ledger, &mut random).await;
        assert!(ledger.len() > 100, "too little load to prove anything");
    });
}

/// A stop, unlike a kill, drops no request that it took: what is in the books was acknowledged, before anybody asks again.
/// Calls that got no answer came too late to be taken.
async fn judge_after_a_stop(server: &Server, ledger: &mut Ledger, random: &mut Random) {
    support::assert_clean(judge::compare(server.api(), ledger).await);
    support::assert_clean(judge::examine(server, ledger, random).await);
}

#[test]
fn a_request_in_flight_is_answered_before_the_server_stops() {
    let site = support::site();
    let server = Server::start(&site);
    support::run(server.api().register());
    let mut stream = TcpStream::connect(server.address()).expect("it listens");
    let body =
        r#"{"order_no": "A0001", "amount_fen": 100, "description": "tea", "channel": "external"}"#;
    let (first_half, second_half) = body.split_at(20);
    // A whole request, and the first half of another one behind it. Once the first is answered, the second is under way.
    let half = format!(
        "GET /healthz HTTP/1.1\r\nHost: tally\r\n\r\n\
         POST /v1/merchants/demand/orders HTTP/1.1\r\nHost: tally\r\nAuthorization: Bearer {}\r\n\
         Connection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{first_half}",
        server.key(),
        body.len(),
    );
    stream.write_all(half.as_bytes()).expect("it reads");
    let mut first = [0; 15];
    stream.read_exact(&mut first).expect("the first is answered");
    assert_eq!(&first, b"HTTP/1.1 200 OK");
    server.ask_to_stop();
    while TcpStream::connect(server.address()).is_ok() {
        std::thread::yield_now(); // until it takes no new connections
    }
    stream.write_all(second_half.as_bytes()).expect("it still reads");
    let mut rest = String::new();
    stream.read_to_string(&mut rest).expect("it answers, then closes");
    assert!(rest.contains("HTTP/1.1 201"), "the order was not opened: {rest}");
    assert!(server.wait().success());
    let server = Server::start(&site);
    let order = support::run(server.api().get("merchants/demand/orders/A0001"));
    assert_eq!(order.body["status"], "open");
}
