//! Connections and pools of each database, behind one face: a text with `?` for its values goes in, rows come out.

use std::sync::Arc;

use sqlx::mysql::{MySqlArguments, MySqlConnection, MySqlPool};
use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgArguments, PgConnection, PgPool};
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqlitePool};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection as _, Database, MySql, Postgres, Sqlite};

use super::connect::{Renewal, in_time};
use super::dialect::Dialect;
use super::meaning::Meaning;
use super::row::{self, Row};
use super::statement::Parameters;
use super::value::Value;

/// A connection of one's own to a server.
#[derive(Debug)]
pub(crate) enum Connection {
    /// To a server.
    Mysql(MySqlConnection),
    /// To a server.
    Postgres(PgConnection),
}

/// A connection that is lent by a pool.
#[derive(Debug)]
pub(crate) enum Lent {
    /// To a file.
    Sqlite(PoolConnection<Sqlite>),
    /// To a server.
    Mysql(PoolConnection<MySql>),
    /// To a server.
    Postgres(PoolConnection<Postgres>),
}

/// A transaction that reads at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot {
    lent: Lent,
    open: bool,
}

/// Some connections for whoever reads.
#[derive(Debug, Clone)]
pub(crate) enum Pool {
    /// To a file.
    Sqlite(SqlitePool),
    /// To a server; with when its connections are to be made anew.
    Mysql(MySqlPool, Renewal),
    /// The same.
    Postgres(PgPool, Renewal),
}

/// A connection at hand.
pub(crate) enum Db<'c> {
    /// To a file.
    Sqlite(&'c mut SqliteConnection),
    /// To a server.
    Mysql(&'c mut MySqlConnection),
    /// To a server.
    Postgres(&'c mut PgConnection),
}

impl Connection {
    /// It, at hand.
    pub(crate) fn db(&mut self) -> Db<'_> {
        match self {
            Self::Mysql(db) => Db::Mysql(db),
            Self::Postgres(db) => Db::Postgres(db),
        }
    }

    /// Closes it, saying so to the other side.
    pub(crate) async fn close(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Mysql(db) => db.close().await,
            Self::Postgres(db) => db.close().await,
        }
    }
}

impl Lent {
    /// Does not give it back to its pool, as something may be open on it.
    pub(crate) fn keep_out(&mut self) {
        match self {
            Self::Sqlite(db) => db.close_on_drop(),
            Self::Mysql(db) => db.close_on_drop(),
            Self::Postgres(db) => db.close_on_drop(),
        }
    }

    /// It, at hand.
    pub(crate) fn db(&mut self) -> Db<'_> {
        match self {
            Self::Sqlite(db) => Db::Sqlite(db),
            Self::Mysql(db) => Db::Mysql(db),
            Self::Postgres(db) => Db::Postgres(db),
        }
    }
}

impl Snapshot {
    /// Begins to read at one moment.
    pub(crate) async fn begin(pool: &Pool) -> Result<Self, sqlx::Error> {
        let mut snapshot = Self { lent: pool.acquire().await?, open: true };
        let begin = pool.dialect().begin_snapshot();
        snapshot.db().command(begin).await?;
        Ok(snapshot)
    }

    /// The connection.
    pub(crate) fn db(&mut self) -> Db<'_> {
        self.lent.db()
    }

    /// Ends it, and gives its connection back.
    pub(crate) async fn end(mut self) -> Result<(), sqlx::Error> {
        self.db().command("rollback").await?;
        self.open = false;
        Ok(())
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if self.open {
            self.lent.keep_out();
        }
    }
}

impl Pool {
    /// Which SQL it speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Mysql(..) => Dialect::Mysql,
            Self::Postgres(..) => Dialect::Postgres,
        }
    }

    /// SQLite's own pool.
    #[cfg(test)]
    pub(crate) fn file(&self) -> &SqlitePool {
        match self {
            Self::Sqlite(pool) => pool,
            Self::Mysql(..) | Self::Postgres(..) => unreachable!("only a file is asked so"),
        }
    }

    /// Lends a connection.
    pub(crate) async fn acquire(&self) -> Result<Lent, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(pool) => Lent::Sqlite(pool.acquire().await?),
            Self::Mysql(pool, renewal) => Lent::Mysql(lent(pool, renewal).await?),
            Self::Postgres(pool, renewal) => Lent::Postgres(lent(pool, renewal).await?),
        })
    }

    /// The rows of one statement, in whose text `?` stands for each value.
    pub(crate) async fn fetch(
        &self,
        text: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        self.acquire().await?.db().fetch(text, values).await
    }

    /// Closes all.
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Mysql(pool, _) => pool.close().await,
            Self::Postgres(pool, _) => pool.close().await,
        }
    }
}

/// A connection of a server's pool. The pool asks a server that refuses again and again, for seconds in which a caller might
/// hear that nothing happened. So before it makes a connection, the server is asked whether it gives any.
async fn lent<D: Database>(
    pool: &sqlx::Pool<D>,
    renewal: &Renewal,
) -> Result<PoolConnection<D>, sqlx::Error> {
    let grows = pool.num_idle() == 0 && pool.size() < pool.options().get_max_connections();
    if grows || renewal.is_unproven() {
        let options = pool.connect_options();
        let asked = in_time(ConnectOptions::connect(&*options)).await?;
        renewal.proven();
        drop(in_time(asked.close()).await); // it was only to ask
    }
    pool.acquire().await
}

impl Db<'_> {
    /// Which SQL it speaks.
    pub(crate) fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Mysql(..) => Dialect::Mysql,
            Self::Postgres(..) => Dialect::Postgres,
        }
    }

    /// What an error of it means.
    pub(crate) fn meaning(&self, error: &sqlx::Error) -> Meaning {
        self.dialect().meaning(error)
    }

    /// The rows of a statement, in whose text `?` stands for each value.
    pub(crate) async fn fetch(
        &mut self,
        text: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<Row>, sqlx::Error> {
        let text = self.dialect().text(text);
        self.read(text, &Parameters::Row(values)).await
    }

    /// Executes a statement, in whose text `?` stands for each value. Gives how many rows it touched.
    pub(crate) async fn execute(
        &mut self,
        text: &str,
        values: &[Value<'_>],
    ) -> Result<u64, sqlx::Error> {
        let text = self.dialect().text(text);
        self.write(text, &Parameters::Row(values)).await
    }

    /// Executes a word that takes no values and is not prepared, such as BEGIN.
    pub(crate) async fn command(&mut self, text: &'static str) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(db) => sqlx::query(text).execute(&mut **db).await.map(drop),
            Self::Mysql(db) => sqlx::raw_sql(text).execute(&mut **db).await.map(drop),
            Self::Postgres(db) => sqlx::raw_sql(text).execute(&mut **db).await.map(drop),
        }
    }

    /// The rows of a statement in the dialect's own words.
    pub(super) async fn read(
        &mut self,
        text: Arc<str>,
        parameters: &Parameters<'_, '_>,
    ) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Self::Sqlite(db) => {
                let query = sqlx::query_with(AssertSqlSafe(text), parameters.sqlite());
                row::of_sqlite(&query.fetch_all(&mut **db).await?)
            }
            Self::Mysql(db) => {
                let query = sqlx::query_with(AssertSqlSafe(text), parameters.mysql());
                row::of_mysql(&query.fetch_all(&mut **db).await?)
            }
            Self::Postgres(db) => {
                let query = sqlx::query_with(AssertSqlSafe(text), parameters.postgres());
                row::of_postgres(&query.fetch_all(&mut **db).await?)
            }
        }
    }

    /// Executes a statement in the dialect's own words. Gives how many rows it touched.
    pub(super) async fn write(
        &mut self,
        text: Arc<str>,
        parameters: &Parameters<'_, '_>,
    ) -> Result<u64, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(db) => {
                let query = sqlx::query_with(AssertSqlSafe(text), parameters.sqlite());
                query.execute(&mut **db).await?.rows_affected()
            }
            Self::Mysql(db) => {
                let query = sqlx::query_with(AssertSqlSafe(text), parameters.mysql());
                query.execute(&mut **db).await?.rows_affected()
            }
            Self::Postgres(db) => {
                let query = sqlx::query_with(AssertSqlSafe(text), parameters.postgres());
                query.execute(&mut **db).await?.rows_affected()
            }
        })
    }
}

impl Parameters<'_, '_> {
    fn sqlite(&self) -> SqliteArguments {
        use sqlx::Arguments as _;
        let mut arguments = SqliteArguments::default();
        arguments.reserve(self.len(), 0);
        self.each(|value| value.bind_sqlite(&mut arguments));
        arguments
    }

    fn mysql(&self) -> MySqlArguments {
        let mut arguments = MySqlArguments::default();
        self.each(|value| value.bind_mysql(&mut arguments));
        arguments
    }

    fn postgres(&self) -> PgArguments {
        let mut arguments = PgArguments::default();
        match self {
            Self::Row(values) => {
                values.iter().for_each(|value| value.bind_postgres(&mut arguments))
            }
            Self::Rows(types, rows, _) => {
                types.iter().enumerate().for_each(|(column, kind)| {
                    kind.bind_array(rows, column, &mut arguments);
                });
            }
        }
        arguments
    }
}
