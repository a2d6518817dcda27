//! Each class of errors, provoked.

use std::fs;

use sqlx::{Connection, Executor};
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
    // Both wait for longer than the second after which a deadlock is looked for.
    for db in [&mut one, &mut other] {
        run(db, "set lock_timeout = 0; begin").await.unwrap();
    }
    run(&mut one, "update t set word = 'mine' where n = 1").await.unwrap();
    run(&mut other, "update t set word = 'mine' where n = 2").await.unwrap();
    let (first, second) = join!(run(&mut one, "update t set word = 'mine' where n = 2"), async {
        let second = run(&mut other, "update t set word = 'mine' where n = 1").await;
        if second.is_err() {
            run(&mut other, "rollback").await.unwrap();
        }
        second
    });
    let undone = [first, second].into_iter().filter_map(Result::err).collect::<Vec<_>>();
    assert!(matches!(&undone[..], [one] if says(one, "deadlock detected (40P01)")), "{undone:?}");
}

#[tokio::test]
async fn who_waits_too_long_for_a_row_may_try_again() {
    let Some((_, database)) = prepared().await else { return };
    let (mut one, mut other) = (writer(&database).await, writer(&database).await);
    run(&mut one, "begin; update t set word = 'mine' where n = 1").await.unwrap();
    let late = fails(&mut other, "update t set word = 'mine' where n = 1").await;
    assert!(says(&late, "(55P03)"), "{late:?}");
}

#[tokio::test]
async fn what_does_not_fit_another_transaction_may_be_tried_again() {
    let Some((_, database)) = prepared().await else { return };
    let (mut one, mut other) = (writer(&database).await, writer(&database).await);
    run(&mut one, "begin isolation level repeatable read; select * from t").await.unwrap();
    run(&mut other, "update t set word = 'new' where n = 1").await.unwrap();
    let unfit = fails(&mut one, "update t set word = 'mine' where n = 1").await;
    assert!(says(&unfit, "(40001)"), "{unfit:?}");
}

#[tokio::test]
async fn a_statement_that_is_cancelled_may_be_tried_again() {
    let Some((_, database)) = prepared().await else { return };
    let mut db = database.connect(Purpose::Read).await.unwrap();
    let slow = fails(&mut db, "set statement_timeout = 1; select pg_sleep(60)").await;
    assert!(says(&slow, "(57014)"), "{slow:?}");
}

#[tokio::test]
async fn a_server_that_takes_no_writes_any_more_is_left_and_says_what_to_do() {
    let Some((server, database)) = prepared().await else { return };
    let refused = |meaning: Meaning| {
        assert!(
            matches!(&meaning, Meaning::Gone(said) if said.contains("name the primary with TALLY_DATABASE_URL")),
            "{meaning:?}"
        );
    };
    let mut reader = database.connect(Purpose::Read).await.unwrap();
    refused(fails(&mut reader, "update t set word = 'mine'").await);
    refused(fails(&mut reader, "select n from t for update").await); // as a standby answers to the fence
    let mut db = writer(&database).await;
    run(&mut db, "begin; update t set word = 'mine'").await.unwrap();
    refused(fails(&mut db, "set transaction_read_only = on; update t set word = 'ours'").await);
    db.close().await.unwrap();
    let name = database.place().rsplit('/').next().unwrap();
    assert_eq!(server.ask(name, "select distinct word from t where n = 1"), "one");
}

#[tokio::test]
async fn a_row_that_the_schema_does_not_take_is_refused_by_the_constraints_name() {
    let Some((_, database)) = prepared().await else { return };
    let mut db = writer(&database).await;
    for (statement, constraint) in [
        ("insert into t values (1, 'again')", "t_pkey"),
        ("insert into t values (0, 'none')", "t_n_check"),
        ("insert into t values (3, null)", "word is not null"),
        ("insert into t values (9223372036854775807 + 1, 'much')", "bigint out of range"),
        (
            "create index on t (word); insert into t select 3, string_agg(md5(n::text), '') from generate_series(1, 1000) n",
            "index row requires",
        ),
    ] {
        let refused = fails(&mut db, statement).await;
        let Meaning::Constraint(name) = &refused else { panic!("{statement}: {refused:?}") };
        assert!(name.contains(constraint), "{statement}: {name}");
    }
    let zero = sqlx::query("insert into t values (3, $1)").bind("a\0b").execute(&mut db).await;
    let zero = meaning(&zero.expect_err("PostgreSQL has no zero bytes in texts"));
    assert!(matches!(zero, Meaning::Constraint(_)), "{zero:?}");
    run(&mut db, "select 1").await.expect("the connection is good");
}

#[tokio::test]
async fn too_many_connections_may_pass() {
    let Some((_, database)) = prepared().await else { return };
    let few = "alter role few connection limit 1";
    let Some(server) = Postgres::shared() else { return };
    server.ask("postgres", "create role few login password 'few'");
    server.ask("postgres", few);
    let url = server.url().replace("tally:few%2Frights%231", "few:few");
    let database_of_few = Database::look(&url).await.unwrap();
    // The one that only looked may take a moment to end.
    let mut first = None;
    while first.is_none() {
        first = database_of_few.connect(Purpose::Read).await.ok();
    }
    let error = database_of_few.connect(Purpose::Read).await.expect_err("there is room for one");
    assert_eq!(error.as_database_error().and_then(|error| error.code()).as_deref(), Some("53300"));
    let message = database_of_few.refused(&error).to_string();
    assert!(message.contains("too many connections for role"), "{message}");
    drop((first, database));
}

#[tokio::test]
async fn a_full_disk_is_told_and_what_is_written_later_finds_room() {
    let Some(server) = Postgres::shared() else { return };
    let folder = server.folder().join("small");
    fs::create_dir(&folder).unwrap();
    let Some(disk) = SmallDisk::mount(&folder, 24) else { return };
    server.own(disk.path());
    server.ask("postgres", &format!("create tablespace small location '{}'", folder.display()));
    server.ask("postgres", "create database small owner tally tablespace small");
    let database = database(&server.url_of("small")).await;
    let mut db = writer(&database).await;
    let ballast = disk.fill();
    let more = "insert into t select n, repeat('x', 1000) from generate_series(3, 1000) n";
    assert_eq!(fails(&mut db, more).await, Meaning::DiskFull);
    fs::remove_file(ballast).unwrap();
    assert_eq!(run(&mut db, more).await, Ok(998));
    db.close().await.unwrap();
    server.ask("postgres", "drop database small with (force)");
    server.ask("postgres", "drop tablespace small");
}

#[tokio::test]
async fn a_schema_that_changed_under_prepared_statements_costs_their_connection_alone() {
    let Some((_, database)) = prepared().await else { return };
    let mut db = writer(&database).await;
    let all = || sqlx::query("select * from t");
    db.fetch_all(all()).await.unwrap();
    run(&mut db, "alter table t add column more bigint").await.unwrap();
    let error = db.fetch_all(all()).await.expect_err("it was prepared for two columns");
    assert!(matches!(meaning(&error), Meaning::Gone(_)), "{error}");
    writer(&database).await.fetch_all(all()).await.expect("another connection has it right");
}
