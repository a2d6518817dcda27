//! Sessions that end, and that are ended.

use std::time::Duration;

use tally_proof::servers::proxy::{Fault, Proxy};
use tokio::time::{Instant, timeout};

use super::super::session::Session;
use super::*;

/// How long something that must become true is waited for.
const UNTIL_MAX: Duration = Duration::from_secs(30);

/// In which a session that may be ended is ended many times over.
const SOON: Duration = Duration::from_millis(300);

/// Waits until something is so.
#[track_caller]
fn until(so: impl Fn() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < UNTIL_MAX, "it does not become so");
    }
}

fn through(server: &MariadbServer, proxy: &Proxy, url: &str) -> String {
    url.replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.port()))
}

/// The word of a row, on a connection of its own.
async fn word(database: &Database) -> String {
    let mut db = writer(database).await;
    sqlx::query_scalar("select word from t where n = 1").fetch_one(&mut db).await.unwrap()
}

/// Begins a transaction whose COMMIT meets the fault, and gives the session and what is heard of it, if anything is.
async fn unsure(fault: Fault) -> Option<(Database, Session, Option<Meaning>)> {
    let server = Mariadb::shared()?;
    let url = server.fresh_database();
    let direct = database(&url).await;
    let proxy = Proxy::to(server.port());
    let behind = Database::look(&through(server, &proxy, &url)).await.unwrap();
    let mut db = writer(&behind).await;
    let session = Session::of(&mut db).await.unwrap();
    run(&mut db, "start transaction; update t set word = 'new' where n = 1").await.unwrap();
    proxy.arm("commit", fault);
    let commit = tokio::spawn(async move { run(&mut db, "commit").await });
    tokio::task::spawn_blocking(move || proxy.struck()).await.unwrap();
    let heard = match fault {
        Fault::CutBefore | Fault::CutAfter => Some(commit.await.unwrap().expect_err("it is cut")),
        Fault::HoldBefore | Fault::HoldAfter => {
            assert!(!commit.is_finished());
            commit.abort();
            None
        }
    };
    Some((direct, session, heard))
}

#[tokio::test]
async fn once_its_session_is_ended_a_commit_that_was_not_answered_is_certain() {
    for (fault, stands) in [
        (Fault::CutBefore, "one"),
        (Fault::CutAfter, "new"),
        (Fault::HoldBefore, "one"),
        (Fault::HoldAfter, "new"),
    ] {
        let Some((database, session, heard)) = unsure(fault).await else { return };
        assert!(heard.is_none_or(|meaning| matches!(meaning, Meaning::Gone(_))));
        let mut other = writer(&database).await;
        timeout(UNTIL_MAX, session.end(&mut other)).await.expect("it ends").unwrap();
        assert_eq!(word(&database).await, stands, "{fault:?}");
        run(&mut other, "update t set word = 'later' where n = 1").await.expect("nobody holds it");
    }
}

#[tokio::test]
async fn an_ended_session_has_undone_what_it_had_begun_however_much() {
    let Some((server, database)) = prepared().await else { return };
    server.ask(name(&database), "insert into t select seq, 'old', null from seq_3_to_30000");
    let (mut one, mut other) = (writer(&database).await, writer(&database).await);
    let session = Session::of(&mut one).await.unwrap();
    run(&mut one, "start transaction; update t set word = 'new'").await.unwrap();
    timeout(UNTIL_MAX, session.end(&mut other)).await.expect("it ends").unwrap();
    let free = "select n from t for update nowait";
    let rows = sqlx::query(free).fetch_all(&mut other).await.expect("nobody holds a row");
    assert_eq!(rows.len(), 30_000);
    assert_eq!(word(&database).await, "one");
    assert!(matches!(fails(&mut one, "select 1").await, Meaning::Gone(_)));
    session.end(&mut other).await.expect("it is over already");
}

#[tokio::test]
async fn a_stopped_tally_holds_a_row_for_no_longer_than_its_session_may_idle() {
    let Some((_, database)) = prepared().await else { return };
    // MySQL has no such setting for transactions; there the one for sessions does it.
    for database in [database.clone(), database.without("idle_transaction_timeout")] {
        let (mut stopped, mut other) = (writer(&database).await, writer(&database).await);
        run(&mut stopped, database.words().begin).await.unwrap();
        run(&mut stopped, "update t set word = 'mine' where n = 1").await.unwrap();
        let began = Instant::now();
        while let Err(meaning) = run(&mut other, "update t set word = 'ours' where n = 1").await {
            assert!(matches!(meaning, Meaning::Passing(_)), "{meaning:?}");
            assert!(began.elapsed() < UNTIL_MAX, "it holds it still");
        }
        let late = fails(&mut stopped, "commit").await;
        assert!(matches!(late, Meaning::Gone(_)), "what it had begun is undone: {late:?}");
        assert_eq!(word(&database).await, "ours");
    }
}

#[tokio::test]
async fn between_transactions_a_session_may_idle() {
    let Some((_, database)) = prepared().await else { return };
    let limit = "select cast(@@wait_timeout as signed)";
    let database = database.without("idle_transaction_timeout");
    let mut db = writer(&database).await;
    run(&mut db, database.words().begin).await.unwrap();
    let within: i64 = sqlx::query_scalar(limit).fetch_one(&mut db).await.unwrap();
    assert_eq!(within, 2);
    for end in [database.words().commit, database.words().rollback] {
        run(&mut db, database.words().begin).await.unwrap();
        run(&mut db, end).await.unwrap();
        let between: i64 = sqlx::query_scalar(limit).fetch_one(&mut db).await.unwrap();
        assert_eq!(between, 28_800);
    }
}

#[tokio::test]
async fn after_a_kill_of_the_server_its_old_sessions_are_over_and_what_was_committed_is_there() {
    let Some(mariadb) = Mariadb::find() else { return };
    let mut server = MariadbServer::start(mariadb);
    let database = database(&server.url()).await;
    let (mut db, mut begun) = (writer(&database).await, writer(&database).await);
    let session = Session::of(&mut begun).await.unwrap();
    run(&mut begun, "start transaction; update t set word = 'lost' where n = 2").await.unwrap();
    run(&mut db, "update t set word = 'new' where n = 1").await.unwrap();
    server.kill();
    assert!(matches!(fails(&mut db, "select 1").await, Meaning::Gone(_)));
    let error = database.connect(Purpose::Write).await.expect_err("nobody is there");
    assert!(matches!(meaning(&error), Meaning::Gone(_)), "{error}");
    server.restart();
    // Whoever has the old one's number now is left alone.
    let mut all = vec![];
    for _ in 0..20 {
        all.push(writer(&database).await);
    }
    let mut db = writer(&database).await;
    session.end(&mut db).await.unwrap();
    for mut db in all {
        run(&mut db, "select 1").await.expect("it goes on");
    }
    assert_eq!(word(&database).await, "new");
    run(&mut db, "update t set word = 'ours' where n = 2 and word = 'two'").await.unwrap();
}

/// One that waits for its replica, and one that waits for a slow disk, look the same from here.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_under_way_is_awaited_and_not_cut_short() {
    let Some(mariadb) = Mariadb::find() else { return };
    let mariadb = mariadb.with("--log-bin=log").with("--rpl-semi-sync-master-timeout=600000");
    let server = MariadbServer::start(mariadb.with("--binlog-format=ROW"));
    let database = database(&server.url()).await;
    let mut db = writer(&database).await;
    let session = Session::of(&mut db).await.unwrap();
    run(&mut db, "start transaction; update t set word = 'new' where n = 1").await.unwrap();
    server.ask("tally", "set global rpl_semi_sync_master_enabled = 1");
    let commit = tokio::spawn(async move { run(&mut db, "commit").await });
    let waits = "select count(*) from information_schema.processlist where info = 'commit' and state like 'Waiting for semi-sync%'";
    until(|| server.ask("tally", waits) == "1");
    timeout(SOON, session.end(&mut writer(&database).await)).await.expect_err("it is not over");
    assert!(!commit.is_finished(), "without its replica it is not committed");
    server.ask("tally", "set global rpl_semi_sync_master_enabled = 0");
    let mut other = writer(&database).await;
    timeout(UNTIL_MAX, session.end(&mut other)).await.expect("it ends").unwrap();
    commit.await.unwrap().expect("it was answered before its session was ended");
    assert_eq!(word(&database).await, "new");
}
