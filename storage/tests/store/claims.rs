//! Claims to background work on servers, by two processes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tally_actors::domain::ids::MerchantId;
use tally_actors::ports::{Store, Work};
use tally_proof::servers::mariadb::Mariadb;
use tally_proof::servers::postgres::Postgres;
use tally_storage::ServerStore;

use crate::support::*;

const HOUR: Duration = Duration::from_secs(3_600);

async fn claimed(
    store: &ServerStore,
    work: Work,
    of: &[&str],
    holder: &str,
    term: Duration,
) -> Vec<String> {
    let of: Vec<MerchantId> = of.iter().map(|of| id(of)).collect();
    let ours = store.claim(work, of, Arc::from(holder), term).await.expect("it answers");
    let mut ours: Vec<String> = ours.iter().map(ToString::to_string).collect();
    ours.sort();
    ours
}

async fn a_claim_is_its_holders_until_it_runs_out(store: ServerStore) {
    let orders = Work::Orders;
    assert_eq!(claimed(&store, orders, &["a", "b"], "one", HOUR).await, ["a", "b"]);
    // In the same millisecond and for the same time, or not: what is another's stays that one's.
    assert_eq!(claimed(&store, orders, &["a", "b", "A"], "two", HOUR).await, ["A"]);
    assert_eq!(claimed(&store, orders, &["a", "b", "A"], "one", HOUR).await, ["a", "b"]);
    assert_eq!(claimed(&store, Work::Transfers, &["a"], "two", HOUR).await, ["a"]);
    // Its holder may make it shorter; then somebody else has it as soon as it has run out.
    assert_eq!(claimed(&store, orders, &["a"], "one", Duration::ZERO).await, ["a"]);
    let began = Instant::now();
    while claimed(&store, orders, &["a", "b"], "two", HOUR).await.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "it never runs out");
    }
    assert_eq!(claimed(&store, orders, &["a", "b"], "two", HOUR).await, ["a"]);
    assert_eq!(claimed(&store, orders, &["a", "b"], "one", HOUR).await, ["b"]);
}

/// Many at once ask for the same: each merchant is one holder's.
async fn of_many_who_claim_at_once_one_has_it(store: ServerStore) {
    let ids: Vec<String> = (0..250).map(|n| format!("m{n}")).collect();
    let of: Vec<&str> = ids.iter().map(String::as_str).collect();
    let (one, two, three) = tokio::join!(
        claimed(&store, Work::Orders, &of, "one", HOUR),
        claimed(&store, Work::Orders, &of, "two", HOUR),
        claimed(&store, Work::Orders, &of, "three", HOUR),
    );
    let mut all = [one, two, three].concat();
    all.sort();
    let mut expected = ids;
    expected.sort();
    assert_eq!(all, expected);
}

macro_rules! on_servers {
    ($($name:ident)*) => {
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                if let Some(server) = super::Postgres::shared() {
                    let url = super::id(&server.fresh_database());
                    super::$name(super::ServerStore::open(&url).await.expect("it opens")).await;
                }
            })*
        }

        mod mariadb {
            $(#[tokio::test]
            async fn $name() {
                if let Some(server) = super::Mariadb::shared() {
                    let url = super::id(&server.fresh_database());
                    super::$name(super::ServerStore::open(&url).await.expect("it opens")).await;
                }
            })*
        }
    };
}

on_servers! {
    a_claim_is_its_holders_until_it_runs_out
    of_many_who_claim_at_once_one_has_it
}
