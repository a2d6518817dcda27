//! Real SIGKILLs while notices come in and transfers go out. WeChat, played by the sandbox, lives on: what it was told and what
//! it knows is held against the books.
//!
//! `TALLY_TEST_NOTICE_KILLS` kills that often (20 unless set); `TALLY_TEST_SEED` repeats the choices of a run.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::order::{Order, OrderStatus};
use tally_actors::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use tally_actors::ports::{Page, Store};
use tally_proof::crash::api::Api;
use tally_proof::crash::books::Books;
use tally_proof::crash::server::Server;
use tally_proof::crash::world::World;
use tally_proof::random::Random;
use tally_storage::SqliteStore;
use tokio::time::sleep;

/// The merchants: on demand, T+0, on demand.
const SHOPS: [(&str, u32, Option<u8>); 3] =
    [("tea", 60, None), ("rice", 33, Some(0)), ("ink", 0, None)];

/// How many customers pay at the same time.
const CUSTOMERS: usize = 12;

/// A kill comes at a random instant of the load's first so many milliseconds.
const KILL_WITHIN_MS: u64 = 900;

/// How long the end may take: every paid order found, every transfer asked about.
const CATCH_UP_MAX: Duration = Duration::from_secs(90);

/// How often a condition that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// When a notice that was not taken is sent again, in milliseconds; after that it is lost for good.
const LADDER_MS: [u64; 5] = [150, 300, 600, 1_000, 1_500];

/// Short ladders, so that what was missed is found within the test.
const SETTINGS: [(&str, &str); 2] =
    [("TALLY_QUERY_SECONDS", "1,2,3,5"), ("TALLY_TRANSFER_QUERY_SECONDS", "1,2,3,5")];

const FAULTS: [(&str, &str, u16); 7] = [
    ("notice", "lost", 250),
    ("notice", "doubled", 250),
    ("notice", "late", 200),
    ("order_query", "answer_lost", 50),
    ("unified_order", "answer_lost", 20),
    ("transfer", "answer_lost", 150),
    ("transfer", "failed", 50),
];

#[test]
fn no_notice_that_was_answered_is_lost_and_no_transfer_made_twice_when_the_server_is_killed() {
    let kills = std::env::var("TALLY_TEST_NOTICE_KILLS");
    let kills: u64 = kills.map_or(20, |kills| kills.parse().expect("a number"));
    support::run(async {
        let world = Arc::new(World::new(support::site(), &LADDER_MS).await);
        let mut random = Random::new(support::seed());
        for round in 0..kills {
            let server = world.serve(&SETTINGS);
            if round == 0 {
                register(server.api()).await;
            }
            world.faults(random.draw(), &FAULTS).await;
            let load = Load::begin(&world, &server, round, &mut random);
            sleep(Duration::from_millis(random.below(KILL_WITHIN_MS))).await;
            server.kill();
            let paid = load.end().await;
            support::assert_clean(world.site.audit().err());
            let taken = compare_while_down(&world).await;
            println!("kill {}: {paid} payments, {taken} notices taken so far", round + 1);
        }
        find_what_no_notice_told(&world, &mut random).await;
        let server = world.serve(&SETTINGS);
        world.faults(0, &[]).await;
        catch_up(&world, &server).await;
        compare_at_the_end(&world, &server).await;
        support::assert_clean(world.site.audit().err());
    });
}

async fn register(api: &Api) {
    for (id, fee_bp, days) in SHOPS {
        let body = json!({
            "merchant_id": id, "name": id, "fee_bp": fee_bp, "settle_after_days": days,
            "payout_method": "wechat", "payout_openid": format!("owner-of-{id}"),
        });
        let reply = api.post("merchants", &body, None).await.expect("an answer");
        assert!(reply.is_success(), "{reply:?}");
    }
}

/// Customers who pay and merchants who withdraw, until there is no answer any more.
struct Load {
    people: Vec<tokio::task::JoinHandle<()>>,
    paid: Arc<AtomicU64>,
}

impl Load {
    fn begin(world: &Arc<World>, server: &Server, round: u64, random: &mut Random) -> Self {
        let paid = Arc::new(AtomicU64::new(0));
        let customers = (0..CUSTOMERS).map(|number| {
            let (world, random, paid) = (Arc::clone(world), random.fork(), Arc::clone(&paid));
            tokio::spawn(
                async move { buy(&world, &format!("customer-{number}"), random, &paid).await },
            )
        });
        let mut people: Vec<_> = customers.collect();
        for (shop, _, _) in SHOPS {
            people.push(tokio::spawn(withdraw(server.api().another(), shop, round)));
        }
        Self { people, paid }
    }

    async fn end(self) -> u64 {
        for one in self.people {
            one.await.expect("nobody panics");
        }
        self.paid.load(Ordering::Relaxed)
    }
}

/// Logs in, then orders and pays until the server is gone.
async fn buy(world: &World, openid: &str, mut random: Random, paid: &AtomicU64) {
    let Ok(token) = world.log_in(openid).await else { return };
    loop {
        let (shop, _, _) = *random.of(&SHOPS);
        let order = json!({"money": 1 + random.below(50_000), "token": token, "merchant_id": shop});
        match world.page("/pay/", &order).await {
            Ok(page) if page.code == Some(0) => {
                world.sandbox(Method::POST, "pay", &page.data).await;
                paid.fetch_add(1, Ordering::Relaxed);
            }
            Ok(page) if matches!(page.status, 429 | 503) => {}
            Ok(page) => assert_eq!(page.code, Some(8), "/pay/ was answered {page:?}"),
            Err(_) => return,
        }
    }
}

/// Takes out all there is, again and again, until the server is gone.
async fn withdraw(api: Api, shop: &str, round: u64) {
    let expected =
        ["balance_insufficient", "withdrawal_below_min", "unavailable", "outcome_unknown"];
    for number in 0.. {
        let no = format!("w{round:04}x{number:05}");
        let body = json!({"withdrawal_no": no, "all": true, "settle_first": true});
        let Ok(reply) = api.post(&format!("merchants/{shop}/withdrawals"), &body, None).await
        else {
            return;
        };
        assert!(reply.is_success() || expected.contains(&reply.code()), "{reply:?}");
        sleep(Duration::from_millis(20)).await; // a merchant is not that quick, and there is more to take out
    }
}

/// What Tally has on disk of a merchant, by number.
struct OnDisk {
    orders: BTreeMap<String, Order>,
    withdrawals: BTreeMap<String, Withdrawal>,
}

impl OnDisk {
    async fn read(world: &World, shop: &str) -> Self {
        let file = world.site.path().join("data/tally.db");
        let store = SqliteStore::open_read_only(&file).await.expect("the books");
        let of: MerchantId = shop.parse().expect("an id");
        let mut found = Self { orders: BTreeMap::new(), withdrawals: BTreeMap::new() };
        let mut page = Page { limit: 200, cursor: None };
        loop {
            let part = store.orders(of, tally_actors::ports::OrderFilter::default(), page.clone());
            let part = part.await.expect("orders");
            let orders = part.items.into_iter().map(|listed| listed.order);
            found.orders.extend(orders.map(|order| (order.order_no.to_string(), order)));
            page.cursor = part.next;
            if page.cursor.is_none() {
                break;
            }
        }
        loop {
            let part = store.withdrawals(of, None, page.clone()).await.expect("withdrawals");
            let those = part.items.into_iter();
            found.withdrawals.extend(those.map(|one| (one.withdrawal_no.to_string(), one)));
            page.cursor = part.next;
            if page.cursor.is_none() {
                return found;
            }
        }
    }
}

/// With the server down: whatever it answered SUCCESS must be on its disk, and no transfer be both made and given back. How
/// many notices were taken.
async fn compare_while_down(world: &World) -> usize {
    let mut taken = 0;
    let mut faults = vec![];
    for (shop, _, _) in SHOPS {
        let OnDisk { orders, withdrawals } = OnDisk::read(world, shop).await;
        let theirs = sandbox_orders(world, shop).await;
        for (no, order) in theirs.iter().filter(|(_, order)| order["notice_taken"] == true) {
            taken += 1;
            let found = orders.get(no);
            if !found.is_some_and(|found| is_paid_as(found, order)) {
                faults.push(format!(
                    "{shop}: the notice of {order} was answered SUCCESS; found {found:?}"
                ));
            }
        }
        for (no, order) in orders.iter().filter(|(_, order)| order.status == OrderStatus::Paid) {
            if !theirs.get(no).is_some_and(|theirs| is_paid_as(order, theirs)) {
                faults.push(format!("{shop}: {no} is paid, but WeChat says {:?}", theirs.get(no)));
            }
        }
        let transfers = sandbox_transfers(world, shop).await;
        faults.extend(transfer_faults(shop, &withdrawals, &transfers));
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    taken
}

fn is_paid_as(ours: &Order, theirs: &Value) -> bool {
    let payment = ours.payment.as_ref();
    payment.is_some_and(|payment| theirs["transaction_id"] == payment.transaction_id.as_str())
        && theirs["status"] == "paid"
        && theirs["amount_fen"] == ours.amount.fen()
}

/// Money that both left and came back, or was said to have left and did not.
fn transfer_faults(
    shop: &str,
    ours: &BTreeMap<String, Withdrawal>,
    theirs: &BTreeMap<String, Value>,
) -> Vec<String> {
    let mut faults = vec![];
    for (no, transfer) in theirs.iter().filter(|(_, one)| one["status"] == "succeeded") {
        let found = ours.get(no);
        let known = found.is_some_and(|found| {
            let back =
                matches!(found.status, WithdrawalStatus::Failed | WithdrawalStatus::Rejected);
            !back && transfer["amount_fen"] == found.amount.fen()
        });
        if !known {
            faults.push(format!("{shop}: {transfer} was paid out; found {found:?}"));
        }
    }
    for (no, withdrawal) in ours.iter().filter(|(_, one)| one.status == WithdrawalStatus::Succeeded)
    {
        if theirs.get(no).is_none_or(|transfer| transfer["status"] != "succeeded") {
            faults.push(format!("{shop}: {withdrawal:?} succeeded, but WeChat made no transfer"));
        }
    }
    faults
}

/// The sandbox's orders of a merchant, by their number here.
async fn sandbox_orders(world: &World, shop: &str) -> BTreeMap<String, Value> {
    by_number(world, "orders", &format!("{shop}-"), "out_trade_no").await
}

/// The sandbox's transfers of a merchant, by the withdrawal's number.
async fn sandbox_transfers(world: &World, shop: &str) -> BTreeMap<String, Value> {
    let prefix = format!("{}{shop}", shop.len());
    by_number(world, "transfers", &prefix, "partner_trade_no").await
}

async fn by_number(world: &World, what: &str, prefix: &str, name: &str) -> BTreeMap<String, Value> {
    let items = world.sandbox_list(what, prefix, name).await;
    let number = |item: &Value| item[name].as_str().expect("a number")[prefix.len()..].to_owned();
    items.into_iter().map(|item| (number(&item), item)).collect()
}

/// Orders are paid whose notices are all lost, and the server is killed before it can ask. Started again, it asks.
async fn find_what_no_notice_told(world: &Arc<World>, random: &mut Random) {
    let server = world.serve(&SETTINGS);
    world.faults(random.draw(), &[("notice", "lost", 1_000)]).await;
    let token = world.log_in("customer-0").await.expect("a token");
    let mut numbers = vec![];
    for _ in 0..10 {
        let order = json!({"money": 8_800, "token": token, "merchant_id": "tea"});
        let page = world.page("/pay/", &order);
        let page = page.await.expect("an answer");
        assert_eq!(page.code, Some(0), "{page:?}");
        world.sandbox(Method::POST, "pay", &page.data).await;
        numbers.push(page.data["order_no"].as_str().expect("a number").to_owned());
    }
    server.kill();
    let server = world.serve(&SETTINGS);
    for no in numbers {
        let path = format!("merchants/tea/orders/{no}");
        until("an order whose notice was lost is found", || async {
            server.api().get(&path).await.body["status"] == "paid"
        })
        .await;
        let theirs = world.sandbox(Method::GET, &format!("orders/tea-{no}"), &Value::Null).await;
        assert_eq!(theirs["notice_taken"], false, "every notice was to be lost");
    }
    server.kill();
}

/// Waits until every order that is paid at WeChat is paid here, and every transfer that was made is known.
async fn catch_up(world: &World, server: &Server) {
    for (shop, _, _) in SHOPS {
        until(&format!("every payment and transfer of {shop} is known"), || async {
            let balance = server.api().get(&format!("merchants/{shop}/balance")).await.body;
            let orders =
                world.sandbox(Method::GET, &format!("books?prefix={shop}-"), &Value::Null).await;
            let prefix = format!("{}{shop}", shop.len());
            let sent =
                world.sandbox(Method::GET, &format!("books?prefix={prefix}"), &Value::Null).await;
            balance["paid_fen"] == orders["paid_fen"]
                && balance["withdrawn_fen"] == sent["transferred_fen"]
        })
        .await;
    }
}

/// Nothing credited twice, nothing missing, nothing paid out twice; and the books agree with themselves.
async fn compare_at_the_end(world: &World, server: &Server) {
    let mut faults = vec![];
    let (mut orders_paid, mut transfers_made) = (0, 0);
    for (shop, _, _) in SHOPS {
        let OnDisk { orders, withdrawals } = OnDisk::read(world, shop).await;
        let theirs = sandbox_orders(world, shop).await;
        for (no, order) in theirs.iter().filter(|(_, order)| order["status"] == "paid") {
            orders_paid += 1;
            if !orders.get(no).is_some_and(|found| is_paid_as(found, order)) {
                faults.push(format!("{shop}: {order} is not booked: {:?}", orders.get(no)));
            }
        }
        let transfers = sandbox_transfers(world, shop).await;
        transfers_made += transfers.len();
        faults.extend(transfer_faults(shop, &withdrawals, &transfers));
        faults.extend(Books::read(server.api(), shop).await.faults());
    }
    println!("{orders_paid} orders paid, {transfers_made} transfers");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(orders_paid > 100 && transfers_made > 10, "too little load to prove anything");
}

/// Waits for a condition, and fails with its name when it does not come true in time.
async fn until<F: Future<Output = bool>>(what: &str, is_true: impl Fn() -> F) {
    let began = Instant::now();
    while !is_true().await {
        assert!(began.elapsed() < CATCH_UP_MAX, "{what}: not within {CATCH_UP_MAX:?}");
        sleep(LOOK).await;
    }
}
