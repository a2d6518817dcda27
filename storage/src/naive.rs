//! The classic settlement in three statements, as it is written everywhere. It loses money; Tally is built so that it can't.
//!
//! A settlement sums the paid and unsettled orders, adds the sum to the balance, and marks the paid orders as settled.
//! An order that becomes paid after the first statement and before the third is marked but was never summed: its money
//! is in nobody's balance, and no statement fails. Two settlements at once can both sum the same orders before either
//! marks them: then the merchant may withdraw money that never came in. For tests, benches and the demo alone.

use std::path::Path;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::domain::money::Money;
use tally_actors::ports::Trouble;

/// Connections of the pool: several, so that a payment can come between a settlement's statements, as in real life.
const CONNECTIONS_MAX: u32 = 8;

/// How long a statement waits for another connection's write, in seconds.
const LOCK_WAIT_S: u64 = 10;

const SCHEMA: &str = "
    create table if not exists merchants (
        merchant_id text not null primary key,
        balance_fen integer not null default 0,
        withdrawn_fen integer not null default 0
    ) strict;
    create table if not exists orders (
        merchant_id text not null,
        order_no text not null,
        amount_fen integer not null,
        paid integer not null default 0,
        settled integer not null default 0,
        primary key (merchant_id, order_no)
    ) strict, without rowid;
    create index if not exists orders_to_settle on orders (merchant_id) where paid = 1 and settled = 0;
";

/// The three-statement algorithm on a SQLite file of its own. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Naive {
    pool: SqlitePool,
}

/// What the naive tables say of one merchant, in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NaiveBooks {
    /// The sum over its paid orders.
    pub paid_fen: i64,
    /// What of it is not yet marked as settled.
    pub unsettled_fen: i64,
    /// What the merchant may withdraw.
    pub balance_fen: i64,
    /// What the merchant withdrew.
    pub withdrawn_fen: i64,
}

impl NaiveBooks {
    /// What came in and is nowhere: zero for books that agree, below zero when more can be withdrawn than came in.
    pub fn lost_fen(&self) -> i64 {
        self.paid_fen - self.unsettled_fen - self.balance_fen - self.withdrawn_fen
    }
}

impl Naive {
    /// Opens the file, and makes it when it does not exist.
    pub async fn open(path: &Path) -> Result<Self, Trouble> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(Duration::from_secs(LOCK_WAIT_S));
        let pool = SqlitePoolOptions::new().max_connections(CONNECTIONS_MAX);
        let pool = pool.connect_with(options).await.map_err(trouble)?;
        sqlx::raw_sql(SCHEMA).execute(&pool).await.map_err(trouble)?;
        Ok(Self { pool })
    }

    /// Opens an order of `amount`.
    pub async fn open_order(
        &self,
        of: &MerchantId,
        order_no: &OrderNo,
        amount: Money,
    ) -> Result<(), Trouble> {
        sqlx::query("insert or ignore into merchants (merchant_id) values (?)")
            .bind(of.as_str())
            .execute(&self.pool)
            .await
            .map_err(trouble)?;
        sqlx::query("insert into orders (merchant_id, order_no, amount_fen) values (?, ?, ?)")
            .bind(of.as_str())
            .bind(order_no.as_str())
            .bind(i64::try_from(amount.fen()).expect("an amount fits a column"))
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(trouble)
    }

    /// Marks an order as paid.
    pub async fn pay(&self, of: &MerchantId, order_no: &OrderNo) -> Result<(), Trouble> {
        sqlx::query("update orders set paid = 1 where merchant_id = ? and order_no = ?")
            .bind(of.as_str())
            .bind(order_no.as_str())
            .execute(&self.pool)
            .await
            .map(drop)
            .map_err(trouble)
    }

    /// Settles in three statements, and says how many fen it believes to have settled. This is where money is lost: what is
    /// paid between the first and the third statement is marked by the third and was not summed by the first.
    pub async fn settle(&self, of: &MerchantId) -> Result<i64, Trouble> {
        let sum: i64 = sqlx::query_scalar(
            "select coalesce(sum(amount_fen), 0) from orders where merchant_id = ? and paid = 1 and settled = 0",
        )
        .bind(of.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(trouble)?;
        sqlx::query("update merchants set balance_fen = balance_fen + ? where merchant_id = ?")
            .bind(sum)
            .bind(of.as_str())
            .execute(&self.pool)
            .await
            .map_err(trouble)?;
        sqlx::query(
            "update orders set settled = 1 where merchant_id = ? and paid = 1 and settled = 0",
        )
        .bind(of.as_str())
        .execute(&self.pool)
        .await
        .map_err(trouble)?;
        Ok(sum)
    }

    /// Withdraws the whole balance, and says how much it was in fen.
    pub async fn withdraw(&self, of: &MerchantId) -> Result<i64, Trouble> {
        let balance: Option<i64> =
            sqlx::query_scalar("select balance_fen from merchants where merchant_id = ?")
                .bind(of.as_str())
                .fetch_optional(&self.pool)
                .await
                .map_err(trouble)?;
        let balance = balance.unwrap_or(0);
        sqlx::query(
            "update merchants set balance_fen = balance_fen - ?1, withdrawn_fen = withdrawn_fen + ?1
             where merchant_id = ?2",
        )
        .bind(balance)
        .bind(of.as_str())
        .execute(&self.pool)
        .await
        .map_err(trouble)?;
        Ok(balance)
    }

    /// What the tables say of a merchant, read in one statement. All zero for one that has no order.
    pub async fn books(&self, of: &MerchantId) -> Result<NaiveBooks, Trouble> {
        let (paid_fen, unsettled_fen, balance_fen, withdrawn_fen) = sqlx::query_as(
            "select coalesce(sum(amount_fen) filter (where paid = 1), 0),
                    coalesce(sum(amount_fen) filter (where paid = 1 and settled = 0), 0),
                    coalesce((select balance_fen from merchants where merchant_id = ?1), 0),
                    coalesce((select withdrawn_fen from merchants where merchant_id = ?1), 0)
             from orders where merchant_id = ?1",
        )
        .bind(of.as_str())
        .fetch_one(&self.pool)
        .await
        .map_err(trouble)?;
        Ok(NaiveBooks { paid_fen, unsettled_fen, balance_fen, withdrawn_fen })
    }
}

fn trouble(error: sqlx::Error) -> Trouble {
    Trouble::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    const PAYERS: usize = 4;
    const ORDERS_A_ROUND: usize = 40;
    const ROUNDS_MAX: usize = 200;

    async fn naive(folder: &tempfile::TempDir) -> Naive {
        Naive::open(&folder.path().join("naive.db")).await.unwrap()
    }

    async fn open_orders(naive: &Naive, of: &MerchantId, round: usize) -> Vec<OrderNo> {
        let mut numbers = vec![];
        for n in 0..ORDERS_A_ROUND {
            let order_no: OrderNo = format!("{round:04}x{n:04}").parse().unwrap();
            naive.open_order(of, &order_no, Money::from_fen(100).unwrap()).await.unwrap();
            numbers.push(order_no);
        }
        numbers
    }

    /// Several payers share out the orders while a settler settles again and again; at last, everything is settled.
    async fn pay_and_settle(naive: &Naive, of: MerchantId, numbers: Vec<OrderNo>) {
        let (numbers, left) = (Arc::new(numbers), Arc::new(AtomicUsize::new(PAYERS)));
        let mut tasks = vec![];
        for payer in 0..PAYERS {
            let (naive, numbers, left) = (naive.clone(), Arc::clone(&numbers), Arc::clone(&left));
            tasks.push(tokio::spawn(async move {
                for order_no in numbers.iter().skip(payer).step_by(PAYERS) {
                    naive.pay(&of, order_no).await.unwrap();
                }
                left.fetch_sub(1, Ordering::SeqCst);
            }));
        }
        while left.load(Ordering::SeqCst) > 0 {
            naive.settle(&of).await.unwrap();
        }
        for task in tasks {
            task.await.unwrap();
        }
        naive.settle(&of).await.unwrap();
    }

    // Not flaky: it goes on until money is lost. A round has dozens of payments that queue for the same write lock as the
    // settlement's statements, so nearly every round loses; that 200 rounds lose nothing is out of the question.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn three_statements_lose_money_that_is_paid_meanwhile() {
        let folder = tempfile::tempdir().unwrap();
        let naive = naive(&folder).await;
        let of: MerchantId = "shop1".parse().unwrap();
        for round in 0..ROUNDS_MAX {
            let numbers = open_orders(&naive, &of, round).await;
            pay_and_settle(&naive, of, numbers).await;
            naive.withdraw(&of).await.unwrap();
            let books = naive.books(&of).await.unwrap();
            assert_eq!((books.unsettled_fen, books.balance_fen), (0, 0), "{books:?}");
            if books.lost_fen() > 0 {
                assert!(books.withdrawn_fen < books.paid_fen, "{books:?}");
                return;
            }
        }
        panic!("{ROUNDS_MAX} rounds lost nothing");
    }

    #[tokio::test]
    async fn without_concurrency_the_books_agree() {
        let folder = tempfile::tempdir().unwrap();
        let naive = naive(&folder).await;
        let of: MerchantId = "shop1".parse().unwrap();
        for order_no in open_orders(&naive, &of, 0).await.iter().skip(1) {
            naive.pay(&of, order_no).await.unwrap();
        }
        assert_eq!(naive.settle(&of).await.unwrap(), 3_900);
        assert_eq!(naive.withdraw(&of).await.unwrap(), 3_900);
        let books = naive.books(&of).await.unwrap();
        let expected =
            NaiveBooks { paid_fen: 3_900, unsettled_fen: 0, balance_fen: 0, withdrawn_fen: 3_900 };
        assert_eq!((books, books.lost_fen()), (expected, 0));
    }
}
