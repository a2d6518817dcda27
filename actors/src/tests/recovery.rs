//! What restored books lack, looked up at the channel: all that they have open, and the numbers that are handed in.

use std::sync::Arc;
use std::time::Duration;

use super::payer::{MINUTE, SECOND, desk, of};
use super::refunder::{asked, look, until_certain, wanted};
use super::support::{earn, fen, id, run, until};
use super::world::{Loss, World, by_wechat, channel_payment};
use crate::domain::command::Review;
use crate::domain::ids::{KeyId, MerchantId};
use crate::domain::order::OrderStatus;
use crate::domain::refund::RefundStatus::{self, Succeeded};
use crate::domain::refusal::Refusal;
use crate::domain::withdrawal::WithdrawalStatus;
use crate::error::EngineError;
use crate::gateway::{ChannelOrder, ChannelPayment, RefundStanding, TransferStanding};
use crate::ports::{CaseFilter, Page, Store};
use crate::recovery::{Found, Left, Progress, Recovery};
use crate::refunder::Round;

const DAY: i64 = 1_440 * MINUTE;

fn recovery(world: &World<'_>) -> Recovery {
    Recovery::paced(desk(world), world.cashier.clone(), Duration::ZERO, Duration::ZERO)
}

fn admin() -> KeyId {
    "admin".parse().unwrap()
}

async fn order(world: &World<'_>, no: &str) -> Found {
    recovery(world).order(world.m, no.parse().unwrap(), admin()).await
}

async fn transfer(world: &World<'_>, no: &str) -> Found {
    recovery(world).transfer(world.m, no.parse().unwrap(), admin()).await
}

fn pays(world: &World<'_>, no: &str, amount: u64) {
    world.bank.books().paid.push((no.parse().unwrap(), fen(amount)));
}

#[track_caller]
fn refused(found: &Found, words: &str) {
    assert!(matches!(found, Found::Refused(why) if why.contains(words)), "{found:?}");
}

async fn cases(world: &World<'_>) -> Vec<&'static str> {
    let page = Page { limit: 100, cursor: None };
    let cases = world.store.cases(CaseFilter::default(), page).await.unwrap().items;
    cases.into_iter().map(|listed| listed.case.kind.as_str()).collect()
}

/// Everything that may have gone on without the books: open orders of any age, and withdrawals asked for, waiting for a second
/// key, and under way. Whatever is not answered is asked about until it is.
#[test]
fn all_that_restored_books_have_open_is_looked_up_until_the_channel_has_said_everything() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        earn(&world.engine, world.m, "O100", 900_000).await;
        for no in ["O101", "O102", "O103"] {
            world.cashier.open(world.m, by_wechat(no, 500, world.now()), None).await.unwrap();
        }
        for (no, amount) in [("W100", 600), ("W101", 700), ("W102", 200_000), ("W103", 300_000)] {
            world.engine.withdraw(world.m, of(no, amount), world.now()).await.unwrap();
        }
        world.pass(400 * DAY);
        world.restored(DAY, 0, true);
        world.bank.customer_pays("O102", 500);
        let unknown = ChannelOrder::Unknown("SYSTEMERROR".into());
        world.bank.books().orders.insert("O103".parse().unwrap(), unknown);
        pays(&world, "W100", 600);
        pays(&world, "W102", 200_000);

        let progress = Arc::new(Progress::default());
        assert_eq!(progress.left(), None);
        let (looking, told) = (recovery(&world), Arc::clone(&progress));
        let looking = runtime.spawn(async move { looking.look_up_all(&told).await });
        let left = |orders, withdrawals| {
            let left = Some(Left { orders, withdrawals });
            until({
                let progress = Arc::clone(&progress);
                move || progress.left() == left
            })
        };
        left(1, 2).await;
        world.bank.books().orders.insert("O103".parse().unwrap(), ChannelOrder::NotPaid);
        left(0, 2).await;
        assert_eq!(world.order("O102").await.status, OrderStatus::Paid);
        assert_eq!(world.order("O103").await.status, OrderStatus::Open);
        for (no, status) in [
            ("W100", WithdrawalStatus::Succeeded),
            ("W101", WithdrawalStatus::Requested),
            ("W102", WithdrawalStatus::Succeeded),
            ("W103", WithdrawalStatus::AwaitingApproval),
        ] {
            assert_eq!(world.withdrawal(no).await.status, status, "{no}");
        }
        // What is not found may be on its way there still.
        world.pass(10 * MINUTE - SECOND);
        let asked = world.bank.count("standing W101");
        until(|| world.bank.count("standing W101") > asked + 2).await;
        assert_eq!(progress.left(), Some(Left { orders: 0, withdrawals: 2 }));
        world.pass(SECOND);
        looking.await.unwrap();
        assert_eq!(progress.left(), Some(Left { orders: 0, withdrawals: 0 }));
        assert_eq!(world.bank.books().paid.len(), 2, "nothing was sent");

        world.release();
        let by = "second".parse().unwrap();
        let review =
            |no: &str| Review { withdrawal_no: no.parse().unwrap(), by, reason: "".into() };
        let approved = world.engine.approve(world.m, review("W103"), world.now()).await.unwrap();
        assert_eq!(approved.status, WithdrawalStatus::Requested);
        assert!(world.engine.approve(world.m, review("W102"), world.now()).await.is_err());
    });
}

/// The backup is older than WeChat's memory: that it does not know a transfer proves nothing.
#[test]
fn what_the_channel_can_not_tell_of_any_more_is_left_to_a_person_and_not_sent() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        earn(&world.engine, world.m, "O100", 1_000).await;
        world.engine.withdraw(world.m, of("W100", 600), world.now()).await.unwrap();
        world.pass(29 * DAY);
        world.restored(29 * DAY, 0, true);
        let progress = Progress::default();
        recovery(&world).look_up_all(&progress).await;
        assert_eq!(progress.left(), Some(Left { orders: 0, withdrawals: 0 }));
        let found = world.withdrawal("W100").await;
        assert_eq!(found.status, WithdrawalStatus::Unknown);
        assert!(found.reason.unwrap().contains("a person must look"));
    });
}

#[test]
fn books_with_nothing_open_are_looked_up_at_once() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        earn(&world.engine, world.m, "O100", 1_000).await;
        world.restored(DAY, 0, true);
        let progress = Progress::default();
        recovery(&world).look_up_all(&progress).await;
        assert_eq!(progress.left(), Some(Left { orders: 0, withdrawals: 0 }));
    });
}

#[test]
fn an_order_that_was_lost_is_booked_by_its_number_with_wechats_own_facts() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        world.restored(DAY, 0, true);
        assert_eq!(order(&world, "O100").await, Found::NotFound);
        world.bank.books().orders.insert("O100".parse().unwrap(), ChannelOrder::NotPaid);
        assert_eq!(order(&world, "O100").await, Found::NotPaid);
        world.bank.books().orders.insert("O100".parse().unwrap(), ChannelOrder::Closed);
        assert_eq!(order(&world, "O100").await, Found::NotPaid);
        let unknown = ChannelOrder::Unknown("SYSTEMERROR".into());
        world.bank.books().orders.insert("O100".parse().unwrap(), unknown);
        assert_eq!(order(&world, "O100").await, Found::Unknown("SYSTEMERROR".into()));
        world.bank.customer_pays("O100", 1_280);
        assert_eq!(order(&world, "O100").await, Found::Booked);
        assert_eq!(order(&world, "O100").await, Found::Known);
        let booked = world.order("O100").await;
        let payment = booked.payment.as_ref().unwrap();
        assert_eq!((booked.amount, payment.transaction_id.as_str()), (fen(1_280), "TO100"));
        assert_eq!(world.head().await.paid, fen(1_280));
        assert_eq!(cases(&world).await, Vec::<&str>::new());
    });
}

#[test]
fn an_order_that_the_books_have_is_booked_by_its_number_too() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        for no in ["O100", "O101"] {
            world.cashier.open(world.m, by_wechat(no, 500, world.now()), None).await.unwrap();
        }
        let closed = "O101".parse().unwrap();
        world.engine.close_order(world.m, closed, world.now()).await.unwrap();
        world.restored(DAY, 0, true);
        assert_eq!(order(&world, "O100").await, Found::NotPaid);
        world.bank.customer_pays("O100", 500);
        world.bank.customer_pays("O101", 500);
        assert_eq!(order(&world, "O100").await, Found::Booked);
        assert_eq!(order(&world, "O101").await, Found::Booked);
        assert_eq!(world.head().await.paid, fen(1_000));
        assert_eq!(cases(&world).await, ["paid_after_close"]);
    });
}

#[test]
fn money_that_fits_no_lost_order_becomes_a_case_and_is_credited_to_nobody() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        world.restored(DAY, 0, true);
        world.bank.customer_pays("O100", 500);
        assert_eq!(order(&world, "O100").await, Found::Booked);
        // The payment of another order, and one in another currency, which brought no fen.
        let of_another = ChannelOrder::Paid(channel_payment("O100", 500));
        world.bank.books().orders.insert("O101".parse().unwrap(), of_another);
        let nothing =
            ChannelPayment { amount: fen(0), booked: fen(0), ..channel_payment("O102", 1) };
        world.bank.books().orders.insert("O102".parse().unwrap(), ChannelOrder::Paid(nothing));
        for _ in 0..2 {
            refused(&order(&world, "O101").await, "transaction_reused");
            refused(&order(&world, "O102").await, "order_unknown");
        }
        assert_eq!(cases(&world).await, ["order_unknown", "transaction_reused"]);
        assert_eq!(world.head().await.paid, fen(500));
        earn(&world.engine, world.m, "E100", 10).await;
        refused(&order(&world, "E100").await, "external");
    });
}

#[test]
fn a_number_of_a_merchant_that_was_lost_waits_until_it_is_registered_anew() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        world.restored(DAY, 0, true);
        let lost: MerchantId = id("m9");
        world.bank.customer_pays("O100", 500);
        pays(&world, "W100", 400);
        let looks = recovery(&world);
        let (order, out) = ("O100".parse().unwrap(), "W100".parse().unwrap());
        refused(&looks.order(lost, order, admin()).await, "register it anew");
        refused(&looks.transfer(lost, out, admin()).await, "register it anew");
        let rules = crate::domain::rules::Rules::new("another shop");
        world.engine.register(lost, rules, world.now()).await.unwrap();
        assert_eq!(looks.order(lost, order, admin()).await, Found::Booked);
        assert_eq!(looks.transfer(lost, out, admin()).await, Found::Booked);
    });
}

#[test]
fn a_transfer_that_was_lost_is_taken_over_by_its_number_and_the_balance_is_right() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        world.restored(DAY, 0, true);
        assert_eq!(transfer(&world, "W100").await, Found::NotFound);
        for (standing, found) in [
            (TransferStanding::Failed("NAME_MISMATCH".into()), Found::NotPaid),
            (TransferStanding::Unknown("SYSTEMERROR".into()), Found::Unknown("SYSTEMERROR".into())),
        ] {
            world.bank.books().standing = Some(standing);
            assert_eq!(transfer(&world, "W100").await, found);
        }
        world.bank.books().standing = Some(TransferStanding::Processing);
        assert!(matches!(transfer(&world, "W100").await, Found::Unknown(_)));
        world.bank.books().standing = None;
        pays(&world, "W100", 600);
        refused(&transfer(&world, "W100").await, "hand the orders in first");
        assert_eq!(world.head().await.withdrawn, fen(0));
        world.bank.customer_pays("O100", 1_000);
        assert_eq!(order(&world, "O100").await, Found::Booked);
        assert_eq!(transfer(&world, "W100").await, Found::Booked);
        assert_eq!(transfer(&world, "W100").await, Found::Known);
        let head = world.head().await;
        assert_eq!(
            (head.available.fen(), head.withdrawn, head.in_transit),
            (400, fen(600), fen(0))
        );
        assert_eq!(world.bank.count("transfer W100"), 0);
    });
}

#[test]
fn a_transfer_that_the_books_have_is_looked_up_by_its_number_too() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        earn(&world.engine, world.m, "O100", 500_000).await;
        for (no, amount) in [("W100", 600), ("W101", 200_000), ("W102", 300)] {
            world.engine.withdraw(world.m, of(no, amount), world.now()).await.unwrap();
        }
        world.restored(DAY, 0, true);
        assert_eq!(transfer(&world, "W100").await, Found::NotFound);
        pays(&world, "W100", 600);
        pays(&world, "W101", 200_000);
        pays(&world, "W102", 301);
        assert_eq!(transfer(&world, "W100").await, Found::Booked);
        assert_eq!(transfer(&world, "W101").await, Found::Booked, "it had its second key");
        refused(&transfer(&world, "W102").await, "another amount");
        assert_eq!(world.head().await.withdrawn, fen(200_600));
        assert_eq!(world.withdrawal("W102").await.status, WithdrawalStatus::Unknown);
    });
}

#[test]
fn a_transfer_that_was_given_back_and_paid_is_a_persons_matter() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        earn(&world.engine, world.m, "O100", 500_000).await;
        world.engine.withdraw(world.m, of("W100", 200_000), world.now()).await.unwrap();
        let (withdrawal_no, by) = ("W100".parse().unwrap(), "second".parse().unwrap());
        let review = Review { withdrawal_no, by, reason: "".into() };
        world.engine.reject(world.m, review, world.now()).await.unwrap();
        world.restored(DAY, 0, true);
        assert_eq!(transfer(&world, "W100").await, Found::NotPaid);
        pays(&world, "W100", 200_000);
        refused(&transfer(&world, "W100").await, "a person must look");
        assert_eq!(world.head().await.withdrawn, fen(0));
    });
}

/// Refunds that came after the backup: WeChat tells of them by the order's payment. They are booked once, under the numbers
/// they were asked for by, so that whoever asks again is not paid back again.
#[test]
fn refunds_that_are_lost_with_the_books_are_found_by_their_order_and_not_made_again() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        let round = Round::new(desk(&world));
        until_certain(&world, &round, "R100").await;
        world.bank.customer_pays("O100", 1_000);
        world.bank.books().refunded.push(("R101".parse().unwrap(), fen(150)));

        assert_eq!(order(&world, "O100").await, Found::RefundsNoted(1), "R100 is known");
        assert_eq!(world.head().await.refunded.fen(), 600, "a hint books nothing");
        assert_eq!(order(&world, "O100").await, Found::Known, "it is noted");
        let found = until_certain(&world, &round, "R101").await;
        assert_eq!((found.status, world.head().await.refunded.fen()), (Succeeded, 750));
        assert_eq!(cases(&world).await, ["refund_by_hand"]);

        let again = world.engine.request_refund(world.m, wanted("R101", 150), world.now()).await;
        let again = again.unwrap();
        assert_eq!((again.fresh, again.thing.status), (false, Succeeded));
        let other = world.engine.request_refund(world.m, wanted("R101", 151), world.now()).await;
        assert!(matches!(other, Err(EngineError::Refused(Refusal::NumberReused))));
        look(&round).await;
        assert_eq!((world.bank.count("refund R101"), world.head().await.refunded.fen()), (0, 750));
    });
}

#[test]
fn a_refund_that_the_books_gave_back_and_wechat_has_is_for_a_person() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.push_back(Loss::Before);
        world.bank.books().refund_standing = Some(RefundStanding::Closed("closed".into()));
        let found = until_certain(&world, &Round::new(desk(&world)), "R100").await;
        assert_eq!(found.status, RefundStatus::Failed);
        world.bank.books().refunded.push(("R100".parse().unwrap(), fen(600)));
        refused(&order(&world, "O100").await, "R100 as failed");
    });
}
