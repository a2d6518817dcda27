//! What is read of a head's blob, whatever is in it.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::domain::standing::Change;

fn fen(amount: u64) -> Money {
    Money::from_fen(amount).unwrap()
}

/// The head of a merchant with payments of three days, one of them settled, and a withdrawal under way.
fn head() -> Head {
    let at = At::from_ms(1_772_337_600_000);
    let mut head = Head::registered("m1".parse().unwrap(), Rules::new("店"), at);
    for paid_seq in 1..4 {
        let settle_on = Day::from_days(20_000 + i32::try_from(paid_seq).unwrap());
        let transaction_id = format!("T{paid_seq}").parse().unwrap();
        let order_no = format!("O10{paid_seq}").parse().unwrap();
        let (booked, fee) = (fen(500), fen(3));
        let source = crate::domain::event::PaymentSource::Notice;
        let paid_at = at;
        let paid = Event::OrderPaid {
            order_no,
            transaction_id,
            paid_at,
            booked,
            fee,
            paid_seq,
            settle_on,
            source,
            fee_bp: None,
        };
        head.apply(&paid, at).unwrap();
    }
    let through = Day::from_days(20_001).unwrap();
    let moved = head.due(through);
    let settlement_no = "S100".parse().unwrap();
    head.apply(
        &Event::Settled {
            settlement_no,
            idempotency_key: None,
            through,
            include_not_due: false,
            moved,
        },
        at,
    )
    .unwrap();
    head.available = head.available.minus(fen(400)).unwrap();
    head.in_transit = fen(400);
    head.requested = [(through, fen(400))].into();
    head
}

/// What a head that was read is good for, whatever its blob was.
fn use_it(head: &Head) {
    let pending = head.pending();
    assert_eq!(pending, fen(994), "what was paid, less fee and what was settled");
    assert_eq!(head.due(Day::LAST).net(), Some(pending));
    assert!(head.buckets.keys().flatten().all(|day| head.due(*day).net() <= Some(pending)));
}

#[test]
fn a_blob_whose_sums_are_not_those_of_the_head_is_damaged() {
    let head = head();
    let kept = head.encode_kept();
    assert_eq!(head.clone().with_kept(1, &kept), Some(head.clone()));
    let one = fen(1);
    for other in [
        Head { paid: head.paid.plus(one).unwrap(), ..head.clone() },
        Head { fee: Money::ZERO, ..head.clone() },
        Head { available: Balance::ZERO, ..head.clone() },
        Head { withdrawn: one, ..head.clone() },
    ] {
        assert_eq!(other.clone().with_kept(1, &kept), None, "{other:?}");
    }
    let much = Head { requested: [(Day::LAST, fen(401))].into(), ..head.clone() };
    assert_eq!(head.clone().with_kept(1, &much.encode_kept()), None, "more than went out");
    let mut empty = head.clone();
    empty.buckets.insert(None, Bucket::default());
    assert_eq!(head.with_kept(1, &empty.encode_kept()), None, "a bucket without orders");
}

#[test]
fn a_head_of_which_nothing_was_decided_is_stored_as_it_always_was_and_another_in_format_2() {
    let plain = head();
    let mut head = plain.clone();
    let decide = |head: &mut Head, change| {
        let (reason, by) = ("a look at the shop".into(), Some("k1".parse().unwrap()));
        head.apply(&Event::StandingChanged { change, reason, by, case_id: None }, head.at)
    };
    for change in [Change::Freeze, Change::Suspend, Change::Unfreeze, Change::Resume] {
        decide(&mut head, change).unwrap();
        let (format, kept) = (head.format(), head.encode_kept());
        assert_eq!(format, if head.standing.is_plain() { 1 } else { 2 }, "{change:?}");
        assert_eq!(head.clone().with_kept(format, &kept), Some(head.clone()));
        assert_eq!(head.clone().with_kept(3 - format, &kept), None, "of the other format");
    }
    assert_eq!((head.format(), head.encode_kept()), (1, plain.encode_kept()));
    decide(&mut head, Change::Close).unwrap();
    for change in [Change::Suspend, Change::Resume, Change::Close] {
        decide(&mut head.clone(), change).unwrap_err();
    }
}

proptest! {
    #[test]
    fn no_bytes_of_a_head_make_it_panic(bytes in vec(any::<u8>(), 0..200)) {
        if let Some(head) = head().with_kept(1, &bytes) {
            use_it(&head);
        }
    }

    #[test]
    fn a_changed_blob_is_refused_or_adds_up(at in any::<prop::sample::Index>(), change in 1..=255_u8) {
        let mut kept = head().encode_kept();
        let at = at.index(kept.len());
        kept[at] ^= change;
        if let Some(head) = head().with_kept(1, &kept) {
            use_it(&head);
        }
    }

    #[test]
    fn a_blob_that_is_cut_off_or_goes_on_is_damaged(cut in any::<prop::sample::Index>(), more in vec(any::<u8>(), 1..9)) {
        let kept = head().encode_kept();
        prop_assert_eq!(head().with_kept(1, &kept[..cut.index(kept.len())]), None);
        prop_assert_eq!(head().with_kept(1, &[kept, more].concat()), None);
    }
}
