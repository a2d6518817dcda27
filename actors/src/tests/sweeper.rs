//! The sweeper by hand: ticks at given times, and what each order is asked.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::support::{new_order, run, until};
use super::world::{World, by_wechat};
use crate::domain::order::OrderStatus;
use crate::engine::NewOrder;
use crate::limits;
use crate::ports::Store;
use crate::sweeper::{Ladder, Sweep, Sweeper};
use crate::traffic::Traffic;

const SECOND: i64 = 1_000;
const MINUTE: i64 = 60_000;

fn ladder() -> Ladder {
    let steps = [5, 30, 60, 600].map(Duration::from_secs).to_vec();
    Ladder { steps, order_life: Duration::from_secs(900) }
}

fn sweep(world: &World<'_>) -> Arc<Sweep> {
    let store: Arc<dyn Store> = Arc::<super::support::Scripted>::clone(&world.store);
    Arc::new(Sweep::new(world.cashier.clone(), store, &ladder(), Duration::ZERO))
}

async fn open(world: &World<'_>, no: &str) {
    let new = NewOrder {
        expires_at: world.now().plus_ms(15 * MINUTE),
        ..by_wechat(no, 500, world.now())
    };
    world.cashier.open(world.m, new, None).await.unwrap();
}

#[test]
fn each_order_is_looked_up_once_a_step_whenever_the_ticks_come() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        let sweep = sweep(&world);
        let mut since = world.now();
        open(&world, "O100").await;
        world.pass(1_500);
        open(&world, "O200").await;
        world.cashier.open(world.m, new_order("O300", 500), None).await.unwrap();
        for pass in [500, 2_999, 1, 10 * SECOND, 15 * SECOND, SECOND, SECOND, 40 * SECOND] {
            world.pass(pass);
            since = sweep.tick(since).await;
        }
        assert_eq!(world.bank.times("order O100"), [5_000, 30_000, 72_000]);
        assert_eq!(world.bank.times("order O200"), [15_000, 32_000, 72_000]);
        assert_eq!(world.bank.count("order O300"), 0, "external");
    });
}

#[test]
fn nothing_is_missed_over_a_restart() {
    run(async |runtime| {
        let mut world = World::new(runtime).await;
        let first = sweep(&world);
        let since = world.now();
        for no in ["O100", "O200", "O300"] {
            open(&world, no).await;
            world.pass(10 * SECOND);
        }
        first.tick(since).await;
        assert_eq!(world.bank.times("order O100"), [30 * SECOND]);
        // Down while every order reaches a step, and while the first is paid.
        world.bank.customer_pays("O100", 500);
        world.pass(90 * SECOND);
        world.restart().await;
        open(&world, "O400").await;
        let second = sweep(&world);
        let since = world.now();
        second.walk(5 * SECOND).await;
        for no in ["O100", "O200", "O300"] {
            assert_eq!(
                world.bank.times(&format!("order {no}")),
                [30 * SECOND, 120 * SECOND],
                "{no}"
            );
        }
        assert_eq!(world.order("O100").await.status, OrderStatus::Paid);
        assert_eq!(world.bank.count("order O400"), 0, "too young");
        world.pass(5 * SECOND);
        second.tick(since).await;
        assert_eq!(world.bank.times("order O400"), [125 * SECOND]);
        assert_eq!(world.bank.count("order O200"), 2);
        second.walk(5 * SECOND).await;
        assert_eq!(world.bank.count("order O100"), 2, "what is paid is not asked about");
        assert_eq!(world.bank.count("order O200"), 3);
    });
}

#[test]
fn an_order_that_is_given_up_is_closed_at_the_channel_first_and_not_before_five_minutes() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        let sweep = sweep(&world);
        let since = world.now();
        for no in ["O100", "O200", "O300"] {
            open(&world, no).await;
        }
        assert!(
            world
                .cashier
                .close(world.m, "O300".parse().unwrap(), None)
                .await
                .unwrap()
                .accepted_only
        );
        world.pass(5 * MINUTE - 1);
        let since = sweep.tick(since).await;
        assert_eq!(world.bank.count("close O300"), 0);
        assert_eq!(world.bank.count("order O300"), 1);
        world.pass(1);
        let since = sweep.tick(since).await;
        assert_eq!(world.bank.times("close O300"), [5 * MINUTE]);
        assert_eq!(world.order("O300").await.status, OrderStatus::Closed);
        world.bank.customer_pays("O200", 500);
        world.bank.gate.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
        world.pass(10 * MINUTE);
        let ticking = actix::spawn(async move { sweep.tick(since).await });
        until(|| world.bank.count("close O100") + world.bank.count("close O200") == 2).await;
        assert_eq!(world.order("O100").await.status, OrderStatus::Open, "here second");
        world.bank.gate.add_permits(100);
        ticking.await.unwrap();
        assert_eq!(world.order("O100").await.status, OrderStatus::Closed);
        assert_eq!(world.order("O200").await.status, OrderStatus::Paid);
        assert_eq!(world.head().await.paid_orders, 1);
    });
}

#[test]
fn an_order_that_the_channel_never_heard_of_is_given_up_here() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        let new = by_wechat("O100", 500, world.now());
        world.engine.open_order(world.m, new, world.now()).await.unwrap();
        world.pass(120 * MINUTE);
        sweep(&world).walk(5 * SECOND).await;
        assert_eq!(world.order("O100").await.status, OrderStatus::Closed);
    });
}

#[test]
fn a_large_number_of_orders_is_walked_through_part_by_part() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        let count = 2 * limits::WALK_PART + 7;
        for no in 0..count {
            let new = by_wechat(&format!("O{no:04}"), 500, world.now());
            world.engine.open_order(world.m, new, world.now()).await.unwrap();
        }
        world.pass(MINUTE);
        sweep(&world).walk(5 * SECOND).await;
        for no in 0..count {
            assert_eq!(world.bank.count(&format!("order O{no:04}")), 1);
        }
    });
}

#[test]
fn a_damaged_row_is_passed_over_and_told_until_it_is_mended() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        for no in ["O100", "O200", "O300"] {
            open(&world, no).await;
        }
        world.store.damage_row("O200", true);
        world.pass(MINUTE);
        let (sweep, damage) = (sweep(&world), world.engine.damage());
        sweep.walk(5 * SECOND).await;
        assert_eq!(
            ["O100", "O200", "O300"].map(|no| world.bank.count(&format!("order {no}"))),
            [1, 0, 1]
        );
        let told = damage.told().expect("it is told");
        assert!(
            told.starts_with("1 damaged rows") && told.contains("O200 of merchant m1"),
            "{told}"
        );
        sweep.walk(2 * MINUTE).await;
        assert!(damage.told().is_some(), "it was not looked at");
        world.store.damage_row("O200", false);
        sweep.walk(5 * SECOND).await;
        assert_eq!((damage.told(), world.bank.count("order O200")), (None, 1));
    });
}

#[test]
fn a_running_sweeper_looks_up_what_was_open_before_it_began_and_stops() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        open(&world, "O100").await;
        world.bank.customer_pays("O100", 500);
        world.pass(MINUTE);
        let store: Arc<dyn Store> = Arc::<super::support::Scripted>::clone(&world.store);
        let sweeper = Sweeper::start(world.cashier.clone(), store, ladder());
        let events = || world.engine.written().events.load(Ordering::SeqCst);
        let before = events();
        until(|| events() > before).await;
        sweeper.stop().await;
        assert_eq!(world.bank.count("order O100"), 1);
        assert_eq!(world.head().await.paid_orders, 1);
    });
}

#[test]
fn a_poll_waits_while_many_customers_do() {
    run(async |_| {
        let traffic = Arc::<Traffic>::default();
        let mut customers: Vec<_> =
            (0..limits::POLLS_WAIT_ABOVE).map(|_| traffic.customer()).collect();
        let poll = || tokio::time::timeout(Duration::ZERO, traffic.poll(Duration::ZERO));
        assert!(poll().await.is_err());
        customers.pop();
        assert!(poll().await.is_ok());
    });
}
