//! Tries to pay a withdrawal out: each has a time of its own, by which it is named.

use super::*;

/// A query that finds nothing is certain only ten minutes after the newest try, whoever began it.
#[test]
fn a_transfer_that_is_not_found_failed_only_long_after_its_last_try() {
    let mut m = Driven::new(by_wechat());
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(1_000), true).unwrap();
    let withdrawal_no = "W100".parse().unwrap();
    let not_found = |asked_at| {
        let outcome = TransferOutcome::NotFound(asked_at);
        Command::RecordTransfer(RecordTransfer { withdrawal_no, outcome })
    };
    let send = |last_try| Command::StartSending(StartSending { withdrawal_no, last_try });
    let start = m.now;
    assert_eq!(m.ask(&not_found(start)), Err(Refusal::WithdrawalDecided("requested")));
    m.ask(&send(None)).unwrap();
    m.ask(&not_found(start.plus_ms(599_999))).unwrap();
    m.now = start.plus_ms(600_000);
    m.ask(&send(Some(start))).unwrap();
    m.ask(&not_found(start.plus_ms(600_000))).unwrap();
    m.stands((0, 0, 1_000, 0));
    for _ in 0..2 {
        m.ask(&not_found(start.plus_ms(1_200_000))).unwrap();
        m.stands((0, 1_000, 0, 0));
    }
}

/// Else somebody who knows of the first of two tries would pass for one who knows of both.
#[test]
fn each_try_has_a_time_of_its_own_even_while_a_clock_is_behind() {
    let mut m = Driven::new(by_wechat());
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(1_000), true).unwrap();
    let withdrawal_no = "W100".parse().unwrap();
    let newest = m.now;
    m.now = newest.plus_ms(-3_600_000);
    let mut send = |last_try| {
        let start = StartSending { withdrawal_no, last_try };
        let Answer::Withdrawal(sending) = m.ask(&Command::StartSending(start))? else { panic!() };
        Ok(sending.tried_at)
    };
    let first = send(None).unwrap();
    let second = send(first).unwrap();
    assert_eq!((first, second), (Some(newest), Some(newest.plus_ms(1))));
    assert_eq!(send(first), Err(Refusal::WithdrawalDecided("sending")));
}
