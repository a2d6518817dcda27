//! Every command that there is, with everything about it that may vary, drawn from few numbers so that they meet.

mod people;
mod refunds;

use proptest::prelude::*;
use proptest::sample::Index;

use self::people::{adjust, raise, resolve, stand};
use self::refunds::{RefundStep, refund};
use super::driven::{Driven, fen};
use crate::domain::account::Account;
use crate::domain::books::{Key, Record};
use crate::domain::command::{
    Adopt, Command, Confirm, OpenOrder, Pay, Question, RecordPrepay, RecordTransfer, ResolveCase,
    Review, RulesChange, Settle, StartSending, TransferOutcome, Withdraw,
};
use crate::domain::event::PaymentSource;
use crate::domain::ids::{RefundNo, WithdrawalNo};
use crate::domain::money::{FeeRate, Money};
use crate::domain::order::Channel;
use crate::domain::rules::{PayoutMethod, Rules};
use crate::domain::time::At;
use crate::domain::withdrawal::WithdrawalRequest;

/// A step of a history.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Ask(Draft),
    /// The clock goes on, or back.
    Wait(i64),
    /// The books turn out to be of the past; whether money may not go out.
    Restored(bool),
    /// A command that was accepted is asked again.
    Again(Index),
    /// Other content comes under the number of a command that was accepted.
    Contradict(Index),
}

/// A command whose rest depends on what is at hand when it is asked.
#[derive(Debug, Clone)]
pub(super) enum Draft {
    Ready(Command),
    /// A payment of the order's own amount.
    PayExactly(Pay),
    /// A try by somebody who knows of the last one.
    SendKnowing(StartSending),
    /// A query about the last try, at a time so many milliseconds from now, that finds nothing.
    NotFoundKnowing(WithdrawalNo, i64),
    /// A step of a refund by somebody who knows its order and its last try, at a time so many milliseconds from now.
    Refund(RefundNo, RefundStep, i64),
    /// The same of a refund that a case's remedy made.
    RefundOfCase(Index, RefundStep, i64),
    /// A decision about a case that is at hand.
    Decide(Index, ResolveCase),
}

/// A number out of a few, with a letter for its kind.
fn number(letter: char, n: u8) -> String {
    format!("{letter}{n:03}")
}

fn few() -> std::ops::Range<u8> {
    0..4
}

fn amount() -> impl Strategy<Value = Money> {
    prop_oneof![6 => 0..700_u64, 1 => 0..=1_000_000_001_u64, 1 => 0..=Money::MAX.fen()]
        .prop_map(fen)
}

fn key() -> impl Strategy<Value = Option<crate::domain::ids::IdempotencyKey>> {
    prop::option::weighted(0.2, 0..3_u8)
        .prop_map(|key| key.map(|key| format!("key {key}").parse().unwrap()))
}

/// An instant, mostly of these days.
pub(in crate::domain) fn instant() -> impl Strategy<Value = At> {
    let march = At::from_ms(1_772_337_600_000);
    let days = (-400_000_000..400_000_000_i64).prop_map(move |ms| march.plus_ms(ms));
    prop_oneof![6 => days, 1 => any::<i64>().prop_map(At::from_ms)]
}

fn open() -> impl Strategy<Value = Command> {
    let channel = prop_oneof![
        4 => Just(Channel::External),
        1 => Just(Channel::Wechat { openid: "o1".into(), request: vec![("a".into(), "b".into())] }),
    ];
    (few(), key(), amount(), prop_oneof![19 => "[ab茶]", 1 => ".{0,50}"], channel, instant())
        .prop_map(|(no, idempotency_key, amount, description, channel, expires_at)| {
            Command::OpenOrder(OpenOrder {
                order_no: number('O', no).parse().unwrap(),
                idempotency_key,
                amount,
                description: description.into(),
                channel,
                expires_at,
            })
        })
}

fn pay() -> impl Strategy<Value = Pay> {
    let source = prop::sample::select(vec![
        PaymentSource::Notice,
        PaymentSource::Query,
        PaymentSource::Hand,
    ]);
    let by = prop::option::weighted(0.2, few());
    (few(), by, amount(), prop::option::weighted(0.2, amount()), instant(), source).prop_map(
        |(no, by, amount, booked, paid_at, source)| Pay {
            order_no: number('O', no).parse().unwrap(),
            transaction_id: number('T', by.unwrap_or(no)).parse().unwrap(),
            amount,
            booked: booked.unwrap_or(amount),
            paid_at,
            source,
            signed: None,
        },
    )
}

fn withdraw() -> impl Strategy<Value = Command> {
    let asked = (
        prop::option::weighted(0.8, prop_oneof![(100..200_u64).prop_map(fen), amount()]),
        any::<bool>(),
    );
    (few(), key(), asked, few(), prop::bool::weighted(0.95)).prop_map(
        |(no, idempotency_key, (amount, settle_first), settlement, transfers_open)| {
            Command::Withdraw(Withdraw {
                withdrawal_no: number('W', no).parse().unwrap(),
                idempotency_key,
                request: WithdrawalRequest { amount, settle_first },
                settlement_no: number('S', settlement).parse().unwrap(),
                asked_by: "k1".parse().unwrap(),
                transfers_open,
            })
        },
    )
}

fn review() -> impl Strategy<Value = Command> {
    (few(), 1..4_u8, any::<bool>()).prop_map(|(no, by, approve)| {
        let (withdrawal_no, by) =
            (number('W', no).parse().unwrap(), format!("k{by}").parse().unwrap());
        let review = Review { withdrawal_no, by, reason: "so".into() };
        if approve { Command::Approve(review) } else { Command::Reject(review) }
    })
}

fn confirm() -> impl Strategy<Value = Command> {
    (few(), any::<bool>(), 0..2_u8).prop_map(|(no, succeeded, reference)| {
        Command::Confirm(Confirm {
            withdrawal_no: number('W', no).parse().unwrap(),
            succeeded,
            reference: format!("B{reference}").into(),
            reason: "no such account".into(),
        })
    })
}

fn transfer() -> impl Strategy<Value = Draft> {
    let outcome = prop_oneof![
        (0..2_u8).prop_map(|n| TransferOutcome::Succeeded(format!("X{n}").into())),
        Just(TransferOutcome::Failed("NOTENOUGH".into())),
        (0..2_u8).prop_map(|n| TransferOutcome::Unknown(format!("time-out {n}").into())),
    ];
    let record =
        |no, outcome| RecordTransfer { withdrawal_no: number('W', no).parse().unwrap(), outcome };
    prop_oneof![
        (few(), outcome).prop_map(move |(no, outcome)| {
            Draft::Ready(Command::RecordTransfer(record(no, outcome)))
        }),
        (few(), -1_200_000..1_200_000_i64).prop_map(move |(no, ms)| {
            Draft::NotFoundKnowing(number('W', no).parse().unwrap(), ms)
        }),
    ]
}

fn send() -> impl Strategy<Value = Draft> {
    (few(), prop::option::weighted(0.3, instant())).prop_map(|(no, last_try)| {
        let start = StartSending { withdrawal_no: number('W', no).parse().unwrap(), last_try };
        match last_try {
            Some(_) => Draft::Ready(Command::StartSending(start)),
            None => Draft::SendKnowing(start),
        }
    })
}

fn adopt() -> impl Strategy<Value = Command> {
    (few(), prop_oneof![(100..200_u64).prop_map(fen), amount()], few()).prop_map(
        |(no, amount, settlement)| {
            Command::Adopt(Adopt {
                withdrawal_no: number('W', no).parse().unwrap(),
                amount,
                reference: "X0".into(),
                settlement_no: number('S', settlement).parse().unwrap(),
                asked_by: "k2".parse().unwrap(),
            })
        },
    )
}

fn change() -> impl Strategy<Value = Command> {
    let limit = || prop::option::weighted(0.2, prop::option::of(amount()));
    let days = prop::option::of(prop::option::of(0..33_u8));
    let method = [None, Some(PayoutMethod::Manual), Some(PayoutMethod::Wechat)];
    let method = prop::option::weighted(0.2, prop::sample::select(method.to_vec()));
    let openid = prop::option::weighted(0.2, prop::option::weighted(0.8, Just(Box::from("o2"))));
    let fee = prop::option::of(0..=10_001_u16);
    (fee, days, method, openid, [limit(), limit(), limit(), limit()]).prop_map(
        |(fee, settle_after_days, payout_method, payout_openid, [min, max, daily, approval])| {
            Command::ChangeRules(RulesChange {
                fee_bp: fee.and_then(FeeRate::from_basis_points),
                settle_after_days,
                payout_method,
                payout_openid,
                withdrawal_min_fen: min,
                withdrawal_max_fen: max,
                daily_max_fen: daily,
                approval_over_fen: approval,
                ..RulesChange::default()
            })
        },
    )
}

fn settle() -> impl Strategy<Value = Command> {
    (few(), key(), any::<bool>()).prop_map(|(no, idempotency_key, include_not_due)| {
        let settlement_no = number('S', no).parse().unwrap();
        Command::Settle(Settle { settlement_no, idempotency_key, include_not_due })
    })
}

fn about_an_order() -> impl Strategy<Value = Command> {
    (few(), 0..4_u8).prop_map(|(no, what)| {
        let order_no = number('O', no).parse().unwrap();
        match what {
            0 => Command::StartClosing(order_no),
            1 => Command::CloseOrder(order_no),
            id => {
                Command::RecordPrepay(RecordPrepay { order_no, prepay_id: number('p', id).into() })
            }
        }
    })
}

/// Any step. Money comes in and goes out often enough that histories get somewhere.
pub(super) fn step() -> impl Strategy<Value = Step> {
    let ready = |command: BoxedStrategy<Command>| command.prop_map(Draft::Ready).boxed();
    let draft = prop_oneof![
        4 => ready(open().boxed()),
        6 => pay().prop_map(Draft::PayExactly),
        1 => ready(pay().prop_map(Command::Pay).boxed()),
        2 => ready(about_an_order().boxed()),
        3 => ready(settle().boxed()),
        6 => ready(withdraw().boxed()),
        2 => ready(review().boxed()),
        3 => ready(confirm().boxed()),
        5 => send(),
        5 => transfer(),
        2 => ready(adopt().boxed()),
        1 => ready(raise().boxed()),
        1 => ready(stand().boxed()),
        3 => ready(adjust().boxed()),
        1 => ready(resolve().prop_map(Command::ResolveCase).boxed()),
        3 => (any::<Index>(), resolve()).prop_map(|(which, resolve)| Draft::Decide(which, resolve)),
        10 => refund(),
        1 => ready(change().boxed()),
        1 => ready(prop_oneof![Just(Command::Register(Rules::new("another"))), Just(Command::Read)].boxed()),
    ];
    let wait = prop_oneof![
        6 => -200_000_000..400_000_000_i64,
        6 => (-5..6_i64).prop_map(|days| days * 86_400_000),
        1 => any::<i64>(),
    ];
    prop_oneof![
        14 => draft.prop_map(Step::Ask),
        2 => wait.prop_map(Step::Wait),
        1 => any::<bool>().prop_map(Step::Restored),
        2 => any::<Index>().prop_map(Step::Again),
        2 => any::<Index>().prop_map(Step::Contradict),
    ]
}

impl Draft {
    /// The command, with its rest filled in.
    pub(super) fn command(&self, m: &Driven) -> Command {
        match self {
            Self::Ready(command) => command.clone(),
            Self::PayExactly(pay) => {
                let amount = match m.account.books().get(&Key::Order(pay.order_no)) {
                    Some(Record::Order(order)) => order.amount,
                    _ => pay.amount,
                };
                Command::Pay(Pay { amount, booked: pay.booked.min(amount), ..pay.clone() })
            }
            Self::SendKnowing(start) => {
                let last_try = tried_at(&m.account, start.withdrawal_no);
                Command::StartSending(StartSending { last_try, ..start.clone() })
            }
            Self::NotFoundKnowing(withdrawal_no, ms) => {
                let (withdrawal_no, asked_at) = (*withdrawal_no, m.now.plus_ms(*ms));
                let tried_at = tried_at(&m.account, withdrawal_no).unwrap_or_default();
                let (earliest, latest) = (asked_at, asked_at);
                let outcome = TransferOutcome::NotFound(Question { tried_at, earliest, latest });
                Command::RecordTransfer(RecordTransfer { withdrawal_no, outcome })
            }
            Self::Refund(refund_no, step, ms) => step.command(m, *refund_no, *ms),
            Self::RefundOfCase(which, step, ms) => {
                let no = one_of(m, which, |key| {
                    let Key::Refund(no) = key else { return None };
                    no.as_str().starts_with("SR").then_some(*no)
                });
                step.command(m, no.unwrap_or_else(|| number('R', 0).parse().unwrap()), *ms)
            }
            Self::Decide(which, resolve) => {
                let case = |key: &Key| if let Key::Case(id) = key { Some(*id) } else { None };
                let case_id = one_of(m, which, case).unwrap_or(resolve.case_id);
                Command::ResolveCase(ResolveCase { case_id, ..resolve.clone() })
            }
        }
    }
}

/// One of the records at hand.
fn one_of<T: Ord>(m: &Driven, which: &Index, wanted: impl Fn(&Key) -> Option<T>) -> Option<T> {
    let mut all: Vec<T> = m.account.books().records().filter_map(|(key, _)| wanted(key)).collect();
    all.sort();
    (!all.is_empty()).then(|| all.swap_remove(which.index(all.len())))
}

fn tried_at(account: &Account, withdrawal_no: WithdrawalNo) -> Option<At> {
    let record = account.books().get(&Key::Withdrawal(withdrawal_no))?;
    if let Record::Withdrawal(withdrawal) = record { withdrawal.tried_at } else { None }
}
