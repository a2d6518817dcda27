//! Payments in a transaction each, as a careful back end without Tally books them. Loses nothing, and is slow: a flush for each, and
//! a hot merchant's row is locked through it. For benches alone, which put their figures beside it.

use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::domain::money::Money;
use tally_actors::ports::Trouble;

use crate::place::Place;
use crate::server;
use crate::sql::db::{Db, Pool};
use crate::sql::rows::fen;
use crate::sql::statement::{Shape, Statement, Type};
use crate::sql::value::Value::{Integer, Text};
use crate::sql::value::Values;
use crate::sqlite::OpenError;

/// How long a statement waits for another connection's write, in seconds.
const LOCK_WAIT_S: u64 = 10;

/// What every database takes.
const TABLES: [&str; 2] = [
    "create table merchants (
        merchant_id varchar(12) not null primary key,
        balance_fen bigint not null default 0
    )",
    "create table orders (
        merchant_id varchar(12) not null,
        order_no varchar(19) not null,
        amount_fen bigint not null,
        paid bigint not null default 0,
        primary key (merchant_id, order_no)
    )",
];

static MERCHANTS: Statement =
    Statement::new(Shape::Insert { table: "merchants", columns: "merchant_id" }, &[Type::Text]);

static ORDERS: Statement = Statement::new(
    Shape::Insert { table: "orders", columns: "merchant_id, order_no, amount_fen" },
    &[Type::Text, Type::Text, Type::Integer],
);

/// Orders and balances in a database that is used for nothing else. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OneEach {
    db: Pool,
}

impl OneEach {
    /// Opens a place that is new, for so many payments at once.
    ///
    /// # Errors
    ///
    /// In one line, without a password.
    pub async fn open(place: &Place, at_once: u32) -> Result<Self, OpenError> {
        let db = match place {
            Place::File(file) => {
                let options = SqliteConnectOptions::new()
                    .filename(file)
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full)
                    .busy_timeout(Duration::from_secs(LOCK_WAIT_S));
                let pool = SqlitePoolOptions::new().max_connections(at_once);
                Pool::Sqlite(pool.connect_lazy_with(options))
            }
            Place::Server(url) => server::connections(url, at_once).await?,
        };
        let made = async {
            let mut lent = db.acquire().await?;
            // As SQLite's tables are by their keys only where they say so.
            let rows = if place.file().is_some() { " without rowid" } else { "" };
            for table in TABLES {
                lent.db().execute(&format!("{table}{rows}"), &[]).await?;
            }
            Ok(())
        };
        let made: Result<(), sqlx::Error> = made.await;
        made.map_err(|error| {
            OpenError::Server(db.dialect().meaning(&error).trouble().to_string())
        })?;
        Ok(Self { db })
    }

    /// Opens orders of `amount` of a merchant who is new.
    ///
    /// # Errors
    ///
    /// Where they were not written, some or all.
    pub async fn open_orders(
        &self,
        of: &MerchantId,
        orders: &[OrderNo],
        amount: Money,
    ) -> Result<(), Trouble> {
        let row = |order_no| {
            vec![Text(of.as_str()), Text(OrderNo::as_str(order_no)), Integer(fen(amount))]
        };
        let rows: Vec<Values<'_>> = orders.iter().map(row).collect();
        let opened = async {
            let mut lent = self.db.acquire().await?;
            let mut db = lent.db();
            MERCHANTS.write(&mut db, &[vec![Text(of.as_str())]]).await?;
            ORDERS.write(&mut db, &rows).await
        };
        opened.await.map(drop).map_err(|error| self.trouble(&error))
    }

    /// Marks an order of `amount` as paid and adds it to the balance, in one transaction. `false`: it was paid before.
    ///
    /// # Errors
    ///
    /// Where the database did not answer as it should.
    pub async fn pay(
        &self,
        of: &MerchantId,
        order_no: &OrderNo,
        amount: Money,
    ) -> Result<bool, Trouble> {
        self.paid(async |db| pay(db, of, order_no, amount).await).await
    }

    /// The same by the other usual way: the merchant's row is read and locked first (`select … for update`), and written back. For
    /// servers: SQLite has no such lock.
    ///
    /// # Errors
    ///
    /// Where the database did not answer as it should.
    pub async fn pay_locked(
        &self,
        of: &MerchantId,
        order_no: &OrderNo,
        amount: Money,
    ) -> Result<bool, Trouble> {
        self.paid(async |db| pay_locked(db, of, order_no, amount).await).await
    }

    /// Pays on a connection that is not used again where it failed.
    async fn paid(
        &self,
        pay: impl AsyncFnOnce(&mut Db<'_>) -> Result<bool, sqlx::Error>,
    ) -> Result<bool, Trouble> {
        let paid = async {
            let mut lent = self.db.acquire().await?;
            let paid = pay(&mut lent.db()).await;
            if paid.is_err() {
                lent.keep_out();
            }
            paid
        };
        paid.await.map_err(|error| self.trouble(&error))
    }

    /// What a merchant may withdraw, in fen.
    ///
    /// # Errors
    ///
    /// Where the database did not answer as it should.
    pub async fn balance_fen(&self, of: &MerchantId) -> Result<i64, Trouble> {
        let text = "select balance_fen from merchants where merchant_id = ?";
        let rows = self.db.fetch(text, &[Text(of.as_str())]).await;
        let rows = rows.map_err(|error| self.trouble(&error))?;
        Ok(rows.first().and_then(|row| row.get(0)).unwrap_or(0))
    }

    /// Closes its connections.
    pub async fn close(&self) {
        self.db.close().await;
    }

    fn trouble(&self, error: &sqlx::Error) -> Trouble {
        self.db.dialect().meaning(error).trouble()
    }
}

/// The order first, the merchant's row, for which others wait, last.
async fn pay(
    db: &mut Db<'_>,
    of: &MerchantId,
    order_no: &OrderNo,
    amount: Money,
) -> Result<bool, sqlx::Error> {
    let words = db.dialect().words();
    db.command(words.begin).await?;
    let order = [Text(of.as_str()), Text(order_no.as_str())];
    let marked = "update orders set paid = 1 where merchant_id = ? and order_no = ? and paid = 0";
    let is_new = db.execute(marked, &order).await? == 1;
    if is_new {
        let added = "update merchants set balance_fen = balance_fen + ? where merchant_id = ?";
        db.execute(added, &[Integer(fen(amount)), Text(of.as_str())]).await?;
    }
    db.command(words.commit).await?;
    Ok(is_new)
}

/// The merchant's row first, so that nobody else reads its balance until this is done.
async fn pay_locked(
    db: &mut Db<'_>,
    of: &MerchantId,
    order_no: &OrderNo,
    amount: Money,
) -> Result<bool, sqlx::Error> {
    let words = db.dialect().words();
    db.command(words.begin).await?;
    let read = "select balance_fen from merchants where merchant_id = ? for update";
    let rows = db.fetch(read, &[Text(of.as_str())]).await?;
    let balance: i64 = rows.first().and_then(|row| row.get(0)).unwrap_or(0);
    let order = [Text(of.as_str()), Text(order_no.as_str())];
    let marked = "update orders set paid = 1 where merchant_id = ? and order_no = ? and paid = 0";
    let is_new = db.execute(marked, &order).await? == 1;
    if is_new {
        let written = "update merchants set balance_fen = ? where merchant_id = ?";
        db.execute(written, &[Integer(balance + fen(amount)), Text(of.as_str())]).await?;
    }
    db.command(words.commit).await?;
    Ok(is_new)
}

#[cfg(test)]
mod tests {
    use tally_proof::servers::mariadb::Mariadb;
    use tally_proof::servers::postgres::Postgres;

    use super::*;

    async fn a_payment_counts_once_at(place: &Place, locked: bool) {
        let of: MerchantId = "shop1".parse().unwrap();
        let orders: Vec<OrderNo> = (0..40).map(|n| format!("A{n:04}").parse().unwrap()).collect();
        let amount = Money::from_fen(100).unwrap();
        let each = OneEach::open(place, 4).await.unwrap();
        each.open_orders(&of, &orders, amount).await.unwrap();
        let pay = |order_no: OrderNo| {
            let each = each.clone();
            tokio::spawn(async move {
                if locked {
                    return each.pay_locked(&of, &order_no, amount).await.unwrap();
                }
                each.pay(&of, &order_no, amount).await.unwrap()
            })
        };
        let twice: Vec<_> = orders.iter().chain(&orders).map(|order_no| pay(*order_no)).collect();
        let mut paid = 0;
        for payment in twice {
            paid += usize::from(payment.await.unwrap());
        }
        assert_eq!((paid, each.balance_fen(&of).await.unwrap()), (40, 4_000));
        each.close().await;
    }

    #[tokio::test]
    async fn a_payment_counts_once_however_many_come_at_once() {
        let folder = tempfile::tempdir().unwrap();
        a_payment_counts_once_at(&Place::File(folder.path().join("each.db")), false).await;
        for locked in [false, true] {
            if let Some(postgres) = Postgres::shared() {
                let url = postgres.fresh_database().parse().unwrap();
                a_payment_counts_once_at(&Place::Server(url), locked).await;
            }
            if let Some(mariadb) = Mariadb::shared() {
                let url = mariadb.fresh_database().parse().unwrap();
                a_payment_counts_once_at(&Place::Server(url), locked).await;
            }
        }
    }
}
