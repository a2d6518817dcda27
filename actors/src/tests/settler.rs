//! The settler by hand: days that begin and end, restarts, and a store that fails.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Runtime;

use super::scripted::Fault;
use super::support::{Scripted, engine, id, new_order, now, payment, rules, run, trouble};
use crate::domain::head::Head;
use crate::domain::ids::MerchantId;
use crate::domain::rules::Rules;
use crate::domain::time::At;
use crate::engine::Engine;
use crate::ports::Page;
use crate::settler::{Days, Settling, TrustedNow};

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// Two in the morning in Beijing, as `api.md` 4 has it.
const AT_TWO: Duration = Duration::from_secs(2 * 3_600);

/// The next time that it is two in the morning in Beijing after the tests' time, which is noon there.
fn two_in_the_morning() -> At {
    now().plus_ms(14 * HOUR)
}

struct Shops {
    engine: Engine,
    store: Arc<Scripted>,
    clock: Arc<AtomicI64>,
    wrong: Arc<Mutex<Option<String>>>,
}

impl Shops {
    /// Shops named by their days until settlement, `none` without; each with one paid order.
    async fn open(runtime: &Runtime, shared: bool) -> Self {
        let store = Scripted::new(Arc::default(), shared);
        let engine = engine(runtime, Arc::clone(&store));
        let this = Self {
            engine,
            store,
            clock: Arc::new(AtomicI64::new(now().ms())),
            wrong: Arc::default(),
        };
        for (of, days) in [("none", None), ("t0", Some(0)), ("t1", Some(1)), ("t2", Some(2))] {
            let rules = Rules { settle_after_days: days, ..rules() };
            this.engine.register(id(of), rules, now()).await.unwrap();
            this.earn(of, "O100").await;
        }
        this
    }

    async fn earn(&self, of: &str, no: &str) {
        self.engine.open_order(id(of), new_order(no, 1_000), self.now()).await.unwrap();
        let pay = crate::domain::command::Pay { paid_at: self.now(), ..payment(no, 1_000) };
        self.engine.pay(id(of), pay, self.now()).await.unwrap();
    }

    fn now(&self) -> At {
        At::from_ms(self.clock.load(Ordering::SeqCst))
    }

    fn set(&self, at: At) {
        self.clock.store(at.ms(), Ordering::SeqCst);
    }

    /// A settler that was just started.
    fn settler(&self) -> Days {
        self.settler_of(self.engine.clone())
    }

    fn settler_of(&self, engine: Engine) -> Days {
        let (clock, wrong) = (Arc::clone(&self.clock), Arc::clone(&self.wrong));
        let now: TrustedNow = Arc::new(move || match wrong.lock().unwrap().clone() {
            Some(why) => Err(why),
            None => Ok(At::from_ms(clock.load(Ordering::SeqCst))),
        });
        Days::new(Settling { engine, now }, AT_TWO)
    }

    async fn head(&self, of: &str) -> Head {
        self.engine.head(id(of), self.now()).await.unwrap()
    }

    /// What is available at each shop.
    async fn available(&self) -> [i64; 4] {
        let mut available = [0; 4];
        for (at, of) in ["none", "t0", "t1", "t2"].into_iter().enumerate() {
            available[at] = self.head(of).await.available.fen();
        }
        available
    }

    async fn settlements(&self, of: MerchantId) -> usize {
        let page = Page { limit: 100, cursor: None };
        self.engine.store().settlements(of, page).await.unwrap().items.len()
    }
}

#[test]
fn each_day_from_its_hour_on_what_is_due_is_settled_once() {
    run(async |runtime| {
        let shops = Shops::open(runtime, false).await;
        let mut settler = shops.settler();
        // The tests begin at noon: the hour of this day has passed, so what is due by now is settled at once.
        settler.look().await;
        assert_eq!(shops.available().await, [0, 1_000, 0, 0]);
        shops.earn("t0", "O200").await;
        shops.set(two_in_the_morning().plus_ms(-1));
        settler.look().await;
        assert_eq!(shops.available().await, [0, 1_000, 0, 0], "the next day's hour has not come");
        shops.set(two_in_the_morning());
        settler.look().await;
        assert_eq!(shops.available().await, [0, 2_000, 1_000, 0]);
        shops.set(two_in_the_morning().plus_ms(DAY));
        settler.look().await;
        assert_eq!(shops.available().await, [0, 2_000, 1_000, 1_000], "never without a rule");
        for (of, made) in [("none", 0), ("t0", 2), ("t1", 1), ("t2", 1)] {
            assert_eq!(shops.settlements(id(of)).await, made, "{of}");
        }
    });
}

#[test]
fn a_restart_settles_no_day_twice_and_misses_none() {
    run(async |runtime| {
        let shops = Shops::open(runtime, false).await;
        shops.settler().look().await;
        shops.earn("t0", "O200").await;
        for _ in 0..3 {
            shops.settler().look().await;
        }
        assert_eq!(shops.available().await, [0, 1_000, 0, 0], "t0 had its settlement of the day");
        // Nobody was there for three days.
        shops.set(two_in_the_morning().plus_ms(3 * DAY));
        shops.settler().look().await;
        assert_eq!(shops.available().await, [0, 2_000, 1_000, 1_000]);
    });
}

#[test]
fn two_processes_settle_each_day_once() {
    run(async |runtime| {
        let shops = Shops::open(runtime, true).await;
        let other = engine(runtime, Arc::clone(&shops.store));
        let (mut ours, mut theirs) = (shops.settler(), shops.settler_of(other));
        for day in 0..3 {
            shops.set(two_in_the_morning().plus_ms(day * DAY));
            tokio::join!(ours.look(), theirs.look());
        }
        assert_eq!(shops.available().await, [0, 1_000, 1_000, 1_000]);
        for (of, made) in [("none", 0), ("t0", 1), ("t1", 1), ("t2", 1)] {
            assert_eq!(shops.settlements(id(of)).await, made, "{of}");
        }
    });
}

#[test]
fn a_day_that_met_a_store_in_trouble_is_settled_at_the_next_look() {
    run(async |runtime| {
        let shops = Shops::open(runtime, false).await;
        shops.store.script(std::iter::repeat_with(|| Some(Fault::Answer(trouble()))).take(100));
        let mut settler = shops.settler();
        settler.look().await;
        shops.store.forget_script();
        assert_eq!(shops.available().await, [0; 4]);
        settler.look().await;
        assert_eq!(shops.available().await, [0, 1_000, 0, 0]);
    });
}

#[test]
fn a_clock_that_cannot_be_trusted_settles_nothing() {
    run(async |runtime| {
        let shops = Shops::open(runtime, false).await;
        shops.set(two_in_the_morning().plus_ms(30 * DAY));
        *shops.wrong.lock().unwrap() = Some("it was set".into());
        let mut settler = shops.settler();
        settler.look().await;
        assert_eq!(shops.available().await, [0; 4]);
        *shops.wrong.lock().unwrap() = None;
        shops.set(now());
        settler.look().await;
        assert_eq!(shops.available().await, [0, 1_000, 0, 0]);
    });
}
