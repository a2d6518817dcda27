//! Many clients at once, who write down what they hear.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::api::Api;
use super::doors::Doors;
use super::ledger::{Heard, Ledger};
use super::traffic::{Call, Client, MERCHANTS, Name, What};
use crate::random::Random;

/// How long a client waits before it asks again for what had no final answer.
const PAUSE: Duration = Duration::from_millis(20);

/// Clients that ask until nobody is left to answer, or until they are told to stop.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    ledger: Mutex<Ledger>,
    stop: AtomicBool,
    doors: Doors,
}

impl Load {
    /// So many clients ask, each with connections and choices of its own. They begin with what the ledger has no answer to.
    pub fn begin(
        doors: impl Into<Doors>,
        mut ledger: Ledger,
        clients: u64,
        random: &mut Random,
    ) -> Self {
        let names = ledger.names(clients);
        let mut open = vec![vec![]; names.len()];
        for (number, call) in ledger.unknown.drain(..).enumerate() {
            open[number % names.len()].push(call);
        }
        let (ledger, stop, doors) = (Mutex::new(ledger), AtomicBool::new(false), doors.into());
        let shared = Arc::new(Shared { ledger, stop, doors });
        let clients = names.into_iter().zip(open).map(|(name, open)| {
            let client = Client::new(name, random.fork(), open);
            tokio::spawn(ask(client, random.fork(), Arc::clone(&shared)))
        });
        let clients = clients.collect();
        Self { shared, clients }
    }

    /// How many things the ledger knows of by now.
    pub fn acknowledged(&self) -> usize {
        self.shared.ledger().len()
    }

    /// Asks this server for an order of each merchant, again and again until each is acknowledged. What that took; `None`: it
    /// took longer than `most`.
    pub async fn served(&self, api: &Api, most: Duration) -> Option<Duration> {
        let began = Instant::now();
        let name = self.shared.ledger().names(1).remove(0);
        for (number, merchant) in MERCHANTS.into_iter().enumerate() {
            let name = Name::Number(format!("{name}{number:06}"));
            let call = Call { merchant, what: What::Open { name, amount: 100 } };
            while !matches!(self.shared.send(&call, api).await, Heard::Done(_)) {
                if began.elapsed() > most {
                    self.shared.ledger().unknown.push(call);
                    return None;
                }
                sleep(PAUSE).await;
            }
        }
        Some(began.elapsed())
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

    fn is_to_stop(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    async fn send(&self, call: &Call, api: &Api) -> Heard {
        let place = self.ledger().asked(call);
        let began = Instant::now();
        let answer = call.send(api).await;
        let mut ledger = self.ledger();
        if answer.is_ok() {
            ledger.slowest = ledger.slowest.max(began.elapsed());
        }
        ledger.heard(place, call, answer)
    }

    /// Asks until there is a final answer. `None`: nobody is left to answer, or it is time to stop, and the call is unknown.
    async fn answer(&self, call: &Call, visit: &mut Visit) -> Option<Option<Value>> {
        loop {
            let api = visit.api(&self.doors, matches!(call.what, What::Read));
            let over = match self.send(call, &api).await {
                Heard::Done(thing) => return Some(Some(thing)),
                Heard::Refused => return Some(None),
                Heard::NotFinal => self.is_to_stop(),
                Heard::Nothing => self.is_to_stop() || !self.doors.are_many(),
            };
            if over {
                self.ledger().unknown.push(call.clone());
                return None;
            }
            sleep(PAUSE).await;
        }
    }
}

/// A client's connections, and where it was last.
struct Visit {
    api: Api,
    last: usize,
    random: Random,
}

impl Visit {
    /// One of the processes; `elsewhere`: not that of the last call.
    fn api(&mut self, doors: &Doors, elsewhere: bool) -> Api {
        let (door, target) = doors.one(elsewhere.then_some(self.last), &mut self.random);
        self.last = door;
        self.api.at(&target)
    }
}

async fn ask(mut client: Client, mut random: Random, shared: Arc<Shared>) {
    let api = shared.doors.one(None, &mut random).1.another();
    let mut visit = Visit { api, last: 0, random };
    while !shared.is_to_stop() {
        let call = client.next_call();
        let Some(answer) = shared.answer(&call, &mut visit).await else { return };
        let Some(thing) = answer else { continue };
        if shared.doors.are_many() && !matches!(call.what, What::Read) {
            let look = Call { merchant: call.merchant, what: What::Read };
            if shared.answer(&look, &mut visit).await.is_none() {
                return;
            }
        }
        client.follow(&call, &thing);
    }
}
