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

/// Both clocks, so long after the try.
fn clocks(wall_ms: i64, steady_ms: u64) -> Clocks {
    let wall = At::from_ms(TRIED + wall_ms);
    Clocks { wall, steady: Duration::from_millis(1_000 + steady_ms) }
}

fn take(status: WithdrawalStatus, remembered: Remembered) -> (Plan, Next) {
    Plan::take(withdrawal(status), remembered, Terms::open(), clocks(0, 0))
}

/// What the plan does when its question is answered at once. It knows of the try since it was made, so long ago by the clocks.
fn hears(plan: &mut Plan, (wall_ms, steady_ms): (i64, u64), standing: TransferStanding) -> Next {
    let now = clocks(wall_ms, steady_ms);
    plan.stands(plan.asks(now), standing, now)
}

/// What is recorded when it hears that there is no such transfer.
fn not_found(earliest: i64, latest: i64) -> Next {
    let [tried_at, earliest, latest] = [0, earliest, latest].map(|ms| At::from_ms(TRIED + ms));
    Next::Record(TransferOutcome::NotFound(Question { tried_at, earliest, latest }))
}

/// A plan that just had its try recorded, so long after by the wall's clock, and so long after it asked.
fn begun(after_ms: i64, took_ms: u64, remembered: Remembered) -> (Plan, Next) {
    let (mut plan, next) = take(Requested, remembered);
    assert_eq!(next, Next::Begin);
    let next = plan.begun(Some(withdrawal(Sending)), clocks(after_ms, took_ms));
    (plan, next)
}

fn unknown(why: &str) -> Next {
    Next::Record(TransferOutcome::Unknown(why.into()))
}

/// What is remembered of a send that was refused.
const fn refused(tried_at: At, resends: u32) -> Remembered {
    let since = Duration::from_secs(1);
    Remembered { tried_at: Some(tried_at), restored_at: None, since, moved_nothing: true, resends }
}

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
    let terms = Terms { can_transfer: false, ..Terms::open() };
    let (_, next) = Plan::take(withdrawal(Requested), Remembered::default(), terms, clocks(0, 0));
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
    assert_eq!(plan.begun(None, clocks(0, 0)), Next::Rest);
}

/// Its payer may die with the call out, and what is remembered outlives it.
#[test]
fn once_a_send_is_out_a_refusal_before_it_counts_no_more() {
    let (mut plan, next) = begun(0, 0, refused(At::from_ms(TRIED - 2_000), 1));
    let remembered = plan.remembered();
    assert_eq!((next, remembered.moved_nothing, remembered.resends), (Next::Send, false, 1));
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
        let (mut plan, _) = take(Sending, Remembered::default());
        assert_eq!(hears(&mut plan, (0, 0), standing.clone()), unknown(why));
        let (mut plan, _) = take(Unknown, Remembered::default());
        assert_eq!(hears(&mut plan, (0, 0), standing), Next::Rest);
    }
}

/// The wall clock may have been set, or belong to another node. The other stands still while a machine sleeps, and begins anew
/// with a process.
#[test]
fn a_question_is_answered_between_what_the_two_clocks_say() {
    const DAY: i64 = 86_400_000;
    for (wall_ms, steady_ms, earliest, latest) in [
        (5_000, 5_000, 5_000, 5_000),
        (DAY, 5_000, 5_000, DAY),
        (-1_000, 5_000, -1_000, 5_000),
        (DAY, 0, 0, DAY),
    ] {
        let (mut plan, _) = take(Unknown, Remembered::default());
        let next = hears(&mut plan, (wall_ms, steady_ms), TransferStanding::Missing);
        assert_eq!(next, not_found(earliest, latest));
    }
    let (mut plan, _) = take(Unknown, Remembered::default());
    let asked_at = plan.asks(clocks(5_000, 5_000));
    let next = plan.stands(asked_at, TransferStanding::Missing, clocks(9_000, 9_000));
    assert_eq!(next, not_found(5_000, 9_000), "it may have been answered late");
}

#[test]
fn a_try_is_known_since_it_was_first_seen_and_another_is_not() {
    let (plan, _) = take(Unknown, Remembered::default());
    let (plan, _) =
        Plan::take(withdrawal(Unknown), plan.remembered(), Terms::open(), clocks(60_000, 60_000));
    assert_eq!(plan.asks(clocks(60_000, 60_000)), At::from_ms(TRIED + 60_000));
    let newer = Withdrawal { tried_at: Some(At::from_ms(TRIED + 1)), ..withdrawal(Unknown) };
    let (plan, _) = Plan::take(newer, plan.remembered(), Terms::open(), clocks(60_000, 60_000));
    assert_eq!(plan.asks(clocks(90_000, 90_000)), At::from_ms(TRIED + 1 + 30_000));
}

#[test]
fn only_what_is_missing_open_and_moved_nothing_is_sent_again_and_a_few_times_only() {
    let tried = |resends| refused(At::from_ms(TRIED), resends);
    let out = limits::RESENDS_MAX;
    for (remembered, after, next, resends) in [
        (tried(0), Some(Unknown), Next::Begin, 1),
        (tried(0), Some(Failed), Next::Rest, 0),
        (tried(0), None, Next::Rest, 0),
        (Remembered::default(), Some(Unknown), Next::Rest, 0),
        (tried(out), Some(Unknown), Next::Rest, out),
    ] {
        let (mut plan, _) = take(Unknown, remembered);
        let next_first = hears(&mut plan, (2_000, 2_000), TransferStanding::Missing);
        assert_eq!(next_first, not_found(2_000, 2_000));
        let after = after.map(withdrawal);
        assert_eq!(plan.recorded(after.clone(), clocks(0, 0)), next, "{remembered:?} {after:?}");
        assert_eq!(plan.remembered().resends, resends);
    }
}

/// So the first of all tries is hardly older than the last, by which the account tells whether the channel can be believed.
#[test]
fn nothing_is_sent_again_once_a_clock_says_that_its_ten_minutes_are_over() {
    for (wall_ms, steady_ms, next) in [
        (599_999, 599_999, Next::Begin),
        (-86_400_000, 599_999, Next::Begin),
        (600_000, 0, Next::Rest),
        (0, 600_000, Next::Rest),
    ] {
        let (mut plan, _) = take(Unknown, refused(At::from_ms(TRIED), 0));
        hears(&mut plan, (wall_ms, steady_ms), TransferStanding::Missing);
        let again = plan.recorded(Some(withdrawal(Unknown)), clocks(wall_ms, steady_ms));
        assert_eq!(again, next, "{wall_ms} {steady_ms}");
    }
}

/// What is known of one try is not known of another.
#[test]
fn a_refusal_sends_nothing_again_when_another_try_has_begun_since() {
    let (mut plan, _) = take(Unknown, refused(At::from_ms(TRIED), 0));
    hears(&mut plan, (2_000, 2_000), TransferStanding::Missing);
    let newer = Withdrawal { tried_at: Some(At::from_ms(TRIED + 1)), ..withdrawal(Sending) };
    assert_eq!(plan.recorded(Some(newer), clocks(2_000, 2_000)), Next::Rest);
}

#[test]
fn after_it_was_sent_again_and_refused_it_rests() {
    let (mut plan, _) = take(Unknown, refused(At::from_ms(TRIED), 0));
    hears(&mut plan, (0, 0), TransferStanding::Missing);
    assert_eq!(plan.recorded(Some(withdrawal(Unknown)), clocks(0, 0)), Next::Begin);
    assert_eq!(plan.begun(Some(withdrawal(Sending)), clocks(0, 0)), Next::Send);
    assert_eq!(plan.sent(Sent::Refused("FREQ_LIMIT".into())), unknown("FREQ_LIMIT"));
    assert_eq!(plan.recorded(Some(withdrawal(Unknown)), clocks(0, 0)), Next::Rest);
}

/// WeChat tells of the last 30 days. Whichever clock says so: the other may have been set, or begun anew.
#[test]
fn what_is_missing_because_it_is_old_is_left_to_a_person_and_said_once() {
    const DAYS: i64 = 28 * 86_400_000;
    let steady = |ms: i64| ms.unsigned_abs();
    let missing = || TransferStanding::Missing;
    for (wall_ms, steady_ms) in [(DAYS + 1, 0), (0, DAYS + 1)] {
        let now = (wall_ms, steady(steady_ms));
        let (mut plan, _) = take(Unknown, refused(At::from_ms(TRIED), 0));
        assert_eq!(hears(&mut plan, now, missing()), unknown(TOO_OLD_TO_ASK));
        let told = Withdrawal { reason: Some(TOO_OLD_TO_ASK.into()), ..withdrawal(Unknown) };
        assert_eq!(plan.recorded(Some(told), clocks(now.0, now.1)), Next::Rest);
        assert_eq!(hears(&mut plan, now, missing()), Next::Rest);
        let paid = TransferStanding::Paid { reference: "B1".into(), amount: fen(600) };
        let succeeded = Next::Record(TransferOutcome::Succeeded("B1".into()));
        assert_eq!(hears(&mut plan, now, paid), succeeded, "what it tells is believed");
    }
    let (mut plan, _) = take(Unknown, Remembered::default());
    assert_eq!(hears(&mut plan, (DAYS, steady(DAYS)), missing()), not_found(DAYS, DAYS));
    let next = plan.stands(At::from_ms(TRIED), missing(), clocks(DAYS + 1, 0));
    assert_eq!(next, unknown(TOO_OLD_TO_ASK), "a machine slept while it was asked");
}

/// Books that were put back so long after the try, and so long before it their backup was begun.
fn restored(at_ms: i64, since_ms: i64, frozen: bool) -> Terms {
    let [at, since] = [at_ms, -since_ms].map(|ms| At::from_ms(TRIED + ms));
    Terms { restored: Some(Restored { since, at, frozen }), ..Terms::open() }
}

fn take_restored(status: WithdrawalStatus, terms: Terms, now: (i64, u64)) -> (Plan, Next) {
    Plan::take(withdrawal(status), Remembered::default(), terms, clocks(now.0, now.1))
}

#[test]
fn of_restored_books_what_was_never_sent_is_asked_about_first_for_thirty_days() {
    const DAYS: i64 = 30 * 86_400_000;
    for (status, wall_ms, frozen, next) in [
        (Requested, 0, true, Next::Ask),
        (Requested, DAYS, true, Next::Ask),
        (Requested, DAYS - 1, false, Next::Ask),
        (Requested, DAYS, false, Next::Begin),
        (AwaitingApproval, 0, true, Next::Ask),
        (AwaitingApproval, DAYS, false, Next::Rest),
        (Rejected, 0, true, Next::Rest),
    ] {
        let taken = take_restored(status, restored(0, 0, frozen), (wall_ms, 0)).1;
        assert_eq!(taken, next, "{status:?} {wall_ms} {frozen}");
    }
}

/// So many milliseconds after the restore by each clock.
#[test]
fn of_restored_books_what_is_not_found_is_sent_when_money_may_go_out_and_no_lost_try_can_come() {
    const TEN: i64 = 600_000;
    for (status, wall_ms, steady_ms, frozen, next, told) in [
        (Requested, 0, 0, true, Next::Rest, false),
        (Requested, TEN, 600_000, true, Next::Rest, true),
        (Requested, TEN - 1, 600_000, true, Next::Rest, false),
        (Requested, TEN, 599_999, true, Next::Rest, false),
        (Requested, TEN - 1, 600_000, false, Next::Rest, false),
        (Requested, TEN, 600_000, false, Next::Begin, true),
        (AwaitingApproval, TEN, 600_000, true, Next::Rest, true),
        (AwaitingApproval, TEN, 600_000, false, Next::Rest, true),
    ] {
        let (mut plan, _) = take_restored(status, restored(0, 1_000, frozen), (0, 0));
        let heard = hears(&mut plan, (wall_ms, steady_ms), TransferStanding::Missing);
        assert_eq!((heard, plan.is_told()), (next, told), "{status:?} {wall_ms} {steady_ms}");
    }
}

/// A lost try is not older than the backup, nor than the withdrawal.
#[test]
fn of_restored_books_what_is_not_found_proves_nothing_when_a_lost_try_may_be_a_month_old() {
    const DAYS: i64 = 28 * 86_400_000;
    for (at_ms, old) in [(DAYS - 600_000, false), (DAYS - 599_999, true)] {
        let (mut plan, _) = take_restored(Requested, restored(at_ms, 0, true), (at_ms, 0));
        let now = (at_ms + 600_000, 600_000);
        let heard = hears(&mut plan, now, TransferStanding::Missing);
        let next = if old { unknown(TOO_OLD_TO_ASK) } else { Next::Rest };
        assert_eq!((heard, plan.is_told()), (next, true), "{at_ms}");
        plan.withdrawal.requested_at = At::from_ms(TRIED + 1_000);
        assert_eq!(hears(&mut plan, now, TransferStanding::Missing), Next::Rest);
    }
}

#[test]
fn of_restored_books_what_the_channel_says_of_a_withdrawal_that_was_never_sent_is_recorded() {
    let paid = |amount| TransferStanding::Paid { reference: "B1".into(), amount: fen(amount) };
    for status in [Requested, AwaitingApproval] {
        for (standing, next, told) in [
            (paid(600), Next::Record(TransferOutcome::Succeeded("B1".into())), true),
            (
                paid(601),
                unknown("WeChat paid 601 fen instead of 600 fen: a person must look"),
                true,
            ),
            (
                TransferStanding::Failed("NAME_MISMATCH".into()),
                Next::Record(TransferOutcome::Failed("NAME_MISMATCH".into())),
                true,
            ),
            (TransferStanding::Processing, unknown("it is under way at WeChat"), true),
            (TransferStanding::Unknown("SYSTEMERROR".into()), Next::Rest, false),
        ] {
            let (mut plan, _) = take_restored(status, restored(0, 0, true), (0, 0));
            assert_eq!(hears(&mut plan, (0, 0), standing), next, "{status:?}");
            assert_eq!(plan.is_told(), told, "{status:?} {next:?}");
            if told {
                assert_eq!(plan.recorded(None, clocks(0, 0)), Next::Rest);
                assert!(!plan.is_told(), "it is not recorded");
            }
        }
    }
}

#[test]
fn a_restore_counts_as_a_try_that_was_made_when_it_was_put_in_place() {
    let back = restored(50_000, 0, true);
    let (plan, _) = take_restored(Unknown, back, (60_000, 0));
    assert_eq!(plan.asks(clocks(90_000, 20_000)), At::from_ms(TRIED + 70_000));
    assert_eq!(plan.asks(clocks(65_000, 20_000)), At::from_ms(TRIED + 65_000));
    // Who knew of the try before knows of the restore only from now on.
    let known = take(Unknown, refused(At::from_ms(TRIED), 2)).0.remembered();
    let (plan, _) = Plan::take(withdrawal(Unknown), known, back, clocks(60_000, 60_000));
    assert_eq!(plan.asks(clocks(90_000, 90_000)), At::from_ms(TRIED + 80_000));
    assert_eq!((plan.remembered().moved_nothing, plan.remembered().resends), (false, 2));
}

#[test]
fn while_books_are_frozen_nothing_is_sent_again() {
    let remembered =
        Remembered { restored_at: Some(At::from_ms(TRIED)), ..refused(At::from_ms(TRIED), 0) };
    for (frozen, next) in [(true, Next::Rest), (false, Next::Begin)] {
        let terms = restored(0, 0, frozen);
        let (mut plan, _) = Plan::take(withdrawal(Unknown), remembered, terms, clocks(0, 0));
        hears(&mut plan, (2_000, 2_000), TransferStanding::Missing);
        assert_eq!(plan.recorded(Some(withdrawal(Unknown)), clocks(2_000, 2_000)), next);
    }
}
