//! One flow's surroundings: Tally with all its ways led over tolls, a WeChat and a platform's server that outlive it, a clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::sleep;

use super::ahead::Ahead;
use super::hook::Hook;
use super::life::Life;
use super::toll::{Toll, Way};
use super::trap::{Moment, Plan, Step};
use crate::crash::api::{Api, Reply};
use crate::crash::site::Site;
use crate::crash::world::{Page, World};
use crate::preload::Library;
use crate::random::Random;

/// The merchant of every flow.
pub const SHOP: &str = "shop";

/// How long anything is waited for, by the machine's own clock.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(15);

/// After so long without anything that is waited for, the clocks go on by a second: ladders need not be waited out.
const NUDGE_AFTER: Duration = Duration::from_millis(150);

/// How long a server needs to see that the time was moved.
const AFTER_JUMP: Duration = Duration::from_millis(700);

/// Looks in a row without anything under way, until all has come to rest.
const CALM_LOOKS: u32 = 10;

/// What every server is set to. A flow's own settings come after these.
const SETTINGS: [(&str, &str); 5] = [
    ("TALLY_QUERY_SECONDS", "60,86400"),
    ("TALLY_TRANSFER_QUERY_SECONDS", "1"),
    ("TALLY_RECONCILE_AT", "off"),
    ("TALLY_WEBHOOK_PRIVATE", "on"),
    ("TALLY_SETTLE_AT", "00:00"),
];

/// When a notice that was not taken is sent again, in milliseconds.
const LADDER_MS: [u64; 8] = [100, 200, 300, 500, 1_000, 2_000, 4_000, 8_000];

/// All around one flow.
#[derive(Debug)]
pub struct Stage {
    /// WeChat, and the folder.
    pub world: Arc<World>,
    /// Tally.
    pub life: Arc<Life>,
    /// The platform's server.
    pub hook: Hook,
    plan: Plan,
    ahead: Ahead,
    inward: Toll,
    _outward: Toll,
    hookward: Toll,
    api: Api,
}

impl Stage {
    /// Starts all of it, with the merchant registered; `rules`: more of what was agreed with it.
    pub async fn set(
        site: Site,
        library: &Library,
        (settings, rules): (&[(&str, &str)], &Value),
        (plan, random): (Plan, Random),
    ) -> Self {
        let world = World::with(site, |settings| {
            settings.notify.ladder = LADDER_MS.map(Duration::from_millis).to_vec();
            settings.hang = Duration::from_millis(50);
            settings.refund_takes = Duration::from_secs(2);
        });
        let world = Arc::new(world.await);
        let (life, hook) = (Life::new(&world, random), Hook::open().await);
        let wechat = world.wechat_url().replace("http://", "");
        let inward = Toll::open(&life, Way::In).await;
        let outward = Toll::open(&life, Way::Out(wechat)).await;
        let hookward = Toll::open(&life, Way::Out(hook.address())).await;
        let ahead = Ahead::begin(world.site.path());
        let mut all: Vec<(String, String)> = vec![
            ("TALLY_WECHAT_API_URL".into(), outward.url()),
            ("TALLY_WECHAT_PAY_URL".into(), outward.url()),
            ("TALLY_PUBLIC_URL".into(), inward.url()),
        ];
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        all.extend(ahead.environment(library).map(|(name, value)| (name.to_owned(), value)));
        all.extend(SETTINGS.iter().chain(settings).map(own));
        life.begin(all).await;
        let api = Api::new(inward.url(), world.site.admin_key());
        let stage =
            Self { world, life, hook, plan, ahead, inward, _outward: outward, hookward, api };
        let mut shop = json!({
            "merchant_id": SHOP, "name": "Shop", "fee_bp": 60, "payout_openid": "owner",
        });
        if let (Value::Object(shop), Value::Object(rules)) = (&mut shop, rules) {
            shop.extend(rules.clone());
        }
        stage.ask("merchants", shop).await.expect("the merchant is taken");
        stage
    }

    /// From here on steps count.
    pub fn begin(&self) {
        self.life.trap().begin(self.plan.clone());
    }

    /// Where the platform's server is reached.
    pub fn hook_url(&self) -> String {
        format!("{}/hook", self.hookward.url())
    }

    /// Where WeChat reaches Tally.
    pub fn notify_url(&self) -> String {
        format!("{}/notify/{SHOP}/refund", self.inward.url())
    }

    /// Asks until there is a final answer, each time the same. An error: a refusal, or none comes.
    pub async fn ask(&self, path: &str, body: Value) -> Result<Value, String> {
        self.ask_as(&self.api, path, &body, None).await
    }

    /// The same of this flow's merchant.
    pub async fn shop(&self, path: &str, body: Value) -> Result<Value, String> {
        self.ask(&of_shop(path), body).await
    }

    /// The same with another key, or under an `Idempotency-Key`.
    pub async fn ask_as(
        &self,
        api: &Api,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<Value, String> {
        let reply = self.heard(api, path, body, key).await?;
        if reply.is_success() {
            return Ok(reply.body);
        }
        Err(format!("POST {path} {body} was answered {} {}", reply.status, reply.body))
    }

    /// The final answer, whatever it is.
    pub async fn heard(
        &self,
        api: &Api,
        path: &str,
        body: &Value,
        key: Option<&str>,
    ) -> Result<Reply, String> {
        let began = Instant::now();
        while began.elapsed() < WAIT_MAX {
            match api.post(path, body, key).await {
                Ok(reply) if !reply.is_not_final() => return Ok(reply),
                Ok(_) | Err(_) => sleep(LOOK).await,
            }
        }
        Err(format!("POST {path} {body} got no final answer; {:?}", self.life.faults()))
    }

    /// This flow's admin.
    pub fn admin(&self) -> &Api {
        &self.api
    }

    /// A thing as it is now. An error: there is none.
    pub async fn read(&self, path: &str) -> Result<Value, String> {
        let mut told = Value::Null;
        self.until(path, async || {
            let Some(reply) = self.api.read(path).await.ok().filter(|reply| !reply.is_not_final())
            else {
                return false;
            };
            told = json!({"status": reply.status, "body": reply.body});
            true
        })
        .await?;
        if told["status"] == 200 { Ok(told["body"].take()) } else { Err(format!("{path}: {told}")) }
    }

    /// Waits until a thing of the merchant's is so.
    pub async fn comes(
        &self,
        path: &str,
        field: &str,
        expected: impl Into<Value>,
    ) -> Result<Value, String> {
        let (path, expected) = (of_shop(path), expected.into());
        let mut last = Value::Null;
        let waited = self
            .until("", async || {
                if let Ok(reply) = self.api.read(&path).await {
                    last = reply.body;
                }
                last[field] == expected
            })
            .await;
        waited.map_err(|_| format!("{path}: {field} does not come to {expected}: {last}"))?;
        Ok(last)
    }

    /// Checks what a thing of the merchant's is.
    pub async fn is(&self, path: &str, fields: &[(&str, Value)]) -> Result<(), String> {
        let path = of_shop(path);
        let found = self.read(&path).await?;
        let wrong = fields.iter().filter(|(field, value)| found[field] != *value);
        let wrong: Vec<_> = wrong.map(|(field, value)| format!("{field} is not {value}")).collect();
        if wrong.is_empty() {
            Ok(())
        } else {
            Err(format!("{path}: {}: {found}", wrong.join(", ")))
        }
    }

    /// Waits for a condition, while the clocks go on. An error: it does not come true.
    pub async fn until(
        &self,
        what: &str,
        is_true: impl AsyncFnMut() -> bool,
    ) -> Result<(), String> {
        if self.within(WAIT_MAX, is_true).await {
            return Ok(());
        }
        Err(format!("{what}: not within {WAIT_MAX:?}; {:?}", self.life.faults()))
    }

    /// The same, for so long at the most; whether it came true.
    pub async fn within(&self, most: Duration, mut is_true: impl AsyncFnMut() -> bool) -> bool {
        let (began, mut nudged) = (Instant::now(), Instant::now());
        while !is_true().await {
            if began.elapsed() > most || !self.life.faults().is_empty() {
                return false;
            }
            if nudged.elapsed() > NUDGE_AFTER && self.life.is_calm() {
                self.advance(1).await;
                nudged = Instant::now();
            }
            sleep(LOOK).await;
        }
        true
    }

    /// Whether Tally was killed since steps count.
    pub fn was_killed(&self) -> bool {
        !self.life.trap().struck().is_empty()
    }

    /// Moves both clocks on, when nothing is under way that a jump would break off.
    pub async fn jump(&self, seconds: u32) -> Result<(), String> {
        self.rest().await?;
        self.advance(seconds).await;
        // A server reads the clock by which it gives up on a connection every half second.
        sleep(AFTER_JUMP).await;
        Ok(())
    }

    /// The same while Tally is down: a server whose clock goes ahead by weeks has millions of missed ticks to make up for.
    pub async fn jump_while_down(&self, seconds: u32) -> Result<(), String> {
        self.rest().await?;
        self.life.end();
        self.advance(seconds).await;
        self.life.start().await;
        Ok(())
    }

    /// A step of something that happens without anything crossing, a random while from now.
    pub async fn instant(&self, name: &str, within: Duration) {
        let nth = self.life.trap().enters(name);
        sleep(self.life.within(within)).await;
        let Some(nth) = nth else { return };
        let step = Step { crossing: name.to_owned(), nth, moment: Moment::Handed };
        let now = self.life.trap().reaches(step);
        if now {
            self.life.kill().await;
        }
    }

    /// Another admin's key.
    pub async fn second_admin(&self) -> Result<Api, String> {
        let made = self.ask("keys", json!({"name": "second"})).await?;
        let key = made["key"].as_str().ok_or_else(|| format!("a key: {made}"))?;
        Ok(Api::new(self.inward.url(), key.to_owned()))
    }

    /// A call of the mini-program. `None`: there was no answer that is final.
    pub async fn page(&self, path: &str, body: &Value) -> Option<Page> {
        let page = self.world.page_at(&self.inward.url(), path, body).await.ok()?;
        let final_answer = page.status == 200 && page.code.is_some_and(|code| code != 8);
        final_answer.then_some(page)
    }

    async fn advance(&self, seconds: u32) {
        self.ahead.advance(seconds);
        self.play("clock", json!({"seconds": seconds})).await;
    }

    /// Waits until nothing is under way.
    pub async fn rest(&self) -> Result<(), String> {
        let mut calm = 0;
        self.until("all comes to rest", async || {
            calm = if self.life.is_calm() { calm + 1 } else { 0 };
            calm >= CALM_LOOKS
        })
        .await
    }

    /// A call of the sandbox's control API.
    pub async fn play(&self, path: &str, body: Value) -> Value {
        self.world.sandbox(Method::POST, path, &body).await
    }

    /// What always goes wrong at WeChat from now on.
    pub async fn faults(&self, faults: &[(&str, &str)]) {
        let always: Vec<_> = faults.iter().map(|&(on, fault)| (on, fault, 1_000)).collect();
        self.world.faults(0, &always).await;
    }
}

/// The path of something of the merchant's.
pub fn of_shop(path: &str) -> String {
    format!("merchants/{SHOP}/{path}")
}
