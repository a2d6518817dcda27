//! Books copied and backed up beside a real server under load, and a copy that is killed.

#[allow(dead_code, reason = "a test needs a part of it")]
#[path = "../benches/support/mod.rs"]
mod seeding;
mod support;

use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use tally_actors::domain::chain::Seq;
use tally_actors::domain::head::Head;
use tally_actors::domain::order::Channel;
use tally_actors::ports::{Page, Recorded, Store};
use tally_proof::crash::judge;
use tally_proof::crash::ledger::Ledger;
use tally_proof::crash::load::Load;
use tally_proof::crash::server::Server;
use tally_proof::crash::site::Site;
use tally_proof::random::Random;
use tally_proof::servers::mariadb::Mariadb;
use tally_proof::servers::postgres::Postgres;
use tally_storage::SqliteStore;

/// How many ask at the same time.
const CLIENTS: u64 = 8;

/// Merchants of the books that a kill must come in the middle of, and the orders of each.
const SHOPS: usize = 30;
const ORDERS: usize = 500;

/// How often a copy is begun anew because it was over before it was killed.
const TRIES_MAX: usize = 20;

/// What a command of the binary printed. It must have succeeded.
#[track_caller]
fn succeeds(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let [out, err] = [stdout, stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
    assert!(status.success(), "{status}\n{out}\n{err}");
    out
}

/// The one line by which a command of the binary says why it failed.
#[track_caller]
fn fails(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the binary starts");
    let [out, err] = [stdout, stderr].map(|text| String::from_utf8(text).expect("UTF-8"));
    assert_eq!(status.code(), Some(2), "{out}\n{err}");
    let lines: Vec<&str> = err.lines().filter(|line| line.starts_with("tally: ")).collect();
    assert_eq!(lines.len(), 1, "{err}");
    lines[0].to_owned()
}

fn copy(site: &Site, from: &str, to: &str) -> Command {
    let mut command = site.tally();
    command.args(["copy", "--from", from, "--to", to]);
    command
}

fn audit(site: &Site, database: &str) -> Command {
    let mut command = site.tally();
    command.args(["audit", "--database-url", database]);
    command
}

/// All heads of a file, and each merchant's journal.
async fn books(file: &Path) -> Vec<(Head, Vec<Recorded>)> {
    let store = SqliteStore::open_read_only(file).await.expect("it opens");
    let page = Page { limit: 10_000, cursor: None };
    let mut books = vec![];
    for head in store.merchants(page).await.expect("they are read").items {
        let events = store.events(head.merchant, Seq(1), 1_000_000).await;
        books.push((head, events.expect("they are read")));
    }
    store.close().await;
    books
}

#[test]
fn a_copy_beside_a_server_under_load_is_brought_up_to_date_and_served_in_its_place() {
    let site = support::site();
    support::run(async {
        let mut random = Random::new(support::seed());
        let server = Server::start(&site);
        server.api().register().await;
        let load = Load::begin(&server, Ledger::default(), CLIENTS, &mut random);
        for round in 1..4 {
            while load.acknowledged() < round * 200 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            let said = succeeds(copy(&site, "sqlite:", "sqlite:copy.db"));
            assert!(said.contains("the head of each merchant is verified"), "{said}");
            succeeds(audit(&site, "sqlite:copy.db"));
        }
        let ledger = load.stop().await;
        server.ask_to_stop();
        assert!(server.wait().success());
        succeeds(copy(&site, "sqlite:", "sqlite:copy.db"));
        let (file, copied) = (site.path().join("data/tally.db"), site.path().join("copy.db"));
        assert_eq!(books(&file).await, books(&copied).await);
        let moved = Server::start_with(&site, &[("TALLY_DATABASE_URL", "sqlite:copy.db")]);
        support::assert_clean(judge::compare(moved.api(), &ledger).await);
        let said = fails(copy(&site, "sqlite:", "sqlite:copy.db"));
        assert!(said.contains("copy.db is in use by another process"), "{said}");
    });
}

#[test]
fn a_backup_of_a_served_file_opens_is_clean_and_holds_all_that_was_acknowledged_before() {
    let site = support::site();
    support::run(async {
        let mut random = Random::new(support::seed());
        let server = Server::start(&site);
        server.api().register().await;
        let load = Load::begin(&server, Ledger::default(), CLIENTS, &mut random);
        while load.acknowledged() < 200 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let before = load.stop().await;
        let load = Load::begin(&server, before.clone(), CLIENTS, &mut random);
        let so_far = load.acknowledged();
        while load.acknowledged() < so_far + 50 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let backup = || {
            let mut command = site.tally();
            command.args(["backup", "--to", "backups/monday.db"]);
            command
        };
        let said = succeeds(backup());
        assert!(said.starts_with("begun 20") && said.contains("is verified"), "{said}");
        let said = fails(backup());
        assert!(said.contains("monday.db is there already"), "{said}");
        load.stop().await;
        server.kill();
        let left: Vec<_> = std::fs::read_dir(site.path().join("backups")).unwrap().collect();
        assert_eq!(left.len(), 1, "nothing is left beside it: {left:?}");
        succeeds(audit(&site, "sqlite:backups/monday.db"));
        let restored =
            Server::start_with(&site, &[("TALLY_DATABASE_URL", "sqlite:backups/monday.db")]);
        support::assert_clean(judge::missing(restored.api(), &before).await);
    });
}

/// Books of so many merchants: with [`SHOPS`], large enough for a copy to be killed in its middle.
async fn seed(file: &Path, shops: usize) {
    let store = SqliteStore::open(file).await.expect("it opens");
    for n in 0..shops {
        let (mut seeder, mut run) = seeding::Seeder::registered(seeding::merchant_id(n));
        let more = seeder.sell(0, ORDERS, &Channel::External);
        run.rows.extend(more.rows);
        run.head = more.head;
        seeding::write(&store, vec![run]).await;
    }
    store.close().await;
}

/// Whether the database that is being written has books of some merchant by now, and of how many.
async fn copied_so_far(file: &Path) -> usize {
    let Ok(store) = SqliteStore::open_read_only(file).await else { return 0 };
    let page = Page { limit: 10_000, cursor: None };
    let merchants = store.merchants(page).await.map_or(0, |part| part.items.len());
    store.close().await;
    merchants
}

/// Kills the command (SIGKILL) when the file that it writes has some merchants and not all. `false`: it was over before.
async fn killed_in_the_middle(mut command: Command, writes: &Path) -> bool {
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child: Child = child.expect("the binary starts");
    loop {
        if child.try_wait().expect("a child can be asked").is_some() {
            return false;
        }
        if copied_so_far(writes).await > 0 {
            child.kill().expect("it can be killed");
            child.wait().expect("it ends");
            let there = copied_so_far(writes).await;
            return (1..SHOPS).contains(&there);
        }
        thread::sleep(Duration::from_millis(1));
    }
}

fn remove(file: &Path) {
    for end in ["", "-wal", "-shm", ".lock"] {
        let mut name = file.as_os_str().to_owned();
        name.push(end);
        drop(std::fs::remove_file(name));
    }
}

#[test]
fn a_copy_that_is_killed_goes_on_where_it_stands() {
    let site = support::site();
    let (source, target) = (site.path().join("source.db"), site.path().join("target.db"));
    support::run(async {
        seed(&source, SHOPS).await;
        let copy = || copy(&site, "sqlite:source.db", "sqlite:target.db");
        let mut tries = 0;
        while !killed_in_the_middle(copy(), &target).await {
            tries += 1;
            assert!(tries < TRIES_MAX, "a copy is over before it can be killed: seed more");
            remove(&target);
        }
        succeeds(audit(&site, "sqlite:target.db"));
        let there = copied_so_far(&target).await;
        let said = succeeds(copy());
        let all = SHOPS * (2 * ORDERS + 2);
        assert!(said.contains(&format!("merchants {SHOPS}, events {all}, ")), "{said}");
        assert!(there > 0 && !said.contains(&format!("now: {all} events")), "{said}");
        assert_eq!(books(&source).await, books(&target).await);
        succeeds(audit(&site, "sqlite:target.db"));
    });
}

#[test]
fn a_backup_that_is_killed_is_no_file_and_the_next_goes_on_with_it() {
    let site = support::site();
    let (source, part) = (site.path().join("source.db"), site.path().join("backup.db.part"));
    support::run(async {
        seed(&source, SHOPS).await;
        let backup = || {
            let mut command = site.tally();
            command.args(["backup", "--database-url", "sqlite:source.db", "--to", "backup.db"]);
            command
        };
        let file = site.path().join("backup.db");
        let mut tries = 0;
        while !killed_in_the_middle(backup(), &part).await {
            tries += 1;
            assert!(tries < TRIES_MAX, "a backup is over before it can be killed: seed more");
            remove(&part);
            remove(&file);
        }
        assert!(!file.exists());
        succeeds(backup());
        assert!(!part.exists());
        assert_eq!(books(&source).await, books(&file).await);
    });
}

#[test]
fn books_go_from_server_to_server_and_back_and_no_password_is_shown() {
    let (Some(postgres), Some(mariadb)) = (Postgres::shared(), Mariadb::shared()) else { return };
    let (site, urls) = (support::site(), [postgres.fresh_database(), mariadb.fresh_database()]);
    support::run(async {
        let (there, back) = (site.path().join("there.db"), site.path().join("back.db"));
        seed(&there, 3).await;
        let mut said = String::new();
        for url in &urls {
            let mut migrate = site.tally();
            migrate.args(["migrate", "--database-url", url]);
            said += &succeeds(migrate);
        }
        let stations = ["sqlite:there.db", &urls[0], &urls[1], "sqlite:back.db"];
        for leg in stations.windows(2) {
            said += &succeeds(copy(&site, leg[0], leg[1]));
        }
        assert_eq!(books(&there).await, books(&back).await);
        for url in &urls {
            said += &fails(copy(&site, url, url));
            said += &fails(copy(&site, "sqlite:back.db", &format!("{url}x")));
        }
        for password in ["few%2Frights", "few/rights"] {
            assert!(urls[0].contains("few%2Frights") && !said.contains(password), "{said}");
        }
    });
}

#[test]
fn a_schema_is_brought_up_and_not_while_it_is_served() {
    let site = support::site();
    let migrate = || {
        let mut command = site.tally();
        command.arg("migrate");
        command
    };
    let said = succeeds(migrate());
    assert!(said.contains("data/tally.db was empty and is at migration "), "{said}");
    let said = succeeds(migrate());
    assert!(
        said.contains("data/tally.db is at migration ") && said.ends_with("already\n"),
        "{said}"
    );
    let server = Server::start(&site);
    let said = fails(migrate());
    assert!(said.contains("data/tally.db is in use by another process"), "{said}");
    drop(server);
}

#[test]
fn books_are_not_copied_into_themselves_or_others_or_from_nowhere() {
    let site = support::site();
    let said = fails(copy(&site, "sqlite:none.db", "sqlite:target.db"));
    assert!(said.contains("none.db does not exist"), "{said}");
    assert!(!site.path().join("target.db").exists(), "no target is made for it");
    support::run(async {
        for (name, n) in [("a.db", 1), ("b.db", 2)] {
            let store = SqliteStore::open(&site.path().join(name)).await.expect("it opens");
            let run = seeding::Seeder::registered(seeding::merchant_id(n)).1;
            seeding::write(&store, vec![run]).await;
            store.close().await;
        }
    });
    let said = fails(copy(&site, "sqlite:a.db", "sqlite:./a.db"));
    assert!(said.contains("can't be copied into itself"), "{said}");
    let said = fails(copy(&site, "sqlite:a.db", "sqlite:b.db"));
    assert!(said.contains("its merchant m000002, event 1, is not one of the source's"), "{said}");
}
