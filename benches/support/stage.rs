//! Where a benchmark keeps its books: in SQLite files, or on a private server of its own.
//!
//! A server's folder is made where temporary files are: `TMPDIR` must name a folder on a disk.

use std::path::Path;
use std::process::Command;

use tally_proof::servers::find;
use tally_proof::servers::mariadb::{Mariadb, MariadbServer};
use tally_proof::servers::postgres::{Postgres, PostgresServer};
use tally_storage::Place;

use super::target;

/// One kind of store.
pub(crate) enum Stage {
    /// Files in a folder.
    Sqlite(tempfile::TempDir),
    /// Databases on a server.
    Postgres(PostgresServer),
    /// Databases on a server.
    Mariadb(MariadbServer),
}

/// What a store takes for a table, or for a log, in bytes.
pub(crate) struct Taken {
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) indexes: u64,
}

impl Stage {
    /// All kinds by their names.
    pub(crate) const ALL: [&str; 3] = ["sqlite", "postgres", "mariadb"];

    /// Starts one kind. `None`: it is not installed, which is said.
    pub(crate) fn start(name: &str) -> Option<Self> {
        // As production has them: caches that hold what is worked on, and logs that need no checkpoint every few seconds. All that
        // makes a commit durable stays as it is shipped.
        match name {
            "sqlite" => {
                let folder = tempfile::Builder::new().prefix("bench").tempdir_in(target());
                Some(Self::Sqlite(folder.expect("a folder")))
            }
            "postgres" => {
                let larger = "shared_buffers = 512MB\nmax_wal_size = 4GB\n";
                let postgres = Postgres::find()?.with(larger);
                Some(Self::Postgres(PostgresServer::start(postgres)))
            }
            _ => {
                let larger = ["--innodb-buffer-pool-size=512M", "--innodb-log-file-size=1G"];
                let mariadb = larger.into_iter().fold(Mariadb::find()?, Mariadb::with);
                Some(Self::Mariadb(MariadbServer::start(mariadb)))
            }
        }
    }

    /// Its name and its version, and what makes its commits durable.
    pub(crate) fn title(&self) -> String {
        match self {
            Self::Sqlite(_) => "SQLite, synchronous=FULL".to_owned(),
            Self::Postgres(server) => {
                let ask = "select 'PostgreSQL ' || current_setting('server_version') || ', fsync=' || \
                    current_setting('fsync') || ', synchronous_commit=' || current_setting('synchronous_commit')";
                server.ask("tally", ask)
            }
            Self::Mariadb(server) => {
                let ask = "select concat(@@version, ', innodb_flush_log_at_trx_commit=', \
                    @@innodb_flush_log_at_trx_commit, ', sync_binlog=', @@sync_binlog, ', log_bin=', @@log_bin)";
                server.ask("tally", ask)
            }
        }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "SQLite",
            Self::Postgres(_) => "PostgreSQL",
            Self::Mariadb(_) => "MariaDB",
        }
    }

    /// A place that nobody has used, by a name that is new.
    pub(crate) fn place(&self, name: &str) -> Place {
        match (self, self.fresh_url()) {
            (Self::Sqlite(folder), _) => Place::File(folder.path().join(format!("{name}.db"))),
            (_, url) => Place::Server(url.expect("it is a server").parse().expect("its URL")),
        }
    }

    /// The URL of a database that nobody has used; `None`: it keeps its books in files.
    pub(crate) fn fresh_url(&self) -> Option<String> {
        match self {
            Self::Sqlite(_) => None,
            Self::Postgres(server) => Some(server.fresh_database()),
            Self::Mariadb(server) => Some(server.fresh_database()),
        }
    }

    /// Removes the books of the rows so far: what a server still does about them would be the next row's.
    pub(crate) fn clear(&self) {
        match self {
            Self::Sqlite(folder) => {
                for entry in std::fs::read_dir(folder.path()).expect("the folder").flatten() {
                    std::fs::remove_file(entry.path()).expect("it is ours");
                }
            }
            Self::Postgres(server) => {
                let made = "select datname from pg_database where datname like 'tally\\_%'";
                for database in server.ask("postgres", made).lines() {
                    server.ask("postgres", &format!("drop database {database} with (force)"));
                }
            }
            Self::Mariadb(server) => {
                let made = "select schema_name from information_schema.schemata where schema_name like 'tally\\_%'";
                for database in server.ask("tally", made).lines() {
                    server.ask("tally", &format!("drop database {database}"));
                }
            }
        }
    }

    /// How many payments a back end without Tally has under way at once: SQLite lets one write, and the others only wait for it.
    pub(crate) fn at_once(&self) -> u32 {
        match self {
            Self::Sqlite(_) => 1,
            Self::Postgres(_) | Self::Mariadb(_) => 16,
        }
    }

    /// What the tables of a place take, each with its indexes, and then the server's log.
    pub(crate) fn taken(&self, place: &Place) -> Vec<Taken> {
        let database = place.to_string();
        let database = database.rsplit('/').next().unwrap_or_default();
        let said = match self {
            Self::Sqlite(_) => sqlite(place.file().expect("it is a file")),
            Self::Postgres(server) => {
                server.ask(database, "vacuum analyze");
                server.ask(
                    database,
                    "select relname, pg_table_size(oid), pg_indexes_size(oid) from pg_class \
                        where relkind = 'r' and relnamespace = 'public'::regnamespace order by 2 desc, 1",
                )
            }
            Self::Mariadb(server) => {
                let tables = format!(
                    "select group_concat(table_name) from information_schema.tables where table_schema = '{database}'"
                );
                let tables = server.ask(database, &tables).replace(',', "`,`");
                server.ask(database, &format!("analyze table `{tables}`"));
                server.ask(
                    database,
                    &format!(
                        "select concat_ws('|', table_name, data_length, index_length) from information_schema.tables \
                            where table_schema = '{database}' order by data_length desc, table_name"
                    ),
                )
            }
        };
        let taken = said.lines().map(|line| {
            let mut parts = line.split('|');
            let mut next = || parts.next().unwrap_or_default();
            let name = next().to_owned();
            let [rows, indexes] = [next(), next()].map(|bytes| bytes.parse().expect("bytes"));
            Taken { name, rows, indexes }
        });
        taken.collect()
    }
}

/// What the tables of a file take, asked by SQLite's own tool.
fn sqlite(file: &Path) -> String {
    let ask = "select t.name, sum(case when m.type = 'table' then s.pgsize else 0 end) as rows_size, \
        sum(case when m.type = 'index' then s.pgsize else 0 end) \
        from dbstat s join sqlite_schema m on m.name = s.name join sqlite_schema t on t.name = m.tbl_name and t.type = 'table' \
        where s.aggregate = true group by t.name order by 2 desc, 1";
    let Some(program) = find("sqlite3", &[]) else { return String::new() };
    let said = Command::new(program).arg(file).arg(ask).output().expect("it starts");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    String::from_utf8_lossy(&said.stdout).into_owned()
}
