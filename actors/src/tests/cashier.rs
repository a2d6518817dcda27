//! Orders at the channel: opened, announced, looked up, closed; each answer of the channel, and callers who go away.

use super::support::{fen, new_order, run, until};
use super::world::{World, by_wechat, channel_payment};
use crate::cashier::{CashierError, Closed, Payable};
use crate::domain::command::Pay;
use crate::domain::event::PaymentSource;
use crate::domain::order::OrderStatus;
use crate::domain::refusal::Refusal;
use crate::error::EngineError;
use crate::gateway::{Announced, ChannelOrder, Closing};
use crate::ports::{CaseFilter, Page, Store};

const MINUTE: i64 = 60_000;

async fn open(world: &World<'_>, no: &str) -> Result<Payable, CashierError> {
    world.cashier.open(world.m, by_wechat(no, 500, world.now()), None).await
}

fn refused(refusal: Refusal) -> CashierError {
    CashierError::Engine(EngineError::Refused(refusal))
}

#[test]
fn a_prepay_id_is_used_for_110_minutes_and_then_the_first_request_is_repeated() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        let first = open(&world, "O100").await.unwrap();
        assert!(first.order.fresh);
        assert_eq!(first.prepay_id.as_deref(), Some("wx1"));
        world.pass(110 * MINUTE - 1);
        let again = open(&world, "O100").await.unwrap();
        assert_eq!((again.order.fresh, again.prepay_id.as_deref()), (false, Some("wx1")));
        world.pass(1);
        assert_eq!(open(&world, "O100").await.unwrap().prepay_id.as_deref(), Some("wx2"));
        let requests = world.bank.books().requests.clone();
        assert_eq!(requests.len(), 2);
        assert_eq!(requests[0], requests[1], "field by field as it was stored");
        assert_eq!(world.order("O100").await.prepay.unwrap().prepay_id.as_ref(), "wx2");
    });
}

#[test]
fn an_order_that_is_refused_or_in_doubt_stays_open_and_is_announced_again() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        world
            .bank
            .books()
            .announcing
            .extend([Announced::Refused("NO_AUTH".into()), Announced::Unknown("time-out".into())]);
        assert_eq!(open(&world, "O100").await, Err(CashierError::Refused("NO_AUTH".into())));
        assert_eq!(open(&world, "O100").await, Err(CashierError::Unknown("time-out".into())));
        assert_eq!(open(&world, "O100").await.unwrap().prepay_id.as_deref(), Some("wx3"));
        let conflict = world.cashier.open(world.m, by_wechat("O100", 501, world.now()), None).await;
        assert!(matches!(conflict, Err(CashierError::Engine(EngineError::Refused(_)))));
        assert_eq!(world.bank.count("announce O100"), 3);
    });
}

#[test]
fn an_order_that_the_channel_calls_paid_or_closed_is_looked_up_and_booked() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        world.bank.customer_pays("O100", 500);
        let paid = open(&world, "O100").await.unwrap();
        assert_eq!((paid.order.thing.status, paid.prepay_id), (OrderStatus::Paid, None));
        world.bank.books().orders.insert(id_of("O200"), ChannelOrder::Closed);
        let closed = open(&world, "O200").await.unwrap();
        assert_eq!((closed.order.thing.status, closed.prepay_id), (OrderStatus::Closed, None));
        for no in ["O100", "O200"] {
            assert_eq!(open(&world, no).await.unwrap().prepay_id, None, "as it is");
            assert_eq!(world.bank.count(&format!("announce {no}")), 1);
        }
        world.bank.books().announcing.push_back(Announced::Paid);
        assert!(matches!(open(&world, "O300").await, Err(CashierError::Unknown(_))));
        assert_eq!(world.head().await.paid_orders, 1);
    });
}

fn id_of(no: &str) -> crate::domain::ids::OrderNo {
    no.parse().unwrap()
}

#[test]
fn an_external_order_never_meets_the_channel() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        let opened = world.cashier.open(world.m, new_order("O100", 500), None).await.unwrap();
        assert_eq!(opened.prepay_id, None);
        let looked_up = world.cashier.look_up(world.m, id_of("O100")).await.unwrap();
        assert_eq!(looked_up.status, OrderStatus::Open);
        let closed = world.cashier.close(world.m, id_of("O100"), None).await.unwrap();
        assert!(!closed.accepted_only && closed.order.status == OrderStatus::Closed);
        assert!(world.bank.books().calls.is_empty());
        let unknown = world.cashier.look_up(world.m, id_of("O999")).await;
        assert_eq!(unknown, Err(refused(Refusal::OrderUnknown)));
    });
}

#[test]
fn a_flow_comes_to_its_end_though_the_caller_is_gone() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        world.bank.gate.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
        let (cashier, new) = (world.cashier.clone(), by_wechat("O100", 500, world.now()));
        let m = world.m;
        let caller = actix::spawn(async move { cashier.open(m, new, None).await });
        until(|| world.bank.count("announce O100") == 1).await;
        caller.abort();
        assert!(caller.await.unwrap_err().is_cancelled());
        let events = || world.engine.written().events.load(std::sync::atomic::Ordering::SeqCst);
        let before = events();
        world.bank.gate.add_permits(100);
        until(|| events() > before).await;
        assert_eq!(open(&world, "O100").await.unwrap().prepay_id.as_deref(), Some("wx1"));
        assert_eq!(world.bank.count("announce O100"), 1, "it was recorded");
    });
}

#[test]
fn a_notice_and_queries_at_once_credit_once() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        open(&world, "O100").await.unwrap();
        world.bank.customer_pays("O100", 500);
        let notice = || {
            let payment = channel_payment("O100", 500);
            world.engine.pay(
                world.m,
                Pay {
                    order_no: id_of("O100"),
                    transaction_id: payment.transaction_id,
                    amount: payment.amount,
                    booked: payment.booked,
                    paid_at: payment.paid_at,
                    source: PaymentSource::Notice,
                    signed: None,
                },
                world.now(),
            )
        };
        let query = || world.cashier.look_up(world.m, id_of("O100"));
        let (a, b, c, d) = tokio::join!(query(), notice(), query(), notice());
        a.unwrap();
        b.unwrap();
        c.unwrap();
        d.unwrap();
        let head = world.head().await;
        assert_eq!((head.paid_orders, head.paid), (1, fen(500)));
        let asked = world.bank.count("order O100");
        query().await.unwrap();
        assert_eq!(world.bank.count("order O100"), asked, "what is paid is not asked about");
    });
}

#[test]
fn a_payment_that_does_not_fit_opens_a_case_and_the_order_stays_open() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        open(&world, "O100").await.unwrap();
        world.bank.customer_pays("O100", 499);
        for _ in 0..2 {
            let order = world.cashier.look_up(world.m, id_of("O100")).await.unwrap();
            assert_eq!(order.status, OrderStatus::Open);
        }
        let page = Page { limit: 10, cursor: None };
        let cases = world.store.cases(CaseFilter::default(), page).await.unwrap().items;
        assert_eq!(cases.len(), 1);
        world.bank.books().orders.insert(id_of("O100"), ChannelOrder::Unknown("busy".into()));
        let unknown = world.cashier.look_up(world.m, id_of("O100")).await;
        assert_eq!(unknown, Err(CashierError::Unknown("busy".into())));
    });
}

#[test]
fn an_order_is_closed_at_the_channel_first_and_here_second() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        open(&world, "O100").await.unwrap();
        world.pass(5 * MINUTE);
        world.bank.gate.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
        let (cashier, m) = (world.cashier.clone(), world.m);
        let closing = actix::spawn(async move { cashier.close(m, id_of("O100"), None).await });
        until(|| world.bank.count("close O100") == 1).await;
        assert_eq!(world.order("O100").await.status, OrderStatus::Open);
        world.bank.gate.add_permits(100);
        let Closed { order, accepted_only } = closing.await.unwrap().unwrap();
        assert!(!accepted_only && order.status == OrderStatus::Closed);
        assert!(!world.cashier.close(world.m, id_of("O100"), None).await.unwrap().accepted_only);
        assert_eq!(world.bank.count("close O100"), 1);
    });
}

#[test]
fn closing_what_is_paid_or_in_doubt_closes_nothing() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        for no in ["O100", "O200", "O300"] {
            open(&world, no).await.unwrap();
        }
        world.pass(5 * MINUTE);
        world.bank.customer_pays("O100", 500);
        let close = async |no: &str| world.cashier.close(world.m, id_of(no), None).await;
        assert_eq!(close("O100").await, Err(refused(Refusal::OrderPaid)));
        assert_eq!(world.order("O100").await.status, OrderStatus::Paid);
        assert_eq!(close("O100").await, Err(refused(Refusal::OrderPaid)));
        world.bank.books().closing.push_back(Closing::Unknown("time-out".into()));
        assert_eq!(close("O200").await, Err(CashierError::Unknown("time-out".into())));
        assert_eq!(world.order("O200").await.status, OrderStatus::Open);
        world.bank.books().closing.push_back(Closing::Paid);
        assert!(
            matches!(close("O300").await, Err(CashierError::Unknown(_))),
            "no payment is known"
        );
        assert_eq!(world.order("O300").await.status, OrderStatus::Open);
    });
}

#[test]
fn an_order_closed_too_early_gets_no_prepay_id_any_more_over_a_restart_too() {
    run(async |runtime| {
        let mut world = World::new(runtime).await;
        for no in ["O100", "O200"] {
            open(&world, no).await.unwrap();
        }
        let early = world.cashier.close(world.m, id_of("O100"), None).await.unwrap();
        assert!(early.accepted_only && early.order.status == OrderStatus::Open);
        assert_eq!(world.bank.count("close O100"), 0, "the channel would not close it yet");
        world.restart().await;
        assert_eq!(open(&world, "O100").await.unwrap().prepay_id, None);
        assert!(world.cashier.close(world.m, id_of("O100"), None).await.unwrap().accepted_only);
        world.pass(5 * MINUTE);
        world.bank.books().closing.push_back(Closing::TooEarly);
        assert!(world.cashier.close(world.m, id_of("O200"), None).await.unwrap().accepted_only);
        world.bank.customer_pays("O100", 500);
        let paid = world.cashier.look_up(world.m, id_of("O100")).await.unwrap();
        assert_eq!(paid.status, OrderStatus::Paid, "paid meanwhile, it is paid");
    });
}

#[test]
fn a_prepay_id_that_comes_after_the_closing_is_given_to_nobody() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        world.bank.gate.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
        let (cashier, new, m) =
            (world.cashier.clone(), by_wechat("O100", 500, world.now()), world.m);
        let opening = actix::spawn(async move { cashier.open(m, new, None).await });
        until(|| world.bank.count("announce O100") == 1).await;
        assert!(world.cashier.close(world.m, id_of("O100"), None).await.unwrap().accepted_only);
        world.bank.gate.add_permits(100);
        assert_eq!(opening.await.unwrap().unwrap().prepay_id, None);
        assert_eq!(world.order("O100").await.prepay, None);
    });
}
