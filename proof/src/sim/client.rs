//! Clients: each takes its operations one after the other, and asks again when it does not know what became of one.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use tally_actors::domain::command::{
    Asked, Command, Confirm, OpenOrder, Pay, RecordPrepay, Review, RulesChange, Settle, Withdraw,
};
use tally_actors::domain::event::PaymentSource;
use tally_actors::domain::ids::{IdempotencyKey, KeyId, RefundNo, TransactionId};
use tally_actors::domain::money::Money;
use tally_actors::domain::number;
use tally_actors::domain::order::Channel;
use tally_actors::domain::rules::Rules;
use tally_actors::domain::time::At;
use tally_actors::domain::withdrawal::WithdrawalRequest;

use super::plan::Merchant;
use super::workload::{Ask, Name, Op, Told};
use crate::history::{Answer, Thing};
use crate::random::Random;

/// One client.
#[derive(Debug, Default)]
pub(super) struct Client {
    /// Operations that it has before it, by their places in the plan.
    pub(super) ops: VecDeque<usize>,
    /// The one that it is at, and how often it was asked.
    pub(super) at: Option<(usize, u32)>,
}

/// What is known to all clients: numbers that the front door made, and when customers paid.
#[derive(Debug, Default)]
pub(super) struct Notebook {
    numbers: BTreeMap<(usize, Kind, u64), String>,
    paid_at: BTreeMap<(usize, u64), At>,
    /// Payments that the channel knows of.
    told: BTreeSet<(usize, String, u64, u64)>,
    /// Refunds that persons made, or did not, at the channel.
    by_hand: BTreeSet<(usize, RefundNo)>,
}

/// What a number names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Order,
    Settlement,
    Withdrawal,
    Refund,
}

impl Kind {
    fn letter(self) -> char {
        match self {
            Self::Order => 'O',
            Self::Settlement => 'S',
            Self::Withdrawal => 'W',
            Self::Refund => 'R',
        }
    }
}

/// What a client asks with.
pub(super) struct Asking<'a> {
    pub(super) merchant: &'a Merchant,
    /// The right time.
    pub(super) now: At,
    /// For numbers that the front door makes.
    pub(super) random: &'a mut Random,
    pub(super) transfers_open: bool,
}

impl Notebook {
    /// The command of an operation, and whose key asks; `None`: it names a number that nobody was told of.
    pub(super) fn command(
        &mut self,
        op: &Op,
        with: &mut Asking<'_>,
    ) -> Option<(Command, Option<KeyId>)> {
        let of = op.merchant;
        let mut by = Some(key_id(0));
        let command = match &op.ask {
            Ask::Read => Command::Read,
            Ask::Register(rules) => Command::Register(with.merchant.rules[*rules].clone()),
            Ask::ChangeRules(rules) => Command::ChangeRules(change(&with.merchant.rules[*rules])),
            Ask::Open { order, amount, by_wechat } => {
                let (order_no, idempotency_key) = filled(*order, Kind::Order, with);
                Command::OpenOrder(OpenOrder {
                    order_no,
                    idempotency_key,
                    amount: fen(*amount),
                    description: "apples".into(),
                    channel: channel(*by_wechat),
                    expires_at: with.now.plus_ms(7_200_000),
                })
            }
            Ask::Prepay { order, prepay } => Command::RecordPrepay(RecordPrepay {
                order_no: self.number(of, Kind::Order, *order)?,
                prepay_id: format!("prepay{prepay}").into(),
            }),
            Ask::StartClosing { order } => {
                Command::StartClosing(self.number(of, Kind::Order, *order)?)
            }
            Ask::Close { order } => Command::CloseOrder(self.number(of, Kind::Order, *order)?),
            Ask::Pay { .. } => {
                let pay = self.pay(op, with.now)?;
                by = by.filter(|_| pay.source == PaymentSource::Hand);
                Command::Pay(pay)
            }
            Ask::Settle { settlement, include_not_due } => {
                let (settlement_no, idempotency_key) = filled(*settlement, Kind::Settlement, with);
                let include_not_due = *include_not_due;
                Command::Settle(Settle { settlement_no, idempotency_key, include_not_due })
            }
            Ask::Withdraw { by: asks, .. } => {
                by = Some(key_id(*asks));
                withdraw(&op.ask, with)?
            }
            Ask::Review { withdrawal, approve, by: decides } => {
                by = Some(key_id(*decides));
                let withdrawal_no = self.number(of, Kind::Withdrawal, *withdrawal)?;
                let review = Review { withdrawal_no, by: key_id(*decides), reason: "".into() };
                if *approve { Command::Approve(review) } else { Command::Reject(review) }
            }
            Ask::Confirm { withdrawal, succeeded } => Command::Confirm(Confirm {
                withdrawal_no: self.number(of, Kind::Withdrawal, *withdrawal)?,
                succeeded: *succeeded,
                reference: "bank run 1".into(),
                reason: "".into(),
            }),
            Ask::Refund { .. }
            | Ask::RefundByHand { .. }
            | Ask::Stand(_)
            | Ask::Raise { .. }
            | Ask::Resolve { .. }
            | Ask::Attest { .. }
            | Ask::Adjust { .. }
            | Ask::DecideAdjustment { .. }
            | Ask::Run { .. } => return self.errand(op, with),
        };
        Some((command, by))
    }

    fn pay(&mut self, op: &Op, now: At) -> Option<Pay> {
        let Ask::Pay { order, transaction, amount, booked, told } = &op.ask else { return None };
        Some(Pay {
            order_no: self.number(op.merchant, Kind::Order, *order)?,
            transaction_id: transaction_id(*transaction),
            amount: fen(*amount),
            booked: fen(*booked),
            paid_at: *self.paid_at.entry((op.merchant, *transaction)).or_insert(now),
            signed: None,
            source: match told {
                Told::Notice => PaymentSource::Notice,
                Told::Query => PaymentSource::Query,
                Told::Hand => PaymentSource::Hand,
            },
        })
    }

    /// The number of a thing, when it was chosen or somebody was told of it.
    pub(super) fn number<T: std::str::FromStr>(
        &self,
        of: usize,
        kind: Kind,
        name: Name,
    ) -> Option<T> {
        let number = match name {
            Name::Chosen(number) => chosen(kind, number),
            Name::Made(key) => self.numbers.get(&(of, kind, key))?.clone(),
            Name::Listed(number) => number.to_string(),
        };
        number.parse().ok()
    }

    /// Takes down the number in an answer to an operation.
    pub(super) fn take_down(&mut self, op: &Op, answer: &Answer) {
        let Answer::Done { thing, .. } = answer else { return };
        let (kind, name, number) = match (&op.ask, thing) {
            (Ask::Open { order, .. }, Thing::Order(made)) => (Kind::Order, order, &made.order_no),
            (Ask::Settle { settlement, .. }, Thing::Settlement(Some(made))) => {
                (Kind::Settlement, settlement, &made.settlement_no)
            }
            (Ask::Withdraw { withdrawal, .. }, Thing::Withdrawal(made)) => {
                (Kind::Withdrawal, withdrawal, &made.withdrawal_no)
            }
            (Ask::Refund { refund, .. }, Thing::Refund(made)) => {
                (Kind::Refund, refund, &made.refund_no)
            }
            (_, _) => return,
        };
        if let Name::Made(key) = name {
            self.numbers.insert((op.merchant, kind, *key), number.clone());
        }
    }

    /// Whether this is the first that is heard of a payment at the channel.
    pub(super) fn is_new_payment(&mut self, of: usize, pay: &Pay) -> bool {
        let transaction =
            pay.transaction_id.as_str()[1..].parse().expect("it was made of a number");
        let order_no = pay.order_no.to_string();
        pay.source != PaymentSource::Hand
            && self.told.insert((of, order_no, transaction, pay.amount.fen()))
    }

    /// Whether this is the first that is heard of a refund made by hand.
    pub(super) fn is_new_refund(&mut self, of: usize, refund_no: RefundNo) -> bool {
        self.by_hand.insert((of, refund_no))
    }
}

fn withdraw(ask: &Ask, with: &mut Asking<'_>) -> Option<Command> {
    let Ask::Withdraw { withdrawal, amount, settle_first, by } = ask else { return None };
    let (withdrawal_no, idempotency_key) = filled(*withdrawal, Kind::Withdrawal, with);
    let (settlement_no, _) = filled(Name::Made(0), Kind::Settlement, with);
    let request = WithdrawalRequest { amount: amount.map(fen), settle_first: *settle_first };
    Some(Command::Withdraw(Withdraw {
        withdrawal_no,
        idempotency_key,
        request,
        settlement_no,
        asked_by: key_id(*by),
        transfers_open: with.transfers_open,
    }))
}

/// The number to send, and the caller's key when the number is made for it: a new one each time, as the front door does.
pub(super) fn filled<T: std::str::FromStr<Err: std::fmt::Debug>>(
    name: Name,
    kind: Kind,
    with: &mut Asking<'_>,
) -> (T, Option<IdempotencyKey>) {
    const FORM: &str = "a number of the right form";
    match name {
        Name::Chosen(number) => (chosen(kind, number).parse().expect(FORM), None),
        Name::Listed(number) => (number.to_string().parse().expect(FORM), None),
        Name::Made(key) => {
            let made = number::make(with.now, with.random.draw());
            let key = format!("key {key}").parse().expect("a short key");
            (made.parse().expect(FORM), Some(key))
        }
    }
}

fn chosen(kind: Kind, number: u64) -> String {
    format!("{}{number:04}", kind.letter())
}

pub(super) fn transaction_id(number: u64) -> TransactionId {
    format!("T{number}").parse().expect("a transaction id")
}

pub(super) fn key_id(n: u64) -> KeyId {
    format!("key{n}").parse().expect("a short id")
}

pub(super) fn fen(amount: u64) -> Money {
    Money::from_fen(amount).expect("a small amount")
}

fn channel(by_wechat: bool) -> Channel {
    if by_wechat {
        Channel::Wechat { openid: "customer".into(), request: vec![] }
    } else {
        Channel::External
    }
}

/// A change that names every rule.
fn change(rules: &Rules) -> RulesChange {
    let rules = rules.clone();
    RulesChange {
        name: Some(rules.name),
        fee_bp: Some(rules.fee_bp),
        settle_after_days: Some(rules.settle_after_days),
        payout_method: Some(rules.payout_method),
        payout_openid: Some(rules.payout_openid),
        payout_name: Some(rules.payout_name),
        withdrawal_min_fen: Some(rules.withdrawal_min_fen),
        withdrawal_max_fen: Some(rules.withdrawal_max_fen),
        daily_max_fen: Some(rules.daily_max_fen),
        approval_over_fen: Some(rules.approval_over_fen),
        debt_max_fen: Some(rules.debt_max_fen),
    }
}

/// When and by whom a message is asked, by the clock of whom it reaches.
pub(super) fn asked(at: At, by: Option<KeyId>) -> Asked {
    Asked::new(at, by)
}
