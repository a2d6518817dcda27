//! Kills while notices come in, transfers and refunds go out. WeChat, played by the sandbox, lives on: what it was told and what it knows is
//! held against the books.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::api::Api;
use super::books::Books;
use super::channel::Sides;
use super::clerks;
use super::history;
use super::people::{Customer, Notes, People, SHOPS};
use super::plan::{Plan, Report};
use super::server::Server;
use super::traffic::What;
use super::world::World;
use crate::auditor;
use crate::history::Rules;
use crate::random::Random;

/// What was agreed with each merchant: the fee in basis points, after how many days it is settled, and how much debt refunds may
/// leave, in fen.
const AGREED: [(i64, Option<u8>, i64); 3] =
    [(60, None, 0), (33, Some(0), 100_000_000), (0, None, 20_000)];

/// How long WeChat takes for a refund.
const REFUND_TAKES: Duration = Duration::from_secs(1);

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

const FAULTS: [(&str, &str, u16); 12] = [
    ("notice", "lost", 250),
    ("notice", "doubled", 250),
    ("notice", "late", 200),
    ("order_query", "answer_lost", 50),
    ("unified_order", "answer_lost", 20),
    ("transfer", "answer_lost", 150),
    ("transfer", "failed", 50),
    ("refund", "answer_lost", 150),
    ("refund", "not_enough", 100),
    ("refund", "closed", 50),
    ("refund_notice", "lost", 150),
    ("refund_notice", "doubled", 250),
];

/// Kills as often as planned, and compares after each kill and in the end. Ends early with the first faults.
pub async fn run(plan: &Plan) -> Report {
    let mut report = Report::default();
    let mut random = Random::new(plan.seed);
    while report.kills < plan.kills && report.faults.is_empty() {
        let world = World::with(plan.site(), |settings| {
            settings.notify.ladder = LADDER_MS.map(Duration::from_millis).to_vec();
            settings.refund_takes = REFUND_TAKES;
        });
        let world = Arc::new(world.await);
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
    let notes = Notes::default();
    let before = report.acknowledged;
    for kill in 0..kills {
        let server = report.started(world.serve(&SETTINGS));
        if kill == 0 {
            register(server.api()).await;
        }
        world.faults(random.draw(), &FAULTS).await;
        let name = format!("k{kill:03}");
        let people = People::begin(world, &server, &notes, (&name, plan.clients), random);
        sleep(Duration::from_millis(random.below(WITHIN_MS))).await;
        server.kill();
        let (in_flight, faults) = people.end().await;
        report.faults.extend(faults);
        report.faults.extend(world.site.audit().err());
        let mut taken = 0;
        for shop in SHOPS {
            let sides = Sides::read(world, shop).await;
            taken += sides.taken();
            report.faults.extend(sides.faults(&notes.read()));
        }
        report.acknowledged = before + taken + notes.read().done().count();
        report.killed(plan, in_flight);
        if !report.faults.is_empty() {
            return;
        }
        report.kill_a_start(|| world.spawn(&SETTINGS), random).await;
    }
    find_what_no_notice_told(world, &notes, random, report).await;
    let server = report.started(world.serve(&SETTINGS));
    world.faults(0, &[]).await;
    for shop in SHOPS {
        // A kill may have come between a freeze and its end.
        let ended = clerks::ask(server.api(), shop, &What::Stand { frozen: false }, &notes).await;
        report.faults.extend(ended.err());
    }
    catch_up(world, &server, report).await;
    compare_at_the_end(world, &server, &notes, report).await;
    report.faults.extend(world.site.audit().err());
}

async fn register(api: &Api) {
    for (id, (fee_bp, days, debt)) in SHOPS.iter().zip(AGREED) {
        let body = json!({
            "merchant_id": id, "name": id, "fee_bp": fee_bp, "settle_after_days": days,
            "payout_method": "wechat", "payout_openid": format!("owner-of-{id}"),
            "debt_max_fen": debt,
        });
        let reply = api.post("merchants", &body, None).await.expect("an answer");
        assert!(reply.is_success(), "{reply:?}");
    }
}

/// Orders are paid whose notices are all lost, and the server is killed before it can ask. Started again, it asks.
async fn find_what_no_notice_told(
    world: &Arc<World>,
    notes: &Notes,
    random: &mut Random,
    report: &mut Report,
) {
    let server = report.started(world.serve(&SETTINGS));
    world.faults(random.draw(), &[("notice", "lost", 1_000)]).await;
    let mut customer = Customer::new(world, notes, "unheard".to_owned());
    let mut numbers = vec![];
    for _ in 0..10 {
        let bought = customer.buy("tea", 8_800).await;
        numbers.push(bought.expect("the server is up").expect("an answer"));
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

/// Waits until every order that is paid at WeChat is paid here, and every transfer and refund that was made is known.
async fn catch_up(world: &World, server: &Server, report: &mut Report) {
    for shop in SHOPS {
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
        let what = format!("every refund of {shop} is known");
        let known =
            until(&what, || async { Sides::read(world, shop).await.unrefunded().is_empty() });
        report.faults.extend(known.await.err());
    }
}

/// Nothing credited twice, nothing missing, nothing paid out twice; and the books agree with themselves.
async fn compare_at_the_end(world: &World, server: &Server, notes: &Notes, report: &mut Report) {
    let (mut paid, mut transfers, mut refunds) = (0, 0, 0);
    let said = notes.read().clone();
    let rules = |(fee_bp, settle_after_days, debt_max): (i64, Option<u8>, i64)| Rules {
        fee_bp,
        settle_after_days,
        debt_max,
        payout_by_wechat: true,
        ..Rules::default()
    };
    let merchants: Vec<_> = SHOPS.into_iter().zip(AGREED.map(rules)).collect();
    let mut history = history::of(&world.site, &merchants, &said).await;
    history.acts_alone = true;
    for shop in SHOPS {
        let sides = Sides::read(world, shop).await;
        paid += sides.paid();
        transfers += sides.transfers();
        refunds += sides.refunded();
        sides.tell(&mut history.channel);
        report.faults.extend(sides.faults(&said));
        report.faults.extend(sides.unbooked());
        report.faults.extend(sides.unrefunded());
        report.faults.extend(Books::read(server.api(), shop).await.faults());
    }
    report.faults.extend(auditor::judge(&history).iter().map(ToString::to_string));
    println!("{paid} orders paid, {transfers} transfers, {refunds} refunds");
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
