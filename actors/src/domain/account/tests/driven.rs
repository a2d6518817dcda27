//! An account driven as its pipeline drives it, with its ledger and a replay of its journal beside it.

use std::collections::{BTreeMap, HashMap};

use crate::domain::account::Account;
use crate::domain::books::{Books, Key, Record};
use crate::domain::chain::{Link, Seq};
use crate::domain::command::{Answer, Asked, Command, OpenOrder, Pay, Settle, Withdraw};
use crate::domain::entry::{LedgerAccount, entries};
use crate::domain::event::{Event, PaymentSource, Stamped};
use crate::domain::head::Head;
use crate::domain::money::{Balance, Money};
use crate::domain::order::Channel;
use crate::domain::refusal::Refusal;
use crate::domain::restored::Restored;
use crate::domain::rules::{PayoutMethod, Rules};
use crate::domain::standing::CaseKinds;
use crate::domain::time::At;
use crate::domain::withdrawal::WithdrawalRequest;

/// An account driven as its pipeline drives it: what a command names is at hand, as the store would have it. Whatever holds
/// for any history is checked at every step.
pub(super) struct Driven {
    pub(super) account: Account,
    pub(super) now: At,
    /// The restore that the books went through.
    pub(super) restored: Option<Restored>,
    /// A case of these kinds freezes the merchant.
    pub(super) freeze_on: CaseKinds,
    ledger: BTreeMap<LedgerAccount, i128>,
    /// The head as somebody has it who only reads the stored bytes.
    replayed: Option<Head>,
    journal: Vec<Vec<u8>>,
    /// WeChat took what no rule allowed: by a refund made by hand, or by more for one than was taken here.
    facts: bool,
}

impl Driven {
    pub(super) fn new(rules: Rules) -> Self {
        let account = Account::new("m1".parse().unwrap(), None);
        let now = time("2026-03-01T04:00:00Z");
        let (ledger, replayed, journal) = Default::default();
        let mut driven = Self {
            account,
            now,
            restored: None,
            freeze_on: CaseKinds::default(),
            ledger,
            replayed,
            journal,
            facts: false,
        };
        driven.ask(&Command::Register(rules)).unwrap();
        driven
    }

    /// A merchant who took so much before the history begins, all of it settled.
    pub(super) fn rich(rules: Rules, took: Money) -> Self {
        let mut driven = Self::new(rules);
        let available = Balance::ZERO.plus(took).unwrap();
        let head = Head { paid: took, available, ..driven.account.head().unwrap().clone() };
        driven.replayed = Some(head.clone());
        driven.account = Account::new(head.merchant, Some(head));
        let all = i128::from(took.fen());
        driven.ledger = [(LedgerAccount::Channel, all), (LedgerAccount::Available, -all)].into();
        driven.check();
        driven
    }

    pub(super) fn ask(&mut self, command: &Command) -> Result<Answer, Refusal> {
        loop {
            let keys = self.account.keys(command);
            let unknown: Vec<Key> =
                keys.into_iter().filter(|key| !self.account.books().knows(key)).collect();
            if unknown.is_empty() {
                break;
            }
            unknown.into_iter().for_each(|key| self.account.books_mut().learn(key, None));
        }
        let (restored, freeze_on) = (self.restored, self.freeze_on);
        let asked = Asked { restored, freeze_on, ..self.now.into() };
        let decided = self.account.decide(command, asked);
        assert_eq!(decided, self.account.decide(command, asked), "the same again");
        let at = self.account.time_of(command, self.now);
        decided?.into_iter().for_each(|event| self.append(event, at));
        self.check();
        Ok(self.account.answer(command))
    }

    /// Books, stores, reads back and applies an event.
    pub(super) fn append(&mut self, event: Event, at: At) {
        let mut sum = 0;
        for entry in entries(&event) {
            assert!((entry.debit_fen == Money::ZERO) != (entry.credit_fen == Money::ZERO));
            let amount = i128::from(entry.debit_fen.fen()) - i128::from(entry.credit_fen.fen());
            *self.ledger.entry(entry.account).or_default() += amount;
            sum += amount;
        }
        assert_eq!(sum, 0, "debits and credits of {event:?}");
        self.facts |= matches!(&event, Event::RefundFound { .. })
            || matches!(&event, Event::RefundSucceeded { booked, booked_now, .. } if booked != booked_now);
        let stamped = Stamped::new(at, event);
        let bytes = stamped.encode();
        let link = self.account.link().then(self.account.merchant(), &bytes);
        self.account.apply(&stamped, link).expect("what was decided applies");
        let read = Stamped::decode(&bytes).expect("what was stored is read");
        Head::advance(&mut self.replayed, *self.account.merchant(), &read, link).unwrap();
        self.journal.push(bytes);
    }

    /// What always holds: the ledger says what the head says, no money comes or goes, the stored bytes lead to the same
    /// head, and the head is small.
    fn check(&self) {
        let head = self.account.head().unwrap();
        let of = |account| self.ledger.get(&account).copied().unwrap_or_default();
        let fen = |money: Money| i128::from(money.fen());
        assert_eq!(of(LedgerAccount::Pending), -fen(head.pending()));
        assert_eq!(of(LedgerAccount::Available), -i128::from(head.available.fen()));
        assert_eq!(of(LedgerAccount::InTransit), -fen(head.in_transit));
        assert_eq!(of(LedgerAccount::Fee), -fen(head.fee));
        let channel = of(LedgerAccount::Channel) + of(LedgerAccount::Refund);
        let given = of(LedgerAccount::Adjustment);
        assert_eq!(given, i128::from(head.adjusted.fen()) - fen(head.credited));
        let unbooked = fen(head.suspense) + fen(head.credited);
        assert_eq!(channel, fen(head.paid) - fen(head.withdrawn) - fen(head.refunded) + unbooked);
        assert_eq!(of(LedgerAccount::Suspense), -fen(head.suspense));
        let adjusted = i128::from(head.adjusted.fen());
        let held = fen(head.pending()) + fen(head.in_transit) + fen(head.withdrawn);
        let left = fen(head.paid) - fen(head.refunded) - fen(head.fee);
        assert_eq!(left + adjusted, held + i128::from(head.available.fen()));
        let allowed = Balance::ZERO.minus(head.rules.debt_max_fen).unwrap();
        assert!(head.available >= allowed || self.facts, "only facts make a debt beyond the rules");
        assert_eq!(self.replayed.as_ref(), Some(head));
        let kept = head.encode_kept();
        assert_eq!(head.clone().with_kept(head.format(), &kept).as_ref(), Some(head));
        assert!(head.requested.len() <= 4);
    }

    /// The records that the whole journal leads to, for somebody who only reads the stored bytes.
    pub(super) fn replayed_records(&self) -> HashMap<Key, Record> {
        let mut books = Books::default();
        let mut link = Link::default();
        for bytes in &self.journal {
            link = link.then(self.account.merchant(), bytes);
            books.apply(link.seq, &Stamped::decode(bytes).unwrap()).unwrap();
        }
        assert_eq!(link.seq, Seq(self.journal.len() as u64));
        books.records().map(|(key, record)| (*key, record.clone())).collect()
    }

    /// The events, as somebody reads them who only has the stored bytes.
    pub(super) fn events(&self) -> Vec<Event> {
        self.journal.iter().map(|bytes| Stamped::decode(bytes).unwrap().event).collect()
    }

    pub(super) fn pay(
        &mut self,
        no: &str,
        transaction: &str,
        amount: u64,
    ) -> Result<Answer, Refusal> {
        self.pay_by(PaymentSource::Notice, no, transaction, amount)
    }

    pub(super) fn pay_by(
        &mut self,
        source: PaymentSource,
        no: &str,
        transaction: &str,
        amount: u64,
    ) -> Result<Answer, Refusal> {
        self.ask(&Command::Pay(Pay {
            signed: None,
            order_no: no.parse().unwrap(),
            transaction_id: transaction.parse().unwrap(),
            amount: fen(amount),
            booked: fen(amount),
            paid_at: self.now,
            source,
        }))
    }

    pub(super) fn paid(&mut self, no: &str, amount: u64) {
        self.ask(&open(no, amount)).unwrap();
        self.pay(no, &format!("T{no}"), amount).unwrap();
    }

    pub(super) fn settle(&mut self, no: &str, include_not_due: bool) -> Result<Answer, Refusal> {
        let settlement_no = no.parse().unwrap();
        self.ask(&Command::Settle(Settle { settlement_no, idempotency_key: None, include_not_due }))
    }

    pub(super) fn withdraw(
        &mut self,
        no: &str,
        amount: Option<u64>,
        settle_first: bool,
    ) -> Result<Answer, Refusal> {
        self.ask(&Command::Withdraw(Withdraw {
            withdrawal_no: no.parse().unwrap(),
            idempotency_key: None,
            request: WithdrawalRequest { amount: amount.map(fen), settle_first },
            settlement_no: format!("S{no}").parse().unwrap(),
            asked_by: "k1".parse().unwrap(),
            transfers_open: true,
        }))
    }

    /// `(pending, available, in transit, withdrawn)` in fen.
    #[track_caller]
    pub(super) fn stands(&self, expected: (u64, i64, u64, u64)) {
        let head = self.account.head().unwrap();
        let stands = (
            head.pending().fen(),
            head.available.fen(),
            head.in_transit.fen(),
            head.withdrawn.fen(),
        );
        assert_eq!(stands, expected);
    }
}

pub(super) fn time(raw: &str) -> At {
    raw.parse().unwrap()
}

pub(super) fn fen(amount: u64) -> Money {
    Money::from_fen(amount).unwrap()
}

pub(super) fn by_hand() -> Rules {
    Rules { payout_method: Some(PayoutMethod::Manual), ..Rules::new("a shop") }
}

pub(super) fn by_wechat() -> Rules {
    Rules {
        payout_method: Some(PayoutMethod::Wechat),
        payout_openid: Some("o1".into()),
        ..Rules::new("a shop")
    }
}

pub(super) fn open(no: &str, amount: u64) -> Command {
    Command::OpenOrder(OpenOrder {
        order_no: no.parse().unwrap(),
        idempotency_key: None,
        amount: fen(amount),
        description: "apples".into(),
        channel: Channel::External,
        expires_at: time("2026-03-01T06:00:00Z"),
    })
}
