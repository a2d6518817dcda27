//! From a URL to a database that fits, or to one line that says why not.

use super::*;
use crate::sql::connect::{ConnectError, Renewal};

/// The line that says why a URL is no use.
async fn refused(url: &str) -> String {
    let line = Database::look(url).await.expect_err("it is no use").to_string();
    for secret in ["few%2Frights", "few/rights", "hush"] {
        assert!(!line.contains(secret), "{line}");
    }
    assert!(line.starts_with("TALLY_DATABASE_URL: ") && line.lines().count() == 1, "{line}");
    line
}

#[tokio::test]
async fn a_url_that_is_none_is_refused_without_being_repeated() {
    for (url, words) in [
        ("mysql://tally:hush@localhost/tally", "does not begin with postgres://"),
        ("postgres://tally:hush@localhost:port/tally", "can't be read"),
        ("postgres://tally:hush@localhost/tally?sslmode=hush", "can't be read"),
        ("postgres://tally:hush@localhost/tally?ssl_mode=require", "a parameter `ssl_mode`"),
    ] {
        let line = refused(url).await;
        assert!(line.contains(words), "{line}");
    }
}

#[tokio::test]
async fn what_can_not_be_used_is_refused_with_one_line_that_says_what_to_do() {
    let Some(server) = Postgres::shared() else { return };
    server
        .ask("postgres", "create database latin owner tally encoding 'LATIN1' template template0");
    server.ask("postgres", "create database standby owner tally");
    server.ask("postgres", "alter database standby set default_transaction_read_only = on");
    let free = tally_proof::servers::free_port();
    for (url, words) in [
        (server.url().replace("few%2Frights", "hush"), "refuses the user or the password"),
        (server.url_of("none"), "create database"),
        (server.url_of("latin"), "its encoding is LATIN1; make one with encoding 'UTF8'"),
        (server.url_of("standby"), "name the primary"),
        (format!("{}?sslmode=require", server.url()), "does not support TLS"),
        (server.url().replace(&format!(":{}/", server.port()), &format!(":{free}/")), "refused"),
    ] {
        let line = refused(&url).await;
        assert!(line.contains(words), "{line}");
    }
}

#[tokio::test]
async fn sessions_have_tallys_settings_and_name() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.fresh_database();
    let name = url.rsplit('/').next().unwrap();
    server.ask("postgres", &format!("alter database {name} set synchronous_commit = off"));
    let database = database(&url).await;
    let settings = "select current_setting('idle_in_transaction_session_timeout') || ' ' || current_setting('lock_timeout')
        || ' ' || current_setting('statement_timeout') || ' ' || current_setting('synchronous_commit')
        || ' ' || current_setting('transaction_read_only') || ' ' || current_setting('application_name')";
    for (purpose, wanted) in
        [(Purpose::Write, "2s 1s 0 on off tally"), (Purpose::Read, "2s 1s 5s on on tally")]
    {
        let mut db = database.connect(purpose).await.unwrap();
        let set: String = sqlx::query_scalar(settings).fetch_one(&mut db).await.unwrap();
        assert_eq!(set, wanted);
    }
    let mut db = database.pool(1, Purpose::Read, Renewal::default()).acquire().await.unwrap();
    let set: String = sqlx::query_scalar(settings).fetch_one(&mut *db).await.unwrap();
    assert_eq!(set, "2s 1s 5s on on tally");
}

#[tokio::test]
async fn a_setting_that_loses_money_in_a_crash_is_named() {
    let Some(postgres) = Postgres::find() else { return };
    let server = PostgresServer::start(
        postgres.with("fsync = off\nfull_page_writes = off\nsynchronous_commit = off"),
    );
    let database = Database::look(&server.url()).await.unwrap();
    let mut db = database.plain().await.unwrap();
    let dangers = super::super::durable::Setup::of(&mut db).await.unwrap().dangers();
    assert_eq!(dangers.len(), 3);
    for (danger, setting) in dangers.iter().zip(["fsync", "full_page_writes", "synchronous_commit"])
    {
        assert!(danger.starts_with(setting), "{danger}");
    }
}

#[tokio::test]
async fn tls_is_spoken_to_a_server_that_the_named_authority_vouches_for_by_its_name() {
    let Some(postgres) = Postgres::find_with_tls() else { return };
    let server = PostgresServer::start(postgres);
    let (url, ca) = (server.url(), server.ca());
    let verified = format!("{url}?sslmode=verify-full&sslrootcert={}", ca.display());
    let mut db = database(&verified).await.connect(Purpose::Write).await.unwrap();
    let ssl: bool = sqlx::query_scalar("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
        .fetch_one(&mut db)
        .await
        .unwrap();
    assert!(ssl);
    let unknown = Database::look(&format!("{url}?sslmode=verify-full"))
        .await
        .expect_err("nobody vouches for it");
    assert!(
        matches!(&unknown, ConnectError::NotReached { reason, .. } if reason.contains("certificate")),
        "{unknown}"
    );
    let elsewhere = Database::look(&verified.replace("127.0.0.1", "localhost"))
        .await
        .expect_err("it has another name");
    assert!(
        matches!(&elsewhere, ConnectError::NotReached { reason, .. } if reason.contains("certificate")),
        "{elsewhere}"
    );
}
