//! A plan, answer by answer.

use super::*;
use crate::domain::chain::Seq;
use crate::domain::money::Money;
use crate::domain::refund::RefundSource;
use crate::domain::restored::Restored;
use RefundStatus::{Failed, Requested, Sending, Succeeded, Unknown};

const TRIED: i64 = 1_000_000;

fn fen(amount: u64) -> Money {
    Money::from_fen(amount).unwrap()
}

fn refund(status: RefundStatus) -> Refund {
    Refund {
        refund_no: "R100".parse().unwrap(),
        order_no: "O100".parse().unwrap(),
        amount: fen(200),
        booked: fen(200),
        fee: fen(1),
        source: RefundSource::Available,
        transaction_id: "T1".parse().unwrap(),
        total: fen(500),
        reason: "".into(),
        asked_by: Some("k1".parse().unwrap()),
        status,
        why: None,
        refund_id: None,
        by_hand: None,
        requested_at: At::from_ms(0),
        requested_seq: Seq(3),
        tried_at: (status != Requested).then_some(At::from_ms(TRIED)),
    }
}

fn clocks(wall_ms: i64, steady_ms: u64) -> Clocks {
    let wall = At::from_ms(TRIED + wall_ms);
    Clocks { wall, steady: Duration::from_millis(1_000 + steady_ms) }
}

fn take(refund: Refund) -> (Plan, Next) {
    Plan::take(refund, Remembered::default(), Terms::open(), clocks(0, 0))
}

fn hears(plan: &mut Plan, (wall_ms, steady_ms): (i64, u64), standing: RefundStanding) -> Next {
    let now = clocks(wall_ms, steady_ms);
    plan.stands(plan.asks(now), standing, now)
}

fn not_found(earliest: i64, latest: i64) -> Next {
    let [tried_at, earliest, latest] = [0, earliest, latest].map(|ms| At::from_ms(TRIED + ms));
    Next::Record(RefundOutcome::NotFound(Question { tried_at, earliest, latest }))
}

#[test]
fn what_is_requested_is_sent_once_its_try_is_durable_and_in_time() {
    let (mut plan, next) = take(refund(Requested));
    assert_eq!(next, Next::Begin);
    assert_eq!(plan.clone().begun(None, clocks(1, 1)), Next::Rest);
    assert_eq!(plan.clone().begun(Some(refund(Sending)), clocks(9_000, 9_000)), Next::Send);
    for late in [clocks(10_001, 5), clocks(0, 10_001)] {
        let next = plan.begun(Some(refund(Sending)), late);
        let Next::Record(RefundOutcome::Postponed { tried_at, .. }) = next else {
            panic!("{next:?}")
        };
        assert_eq!(tried_at, At::from_ms(TRIED));
    }
    let no_certificate = Terms { can_transfer: false, ..Terms::open() };
    let (_, next) =
        Plan::take(refund(Requested), Remembered::default(), no_certificate, clocks(0, 0));
    assert_eq!(next, Next::Rest);
}

#[test]
fn only_a_query_ends_a_refund() {
    let why = || Box::from("so");
    for (sent, next) in [
        (RefundSent::Taken, Next::Rest),
        (
            RefundSent::Later(why()),
            Next::Record(RefundOutcome::Postponed { tried_at: At::from_ms(TRIED), reason: why() }),
        ),
        (RefundSent::Refused(why()), Next::Record(RefundOutcome::Unknown(why()))),
        (RefundSent::Unknown(why()), Next::Record(RefundOutcome::Unknown(why()))),
    ] {
        let (mut plan, _) = take(refund(Sending));
        assert_eq!(plan.sent(sent), next);
    }
    for status in [Succeeded, Failed] {
        assert_eq!(take(refund(status)).1, Next::Rest);
    }
}

#[test]
fn what_the_channel_says_is_recorded_once_and_as_what_it_is() {
    let succeeded = |amount| RefundStanding::Succeeded {
        refund_id: "50000".into(),
        amount: fen(amount),
        booked: Some(fen(180)),
    };
    let (mut plan, next) = take(refund(Unknown));
    assert_eq!(next, Next::Ask);
    let heard = hears(&mut plan, (5, 5), succeeded(200));
    let (refund_id, amount, booked) = ("50000".into(), fen(200), Some(fen(180)));
    assert_eq!(heard, Next::Record(RefundOutcome::Succeeded { refund_id, amount, booked }));
    let other = hears(&mut plan, (5, 5), succeeded(100));
    assert!(matches!(other, Next::Record(RefundOutcome::Stuck(_))), "{other:?}");
    let closed = hears(&mut plan, (5, 5), RefundStanding::Closed("so".into()));
    assert_eq!(closed, Next::Record(RefundOutcome::Closed("so".into())));
    assert_eq!(hears(&mut plan, (5, 5), RefundStanding::Processing), Next::Rest);
    assert_eq!(hears(&mut plan, (5, 5), RefundStanding::Unknown("x".into())), Next::Rest);
    let known = Refund { why: Some("stuck".into()), ..refund(Unknown) };
    let stuck = RefundStanding::Stuck("stuck".into());
    assert_eq!(hears(&mut take(known).0, (5, 5), stuck), Next::Rest, "it was said before");
}

#[test]
fn what_is_missing_is_sent_again_soon_and_a_few_times_unless_it_was_refused_for_good() {
    let (mut plan, _) = take(refund(Unknown));
    assert_eq!(
        hears(&mut plan, (30_000, 20_000), RefundStanding::Missing),
        not_found(20_000, 30_000)
    );
    assert_eq!(plan.recorded(Some(refund(Unknown)), clocks(30_001, 20_001)), Next::Begin);
    for _ in 1..limits::RESENDS_MAX {
        hears(&mut plan, (30_000, 20_000), RefundStanding::Missing);
        assert_eq!(plan.recorded(Some(refund(Unknown)), clocks(30_001, 20_001)), Next::Begin);
    }
    hears(&mut plan, (30_000, 20_000), RefundStanding::Missing);
    assert_eq!(plan.recorded(Some(refund(Unknown)), clocks(30_001, 20_001)), Next::Rest);

    let (mut refused, _) = take(refund(Unknown));
    refused.sent(RefundSent::Refused("TRADE_OVERDUE".into()));
    hears(&mut refused, (30_000, 30_000), RefundStanding::Missing);
    assert_eq!(refused.recorded(Some(refund(Unknown)), clocks(30_001, 30_001)), Next::Rest);

    let (mut old, _) = take(refund(Unknown));
    assert_eq!(
        hears(&mut old, (600_000, 20_000), RefundStanding::Missing),
        not_found(20_000, 600_000)
    );
    assert_eq!(old.recorded(Some(refund(Unknown)), clocks(600_000, 20_000)), Next::Rest);

    let by_hand = Refund { by_hand: Some("x".into()), tried_at: None, ..refund(Unknown) };
    let (mut heard_of, next) = take(by_hand.clone());
    assert_eq!(next, Next::Ask);
    hears(&mut heard_of, (0, 0), RefundStanding::Missing);
    assert_eq!(
        heard_of.recorded(Some(by_hand), clocks(1, 1)),
        Next::Rest,
        "it is not ours to send"
    );
}

#[test]
fn of_restored_books_a_refund_is_asked_about_first_and_goes_out_when_the_freeze_has_ended() {
    let at = At::from_ms(0);
    for frozen in [true, false] {
        let terms =
            Terms { can_transfer: true, restored: Some(Restored { since: at, at, frozen }) };
        let taken = Plan::take(refund(Requested), Remembered::default(), terms, clocks(5, 5));
        let (mut plan, next) = taken;
        assert_eq!(next, Next::Ask);
        assert!(matches!(
            hears(&mut plan, (5, 5), RefundStanding::Missing),
            Next::Record(RefundOutcome::NotFound(_))
        ));
        let next = plan.recorded(Some(refund(Requested)), clocks(6, 6));
        assert_eq!(next, if frozen { Next::Rest } else { Next::Begin });
    }
}
