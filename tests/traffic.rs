//! Many clients at once, over real HTTP: afterwards the books agree to the fen. Under the same traffic, those of the classic
//! three-statement settlement do not.

mod support;

use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use tally_actors::domain::ids::Malformed;
use tally_actors::domain::money::Money;
use tally_proof::crash::books::Books;
use tally_proof::crash::ledger::Ledger;
use tally_proof::crash::load::Load;
use tally_proof::crash::server::Server;
use tally_proof::crash::site::Site;
use tally_proof::crash::traffic::{Client, MERCHANTS, Name, What};
use tally_proof::random::Random;
use tally_storage::naive::Naive;

/// How many ask at the same time.
const CLIENTS: u64 = 64;

/// For how long.
const TRAFFIC: Duration = Duration::from_secs(10);

#[test]
fn after_64_clients_at_once_the_books_agree_to_the_fen() {
    let site = Arc::new(support::site());
    let server = Server::start(&site);
    let faults = support::run(async {
        server.api().register().await;
        let ledger = drive(&server, &site).await;
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
    support::assert_clean(faults);
    support::assert_clean(site.audit().err());
}

/// Sends the traffic, with audits beside it, and gives back what the clients heard.
async fn drive(server: &Server, site: &Arc<Site>) -> Ledger {
    let until = Instant::now() + TRAFFIC;
    let load = Load::begin(server, Ledger::default(), CLIENTS, &mut Random::new(support::seed()));
    let site = Arc::clone(site);
    let auditor = tokio::task::spawn_blocking(move || {
        let mut audits = 0;
        while Instant::now() < until {
            support::assert_clean(site.audit().err());
            audits += 1;
        }
        println!("{audits} audits beside the traffic");
    });
    auditor.await.expect("each audit beside the traffic is clean");
    load.stop().await
}

/// Not flaky, although it is a matter of timing: hundreds of settlements run among thousands of payments; that not one
/// payment falls between two statements of a settlement is out of the question.
#[test]
fn under_the_same_traffic_the_three_statements_do_not_agree() {
    let site = support::site();
    let lost = support::run(async {
        let naive = Naive::open(&site.path().join("naive.db")).await.expect("a file");
        let mut random = Random::new(support::seed());
        let until = Instant::now() + TRAFFIC;
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let client = Client::new(format!("c{number:03}"), random.fork(), vec![]);
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
            What::Close { .. }
            | What::Confirm { .. }
            | What::Refund { .. }
            | What::Stand { .. }
            | What::Read => Ok(()),
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
