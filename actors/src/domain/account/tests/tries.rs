//! Tries to pay a withdrawal out: each has a time of its own, by which it is named.

use super::*;

/// A merchant whose withdrawal of all its money waits to be sent.
fn requested() -> Driven {
    let mut m = Driven::new(by_wechat());
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(1_000), true).unwrap();
    m
}

fn send(last_try: Option<At>) -> Command {
    Command::StartSending(StartSending { withdrawal_no: "W100".parse().unwrap(), last_try })
}

/// The channel did not find it, asked between these times.
fn not_found(tried_at: At, earliest: At, latest: At) -> Command {
    let outcome = TransferOutcome::NotFound(Question { tried_at, earliest, latest });
    Command::RecordTransfer(RecordTransfer { withdrawal_no: "W100".parse().unwrap(), outcome })
}

/// A query that finds nothing is certain only ten minutes after the newest try, whoever began it, and about that try.
#[test]
fn a_transfer_that_is_not_found_failed_only_long_after_its_last_try() {
    let mut m = requested();
    let first = m.now;
    let at = |ms| first.plus_ms(ms);
    let not_found = |tried_at, ms| not_found(tried_at, at(ms), at(ms));
    assert_eq!(m.ask(&not_found(first, 0)), Err(Refusal::WithdrawalDecided("requested")));
    m.ask(&send(None)).unwrap();
    m.ask(&not_found(first, 599_999)).unwrap();
    m.now = at(599_999);
    let second = m.now;
    m.ask(&send(Some(first))).unwrap();
    m.ask(&not_found(first, 600_000)).unwrap();
    m.ask(&not_found(second, 1_199_998)).unwrap();
    m.stands((0, 0, 1_000, 0));
    for _ in 0..2 {
        m.ask(&not_found(second, 1_199_999)).unwrap();
        m.stands((0, 1_000, 0, 0));
    }
}

/// Whoever asks and whatever their clocks say: tries whose times are a millisecond apart may be minutes apart.
#[test]
fn an_answer_about_a_try_gives_up_none_that_began_since() {
    let mut m = requested();
    let first = m.now;
    m.ask(&send(None)).unwrap();
    m.ask(&send(Some(first))).unwrap();
    let second = first.plus_ms(1);
    let asked_at = first.plus_ms(3_600_000);
    m.ask(&not_found(first, asked_at, asked_at)).unwrap();
    m.stands((0, 0, 1_000, 0));
    m.ask(&not_found(second, asked_at, asked_at)).unwrap();
    m.stands((0, 1_000, 0, 0));
}

/// WeChat tells of the last 30 days only.
#[test]
fn a_transfer_that_is_not_found_did_not_fail_when_by_some_clock_it_is_too_old_to_be_told_of() {
    let days = |days: i64| days * 86_400_000;
    for (earliest, latest, failed) in [
        (days(28), days(28), true),
        (600_000, days(28), true),
        (600_000, days(28) + 1, false),
        (days(28) + 1, days(28) + 1, false),
        (days(400), days(400), false),
    ] {
        let mut m = requested();
        let tried_at = m.now;
        m.ask(&send(None)).unwrap();
        let asked = not_found(tried_at, tried_at.plus_ms(earliest), tried_at.plus_ms(latest));
        m.ask(&asked).unwrap();
        m.stands(if failed { (0, 1_000, 0, 0) } else { (0, 0, 1_000, 0) });
    }
}

/// Else somebody who knows of the first of two tries would pass for one who knows of both.
#[test]
fn each_try_has_a_time_of_its_own_even_while_a_clock_is_behind() {
    let mut m = requested();
    let newest = m.now;
    m.now = newest.plus_ms(-3_600_000);
    let mut send = |last_try| {
        let Answer::Withdrawal(sending) = m.ask(&send(last_try))? else { panic!() };
        Ok(sending.tried_at)
    };
    let first = send(None).unwrap();
    let second = send(first).unwrap();
    assert_eq!((first, second), (Some(newest), Some(newest.plus_ms(1))));
    assert_eq!(send(first), Err(Refusal::WithdrawalDecided("sending")));
}

/// So the first of a few tries is hardly older than the last, by which one tells whether the channel can be believed. However
/// long the call was on its way.
#[test]
fn another_try_follows_within_ten_minutes_or_never() {
    for (now, elsewhere, follows) in [
        (599_999, 0, true),
        (600_000, 0, false),
        (-3_600_000, 599_999, true),
        (-3_600_000, 600_000, false),
    ] {
        let mut m = requested();
        let first = m.now;
        m.ask(&send(None)).unwrap();
        m.now = first.plus_ms(elsewhere);
        m.ask(&open("O101", 1)).unwrap();
        m.now = first.plus_ms(now);
        let answer = m.ask(&send(Some(first)));
        assert_eq!(answer.is_ok(), follows, "{now} {elsewhere}: {answer:?}");
    }
}
