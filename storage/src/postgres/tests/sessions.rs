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

fn through(server: &PostgresServer, proxy: &Proxy, url: &str) -> String {
    url.replace(&format!(":{}/", server.port()), &format!(":{}/", proxy.port()))
}

/// The word of a row, on a connection of its own.
async fn word(database: &Database) -> String {
    let mut db = writer(database).await;
    sqlx::query_scalar("select word from t where n = 1").fetch_one(&mut db).await.unwrap()
}

/// Begins a transaction whose COMMIT meets the fault, and gives the session and what is heard of it, if anything is.
async fn unsure(fault: Fault) -> Option<(Database, Session, Option<Meaning>)> {
    let server = Postgres::shared()?;
    let url = server.fresh_database();
    let direct = database(&url).await;
    let proxy = Proxy::to(server.port());
    let behind = Database::look(&through(server, &proxy, &url)).await.unwrap();
    let mut db = writer(&behind).await;
    let session = Session::of(&mut db).await.unwrap();
    run(&mut db, "begin; update t set word = 'new' where n = 1").await.unwrap();
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
async fn a_session_that_got_the_process_id_of_another_is_left_alone() {
    let Some((_, database)) = prepared().await else { return };
    let (mut one, mut other) = (writer(&database).await, writer(&database).await);
    let session = Session::of(&mut one).await.unwrap();
    session.earlier().end(&mut other).await.unwrap();
    run(&mut one, "select 1").await.expect("it goes on");
    timeout(UNTIL_MAX, session.end(&mut other)).await.expect("it ends").unwrap();
    assert!(matches!(fails(&mut one, "select 1").await, Meaning::Gone(_)));
}

#[tokio::test]
async fn a_stopped_tally_holds_a_row_for_no_longer_than_its_session_may_idle() {
    let Some((_, database)) = prepared().await else { return };
    let (mut stopped, mut other) = (writer(&database).await, writer(&database).await);
    run(&mut stopped, "begin; update t set word = 'mine' where n = 1").await.unwrap();
    let began = Instant::now();
    while let Err(meaning) = run(&mut other, "update t set word = 'ours' where n = 1").await {
        assert!(matches!(meaning, Meaning::Passing(_)), "{meaning:?}");
        assert!(began.elapsed() < UNTIL_MAX, "it holds it still");
    }
    let late = fails(&mut stopped, "commit").await;
    assert!(matches!(late, Meaning::Gone(_)), "what it had begun is undone: {late:?}");
    assert_eq!(word(&database).await, "ours");
}

#[tokio::test]
async fn after_a_kill_of_the_server_its_old_sessions_are_over_and_what_was_committed_is_there() {
    let Some(postgres) = Postgres::find() else { return };
    let mut server = PostgresServer::start(postgres);
    let database = database(&server.url()).await;
    let (mut db, mut begun) = (writer(&database).await, writer(&database).await);
    let session = Session::of(&mut begun).await.unwrap();
    run(&mut begun, "begin; update t set word = 'lost' where n = 2").await.unwrap();
    run(&mut db, "update t set word = 'new' where n = 1").await.unwrap();
    server.kill();
    assert!(matches!(fails(&mut db, "select 1").await, Meaning::Gone(_)));
    let error = database.connect(Purpose::Write).await.expect_err("nobody is there");
    assert!(matches!(meaning(&error), Meaning::Gone(_)), "{error}");
    server.restart();
    let mut db = writer(&database).await;
    session.end(&mut db).await.unwrap();
    assert_eq!(word(&database).await, "new");
    run(&mut db, "update t set word = 'ours' where n = 2 and word = 'two'").await.unwrap();
}

/// One that waits for its standby, and one that waits for a slow disk, look the same from here.
#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_is_under_way_is_awaited_and_not_cut_short() {
    let Some(postgres) = Postgres::find() else { return };
    let server = PostgresServer::start(postgres);
    let database = database(&server.url()).await;
    server.ask("postgres", "alter system set synchronous_standby_names = 'nobody'");
    server.ask("postgres", "select pg_reload_conf()");
    let set = "select current_setting('synchronous_standby_names')";
    until(|| server.ask("postgres", set) == "nobody");
    let mut db = writer(&database).await;
    let session = Session::of(&mut db).await.unwrap();
    run(&mut db, "begin; update t set word = 'new' where n = 1").await.unwrap();
    let commit = tokio::spawn(async move { run(&mut db, "commit").await });
    let waits =
        "select count(*) from pg_stat_activity where wait_event = 'SyncRep' and query = 'commit'";
    until(|| server.ask("postgres", waits) == "1");
    timeout(SOON, session.end(&mut writer(&database).await)).await.expect_err("it is not over");
    assert!(!commit.is_finished(), "without its standby it is not committed");
    server.ask("postgres", "alter system reset synchronous_standby_names");
    server.ask("postgres", "select pg_reload_conf()");
    let mut other = writer(&database).await;
    timeout(UNTIL_MAX, session.end(&mut other)).await.expect("it ends").unwrap();
    commit.await.unwrap().expect("it was answered before its session was ended");
    assert_eq!(word(&database).await, "new");
}
