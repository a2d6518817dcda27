//! More than one owner: of a number, of a store, of a merchant.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::support::{
    Scripted, audited, earn, engine, fen, id, new_order, now, open, payment, rules, run, until,
    with_merchant, withdrawal,
};
use crate::domain::money::Balance;
use crate::domain::refusal::Refusal;
use crate::engine::{NewSettlement, Number};
use crate::error::EngineError;
use crate::memory::MemoryStore;

#[test]
fn two_withdrawals_with_one_idempotency_key_at_once_are_one() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        earn(&engine, m, "O100", 1_000).await;
        let key = Some("a key".parse().unwrap());
        let calls: Vec<_> = (0..16)
            .map(|_| {
                let engine = engine.clone();
                actix::spawn(async move {
                    engine.withdraw(m, withdrawal(Number::Make(key), 300), now()).await
                })
            })
            .collect();
        let mut numbers = vec![];
        let mut fresh = 0;
        for call in calls {
            let made = call.await.unwrap().unwrap();
            fresh += usize::from(made.fresh);
            numbers.push(made.thing.withdrawal_no);
        }
        numbers.dedup();
        assert_eq!((numbers.len(), fresh), (1, 1));
        let other = engine.withdraw(m, withdrawal(Number::Make(key), 301), now()).await;
        assert_eq!(other, Err(EngineError::Refused(Refusal::NumberReused)));
        assert_eq!(audited(&store, m).await.in_transit, fen(300));
    });
}

#[test]
fn a_refused_call_leaves_its_number_and_key_free() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        let ask = |amount| {
            let engine = engine.clone();
            async move {
                let number = Number::Make(Some("a key".parse().unwrap()));
                engine.withdraw(m, withdrawal(number, amount), now()).await
            }
        };
        let refused = ask(300).await;
        let available = Balance::ZERO;
        assert_eq!(refused, Err(EngineError::Refused(Refusal::BalanceInsufficient { available })));
        earn(&engine, m, "O100", 1_000).await;
        assert!(ask(200).await.unwrap().fresh);
        assert_eq!(audited(&store, m).await.in_transit, fen(200));
    });
}

/// Two processes that both believe they own a merchant: the fence lets one win each time, the other starts anew.
#[test]
fn two_owners_on_one_store_keep_one_truth() {
    run(async |runtime| {
        let inner = Arc::new(MemoryStore::default());
        let stores = [0, 1].map(|_| Scripted::new(Arc::clone(&inner), true));
        let engines = stores.each_ref().map(|store| engine(runtime, Arc::clone(store)));
        let m = id("m1");
        engines[0].register(m, rules(), now()).await.unwrap();
        let mut calls = vec![];
        for n in 0..200_usize {
            let engine = engines[n % 2].clone();
            calls.push(actix::spawn(async move {
                let no = format!("O{:04}", n / 2);
                // Both owners are asked for each order; only one opens it, and its payment counts once.
                engine.open_order(m, new_order(&no, 100), now()).await?;
                engine.pay(m, payment(&no, 100), now()).await?;
                if n % 10 == 0 {
                    let new = NewSettlement { number: Number::Make(None), include_not_due: false };
                    engine.settle(m, new, now()).await?;
                }
                Ok::<_, EngineError>(())
            }));
        }
        for call in calls {
            // With only two owners a call may lose every race for its few tries; then it says so, and is asked again.
            match call.await.unwrap() {
                Ok(()) | Err(EngineError::Unavailable(_)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        for n in 0..100 {
            let no = format!("O{n:04}");
            engines[1].open_order(m, new_order(&no, 100), now()).await.unwrap();
            engines[0].pay(m, payment(&no, 100), now()).await.unwrap();
        }
        let head = audited(&stores[0], m).await;
        assert_eq!((head.paid_orders, head.paid), (100, fen(10_000)));
        for engine in &engines {
            assert_eq!(
                engine.head(m, now()).await.unwrap().link,
                head.link,
                "a balance is never stale"
            );
        }
    });
}

#[test]
fn a_balance_read_from_memory_is_confirmed_where_the_store_is_shared() {
    run(async |runtime| {
        let inner = Arc::new(MemoryStore::default());
        let [mine, theirs] =
            [0, 1].map(|_| engine(runtime, Scripted::new(Arc::clone(&inner), true)));
        let m = id("m1");
        mine.register(m, rules(), now()).await.unwrap();
        for n in 0..50 {
            let no = format!("O{n:04}");
            theirs.open_order(m, new_order(&no, 100), now()).await.unwrap();
            theirs.pay(m, payment(&no, 100), now()).await.unwrap();
            let head = mine.head(m, now()).await.unwrap();
            assert_eq!(head.paid_orders, n + 1, "what the other was told is seen here");
        }
    });
}

#[test]
fn an_old_incarnations_waiter_is_not_answered_by_a_new_ones_commit() {
    run(async |runtime| {
        let (engine, store, m) = with_merchant(runtime).await;
        let commits = store.commits.load(Ordering::SeqCst);
        store.shut_gate();
        let old = actix::spawn({
            let engine = engine.clone();
            async move { open(&engine, m, "O100", 500).await }
        });
        until(|| store.commits.load(Ordering::SeqCst) == commits + 1).await;
        // Its batch fails for certain, and all its tries with it, while another order takes the same place in the journal.
        store
            .script((0..6).map(|_| Some(super::support::Fault::Answer(super::support::trouble()))));
        store.let_through(6);
        until(|| store.commits.load(Ordering::SeqCst) >= commits + 6).await;
        let new = actix::spawn({
            let engine = engine.clone();
            async move { open(&engine, m, "O200", 700).await }
        });
        store.let_through(1_000);
        assert!(new.await.unwrap().unwrap().fresh);
        assert!(matches!(old.await.unwrap(), Err(EngineError::Unavailable(_))));
        assert_eq!(audited(&store, m).await.link.seq.0, 2);
        let order = crate::ports::Store::order(&*store, m, "O100".parse().unwrap()).await.unwrap();
        assert_eq!(order, None, "what was told as not done is not there");
    });
}
