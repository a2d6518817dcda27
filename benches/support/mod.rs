//! Fills a store with history, by the rules and in large batches, without the engine; and what tables of figures need.

pub(crate) mod plot;
pub(crate) mod stage;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tally_actors::domain::account::Account;
use tally_actors::domain::books::Key;
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::{Command, OpenOrder, Pay, RecordPrepay, Settle};
use tally_actors::domain::event::{PaymentSource, Stamped};
use tally_actors::domain::ids::{MerchantId, OrderNo};
use tally_actors::domain::money::Money;
use tally_actors::domain::number;
use tally_actors::domain::order::Channel;
use tally_actors::domain::rules::Rules;
use tally_actors::domain::time::At;
use tally_actors::ports::{Batch, Commit, Row, Run, Store};

/// The moment at which a merchant's history begins; each of its commands is a millisecond after the one before.
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
        signed: None,
    }
}

/// One merchant's account while its history is made.
pub(crate) struct Seeder {
    account: Account,
    opened: usize,
    now: At,
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
            let more = seeder.run(paid.chain([settle("S0001")]).collect());
            run.rows.extend(more.rows);
            run.head = more.head;
            runs.push(run);
        }
        write(store, runs).await;
    }

    /// The orders before this one are opened.
    pub(crate) fn opened_from(&mut self, first: usize) {
        self.opened = first;
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
            chunk.iter().for_each(|n| self.forget(&payment(*n)));
        }
    }

    /// So many orders from the `first` on, each opened, announced where it is WeChat's, and paid; then all of them settled.
    pub(crate) fn sell(&mut self, first: usize, count: usize, channel: &Channel) -> Run {
        self.earn_and(first, count, channel, Some(settle(&format!("S{first:09}"))))
    }

    /// The same, not settled.
    pub(crate) fn earn(&mut self, first: usize, count: usize, channel: &Channel) -> Run {
        self.earn_and(first, count, channel, None)
    }

    fn earn_and(
        &mut self,
        first: usize,
        count: usize,
        channel: &Channel,
        then: Option<Command>,
    ) -> Run {
        let mut commands = vec![];
        for n in first..first + count {
            let Pay { order_no, .. } = payment(n);
            commands.push(open_order_by(n, channel.clone()));
            if matches!(channel, Channel::Wechat { .. }) {
                let prepay_id = format!("wx2026{n:030}").into();
                commands.push(Command::RecordPrepay(RecordPrepay { order_no, prepay_id }));
            }
            commands.push(Command::Pay(payment(n)));
        }
        commands.extend(then);
        let run = self.run(commands);
        (first..first + count).for_each(|n| self.forget(&payment(n)));
        run
    }

    fn forget(&mut self, pay: &Pay) {
        self.account.books_mut().forget(&Key::Order(pay.order_no));
        self.account.books_mut().forget(&Key::Transaction(pay.transaction_id));
    }

    /// So many orders from the `first` on, each opened and announced to WeChat, and not kept in mind.
    pub(crate) fn announce(&mut self, first: usize, count: usize, channel: &Channel) -> Run {
        let mut commands = vec![];
        for n in first..first + count {
            let (order_no, prepay_id) = (order_no(n), format!("wx2026{n:030}").into());
            commands.push(open_order_by(n, channel.clone()));
            commands.push(Command::RecordPrepay(RecordPrepay { order_no, prepay_id }));
        }
        let run = self.run(commands);
        (first..first + count).for_each(|n| self.forget(&payment(n)));
        run
    }

    /// The same, with the run that registers it still to be written.
    pub(crate) fn registered(merchant: MerchantId) -> (Self, Run) {
        Self::registered_at(merchant, now())
    }

    /// The same, at another time.
    pub(crate) fn registered_at(merchant: MerchantId, at: At) -> (Self, Run) {
        let mut seeder = Self { account: Account::new(merchant, None), opened: 0, now: at };
        let run = seeder.run(vec![Command::Register(Rules::new("a shop"))]);
        (seeder, run)
    }

    /// Decides commands one after the other, as the pipeline does.
    fn run(&mut self, commands: Vec<Command>) -> Run {
        let merchant = *self.account.merchant();
        let expects = self.account.link();
        let mut rows = vec![];
        for command in &commands {
            self.now = self.now.plus_ms(1);
            for key in self.account.keys(command) {
                self.account.books_mut().learn(key, None);
            }
            for event in self.account.decide(command, self.now).expect("it is allowed") {
                let row = Row::new(&merchant, self.account.link(), Stamped::new(self.now, event));
                self.account.apply(&row.stamped, row.link).expect("it was decided");
                rows.push(row);
            }
        }
        let head = self.account.head().expect("registered").clone();
        assert!(head.link.seq > Seq(0));
        Run { merchant, expects, rows, head }
    }
}

/// Writes what must be written.
pub(crate) async fn write(store: &dyn Store, runs: Vec<Run>) {
    let committed = store.commit(Arc::new(Batch { runs })).await;
    assert_eq!(committed, Commit::Committed);
}

fn open_order(n: usize) -> Command {
    open_order_by(n, Channel::External)
}

fn open_order_by(n: usize, channel: Channel) -> Command {
    Command::OpenOrder(OpenOrder {
        order_no: order_no(n),
        idempotency_key: None,
        amount: fen(100),
        description: "apples".into(),
        channel,
        expires_at: now().plus_ms(7_200_000),
    })
}

fn settle(number: &str) -> Command {
    Command::Settle(Settle {
        settlement_no: number.parse().expect("a number"),
        idempotency_key: None,
        include_not_due: false,
    })
}

/// On the disk that the build uses: temporary folders may be in memory.
pub(crate) fn target() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(folder).expect("a folder for temporary files");
    folder.to_path_buf()
}

/// The processor time that this process has used, all threads together. The kernel counts in hundredths of a second.
pub(crate) fn processor() -> Duration {
    processor_of("self")
}

/// The same of another process.
pub(crate) fn processor_of(process: &str) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// The most memory that a process had so far, in kilobytes, where the kernel tells.
pub(crate) fn peak_of(process: u32) -> u64 {
    kilobytes(&process.to_string(), "VmHWM:")
}

/// The memory that a process has now, in kilobytes, where the kernel tells.
pub(crate) fn resident_of(process: &str) -> u64 {
    kilobytes(process, "VmRSS:")
}

fn kilobytes(process: &str, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// How many a second.
pub(crate) fn rate(count: usize, elapsed: Duration) -> u64 {
    let micros = u64::try_from(elapsed.as_micros()).expect("a short time").max(1);
    u64::try_from(count).expect("a count") * 1_000_000 / micros
}

/// Microseconds as milliseconds, for a table.
pub(crate) fn millis(micros: u64) -> String {
    format!("{}.{:02}", micros / 1_000, micros % 1_000 / 10)
}

/// Tenths of how many times one is the other.
pub(crate) fn tenths(value: u64, of: u64) -> String {
    let tenths = value * 10 / of.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Hundredths of the same.
pub(crate) fn hundredths(value: u64, of: u64) -> String {
    let hundredths = value * 100 / of.max(1);
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
