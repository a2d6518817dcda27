//! A plan, answer by answer. What its answers mean for the money is checked by the proof's model.

use super::*;
use crate::domain::chain::Seq;
use crate::domain::money::Money;
use crate::domain::rules::PayoutMethod;
use crate::domain::withdrawal::WithdrawalRequest;
use WithdrawalStatus::{
    AwaitingApproval, Failed, Rejected, Requested, Sending, Succeeded, Unknown,
};

const TRIED: i64 = 1_000_000;

fn withdrawal(status: WithdrawalStatus) -> Withdrawal {
    let tried = !matches!(status, AwaitingApproval | Requested | Rejected);
    Withdrawal {
        withdrawal_no: "W100".parse().unwrap(),
        amount: fen(600),
        request: WithdrawalRequest { amount: Some(fen(600)), settle_first: false },
        method: PayoutMethod::Wechat,
        payout_openid: Some("o1".into()),
        payout_name: None,
        status,
        reason: None,
        reference: None,
        requested_at: At::from_ms(0),
        requested_seq: Seq(3),
        tried_at: tried.then_some(At::from_ms(TRIED)),
        day: At::from_ms(0).day(),
        asked_by: "k1".parse().unwrap(),
        approved_by: None,
        settlement_no: None,
    }
}

fn fen(amount: u64) -> Money {
    Money::from_fen(amount).unwrap()
}

fn take(status: WithdrawalStatus, remembered: Remembered) -> (Plan, Next) {
    Plan::take(withdrawal(status), remembered, true)
}

/// A plan that just had its try recorded, so long after by the wall's clock, and so long after it asked.
fn begun(after_ms: i64, took_ms: u64, remembered: Remembered) -> (Plan, Next) {
    let (mut plan, next) = take(Requested, remembered);
    assert_eq!(next, Next::Begin);
    let now = At::from_ms(TRIED + after_ms);
    let next = plan.begun(Some(withdrawal(Sending)), now, Duration::from_millis(took_ms));
    (plan, next)
}

fn unknown(why: &str) -> Next {
    Next::Record(TransferOutcome::Unknown(why.into()))
}

const REFUSED: Remembered = Remembered { moved_nothing: true, resends: 0 };

#[test]
fn what_may_go_out_is_begun_what_is_out_is_asked_about_and_all_else_rests() {
    for (status, next) in [
        (AwaitingApproval, Next::Rest),
        (Requested, Next::Begin),
        (Sending, Next::Ask),
        (WithdrawalStatus::AwaitingPayee, Next::Ask),
        (Unknown, Next::Ask),
        (Succeeded, Next::Rest),
        (Failed, Next::Rest),
        (Rejected, Next::Rest),
    ] {
        assert_eq!(take(status, Remembered::default()).1, next, "{status:?}");
    }
}

#[test]
fn where_no_transfer_can_be_made_none_is_begun() {
    let (_, next) = Plan::take(withdrawal(Requested), Remembered::default(), false);
    assert_eq!(next, Next::Rest);
}

#[test]
fn a_send_is_dropped_when_either_clock_says_that_more_than_ten_seconds_passed() {
    for (after_ms, took_ms, sent) in [
        (0, 0, true),
        (10_000, 10_000, true),
        (10_001, 0, false),
        (0, 10_001, false),
        (-500, 9_000, true),
    ] {
        let (plan, next) = begun(after_ms, took_ms, Remembered::default());
        let dropped = unknown("it was not sent: recording it took too long");
        assert_eq!(next, if sent { Next::Send } else { dropped }, "{after_ms} {took_ms}");
        assert_eq!(plan.remembered().moved_nothing, !sent, "{after_ms} {took_ms}");
    }
}

#[test]
fn what_was_not_made_durable_is_not_sent() {
    let (mut plan, _) = take(Requested, Remembered::default());
    assert_eq!(plan.begun(None, At::from_ms(TRIED), Duration::ZERO), Next::Rest);
}

/// Its payer may die with the call out, and what is remembered outlives it.
#[test]
fn once_a_send_is_out_a_refusal_before_it_counts_no_more() {
    let (mut plan, next) = begun(0, 0, REFUSED);
    assert_eq!((next, plan.remembered().moved_nothing), (Next::Send, false));
    assert_eq!(plan.sent(Sent::Unknown("time-out".into())), unknown("time-out"));
    assert!(!plan.remembered().moved_nothing);
    assert_eq!(plan.sent(Sent::Refused("NOTENOUGH".into())), unknown("NOTENOUGH"));
    assert!(plan.remembered().moved_nothing);
}

#[test]
fn of_what_is_not_certain_only_the_first_word_after_sending_is_recorded() {
    for (standing, why) in [
        (TransferStanding::Processing, "it is under way at WeChat"),
        (TransferStanding::Unknown("SYSTEMERROR".into()), "SYSTEMERROR"),
    ] {
        let at = At::from_ms(TRIED);
        let (mut plan, _) = take(Sending, Remembered::default());
        assert_eq!(plan.stands(at, standing.clone()), unknown(why));
        let (mut plan, _) = take(Unknown, Remembered::default());
        assert_eq!(plan.stands(at, standing), Next::Rest);
    }
}

#[test]
fn only_what_is_missing_open_and_moved_nothing_is_sent_again_and_a_few_times_only() {
    let out = Remembered { moved_nothing: true, resends: limits::RESENDS_MAX };
    let asked_at = At::from_ms(TRIED + 2_000);
    let missing = || Next::Record(TransferOutcome::NotFound(asked_at));
    for (remembered, after, next, resends) in [
        (REFUSED, Some(Unknown), Next::Begin, 1),
        (REFUSED, Some(Failed), Next::Rest, 0),
        (REFUSED, None, Next::Rest, 0),
        (Remembered::default(), Some(Unknown), Next::Rest, 0),
        (out, Some(Unknown), Next::Rest, limits::RESENDS_MAX),
    ] {
        let (mut plan, _) = take(Unknown, remembered);
        assert_eq!(plan.stands(asked_at, TransferStanding::Missing), missing());
        assert_eq!(plan.recorded(after.map(withdrawal)), next, "{remembered:?} {after:?}");
        assert_eq!(plan.remembered().resends, resends);
    }
}

#[test]
fn after_it_was_sent_again_and_refused_it_rests() {
    let (mut plan, _) = take(Unknown, REFUSED);
    plan.stands(At::from_ms(TRIED), TransferStanding::Missing);
    assert_eq!(plan.recorded(Some(withdrawal(Unknown))), Next::Begin);
    let now = At::from_ms(TRIED);
    assert_eq!(plan.begun(Some(withdrawal(Sending)), now, Duration::ZERO), Next::Send);
    assert_eq!(plan.sent(Sent::Refused("FREQ_LIMIT".into())), unknown("FREQ_LIMIT"));
    assert_eq!(plan.recorded(Some(withdrawal(Unknown))), Next::Rest);
}
