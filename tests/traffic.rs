//! Many clients at once, over real HTTP: afterwards the books agree to the fen. Under the same traffic, those of the classic
//! three-statement settlement do not.

mod support;

use std::str::FromStr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::json;
use support::api::Api;
use support::books::Books;
use support::ledger::Ledger;
use support::random::Random;
use support::server::{Folder, Server, assert_audit_clean};
use support::traffic::{Client, MERCHANTS, Name, What};
use tally_actors::domain::ids::Malformed;
use tally_actors::domain::money::Money;
use tally_storage::naive::Naive;

/// How many ask at the same time.
const CLIENTS: u64 = 64;

/// For how long.
const TRAFFIC: Duration = Duration::from_secs(10);

#[test]
fn after_64_clients_at_once_the_books_agree_to_the_fen() {
    let folder = Folder::new();
    let server = Server::start(folder.path());
    let faults = support::run(async {
        server.api().register(&MERCHANTS).await;
        let ledger = drive(&server, &folder).await;
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

/// Sends the traffic, with audits beside it, and gives back what the clients heard.
async fn drive(server: &Server, folder: &Folder) -> Ledger {
    let ledger = Arc::new(Mutex::new(Ledger::default()));
    let mut random = Random::from_environment();
    let until = Instant::now() + TRAFFIC;
    let clients = (0..CLIENTS).map(|number| {
        let client = Client::new(format!("c{number:03}"), random.fork());
        tokio::spawn(ask(client, server.api().another(), Arc::clone(&ledger), until))
    });
    let clients: Vec<_> = clients.collect();
    let path = folder.path().to_owned();
    let auditor = tokio::task::spawn_blocking(move || {
        let mut audits = 0;
        while Instant::now() < until {
            assert_audit_clean(&path);
            audits += 1;
        }
        println!("{audits} audits beside the traffic");
    });
    for client in clients {
        client.await.expect("a client does not panic");
    }
    auditor.await.expect("each audit beside the traffic is clean");
    Arc::into_inner(ledger).expect("all clients are gone").into_inner().expect("none panicked")
}

async fn ask(mut client: Client, api: Api, ledger: Arc<Mutex<Ledger>>, until: Instant) {
    while Instant::now() < until {
        let call = client.next_call();
        let answer = call.send(&api).await;
        let thing = ledger.lock().expect("no client panicked").heard(&call, answer);
        if let Some(thing) = thing {
            client.follow(&call, &thing);
        }
    }
}

/// Not flaky, although it is a matter of timing: hundreds of settlements run among thousands of payments; that not one
/// payment falls between two statements of a settlement is out of the question.
#[test]
fn under_the_same_traffic_the_three_statements_do_not_agree() {
    let folder = Folder::new();
    let lost = support::run(async {
        let naive = Naive::open(&folder.path().join("naive.db")).await.expect("a file");
        let mut random = Random::from_environment();
        let until = Instant::now() + TRAFFIC;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let client = Client::new(format!("c{number:03}"), random.fork());
                tokio::spawn(ask_naive(client, naive.clone(), until))
            })
            .collect();
        for client in clients {
            client.await.expect("a client does not panic");
        }
        let mut lost = vec![];
        for merchant in MERCHANTS {
            let books = naive.books(&id(merchant)).await.expect("books");
            println!("{merchant}: {} fen lost of {}", books.lost_fen(), books.paid_fen);
            lost.push(books.lost_fen());
        }
        lost
    });
    assert!(lost.iter().any(|lost| *lost != 0), "the three statements lost nothing: {lost:?}");
}

/// The same calls, put to the three-statement algorithm. It knows no fee, no rule and no number: what it can't do is left out.
async fn ask_naive(mut client: Client, naive: Naive, until: Instant) {
    while Instant::now() < until {
        let call = client.next_call();
        let of = id(call.merchant);
        let done = match &call.what {
            What::Open { name: Name::Number(no) | Name::Key(no), amount } => {
                let amount = Money::from_fen(*amount).expect("a small amount");
                let no = no.trim_start_matches("key ");
                let done = naive.open_order(&of, &id(no), amount).await;
                client.follow(&call, &json!({"order_no": no}));
                done
            }
            What::Pay { order_no, .. } => naive.pay(&of, &id(order_no)).await,
            What::Settle { .. } => naive.settle(&of).await.map(drop),
            What::Withdraw { settle_first, .. } => {
                let settled =
                    if *settle_first { naive.settle(&of).await.map(drop) } else { Ok(()) };
                settled.and(naive.withdraw(&of).await.map(drop))
            }
            What::Close { .. } | What::Confirm { .. } => Ok(()),
        };
        // A statement that waited too long for the file's lock did nothing, as in the field; the money is lost elsewhere.
        if let Err(trouble) = done {
            println!("{call:?}: {trouble}");
        }
    }
}

fn id<T: FromStr<Err = Malformed>>(text: &str) -> T {
    text.parse().expect("the traffic's ids are well-formed")
}
