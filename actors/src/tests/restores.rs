//! Withdrawals of restored books: every way to pay one twice, tried.

use std::sync::Arc;

use tokio::time::Instant;

use super::payer::{MINUTE, SECOND, asked, desk, look, of, settled_right, until_certain};
use super::support::{Scripted, earn, engine_of, id, now, rules, run};
use super::world::{Loss, World};
use crate::domain::command::Review;
use crate::domain::refusal::Refusal;
use crate::domain::withdrawal::WithdrawalStatus;
use crate::error::EngineError;
use crate::freeze::Freeze;
use crate::gateway::TransferStanding;
use crate::payer::Round;
use WithdrawalStatus::{Failed, Requested, Sending, Succeeded, Unknown};

const DAY: i64 = 1_440 * MINUTE;

#[test]
fn while_books_are_frozen_the_payer_only_asks_and_goes_on_as_soon_as_they_are_not() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.restored(DAY, 0, true);
        let round = Round::new(desk(&world));
        for _ in 0..1_200 {
            look(&round).await;
            world.pass(SECOND);
        }
        assert_eq!(world.withdrawal("W100").await.status, Requested);
        assert_eq!((world.bank.count("transfer W100"), world.bank.count("standing W100")), (0, 7));
        world.release();
        look(&round).await;
        let found = world.withdrawal("W100").await;
        assert_eq!((found.status, world.bank.count("transfer W100")), (Succeeded, 1));
        assert_eq!(world.bank.count("standing W100"), 8, "it is asked about once more before");
        settled_right(&world, &found).await;
    });
}

/// The backup has it as asked for. It was sent after that, and the answer was lost with newer books.
#[test]
fn what_was_sent_after_the_backup_is_not_sent_again() {
    run(async |runtime| {
        for frozen in [true, false] {
            let world = World::new(runtime).await;
            asked(&world).await;
            let amount = world.withdrawal("W100").await.amount;
            world.bank.books().paid.push(("W100".parse().unwrap(), amount));
            world.restored(DAY, 60 * MINUTE, frozen);
            let found = until_certain(&world, &Round::new(desk(&world))).await;
            assert_eq!((found.status, found.reference.as_deref()), (Succeeded, Some("BW100")));
            assert_eq!(world.bank.count("transfer W100"), 0);
            settled_right(&world, &found).await;
        }
    });
}

#[test]
fn what_failed_after_the_backup_gives_the_money_back_and_is_not_sent_again() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().standing = Some(TransferStanding::Failed("NAME_MISMATCH".into()));
        world.restored(DAY, 0, true);
        let found = until_certain(&world, &Round::new(desk(&world))).await;
        assert_eq!((found.status, world.bank.count("transfer W100")), (Failed, 0));
        settled_right(&world, &found).await;
    });
}

/// It may be paid any moment: from here on it is one whose outcome is not known.
#[test]
fn what_wechat_is_paying_is_never_sent() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().standing = Some(TransferStanding::Processing);
        world.restored(DAY, 60 * MINUTE, false);
        let round = Round::new(desk(&world));
        look(&round).await;
        assert_eq!(world.withdrawal("W100").await.status, Unknown);
        let amount = world.withdrawal("W100").await.amount;
        world.bank.books().standing = None;
        world.bank.books().paid.push(("W100".parse().unwrap(), amount));
        let found = until_certain(&world, &round).await;
        assert_eq!((found.status, world.bank.count("transfer W100")), (Succeeded, 0));
        settled_right(&world, &found).await;
    });
}

/// A number that a lost withdrawal had, asked for again after the release: the channel knows it.
#[test]
fn a_new_withdrawal_under_a_number_that_was_lost_is_asked_about_before_it_is_sent() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        earn(&world.engine, world.m, "O100", 1_000).await;
        world.restored(DAY, 60 * MINUTE, false);
        asked_for(&world, 600).await;
        let amount = world.withdrawal("W100").await.amount;
        world.bank.books().paid.push(("W100".parse().unwrap(), amount));
        let found = until_certain(&world, &Round::new(desk(&world))).await;
        assert_eq!((found.status, world.bank.count("transfer W100")), (Succeeded, 0));
        settled_right(&world, &found).await;
    });
}

/// The lost one was of another amount: nobody can tell what is right but a person.
#[test]
fn another_amount_under_a_number_that_was_lost_is_left_to_a_person() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        earn(&world.engine, world.m, "O100", 1_000).await;
        world.restored(DAY, 60 * MINUTE, false);
        asked_for(&world, 500).await;
        let lost = ("W100".parse().unwrap(), super::support::fen(600));
        world.bank.books().paid.push(lost);
        let round = Round::new(desk(&world));
        for _ in 0..1_200 {
            look(&round).await;
            world.pass(SECOND);
        }
        let found = world.withdrawal("W100").await;
        assert_eq!((found.status, world.bank.count("transfer W100")), (Unknown, 0));
        assert!(found.reason.unwrap().contains("a person must look"));
    });
}

async fn asked_for(world: &World<'_>, amount: u64) {
    world.engine.withdraw(world.m, of("W100", amount), world.now()).await.unwrap();
}

/// Just before the crash it was sent, and WeChat may not know it yet.
#[test]
fn within_ten_minutes_of_the_restore_what_is_not_found_is_neither_sent_nor_given_back() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.restored(DAY, 0, false);
        let round = Round::new(desk(&world));
        for _ in 0..599 {
            look(&round).await;
            world.pass(SECOND);
        }
        assert_eq!(world.withdrawal("W100").await.status, Requested);
        assert_eq!(world.bank.count("transfer W100"), 0);
        let found = until_certain(&world, &round).await;
        assert_eq!((found.status, world.bank.count("transfer W100")), (Succeeded, 1));
        settled_right(&world, &found).await;
    });
}

/// As of the backup its only try is a day old. There may have been another just before the crash.
#[test]
fn what_is_not_found_gives_no_money_back_before_ten_minutes_after_the_restore() {
    run(async |runtime| {
        let mut world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.push_back(Loss::Before);
        look(&Round::new(desk(&world))).await;
        world.pass(DAY);
        world.restart().await;
        world.restored(DAY, 0, true);
        let round = Round::new(desk(&world));
        let restored_at = world.now();
        let found = until_certain(&world, &round).await;
        assert_eq!(found.status, Failed);
        assert!(world.now() >= restored_at.plus_ms(10 * MINUTE), "{}", world.now());
        settled_right(&world, &found).await;
    });
}

/// A process that lived through a restore of the database under it has known the old try for long.
#[test]
fn a_payer_that_lived_through_a_restore_waits_ten_minutes_as_well() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.push_back(Loss::Before);
        let round = Round::new(desk(&world));
        for _ in 0..500 {
            look(&round).await;
            world.pass(SECOND);
        }
        assert_eq!(world.withdrawal("W100").await.status, Unknown);
        world.restored(DAY, 0, true);
        let restored_at = world.now();
        let found = until_certain(&world, &round).await;
        assert_eq!(found.status, Failed);
        assert!(world.now() >= restored_at.plus_ms(10 * MINUTE), "{}", world.now());
    });
}

#[test]
fn a_refused_send_is_not_repeated_while_books_are_frozen() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.push_back(Loss::Refused);
        let round = Round::new(desk(&world));
        look(&round).await;
        assert_eq!(world.withdrawal("W100").await.status, Unknown);
        world.restored(DAY, 0, true);
        let found = until_certain(&world, &round).await;
        assert_eq!((found.status, world.bank.count("transfer W100")), (Failed, 1));
    });
}

/// Whoever asks, at the front door: each try knows anew.
#[test]
fn the_engine_refuses_what_pays_out_while_books_are_frozen_and_repeats_what_is_recorded() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        earn(&world.engine, world.m, "O100", 300_000).await;
        asked_for(&world, 150_000).await;
        world.restored(DAY, 0, true);
        let frozen = EngineError::Refused(Refusal::WithdrawalsFrozen);
        let review = || Review {
            withdrawal_no: "W100".parse().unwrap(),
            by: "second".parse().unwrap(),
            reason: "".into(),
        };
        let now = world.now();
        let new = world.engine.withdraw(world.m, of("W101", 1_000), now).await;
        assert_eq!(new.unwrap_err(), frozen);
        assert_eq!(world.engine.approve(world.m, review(), now).await.unwrap_err(), frozen);
        let repeat = world.engine.withdraw(world.m, of("W100", 150_000), now).await.unwrap();
        assert!(!repeat.fresh);
        world.release();
        world.engine.approve(world.m, review(), now).await.unwrap();
        world.engine.withdraw(world.m, of("W101", 1_000), now).await.unwrap();
    });
}

/// Whether the books are frozen is learned after the decision and before its answer: what was refused for want of knowing was
/// not refused for good.
#[test]
fn who_is_refused_because_nobody_knows_is_told_to_ask_again() {
    run(async |runtime| {
        let (store, freeze) =
            (Scripted::new(Arc::default(), true), Arc::new(Freeze::unknown(None)));
        let engine = engine_of(runtime, Arc::clone(&store), Arc::clone(&freeze));
        let m = id("m1");
        engine.register(m, rules(), now()).await.unwrap();
        earn(&engine, m, "O100", 3_000).await;
        store.shut_gate();
        let opened = super::support::open(&engine, m, "O200", 1);
        let asked = engine.withdraw(m, of("W100", 1_000), now());
        // The third of three that are polled in turn: both calls are sent by then.
        let learned = async {
            freeze.learn(None, Instant::now());
            store.let_through(100);
        };
        let (opened, asked, ()) = tokio::join!(opened, asked, learned);
        opened.unwrap();
        let told = asked.unwrap_err();
        assert!(
            matches!(&told, EngineError::Unavailable(why) if why.contains("restored")),
            "{told:?}"
        );
        engine.withdraw(m, of("W100", 1_000), now()).await.unwrap();
    });
}

#[test]
fn a_try_that_another_process_begins_meanwhile_is_not_begun_twice() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.restored(DAY, 60 * MINUTE, false);
        let (one, two) = (Round::new(desk(&world)), Round::new(desk(&world)));
        one.go().await;
        two.go().await;
        one.settled().await;
        two.settled().await;
        assert_eq!(world.bank.count("transfer W100"), 1);
        assert!(matches!(world.withdrawal("W100").await.status, Succeeded | Sending));
    });
}
