//! Failures of the store and of the rules: what is certain, what is in doubt, and what was gathered behind.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::support::{
    Fault, audited, earn, fen, id, new_order, now, open, payment, run, trouble, until,
    with_merchant, withdrawal,
};
use crate::domain::chain::Seq;
use crate::domain::command::Command;
use crate::engine::Number;
use crate::error::EngineError;
use crate::inbox::{Ask, Waiter};
use crate::pipeline::Failure;
use crate::ports::{BadRow, Commit};

#[test]
fn a_failure_that_is_certain_is_asked_again_and_succeeds() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        store.script([Some(Fault::Answer(trouble())), Some(Fault::Answer(trouble()))]);
        let made = open(&engine, m, "O100", 500).await.unwrap();
        assert!(made.fresh);
        assert_eq!(audited(&store, m).await.link.seq, Seq(2));
    });
}

#[test]
fn a_failure_that_stays_is_told_as_unavailable() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        store.script((0..6).map(|_| Some(Fault::Answer(trouble()))));
        let error = open(&engine, m, "O100", 500).await.unwrap_err();
        assert!(
            matches!(&error, EngineError::Unavailable(why) if why.contains("script")),
            "{error}"
        );
        assert_eq!(audited(&store, m).await.link.seq, Seq(1));
        assert!(open(&engine, m, "O100", 500).await.unwrap().fresh, "the number was left free");
    });
}

#[test]
fn a_batch_whose_answer_is_lost_is_told_as_unknown_and_is_found_when_asked_again() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        for (fault, stored) in [
            (Fault::WriteThen(Commit::Doubt("lost".into())), true),
            (Fault::Answer(Commit::Doubt("lost".into())), false),
        ] {
            let no = if stored { "O100" } else { "O200" };
            store.script([Some(fault)]);
            assert_eq!(open(&engine, m, no, 500).await, Err(EngineError::OutcomeUnknown));
            let again = open(&engine, m, no, 500).await.unwrap();
            assert_eq!(again.fresh, !stored);
        }
        assert_eq!(audited(&store, m).await.link.seq, Seq(3));
    });
}

/// The mark outlives incarnations that committed nothing of their own.
#[test]
fn after_doubt_balances_are_confirmed_by_the_store_until_a_commit() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        let heads = || store.heads.load(Ordering::SeqCst);
        engine.head(m, now()).await.unwrap();
        let known = heads();
        engine.head(m, now()).await.unwrap();
        assert_eq!(heads(), known, "memory is enough");
        store.script([Some(Fault::Answer(Commit::Doubt("lost".into())))]);
        assert_eq!(open(&engine, m, "O100", 500).await, Err(EngineError::OutcomeUnknown));
        for _ in 0..2 {
            let before = heads();
            engine.head(m, now()).await.unwrap();
            assert_eq!(heads(), before + 2, "a new incarnation read its head, and asked once more");
            let incarnation = engine.registry().incarnation(&m).unwrap();
            until(|| engine.registry().leave(&m, incarnation)).await;
        }
        open(&engine, m, "O100", 500).await.unwrap();
        let before = heads();
        engine.head(m, now()).await.unwrap();
        assert_eq!(heads(), before, "its own commit shows that nothing can come any more");
    });
}

/// The next incarnation was started before the doubt was known, and waited for its end.
#[test]
fn a_doubt_about_what_an_actor_left_in_flight_fences_the_one_that_waits_for_its_end() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        let commits = store.commits.load(Ordering::SeqCst);
        store.shut_gate();
        let opening = actix::spawn({
            let engine = engine.clone();
            async move { open(&engine, m, "O100", 500).await }
        });
        until(|| store.commits.load(Ordering::SeqCst) == commits + 1).await;
        // Who asked went away, so that nobody asks again.
        opening.abort();
        let (addr, call) = engine.registry().call(m).unwrap();
        let (waiter, died) = Waiter::new(call);
        let (command, asked) = (Box::new(Command::Panic), now().into());
        addr.try_send(Ask { command, asked, waiter }).unwrap();
        assert_eq!(died.await.unwrap(), Err(Failure::Lost));
        let heads = store.heads.load(Ordering::SeqCst);
        let old = engine.registry().incarnation(&m);
        let reading = actix::spawn({
            let engine = engine.clone();
            async move { engine.head(m, now()).await }
        });
        until(|| engine.registry().incarnation(&m) != old).await;
        store.script([Some(Fault::Answer(Commit::Doubt("lost".into())))]);
        store.let_through(1_000);
        reading.await.unwrap().unwrap();
        assert_eq!(
            store.heads.load(Ordering::SeqCst),
            heads + 2,
            "it read its head, and asked once more"
        );
    });
}

/// While one batch is being written the next one gathers. When the first fails, what was decided on top of it is
/// not written, and each caller is served by the next incarnation.
#[test]
fn what_was_gathered_behind_a_failed_batch_is_decided_anew() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        let commits = store.commits.load(Ordering::SeqCst);
        store.shut_gate();
        let first = actix::spawn({
            let engine = engine.clone();
            async move { open(&engine, m, "O100", 500).await }
        });
        until(|| store.commits.load(Ordering::SeqCst) == commits + 1).await;
        let behind: Vec<_> = (0..20)
            .map(|_| {
                let engine = engine.clone();
                actix::spawn(async move { open(&engine, m, "O100", 500).await })
            })
            .collect();
        let other = actix::spawn({
            let engine = engine.clone();
            async move { open(&engine, m, "O200", 700).await }
        });
        store.script([Some(Fault::Answer(trouble()))]);
        store.let_through(1_000);
        let mut fresh = usize::from(first.await.unwrap().unwrap().fresh);
        for call in behind {
            fresh += usize::from(call.await.unwrap().unwrap().fresh);
        }
        assert_eq!(fresh, 1, "one call made the order, all others found it");
        assert!(other.await.unwrap().unwrap().fresh);
        assert_eq!(audited(&store, m).await.link.seq, Seq(3));
    });
}

#[test]
fn a_refusal_that_rests_on_a_batch_that_fails_is_not_told() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        earn(&engine, m, "O100", 500).await;
        let commits = store.commits.load(Ordering::SeqCst);
        store.shut_gate();
        let takes_all = |no: &str, amount| {
            let new = withdrawal(Number::Chosen(no.parse().unwrap()), amount);
            let engine = engine.clone();
            actix::spawn(async move { engine.withdraw(m, new, now()).await })
        };
        let doomed = takes_all("W100", 500);
        until(|| store.commits.load(Ordering::SeqCst) == commits + 1).await;
        // Insufficient only as long as the first withdrawal stands, which it will not.
        let refused_for_now = takes_all("W200", 400);
        store.refuse(BadRow { merchant: m, seq: Seq(5), constraint: "as the script says".into() });
        store.let_through(1_000);
        assert!(matches!(doomed.await.unwrap(), Err(EngineError::Unavailable(_))));
        assert!(refused_for_now.await.unwrap().is_ok());
        assert_eq!(audited(&store, m).await.in_transit, fen(400));
    });
}

#[test]
fn a_bad_row_costs_its_own_message_alone() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        engine.register(id("m2"), super::support::rules(), now()).await.unwrap();
        let commits = store.commits.load(Ordering::SeqCst);
        store.shut_gate();
        let ask = |of, no: &'static str| {
            let engine = engine.clone();
            actix::spawn(async move { open(&engine, of, no, 500).await })
        };
        let plug = ask(id("m2"), "O001");
        until(|| store.commits.load(Ordering::SeqCst) == commits + 1).await;
        let calls = ["O100", "O101", "O102"].map(|no| ask(m, no));
        let neighbour = ask(id("m2"), "O002");
        store.refuse(BadRow { merchant: m, seq: Seq(3), constraint: "as the script says".into() });
        store.let_through(1_000);
        plug.await.unwrap().unwrap();
        neighbour.await.unwrap().unwrap();
        let mut unavailable = 0;
        for call in calls {
            match call.await.unwrap() {
                Ok(made) => assert!(made.fresh),
                Err(EngineError::Unavailable(why)) => {
                    assert!(why.contains("as the script says"), "{why}");
                    unavailable += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(unavailable, 1);
        assert_eq!(audited(&store, m).await.link.seq, Seq(3));
    });
}

#[test]
fn a_panic_in_a_rule_ends_one_incarnation_and_loses_nothing() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        let commits = store.commits.load(Ordering::SeqCst);
        store.shut_gate();
        let in_flight = actix::spawn({
            let engine = engine.clone();
            async move { open(&engine, m, "O100", 500).await }
        });
        until(|| store.commits.load(Ordering::SeqCst) == commits + 1).await;
        let behind = actix::spawn({
            let engine = engine.clone();
            async move { engine.open_order(m, new_order("O200", 700), now()).await }
        });
        let bug = actix::spawn({
            let engine = engine.clone();
            async move { engine.ask(m, Command::Panic, now()).await }
        });
        store.let_through(1_000);
        // The order in flight is stored once; whether by its first asking or by a repeat is not for the caller to know.
        in_flight.await.unwrap().unwrap();
        behind.await.unwrap().unwrap();
        assert_eq!(bug.await.unwrap(), Err(EngineError::OutcomeUnknown));
        assert_eq!(audited(&store, m).await.link.seq, Seq(3));
        engine.pay(m, payment("O100", 500), now()).await.unwrap();
    });
}

#[test]
fn a_store_that_panics_or_can_not_be_trusted_ends_the_process() {
    for fault in [Fault::Panic, Fault::Answer(Commit::Fatal("an fsync failed".into()))] {
        run(async |runtime| {
            let store = super::support::Scripted::new(Arc::default(), false);
            let (told, mut fatal) = tokio::sync::mpsc::unbounded_channel();
            let options = crate::engine::Options {
                fatal: Arc::new(move |why| drop(told.send(why.to_string()))),
                ..crate::engine::Options::new(runtime.handle().clone())
            };
            let engine = crate::engine::Engine::start(
                Arc::<super::support::Scripted>::clone(&store),
                options,
            );
            store.script([Some(fault)]);
            let call = engine.register(id("m1"), super::support::rules(), now()).await;
            assert_eq!(call, Err(EngineError::OutcomeUnknown));
            assert!(fatal.recv().await.unwrap().contains("trusted"));
        });
    }
}
