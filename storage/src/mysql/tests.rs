//! MariaDB as it is installed: what each error means, and how a session is begun and ended.

mod errors;
mod opening;
mod plans;
mod schema;
mod sessions;

use sqlx::mysql::MySqlConnection;
use tally_proof::servers::mariadb::{Mariadb, MariadbServer};

use super::connect::Database;
use super::errors::meaning;
use crate::sql::connect::Purpose;
use crate::sql::meaning::Meaning;

/// A server that the tests of this binary share, and a database there that nobody else uses, with a table of two rows.
async fn prepared() -> Option<(&'static MariadbServer, Database)> {
    let server = Mariadb::shared()?;
    let database = database(&server.fresh_database()).await;
    Some((server, database))
}

async fn database(url: &str) -> Database {
    let database = Database::look(url).await.expect("it fits");
    let mut db = writer(&database).await;
    let table = "create table t (n bigint primary key, word varchar(8) not null, other bigint, unique key others (other), \
        constraint positive check (n > 0)) engine = InnoDB character set utf8mb4 collate utf8mb4_bin";
    run(&mut db, table).await.expect("a table");
    run(&mut db, "insert into t values (1, 'one', 1), (2, 'two', null)").await.expect("two rows");
    database
}

async fn writer(database: &Database) -> MySqlConnection {
    database.connect(Purpose::Write).await.expect("a session")
}

/// Executes statements as they are, and says what their failure means.
async fn run(db: &mut MySqlConnection, statements: &'static str) -> Result<u64, Meaning> {
    let done = sqlx::raw_sql(statements).execute(db).await;
    done.map(|done| done.rows_affected()).map_err(|error| meaning(&error))
}

/// The other way to say what a statement did not do.
async fn fails(db: &mut MySqlConnection, statements: &'static str) -> Meaning {
    run(db, statements).await.expect_err(statements)
}

/// The name of the database there.
fn name(database: &Database) -> &str {
    database.place().rsplit('/').next().expect("a place has a slash")
}
