//! An account driven as its pipeline drives it, with its ledger beside it.

use std::collections::BTreeMap;

use crate::domain::account::Account;
use crate::domain::books::Key;
use crate::domain::command::{Answer, Command, OpenOrder, Pay, Settle, Withdraw};
use crate::domain::entry::{LedgerAccount, entries};
use crate::domain::event::{PaymentSource, Stamped};
use crate::domain::money::Money;
use crate::domain::order::Channel;
use crate::domain::refusal::Refusal;
use crate::domain::rules::{PayoutMethod, Rules};
use crate::domain::time::At;
use crate::domain::withdrawal::WithdrawalRequest;

/// An account driven as its pipeline drives it: what a command names is at hand, as the store would have it.
pub(super) struct Driven {
    pub(super) account: Account,
    pub(super) now: At,
    ledger: BTreeMap<LedgerAccount, i128>,
}

impl Driven {
    pub(super) fn new(rules: Rules) -> Self {
        let account = Account::new("m1".parse().unwrap(), None);
        let mut driven =
            Self { account, now: time("2026-03-01T04:00:00Z"), ledger: Default::default() };
        driven.ask(&Command::Register(rules)).unwrap();
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
        for event in self.account.decide(command, self.now)? {
            for entry in entries(&event) {
                let amount = i128::from(entry.debit_fen.fen()) - i128::from(entry.credit_fen.fen());
                *self.ledger.entry(entry.account).or_default() += amount;
            }
            let stamped = Stamped::new(self.now, event);
            let link = self.account.link().then(self.account.merchant(), &stamped.encode());
            self.account.apply(&stamped, link).unwrap();
        }
        self.check();
        Ok(self.account.answer(command))
    }

    /// What always holds: Σ debit = Σ credit, and the ledger says what the head says.
    fn check(&self) {
        let head = self.account.head().unwrap();
        let of = |account| self.ledger.get(&account).copied().unwrap_or_default();
        let fen = |money: Money| i128::from(money.fen());
        assert_eq!(self.ledger.values().sum::<i128>(), 0);
        assert_eq!(of(LedgerAccount::Pending), -fen(head.pending()));
        assert_eq!(of(LedgerAccount::Available), -i128::from(head.available.fen()));
        assert_eq!(of(LedgerAccount::InTransit), -fen(head.in_transit));
        assert_eq!(of(LedgerAccount::Fee), -fen(head.fee));
        assert_eq!(of(LedgerAccount::Channel), fen(head.paid) - fen(head.withdrawn));
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
