//! For tests: merchants whose journals are decided by the engine's own rules, and written by the store's own commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use tally_actors::domain::account::Account;
use tally_actors::domain::bank_run::PutInRun;
use tally_actors::domain::case::CaseKind;
use tally_actors::domain::command::{
    Command, Confirm, DecideAdjustment, OpenOrder, Pay, RaiseCase, RecordPrepay, RecordRefund,
    RecordTransfer, RefundOutcome, RequestAdjustment, RequestRefund, Review, RulesChange, Settle,
    StartRefund, StartSending, TransferOutcome, Withdraw,
};
use tally_actors::domain::event::{PaymentSource, Stamped};
use tally_actors::domain::ids::{IdempotencyKey, MerchantId};
use tally_actors::domain::money::{Balance, FeeRate, Money};
use tally_actors::domain::order::Channel;
use tally_actors::domain::refusal::Refusal;
use tally_actors::domain::rules::{PayoutMethod, Rules};
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::WithdrawalRequest;
use tally_actors::ports::{Batch, Row, Run};

/// Parses what a test writes as text.
pub(crate) fn id<T: std::str::FromStr>(raw: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    raw.parse().unwrap()
}

/// An amount in fen.
pub(crate) fn fen(fen: u64) -> Money {
    Money::from_fen(fen).unwrap()
}

/// Merchants as the engine would have them in memory, with a clock that the test moves.
pub(crate) struct Shops {
    accounts: BTreeMap<MerchantId, Account>,
    /// What the next command's time is.
    pub(crate) now: At,
}

impl Shops {
    /// No merchant yet, on a day in 2026.
    pub(crate) fn new() -> Self {
        Self { accounts: BTreeMap::new(), now: id("2026-03-01T02:00:00Z") }
    }

    /// The account as it is after all commands.
    pub(crate) fn account(&self, of: &str) -> &Account {
        &self.accounts[&id::<MerchantId>(of)]
    }

    /// What the commands lead to, a run for the store. Each command is a second after the one before. A refusal fails the test.
    pub(crate) fn run(&mut self, of: &str, commands: Vec<Command>) -> Run {
        let refused =
            |command: &Command, refusal: Refusal| -> () { panic!("{command:?}: {refusal}") };
        self.decided(of, &commands, refused)
    }

    /// The same, where a refusal is as good as nothing.
    pub(crate) fn run_of_the_allowed(&mut self, of: &str, commands: &[Command]) -> Run {
        self.decided(of, commands, |_, _| ())
    }

    fn decided(
        &mut self,
        of: &str,
        commands: &[Command],
        refused: impl Fn(&Command, Refusal),
    ) -> Run {
        let of: MerchantId = id(of);
        let account = self.accounts.entry(of).or_insert_with(|| Account::new(of, None));
        let expects = account.link();
        let mut rows = vec![];
        for command in commands {
            self.now = self.now.plus_ms(1_000);
            loop {
                let mut unknown = account.keys(command);
                unknown.retain(|key| !account.books().knows(key));
                if unknown.is_empty() {
                    break;
                }
                unknown.into_iter().for_each(|key| account.books_mut().learn(key, None));
            }
            let decided = account.decide(command, self.now);
            let events = decided.map_err(|refusal| refused(command, refusal)).unwrap_or_default();
            for event in events {
                let row = Row::new(&of, account.link(), Stamped::new(self.now, event));
                account.apply(&row.stamped, row.link).unwrap();
                rows.push(row);
            }
        }
        Run { merchant: of, expects, rows, head: account.head().unwrap().clone() }
    }

    /// A batch of one run.
    pub(crate) fn batch(&mut self, of: &str, commands: Vec<Command>) -> Arc<Batch> {
        Arc::new(Batch { runs: vec![self.run(of, commands)] })
    }
}

/// Registers with a fee of 0.6 %, settlement at T+1, and withdrawals by hand.
pub(crate) fn register() -> Command {
    Command::Register(Rules {
        fee_bp: FeeRate::from_basis_points(60).unwrap(),
        settle_after_days: Some(1),
        payout_method: Some(PayoutMethod::Manual),
        payout_name: Some("王小明".into()),
        approval_over_fen: Some(fen(50_000)),
        ..Rules::new("a shop")
    })
}

/// Opens an order; with a key, as if the server had made its number.
pub(crate) fn open(order_no: &str, amount: u64, key: Option<&str>) -> Command {
    Command::OpenOrder(OpenOrder {
        order_no: id(order_no),
        idempotency_key: key.map(id),
        amount: fen(amount),
        description: "茶".into(),
        channel: Channel::Wechat { openid: "o-1".into(), request: vec![("a".into(), "b".into())] },
        expires_at: id("2026-12-01T00:00:00Z"),
    })
}

/// Pays an order, on a day.
pub(crate) fn pay_on(order_no: &str, amount: u64, paid_at: &str) -> Command {
    Command::Pay(Pay {
        signed: None,
        order_no: id(order_no),
        transaction_id: id(&format!("T{order_no}")),
        amount: fen(amount),
        booked: fen(amount),
        paid_at: id(paid_at),
        source: PaymentSource::Notice,
    })
}

/// Opens a case about anything.
fn raise(subject: &str) -> Command {
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

/// Pays an order on the first day.
pub(crate) fn pay(order_no: &str, amount: u64) -> Command {
    pay_on(order_no, amount, "2026-03-01T02:00:00Z")
}

/// Settles; `all` includes what is not due.
pub(crate) fn settle(settlement_no: &str, all: bool, key: Option<&str>) -> Command {
    Command::Settle(Settle {
        settlement_no: id(settlement_no),
        idempotency_key: key.map(id::<IdempotencyKey>),
        include_not_due: all,
    })
}

/// Withdraws an amount, or everything.
pub(crate) fn withdraw(withdrawal_no: &str, amount: Option<u64>) -> Command {
    Command::Withdraw(Withdraw {
        withdrawal_no: id(withdrawal_no),
        idempotency_key: Some(id(&format!("key of {withdrawal_no}"))),
        request: WithdrawalRequest { amount: amount.map(fen), settle_first: false },
        settlement_no: id("unused1"),
        asked_by: id("key-1"),
        transfers_open: true,
    })
}

/// Asks for a refund.
pub(crate) fn refund(refund_no: &str, order_no: &str, amount: u64) -> Command {
    Command::RequestRefund(RequestRefund {
        refund_no: id(refund_no),
        idempotency_key: Some(id(&format!("key of {refund_no}"))),
        order_no: id(order_no),
        amount: fen(amount),
        reason: "坏了".into(),
        asked_by: id("key-1"),
        refunds_open: true,
        by_admin: false,
    })
}

/// Sends a refund for the first time, and hears what became of it.
fn refunded(refund_no: &str, order_no: &str, outcome: RefundOutcome) -> [Command; 2] {
    let (refund_no, order_no) = (id(refund_no), id(order_no));
    [
        Command::StartRefund(StartRefund { refund_no, order_no, last_try: None }),
        Command::RecordRefund(RecordRefund { refund_no, order_no, outcome }),
    ]
}

/// An adjustment, asked for by one admin and decided by another.
fn adjusted(no: &str, amount: i64, approve: bool) -> [Command; 2] {
    let asked = RequestAdjustment {
        adjustment_no: id(no),
        idempotency_key: None,
        amount: Balance::from_fen(amount),
        reason: "as agreed".into(),
        asked_by: id("key-1"),
    };
    let (by, reason) = (id("key-2"), "seen".into());
    let decide = DecideAdjustment { adjustment_no: id(no), approve, by, reason };
    [Command::RequestAdjustment(asked), Command::DecideAdjustment(decide)]
}

/// Every kind of event, for a merchant that withdraws by hand first and by WeChat later.
pub(crate) fn full_life() -> Vec<Command> {
    let by = id("key-2");
    let review = |no: &str| Review { withdrawal_no: id(no), by, reason: "no".into() };
    let to_wechat = RulesChange {
        payout_method: Some(Some(PayoutMethod::Wechat)),
        payout_openid: Some(Some("o-shop".into())),
        ..RulesChange::default()
    };
    let transfer =
        |outcome| Command::RecordTransfer(RecordTransfer { withdrawal_no: id("wx01"), outcome });
    let confirm = |no: &str, succeeded| {
        let (reference, reason) = ("bank-7".into(), "no such account".into());
        Command::Confirm(Confirm { withdrawal_no: id(no), succeeded, reference, reason })
    };
    let paid_back = RefundOutcome::Succeeded {
        refund_id: "5000".into(),
        amount: fen(1_000),
        booked: Some(fen(990)),
    };
    let mut life = vec![
        register(),
        open("1001", 100_000, Some("first key")),
        Command::RecordPrepay(RecordPrepay { order_no: id("1001"), prepay_id: "wx20".into() }),
        pay("1001", 100_000),
        open("1002", 70_000, None),
        open("1003", 5_000, None),
        Command::CloseOrder(id("1003")),
        pay("1003", 5_000),
        open("1004", 5_000, None),
        Command::StartClosing(id("1004")),
        Command::CloseOrder(id("1004")),
        pay("1002", 69_999),
        pay("9999", 1),
        settle("S001", true, Some("settle key")),
        pay("1002", 70_000),
        open("1005", 700, None),
        withdraw("hand1", Some(60_000)),
        Command::Approve(review("hand1")),
        confirm("hand1", true),
        withdraw("hand2", Some(20_000)),
        Command::PutInRun(PutInRun { withdrawal_no: id("hand2"), run_no: id("R001"), by }),
        confirm("hand2", false),
        Command::ChangeRules(to_wechat),
        withdraw("wx01", Some(10_000)),
        Command::StartSending(StartSending { withdrawal_no: id("wx01"), last_try: None }),
        transfer(TransferOutcome::Unknown("SYSTEMERROR".into())),
        transfer(TransferOutcome::Succeeded("wx-9".into())),
        settle("S002", true, None),
        withdraw("wx02", Some(60_000)),
        Command::Reject(review("wx02")),
        open("1006", 100, None),
        pay_on("1006", 100, "2026-03-02T02:00:00Z"),
        raise("2026-03-01 T1"),
        refund("R001", "1001", 1_000),
        refund("R002", "1006", 40),
        refund("R003", "1006", 50),
    ];
    life.extend(adjusted("J001", -100, true));
    life.extend(adjusted("J002", 7, false));
    life.extend(refunded("R001", "1001", paid_back));
    life.extend(refunded("R002", "1006", RefundOutcome::Closed("the card is gone".into())));
    life
}
