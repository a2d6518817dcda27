//! Many clients at once, who write down what they hear.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::task::JoinHandle;

use super::api::Api;
use super::ledger::Ledger;
use super::server::Server;
use super::traffic::Client;
use crate::random::Random;

/// Clients that ask until they get no answer, or are told to stop.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    ledger: Mutex<Ledger>,
    stop: AtomicBool,
}

impl Load {
    /// So many clients ask, each with connections and choices of its own. They begin with what the ledger has no answer to.
    pub fn begin(server: &Server, mut ledger: Ledger, clients: u64, random: &mut Random) -> Self {
        let names = ledger.names(clients);
        let mut open = vec![vec![]; names.len()];
        for (number, call) in ledger.unknown.drain(..).enumerate() {
            open[number % names.len()].push(call);
        }
        let shared = Arc::new(Shared { ledger: Mutex::new(ledger), stop: AtomicBool::new(false) });
        let clients = names.into_iter().zip(open).map(|(name, open)| {
            let client = Client::new(name, random.fork(), open);
            tokio::spawn(ask(client, server.api().another(), Arc::clone(&shared)))
        });
        let clients = clients.collect();
        Self { shared, clients }
    }

    /// How many things the ledger knows of by now.
    pub fn acknowledged(&self) -> usize {
        self.shared.ledger().len()
    }

    /// Waits until no client gets an answer any more, as after a kill. What they heard.
    pub async fn end(self) -> Ledger {
        for client in self.clients {
            client.await.expect("a client does not panic");
        }
        let shared = Arc::into_inner(self.shared).expect("all clients are gone");
        shared.ledger.into_inner().expect("no client panicked")
    }

    /// Lets each client wait for the answer to its last call. What they heard.
    pub async fn stop(self) -> Ledger {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.end().await
    }
}

impl Shared {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no client panicked")
    }
}

async fn ask(mut client: Client, api: Api, shared: Arc<Shared>) {
    while !shared.stop.load(Ordering::Relaxed) {
        let call = client.next_call();
        let place = shared.ledger().asked(&call);
        let answer = call.send(&api).await;
        let no_answer = answer.is_err();
        let thing = shared.ledger().heard(place, &call, answer);
        if no_answer {
            return;
        }
        if let Some(thing) = thing {
            client.follow(&call, &thing);
        }
    }
}
