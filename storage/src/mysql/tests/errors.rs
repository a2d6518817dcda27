//! Each class of errors, provoked.

use std::fs;
use std::time::{Duration, Instant};

use sqlx::Connection;
use tally_proof::servers::disk::SmallDisk;
use tokio::join;

use super::*;

fn says(meaning: &Meaning, words: &str) -> bool {
    matches!(meaning, Meaning::Passing(said) if said.contains(words))
}

#[tokio::test]
async fn of_two_who_wait_for_each_other_one_is_undone_and_may_try_again() {
    let Some((_, database)) = prepared().await else { return };
    let (mut one, mut other) = (writer(&database).await, writer(&database).await);
    for db in [&mut one, &mut other] {
        run(db, "set innodb_lock_wait_timeout = 50; start transaction").await.unwrap();
    }
    run(&mut one, "update t set word = 'mine' where n = 1").await.unwrap();
    run(&mut other, "update t set word = 'mine' where n = 2").await.unwrap();
    let (first, second) = join!(run(&mut one, "update t set word = 'mine' where n = 2"), async {
        let second = run(&mut other, "update t set word = 'mine' where n = 1").await;
        if second.is_ok() {
            run(&mut other, "rollback").await.unwrap();
        }
        second
    });
    let undone = [first, second].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(&undone[..], [one] if says(one, "(1213)")), "{undone:?}");
}

#[tokio::test]
async fn who_waits_too_long_for_a_row_or_a_table_may_try_again() {
    let Some((_, database)) = prepared().await else { return };
    let (mut one, mut other) = (writer(&database).await, writer(&database).await);
    run(&mut one, "start transaction; update t set word = 'mine' where n = 1").await.unwrap();
    let late = fails(&mut other, "update t set word = 'mine' where n = 1").await;
    assert!(says(&late, "(1205)"), "{late:?}");
    run(&mut one, "select 1").await.unwrap(); // not idle
    let late = fails(&mut other, "alter table t add column more bigint").await;
    assert!(says(&late, "(1205)"), "{late:?}");
}

#[tokio::test]
async fn what_does_not_fit_another_transaction_may_be_tried_again() {
    let Some((_, database)) = prepared().await else { return };
    let (mut one, mut other) = (writer(&database).await, writer(&database).await);
    run(&mut one, "set innodb_snapshot_isolation = on, tx_isolation = 'REPEATABLE-READ'")
        .await
        .unwrap();
    run(&mut one, "start transaction; select * from t").await.unwrap();
    run(&mut other, "update t set word = 'new' where n = 1").await.unwrap();
    let unfit = fails(&mut one, "update t set word = 'mine' where n = 1").await;
    assert!(says(&unfit, "(1020)"), "{unfit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_too_slow_or_is_interrupted_may_be_tried_again() {
    let Some((server, database)) = prepared().await else { return };
    let mut db = writer(&database).await;
    let slow = "set max_statement_time = 0.01; select sum(a.seq) from seq_1_to_100000 a, seq_1_to_100000 b";
    let slow = fails(&mut db, slow).await;
    assert!(says(&slow, "(1969)"), "{slow:?}");
    let id: String = sqlx::query_scalar("select cast(connection_id() as char)")
        .fetch_one(&mut db)
        .await
        .unwrap();
    let ended = tokio::spawn(async move {
        fails(&mut db, "set max_statement_time = 0; select n, sleep(60) from t").await
    });
    let sleeps = format!(
        "select 1 from information_schema.processlist where id = {id} and info like 'select n%'"
    );
    let began = Instant::now();
    while server.ask("tally", &sleeps).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not begin");
    }
    server.ask("tally", &format!("kill query {id}"));
    let interrupted = ended.await.unwrap();
    assert!(says(&interrupted, "(1317)"), "{interrupted:?}");
}

#[tokio::test]
async fn a_row_that_the_schema_does_not_take_is_refused_by_the_constraints_name() {
    let Some((_, database)) = prepared().await else { return };
    let mut db = writer(&database).await;
    for (statement, constraint) in [
        ("insert into t values (1, 'again', 3)", "PRIMARY"),
        ("insert into t values (3, 'again', 1)", "others"),
        ("insert into t values (0, 'none', 3)", "positive"),
        ("insert into t values (3, null, 3)", "Column 'word' cannot be null"),
        ("insert into t (n) values (3)", "Field 'word' doesn't have a default value"),
        (
            "insert into t values (9223372036854775808, 'much', 3)",
            "Out of range value for column 'n'",
        ),
        (
            "insert into t select 9223372036854775807 + n, 'much', 3 from t",
            "BIGINT value is out of range",
        ),
        ("insert into t values (3, 'too long a word', 3)", "Data too long for column 'word'"),
        ("insert into t values ('three', 'three', 3)", "Incorrect integer value"),
        ("insert into t values (3, x'ff', 3)", "Incorrect string value"),
    ] {
        let refused = fails(&mut db, statement).await;
        let Meaning::Constraint(name) = &refused else { panic!("{statement}: {refused:?}") };
        assert!(name.contains(constraint), "{statement}: {name}");
    }
    run(&mut db, "select 1").await.expect("the connection is good");
}

#[tokio::test]
async fn a_server_that_takes_no_writes_any_more_is_left_and_says_what_to_do() {
    let Some(mariadb) = Mariadb::find() else { return };
    let server = MariadbServer::start(mariadb);
    let database = database(&server.url()).await;
    let refused = |meaning: Meaning| {
        assert!(
            matches!(&meaning, Meaning::Gone(said) if said.contains("name the primary with TALLY_DATABASE_URL")),
            "{meaning:?}"
        );
    };
    let mut reader = database.connect(Purpose::Read).await.unwrap();
    refused(fails(&mut reader, "update t set word = 'mine'").await);
    let mut db = writer(&database).await;
    run(&mut db, "start transaction; update t set word = 'mine'").await.unwrap();
    server.ask("tally", "set global read_only = 1");
    refused(fails(&mut db, "commit").await);
    refused(fails(&mut writer(&database).await, "update t set word = 'mine'").await);
    server.ask("tally", "set global read_only = 0");
    assert_eq!(server.ask("tally", "select distinct word from t where n = 1"), "one");
}

#[tokio::test]
async fn too_many_connections_may_pass() {
    let Some(mariadb) = Mariadb::find() else { return };
    let server = MariadbServer::start(mariadb.with("--max-connections=10"));
    let database = database(&server.url()).await;
    let mut all = vec![];
    let error = loop {
        match database.connect(Purpose::Read).await {
            Ok(db) => all.push(db),
            Err(error) => break error,
        }
    };
    assert!(says(&meaning(&error), "(1040)"), "{error}");
    let message = database.refused(&error).to_string();
    assert!(message.contains("Too many connections"), "{message}");
    drop(all);

    server.ask(
        "tally",
        "create user few@'127.0.0.1' identified by 'few' with max_user_connections 1",
    );
    server.ask("tally", "grant all on tally.* to few@'127.0.0.1'");
    let url = server.url().replace("tally:few%2Frights%231", "few:few");
    // Those before may take a moment to end.
    let few = loop {
        if let Ok(few) = Database::look(&url).await {
            break few;
        }
    };
    let first = loop {
        if let Ok(first) = few.connect(Purpose::Read).await {
            break first;
        }
    };
    let error = few.connect(Purpose::Read).await.expect_err("there is room for one");
    assert!(says(&meaning(&error), "(1226)"), "{error}");
    drop(first);
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_is_written_later_finds_room() {
    let Some((server, database)) = prepared().await else { return };
    let folder = server.folder().join("small");
    fs::create_dir(&folder).unwrap();
    let Some(disk) = SmallDisk::mount(&folder, 32) else { return };
    let table = "create table small (n bigint primary key, word varchar(1000)) engine = InnoDB";
    server.ask(name(&database), &format!("{table} data directory = '{}'", folder.display()));
    let mut db = writer(&database).await;
    let ballast = disk.fill();
    let more = "insert into small select seq, repeat('x', 1000) from seq_1_to_2000";
    assert_eq!(fails(&mut db, more).await, Meaning::DiskFull);
    fs::remove_file(ballast).unwrap();
    assert_eq!(run(&mut db, more).await, Ok(2_000));
    server.ask(name(&database), "drop table small");
    db.close().await.unwrap();
}
