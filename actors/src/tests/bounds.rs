//! Bounds and passivation: calls in hand, merchants that do not exist, actors that leave, records in memory.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::support::{Scripted, audited, id, now, open, payment, rules, run, until, with_merchant};
use crate::domain::refusal::Refusal;
use crate::engine::{Engine, Options};
use crate::error::EngineError;
use crate::limits::MERCHANT_CALLS_MAX;

#[test]
fn a_merchant_that_does_not_exist_leaves_no_entry() {
    run(async |runtime| {
        let store = Scripted::new(Arc::default(), false);
        let engine = super::support::engine(runtime, store);
        for n in 0..200 {
            let unknown = engine.head(id(&format!("m{n}")), now()).await;
            assert_eq!(unknown, Err(EngineError::Refused(Refusal::MerchantUnknown)));
        }
        until(|| engine.live_merchants() == 0).await;
    });
}

#[test]
fn a_call_above_the_limit_is_told_busy_at_once_and_the_limit_recovers() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        store.shut_gate();
        let calls: Vec<_> = (0..MERCHANT_CALLS_MAX)
            .map(|n| {
                let engine = engine.clone();
                actix::spawn(async move { open(&engine, m, &format!("O{n:06}"), 100).await })
            })
            .collect();
        // Let each of them be sent: they run on this thread, one after the other.
        for _ in 0..MERCHANT_CALLS_MAX {
            tokio::task::yield_now().await;
        }
        assert_eq!(engine.head(m, now()).await, Err(EngineError::Busy));
        // A caller that goes away does not make room: its message is still in hand.
        calls[0].abort();
        tokio::task::yield_now().await;
        assert_eq!(engine.head(m, now()).await, Err(EngineError::Busy));
        store.let_through(MERCHANT_CALLS_MAX);
        for call in calls.into_iter().skip(1) {
            call.await.unwrap().unwrap();
        }
        assert_eq!(engine.head(m, now()).await.unwrap().link, audited(&store, m).await.link);
    });
}

#[test]
fn a_call_that_is_counted_and_not_yet_sent_keeps_its_actor() {
    run(async |runtime| {
        let (engine, _store, m) = with_merchant(runtime).await;
        let registry = engine.registry();
        let (_, call) = registry.call(m).ok().unwrap();
        let incarnation = registry.incarnation(&m).unwrap();
        assert!(!registry.leave(&m, incarnation), "somebody is about to send");
        drop(call);
        until(|| registry.leave(&m, incarnation)).await;
        assert_eq!(engine.live_merchants(), 0);
    });
}

/// Actors that leave as soon as they can, against calls that come all the while: no call is lost or served twice.
#[test]
fn an_actor_leaves_only_when_nobody_calls() {
    run(async |runtime| {
        let store = Scripted::new(Arc::default(), false);
        let options = Options {
            leave_after: Duration::from_micros(50),
            ..Options::new(runtime.handle().clone())
        };
        let engine = Engine::start(Arc::<Scripted>::clone(&store), options);
        let m = id("m1");
        engine.register(m, rules(), now()).await.unwrap();
        let mut left = 0;
        for n in 0..300 {
            let no = format!("O{n:04}");
            open(&engine, m, &no, 100).await.unwrap();
            engine.pay(m, payment(&no, 100), now()).await.unwrap();
            if n % 3 == 0 {
                until(|| engine.live_merchants() == 0).await;
                left += 1;
            }
        }
        assert_eq!((audited(&store, m).await.paid_orders, left), (300, 100));
    });
}

#[test]
fn a_call_in_flight_keeps_its_actor() {
    run(async |runtime| {
        let store = Scripted::new(Arc::default(), false);
        let options = Options {
            leave_after: Duration::from_micros(50),
            ..Options::new(runtime.handle().clone())
        };
        let engine = Engine::start(Arc::<Scripted>::clone(&store), options);
        let m = id("m1");
        engine.register(m, rules(), now()).await.unwrap();
        store.shut_gate();
        let commits = store.commits.load(Ordering::SeqCst);
        let call = actix::spawn({
            let engine = engine.clone();
            async move { open(&engine, m, "O100", 100).await }
        });
        until(|| store.commits.load(Ordering::SeqCst) > commits).await;
        // Many times the idle time, as the actor's own thread counts it: another merchant comes and goes.
        for n in 0..50 {
            let other = engine.head(id(&format!("x{n}")), now()).await;
            assert!(other.is_err());
            until(|| engine.live_merchants() == 1).await;
        }
        call.abort();
        assert_eq!(engine.live_merchants(), 1, "its caller is gone, its event is not");
        store.let_through(1);
        until(|| engine.live_merchants() == 0).await;
        assert_eq!(audited(&store, m).await.link.seq.0, 2);
    });
}
