//! Payers of several nodes at one withdrawal, with clocks that differ, and a channel that has forgotten.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::payer::{MINUTE, SECOND, desk, look, of, settled_right, until_certain};
use super::support::{earn, run, until};
use super::world::{Loss, World};
use crate::domain::withdrawal::WithdrawalStatus;
use crate::payer::plan::TOO_OLD_TO_ASK;
use crate::payer::{Desk, Round};
use WithdrawalStatus::{Failed, Sending, Succeeded, Unknown};

const DAY: i64 = 86_400_000;

/// Two payers know of a try that was refused. One of them asks when it is ten minutes old. The other just before began another
/// try, and sends it. What the one hears is about the try before, and the transfer is on its way. The times of the two tries are
/// a millisecond apart when a clock was ahead in the beginning, or when one was set back since.
#[test]
fn a_question_about_a_try_gives_up_none_that_began_since() {
    // How far the clocks are off where the withdrawal is asked for, where the sender is before and after its first try, and
    // where the other payer is.
    let hour = 60 * MINUTE;
    for (asked_at, first, then, other) in
        [(hour, 0, 0, hour), (0, 0, -hour, 0), (hour, hour, 0, hour), (DAY / 2, 0, 0, DAY)]
    {
        run(async move |runtime| {
            let world = World::new(runtime).await;
            earn(&world.engine, world.m, "O100", 1_000).await;
            let asks = world.now().plus_ms(asked_at);
            world.engine.withdraw(world.m, of("W100", 600), asks).await.unwrap();
            world.bank.books().losses.extend([Loss::Refused, Loss::HangsAfter]);
            let (clock, beginning) = (world.clock(), world.now());
            let set = move || {
                let now = clock();
                now.plus_ms(if now == beginning { first } else { then })
            };
            let ladder = vec![Duration::from_secs(595)];
            let sender = Desk { now: Arc::new(set), ladder, ..desk(&world) };
            let sender = Round::new(sender);
            look(&sender).await;
            let ladder = vec![Duration::from_secs(601)];
            let other = Desk { now: world.clock_off(other), ladder, ..desk(&world) };
            let other = Round::new(other);
            look(&other).await;
            let first_try = world.withdrawal("W100").await.tried_at;

            let commits = || world.store.commits.load(Ordering::SeqCst);
            let before = commits();
            world.store.shut_gate();
            world.pass(595 * SECOND);
            sender.go().await;
            until(|| commits() > before).await;
            world.bank.told.forget_permits(usize::MAX);
            world.pass(6 * SECOND);
            other.go().await;
            until(|| world.bank.count("standing W100") == 3).await;
            world.store.let_through(1_000);
            until(|| world.bank.count("transfer W100") == 2).await;
            let second_try = world.withdrawal("W100").await.tried_at;
            assert_eq!(second_try, first_try.map(|at| at.plus_ms(1)));
            world.bank.told.add_permits(1_000);
            other.settled().await;

            let found = world.withdrawal("W100").await;
            assert_eq!(found.status, Sending, "it is on its way");
            let found = until_certain(&world, &other).await;
            assert_eq!(found.status, Succeeded);
            settled_right(&world, &found).await;
        });
    }
}

/// WeChat tells of the last 30 days. Who asks later hears that there is no such transfer, though it was paid.
#[test]
fn what_the_channel_has_forgotten_is_not_given_back() {
    for (age, status) in [(28 * DAY, Failed), (28 * DAY + 1, Unknown), (400 * DAY, Unknown)] {
        run(async move |runtime| {
            let world = World::new(runtime).await;
            earn(&world.engine, world.m, "O100", 1_000).await;
            world.engine.withdraw(world.m, of("W100", 600), world.now()).await.unwrap();
            world.bank.books().losses.push_back(Loss::Before);
            let ladder = vec![Duration::from_millis(age.unsigned_abs())];
            let round = Round::new(Desk { ladder, ..desk(&world) });
            look(&round).await;
            world.pass(age);
            for _ in 0..3 {
                look(&round).await;
                world.pass(age);
            }
            let found = world.withdrawal("W100").await;
            assert_eq!(found.status, status);
            if status == Unknown {
                assert_eq!(found.reason.as_deref(), Some(TOO_OLD_TO_ASK));
                assert_eq!(world.head().await.in_transit.fen(), 600);
            } else {
                settled_right(&world, &found).await;
            }
        });
    }
}

/// A process that just began knows of the try since now only, so the wall clock must say how old it is.
#[test]
fn a_payer_that_starts_after_a_month_gives_nothing_back_and_says_so_once() {
    run(async |runtime| {
        let mut world = World::new(runtime).await;
        earn(&world.engine, world.m, "O100", 1_000).await;
        world.engine.withdraw(world.m, of("W100", 600), world.now()).await.unwrap();
        world.bank.books().losses.push_back(Loss::HangsBefore);
        Round::new(desk(&world)).go().await;
        until(|| world.bank.count("transfer W100") == 1).await;
        world.restart().await;
        world.pass(29 * DAY);
        let round = Round::new(desk(&world));
        for _ in 0..10 {
            look(&round).await;
            world.pass(10 * MINUTE);
        }
        let found = world.withdrawal("W100").await;
        assert_eq!((found.status, found.reason.as_deref()), (Unknown, Some(TOO_OLD_TO_ASK)));
        assert_eq!(world.head().await.in_transit.fen(), 600);
        assert!(world.bank.count("standing W100") > 3, "it is asked about all the same");
        assert!(world.head().await.link.seq.0 < 10, "a journal is for ever");
    });
}
