//! What becomes of a store when its server breaks under commits, or is the primary no more.

use std::sync::Arc;
use std::time::Duration;

use tally_actors::domain::rules::PayoutMethod;
use tally_actors::ports::{Commit, Run, Store, Trouble};
use tally_proof::servers::mariadb::{Mariadb, MariadbServer};
use tally_proof::servers::postgres::{Postgres, PostgresServer};
use tally_proof::servers::proxy::{Fault, Proxy};
use tally_storage::ServerStore;
use tokio::time::{Instant, sleep};

use crate::support::*;

/// How long something that must become true is waited for.
const UNTIL_MAX: Duration = Duration::from_secs(60);

/// A server of a test's own, which may become a standby.
enum Server {
    Postgres(PostgresServer),
    Mariadb(MariadbServer),
}

fn postgres() -> Option<Server> {
    Postgres::find().map(|postgres| Server::Postgres(PostgresServer::start(postgres)))
}

fn mariadb() -> Option<Server> {
    Mariadb::find().map(|mariadb| Server::Mariadb(MariadbServer::start(mariadb)))
}

impl Server {
    fn port(&self) -> u16 {
        match self {
            Self::Postgres(server) => server.port(),
            Self::Mariadb(server) => server.port(),
        }
    }

    async fn store(&self, port: u16) -> Arc<ServerStore> {
        let url = match self {
            Self::Postgres(server) => server.url(),
            Self::Mariadb(server) => server.url(),
        };
        let url = url.replace(&format!(":{}/", self.port()), &format!(":{port}/"));
        Arc::new(ServerStore::open(&id(&url)).await.expect("it opens"))
    }

    /// Tally's sessions there, by their numbers.
    fn sessions(&self) -> Vec<String> {
        let said = match self {
            Self::Postgres(server) => server.ask(
                "postgres",
                "select pid from pg_stat_activity where usename = 'tally' order by 1",
            ),
            Self::Mariadb(server) => server.ask(
                "tally",
                "select id from information_schema.processlist where user = 'tally' order by 1",
            ),
        };
        said.lines().map(str::to_owned).collect()
    }

    /// Makes a standby of it, which answers and takes no writes.
    fn demote(&mut self) {
        match self {
            Self::Postgres(server) => {
                server.kill();
                let signal = server.folder().join("data/standby.signal");
                std::fs::write(&signal, "").expect("a file");
                server.own(&signal);
                server.restart();
            }
            Self::Mariadb(server) => drop(server.ask("tally", "set global read_only = 1")),
        }
    }
}

/// Runs each test on each server. Where one is not installed, that is said.
macro_rules! on_servers {
    ($($name:ident)*) => {
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::postgres).await;
            })*
        }

        mod mariadb {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(super::mariadb).await;
            })*
        }
    };
}

on_servers! {
    of_two_lanes_in_doubt_each_ends_its_own_old_session_and_goes_on
    a_server_that_became_a_standby_is_left_and_the_new_primary_is_found
}

/// Commits in a task of its own.
fn sent(store: &Arc<ServerStore>, run: Run) -> tokio::task::JoinHandle<Commit> {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.commit(batch(vec![run])).await })
}

async fn of_two_lanes_in_doubt_each_ends_its_own_old_session_and_goes_on(
    server: fn() -> Option<Server>,
) {
    let Some(server) = server() else { return };
    let proxy = Arc::new(Proxy::to(server.port()));
    let store = server.store(proxy.port()).await;
    let [mut one, mut other, mut third] = ["one", "other", "third"].map(Shop::new);
    for shop in [&mut one, &mut other, &mut third] {
        committed(&*store, vec![shop.run(&[register(PayoutMethod::Manual)])]).await;
    }
    // Until both have a connection.
    let (began, mut n) = (Instant::now(), 1_000);
    while server.sessions().len() < 2 {
        assert!(began.elapsed() < UNTIL_MAX, "one at a time");
        let run = |shop: &mut Shop| sent(&store, shop.run(&[open(&n.to_string(), 5, None)]));
        let both = (run(&mut one), run(&mut other));
        assert_eq!(
            (both.0.await.expect("the task ends"), both.1.await.expect("the task ends")),
            (Commit::Committed, Commit::Committed)
        );
        n += 1;
    }
    let old = server.sessions();
    assert_eq!(old.len(), 2);

    // Both COMMITs are done, nobody hears of it, and the server lets nobody in who could end the sessions.
    proxy.lead(None);
    let mut in_doubt = vec![];
    for shop in [&mut one, &mut other] {
        proxy.arm("commit", Fault::HoldAfter);
        in_doubt.push(sent(&store, shop.run(&[open("9000", 5, None)])));
        let proxy = Arc::clone(&proxy);
        tokio::task::spawn_blocking(move || proxy.struck()).await.expect("the task ends");
    }
    for commit in in_doubt {
        let answer = commit.await.expect("the task ends");
        assert!(matches!(answer, Commit::Doubt(_)), "{answer:?}");
    }
    assert_eq!(server.sessions(), old);

    proxy.lead(Some(server.port()));
    committed(&*store, vec![third.run(&[open("9000", 5, None)])]).await;
    let lives = |session: &&String| server.sessions().contains(session);
    assert_eq!(old.iter().filter(lives).count(), 2, "who has no doubt ends nothing");
    let both = [&mut one, &mut other].map(|shop| sent(&store, shop.run(&[open("9001", 5, None)])));
    for commit in both {
        assert_eq!(commit.await.expect("the task ends"), Commit::Committed);
    }
    assert_eq!(old.iter().filter(lives).count(), 0, "each ended its own");
    let new = server.sessions();
    for shop in [&mut one, &mut other, &mut third] {
        committed(&*store, vec![shop.run(&[open("9002", 5, None)])]).await;
    }
    assert_eq!(server.sessions(), new, "nobody ended another's new one");
    assert_same(&*store, &[&one, &other, &third]).await;
}

async fn a_server_that_became_a_standby_is_left_and_the_new_primary_is_found(
    server: fn() -> Option<Server>,
) {
    let (Some(mut old), Some(new)) = (server(), server()) else { return };
    let proxy = Proxy::to(old.port());
    let store = old.store(proxy.port()).await;
    drop(new.store(new.port()).await);
    let mut lost = Shop::new("lost");
    committed(&*store, vec![lost.run(&[register(PayoutMethod::Manual)])]).await;
    assert!(
        store.heads(vec![lost.id()]).await.expect("it is read")[0]
            .as_ref()
            .expect("it can be read")
            .is_some()
    );
    old.demote();
    let mut shop = Shop::new("shop");
    let run = shop.run(&[register(PayoutMethod::Manual)]);
    let began = Instant::now();
    loop {
        let answer = store.commit(batch(vec![run.clone()])).await;
        let Commit::NotDone(Trouble::Unavailable(why)) = answer else { panic!("{answer:?}") };
        if why.contains("the server takes no writes") {
            break;
        }
        assert!(began.elapsed() < UNTIL_MAX, "{why}");
        sleep(Duration::from_millis(10)).await;
    }
    proxy.lead(Some(new.port()));
    committed(&*store, vec![run]).await;
    assert_same(&*store, &[&shop]).await;
    let heads = store.heads(vec![lost.id()]).await.expect("it is read");
    assert_eq!(
        heads[0].as_ref().expect("it can be read"),
        &None,
        "nothing is read from the old one any more"
    );
}
