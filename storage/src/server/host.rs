//! The server, whichever it is: sessions begun and ended there.

use sqlx::migrate::MigrateError;

use crate::sql::connect::{Purpose, Renewal};
use crate::sql::db::{Connection, Pool};
use crate::sql::dialect::{Dialect, Words};
use crate::sqlite::OpenError;
use crate::{mysql, postgres};

/// A database on a server.
#[derive(Debug, Clone)]
pub(super) enum Host {
    /// MySQL's or MariaDB's.
    Mysql(mysql::connect::Database),
    /// PostgreSQL's.
    Postgres(postgres::connect::Database),
}

/// A session that writes, by what ends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Session {
    /// MySQL's or MariaDB's.
    Mysql(mysql::session::Session),
    /// PostgreSQL's.
    Postgres(postgres::session::Session),
}

/// A connection that writes, with its session.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) db: Connection,
    pub(super) session: Session,
}

impl Host {
    /// Looks at the database that a URL names: whether it can be reached and used.
    pub(super) async fn look(url: &str) -> Result<Self, OpenError> {
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let found = postgres::connect::Database::look(url).await;
            return found.map(Self::Postgres).map_err(|why| OpenError::Server(why.to_string()));
        }
        if url.starts_with("mysql:") || url.starts_with("mariadb:") {
            let found = mysql::connect::Database::look(url).await;
            return found.map(Self::Mysql).map_err(|why| OpenError::Server(why.to_string()));
        }
        Err(OpenError::Server(
            "TALLY_DATABASE_URL: give sqlite:PATH, postgres://… or mysql://…".to_owned(),
        ))
    }

    /// Which SQL it speaks.
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Self::Mysql(_) => Dialect::Mysql,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// The words around a transaction that writes.
    pub(super) fn words(&self) -> Words {
        match self {
            Self::Mysql(database) => database.words(),
            Self::Postgres(_) => Dialect::Postgres.words(),
        }
    }

    /// Where it is, without a password.
    pub(super) fn place(&self) -> &str {
        match self {
            Self::Mysql(database) => database.place(),
            Self::Postgres(database) => database.place(),
        }
    }

    /// What would let a crash of the server take back what it said.
    pub(super) fn dangers(&self) -> &[&'static str] {
        match self {
            Self::Mysql(database) => database.dangers(),
            Self::Postgres(database) => database.dangers(),
        }
    }

    /// Brings the schema up to what this binary knows, behind a lock.
    pub(super) async fn migrate(&self) -> Result<(), OpenError> {
        let done = match self {
            Self::Mysql(database) => database.migrate().await,
            Self::Postgres(database) => database.migrate().await,
        };
        done.map_err(|error| OpenError::Server(self.not_migrated(&error)))?;
        let changed = match self {
            Self::Mysql(database) => database.changed().await.map_err(|error| self.refused(&error)),
            Self::Postgres(_) => Ok(None),
        };
        match changed? {
            Some(what) => Err(OpenError::Server(format!(
                "the database at {} can't be used: {what}",
                self.place()
            ))),
            None => Ok(()),
        }
    }

    /// The newest migration that this binary knows.
    pub(super) fn newest_migration(&self) -> i64 {
        match self {
            Self::Mysql(_) => mysql::connect::Database::newest_migration(),
            Self::Postgres(_) => postgres::connect::Database::newest_migration(),
        }
    }

    /// Whether the schema is what this binary knows, for those who may not change it.
    pub(super) fn must_know(&self, newest: Option<i64>) -> Result<(), OpenError> {
        let (place, known) = (self.place(), self.newest_migration());
        let why = match newest {
            Some(newest) if newest == known => return Ok(()),
            Some(newest) if newest > known => self.is_newer(newest),
            Some(_) => {
                format!("the database at {place} lacks migration {known}: run tally migrate")
            }
            None => {
                format!("the database at {place} has no books: run tally migrate, or name another")
            }
        };
        Err(OpenError::Server(why))
    }

    /// The database's own words about what it does not do.
    pub(super) fn refused(&self, error: &sqlx::Error) -> OpenError {
        let said = self.dialect().meaning(error).trouble();
        OpenError::Server(format!("the database at {} can't be read: {said}", self.place()))
    }

    fn is_newer(&self, version: i64) -> String {
        let place = self.place();
        format!(
            "the database at {place} has migration {version}, which this binary does not know: run the newer tally"
        )
    }

    fn not_migrated(&self, error: &MigrateError) -> String {
        let place = self.place();
        if let MigrateError::VersionMissing(version) = error {
            return self.is_newer(*version);
        }
        if let MigrateError::VersionMismatch(version) = error {
            return format!(
                "the database at {place} had another migration {version} applied: run the tally that wrote it"
            );
        }
        format!("the schema of the database at {place} can't be brought up to date: {error}")
    }

    /// Begins a session that writes.
    pub(super) async fn writer(&self) -> Result<Writer, sqlx::Error> {
        match self {
            Self::Mysql(database) => {
                let mut db = database.connect(Purpose::Write).await?;
                let session = Session::Mysql(mysql::session::Session::of(&mut db).await?);
                Ok(Writer { db: Connection::Mysql(db), session })
            }
            Self::Postgres(database) => {
                let mut db = database.connect(Purpose::Write).await?;
                let session = Session::Postgres(postgres::session::Session::of(&mut db).await?);
                Ok(Writer { db: Connection::Postgres(db), session })
            }
        }
    }

    /// Connections that are lent.
    pub(super) fn pool(&self, connections_max: u32, purpose: Purpose, renewal: &Renewal) -> Pool {
        let allowed = renewal.clone();
        match self {
            Self::Mysql(database) => {
                Pool::Mysql(database.pool(connections_max, purpose, allowed), renewal.clone())
            }
            Self::Postgres(database) => {
                Pool::Postgres(database.pool(connections_max, purpose, allowed), renewal.clone())
            }
        }
    }
}

impl Session {
    /// Ends it, and waits until it is over, on another connection to the same server.
    pub(super) async fn end(&self, by: &mut Connection) -> Result<(), sqlx::Error> {
        match (self, by) {
            (Self::Mysql(session), Connection::Mysql(db)) => session.end(db).await,
            (Self::Postgres(session), Connection::Postgres(db)) => session.end(db).await,
            (Self::Mysql(_) | Self::Postgres(_), _) => {
                unreachable!("a host's connections are of its kind")
            }
        }
    }
}
