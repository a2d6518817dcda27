//! The auditor and the engine share no code: here the one reads what the other writes.

use std::collections::BTreeSet;

use tally_actors::domain::account::Account;
use tally_actors::domain::case::{Case, CaseKind};
use tally_actors::domain::command::{
    Attest, Command, FirstWord, NoticeRefund, OpenOrder, Pay, RaiseCase, RecordPrepay,
    RecordRefund, RecordTransfer, RefundOutcome, RequestRefund, ResolveCase, Review, RulesChange,
    Settle, Stand, StartRefund, StartSending, TransferOutcome, Withdraw,
};
use tally_actors::domain::event::{PaymentSource, Stamped};
use tally_actors::domain::ids::{OrderNo, RefundNo, WithdrawalNo};
use tally_actors::domain::money::{FeeRate, Money};
use tally_actors::domain::order::Channel;
use tally_actors::domain::rules::{PayoutMethod, Rules};
use tally_actors::domain::standing::Change;
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::WithdrawalRequest;
use tally_proof::auditor::judge;
use tally_proof::history::{Balance, Fact, History, Stored};

/// 16:30 UTC on 2026-11-25: the 26th in Beijing.
const NIGHT_MS: i64 = 20_782 * 86_400_000 + 16 * 3_600_000 + 1_800_000;

fn fen(amount: u64) -> Money {
    Money::from_fen(amount).expect("a small amount")
}

/// One merchant's rules, and the journal that they lead to.
struct Books {
    account: Account,
    stored: Stored,
    now: At,
}

impl Books {
    fn new() -> Self {
        let account = Account::new("shop1".parse().expect("well-formed"), None);
        Self { account, stored: Stored::default(), now: At::from_ms(NIGHT_MS) }
    }

    /// Decides a command at the time it is, and records what it leads to.
    fn take(&mut self, command: Command) {
        loop {
            let mut keys = self.account.keys(&command);
            keys.retain(|key| !self.account.books().knows(key));
            if keys.is_empty() {
                break;
            }
            keys.into_iter().for_each(|key| self.account.books_mut().learn(key, None));
        }
        for event in self.account.decide(&command, self.now).expect("nothing here is refused") {
            let stamped = Stamped::new(self.now, event);
            let bytes = stamped.encode();
            let link = self.account.link().then(self.account.merchant(), &bytes);
            self.account.apply(&stamped, link).expect("it was decided");
            let kind = stamped.event.kind();
            let tagged = serde_json::to_value(&stamped.event).expect("events are plain data");
            let (seq, hash, at_ms) = (link.seq.0, link.hash.0, stamped.at.ms());
            let fields = tagged[kind].clone();
            self.stored.journal.push(Fact { seq, hash, bytes, at_ms, kind, fields });
            self.stored.head_hash = hash;
        }
        self.now = self.now.plus_ms(1_000);
    }

    fn open(&mut self, order_no: &str, amount: u64, channel: Channel) {
        self.take(Command::OpenOrder(OpenOrder {
            order_no: order_no.parse().expect("well-formed"),
            idempotency_key: Some(format!("key of {order_no}").parse().expect("well-formed")),
            amount: fen(amount),
            description: "tea".into(),
            channel,
            expires_at: self.now.plus_ms(7_200_000),
        }));
    }

    fn pay(&mut self, order_no: &str, transaction_id: &str, amount: u64, source: PaymentSource) {
        self.take(Command::Pay(Pay {
            signed: None,
            order_no: order_no.parse().expect("well-formed"),
            transaction_id: transaction_id.parse().expect("well-formed"),
            amount: fen(amount),
            booked: fen(amount - 1),
            paid_at: self.now,
            source,
        }));
    }

    fn withdraw(&mut self, withdrawal_no: &str, amount: Option<u64>) -> WithdrawalNo {
        let number = withdrawal_no.parse().expect("well-formed");
        self.take(Command::Withdraw(Withdraw {
            withdrawal_no: number,
            idempotency_key: None,
            request: WithdrawalRequest { amount: amount.map(fen), settle_first: true },
            settlement_no: format!("S{withdrawal_no}").parse().expect("well-formed"),
            asked_by: "key1".parse().expect("well-formed"),
            transfers_open: true,
        }));
        number
    }

    fn send(&mut self, withdrawal_no: WithdrawalNo, last_try: Option<At>) -> At {
        let began = self.now;
        self.take(Command::StartSending(StartSending { withdrawal_no, last_try }));
        began
    }

    fn told(&mut self, withdrawal_no: WithdrawalNo, outcome: TransferOutcome) {
        self.take(Command::RecordTransfer(RecordTransfer { withdrawal_no, outcome }));
    }

    fn refund(&mut self, refund_no: &str, amount: u64) -> (RefundNo, OrderNo) {
        let number = refund_no.parse().expect("well-formed");
        let order_no = "A001".parse().expect("well-formed");
        self.take(Command::RequestRefund(RequestRefund {
            refund_no: number,
            idempotency_key: Some(format!("key of {refund_no}").parse().expect("well-formed")),
            order_no,
            amount: fen(amount),
            reason: "spoilt".into(),
            asked_by: "key1".parse().expect("well-formed"),
            refunds_open: true,
            by_admin: false,
        }));
        (number, order_no)
    }

    fn send_refund(&mut self, (refund_no, order_no): (RefundNo, OrderNo), last_try: Option<At>) {
        self.now = self.now.plus_ms(60_000);
        self.take(Command::StartRefund(StartRefund { refund_no, order_no, last_try }));
    }

    fn refund_told(&mut self, (refund_no, order_no): (RefundNo, OrderNo), outcome: RefundOutcome) {
        self.take(Command::RecordRefund(RecordRefund { refund_no, order_no, outcome }));
    }

    fn history(mut self) -> History {
        let head = self.account.head().expect("it is registered");
        let signed = |amount: Money| i64::try_from(amount.fen()).expect("a small amount");
        self.stored.balance = Some(Balance {
            seq: head.link.seq.0,
            paid_orders: head.paid_orders,
            paid: signed(head.paid),
            fee: signed(head.fee),
            refunded: signed(head.refunded),
            pending: signed(head.pending()),
            available: head.available.fen(),
            in_transit: signed(head.in_transit),
            withdrawn: signed(head.withdrawn),
            suspense: signed(head.suspense),
            adjusted: head.adjusted.fen(),
        });
        let mut history = History::default();
        history.stored.insert("shop1".into(), self.stored);
        history
    }
}

/// Refunds of an order: one that the channel takes another sum for, one that fails, one that was made by hand.
fn give_back(books: &mut Books) {
    let first = books.refund("R001", 1_001);
    books.send_refund(first, None);
    let tried_at = books.now.plus_ms(-1_000);
    let reason = "NOTENOUGH".into();
    books.refund_told(first, RefundOutcome::Postponed { tried_at, reason });
    books.send_refund(first, Some(tried_at));
    books.refund_told(first, RefundOutcome::Unknown("?".into()));
    let succeeded = |amount, booked: Option<u64>| RefundOutcome::Succeeded {
        refund_id: "r".into(),
        amount: fen(amount),
        booked: booked.map(fen),
    };
    books.refund_told(first, succeeded(1_001, Some(900)));
    let second = books.refund("R002", 500);
    books.send_refund(second, None);
    books.refund_told(second, RefundOutcome::Closed("no".into()));
    let by_hand = ("R003".parse().expect("well-formed"), first.1);
    let (refund_no, order_no) = by_hand;
    books.take(Command::NoticeRefund(NoticeRefund {
        refund_no,
        order_no,
        out_refund_no: "h".into(),
        refund_id: "r".into(),
        amount: fen(300),
        transaction_id: None,
    }));
    books.refund_told(by_hand, succeeded(300, None));
}

/// What people decide, and the platform's own checks find.
fn decide(books: &mut Books) {
    let by = "key1".parse().expect("well-formed");
    for change in [Change::Freeze, Change::Unfreeze] {
        books.take(Command::Stand(Stand { change, reason: "a look".into(), by, seen: None }));
    }
    let kind = CaseKind::BillOnly;
    books.take(Command::RaiseCase(RaiseCase {
        kind,
        subject: "line 7".into(),
        order_no: None,
        transaction_id: None,
        amount: Some(fen(5)),
        expected: None,
        facts: vec![("bill_date".into(), "2026-11-25".into())],
    }));
    let case_id = Case::id_of(books.account.merchant(), kind, "line 7");
    let (note, remedy) = ("so".into(), None);
    books.take(Command::ResolveCase(ResolveCase { case_id, by, note, remedy, refunds_open: true }));
    let withdrawal_no = books.withdraw("W005", Some(100));
    books.send(withdrawal_no, None);
    books.told(withdrawal_no, TransferOutcome::Unknown("?".into()));
    books.now = books.now.plus_ms(32 * 86_400_000);
    let attest = |by: &str, first| {
        let by = by.parse().expect("well-formed");
        let (reference, reason) = ("".into(), "seen".into());
        Command::Attest(Attest { withdrawal_no, succeeded: false, reference, reason, by, first })
    };
    books.take(attest("key1", None));
    let seq = books.account.link().seq;
    books.take(attest("key2", Some(FirstWord { seq, by })));
}

/// A journal with an event of every kind.
fn every_kind() -> History {
    let mut books = Books::new();
    let mut rules = Rules::new("Tea");
    rules.fee_bp = FeeRate::from_basis_points(60).expect("a rate");
    rules.payout_method = Some(PayoutMethod::Wechat);
    rules.payout_openid = Some("o".into());
    rules.approval_over_fen = Some(fen(5_000));
    books.take(Command::Register(rules));
    let wechat = || Channel::Wechat { openid: "o".into(), request: vec![] };
    books.open("A001", 10_001, wechat());
    let (order_no, prepay_id) = ("A001".parse().expect("well-formed"), "p".into());
    books.take(Command::RecordPrepay(RecordPrepay { order_no, prepay_id }));
    books.pay("A001", "t1", 10_001, PaymentSource::Notice);
    books.open("A002", 7_001, wechat());
    books.take(Command::StartClosing("A002".parse().expect("well-formed")));
    books.take(Command::CloseOrder("A002".parse().expect("well-formed")));
    books.pay("A002", "t2", 7_001, PaymentSource::Query);
    books.take(Command::Settle(Settle {
        settlement_no: "S001".parse().expect("well-formed"),
        idempotency_key: Some("k".parse().expect("well-formed")),
        include_not_due: false,
    }));
    give_back(&mut books);
    let change = RulesChange { settle_after_days: Some(Some(1)), ..RulesChange::default() };
    books.take(Command::ChangeRules(change));
    books.open("A003", 301, Channel::External);
    books.pay("A003", "t3", 301, PaymentSource::Hand);
    let small = books.withdraw("W001", Some(1_000));
    let first = books.send(small, None);
    books.told(small, TransferOutcome::Unknown("?".into()));
    books.send(small, Some(first));
    books.told(small, TransferOutcome::Succeeded("r".into()));
    let by = "key2".parse().expect("well-formed");
    let large = books.withdraw("W002", Some(6_000));
    let review = |withdrawal_no| Review { withdrawal_no, by, reason: "".into() };
    books.take(Command::Approve(review(large)));
    books.send(large, None);
    books.told(large, TransferOutcome::Failed("no".into()));
    let next = books.withdraw("W003", Some(6_000));
    books.take(Command::Reject(review(next)));
    books.now = books.now.plus_ms(86_400_000);
    decide(&mut books);
    books.withdraw("W004", None);
    books.history()
}

#[test]
fn the_auditor_reads_every_kind_of_event_that_the_engine_writes() {
    let mut history = every_kind();
    let journal = &history.stored["shop1"].journal;
    let kinds: BTreeSet<&str> = journal.iter().map(|fact| fact.kind).collect();
    assert_eq!(kinds.len(), 28, "{kinds:?}");
    history.channel.transfers.push(("shop1".into(), "W001".into(), 1_000));
    // There are neither calls nor tables here: of them the simulator's histories tell.
    let found: Vec<String> = judge(&history)
        .iter()
        .filter(|found| found.claim != "nothing_unasked" && !found.what.contains("such things"))
        .map(ToString::to_string)
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}
