//! Any event, and any bytes in the place of one. A merchant's money is what its stored bytes say, so they are read back as
//! they were written or noticed.

#[path = "event_properties_people.rs"]
mod people;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use self::people::{adjusted, case_raised, case_resolved, standing_changed, suspense_released};
use super::*;
use crate::domain::case::{Case, CaseKind};
use crate::domain::chain::Link;
use crate::domain::money::{Balance, FeeRate};
use crate::domain::refund::RefundSource;

fn money() -> impl Strategy<Value = Money> {
    prop_oneof![0..1_000_u64, 0..=Money::MAX.fen()].prop_map(|fen| Money::from_fen(fen).unwrap())
}

fn at() -> impl Strategy<Value = At> {
    any::<i64>().prop_map(At::from_ms)
}

fn day() -> impl Strategy<Value = Day> {
    (0..=Day::LAST.days()).prop_map(|days| Day::from_days(days).unwrap())
}

fn text() -> impl Strategy<Value = Box<str>> {
    ".{0,20}".prop_map(Into::into)
}

fn id<T: std::str::FromStr + std::fmt::Debug>(shape: &'static str) -> impl Strategy<Value = T>
where
    T::Err: std::fmt::Debug,
{
    shape.prop_map(|raw| raw.parse().unwrap())
}

fn order_no() -> impl Strategy<Value = OrderNo> {
    id("[0-9A-Za-z]{4,19}")
}

fn settlement_no() -> impl Strategy<Value = SettlementNo> {
    id("[0-9A-Za-z]{4,19}")
}

fn withdrawal_no() -> impl Strategy<Value = WithdrawalNo> {
    id("[0-9A-Za-z]{4,15}")
}

fn transaction_id() -> impl Strategy<Value = TransactionId> {
    id("[0-9A-Za-z]{1,32}")
}

fn by() -> impl Strategy<Value = KeyId> {
    id("[ -~]{1,24}")
}

fn key() -> impl Strategy<Value = Option<IdempotencyKey>> {
    prop::option::of(id("[ -~]{1,64}"))
}

fn method() -> impl Strategy<Value = PayoutMethod> {
    prop::sample::select(vec![PayoutMethod::Wechat, PayoutMethod::Manual])
}

fn channel() -> impl Strategy<Value = Channel> {
    let wechat = (text(), vec((text(), text()), 0..5));
    prop_oneof![
        Just(Channel::External),
        wechat.prop_map(|(openid, request)| Channel::Wechat { openid, request }),
    ]
}

fn rules() -> impl Strategy<Value = Rules> {
    let limit = || prop::option::of(money());
    let payout = (prop::option::of(method()), prop::option::of(text()), prop::option::of(text()));
    let settling = (0..=10_000_u16, prop::option::of(any::<u8>()));
    (text(), settling, payout, [limit(), limit(), limit(), limit()], money()).prop_map(
        |(name, (fee, settle_after_days), (method, openid, payout_name), limits, debt_max_fen)| {
            let [min, max, daily, approval] = limits;
            Rules {
                name,
                fee_bp: FeeRate::from_basis_points(fee).unwrap(),
                settle_after_days,
                payout_method: method,
                payout_openid: openid,
                payout_name,
                withdrawal_min_fen: min,
                withdrawal_max_fen: max,
                daily_max_fen: daily,
                approval_over_fen: approval,
                debt_max_fen,
            }
        },
    )
}

fn bucket() -> impl Strategy<Value = Bucket> {
    (any::<[u64; 3]>(), [money(), money(), money()]).prop_map(
        |([orders, first_paid_seq, last_paid_seq], [gross, refunded, fee])| Bucket {
            orders,
            gross,
            refunded,
            fee,
            first_paid_seq,
            last_paid_seq,
        },
    )
}

fn about_an_order() -> impl Strategy<Value = Event> {
    let source = prop::sample::select(vec![
        PaymentSource::Notice,
        PaymentSource::Query,
        PaymentSource::Hand,
    ]);
    let opened = (order_no(), key(), money(), text(), channel(), at());
    let rate = (0..=10_000_u16).prop_map(|rate| FeeRate::from_basis_points(rate).unwrap());
    let sums = (money(), money(), any::<u64>(), prop::option::of(rate));
    let paid = (order_no(), transaction_id(), at(), sums, prop::option::of(day()), source);
    prop_oneof![
        opened.prop_map(|(order_no, idempotency_key, amount, description, channel, expires_at)| {
            Event::OrderOpened {
                order_no,
                idempotency_key,
                amount,
                description,
                channel,
                expires_at,
            }
        }),
        (order_no(), text())
            .prop_map(|(order_no, prepay_id)| Event::OrderPrepaid { order_no, prepay_id }),
        paid.prop_map(|(order_no, transaction_id, paid_at, sums, settle_on, source)| {
            let (booked, fee, paid_seq, fee_bp) = sums;
            Event::OrderPaid {
                order_no,
                transaction_id,
                paid_at,
                booked,
                fee,
                paid_seq,
                settle_on,
                source,
                fee_bp,
            }
        }),
        order_no().prop_map(|order_no| Event::OrderClosed { order_no }),
        order_no().prop_map(|order_no| Event::OrderClosing { order_no }),
    ]
}

fn requested() -> impl Strategy<Value = Event> {
    let asked = (prop::option::of(money()), any::<bool>());
    let request =
        asked.prop_map(|(amount, settle_first)| WithdrawalRequest { amount, settle_first });
    let payout = (method(), prop::option::of(text()), prop::option::of(text()), any::<bool>());
    let rest = (day(), by(), prop::option::of(settlement_no()));
    (withdrawal_no(), key(), money(), request, payout, rest).prop_map(
        |(withdrawal_no, idempotency_key, amount, request, payout, rest)| {
            let (method, payout_openid, payout_name, needs_approval) = payout;
            let (day, asked_by, settlement_no) = rest;
            Event::WithdrawalRequested {
                withdrawal_no,
                idempotency_key,
                amount,
                request,
                method,
                payout_openid,
                payout_name,
                needs_approval,
                day,
                asked_by,
                settlement_no,
            }
        },
    )
}

fn about_a_withdrawal() -> impl Strategy<Value = Event> {
    (0..8_u8, withdrawal_no(), money(), day(), by(), (text(), text())).prop_map(
        |(kind, withdrawal_no, amount, day, by, (reason, reference))| match kind {
            0 => Event::WithdrawalApproved { withdrawal_no, by, reason },
            1 => Event::WithdrawalRejected { withdrawal_no, amount, day, by, reason },
            2 => Event::WithdrawalSending { withdrawal_no },
            3 => Event::WithdrawalUnknown { withdrawal_no, reason },
            5 => {
                let succeeded = amount.fen() % 2 == 0;
                Event::WithdrawalAttested { withdrawal_no, succeeded, reference, reason, by }
            }
            6 => Event::WithdrawalInRun { withdrawal_no, run_no: "R20260301".parse().unwrap(), by },
            4 => Event::WithdrawalSucceeded { withdrawal_no, amount, reference, note: reason },
            _ => Event::WithdrawalFailed { withdrawal_no, amount, day, reason, reference },
        },
    )
}

fn about_a_refund() -> impl Strategy<Value = Event> {
    let refund_no = || id("[0-9A-Za-z]{4,19}");
    let source = prop_oneof![
        prop::option::of(day()).prop_map(RefundSource::Pending),
        Just(RefundSource::Available)
    ];
    let sums = [money(), money(), money(), money(), money(), money()];
    let about = (refund_no(), order_no(), transaction_id(), by(), key());
    (0..8_u8, about, sums, source, (text(), text())).prop_map(
        |(kind, (refund_no, order_no, transaction_id, asked_by, key), sums, source, texts)| {
            let [amount, booked, fee, total, order_fee, order_fee_now] = sums;
            let (reason, refund_id) = texts;
            match kind {
                0 => Event::RefundRequested {
                    refund_no,
                    order_no,
                    idempotency_key: key,
                    amount,
                    booked,
                    fee,
                    source,
                    transaction_id,
                    total,
                    reason,
                    asked_by,
                },
                1 => Event::RefundSending { refund_no, order_no },
                2 => Event::RefundPostponed { refund_no, order_no, reason },
                3 => Event::RefundUnknown { refund_no, order_no, reason },
                4 => Event::RefundSucceeded {
                    refund_no,
                    order_no,
                    amount,
                    booked,
                    booked_now: total,
                    order_fee,
                    order_fee_now,
                    source,
                    refund_id,
                },
                5 => {
                    let to = source;
                    Event::RefundFailed { refund_no, order_no, amount, booked, fee, to, reason }
                }
                6 => Event::RefundNoticed {
                    refund_no,
                    order_no,
                    out_refund_no: reason,
                    refund_id,
                    amount,
                    transaction_id,
                    total,
                },
                _ => Event::RefundFound {
                    refund_no,
                    order_no,
                    amount,
                    booked,
                    fee,
                    source,
                    refund_id,
                },
            }
        },
    )
}

fn case_opened() -> impl Strategy<Value = Event> {
    let kind = prop::sample::select(vec![CaseKind::PaidAfterClose, CaseKind::OrderUnknown]);
    let sums = (money(), prop::option::of(money()), prop::option::of(money()));
    (kind, order_no(), transaction_id(), sums, at()).prop_map(
        |(kind, order_no, transaction_id, (amount, expected, booked), paid_at)| {
            let of = "m1".parse().unwrap();
            let case_id = PaymentCase::id_of(&of, kind, &order_no, &transaction_id);
            let case = PaymentCase {
                case_id,
                kind,
                order_no,
                transaction_id,
                amount,
                expected,
                paid_at,
                booked,
            };
            Event::CaseOpened { case }
        },
    )
}

fn event() -> impl Strategy<Value = Event> {
    let settled = (settlement_no(), key(), day(), any::<bool>(), bucket());
    prop_oneof![
        1 => rules().prop_map(|rules| Event::MerchantRegistered { rules }),
        1 => rules().prop_map(|rules| Event::RulesChanged { rules }),
        5 => about_an_order(),
        1 => settled.prop_map(|(settlement_no, idempotency_key, through, include_not_due, moved)| {
            Event::Settled { settlement_no, idempotency_key, through, include_not_due, moved }
        }),
        2 => requested(),
        4 => about_a_withdrawal(),
        1 => case_opened(),
        1 => case_raised(),
        1 => standing_changed(),
        1 => case_resolved(),
        1 => suspense_released(),
        1 => adjusted(),
        4 => about_a_refund(),
    ]
}

fn stamped() -> impl Strategy<Value = Stamped> {
    (at(), prop::option::of(by()), event()).prop_map(|(at, by, event)| Stamped { at, by, event })
}

/// A kind that no strategy draws would be tested by nobody.
#[test]
fn every_kind_of_event_is_drawn() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let mut left: Vec<&str> = super::tests::one_of_each().iter().map(Event::kind).collect();
    for _ in 0..2_000 {
        let drawn = event().new_tree(&mut runner).unwrap().current();
        left.retain(|kind| *kind != drawn.kind());
    }
    assert_eq!(left, [""; 0]);
}

/// A varint that says a number, as postcard writes it.
fn varint(mut number: u64) -> Vec<u8> {
    let mut bytes = vec![];
    while number > 0x7f {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

proptest! {
    #[test]
    fn any_event_is_read_back_as_it_was_written(stamped in stamped()) {
        prop_assert_eq!(Stamped::decode(&stamped.encode()), Ok(stamped));
    }

    #[test]
    fn no_bytes_of_an_event_make_it_panic(mut bytes in vec(any::<u8>(), 0..300), format in any::<bool>()) {
        if let Some(first) = bytes.first_mut().filter(|_| format) {
            *first = FORMAT;
        }
        // What is read of bytes that nobody wrote is an event like any other.
        if let Ok(read) = Stamped::decode(&bytes) {
            prop_assert_eq!(Stamped::decode(&read.encode()), Ok(read));
        }
    }

    #[test]
    fn a_flipped_bit_is_noticed(stamped in stamped(), at in any::<Index>(), bit in 0..8_u8) {
        let bytes = stamped.encode();
        let mut changed = bytes.clone();
        changed[at.index(bytes.len())] ^= 1 << bit;
        let of = "m1".parse().unwrap();
        let link = Link::default();
        prop_assert_ne!(link.then(&of, &bytes).hash, link.then(&of, &changed).hash);
        if let Ok(read) = Stamped::decode(&changed) {
            prop_assert_ne!(read, stamped);
        }
    }

    #[test]
    fn bytes_that_are_cut_off_or_go_on_are_damaged(stamped in stamped(), cut in any::<Index>(), more in vec(any::<u8>(), 1..9)) {
        let bytes = stamped.encode();
        let cut = 1 + cut.index(bytes.len() - 1);
        prop_assert_eq!(Stamped::decode(&bytes[..cut]), Err(Undecodable::Damaged));
        prop_assert_eq!(Stamped::decode(&[bytes, more].concat()), Err(Undecodable::Damaged));
    }

    /// The whole of so much could not be allocated: the test would abort.
    #[test]
    fn a_length_that_nothing_backs_is_not_believed(stamped in stamped(), at in any::<Index>(), length in (1_u64 << 44)..) {
        let bytes = stamped.encode();
        let at = 1 + at.index(bytes.len() - 1);
        let bomb = [&bytes[..at], &varint(length), &bytes[at + 1..]].concat();
        let _ = Stamped::decode(&bomb);
        let cut_off = [&bytes[..at], &varint(length)].concat();
        let _ = Stamped::decode(&cut_off);
    }
}
