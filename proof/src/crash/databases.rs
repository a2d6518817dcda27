//! Where the books of a run are: SQLite files, or databases on a private server that was started for the run.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::task::spawn_blocking;

use crate::servers::mariadb::{Mariadb, MariadbServer};
use crate::servers::postgres::{Postgres, PostgresServer};

/// A kind of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// A SQLite file in the folder of the run.
    Sqlite,
    /// A database on a private PostgreSQL.
    Postgres,
    /// A database on a private MariaDB.
    Mariadb,
}

/// As the command line names it.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
            Self::Mariadb => "mariadb",
        })
    }
}

/// Where folders get their databases from. Clones share the server, which ends with the last of them.
#[derive(Clone)]
pub enum Databases {
    /// Each folder has a file of its own.
    Files,
    /// Each has a database on this PostgreSQL.
    Postgres(Arc<Mutex<PostgresServer>>),
    /// Each has a database on this MariaDB.
    Mariadb(Arc<Mutex<MariadbServer>>),
}

impl Databases {
    /// Starts what the kind of store takes. `None`: its server is not installed, which was said.
    pub fn start(kind: Kind) -> Option<Self> {
        Some(match kind {
            Kind::Sqlite => Self::Files,
            Kind::Postgres => {
                Self::Postgres(Arc::new(Mutex::new(PostgresServer::start(Postgres::find()?))))
            }
            Kind::Mariadb => {
                Self::Mariadb(Arc::new(Mutex::new(MariadbServer::start(Mariadb::find()?))))
            }
        })
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Files => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
            Self::Mariadb(_) => Kind::Mariadb,
        }
    }

    /// The URL of a database that nobody has used; `None`: a folder needs none.
    pub fn fresh(&self) -> Option<String> {
        match self {
            Self::Files => None,
            Self::Postgres(server) => Some(locked(server).fresh_database()),
            Self::Mariadb(server) => Some(locked(server).fresh_database()),
        }
    }

    /// SIGKILL to the server, which is started again so much later. Returns when it answers again.
    pub async fn kill_and_restart(&self, later: Duration) {
        let databases = self.clone();
        let restarted = spawn_blocking(move || match databases {
            Self::Files => {}
            Self::Postgres(server) => {
                let mut server = locked(&server);
                server.kill();
                thread::sleep(later);
                server.restart();
            }
            Self::Mariadb(server) => {
                let mut server = locked(&server);
                server.kill();
                thread::sleep(later);
                server.restart();
            }
        });
        restarted.await.expect("the server starts again");
    }

    /// How many sessions of the database with this URL hold rows locked, and ask for nothing.
    pub fn idle_locks(&self, url: &str) -> u64 {
        let name = url.rsplit('/').next().unwrap_or_default();
        let counted = match self {
            Self::Files => return 0,
            Self::Postgres(server) => locked(server).ask(
                "postgres",
                &format!(
                    "select count(*) from pg_stat_activity \
                     where datname = '{name}' and state like 'idle in transaction%' \
                     and backend_xid is not null"
                ),
            ),
            // InnoDB reads its transactions anew only for one who has not asked for 0.1 s, and answers others from a copy.
            Self::Mariadb(server) => locked(server).ask(
                "tally",
                &format!(
                    "do sleep(0.11); \
                     select count(*) from information_schema.innodb_trx t \
                     join information_schema.processlist p on p.id = t.trx_mysql_thread_id \
                     where p.db = '{name}' and p.command = 'Sleep' and t.trx_rows_locked > 0"
                ),
            ),
        };
        counted.parse().expect("a count")
    }
}

/// By its kind: a URL would show a password.
impl fmt::Debug for Databases {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind().fmt(f)
    }
}

fn locked<T>(server: &Mutex<T>) -> MutexGuard<'_, T> {
    server.lock().unwrap_or_else(PoisonError::into_inner)
}
