//! A transfer that WeChat tells of no more, ended by two admins.

use super::*;
use crate::domain::chain::Seq;
use crate::domain::command::{Attest, FirstWord};
use crate::domain::restored::Restored;
use crate::limits::CHANNEL_TELLS_FOR_MS;

fn record(outcome: TransferOutcome) -> Command {
    Command::RecordTransfer(RecordTransfer { withdrawal_no: "W100".parse().unwrap(), outcome })
}

/// A merchant with a transfer of 1,000 fen of which nobody knows, just tried.
fn unknown() -> Driven {
    let mut m = Driven::new(by_wechat());
    m.paid("O100", 1_000);
    m.withdraw("W100", Some(1_000), true).unwrap();
    let start = StartSending { withdrawal_no: "W100".parse().unwrap(), last_try: None };
    m.ask(&Command::StartSending(start)).unwrap();
    m.ask(&record(TransferOutcome::Unknown("time-out".into()))).unwrap();
    m
}

fn word(succeeded: bool, by: &str, first: Option<&str>) -> Command {
    Command::Attest(Attest {
        withdrawal_no: "W100".parse().unwrap(),
        succeeded,
        reference: if succeeded { "B1".into() } else { "".into() },
        reason: "by the bank's list".into(),
        by: by.parse().unwrap(),
        first: first.map(|by| FirstWord { seq: Seq(7), by: by.parse().unwrap() }),
    })
}

fn standing(answer: Answer) -> (WithdrawalStatus, Option<Box<str>>, Option<Box<str>>) {
    let Answer::Withdrawal(withdrawal) = answer else { panic!("{answer:?}") };
    (withdrawal.status, withdrawal.reference, withdrawal.reason)
}

#[test]
fn two_admins_end_a_transfer_that_wechat_tells_of_no_more() {
    use WithdrawalStatus::{Failed, Succeeded, Unknown};
    for succeeded in [true, false] {
        let mut m = unknown();
        m.now = m.now.plus_ms(CHANNEL_TELLS_FOR_MS);
        let before = m.account.link().seq;
        let first = m.ask(&word(succeeded, "k1", None)).unwrap();
        assert_eq!(standing(first).0, Unknown);
        m.stands((0, 0, 1_000, 0));
        assert_eq!(m.account.link().seq, before.next(), "who said what is in the journal");
        assert_eq!(m.ask(&word(succeeded, "k1", Some("k1"))), Err(Refusal::SameKey));
        m.stands((0, 0, 1_000, 0));
        let (status, reference, reason) =
            standing(m.ask(&word(succeeded, "k2", Some("k1"))).unwrap());
        if succeeded {
            assert_eq!((status, reference.as_deref(), reason), (Succeeded, Some("B1"), None));
            m.stands((0, 0, 0, 1_000));
        } else {
            let told = "by the bank's list (first said by k1, event 7)";
            assert_eq!((status, reason.as_deref()), (Failed, Some(told)));
            m.stands((0, 1_000, 0, 0));
        }
        let end = m.account.link();
        m.ask(&word(succeeded, "k2", Some("k1"))).expect("a repeat");
        m.ask(&word(succeeded, "k1", None)).expect("a repeat");
        assert_eq!(m.ask(&word(!succeeded, "k2", Some("k1"))), Err(Refusal::NotManual));
        assert_eq!(m.account.link(), end);
    }
}

#[test]
fn as_long_as_wechat_tells_of_it_nobody_says_what_became_of_it() {
    let mut m = unknown();
    let tried_at = m.now;
    let until = tried_at.plus_ms(CHANNEL_TELLS_FOR_MS);
    for now in [tried_at, until.plus_ms(-1)] {
        m.now = now;
        for first in [None, Some("k1")] {
            assert_eq!(m.ask(&word(false, "k2", first)), Err(Refusal::StillTold { until }));
        }
    }
    // Restored books may lack a newer try.
    m.now = until;
    let put_back = tried_at.plus_ms(86_400_000);
    m.restored = Some(Restored { since: tried_at, at: put_back, frozen: false });
    let later = put_back.plus_ms(CHANNEL_TELLS_FOR_MS);
    assert_eq!(m.ask(&word(false, "k2", Some("k1"))), Err(Refusal::StillTold { until: later }));
    m.restored = Some(Restored { since: tried_at, at: put_back, frozen: true });
    m.now = later;
    assert_eq!(m.ask(&word(false, "k2", Some("k1"))), Err(Refusal::WithdrawalsFrozen));
    m.stands((0, 0, 1_000, 0));
}

#[test]
fn what_is_not_unknown_is_not_for_admins_to_say() {
    let mut m = Driven::new(by_wechat());
    m.paid("O100", 1_000);
    assert_eq!(m.ask(&word(true, "k1", None)), Err(Refusal::WithdrawalUnknown));
    m.withdraw("W100", Some(1_000), true).unwrap();
    m.now = m.now.plus_ms(CHANNEL_TELLS_FOR_MS);
    assert_eq!(m.ask(&word(true, "k2", Some("k1"))), Err(Refusal::NotManual), "never sent");
    let mut m = unknown();
    m.ask(&record(TransferOutcome::Succeeded("W".into()))).unwrap();
    m.now = m.now.plus_ms(CHANNEL_TELLS_FOR_MS);
    assert_eq!(m.ask(&word(false, "k2", Some("k1"))), Err(Refusal::NotManual));
    m.stands((0, 0, 0, 1_000));
}

/// What WeChat says after all, between the two words, counts.
#[test]
fn whatever_is_certain_before_the_second_word_stands() {
    let mut m = unknown();
    m.now = m.now.plus_ms(CHANNEL_TELLS_FOR_MS);
    m.ask(&word(false, "k1", None)).unwrap();
    m.ask(&record(TransferOutcome::Succeeded("W".into()))).unwrap();
    assert_eq!(m.ask(&word(false, "k2", Some("k1"))), Err(Refusal::NotManual));
    m.stands((0, 0, 0, 1_000));
}
