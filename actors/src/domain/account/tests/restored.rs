//! Restored books: what is frozen, and how they learn of what was paid out since their backup.

use super::*;
use crate::domain::command::Adopt;
use crate::domain::restored::Restored;

const MINUTE: i64 = 60_000;

/// Books that were put back just now, from a backup of yesterday.
fn restored(m: &mut Driven, frozen: bool) {
    m.restored = Some(Restored { since: m.now.plus_ms(-1_440 * MINUTE), at: m.now, frozen });
}

fn adopt(no: &str, amount: u64, reference: &str) -> Command {
    Command::Adopt(Adopt {
        withdrawal_no: no.parse().unwrap(),
        amount: fen(amount),
        reference: reference.into(),
        settlement_no: format!("S{no}").parse().unwrap(),
        asked_by: "admin".parse().unwrap(),
    })
}

fn review(no: &str, by: &str) -> Review {
    Review {
        withdrawal_no: no.parse().unwrap(),
        by: by.parse().unwrap(),
        reason: "looks good".into(),
    }
}

fn record(outcome: TransferOutcome) -> Command {
    Command::RecordTransfer(RecordTransfer { withdrawal_no: "W100".parse().unwrap(), outcome })
}

fn found(m: &mut Driven, no: &str) -> crate::domain::withdrawal::Withdrawal {
    let records = m.replayed_records();
    let found = records.get(&crate::domain::books::Key::Withdrawal(no.parse().unwrap()));
    let Some(crate::domain::books::Record::Withdrawal(found)) = found else { panic!("{no}") };
    (**found).clone()
}

#[test]
fn while_books_are_frozen_nothing_goes_out_and_a_refused_withdrawal_settles_nothing() {
    let mut m = Driven::new(Rules { approval_over_fen: Some(fen(300)), ..by_wechat() });
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(200), true).unwrap();
    m.withdraw("W101", Some(400), false).unwrap();
    m.paid("O101", 500);
    m.stands((500, 400, 600, 0));
    restored(&mut m, true);
    let before = m.account.link();
    assert_eq!(m.withdraw("W102", Some(100), false), Err(Refusal::WithdrawalsFrozen));
    assert_eq!(m.withdraw("W102", None, true), Err(Refusal::WithdrawalsFrozen));
    assert_eq!(m.withdraw("W102", Some(0), false), Err(Refusal::WithdrawalsFrozen));
    assert_eq!(m.ask(&Command::Approve(review("W101", "k2"))), Err(Refusal::WithdrawalsFrozen));
    let send = StartSending { withdrawal_no: "W100".parse().unwrap(), last_try: None };
    assert_eq!(m.ask(&Command::StartSending(send.clone())), Err(Refusal::WithdrawalsFrozen));
    m.withdraw("W100", Some(200), true).expect("it is recorded");
    assert_eq!(m.withdraw("W100", Some(201), true), Err(Refusal::NumberReused));
    assert_eq!(m.account.link(), before, "nothing was recorded");

    m.settle("S100", false).unwrap();
    m.stands((0, 900, 600, 0));
    m.paid("O102", 10);
    m.ask(&Command::Reject(review("W101", "k2"))).expect("that gives money back");
    restored(&mut m, false);
    m.ask(&Command::StartSending(send)).unwrap();
    m.withdraw("W102", Some(100), true).unwrap();
    m.stands((0, 1_210, 300, 0));
}

#[test]
fn a_yes_that_was_recorded_is_repeated_while_books_are_frozen() {
    let mut m = Driven::new(Rules { approval_over_fen: Some(fen(300)), ..by_wechat() });
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(400), true).unwrap();
    m.ask(&Command::Approve(review("W100", "k2"))).unwrap();
    restored(&mut m, true);
    m.ask(&Command::Approve(review("W100", "k2"))).unwrap();
}

/// Past every limit, with what is due settled first, and three events: asked for, sent, paid.
#[test]
fn a_lost_transfer_is_adopted_whatever_the_limits_say_but_never_past_the_balance() {
    for frozen in [true, false] {
        let mut m = Driven::new(Rules {
            approval_over_fen: Some(fen(1)),
            withdrawal_max_fen: Some(fen(150)),
            daily_max_fen: Some(fen(200)),
            ..by_wechat()
        });
        m.paid("O100", 1_000);
        restored(&mut m, frozen);
        let before = m.account.link().seq.0;
        for _ in 0..2 {
            m.ask(&adopt("W100", 700, "X1")).unwrap();
            m.stands((0, 300, 0, 700));
            assert_eq!(m.account.link().seq.0, before + 4, "a settlement and three events, once");
        }
        let made = found(&mut m, "W100");
        assert_eq!(made.status, WithdrawalStatus::Succeeded);
        assert_eq!((made.reference.as_deref(), made.tried_at), (Some("X1"), Some(m.now)));
        assert_eq!(made.settlement_no, Some("SW100".parse().unwrap()));
        let available = Balance::ZERO.plus(fen(300)).unwrap();
        let insufficient = Err(Refusal::BalanceInsufficient { available });
        assert_eq!(m.ask(&adopt("W101", 301, "X2")), insufficient);
        assert_eq!(m.ask(&adopt("W101", 0, "X2")), insufficient);
        m.ask(&adopt("W101", 300, "X2")).unwrap();
        m.stands((0, 0, 0, 1_000));
        assert_eq!(found(&mut m, "W101").settlement_no, None);
    }
}

#[test]
fn what_is_not_due_is_not_settled_for_a_lost_transfer() {
    let mut m = Driven::new(Rules { settle_after_days: Some(1), ..by_wechat() });
    m.paid("O100", 1_000);
    restored(&mut m, true);
    let available = Balance::ZERO;
    let before = m.account.link();
    assert_eq!(
        m.ask(&adopt("W100", 700, "X1")),
        Err(Refusal::BalanceInsufficient { available }),
        "an admin may settle it, and hand the number in again"
    );
    assert_eq!(m.account.link(), before);
}

#[test]
fn a_number_that_the_books_know_is_adopted_by_no_other_transfer() {
    let mut m = Driven::new(by_wechat());
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(400), true).unwrap();
    restored(&mut m, true);
    assert_eq!(m.ask(&adopt("W100", 400, "X1")), Err(Refusal::NumberReused), "it waits");
    m.ask(&adopt("W101", 100, "X1")).unwrap();
    for other in [adopt("W101", 101, "X1"), adopt("W101", 100, "X2")] {
        assert_eq!(m.ask(&other), Err(Refusal::NumberReused));
    }
    m.stands((0, 500, 400, 100));
    let repeat = m.withdraw("W101", Some(100), false);
    assert!(repeat.is_ok(), "whoever asked for it hears that it is paid: {repeat:?}");
}

#[test]
fn only_restored_books_adopt_anything() {
    let mut m = Driven::new(by_wechat());
    m.paid("O100", 1_000);
    m.settle("S100", false).unwrap();
    assert_eq!(m.ask(&adopt("W100", 100, "X1")), Err(Refusal::NotRestored));
    m.stands((0, 1_000, 0, 0));
}

/// The backup has it as asked for, or waiting for a second key. What WeChat says of it was lost.
#[test]
fn what_wechat_says_of_a_transfer_is_recorded_of_a_withdrawal_that_restored_books_never_sent() {
    let paid = TransferOutcome::Succeeded("X1".into());
    let failed = TransferOutcome::Failed("NAME_MISMATCH".into());
    let unknown = TransferOutcome::Unknown("it is under way at WeChat".into());
    for (amount, status) in [(200, "requested"), (400, "awaiting_approval")] {
        for (outcome, stands) in [
            (&paid, (0, 1_000 - amount, 0, amount)),
            (&failed, (0, 1_000, 0, 0)),
            (&unknown, (0, 1_000 - amount, amount, 0)),
        ] {
            let mut m = Driven::new(Rules { approval_over_fen: Some(fen(300)), ..by_wechat() });
            m.paid("O100", 1_000);
            m.withdraw("W100", Some(amount), true).unwrap();
            let early = m.ask(&record(outcome.clone()));
            assert_eq!(early, Err(Refusal::WithdrawalDecided(status)));
            restored(&mut m, true);
            for _ in 0..2 {
                m.ask(&record(outcome.clone())).unwrap();
                let (pending, available, in_transit, withdrawn) = stands;
                let available = i64::try_from(available).unwrap();
                m.stands((pending, available, in_transit, withdrawn));
            }
            assert_eq!(found(&mut m, "W100").tried_at, Some(m.now), "it was sent, some time");
        }
    }
}

#[test]
fn what_wechat_says_is_not_recorded_of_a_withdrawal_that_it_never_pays() {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(200), true).unwrap();
    restored(&mut m, true);
    let failed = record(TransferOutcome::Failed("?".into()));
    assert_eq!(m.ask(&failed), Err(Refusal::WithdrawalDecided("requested")));
}

/// A try that was made after the backup is lost. Until ten minutes after the restore WeChat may come to know of it.
#[test]
fn what_is_not_found_did_not_fail_when_a_lost_try_may_still_come() {
    let mut m = Driven::new(by_wechat());
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(1_000), true).unwrap();
    let tried_at = m.now;
    let send = StartSending { withdrawal_no: "W100".parse().unwrap(), last_try: None };
    m.ask(&Command::StartSending(send)).unwrap();
    m.now = tried_at.plus_ms(1_440 * MINUTE);
    restored(&mut m, true);
    let back_at = m.now;
    let not_found = |asked_at: At| {
        let (earliest, latest) = (asked_at, asked_at);
        record(TransferOutcome::NotFound(Question { tried_at, earliest, latest }))
    };
    for asked_at in [back_at, back_at.plus_ms(10 * MINUTE - 1)] {
        m.ask(&not_found(asked_at)).unwrap();
        m.stands((0, 0, 1_000, 0));
    }
    m.ask(&not_found(back_at.plus_ms(10 * MINUTE))).unwrap();
    m.stands((0, 1_000, 0, 0));
}
