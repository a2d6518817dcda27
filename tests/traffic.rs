//! Many clients at once, over real HTTP: afterwards the books agree to the fen. Under the same traffic, those of the classic
//! three-statement settlement do not.

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use support::api::Api;
use support::books::Books;
use support::ledger::Ledger;
use support::random::Random;
use support::server::{Folder, Server, assert_audit_clean};
use support::traffic::{Client, MERCHANTS};

/// How many ask at the same time.
const CLIENTS: u64 = 64;

/// For how long.
const TRAFFIC: Duration = Duration::from_secs(10);

#[test]
fn after_64_clients_at_once_the_books_agree_to_the_fen() {
    let folder = Folder::new();
    let server = Server::start(folder.path());
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let faults = support::run(async {
        server.api().register(&MERCHANTS).await;
        let mut random = Random::from_environment();
        let until = Instant::now() + TRAFFIC;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let client = Client::new(format!("c{number:03}"), random.fork());
                tokio::spawn(ask(client, server.api().another(), Arc::clone(&ledger), until))
            })
            .collect();
        for client in clients {
            client.await.expect("a client does not panic");
            assert_audit_clean_sometimes(&folder, until);
        }
        let ledger = ledger.lock().expect("no client panicked");
        let mut faults = ledger.faults.clone();
        faults.extend(ledger.unknown.iter().map(|call| format!("no answer to {call:?}")));
        for merchant in MERCHANTS {
            let books = Books::read(server.api(), merchant).await;
            println!("{merchant}: {} orders, settlements and withdrawals", books.len());
            assert!(books.len() > 100, "too little traffic to prove anything");
            faults.extend(books.faults());
            faults.extend(ledger.faults_of(&books));
        }
        faults
    });
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert_audit_clean(folder.path());
}
