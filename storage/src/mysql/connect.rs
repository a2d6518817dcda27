//! From a URL to a session with Tally's settings.

use std::future::ready;

use sqlx::mysql::{
    MySqlConnectOptions, MySqlConnection, MySqlDatabaseError, MySqlPool, MySqlPoolOptions,
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Executor};

use super::errors::meaning;
use super::setup::Setup;
use crate::sql::connect::{
    self, CONNECT_MAX, ConnectError, Purpose, Renewal, STATEMENTS_KEPT, in_time, unknown_parameter,
};
use crate::sql::dialect::{Dialect, Words};
use crate::sql::meaning::Meaning;

/// What sessions are set to where the server knows it: (setting, for those that write, for those that read). A stopped Tally
/// holds a row for 2 s, and whoever waits for it stops after 1 s and says so. A node of a cluster reads when it has all that the
/// others had before.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("autocommit", "1", "1"),
    ("innodb_lock_wait_timeout", "1", "1"),
    ("lock_wait_timeout", "1", "1"),
    ("idle_transaction_timeout", "2", "2"),
    ("max_statement_time", "0", "5"),
    ("max_execution_time", "0", "5000"),
    ("check_constraint_checks", "1", "1"),
    ("sql_safe_updates", "0", "0"),
    ("wsrep_sync_wait", "1", "1"),
];

/// Texts travel as they are and compare byte by byte; a value that a column does not take is an error, and none is shortened.
const TEXTS: &str =
    "set names utf8mb4 collate utf8mb4_bin, sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION'";

/// What a session is looked at for, when it was set up.
const MUST_BE: &[(&str, &[&str])] = &[
    ("character_set_client", &["utf8mb4"]),
    ("character_set_connection", &["utf8mb4"]),
    ("character_set_results", &["utf8mb4"]),
    ("collation_connection", &["utf8mb4_bin"]),
    ("sql_mode", &["STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION"]),
    ("unique_checks", &["ON", "1"]),
];

/// How a URL looks.
const EXAMPLE: &str = "mysql://user:password@host:3306/database?ssl-mode=VERIFY_IDENTITY";

/// The parameters that a URL may carry.
const PARAMETERS: &[&str] = &[
    "ssl-mode", "sslmode", "ssl-ca", "sslca", "ssl-cert", "sslcert", "ssl-key", "sslkey", "socket",
];

/// A database, and how sessions there are begun.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    options: MySqlConnectOptions,
    place: String,
    /// Those of [`SETTINGS`] that the server knows.
    known: Vec<&'static str>,
    /// What would let a crash of the server take back what it said.
    dangers: Vec<&'static str>,
    /// What tells a session's isolation: older ones of MariaDB have another name for it.
    isolation: &'static str,
}

impl Database {
    /// Looks at the database that a URL names: whether it can be reached and used. Warns of what it does not keep.
    pub(crate) async fn look(url: &str) -> Result<Self, ConnectError> {
        let options = options(url)?;
        let place = place(&options);
        let isolation = "transaction_isolation";
        let mut database =
            Self { options, place, known: Vec::new(), dangers: Vec::new(), isolation };
        let mut db = database.plain().await.map_err(|error| database.refused(&error))?;
        let setup = Setup::of(&mut db).await.map_err(|error| database.refused(&error))?;
        if let Some(reason) = setup.unfit() {
            return Err(ConnectError::Unfit { place: database.place, reason });
        }
        database.dangers = setup.dangers();
        for danger in &database.dangers {
            tracing::warn!(database = database.place, "{danger}");
        }
        if !setup.knows(database.isolation) {
            database.isolation = "tx_isolation";
        }
        let names = SETTINGS.iter().map(|(name, ..)| *name);
        database.known = names.filter(|name| setup.knows(name)).collect();
        let set = database.set_up(&mut db, Purpose::Write).await;
        set.map_err(|error| database.refused(&error))?;
        drop(db.close().await); // it was only to ask
        Ok(database)
    }

    /// The same, as if the server did not know a setting.
    #[cfg(test)]
    pub(super) fn without(mut self, setting: &str) -> Self {
        self.known.retain(|name| *name != setting);
        self
    }

    /// What would let a crash of the server take back what it said, each by the name of the setting.
    pub(crate) fn dangers(&self) -> &[&'static str] {
        &self.dangers
    }

    /// Host, port and database, without a password.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// The words around a transaction that writes. Where nothing ends a session that is idle in a transaction, the limit for one
    /// that is idle at all does it in its place.
    pub(crate) fn words(&self) -> Words {
        if self.known.contains(&"idle_transaction_timeout") {
            return Dialect::Mysql.words();
        }
        Words {
            begin: "set session wait_timeout = 2; start transaction",
            commit: "commit; set session wait_timeout = 28800",
            rollback: "rollback; set session wait_timeout = 28800",
        }
    }

    /// Begins a session, or fails within seconds.
    pub(crate) async fn connect(&self, purpose: Purpose) -> Result<MySqlConnection, sqlx::Error> {
        let mut db = self.plain().await?;
        self.set_up(&mut db, purpose).await?;
        Ok(db)
    }

    /// Connections that are lent; they are made when they are needed, and used for as long as the renewal allows.
    pub(crate) fn pool(
        &self,
        connections_max: u32,
        purpose: Purpose,
        renewal: Renewal,
    ) -> MySqlPool {
        let database = self.clone();
        MySqlPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(CONNECT_MAX)
            .test_before_acquire(false)
            .before_acquire(move |_, meta| Box::pin(ready(Ok(renewal.allows(meta.age)))))
            .after_connect(move |db, _| {
                let database = database.clone();
                Box::pin(async move { database.set_up(db, purpose).await })
            })
            .connect_lazy_with(self.options.clone())
    }

    pub(super) async fn plain(&self) -> Result<MySqlConnection, sqlx::Error> {
        in_time(self.options.connect()).await
    }

    /// Sets a session up, and looks whether it is so: a proxy between may think otherwise, and what it changes unseen could make two
    /// merchants one.
    async fn set_up(&self, db: &mut MySqlConnection, purpose: Purpose) -> Result<(), sqlx::Error> {
        let mut set = TEXTS.to_owned();
        for (name, write, read) in SETTINGS.iter().filter(|(name, ..)| self.known.contains(name)) {
            let value = if purpose == Purpose::Write { write } else { read };
            set.push_str(&format!(", {name} = {value}"));
        }
        let access = if purpose == Purpose::Write { "read write" } else { "read only" };
        let set =
            format!("{set}; set session transaction isolation level read committed, {access}");
        db.execute(AssertSqlSafe(set)).await?;
        let isolation: [(&str, &[&str]); 1] = [(self.isolation, &["READ-COMMITTED"])];
        let wanted = MUST_BE.iter().chain(&isolation);
        let names: String = wanted.clone().map(|(name, _)| format!(", @@{name}")).collect();
        let ask = AssertSqlSafe(format!("select concat_ws(' '{names})"));
        let is: String = sqlx::query_scalar(ask).fetch_one(db).await?;
        for ((name, wanted), is) in wanted.zip(is.split(' ')) {
            if !wanted.contains(&is) {
                let differs = format!(
                    "{name} of a session is {is} and stays so, and must be {}: look at init_connect, and for a proxy",
                    wanted[0]
                );
                return Err(sqlx::Error::Configuration(differs.into()));
            }
        }
        Ok(())
    }

    /// Why there is no session, in one line.
    pub(crate) fn refused(&self, error: &sqlx::Error) -> ConnectError {
        let place = self.place.clone();
        let said =
            error.as_database_error().map(|error| error.downcast_ref::<MySqlDatabaseError>());
        match said.map(MySqlDatabaseError::number) {
            Some(1045 | 1698 | 1862) => return ConnectError::Denied { place },
            Some(1049 | 1044) => {
                let reason = "there is none of that name for this user; make it with `create database … character set \
                    utf8mb4`, and grant it";
                return ConnectError::Unfit { place, reason: reason.to_owned() };
            }
            Some(_) | None => {}
        }
        let why = meaning(error);
        if let Meaning::Passing(said) = &why
            && said.contains("mysql-rsa")
        {
            let reason = "the password of this user is told over TLS only; add ?ssl-mode=REQUIRED";
            return ConnectError::NotReached { place, reason: reason.to_owned() };
        }
        ConnectError::not_reached(place, why)
    }
}

fn options(url: &str) -> Result<MySqlConnectOptions, ConnectError> {
    let refused = |what: String| ConnectError::Url { what, example: EXAMPLE };
    if !url.starts_with("mysql://") && !url.starts_with("mariadb://") {
        return Err(refused("it does not begin with mysql:// or mariadb://".to_owned()));
    }
    let known = |name: &str| PARAMETERS.contains(&name);
    if let Some(what) = unknown_parameter(url, known) {
        return Err(refused(what));
    }
    // What sqlx says of a URL may repeat a part of it.
    let options: Result<MySqlConnectOptions, _> = url.parse();
    let options = options.map_err(|_| refused("it can't be read".to_owned()))?;
    if options.get_database().is_none() {
        return Err(refused("it names no database".to_owned()));
    }
    // Sessions are set up here, not by sqlx.
    let options = options.set_names(false).timezone(None).pipes_as_concat(false);
    let options = options.no_engine_substitution(false);
    Ok(options.statement_cache_capacity(STATEMENTS_KEPT).disable_statement_logging())
}

fn place(options: &MySqlConnectOptions) -> String {
    let database = options.get_database().unwrap_or_default();
    connect::place(options.get_socket(), (options.get_host(), options.get_port()), database)
}
