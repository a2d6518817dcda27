//! From a URL to a session with Tally's settings.

use std::future::ready;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};

use super::durable::{Setup, VERSION_MIN};
use super::errors::meaning;
use crate::sql::connect::{
    self, CONNECT_MAX, ConnectError, Purpose, Renewal, STATEMENTS_KEPT, in_time, unknown_parameter,
};

/// What sessions are set to: (setting, for those that write, for those that read). A stopped Tally holds a row for 2 s, and
/// whoever waits for it stops after 1 s and says so. A plan for any number of rows goes along the indexes; one for the rows at
/// hand would be made anew each time.
const SETTINGS: &[(&str, &str, &str)] = &[
    ("idle_in_transaction_session_timeout", "2000", "2000"),
    ("lock_timeout", "1000", "1000"),
    ("statement_timeout", "0", "5000"),
    ("default_transaction_isolation", "read committed", "read committed"),
    ("default_transaction_read_only", "off", "on"),
    ("synchronous_commit", "on", "on"),
    ("plan_cache_mode", "force_generic_plan", "force_generic_plan"),
    ("jit", "off", "off"),
];

/// How a URL looks.
const EXAMPLE: &str = "postgres://user:password@host:5432/database?sslmode=verify-full";

/// The parameters that a URL may carry.
const PARAMETERS: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "host",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// A database, and how sessions there are begun.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    options: PgConnectOptions,
    /// Host, port and database, without a password.
    place: String,
    /// Those of [`SETTINGS`] that the server knows.
    known: Vec<&'static str>,
    /// What would let a crash of the server take back what it said.
    dangers: Vec<&'static str>,
}

impl Database {
    /// Looks at the database that a URL names: whether it can be reached and used. Warns of what it does not keep.
    pub(crate) async fn look(url: &str) -> Result<Self, ConnectError> {
        let options = options(url)?;
        let place = place(&options);
        let mut database = Self { options, place, known: Vec::new(), dangers: Vec::new() };
        let mut db = database.plain().await.map_err(|error| database.refused(&error))?;
        let setup = Setup::of(&mut db).await.map_err(|error| database.refused(&error))?;
        database.must_fit(&setup)?;
        database.dangers = setup.dangers();
        for danger in &database.dangers {
            tracing::warn!(database = database.place, "{danger}");
        }
        for (name, value, _) in SETTINGS {
            match set(&mut db, &[(*name, *value)]).await {
                Ok(()) => database.known.push(name),
                Err(error) => {
                    tracing::warn!(database = database.place, %error, "{name} can't be set there")
                }
            }
        }
        drop(db.close().await); // it was only to ask
        Ok(database)
    }

    /// What would let a crash of the server take back what it said, each by the name of the setting.
    pub(crate) fn dangers(&self) -> &[&'static str] {
        &self.dangers
    }

    /// Host, port and database, without a password.
    pub(crate) fn place(&self) -> &str {
        &self.place
    }

    /// Begins a session, or fails within seconds.
    pub(crate) async fn connect(&self, purpose: Purpose) -> Result<PgConnection, sqlx::Error> {
        let mut db = self.plain().await?;
        set(&mut db, &self.settings(purpose)).await?;
        Ok(db)
    }

    /// Connections that are lent; they are made when they are needed, and used for as long as the renewal allows.
    pub(crate) fn pool(&self, connections_max: u32, purpose: Purpose, renewal: Renewal) -> PgPool {
        let settings = self.settings(purpose);
        PgPoolOptions::new()
            .max_connections(connections_max)
            .acquire_timeout(CONNECT_MAX)
            .test_before_acquire(false)
            .before_acquire(move |_, meta| Box::pin(ready(Ok(renewal.allows(meta.age)))))
            .after_connect(move |db, _| {
                let settings = settings.clone();
                Box::pin(async move { set(db, &settings).await })
            })
            .connect_lazy_with(self.options.clone())
    }

    pub(super) async fn plain(&self) -> Result<PgConnection, sqlx::Error> {
        in_time(self.options.connect()).await
    }

    fn settings(&self, purpose: Purpose) -> Vec<(&'static str, &'static str)> {
        let known = SETTINGS.iter().filter(|(name, ..)| self.known.contains(name));
        known
            .map(|&(name, write, read)| match purpose {
                Purpose::Write => (name, write),
                Purpose::Read => (name, read),
            })
            .collect()
    }

    fn must_fit(&self, setup: &Setup) -> Result<(), ConnectError> {
        let unfit = |reason| Err(ConnectError::Unfit { place: self.place.clone(), reason });
        if setup.version < VERSION_MIN {
            let (is, least) = (&setup.version_name, VERSION_MIN / 10_000);
            return unfit(format!("it is PostgreSQL {is}; use {least} or newer"));
        }
        if setup.encoding != "UTF8" {
            let is = &setup.encoding;
            return unfit(format!("its encoding is {is}; make one with encoding 'UTF8'"));
        }
        if setup.read_only {
            return unfit("it takes no writes; name the primary, not a standby".to_owned());
        }
        Ok(())
    }

    /// Why there is no session, in one line.
    pub(crate) fn refused(&self, error: &sqlx::Error) -> ConnectError {
        let place = self.place.clone();
        let code = error.as_database_error().and_then(|error| error.code());
        match code.as_deref() {
            Some("28P01" | "28000") => ConnectError::Denied { place },
            Some("3D000") => {
                let reason = "there is none of that name; make it with `create database … encoding 'UTF8' owner …`";
                ConnectError::Unfit { place, reason: reason.to_owned() }
            }
            _ => ConnectError::not_reached(place, meaning(error)),
        }
    }
}

/// Sets a session up, in one statement.
async fn set(db: &mut PgConnection, settings: &[(&str, &str)]) -> Result<(), sqlx::Error> {
    let (names, values): (Vec<&str>, Vec<&str>) = settings.iter().copied().unzip();
    let set = "select count(set_config(name, value, false)) from unnest($1::text[], $2::text[]) as v(name, value)";
    sqlx::query(set).bind(names).bind(values).execute(db).await.map(drop)
}

fn options(url: &str) -> Result<PgConnectOptions, ConnectError> {
    let refused = |what: String| ConnectError::Url { what, example: EXAMPLE };
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Err(refused("it does not begin with postgres://".to_owned()));
    }
    let known = |name: &str| PARAMETERS.contains(&name) || name.starts_with("options[");
    if let Some(what) = unknown_parameter(url, known) {
        return Err(refused(what));
    }
    // What sqlx says of a URL may repeat a part of it.
    let options: Result<PgConnectOptions, _> = url.parse();
    let options = options.map_err(|_| refused("it can't be read".to_owned()))?;
    let named = options.get_application_name().is_some();
    let options = if named { options } else { options.application_name("tally") };
    Ok(options.statement_cache_capacity(STATEMENTS_KEPT).disable_statement_logging())
}

fn place(options: &PgConnectOptions) -> String {
    let database = options.get_database().unwrap_or_else(|| options.get_username());
    connect::place(options.get_socket(), (options.get_host(), options.get_port()), database)
}
