//! Customers who pay by WeChat, merchants who take their money out and their clerks, until there is no answer any more.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use reqwest::Method;
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::api::Api;
use super::clerks::Clerk;
use super::history;
use super::server::Server;
use super::traffic::{Call, Name, What};
use super::transcript::Transcript;
use super::world::World;
use crate::history::{Answer, Fen, Request, Thing};
use crate::random::Random;

/// The merchants that they buy from.
pub const SHOPS: [&str; 3] = ["tea", "rice", "ink"];

/// Answers that a merchant who takes out all there is must live with.
const REFUSALS: [&str; 5] = [
    "balance_insufficient",
    "withdrawal_below_min",
    "withdrawals_frozen",
    "unavailable",
    "outcome_unknown",
];

/// A merchant is not that quick, and there is more to take out.
pub(super) const PAUSE: Duration = Duration::from_millis(20);

/// What they write down together.
#[derive(Debug, Clone, Default)]
pub struct Notes {
    said: Arc<Mutex<Transcript>>,
    sold: Arc<Mutex<Vec<Sold>>>,
}

/// An order that a customer paid, and nobody gave money back of.
#[derive(Debug, Clone)]
pub(super) struct Sold {
    pub(super) shop: &'static str,
    pub(super) order_no: String,
    pub(super) fen: u64,
}

impl Notes {
    /// What is written by now.
    pub fn read(&self) -> MutexGuard<'_, Transcript> {
        self.said.lock().expect("nobody panicked")
    }

    /// An order was paid.
    pub(super) fn sold(&self, sold: Sold) {
        self.sold.lock().expect("nobody panicked").push(sold);
    }

    /// One of a shop's paid orders, which nobody else is given.
    pub(super) fn take_sold(&self, shop: &str, random: &mut Random) -> Option<Sold> {
        let mut sold = self.sold.lock().expect("nobody panicked");
        let of_shop = |(place, one): (usize, &Sold)| (one.shop == shop).then_some(place);
        let places: Vec<usize> = sold.iter().enumerate().filter_map(of_shop).collect();
        if places.is_empty() {
            return None;
        }
        Some(sold.swap_remove(*random.of(&places)))
    }
}

/// All of them.
#[derive(Debug)]
pub struct People(Vec<JoinHandle<Result<(), String>>>);

impl People {
    /// So many customers, each merchant, and each merchant's clerk begin. What they name begins with `name`, which nobody had before.
    pub fn begin(
        world: &Arc<World>,
        server: &Server,
        notes: &Notes,
        (name, customers): (&str, u64),
        random: &mut Random,
    ) -> Self {
        let customers = (0..customers).map(|number| {
            let customer = Customer::new(world, notes, format!("{name}c{number:03}"));
            tokio::spawn(customer.buy_on(random.fork()))
        });
        let mut people: Vec<_> = customers.collect();
        for shop in SHOPS {
            let api = server.api().another();
            people.push(tokio::spawn(withdraw_on(api, shop, format!("{name}w"), notes.clone())));
            let (world, api, name) =
                (Arc::clone(world), server.api().another(), format!("{name}r"));
            let (notes, random) = (notes.clone(), random.fork());
            people.push(tokio::spawn(async move {
                Clerk { world: &world, api, shop, name, notes, random }.work().await
            }));
        }
        Self(people)
    }

    /// Waits until nobody gets an answer any more, as after a kill. How many they were, and the answers that must not be.
    pub async fn end(self) -> (usize, Vec<String>) {
        let (count, mut faults) = (self.0.len(), vec![]);
        for one in self.0 {
            faults.extend(one.await.expect("nobody panics").err());
        }
        (count, faults)
    }
}

/// Someone who buys.
#[derive(Debug)]
pub struct Customer {
    world: Arc<World>,
    notes: Notes,
    name: String,
    token: Option<String>,
    orders: u64,
}

impl Customer {
    /// The name must be the customer's own, up to 12 letters or digits: the orders' numbers begin with it.
    pub fn new(world: &Arc<World>, notes: &Notes, name: String) -> Self {
        let (world, notes) = (Arc::clone(world), notes.clone());
        Self { world, notes, name, token: None, orders: 0 }
    }

    /// Logs in, then orders and pays until the server is gone. An error: an answer that must not be.
    async fn buy_on(mut self, mut random: Random) -> Result<(), String> {
        let mut there = true;
        while there {
            let shop = *random.of(&SHOPS);
            there = self.buy(shop, 1 + random.below(50_000)).await?.is_some();
        }
        Ok(())
    }

    /// Orders something at this price in fen and, when the order is taken, pays it; then its number. `None`: there is no answer.
    pub async fn buy(&mut self, shop: &'static str, money: u64) -> Result<Option<String>, String> {
        let Some(token) = self.logged_in().await else { return Ok(None) };
        self.orders += 1;
        let order_no = format!("{}n{:06}", self.name, self.orders);
        let amount = Fen::try_from(money).expect("a small amount");
        let request =
            Request::Open { order_no: order_no.clone(), key: None, amount, by_wechat: true };
        let place = self.notes.read().asked(shop, request);
        let order =
            json!({"money": money, "token": token, "merchant_id": shop, "order_no": order_no});
        let Ok(page) = self.world.page("/pay/", &order).await else { return Ok(None) };
        let answer = match (page.status, page.code) {
            (_, Some(0)) => Answer::Done { fresh: false, thing: Thing::Unseen },
            (429, _) => Answer::NotDone,
            (503, _) | (_, Some(8)) => Answer::Unknown,
            (_, _) => return Err(format!("/pay/ was answered {page:?}")),
        };
        self.notes.read().heard(place, answer);
        if page.code == Some(0) {
            self.world.sandbox(Method::POST, "pay", &page.data).await;
            self.notes.sold(Sold { shop, order_no: order_no.clone(), fen: money });
        }
        Ok(Some(order_no))
    }

    async fn logged_in(&mut self) -> Option<String> {
        if self.token.is_none() {
            self.token = self.world.log_in(&self.name).await.ok();
        }
        self.token.clone()
    }
}

/// Looks at the balance and takes out all there is, again and again, until the server is gone. An error: an answer that must not
/// be.
async fn withdraw_on(
    api: Api,
    merchant: &'static str,
    name: String,
    notes: Notes,
) -> Result<(), String> {
    for number in 0.. {
        let name = Name::Number(format!("{name}{number:06}"));
        for what in [What::Read, What::Withdraw { name, amount: None, settle_first: true }] {
            let place = notes.read().asked(merchant, history::request(&what));
            let call = Call { merchant, what };
            let Ok(reply) = call.send(&api).await else { return Ok(()) };
            notes.read().heard(place, history::answer(&call.what, &reply));
            if !reply.is_success() && !REFUSALS.contains(&reply.code()) {
                return Err(format!("{call:?} was answered {reply:?}"));
            }
        }
        sleep(PAUSE).await;
    }
    Ok(())
}
