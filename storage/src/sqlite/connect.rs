//! Connections: how each kind is set up, and the schema that they expect.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions, Connection};

use super::errors::OpenError;
use crate::sql::connect::STATEMENTS_KEPT;
use crate::sql::db::Pool;

pub(super) static MIGRATIONS: Migrator = sqlx::migrate!("./migrations/sqlite");

/// Connections for the engine's rounds: one for lookups, one for heads. No list ever has one of them.
const ROUNDS_MAX: u32 = 2;

/// Connections for lists, and whatever else may take its time.
const LISTS_MAX: u32 = 3;

/// Memory that one connection may use to keep pages, in KiB, as SQLite's pragma wants it.
const WRITER_CACHE: &str = "-131072";
const ROUNDS_CACHE: &str = "-32768";
const LISTS_CACHE: &str = "-16384";

/// What is left of the WAL's file when it is begun anew, in bytes.
const WAL_KEPT: &str = "134217728";

/// How long a connection waits for another process that holds a lock, such as a backup.
const BUSY_WAIT_MAX: Duration = Duration::from_secs(5);

/// Rows that a connection's thread reads ahead: one round trip for most statements.
const ROWS_AHEAD: usize = 512;

fn options(file: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(file)
        .foreign_keys(false)
        .busy_timeout(BUSY_WAIT_MAX)
        .pragma("temp_store", "memory")
        .statement_cache_capacity(STATEMENTS_KEPT)
        .row_buffer_size(ROWS_AHEAD)
        .disable_statement_logging()
}

/// The writer brings the WAL back itself (`wal.rs`), so that errors are seen: where SQLite does it by itself, it hides them.
fn writer_options(file: &Path) -> SqliteConnectOptions {
    options(file)
        .synchronous(SqliteSynchronous::Full)
        .pragma("cache_size", WRITER_CACHE)
        .pragma("journal_size_limit", WAL_KEPT)
        .pragma("wal_autocheckpoint", "0")
}

/// The writer's connection to a file that is there.
pub(crate) async fn writer(file: &Path) -> Result<SqliteConnection, sqlx::Error> {
    writer_options(file).journal_mode(SqliteJournalMode::Wal).connect().await
}

/// The writer's first connection. It makes the file, and leaves a file of somebody else's as it is.
pub(crate) async fn first_writer(file: &Path) -> Result<SqliteConnection, OpenError> {
    create(file).map_err(|error| no_file(file, &error))?;
    let refused = |error| refused(file, &error);
    let mut db = writer_options(file).connect().await.map_err(refused)?;
    let foreign = "select not exists (select 1 from sqlite_schema where name = '_sqlx_migrations')
        and exists (select 1 from sqlite_schema)";
    if sqlx::query_scalar(foreign).fetch_one(&mut db).await.map_err(refused)? {
        discard(db).await;
        return Err(OpenError::Foreign(file.to_path_buf()));
    }
    // Only now, as it changes the file.
    sqlx::query("pragma journal_mode = wal").execute(&mut db).await.map_err(refused)?;
    Ok(db)
}

/// Makes the file, for its owner alone: it holds names and openids. SQLite gives the files beside it the same mode. One that is
/// there is not even opened, as closing it would free SQLite's own locks.
fn create(file: &Path) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(file) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Read connections beside the writer, in two pools, so that lists keep nothing from the engine.
#[derive(Debug)]
pub(crate) struct Readers {
    /// For the engine's rounds. One is always open, so that the WAL and its index outlive the writer's connection.
    pub(crate) rounds: Pool,
    /// For lists.
    pub(crate) lists: Pool,
}

/// Opens the first read connection; the others are opened when they are needed.
pub(crate) async fn readers(file: &Path, read_only: bool) -> Result<Readers, sqlx::Error> {
    let options = options(file).pragma("query_only", "on").read_only(read_only);
    let pool = |connections_max| {
        SqlitePoolOptions::new()
            .max_connections(connections_max)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(BUSY_WAIT_MAX)
            .test_before_acquire(false)
    };
    let rounds = options.clone().pragma("cache_size", ROUNDS_CACHE);
    let lists = options.pragma("cache_size", LISTS_CACHE);
    Ok(Readers {
        rounds: Pool::Sqlite(pool(ROUNDS_MAX).min_connections(1).connect_with(rounds).await?),
        lists: Pool::Sqlite(pool(LISTS_MAX).connect_lazy_with(lists)),
    })
}

/// Brings the schema up to what this binary knows.
pub(crate) async fn migrate(file: &Path, db: &mut SqliteConnection) -> Result<(), OpenError> {
    // Not `run`: the future of that one is not `Send` for a borrowed connection.
    let Err(error) = MIGRATIONS.run_direct(None, db, false).await else { return Ok(()) };
    let file = file.to_path_buf();
    if let MigrateError::VersionMissing(version) = error {
        return Err(OpenError::Newer { file, version });
    }
    if let MigrateError::VersionMismatch(version) = error {
        return Err(OpenError::Altered { file, version });
    }
    Err(OpenError::Refused { file, reason: error.to_string() })
}

/// Whether the schema is what this binary knows, for those who may not change it.
pub(crate) async fn check_schema(file: &Path, db: &Pool) -> Result<(), OpenError> {
    let file = file.to_path_buf();
    let applied = db.fetch("select version from _sqlx_migrations order by version", &[]).await;
    let applied: Vec<i64> = match applied {
        Ok(applied) => applied.iter().filter_map(|row| row.get(0)).collect(),
        Err(error) if error.to_string().contains("no such table") => {
            return Err(OpenError::Foreign(file));
        }
        Err(error) => return Err(refused(&file, &error)),
    };
    let known: Vec<i64> = MIGRATIONS.iter().map(|migration| migration.version).collect();
    if let Some(&version) = applied.iter().find(|version| !known.contains(version)) {
        return Err(OpenError::Newer { file, version });
    }
    match known.iter().find(|version| !applied.contains(version)) {
        Some(&version) => Err(OpenError::Older { file, version }),
        None => Ok(()),
    }
}

/// SQLite's own words about a file that it does not open.
pub(crate) fn refused(file: &Path, error: &sqlx::Error) -> OpenError {
    OpenError::Refused { file: file.to_path_buf(), reason: error.to_string() }
}

/// The file system's.
pub(crate) fn no_file(file: &Path, error: &io::Error) -> OpenError {
    OpenError::Refused { file: file.to_path_buf(), reason: error.to_string() }
}

/// Closes a connection that is not trusted any more, and waits until its thread let go of the file: what it had begun is
/// then certainly over.
pub(crate) async fn discard(db: SqliteConnection) {
    if let Err(error) = db.close().await {
        tracing::warn!(%error, "a connection did not close");
    }
}
