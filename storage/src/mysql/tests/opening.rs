//! From a URL to a database that fits, or to one line that says why not.

use super::super::setup::Setup;
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
        ("postgres://tally:hush@localhost/tally", "does not begin with mysql:// or mariadb://"),
        ("mysql://tally:hush@localhost:port/tally", "can't be read"),
        ("mysql://tally:hush@localhost/tally?ssl-mode=hush", "can't be read"),
        ("mysql://tally:hush@localhost/tally?charset=latin1", "a parameter `charset`"),
        ("mysql://tally:hush@localhost", "names no database"),
    ] {
        let line = refused(url).await;
        assert!(line.contains(words), "{line}");
    }
}

#[tokio::test]
async fn what_can_not_be_used_is_refused_with_one_line_that_says_what_to_do() {
    let Some(server) = Mariadb::shared() else { return };
    server.ask("tally", "create database tally_latin character set latin1");
    let free = tally_proof::servers::free_port();
    for (url, words) in [
        (server.url().replace("few%2Frights", "hush"), "refuses the user or the password"),
        (server.url_of("tally_none"), "create database"),
        (server.url_of("elsewhere"), "create database"),
        (server.url_of("tally_latin"), "its charset is latin1"),
        (format!("{}?ssl-mode=REQUIRED", server.url()), "does not support TLS"),
        (server.url().replace(&format!(":{}/", server.port()), &format!(":{free}/")), "refused"),
    ] {
        let line = refused(&url).await;
        assert!(line.contains(words), "{line}");
    }
}

#[tokio::test]
async fn sessions_have_tallys_settings() {
    let Some(server) = Mariadb::shared() else { return };
    let database = database(&server.fresh_database().replace("mysql:", "mariadb:")).await;
    let settings = "select concat_ws(' ', @@idle_transaction_timeout, @@innodb_lock_wait_timeout, @@lock_wait_timeout,
        @@max_statement_time, @@tx_isolation, @@tx_read_only, @@autocommit, @@collation_connection, @@wsrep_sync_wait)";
    let write = "2 1 1 0.000000 READ-COMMITTED OFF ON utf8mb4_bin 1";
    let read = "2 1 1 5.000000 READ-COMMITTED ON ON utf8mb4_bin 1";
    for (purpose, wanted) in [(Purpose::Write, write), (Purpose::Read, read)] {
        let mut db = database.connect(purpose).await.unwrap();
        let set: String = sqlx::query_scalar(settings).fetch_one(&mut db).await.unwrap();
        assert_eq!(set, wanted);
    }
    let mut db = database.pool(1, Purpose::Read, Renewal::default()).acquire().await.unwrap();
    let set: String = sqlx::query_scalar(settings).fetch_one(&mut *db).await.unwrap();
    assert_eq!(set, read);
}

#[tokio::test]
async fn texts_travel_as_they_are_whatever_the_server_prefers() {
    let Some(mariadb) = Mariadb::find() else { return };
    let server = MariadbServer::start(
        mariadb
            .with("--init-connect=set names latin1, autocommit = 0, sql_mode = ''")
            .with("--character-set-server=latin1"),
    );
    let database = database(&server.url()).await;
    let mut db = writer(&database).await;
    for word in ["小满🌾", "Shop1", "shop1"] {
        sqlx::query("update t set word = ? where n = 1").bind(word).execute(&mut db).await.unwrap();
        let read: String =
            sqlx::query_scalar("select word from t where n = 1").fetch_one(&mut db).await.unwrap();
        assert_eq!(read, word);
    }
    let other = sqlx::query("select n from t where word = ?").bind("Shop1");
    assert!(other.fetch_optional(&mut db).await.unwrap().is_none(), "Shop1 and shop1 are two");
    assert_eq!(server.ask("tally", "select hex(word) from t where n = 1"), "73686F7031");
}

#[tokio::test]
async fn a_session_that_can_not_be_set_up_is_not_used() {
    let Some(mariadb) = Mariadb::find() else { return };
    let server = MariadbServer::start(mariadb.with("--init-connect=set unique_checks = 0"));
    let line = refused(&server.url()).await;
    assert!(
        line.contains("unique_checks of a session is OFF") && line.contains("init_connect"),
        "{line}"
    );
}

#[tokio::test]
async fn a_setting_that_loses_money_in_a_crash_is_named() {
    let Some(mariadb) = Mariadb::find() else { return };
    let mariadb = mariadb.with("--innodb-flush-log-at-trx-commit=2").with("--innodb-doublewrite=0");
    let server = MariadbServer::start(mariadb.with("--log-bin=log").with("--sync-binlog=0"));
    let database = Database::look(&server.url()).await.unwrap();
    let mut db = database.plain().await.unwrap();
    let dangers = Setup::of(&mut db).await.unwrap().dangers();
    assert_eq!(dangers.len(), 3, "{dangers:?}");
    for (danger, setting) in
        dangers.iter().zip(["innodb_flush_log_at_trx_commit", "sync_binlog", "innodb_doublewrite"])
    {
        assert!(danger.starts_with(setting), "{danger}");
    }
    let Some(server) = Mariadb::shared() else { return };
    let mut db = Database::look(&server.url()).await.unwrap().plain().await.unwrap();
    assert!(
        Setup::of(&mut db).await.unwrap().dangers().is_empty(),
        "as tests run it, it keeps its word"
    );
}

#[tokio::test]
async fn tls_is_spoken_to_a_server_that_the_named_authority_vouches_for_by_its_name() {
    let Some(mariadb) = Mariadb::find_with_tls() else { return };
    let server = MariadbServer::start(mariadb);
    let (url, ca) = (server.url(), server.ca());
    let verified = format!("{url}?ssl-mode=VERIFY_IDENTITY&ssl-ca={}", ca.display());
    let mut db = database(&verified).await.connect(Purpose::Write).await.unwrap();
    let cipher = "select variable_value from information_schema.session_status where variable_name = 'ssl_cipher'";
    let cipher: String = sqlx::query_scalar(cipher).fetch_one(&mut db).await.unwrap();
    assert_ne!(cipher, "");
    for (unverified, what) in [
        (format!("{url}?ssl-mode=VERIFY_IDENTITY"), "nobody vouches for it"),
        (verified.replace("127.0.0.1", "localhost"), "it has another name"),
    ] {
        let refused = Database::look(&unverified).await.expect_err(what);
        assert!(
            matches!(&refused, ConnectError::NotReached { reason, .. } if reason.contains("certificate")),
            "{refused}"
        );
    }
}
