//! Fills a store with history, by the rules and in large batches, without the engine.

use std::sync::Arc;

use tally_actors::domain::account::Account;
use tally_actors::domain::books::Key;
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::{Command, OpenOrder, Pay, Settle};
use tally_actors::domain::event::{PaymentSource, Stamped};
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::domain::money::Money;
use tally_actors::domain::number;
use tally_actors::domain::order::Channel;
use tally_actors::domain::rules::Rules;
use tally_actors::domain::time::At;
use tally_actors::ports::{Batch, Commit, Row, Run, Store};

/// The moment at which everything happens.
pub(crate) fn now() -> At {
    "2026-03-01T04:00:00Z".parse().expect("a time")
}

/// An amount in fen.
pub(crate) fn fen(amount: u64) -> Money {
    Money::from_fen(amount).expect("a small amount")
}

/// The `n`th merchant.
pub(crate) fn merchant_id(n: usize) -> MerchantId {
    format!("m{n:06}").parse().expect("an id")
}

/// The number of a merchant's `n`th order, as Tally makes it: the time first, one a millisecond, then random digits.
pub(crate) fn order_no(n: usize) -> OrderNo {
    let n = i64::try_from(n).expect("a count");
    number::make(now().plus_ms(n), spread(n)).parse().expect("a number")
}

/// A number that looks random, the same for the same `n`.
fn spread(n: i64) -> u64 {
    n.unsigned_abs().wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(31)
}

/// The payment of a merchant's `n`th order.
pub(crate) fn payment(n: usize) -> Pay {
    Pay {
        order_no: order_no(n),
        transaction_id: format!("42000{n:023}").parse().expect("a number"),
        amount: fen(100),
        booked: fen(100),
        paid_at: now(),
        source: PaymentSource::Notice,
    }
}

/// One merchant's account while its history is made.
pub(crate) struct Seeder {
    account: Account,
    opened: usize,
}

impl Seeder {
    /// A merchant that was just registered.
    pub(crate) async fn register(store: &dyn Store, merchant: MerchantId) -> Self {
        let (mut seeder, run) = Self::registered(merchant);
        seeder.opened = 0;
        write(store, vec![run]).await;
        seeder
    }

    /// Merchants with open orders.
    pub(crate) async fn register_and_open(store: &dyn Store, merchants: &[(MerchantId, usize)]) {
        let mut seeders = vec![];
        let mut runs = vec![];
        for (merchant, _) in merchants {
            let (seeder, run) = Self::registered(*merchant);
            seeders.push(seeder);
            runs.push(run);
        }
        write(store, runs).await;
        if let ([seeder], [(_, count)]) = (&mut seeders[..], merchants) {
            return seeder.open_orders(store, *count).await;
        }
        let opened = seeders.iter_mut().zip(merchants);
        let runs =
            opened.map(|(seeder, (_, count))| seeder.run((0..*count).map(open_order).collect()));
        write(store, runs.collect()).await;
    }

    /// Merchants whose orders are paid and settled.
    pub(crate) async fn register_pay_and_settle(
        store: &dyn Store,
        merchants: &[(MerchantId, usize)],
    ) {
        let mut runs = vec![];
        for (merchant, count) in merchants {
            let (mut seeder, mut run) = Self::registered(*merchant);
            let paid = (0..*count).flat_map(|n| [open_order(n), Command::Pay(payment(n))]);
            let more = seeder.run(paid.chain([settle()]).collect());
            run.rows.extend(more.rows);
            run.head = more.head;
            runs.push(run);
        }
        write(store, runs).await;
    }

    /// Opens so many more orders.
    pub(crate) async fn open_orders(&mut self, store: &dyn Store, count: usize) {
        let orders: Vec<usize> = (self.opened..self.opened + count).collect();
        for chunk in orders.chunks(5_000) {
            let run = self.run(chunk.iter().map(|n| open_order(*n)).collect());
            write(store, vec![run]).await;
        }
        self.opened += count;
    }

    /// Pays so many orders from the `first` on, in transactions of at most 5,000.
    pub(crate) async fn pay(&mut self, store: &dyn Store, first: usize, count: usize) {
        let orders: Vec<usize> = (first..first + count).collect();
        for chunk in orders.chunks(5_000) {
            let run = self.run(chunk.iter().map(|n| Command::Pay(payment(*n))).collect());
            write(store, vec![run]).await;
            for pay in chunk.iter().map(|n| payment(*n)) {
                self.account.books_mut().forget(&Key::Order(pay.order_no));
                self.account.books_mut().forget(&Key::Transaction(pay.transaction_id));
            }
        }
    }

    fn registered(merchant: MerchantId) -> (Self, Run) {
        let mut seeder = Self { account: Account::new(merchant, None), opened: 0 };
        let run = seeder.run(vec![Command::Register(Rules::new("a shop"))]);
        (seeder, run)
    }

    /// Decides commands one after the other, as the pipeline does.
    fn run(&mut self, commands: Vec<Command>) -> Run {
        let merchant = *self.account.merchant();
        let expects = self.account.link();
        let mut rows = vec![];
        for command in &commands {
            for key in self.account.keys(command) {
                self.account.books_mut().learn(key, None);
            }
            for event in self.account.decide(command, now()).expect("it is allowed") {
                let row = Row::new(&merchant, self.account.link(), Stamped::new(now(), event));
                self.account.apply(&row.stamped, row.link).expect("it was decided");
                rows.push(row);
            }
        }
        let head = self.account.head().expect("registered").clone();
        assert!(head.link.seq > Seq(0));
        Run { merchant, expects, rows, head }
    }
}

async fn write(store: &dyn Store, runs: Vec<Run>) {
    let committed = store.commit(Arc::new(Batch { runs })).await;
    assert_eq!(committed, Commit::Committed);
}

fn open_order(n: usize) -> Command {
    Command::OpenOrder(OpenOrder {
        order_no: order_no(n),
        idempotency_key: None,
        amount: fen(100),
        description: "apples".into(),
        channel: Channel::External,
        expires_at: now().plus_ms(7_200_000),
    })
}

fn settle() -> Command {
    Command::Settle(Settle {
        settlement_no: "S0001".parse().expect("a number"),
        idempotency_key: None,
        include_not_due: false,
    })
}
