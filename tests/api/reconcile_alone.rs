//! Reconciliation while nobody watches: days that were missed, damaged books, and two processes at once.

use std::path::Path;

use serde_json::{Value, json};
use tally::settings::Settings;
use tally_actors::domain::time::{At, Day};
use tally_proof::servers::mariadb::Mariadb;
use tally_proof::servers::postgres::Postgres;

use crate::helpers::{spawn_with, until};
use crate::made_bills;
use crate::shop::{DAY, RUNS, Shop};

/// From Beijing's midnight on, by itself.
fn daily(settings: &mut Settings, _: &Path) {
    settings.reconcile_at = "00:00".parse().unwrap();
}

impl Shop {
    /// How a day stands; null where it was never tried.
    async fn day(&self, day: Day) -> Value {
        let answer = self.stage.app.get(&format!("{RUNS}/{day}")).await;
        if answer.status == 404 { Value::Null } else { answer.expect(200) }
    }

    async fn is_done(&self, day: Day) -> bool {
        self.day(day).await["agreed"].is_boolean()
    }
}

#[actix_web::test]
async fn days_that_were_missed_are_made_up_for_from_the_first_payment_on_and_each_once() {
    let shop = Shop::new().await;
    let now = shop.stage.play("clock", json!({"seconds": 0})).await["now_ms"].as_i64().unwrap();
    let today = At::from_ms(now).day().days();
    let back = |days: i32| Day::from_days(today - days).unwrap();
    let noon = |days| format!("{} 12:00:00", back(days));
    let known = shop.paid("F001", 500, &noon(5)).await;
    shop.paid("F002", 500, &noon(5)).await;
    let late = shop.paid("F003", 500, &noon(3)).await;
    made_bills::put(&shop.bills, &back(5).to_string(), &[known]);
    made_bills::put(&shop.bills, &back(3).to_string(), &[late]);
    made_bills::put_late(&shop.bills, &back(4).to_string());
    // A day that was asked for by hand does not hide those before it.
    shop.run(&back(2).to_string()).await;

    let shop = shop.restart_with(daily).await;
    until("what was missed is made up for", || async {
        shop.is_done(back(5)).await && shop.is_done(back(3)).await
    })
    .await;
    assert_eq!(shop.day(back(5)).await["differences"], json!({"journal_only": 1}));
    assert_eq!(shop.day(back(3)).await["agreed"], true);
    assert!(!shop.is_done(back(4)).await, "its bill is not there");
    assert_eq!(shop.day(back(6)).await, Value::Null, "nobody was paid before");
    let downloads = made_bills::downloads(&shop.bills);
    let order: Vec<&str> = downloads.iter().map(String::as_str).take(4).collect();
    let names = [2, 5, 4, 3].map(|days| back(days).to_string().replace('-', ""));
    assert_eq!(order, names, "the oldest first");

    // The bill comes; what is done is left as it is.
    let ran_at = shop.day(back(5)).await["ran_at"].take();
    made_bills::put(&shop.bills, &back(4).to_string(), &[]);
    let shop = shop.restart_with(|_, _| {}).await;
    until("the bill that came late is compared", || async { shop.is_done(back(4)).await }).await;
    assert_eq!(shop.day(back(5)).await["ran_at"], ran_at);
    assert_eq!(shop.all("/v1/cases").await.len(), 1);
    let fetched = made_bills::downloads(&shop.bills);
    assert_eq!(fetched.iter().filter(|day| **day == names[1]).count(), 1);
    shop.stage.finish().await;
}

/// Two processes on one database compare a day at once: one does, the other says so, and what the day carries over stays.
async fn one_of_two_compares(url: String) {
    let on = |settings: &mut Settings| settings.data.database_url = url.parse().unwrap();
    let shop = Shop::with(on).await;
    let pay_url = shop.pay_url.clone();
    let other = spawn_with(|settings| {
        on(settings);
        settings.wechat = crate::stage::credentials();
        settings.wechat.api_url.clone_from(&pay_url);
        settings.wechat.pay_url = pay_url;
    })
    .await;
    shop.paid("L001", 500, &format!("{DAY} 23:59:58")).await;
    made_bills::hold(&shop.bills, true);
    let first = shop.stage.app.post(RUNS, json!({"date": DAY}));
    let second = async {
        until("the first waits for its bill", || async {
            made_bills::downloads(&shop.bills).len() == 1
        })
        .await;
        let refused = other.post(RUNS, json!({"date": DAY})).await;
        made_bills::hold(&shop.bills, false);
        refused
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!(second.refusal(), (429, "busy"), "{}", second.body);
    assert_eq!(first.expect(201)["carried"], 1);
    // It gave back its turn: the other need not wait until that runs out.
    until("it is the other's turn", || async {
        other.post(RUNS, json!({"date": DAY})).await.status == 200
    })
    .await;
    let next = json!({"date": "2026-02-01"});
    until("the next day is compared", || async {
        other.post(RUNS, next.clone()).await.status == 201
    })
    .await;
    let next = shop.stage.app.get(&format!("{RUNS}/2026-02-01")).await.expect(200);
    assert_eq!(next["differences"], json!({"journal_only": 1}));
    other.stop().await;
    shop.stage.app.stop().await;
}

#[actix_web::test]
async fn one_of_two_processes_compares_a_day_on_postgresql() {
    let Some(server) = Postgres::shared() else { return };
    one_of_two_compares(server.fresh_database()).await;
}

#[actix_web::test]
async fn one_of_two_processes_compares_a_day_on_mariadb() {
    let Some(server) = Mariadb::shared() else { return };
    one_of_two_compares(server.fresh_database()).await;
}

/// Makes an event in the file of the books one that nobody can read: its blob stands behind its hash.
fn damage(folder: &std::path::Path, hash: &str) {
    let byte = |place| u8::from_str_radix(&hash[place..place + 2], 16).unwrap();
    let hash: Vec<u8> = (0..hash.len()).step_by(2).map(byte).collect();
    let file = folder.join("tally.db");
    let mut all = std::fs::read(&file).unwrap();
    let places: Vec<usize> = (0..all.len() - hash.len())
        .filter(|at| all[*at..].starts_with(&hash))
        .map(|at| at + hash.len())
        .collect();
    assert!(!places.is_empty());
    for place in places {
        all[place] = 0xff;
    }
    std::fs::write(&file, all).unwrap();
}

#[actix_web::test]
async fn a_merchant_that_can_not_be_read_is_passed_over_and_named_and_the_others_are_compared() {
    let shop = Shop::new().await;
    let noon = format!("{DAY} 12:00:00");
    shop.stage.app.merchant("m2", json!({})).await;
    let mut lines = vec![];
    for n in 0..3 {
        lines.push(shop.paid(&format!("G{n:03}"), 500, &noon).await);
    }
    shop.paid("HERE", 500, &noon).await;
    made_bills::put(&shop.bills, DAY, &lines);
    shop.stage.app.paid("m2", 100).await;
    let events = shop.stage.app.get("/v1/merchants/m2/events").await.expect(200);
    let hash = events["items"][1]["hash"].as_str().unwrap().to_owned();
    let shop = shop.restart_with(|_, folder| damage(folder, &hash)).await;
    let report = shop.run(DAY).await;
    assert_eq!(report["differences"], json!({"journal_only": 1}), "{report}");
    assert_eq!(
        (&report["unread"], &report["unread_merchants"], &report["agreed"]),
        (&json!(["m2"]), &json!(1), &json!(false))
    );
    made_bills::put(&shop.bills, "2026-01-30", &[]);
    let command = ["reconcile", "--date", "2026-01-30", "--url", &shop.stage.app.base];
    let told = shop.stage.app.tally(&command).await;
    let said = String::from_utf8_lossy(&told.stdout);
    assert_eq!((told.status.code(), said.contains("can be read: m2")), (Some(1), true), "{told:?}");
    shop.stage.app.stop().await;
}
