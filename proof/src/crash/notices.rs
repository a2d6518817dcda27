//! Kills while notices come in and transfers go out. WeChat, played by the sandbox, lives on: what it was told and what it knows is
//! held against the books.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::api::Api;
use super::books::Books;
use super::channel::{Said, Sides};
use super::plan::{Plan, Report};
use super::server::Server;
use super::world::World;
use crate::random::Random;

/// The merchants: on demand, T+0, on demand.
const SHOPS: [(&str, u32, Option<u8>); 3] =
    [("tea", 60, None), ("rice", 33, Some(0)), ("ink", 0, None)];

/// A kill comes at a random instant of the load's first so many milliseconds.
const WITHIN_MS: u64 = 900;

/// How many kills a world sees: what is judged must not grow with the length of a run.
const KILLS_A_WORLD: u64 = 20;

/// How long the end may take: every paid order found, every transfer asked about.
const CATCH_UP_MAX: Duration = Duration::from_secs(90);

/// How often a condition that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// When a notice that was not taken is sent again, in milliseconds; after that it is lost for good.
const LADDER_MS: [u64; 5] = [150, 300, 600, 1_000, 1_500];

/// Short ladders, so that what was missed is found within the run.
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

/// Answers that a merchant who takes out all there is must live with.
const REFUSALS: [&str; 4] =
    ["balance_insufficient", "withdrawal_below_min", "unavailable", "outcome_unknown"];

/// Kills as often as planned, and compares after each kill and in the end. Ends early with the first faults.
pub async fn run(plan: &Plan) -> Report {
    let mut report = Report::default();
    let mut random = Random::new(plan.seed);
    while report.kills < plan.kills && report.faults.is_empty() {
        let world = Arc::new(World::new(plan.site(), &LADDER_MS).await);
        let kills = KILLS_A_WORLD.min(plan.kills - report.kills);
        one_world(plan, &world, kills, &mut random, &mut report).await;
        let world = Arc::into_inner(world).expect("the load has ended");
        report.leave(world.site, plan);
    }
    report.close();
    report
}

async fn one_world(
    plan: &Plan,
    world: &Arc<World>,
    kills: u64,
    random: &mut Random,
    report: &mut Report,
) {
    let mut said = Said::default();
    let before = report.acknowledged;
    for kill in 0..kills {
        let server = report.started(world.serve(&SETTINGS));
        if kill == 0 {
            register(server.api()).await;
        }
        world.faults(random.draw(), &FAULTS).await;
        let load = Load::begin(world, &server, said, (plan.clients, kill), random);
        sleep(Duration::from_millis(random.below(WITHIN_MS))).await;
        server.kill();
        let in_flight = load.people.len();
        said = load.end(&mut report.faults).await;
        report.faults.extend(world.site.audit().err());
        let mut taken = 0;
        for (shop, _, _) in SHOPS {
            let sides = Sides::read(world, shop).await;
            taken += sides.taken();
            report.faults.extend(sides.faults(&said));
        }
        report.acknowledged = before + taken + said.orders.len() + said.withdrawals.len();
        report.killed(plan, in_flight);
        if !report.faults.is_empty() {
            return;
        }
        report.kill_a_start(|| world.spawn(&SETTINGS), random).await;
    }
    find_what_no_notice_told(world, random, report).await;
    let server = report.started(world.serve(&SETTINGS));
    world.faults(0, &[]).await;
    catch_up(world, &server, report).await;
    compare_at_the_end(world, &server, &said, report).await;
    report.faults.extend(world.site.audit().err());
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
    people: Vec<JoinHandle<Result<(), String>>>,
    said: Arc<Mutex<Said>>,
}

impl Load {
    fn begin(
        world: &Arc<World>,
        server: &Server,
        said: Said,
        (customers, kill): (u64, u64),
        random: &mut Random,
    ) -> Self {
        let said = Arc::new(Mutex::new(said));
        let customers = (0..customers).map(|number| {
            let (world, said, random) = (Arc::clone(world), Arc::clone(&said), random.fork());
            tokio::spawn(
                async move { buy(&world, &format!("customer-{number}"), random, &said).await },
            )
        });
        let mut people: Vec<_> = customers.collect();
        for (shop, _, _) in SHOPS {
            let (api, said) = (server.api().another(), Arc::clone(&said));
            people.push(tokio::spawn(withdraw(api, shop, kill, said)));
        }
        Self { people, said }
    }

    /// Waits until nobody gets an answer any more, as after a kill.
    async fn end(self, faults: &mut Vec<String>) -> Said {
        for one in self.people {
            faults.extend(one.await.expect("nobody panics").err());
        }
        let said = Arc::into_inner(self.said).expect("all are gone");
        said.into_inner().expect("nobody panicked")
    }
}

/// Logs in, then orders and pays until the server is gone. An error: an answer that must not be.
async fn buy(
    world: &World,
    openid: &str,
    mut random: Random,
    said: &Mutex<Said>,
) -> Result<(), String> {
    let Ok(token) = world.log_in(openid).await else { return Ok(()) };
    loop {
        let (shop, _, _) = *random.of(&SHOPS);
        let order = json!({"money": 1 + random.below(50_000), "token": token, "merchant_id": shop});
        match world.page("/pay/", &order).await {
            Ok(page) if page.code == Some(0) => {
                let no = page.data["order_no"].as_str().unwrap_or_default().to_owned();
                said.lock().expect("nobody panicked").orders.insert((shop, no));
                world.sandbox(Method::POST, "pay", &page.data).await;
            }
            Ok(page) if matches!(page.status, 429 | 503) || page.code == Some(8) => {}
            Ok(page) => return Err(format!("/pay/ was answered {page:?}")),
            Err(_) => return Ok(()),
        }
    }
}

/// Takes out all there is, again and again, until the server is gone. An error: an answer that must not be.
async fn withdraw(
    api: Api,
    shop: &'static str,
    kill: u64,
    said: Arc<Mutex<Said>>,
) -> Result<(), String> {
    for number in 0.. {
        let no = format!("w{kill:04}x{number:05}");
        let body = json!({"withdrawal_no": no, "all": true, "settle_first": true});
        let Ok(reply) = api.post(&format!("merchants/{shop}/withdrawals"), &body, None).await
        else {
            return Ok(());
        };
        if reply.is_success() {
            said.lock().expect("nobody panicked").withdrawals.insert((shop, no));
        } else if !REFUSALS.contains(&reply.code()) {
            return Err(format!("{body} was answered {reply:?}"));
        }
        sleep(Duration::from_millis(20)).await; // a merchant is not that quick, and there is more to take out
    }
    Ok(())
}

/// Orders are paid whose notices are all lost, and the server is killed before it can ask. Started again, it asks.
async fn find_what_no_notice_told(world: &World, random: &mut Random, report: &mut Report) {
    let server = report.started(world.serve(&SETTINGS));
    world.faults(random.draw(), &[("notice", "lost", 1_000)]).await;
    let token = world.log_in("customer-0").await.expect("a token");
    let mut numbers = vec![];
    for _ in 0..10 {
        let order = json!({"money": 8_800, "token": token, "merchant_id": "tea"});
        let page = world.page("/pay/", &order).await.expect("an answer");
        assert_eq!(page.code, Some(0), "{page:?}");
        world.sandbox(Method::POST, "pay", &page.data).await;
        numbers.push(page.data["order_no"].as_str().expect("a number").to_owned());
    }
    server.kill();
    let server = report.started(world.serve(&SETTINGS));
    for no in numbers {
        let path = format!("merchants/tea/orders/{no}");
        let found = until("an order whose notice was lost is found", || async {
            server.api().get(&path).await.body["status"] == "paid"
        });
        report.faults.extend(found.await.err());
        let theirs = world.sandbox(Method::GET, &format!("orders/tea-{no}"), &Value::Null).await;
        assert_eq!(theirs["notice_taken"], false, "every notice was to be lost");
    }
    server.kill();
}

/// Waits until every order that is paid at WeChat is paid here, and every transfer that was made is known.
async fn catch_up(world: &World, server: &Server, report: &mut Report) {
    for (shop, _, _) in SHOPS {
        let what = format!("every payment and transfer of {shop} is known");
        let known = until(&what, || async {
            let balance = server.api().get(&format!("merchants/{shop}/balance")).await.body;
            let books = async |prefix: &str| {
                let path = format!("books?prefix={prefix}");
                world.sandbox(Method::GET, &path, &Value::Null).await
            };
            let orders = books(&World::order_prefix(shop)).await;
            let sent = books(&World::transfer_prefix(shop)).await;
            balance["paid_fen"] == orders["paid_fen"]
                && balance["withdrawn_fen"] == sent["transferred_fen"]
        });
        report.faults.extend(known.await.err());
    }
}

/// Nothing credited twice, nothing missing, nothing paid out twice; and the books agree with themselves.
async fn compare_at_the_end(world: &World, server: &Server, said: &Said, report: &mut Report) {
    let (mut paid, mut transfers) = (0, 0);
    for (shop, _, _) in SHOPS {
        let sides = Sides::read(world, shop).await;
        paid += sides.paid();
        transfers += sides.transfers();
        report.faults.extend(sides.faults(said));
        report.faults.extend(sides.unbooked());
        report.faults.extend(Books::read(server.api(), shop).await.faults());
    }
    println!("{paid} orders paid, {transfers} transfers");
}

/// Waits for a condition. An error: it does not come true in time.
async fn until<F: Future<Output = bool>>(
    what: &str,
    is_true: impl Fn() -> F,
) -> Result<(), String> {
    let began = Instant::now();
    while !is_true().await {
        if began.elapsed() > CATCH_UP_MAX {
            return Err(format!("{what}: not within {CATCH_UP_MAX:?}"));
        }
        sleep(LOOK).await;
    }
    Ok(())
}
