//! Sessions in Redis, from outside: shared by two processes, and what goes on while Redis is killed, hangs, or refuses.

mod support;

use std::collections::BTreeMap;
use std::process::Output;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tally_proof::crash::server::Server;
use tally_proof::crash::world::World;
use tally_proof::servers::redis_server::{PASSWORD, Redis, RedisServer, USER};
use tokio::time::sleep;

/// How many log in and order at the same time.
const CUSTOMERS: u64 = 8;

/// How often Redis is killed, or hangs.
const ROUNDS: u64 = 4;

/// When a notice that was not taken is sent again, in milliseconds.
const LADDER_MS: [u64; 3] = [100, 300, 1_000];

/// Code 8 must come sooner than this. A store waits for a second, and the machine is shared: this is no more than not to hang.
const AT_ONCE_MAX: Duration = Duration::from_secs(5);

/// How long something that must become true is waited for.
const UNTIL_MAX: Duration = Duration::from_secs(30);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// A login of the sandbox: `code`, `iv`, `encryptedData`.
async fn code_of(world: &World, openid: &str) -> Value {
    world.sandbox(Method::POST, "login", &json!({"openid": openid})).await
}

/// What a call of the mini-program is answered: the code and the data.
async fn page(world: &World, path: &str, body: Value) -> (u64, Value) {
    let page = world.page(path, &body).await.expect("an answer");
    assert_eq!(page.status, 200, "{path}: {page:?}");
    (page.code.expect("a code"), page.data)
}

async fn log_in(world: &World, login: &Value) -> (u64, Value) {
    page(world, "/login/", json!({"code": login["code"]})).await
}

/// Hands a profile over; the code of the answer.
async fn hand_over(world: &World, token: &Value, login: &Value) -> u64 {
    let (iv, sealed) = (&login["iv"], &login["encryptedData"]);
    page(world, "/getinfo/", json!({"token": token, "iv": iv, "encryptedData": sealed})).await.0
}

async fn until(what: &str, mut is_true: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !is_true().await {
        assert!(began.elapsed() < UNTIL_MAX, "{what}: not within {UNTIL_MAX:?}");
        sleep(LOOK).await;
    }
}

#[test]
fn a_session_made_by_one_process_is_good_at_the_other() {
    let Some(redis) = Redis::find().map(RedisServer::start) else { return };
    let url = redis.url(Some(USER));
    let settings = [("TALLY_REDIS_URL", url.as_str()), ("TALLY_LOG", "trace")];
    support::run(async {
        let (world, elsewhere) = (World::new(support::site(), &LADDER_MS).await, support::site());
        let first = world.serve(&settings);
        let second = world.serve_at(&elsewhere, &settings);
        let login = code_of(&world, "alice").await;
        let (code, data) = log_in(&world, &login).await;
        assert_eq!(code, 0);
        let token = &data["token"];
        let old_key = redis.ask(&["GET", "tally:customer:alice"]).text();

        world.lead_to(&second);
        assert_eq!(hand_over(&world, token, &login).await, 0);
        let order = json!({"money": 100, "token": token, "order_no": "A0001"});
        assert_eq!(page(&world, "/pay/", order).await.0, 0);
        let again = code_of(&world, "alice").await;
        let (code, data) = log_in(&world, &again).await;
        assert_eq!(code, 0);
        let new_key = redis.ask(&["GET", "tally:customer:alice"]).text();

        world.lead_to(&first);
        assert_eq!(hand_over(&world, token, &login).await, 5, "the new login's key counts");
        assert_eq!(hand_over(&world, token, &again).await, 0);
        assert_eq!(hand_over(&world, &data["token"], &again).await, 0);
        for log in [first.log(), second.log()] {
            assert!(log.contains("TRACE"), "a log that says all");
            for secret in [&old_key[1..], &new_key[1..], USER.1, text(token)] {
                assert!(!log.contains(secret), "{secret} is in the log");
            }
        }
    });
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

#[test]
fn while_redis_is_down_logins_are_answered_8_at_once_and_all_else_goes_on() {
    let Some(mut redis) = Redis::find().map(RedisServer::start) else { return };
    let url = redis.url(Some(USER));
    support::run(async {
        let world = Arc::new(World::new(support::site(), &LADDER_MS).await);
        let server = world.serve(&[("TALLY_REDIS_URL", &url)]);
        let load = Load::begin(&world);
        for round in 0..ROUNDS {
            let (login, data) = (code_of(&world, "alice").await, code_of(&world, "bob").await);
            let (code, data) = log_in(&world, &data).await;
            assert_eq!(code, 0);
            let order =
                json!({"money": 100, "token": data["token"], "order_no": format!("A000{round}")});
            let (code, payable) = page(&world, "/pay/", order.clone()).await;
            assert_eq!(code, 0);
            load.goes_on("logins are answered", 0).await;
            let hangs = round % 2 == 1;
            if hangs {
                redis.freeze()
            } else {
                redis.kill()
            }

            for _ in 0..3 {
                assert_eq!(log_in(&world, &login).await.0, 8);
                assert_eq!(
                    page(&world, "/pay/", order.clone()).await,
                    (8, json!({"order_no": order["order_no"]}))
                );
                all_else_goes_on(&server).await;
            }
            notice_is_taken(&world, &server, &payable).await;
            load.goes_on("logins are refused", 8).await;

            if hangs {
                redis.thaw()
            } else {
                redis.restart()
            }
            until("the code that was refused is good now", async || {
                let (code, _) = log_in(&world, &login).await;
                assert!([0, 8].contains(&code), "the code was spent: {code}");
                code == 0
            })
            .await;
            assert_eq!(readiness(&server).await["warnings"], json!([]));
        }
        load.end().await;
    });
}

/// What needs no session, while there is none.
async fn all_else_goes_on(server: &Server) {
    static MADE: AtomicU64 = AtomicU64::new(0);
    let order_no = format!("E{:05}", MADE.fetch_add(1, Ordering::Relaxed));
    let order =
        json!({"order_no": order_no, "amount_fen": 5, "description": "tea", "channel": "external"});
    let opened = server.api().post("merchants/default/orders", &order, None).await;
    assert_eq!(opened.expect("an answer").status, 201);
    let alive = reqwest::get(format!("http://{}/healthz", server.address())).await;
    assert_eq!(alive.expect("an answer").status().as_u16(), 200);
    let ready = readiness(server).await;
    assert_eq!((&ready["status"], &ready["reasons"]), (&json!("ready"), &json!([])));
    let warning = text(&ready["warnings"][0]);
    assert!(warning.starts_with("customers can't log in: Redis "), "{warning}");
}

/// What `/readyz` answers, which must be 200: a node that takes notices is to be sent them.
async fn readiness(server: &Server) -> Value {
    let answer = reqwest::get(format!("http://{}/readyz", server.address())).await;
    let answer = answer.expect("an answer");
    assert_eq!(answer.status().as_u16(), 200);
    serde_json::from_str(&answer.text().await.expect("a body")).expect("JSON")
}

/// The customer pays, and the order is paid here by WeChat's notice.
async fn notice_is_taken(world: &World, server: &Server, payable: &Value) {
    world.sandbox(Method::POST, "pay", payable).await;
    let no = text(&payable["order_no"]);
    until("the notice is taken", async || {
        let path = format!("orders/default-{no}");
        world.sandbox(Method::GET, &path, &Value::Null).await["notice_taken"] == true
    })
    .await;
    let order = server.api().get(&format!("merchants/default/orders/{no}")).await;
    assert_eq!(order.body["status"], "paid");
}

/// Customers who log in and order again and again.
struct Load {
    heard: Arc<Mutex<Heard>>,
    over: Arc<AtomicBool>,
    customers: Vec<tokio::task::JoinHandle<()>>,
}

/// How often each code was the answer of a login, and how long the slowest code 8 took.
#[derive(Default)]
struct Heard {
    logins: BTreeMap<u64, u64>,
    slowest: Duration,
}

impl Load {
    fn begin(world: &Arc<World>) -> Self {
        let (heard, over) = (Arc::default(), Arc::new(AtomicBool::new(false)));
        let customers = (0..CUSTOMERS).map(|number| {
            let (world, heard, over) = (Arc::clone(world), Arc::clone(&heard), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    buy(&world, &format!("customer-{number}"), &heard).await;
                }
            })
        });
        let customers = customers.collect();
        Self { heard, over, customers }
    }

    /// Waits until more logins were answered so.
    async fn goes_on(&self, what: &str, code: u64) {
        let count = || self.heard.lock().expect("nobody panics with it").logins.get(&code).copied();
        let before = count().unwrap_or(0);
        until(what, async || count().unwrap_or(0) >= before + 2 * CUSTOMERS).await;
    }

    async fn end(self) {
        self.over.store(true, Ordering::Relaxed);
        for customer in self.customers {
            customer.await.expect("no customer hears what it should not");
        }
        let heard = self.heard.lock().expect("nobody panicked with it");
        let Heard { logins, slowest } = &*heard;
        println!("logins by code: {logins:?}; the slowest code 8 took {slowest:?}");
        assert!(*slowest < AT_ONCE_MAX, "a page waited for {slowest:?}");
    }
}

/// Logs in, then orders. A Redis that was killed has forgotten the token (code 2).
async fn buy(world: &World, openid: &str, heard: &Mutex<Heard>) {
    let login = code_of(world, openid).await;
    let began = Instant::now();
    let (code, data) = log_in(world, &login).await;
    let took = began.elapsed();
    assert!([0, 8].contains(&code), "/login/ was answered {code}");
    {
        let mut heard = heard.lock().expect("nobody panics with it");
        *heard.logins.entry(code).or_default() += 1;
        if code == 8 {
            heard.slowest = heard.slowest.max(took);
            return;
        }
    }
    let (code, _) = page(world, "/pay/", json!({"money": 7, "token": data["token"]})).await;
    assert!([0, 2, 8].contains(&code), "/pay/ was answered {code}");
}

#[test]
fn a_start_without_redis_serves_and_customers_log_in_once_it_is_there() {
    let Some(mut redis) = Redis::find().map(RedisServer::start) else { return };
    redis.kill();
    let url = redis.url(Some(USER));
    support::run(async {
        let world = World::new(support::site(), &LADDER_MS).await;
        let server = world.serve(&[("TALLY_REDIS_URL", &url)]);
        let login = code_of(&world, "alice").await;
        let began = Instant::now();
        // For so long that Redis is tried again and again.
        while began.elapsed() < Duration::from_secs(1) {
            assert_eq!(log_in(&world, &login).await.0, 8);
            all_else_goes_on(&server).await;
        }
        redis.restart();
        until("the customer is in", async || log_in(&world, &login).await.0 == 0).await;
        let told = server.log().matches("TALLY_REDIS_URL").count();
        assert_eq!(told, 1, "what goes on for a while is told once:\n{}", server.log());
    });
}

#[test]
fn tls_is_spoken_to_a_redis_that_an_authority_of_its_own_vouches_for() {
    let Some(redis) = Redis::find_with_tls().map(RedisServer::start) else { return };
    let (url, ca) = (redis.tls_url(), redis.ca());
    support::run(async {
        let world = World::new(support::site(), &LADDER_MS).await;
        let ca = ca.to_str().expect("a plain path");
        let _server = world.serve(&[("TALLY_REDIS_URL", &url), ("TALLY_REDIS_CA", ca)]);
        let login = code_of(&world, "alice").await;
        assert_eq!(log_in(&world, &login).await.0, 0);
    });
    refused_with(&url, "TALLY_REDIS_URL: Redis is not reached: invalid peer certi");
}

#[test]
fn a_wrong_password_stops_the_start_with_one_line_that_does_not_repeat_it() {
    let Some(redis) = Redis::find().map(RedisServer::start) else { return };
    let url = redis.url(Some((USER.0, "wrong-hush")));
    refused_with(&url, "TALLY_REDIS_URL: Redis refuses the user or the password");
}

/// Starts on this Redis, which must fail with one such line.
#[track_caller]
fn refused_with(url: &str, line: &str) {
    let site = support::site();
    let mut start = site.tally();
    start.envs([
        ("TALLY_REDIS_URL", url),
        ("TALLY_LISTEN", "127.0.0.1:0"),
        ("TALLY_SANDBOX_LISTEN", "127.0.0.1:0"),
        ("TALLY_LOG", "error"),
    ]);
    let Output { status, stdout, stderr } = start.output().expect("the binary starts");
    let (out, err) = (String::from_utf8_lossy(&stdout), String::from_utf8_lossy(&stderr));
    assert_eq!((status.code(), &*out), (Some(2), ""), "{err}");
    assert!(err.starts_with(&format!("tally: {line}")) && err.lines().count() == 1, "{err}");
    for secret in ["hush", USER.1, PASSWORD] {
        assert!(!err.contains(secret), "{err}");
    }
}
