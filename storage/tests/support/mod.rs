//! What tests of stores share: merchants driven by the engine's own rules, and what they lead to as runs.

use std::sync::Arc;

use tally_actors::domain::account::Account;
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::case::{Case, CaseKind, Remedy};
use tally_actors::domain::chain::Link;
use tally_actors::domain::command::{
    Command, Confirm, OpenOrder, Pay, RaiseCase, RecordPrepay, RecordTransfer, ResolveCase, Review,
    Settle, StartSending, TransferOutcome, Withdraw,
};
use tally_actors::domain::event::{Event, PaymentSource, Stamped};
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::{FeeRate, Money};
use tally_actors::domain::order::Channel;
use tally_actors::domain::rules::{PayoutMethod, Rules};
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::WithdrawalRequest;
use tally_actors::ports::{Batch, Commit, Row, Run, Store};

/// Parses an id or a number that a test writes as text.
pub(crate) fn id<T: std::str::FromStr<Err: std::fmt::Debug>>(raw: &str) -> T {
    raw.parse().unwrap_or_else(|error| panic!("{raw}: {error:?}"))
}

pub(crate) fn fen(fen: u64) -> Money {
    Money::from_fen(fen).expect("a small amount")
}

/// A merchant as its actor would have it in memory, and nothing forgotten.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) account: Account,
    now: At,
}

impl Shop {
    /// A merchant that was never heard of.
    pub(crate) fn new(merchant: &str) -> Self {
        let now = id("2026-03-01T02:00:00Z");
        Self { account: Account::new(id(merchant), None), now }
    }

    pub(crate) fn id(&self) -> MerchantId {
        *self.account.merchant()
    }

    /// What the commands lead to, each a second after the one before. A refusal fails the test.
    pub(crate) fn run(&mut self, commands: &[Command]) -> Run {
        let expects = self.account.link();
        let mut rows = vec![];
        for command in commands {
            let command = &self.knowing_the_last_try(command);
            self.now = self.now.plus_ms(1_000);
            let unknown = |account: &Account| {
                let mut keys = account.keys(command);
                keys.retain(|key| !account.books().knows(key));
                keys
            };
            loop {
                let keys = unknown(&self.account);
                if keys.is_empty() {
                    break;
                }
                keys.into_iter().for_each(|key| self.account.books_mut().learn(key, None));
            }
            let decided = self.account.decide(command, self.now);
            let events = decided.unwrap_or_else(|refusal| panic!("{command:?}: {refusal}"));
            for event in events {
                let follows = self.account.link();
                let row = Row::new(&self.id(), follows, Stamped::new(self.now, event));
                self.account.apply(&row.stamped, row.link).expect("it was just decided");
                rows.push(row);
            }
        }
        self.run_of(expects, rows)
    }

    /// The command, with what whoever sends a transfer knows of the try before.
    fn knowing_the_last_try(&self, command: &Command) -> Command {
        let mut command = command.clone();
        if let Command::StartSending(start) = &mut command {
            let record = self.account.books().get(&Key::Withdrawal(start.withdrawal_no));
            if let Some(Record::Withdrawal(made)) = record {
                start.last_try = made.tried_at;
            }
        }
        command
    }

    /// Events that no rule decided, and that memory does not apply: as a bug of ours would send them.
    pub(crate) fn buggy_run(&self, events: Vec<Event>) -> Run {
        let mut link = self.account.link();
        let mut rows = vec![];
        for event in events {
            rows.push(Row::new(&self.id(), link, Stamped::new(self.now, event)));
            link = rows.last().expect("just pushed").link;
        }
        let mut run = self.run_of(self.account.link(), rows);
        run.head.link = link;
        run
    }

    fn run_of(&self, expects: Link, rows: Vec<Row>) -> Run {
        let head = self.account.head().expect("the merchant is registered").clone();
        Run { merchant: self.id(), expects, rows, head }
    }

    /// Everything that memory knows, by what names it.
    pub(crate) fn records(&self) -> Vec<((MerchantId, Key), Option<Record>)> {
        let records = self.account.books().records();
        records.map(|(key, record)| ((self.id(), *key), Some(record.clone()))).collect()
    }
}

/// A batch of runs, in merchant order.
pub(crate) fn batch(mut runs: Vec<Run>) -> Arc<Batch> {
    runs.sort_by_key(|run| run.merchant);
    Arc::new(Batch { runs })
}

/// Commits what must be committed.
pub(crate) async fn committed(store: &dyn Store, runs: Vec<Run>) {
    assert_eq!(store.commit(batch(runs)).await, Commit::Committed);
}

/// Everything the store shows of a merchant is what memory has.
pub(crate) async fn assert_same(store: &dyn Store, shops: &[&Shop]) {
    let merchants = shops.iter().map(|shop| shop.id()).collect();
    let heads = store.heads(merchants).await.expect("heads are read");
    for (shop, head) in shops.iter().zip(heads) {
        assert_eq!(head.expect("it can be read").as_ref(), shop.account.head());
        assert_chained(store, shop).await;
    }
    let (keys, records): (Vec<_>, Vec<_>) = shops.iter().flat_map(|shop| shop.records()).unzip();
    let records: Vec<_> = records.into_iter().map(Ok).collect();
    assert_eq!(store.lookup(keys).await.expect("records are read"), records);
}

/// The journal is one chain of hashes that ends at the head.
async fn assert_chained(store: &dyn Store, shop: &Shop) {
    let events = store.events(shop.id(), Link::default().seq.next(), 10_000).await;
    let mut link = Link::default();
    for recorded in events.expect("events are read") {
        link = link.then(&shop.id(), &recorded.bytes);
        assert_eq!((recorded.seq, recorded.hash), (link.seq, link.hash));
    }
    assert_eq!(link, shop.account.link());
}

/// Registers with a fee of 0.6 %, settlement at T+1, approval above 500 yuan, and withdrawals by hand or by WeChat.
pub(crate) fn register(method: PayoutMethod) -> Command {
    Command::Register(Rules {
        fee_bp: FeeRate::from_basis_points(60).expect("a small rate"),
        settle_after_days: Some(1),
        payout_method: Some(method),
        payout_openid: Some("o-shop".into()),
        payout_name: Some("王小明".into()),
        approval_over_fen: Some(fen(50_000)),
        ..Rules::new("茶店")
    })
}

/// Opens an order; with a key, as if the server had made its number.
pub(crate) fn open(order_no: &str, amount: u64, key: Option<&str>) -> Command {
    Command::OpenOrder(OpenOrder {
        order_no: id(order_no),
        idempotency_key: key.map(id),
        amount: fen(amount),
        description: "一杯茶".into(),
        channel: Channel::Wechat {
            openid: "o-1".into(),
            request: vec![("body".into(), "一杯茶".into()), ("nonce_str".into(), "n".into())],
        },
        expires_at: id("2026-12-01T00:00:00Z"),
    })
}

/// Opens an order whose money does not come from WeChat.
pub(crate) fn open_external(order_no: &str, amount: u64) -> Command {
    let mut command = open(order_no, amount, None);
    if let Command::OpenOrder(open) = &mut command {
        open.channel = Channel::External;
    }
    command
}

pub(crate) fn prepay(order_no: &str, prepay_id: &str) -> Command {
    Command::RecordPrepay(RecordPrepay { order_no: id(order_no), prepay_id: prepay_id.into() })
}

/// Opens a case about anything.
pub(crate) fn raise(subject: &str) -> Command {
    Command::RaiseCase(RaiseCase {
        kind: CaseKind::BillOnly,
        subject: subject.into(),
        order_no: None,
        transaction_id: None,
        amount: Some(fen(500)),
        expected: None,
        facts: vec![("账单日".into(), "2026-03-01".into()), ("line".into(), "\"7\"".into())],
    })
}

/// Resolves a case that [`raise`] opened.
pub(crate) fn resolve(of: &str, subject: &str) -> Command {
    Command::ResolveCase(ResolveCase {
        case_id: Case::id_of(&id(of), CaseKind::BillOnly, subject),
        by: id("second"),
        note: "已核对".into(),
        remedy: Some(Remedy::Accept),
        refunds_open: true,
    })
}

pub(crate) fn close(order_no: &str) -> Command {
    Command::CloseOrder(id(order_no))
}

/// Pays an order with the transaction `T` and its number.
pub(crate) fn pay(order_no: &str, amount: u64) -> Command {
    pay_by(order_no, &format!("T{order_no}"), amount)
}

pub(crate) fn pay_by(order_no: &str, transaction_id: &str, amount: u64) -> Command {
    Command::Pay(Pay {
        signed: None,
        order_no: id(order_no),
        transaction_id: id(transaction_id),
        amount: fen(amount),
        booked: fen(amount),
        paid_at: id("2026-03-01T02:00:00Z"),
        source: PaymentSource::Notice,
    })
}

pub(crate) fn settle(settlement_no: &str, key: Option<&str>) -> Command {
    Command::Settle(Settle {
        settlement_no: id(settlement_no),
        idempotency_key: key.map(id),
        include_not_due: true,
    })
}

/// Withdraws an amount, or everything, as the key `asker`.
pub(crate) fn withdraw(withdrawal_no: &str, amount: Option<u64>, key: Option<&str>) -> Command {
    Command::Withdraw(Withdraw {
        withdrawal_no: id(withdrawal_no),
        idempotency_key: key.map(id),
        request: WithdrawalRequest { amount: amount.map(fen), settle_first: false },
        settlement_no: id("unused1"),
        asked_by: id("asker"),
        transfers_open: true,
    })
}

pub(crate) fn approve(withdrawal_no: &str) -> Command {
    Command::Approve(review(withdrawal_no))
}

pub(crate) fn reject(withdrawal_no: &str) -> Command {
    Command::Reject(review(withdrawal_no))
}

fn review(withdrawal_no: &str) -> Review {
    Review { withdrawal_no: id(withdrawal_no), by: id("second"), reason: "not today".into() }
}

/// How a bank run ended: with its number, or not at all.
pub(crate) fn confirm(withdrawal_no: &str, succeeded: bool) -> Command {
    Command::Confirm(Confirm {
        withdrawal_no: id(withdrawal_no),
        succeeded,
        reference: "bank-1".into(),
        reason: "the account is closed".into(),
    })
}

pub(crate) fn send(withdrawal_no: &str) -> Command {
    Command::StartSending(StartSending { withdrawal_no: id(withdrawal_no), last_try: None })
}

pub(crate) fn start_closing(order_no: &str) -> Command {
    Command::StartClosing(id(order_no))
}

pub(crate) fn transfer(withdrawal_no: &str, outcome: TransferOutcome) -> Command {
    Command::RecordTransfer(RecordTransfer { withdrawal_no: id(withdrawal_no), outcome })
}
