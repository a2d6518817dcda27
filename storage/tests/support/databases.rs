//! Databases for tests that hold for each kind: a file, and a new database on each server that is installed.

use std::sync::Arc;

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};
use tally_actors::ports::Store;
use tally_proof::servers::mariadb::Mariadb;
use tally_proof::servers::postgres::Postgres;
use tally_storage::{ServerStore, SqliteStore};

use super::support::id;

/// A kind of database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sqlite,
    Postgres,
    Mariadb,
}

/// A store that was just made, and a way to its database beside it.
pub(crate) struct Fresh {
    pub(crate) kind: Kind,
    pub(crate) store: Arc<dyn Store>,
    folder: tempfile::TempDir,
    database: String,
}

impl Fresh {
    /// Makes one. `None`: no such server is installed, and the test is left out.
    pub(crate) async fn make(kind: Kind) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let url = match kind {
            Kind::Sqlite => None,
            Kind::Postgres => Some(Postgres::shared()?.fresh_database()),
            Kind::Mariadb => Some(Mariadb::shared()?.fresh_database()),
        };
        let Some(url) = url else {
            let store = SqliteStore::open(&folder.path().join("tally.db")).await;
            let store = Arc::new(store.expect("it opens"));
            return Some(Self { kind, store, folder, database: String::new() });
        };
        let store = Arc::new(ServerStore::open(&id(&url)).await.expect("it opens"));
        let database = url.rsplit('/').next().expect("a URL has a slash").to_owned();
        Some(Self { kind, store, folder, database })
    }

    /// Executes a statement that the store knows nothing of.
    pub(crate) async fn run(&self, statement: &str) {
        match self.kind {
            Kind::Sqlite => {
                let file = self.folder.path().join("tally.db").display().to_string();
                let mut db = SqliteConnection::connect(&file).await.expect("it opens");
                let statement = sqlx::query(AssertSqlSafe(statement));
                statement.execute(&mut db).await.expect("SQLite does it");
            }
            Kind::Postgres => {
                drop(Postgres::shared().expect("it runs").ask(&self.database, statement))
            }
            Kind::Mariadb => {
                drop(Mariadb::shared().expect("it runs").ask(&self.database, statement))
            }
        }
    }

    /// How bytes are written in a statement, from what they are in hexadecimal digits.
    pub(crate) fn bytes(&self, digits: &str) -> String {
        match self.kind {
            Kind::Sqlite | Kind::Mariadb => format!("x'{digits}'"),
            Kind::Postgres => format!("'\\x{digits}'"),
        }
    }
}

/// Runs each test on a new database of each kind.
macro_rules! for_every_database {
    ($($name:ident)*) => {
        mod sqlite {
            use super::*;
            crate::databases::on!(Sqlite: $($name)*);
        }

        mod postgres {
            use super::*;
            crate::databases::on!(Postgres: $($name)*);
        }

        mod mariadb {
            use super::*;
            crate::databases::on!(Mariadb: $($name)*);
        }
    };
}

/// Runs each test on a new database of this kind.
macro_rules! on {
    ($kind:ident: $($name:ident)*) => {
        $(#[tokio::test]
        async fn $name() {
            // Where the server is not installed, this says so.
            if let Some(fresh) = Fresh::make(crate::databases::Kind::$kind).await {
                super::$name(fresh).await;
            }
        })*
    };
}

pub(crate) use {for_every_database, on};
