//! PostgreSQL as it is installed: what each error means, and how a session is begun and ended.

mod errors;
mod opening;
mod schema;
mod sessions;

use sqlx::postgres::PgConnection;
use tally_proof::servers::postgres::{Postgres, PostgresServer};

use super::connect::Database;
use super::errors::meaning;
use crate::sql::connect::Purpose;
use crate::sql::meaning::Meaning;

/// A server that the tests of this binary share, and a database there that nobody else uses, with a table of two rows.
async fn prepared() -> Option<(&'static PostgresServer, Database)> {
    let server = Postgres::shared()?;
    let database = database(&server.fresh_database()).await;
    Some((server, database))
}

async fn database(url: &str) -> Database {
    let database = Database::look(url).await.expect("it fits");
    let mut db = writer(&database).await;
    run(&mut db, "create table t (n bigint primary key check (n > 0), word text not null)")
        .await
        .expect("a table");
    run(&mut db, "insert into t values (1, 'one'), (2, 'two')").await.expect("two rows");
    database
}

async fn writer(database: &Database) -> PgConnection {
    database.connect(Purpose::Write).await.expect("a session")
}

/// Executes a statement as it is, and says what its failure means.
async fn run(db: &mut PgConnection, statement: &'static str) -> Result<u64, Meaning> {
    let done = sqlx::raw_sql(statement).execute(db).await;
    done.map(|done| done.rows_affected()).map_err(|error| meaning(&error))
}

/// The other way to say what a statement did not do.
async fn fails(db: &mut PgConnection, statement: &'static str) -> Meaning {
    run(db, statement).await.expect_err(statement)
}
