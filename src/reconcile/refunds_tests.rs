//! Refunds: what agrees is silent, whoever made it and whenever it was sent, and each thing that can be wrong is found.

use tally_actors::domain::chain::Seq;
use tally_actors::domain::refund::RefundSource;

use super::super::compare::midnight;
use super::super::journal::Moved;
use super::super::record::What;
use super::*;

const MINUTE: i64 = 60_000;

fn day() -> Day {
    Day::from_days(20_454).unwrap()
}

fn at(minute: i64) -> At {
    At::from_ms(midnight(day()) + minute * MINUTE)
}

fn money(fen: u64) -> Money {
    Money::from_fen(fen).unwrap()
}

/// A refund of 500 fen, sent at noon, that succeeded.
fn refund() -> Refund {
    Refund {
        refund_no: "R0001".parse().unwrap(),
        order_no: "A0001".parse().unwrap(),
        amount: money(500),
        booked: money(500),
        fee: money(3),
        source: RefundSource::Available,
        transaction_id: "42001".parse().unwrap(),
        total: money(1_000),
        reason: "".into(),
        asked_by: None,
        status: RefundStatus::Succeeded,
        why: None,
        refund_id: Some("50001".into()),
        by_hand: None,
        requested_at: at(719),
        requested_seq: Seq(5),
        tried_at: Some(at(720)),
    }
}

fn sent() -> Sent {
    Sent {
        merchant: "m1".parse().unwrap(),
        refund_no: "R0001".parse().unwrap(),
        out_trade_no: "m1-A0001".into(),
        carried: false,
    }
}

fn back() -> Back {
    Back { refund_id: "50001".into(), out_refund_no: "m1-R0001".into(), status: "SUCCESS".into() }
}

fn line() -> Line {
    Line {
        at_ms: at(720).ms(),
        out_trade_no: "m1-A0001".into(),
        transaction_id: "42001".into(),
        what: What::Refunded(back()),
        total_fen: 500,
        booked_fen: 500,
        charge_fen: -3,
    }
}

/// What is wrong with a line, a bill's and the journal's, that were changed so.
fn wrong(change: impl FnOnce(&mut Line, &mut Back, &mut Refund)) -> Option<String> {
    let (mut line, mut back, mut refund) = (line(), back(), refund());
    change(&mut line, &mut back, &mut refund);
    told(lines(&[(line, back, Some(refund))], day()).pop())
}

fn told(verdict: Option<Verdict>) -> Option<String> {
    match verdict? {
        Verdict::Matched | Verdict::Carried => None,
        Verdict::Differs(difference) => {
            assert_eq!(difference.kind, CaseKind::BillRefund);
            Some(difference.what)
        }
    }
}

#[test]
fn a_refund_is_looked_for_by_our_number_and_by_the_one_that_it_has_if_made_by_hand() {
    let of: MerchantId = "m1".parse().unwrap();
    let by_hand = number::of_refund_by_hand(&of, "50001").parse().unwrap();
    let hand = Some((of, Key::Refund(by_hand)));
    let ours = Some((of, Key::Refund("R0001".parse().unwrap())));
    assert_eq!(keys(&line(), &back()), [ours, hand]);
    for number in ["byhand1", "m2-R0001"] {
        let other = Back { out_refund_no: number.into(), ..back() };
        assert_eq!(keys(&line(), &other), [None, hand], "{number}");
    }
    assert_eq!(keys(&Line { out_trade_no: "A0001".into(), ..line() }, &back()), [None, None]);
}

#[test]
fn a_line_and_a_refund_that_agree_are_matched() {
    let judged = |refund: Refund| lines(&[(line(), back(), Some(refund))], day());
    assert_eq!(judged(refund()), [Verdict::Matched]);
    // Under way here: what WeChat will have taken is not yet known.
    for status in [RefundStatus::Sending, RefundStatus::Unknown] {
        assert_eq!(judged(Refund { status, booked: money(499), ..refund() }), [Verdict::Matched]);
    }
    // Of an order that was paid long ago, by hand: the journal knows no day of it.
    let by_hand = Refund { by_hand: Some("byhand1".into()), tried_at: None, ..refund() };
    assert_eq!(judged(by_hand), [Verdict::Matched]);
    // A coupon is no part of what the merchant gives; bills of the old layout do not tell the rest.
    assert_eq!(wrong(|line, _, refund| (line.booked_fen, refund.booked) = (400, money(400))), None);
    let old = wrong(|line, _, refund| {
        (line.total_fen, line.booked_fen, refund.booked) = (400, 400, money(400));
    });
    assert_eq!(old, None);
    // The bill was made before WeChat gave up.
    let closed = wrong(|_, back, refund| {
        (back.status, refund.status) = ("PROCESSING".into(), RefundStatus::Failed);
    });
    assert_eq!(closed, None);
}

#[test]
fn each_thing_that_can_be_wrong_with_a_line_is_told() {
    let unknown = told(lines(&[(line(), back(), None)], day()).pop());
    assert_eq!(unknown.as_deref(), Some("the journal has no such refund"));
    let amounts = Some("the amounts differ".to_owned());
    assert_eq!(wrong(|line, _, _| line.total_fen = 501), amounts);
    assert_eq!(wrong(|line, _, _| line.booked_fen = 499), amounts);
    let both = wrong(|line, _, _| (line.total_fen, line.booked_fen) = (501, 501));
    assert_eq!(both, amounts);
    let under_way = wrong(|line, _, refund| {
        (line.total_fen, refund.status) = (501, RefundStatus::Unknown);
    });
    assert_eq!(under_way, amounts);
    let other = Some("the journal has this refund of another payment".to_owned());
    assert_eq!(wrong(|line, _, _| line.out_trade_no = "m1-A0002".into()), other);
    assert_eq!(wrong(|line, _, _| line.transaction_id = "42002".into()), other);
    let status = |status| wrong(move |_, _, refund| refund.status = status);
    assert!(status(RefundStatus::Requested).unwrap().contains("waits to be sent"));
    assert!(status(RefundStatus::Failed).unwrap().contains("here the refund failed"));
    assert!(wrong(|_, back, _| back.status = "FAIL".into()).unwrap().contains("did not pay"));
}

#[test]
fn a_refund_that_stands_in_the_bill_twice_is_told_once_for_each_more() {
    let one = || (line(), back(), Some(refund()));
    let found = lines(&[one(), one(), one()], day());
    let parts: Vec<_> = found
        .iter()
        .filter_map(|verdict| match verdict {
            Verdict::Differs(difference) => Some(difference.part.as_str()),
            Verdict::Matched | Verdict::Carried => None,
        })
        .collect();
    assert_eq!(parts, ["50001 2", "50001 3"]);
}

#[test]
fn a_refund_that_the_bill_lacks_is_told_once_it_is_certain_and_midnight_explains_nothing() {
    let judged = |sent: &Sent, refund: &Refund| missing(sent, refund, day(), false);
    let lacks = Some("the journal has this refund, the bill does not".to_owned());
    assert_eq!(told(judged(&sent(), &refund())), lacks);
    let late = Refund { tried_at: Some(at(1_430)), ..refund() };
    assert_eq!(judged(&sent(), &late), Some(Verdict::Carried));
    let early = Refund { tried_at: Some(At::from_ms(at(1_430).ms() - 1)), ..refund() };
    assert_eq!(told(judged(&sent(), &early)), lacks);
    assert_eq!(missing(&sent(), &refund(), day(), true), Some(Verdict::Matched));
    for status in [RefundStatus::Sending, RefundStatus::Unknown] {
        let refund = Refund { status, ..refund() };
        assert_eq!(judged(&sent(), &refund), Some(Verdict::Carried), "{status:?}");
    }
    for status in [RefundStatus::Requested, RefundStatus::Failed] {
        assert_eq!(judged(&sent(), &Refund { status, ..refund() }), None, "{status:?}");
    }
    // Tried again on a later day: that day's bill is to have it.
    assert_eq!(judged(&sent(), &Refund { tried_at: Some(at(1_440)), ..refund() }), None);
}

#[test]
fn what_was_carried_over_waits_one_day_and_no_longer() {
    let carried = Sent { carried: true, ..sent() };
    let before = |status| Refund { status, tried_at: Some(at(-1)), ..refund() };
    let judged = |status| missing(&carried, &before(status), day(), false);
    let never = Some("neither the bill of its day nor the next one has this refund".to_owned());
    for status in [RefundStatus::Sending, RefundStatus::Unknown, RefundStatus::Succeeded] {
        assert_eq!(told(judged(status)), never, "{status:?}");
    }
    assert_eq!(judged(RefundStatus::Failed), None);
    // In the bill of this day: the day before must know of it when it is compared again.
    let line = (line(), back(), Some(before(RefundStatus::Succeeded)));
    assert_eq!(lines(&[line], day()), [Verdict::Carried]);
}

#[test]
fn only_what_no_line_named_is_missing_and_once() {
    let named = HashSet::from([(sent().merchant, sent().refund_no)]);
    assert_eq!(without_line(vec![sent(), sent()], &named), []);
    let other = Sent { refund_no: "R0002".parse().unwrap(), ..sent() };
    assert_eq!(without_line(vec![other.clone(), sent(), other.clone()], &named), [other]);
}

#[test]
fn a_refund_is_of_the_day_when_it_is_sent() {
    let of = sent().merchant;
    let (refund_no, order_no) = (refund().refund_no, refund().order_no);
    let stamped = |event| Stamped { at: at(720), by: None, event };
    let event = Event::RefundSending { refund_no, order_no };
    let sending = stamped(event);
    let moved = |days| Moved::of(&of, &sending, Day::from_days(day().days() + days).unwrap());
    assert!(matches!(moved(0), Some(Moved::Back(one)) if one == sent()));
    assert!(moved(-1).is_none() && moved(1).is_none());
    let reason = "".into();
    let event = Event::RefundPostponed { refund_no, order_no, reason };
    assert_eq!(Sent::of(&of, &stamped(event)), None);
}
