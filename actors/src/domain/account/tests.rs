//! The rules as tables: given what was done before, when something is asked, then this is decided.

mod adjustments;
mod attested;
mod bank_run;
mod driven;
mod people;
mod properties;
mod refunds;
mod restored;
mod steps;
mod sums;
mod suspense;
mod tries;

use driven::{Driven, by_hand, by_wechat, fen, open, time};

use super::*;
use crate::domain::case::{CaseKind, PaymentCase};
use crate::domain::command::{
    Booking, Confirm, Question, RecordPrepay, RecordTransfer, Review, StartSending, TransferOutcome,
};
use crate::domain::event::PaymentSource;
use crate::domain::money::{Balance, FeeRate, Money};
use crate::domain::rules::PayoutMethod;
use crate::domain::withdrawal::WithdrawalStatus;

#[track_caller]
fn booked(answer: Result<Answer, Refusal>, expected: Booking) {
    match answer {
        Ok(Answer::Payment(booking, _)) => assert_eq!(booking, expected),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_payment_is_credited_once_less_the_fee_of_its_day() {
    let mut m = Driven::new(Rules { fee_bp: FeeRate::from_basis_points(60).unwrap(), ..by_hand() });
    m.ask(&open("O100", 10_000)).unwrap();
    booked(m.pay("O100", "T1", 10_000), Booking::Credited);
    booked(m.pay("O100", "T1", 10_000), Booking::Credited);
    m.stands((9_940, 0, 0, 0));
    let free = RulesChange { fee_bp: Some(FeeRate::default()), ..RulesChange::default() };
    m.ask(&Command::ChangeRules(free)).unwrap();
    m.paid("O101", 10_000);
    m.stands((19_940, 0, 0, 0));
}

#[test]
fn money_that_does_not_fit_becomes_one_case_and_is_credited_to_nobody() {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 500);
    m.ask(&open("O101", 700)).unwrap();
    for (no, transaction, amount, kind) in [
        ("O100", "T2", 500, CaseKind::PaidTwice),
        ("O101", "T3", 699, CaseKind::AmountDiffers),
        ("O101", "TO100", 700, CaseKind::TransactionReused),
        ("O999", "T4", 500, CaseKind::OrderUnknown),
        ("O100", "TO100", 501, CaseKind::TransactionReused),
    ] {
        let before = m.account.link().seq.0;
        booked(m.pay(no, transaction, amount), Booking::Case(kind));
        booked(m.pay(no, transaction, amount), Booking::Case(kind));
        assert_eq!(m.account.link().seq.0, before + 1, "{kind:?}: one case");
    }
    m.stands((500, 0, 0, 0));
}

#[test]
fn what_a_person_types_wrongly_is_refused_and_recorded_nowhere() {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 500);
    m.ask(&open("O101", 700)).unwrap();
    let before = m.account.link();
    for (no, transaction, amount) in
        [("O100", "T2", 500), ("O101", "T3", 699), ("O101", "TO100", 700)]
    {
        let refusal = m.pay_by(PaymentSource::Hand, no, transaction, amount).unwrap_err();
        assert!(matches!(refusal, Refusal::OrderConflict(_)), "{no} {transaction}: {refusal}");
    }
    let unknown = m.pay_by(PaymentSource::Hand, "O999", "T4", 500);
    assert_eq!(unknown, Err(Refusal::OrderUnknown));
    assert_eq!(m.account.link(), before);
}

#[test]
fn money_for_a_closed_order_is_credited_and_makes_a_case() {
    let mut m = Driven::new(by_hand());
    m.ask(&open("O100", 500)).unwrap();
    m.ask(&Command::CloseOrder("O100".parse().unwrap())).unwrap();
    booked(m.pay("O100", "T1", 500), Booking::Credited);
    booked(m.pay("O100", "T1", 500), Booking::Credited);
    let case_id = PaymentCase::id_of(
        m.account.merchant(),
        CaseKind::PaidAfterClose,
        &"O100".parse().unwrap(),
        &"T1".parse().unwrap(),
    );
    assert_eq!(m.account.books().case(&case_id).unwrap().kind, CaseKind::PaidAfterClose);
    m.stands((500, 0, 0, 0));
    let close = m.ask(&Command::CloseOrder("O100".parse().unwrap()));
    assert_eq!(close, Err(Refusal::OrderPaid));
}

#[test]
fn an_order_is_opened_once_and_a_repeat_must_be_the_same() {
    let mut m = Driven::new(by_hand());
    m.ask(&open("O100", 500)).unwrap();
    let before = m.account.link();
    m.ask(&open("O100", 500)).unwrap();
    assert!(matches!(m.ask(&open("O100", 501)), Err(Refusal::OrderConflict(_))));
    for amount in [0, 1_000_000_001] {
        assert!(matches!(m.ask(&open("O101", amount)), Err(Refusal::AmountInvalid { .. })));
    }
    assert_eq!(m.account.link(), before);
}

#[test]
fn a_settlement_takes_what_is_due_and_nothing_that_is_paid_afterwards() {
    let mut m = Driven::new(Rules { settle_after_days: Some(1), ..by_hand() });
    m.paid("O100", 500);
    assert_eq!(m.settle("S100", false), Ok(Answer::Settlement(None)), "not due before tomorrow");
    m.now = time("2026-03-01T16:00:00Z");
    m.paid("O101", 700);
    m.stands((1_200, 0, 0, 0));
    let Ok(Answer::Settlement(Some(made))) = m.settle("S100", false) else { panic!("it is due") };
    assert_eq!((made.moved.orders, made.moved.first_paid_seq, made.moved.last_paid_seq), (1, 1, 1));
    m.stands((700, 500, 0, 0));
    m.paid("O102", 900);
    let Ok(Answer::Settlement(Some(again))) = m.settle("S100", false) else { panic!("a repeat") };
    assert_eq!(again, made, "a repeat settles nothing");
    assert_eq!(m.settle("S100", true), Err(Refusal::NumberReused));
    m.settle("S101", true).unwrap();
    m.stands((0, 2_100, 0, 0));
}

#[test]
fn a_withdrawal_takes_the_money_at_once_and_gives_it_back_when_it_fails() {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 500);
    let insufficient = Err(Refusal::BalanceInsufficient { available: Balance::ZERO });
    assert_eq!(m.withdraw("W100", Some(300), false), insufficient);
    m.withdraw("W100", Some(300), true).unwrap();
    m.stands((0, 200, 300, 0));
    let available = Balance::from_fen(200);
    assert_eq!(
        m.withdraw("W101", Some(201), false),
        Err(Refusal::BalanceInsufficient { available })
    );
    let confirm = |no: &str, succeeded| {
        let (reference, reason) = ("B1".into(), "no such account".into());
        Command::Confirm(Confirm {
            withdrawal_no: no.parse().unwrap(),
            succeeded,
            reference,
            reason,
        })
    };
    m.ask(&confirm("W100", false)).unwrap();
    m.ask(&confirm("W100", false)).unwrap();
    m.stands((0, 500, 0, 0));
    assert!(matches!(m.ask(&confirm("W100", true)), Err(Refusal::WithdrawalDecided("failed"))));
    m.withdraw("W102", None, false).unwrap();
    m.ask(&confirm("W102", true)).unwrap();
    m.ask(&confirm("W102", true)).unwrap();
    m.stands((0, 0, 0, 500));
    let nothing = Err(Refusal::BalanceInsufficient { available: Balance::ZERO });
    assert_eq!(m.withdraw("W103", None, true), nothing);
}

#[test]
fn a_refused_withdrawal_does_nothing_at_all_settle_first_included() {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 500);
    let before = m.account.link();
    assert!(m.withdraw("W100", Some(501), true).is_err());
    assert_eq!(m.account.link(), before);
    m.stands((500, 0, 0, 0));
}

#[test]
fn limits_are_checked_in_the_order_of_their_codes() {
    let mut m = Driven::new(Rules {
        withdrawal_min_fen: Some(fen(100)),
        withdrawal_max_fen: Some(fen(400)),
        daily_max_fen: Some(fen(600)),
        ..by_hand()
    });
    m.paid("O100", 10_000);
    m.settle("S100", false).unwrap();
    for (amount, refusal) in [
        (0, Refusal::AmountInvalid { min: fen(1), max: Money::MAX }),
        (99, Refusal::WithdrawalBelowMin { min: fen(100) }),
        (401, Refusal::WithdrawalAboveMax { max: fen(400) }),
    ] {
        assert_eq!(m.withdraw("W100", Some(amount), false), Err(refusal));
    }
    m.withdraw("W100", Some(400), false).unwrap();
    let left = fen(200);
    assert_eq!(m.withdraw("W101", Some(201), false), Err(Refusal::DailyLimitReached { left }));
    m.withdraw("W101", Some(200), false).unwrap();
    m.now = time("2026-03-01T16:00:00Z");
    m.withdraw("W102", Some(400), false).unwrap();
}

/// Messages read their clocks at different places, so their days may come out of order.
#[test]
fn the_limit_of_a_day_is_kept_when_days_come_out_of_order() {
    let mut m = Driven::new(Rules { daily_max_fen: Some(fen(400)), ..by_hand() });
    m.paid("O100", 10_000);
    m.settle("S100", false).unwrap();
    let (today, tomorrow) = (m.now, m.now.plus_ms(86_400_000));
    m.withdraw("W100", Some(400), false).unwrap();
    m.now = tomorrow;
    m.withdraw("W101", Some(400), false).unwrap();
    m.now = today;
    let left = Money::ZERO;
    assert_eq!(m.withdraw("W102", Some(1), false), Err(Refusal::DailyLimitReached { left }));
    for no in ["W100", "W101"] {
        m.ask(&Command::Confirm(Confirm {
            withdrawal_no: no.parse().unwrap(),
            succeeded: false,
            reference: "".into(),
            reason: "no such account".into(),
        }))
        .unwrap();
    }
    m.withdraw("W103", Some(400), false).unwrap();
    for day in 2..20 {
        m.now = today.plus_ms(day * 86_400_000);
        m.withdraw(&format!("W2{day:02}"), Some(400), false).unwrap();
    }
    assert!(m.account.head().unwrap().requested.len() <= 4);
    m.now = today;
    assert!(
        m.withdraw("W104", Some(1), false).is_err(),
        "it counts against the oldest day that is kept"
    );
}

#[test]
fn a_withdrawal_over_the_limit_waits_for_another_key() {
    let mut m = Driven::new(Rules { approval_over_fen: Some(fen(300)), ..by_hand() });
    m.paid("O100", 1_000);
    m.settle("S100", false).unwrap();
    let review = |no: &str, by: &str| Review {
        withdrawal_no: no.parse().unwrap(),
        by: by.parse().unwrap(),
        reason: "as agreed".into(),
    };
    let status = |answer: Result<Answer, Refusal>| match answer {
        Ok(Answer::Withdrawal(withdrawal)) => withdrawal.status,
        other => panic!("{other:?}"),
    };
    assert_eq!(status(m.withdraw("W100", Some(300), false)), WithdrawalStatus::Requested);
    assert_eq!(status(m.withdraw("W101", Some(301), false)), WithdrawalStatus::AwaitingApproval);
    assert_eq!(m.ask(&Command::Approve(review("W101", "k1"))), Err(Refusal::SameKey));
    assert_eq!(status(m.ask(&Command::Approve(review("W101", "k2")))), WithdrawalStatus::Requested);
    let again = m.ask(&Command::Approve(review("W101", "k2")));
    assert_eq!(status(again), WithdrawalStatus::Requested, "a repeat is a success");
    let decided = Refusal::WithdrawalDecided("requested");
    assert_eq!(m.ask(&Command::Approve(review("W101", "k3"))), Err(decided));
    m.withdraw("W102", Some(399), false).unwrap();
    assert_eq!(status(m.ask(&Command::Reject(review("W102", "k2")))), WithdrawalStatus::Rejected);
    m.stands((0, 399, 601, 0));
    let decided = m.ask(&Command::Approve(review("W102", "k2")));
    assert_eq!(decided, Err(Refusal::WithdrawalDecided("rejected")));
}

/// `design.md` 3.5: sending is recorded before the call, an unknown outcome gives nothing back, a certain one is final.
#[test]
fn a_transfer_is_never_both_paid_and_given_back() {
    let mut m = Driven::new(by_wechat());
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(1_000), true).unwrap();
    let no = "W100".parse().unwrap();
    let record = |outcome| Command::RecordTransfer(RecordTransfer { withdrawal_no: no, outcome });
    let paid = record(TransferOutcome::Succeeded("X1".into()));
    let failed = record(TransferOutcome::Failed("NOTENOUGH".into()));
    let unknown = record(TransferOutcome::Unknown("time-out".into()));
    let send = |last_try| Command::StartSending(StartSending { withdrawal_no: no, last_try });
    assert_eq!(m.ask(&paid), Err(Refusal::WithdrawalDecided("requested")), "nothing was sent");
    let first = m.now;
    m.ask(&send(None)).unwrap();
    let second = m.ask(&send(None));
    assert_eq!(
        second,
        Err(Refusal::WithdrawalDecided("sending")),
        "who sends knows of the last try"
    );
    m.ask(&unknown).unwrap();
    m.stands((0, 0, 1_000, 0));
    m.ask(&paid).unwrap();
    m.ask(&paid).unwrap();
    for late in [&failed, &unknown, &send(Some(first))] {
        assert_eq!(m.ask(late), Err(Refusal::WithdrawalDecided("succeeded")));
    }
    m.stands((0, 0, 0, 1_000));
}

#[test]
fn without_a_way_to_pay_out_nothing_is_withdrawn() {
    let mut m = Driven::new(Rules::new("a shop"));
    m.paid("O100", 500);
    assert_eq!(m.withdraw("W100", Some(300), true), Err(Refusal::PayoutTargetMissing));
    let mut m = Driven::new(by_wechat());
    m.paid("O100", 500);
    let below = Err(Refusal::WithdrawalBelowMin { min: fen(100) });
    assert_eq!(m.withdraw("W100", Some(99), true), below, "WeChat transfers no less");
}

#[test]
fn rules_that_can_not_hold_are_refused_when_they_are_given() {
    let mut m = Driven::new(by_hand());
    assert_eq!(m.ask(&Command::Register(Rules::new("another"))), Err(Refusal::MerchantExists));
    for (change, field) in [
        (
            RulesChange { settle_after_days: Some(Some(31)), ..Default::default() },
            "settle_after_days",
        ),
        (RulesChange { name: Some("".into()), ..Default::default() }, "name"),
        (
            RulesChange { payout_method: Some(Some(PayoutMethod::Wechat)), ..Default::default() },
            "payout_openid",
        ),
    ] {
        let refusal = m.ask(&Command::ChangeRules(change)).unwrap_err();
        assert!(
            matches!(refusal, Refusal::Invalid { field: named, .. } if named == field),
            "{refusal}"
        );
    }
}

#[test]
fn an_order_about_to_be_closed_takes_money_but_no_prepay_id() {
    let mut m = Driven::new(by_hand());
    let order_no = "O100".parse().unwrap();
    assert_eq!(m.ask(&Command::StartClosing(order_no)), Err(Refusal::OrderUnknown));
    m.ask(&open("O100", 500)).unwrap();
    let since = m.now;
    for _ in 0..2 {
        let Ok(Answer::Order(order)) = m.ask(&Command::StartClosing(order_no)) else { panic!() };
        assert_eq!(order.closing_at, Some(since));
        m.now = m.now.plus_ms(1_000);
    }
    let prepay = RecordPrepay { order_no, prepay_id: "wx1".into() };
    assert_eq!(m.ask(&Command::RecordPrepay(prepay)), Err(Refusal::OrderClosed));
    booked(m.pay("O100", "T1", 500), Booking::Credited);
    m.stands((500, 0, 0, 0));
    assert_eq!(m.ask(&Command::StartClosing(order_no)), Err(Refusal::OrderPaid));
}

/// Withdrawals of more days than are kept, the oldest day asked for once more by a clock that went back, and then the money
/// of that day's first withdrawal comes back.
#[test]
fn money_comes_back_also_for_a_day_that_was_forgotten_and_came_again() {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 10_000);
    m.settle("S100", false).unwrap();
    let first = m.now;
    for day in 0..5 {
        m.now = first.plus_ms(day * 86_400_000);
        m.withdraw(&format!("W10{day}"), Some(100), false).unwrap();
    }
    let fail = |no: &str| {
        Command::Confirm(Confirm {
            withdrawal_no: no.parse().unwrap(),
            succeeded: false,
            reference: "".into(),
            reason: "no such account".into(),
        })
    };
    m.ask(&fail("W101")).unwrap();
    m.now = first;
    m.withdraw("W200", Some(10), false).unwrap();
    m.ask(&fail("W100")).unwrap();
    m.stands((0, 9_690, 310, 0));
}
