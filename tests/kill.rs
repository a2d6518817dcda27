//! Real SIGKILLs under load, and a stop that is asked for: nothing acknowledged is lost, nothing is there twice.
//!
//! `TALLY_TEST_KILLS` kills that often (20 unless set); `TALLY_TEST_SEED` repeats the choices of a run.

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use support::api::Api;
use support::books::Books;
use support::ledger::Ledger;
use support::random::Random;
use support::server::{Folder, Server, assert_audit_clean, spawn};
use support::traffic::{Client, MERCHANTS};
use tokio::time::sleep;

/// How many ask at the same time.
const CLIENTS: u64 = 16;

/// A kill comes at a random instant of the load's first so many milliseconds.
const KILL_WITHIN_MS: u64 = 600;

/// How soon a start must be ready, whatever it has to recover.
const READY_MAX: Duration = Duration::from_secs(2);

#[test]
fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let kills =
        std::env::var("TALLY_TEST_KILLS").map_or(20, |kills| kills.parse().expect("a number"));
    let folder = Folder::new();
    support::run(async {
        let mut random = Random::from_environment();
        let mut ledger = Ledger::default();
        let mut slowest = Duration::ZERO;
        for round in 0..kills {
            let server = start(&folder, &mut slowest);
            if round == 0 {
                server.api().register(&MERCHANTS).await;
            }
            let recheck = round < 20 || round % 50 == 0;
            examine(&server, &mut ledger, &mut random, recheck).await;
            let load = Load::begin(&server, ledger, round, &mut random);
            sleep(Duration::from_millis(random.below(KILL_WITHIN_MS))).await;
            server.kill();
            ledger = load.end().await;
            println!(
                "kill {}: {} things acknowledged, {} calls in flight",
                round + 1,
                ledger.len(),
                ledger.unknown.len()
            );
            assert_audit_clean(folder.path());
            kill_a_start(&folder, &mut random).await;
        }
        let server = start(&folder, &mut slowest);
        examine(&server, &mut ledger, &mut random, true).await;
        assert!(ledger.len() > 100, "too little load to prove anything");
        assert_audit_clean(folder.path());
        println!("{kills} kills, the slowest start was ready after {slowest:?}");
        assert!(slowest < READY_MAX, "a start was ready only after {slowest:?}");
    });
}

/// Starts the server, and remembers the slowest start.
fn start(folder: &Folder, slowest: &mut Duration) -> Server {
    let server = Server::start(folder.path());
    *slowest = server.ready_after.max(*slowest);
    server
}

/// Gives every call a final answer, then holds the books against all that was ever acknowledged.
async fn examine(server: &Server, ledger: &mut Ledger, random: &mut Random, recheck: bool) {
    ledger.ask_again(server.api()).await;
    ledger.ask_twice(server.api(), random).await;
    ledger.ask_again(server.api()).await;
    let mut faults = std::mem::take(&mut ledger.faults);
    if recheck {
        for merchant in MERCHANTS {
            let books = Books::read(server.api(), merchant).await;
            faults.extend(books.faults());
            faults.extend(ledger.faults_of(&books));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// One start in four does not get to its end either.
async fn kill_a_start(folder: &Folder, random: &mut Random) {
    if random.percent(25) {
        let (mut child, _) = spawn(folder.path());
        sleep(Duration::from_millis(random.below(60))).await;
        child.kill().expect("it was started");
        child.wait().expect("it ends");
    }
}

/// Clients that ask until they get no answer.
struct Load {
    ledger: Arc<Mutex<Ledger>>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

impl Load {
    fn begin(server: &Server, ledger: Ledger, round: u64, random: &mut Random) -> Self {
        let ledger = Arc::new(Mutex::new(ledger));
        let clients = (0..CLIENTS).map(|number| {
            let client = Client::new(format!("k{round:03}x{number:02}"), random.fork());
            tokio::spawn(ask(client, server.api().another(), Arc::clone(&ledger)))
        });
        let clients = clients.collect();
        Self { ledger, clients }
    }

    async fn end(self) -> Ledger {
        for client in self.clients {
            client.await.expect("a client does not panic");
        }
        let ledger = Arc::into_inner(self.ledger).expect("all clients are gone");
        ledger.into_inner().expect("no client panicked")
    }
}

async fn ask(mut client: Client, api: Api, ledger: Arc<Mutex<Ledger>>) {
    loop {
        let call = client.next_call();
        let answer = call.send(&api).await;
        let no_answer = answer.is_err();
        let thing = ledger.lock().expect("no client panicked").heard(&call, answer);
        if no_answer {
            return;
        }
        if let Some(thing) = thing {
            client.follow(&call, &thing);
        }
    }
}

#[test]
fn a_stop_under_load_ends_with_success_and_loses_nothing() {
    let folder = Folder::new();
    support::run(async {
        let mut random = Random::from_environment();
        let mut ledger = Ledger::default();
        for round in 0..3 {
            let server = Server::start(folder.path());
            if round == 0 {
                server.api().register(&MERCHANTS).await;
            }
            answered_all_that_it_did(&server, &ledger).await;
            examine(&server, &mut ledger, &mut random, true).await;
            let load = Load::begin(&server, ledger, round, &mut random);
            sleep(Duration::from_millis(random.below(KILL_WITHIN_MS))).await;
            server.ask_to_stop();
            ledger = load.end().await;
            let status = server.wait();
            assert!(status.success(), "asked to stop, it ended with {status}");
            assert_audit_clean(folder.path());
        }
        let server = Server::start(folder.path());
        answered_all_that_it_did(&server, &ledger).await;
        examine(&server, &mut ledger, &mut random, true).await;
        assert!(ledger.len() > 100, "too little load to prove anything");
    });
}

/// A stop, unlike a kill, drops no request that it took: what is in the books was acknowledged, before anybody asks again.
/// Calls that got no answer came too late to be taken.
async fn answered_all_that_it_did(server: &Server, ledger: &Ledger) {
    for merchant in MERCHANTS {
        let faults = ledger.faults_of(&Books::read(server.api(), merchant).await);
        assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    }
}

#[test]
fn a_request_in_flight_is_answered_before_the_server_stops() {
    let folder = Folder::new();
    let server = Server::start(folder.path());
    support::run(server.api().register(&MERCHANTS));
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
    let server = Server::start(folder.path());
    let order = support::run(server.api().get("merchants/demand/orders/A0001"));
    assert_eq!(order.body["status"], "open");
}
