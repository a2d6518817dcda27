//! The comparison: what agrees is silent, and each thing that was planted is found, and nothing else.

use proptest::prelude::*;

use super::*;

const DAY: i32 = 20_454;

fn day() -> Day {
    Day::from_days(DAY).unwrap()
}

fn at(hour: i64) -> i64 {
    midnight(day()) + hour * 3_600_000
}

fn own(number: usize, fen: i64) -> Own {
    Own {
        at_ms: at(12),
        out_trade_no: format!("m1-A{number:04}"),
        transaction_id: format!("42{number:04}"),
        fen,
        held: false,
        carried: false,
    }
}

fn line(of: &Own) -> Line {
    Line {
        at_ms: of.at_ms,
        out_trade_no: of.out_trade_no.clone(),
        transaction_id: of.transaction_id.clone(),
        what: What::Paid,
        total_fen: of.fen,
        booked_fen: of.fen,
        charge_fen: charge(of.fen, 60),
    }
}

fn kinds(done: &Compared) -> Vec<CaseKind> {
    done.differences.iter().map(|one| one.kind).collect()
}

#[test]
fn the_charge_is_rounded_half_up() {
    for (fen, expected) in [(10_000, 60), (83, 0), (84, 1), (250, 2), (0, 0)] {
        assert_eq!(charge(fen, 60), expected, "{fen}");
    }
}

#[test]
fn each_thing_that_can_be_wrong_with_a_line_has_its_kind() {
    let good = own(1, 1_280);
    let with = |change: fn(&mut Line)| {
        let mut line = line(&good);
        change(&mut line);
        kinds(&compare(vec![line], vec![good.clone()], 60))
    };
    assert_eq!(with(|_| {}), []);
    assert_eq!(with(|line| line.booked_fen += 1), [CaseKind::BillAmount]);
    let hundredfold = with(|line| {
        line.booked_fen *= 100;
        line.charge_fen = charge(line.booked_fen, 60);
    });
    assert_eq!(hundredfold, [CaseKind::BillAmount]);
    assert_eq!(with(|line| line.charge_fen += 1), [CaseKind::BillFee]);
    assert_eq!(with(|line| line.what = What::Revoked), [CaseKind::BillStatus]);
    let done = compare(vec![line(&good), line(&good)], vec![good.clone()], 60);
    assert_eq!(kinds(&done), [CaseKind::BillOnly]);
    assert_eq!(done.differences[0].part, "2");
}

#[test]
fn a_refund_is_handed_on_and_its_charge_may_be_a_fen_off_and_no_more() {
    let good = own(1, 1_280);
    let back = Back {
        refund_id: "50001".into(),
        out_refund_no: "m1-R0001".into(),
        status: "SUCCESS".into(),
    };
    let full = charge(good.fen, 60);
    for (off, expected) in [
        (0, vec![]),
        (1, vec![]),
        (-1, vec![]),
        (2, vec![CaseKind::BillFee]),
        (-2, vec![CaseKind::BillFee]),
    ] {
        let what = What::Refunded(back.clone());
        let refund = Line { what, charge_fen: off - full, ..line(&good) };
        let done = compare(vec![line(&good), refund.clone()], vec![good.clone()], 60);
        assert_eq!(kinds(&done), expected, "{off}");
        assert_eq!(done.refunds, [(refund, back.clone())]);
        assert_eq!((done.sums.matched, done.missing.len()), (1, 0));
    }
}

#[test]
fn a_held_payment_is_compared_by_what_the_customer_paid() {
    let held = Own { held: true, ..own(1, 1_280) };
    let coupon = Line { booked_fen: 1_000, charge_fen: charge(1_000, 60), ..line(&held) };
    assert_eq!(kinds(&compare(vec![coupon], vec![held], 60)), []);
}

#[test]
fn a_payment_before_midnight_waits_one_day_and_no_longer() {
    let late = Own { at_ms: at(24) - MIDNIGHT_MS, ..own(1, 5) };
    assert_eq!(missing(&late, day(), false), Verdict::Carried);
    let differs = |own: &Own| match missing(own, day(), false) {
        Verdict::Differs(difference) => difference.kind == CaseKind::JournalOnly,
        Verdict::Matched | Verdict::Carried => false,
    };
    assert!(differs(&Own { carried: true, ..late.clone() }));
    assert!(differs(&Own { at_ms: late.at_ms - 1, ..late.clone() }));
    assert!(differs(&Own { at_ms: at(0), ..late.clone() }));
    assert_eq!(missing(&Own { at_ms: at(0), ..late }, day(), true), Verdict::Matched);
}

proptest! {
    /// 1: not in the bill; 2: not in the journal; else in both. However lines and payments are cut and shuffled, what is not in both is told once, and all that is in both is matched.
    #[test]
    fn what_is_in_one_alone_is_told_once(
        amounts in prop::collection::vec(1_i64..1_000_000, 1..40),
        drops in prop::collection::vec(0_u8..4, 40),
    ) {
        let all: Vec<Own> = amounts.iter().enumerate().map(|(n, fen)| own(n, *fen)).collect();
        let kept = |side: u8| -> Vec<Own> {
            let there = all.iter().zip(&drops).filter(|(_, drop)| **drop != side);
            there.map(|(one, _)| one.clone()).collect()
        };
        let (mut lines, owns): (Vec<Line>, _) = (kept(1).iter().map(line).collect(), kept(2));
        lines.reverse();
        let count = |side: u8| drops.iter().take(all.len()).filter(|drop| **drop == side).count();
        let done = compare(lines, owns, 60);
        prop_assert_eq!(kinds(&done), []);
        prop_assert_eq!(done.missing.len(), count(1));
        prop_assert_eq!(done.lacking.len(), count(2));
        prop_assert_eq!(done.sums.matched, u64::try_from(all.len() - count(1) - count(2)).unwrap());
        prop_assert_eq!(done.sums.bill_charge_fen, done.sums.agreed_charge_fen);
    }
}
