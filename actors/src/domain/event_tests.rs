//! The journal's bytes, pinned: what is stored today must be read for ever.

use super::*;
use crate::domain::case::{Case, CaseKind};
use crate::domain::chain::Link;
use crate::domain::refund::RefundSource;
use crate::domain::rules::Rules;

fn at() -> At {
    "2026-03-01T04:00:00Z".parse().unwrap()
}

fn money(fen: u64) -> Money {
    Money::from_fen(fen).unwrap()
}

fn day() -> Day {
    "2026-03-02".parse().unwrap()
}

/// One event of each kind, in the order of the stored variants.
#[expect(clippy::too_many_lines, reason = "a list: one entry a kind")]
pub(super) fn one_of_each() -> Vec<Event> {
    let withdrawal_no: WithdrawalNo = "W100".parse().unwrap();
    let order_no: OrderNo = "O100".parse().unwrap();
    let transaction_id: TransactionId = "T1".parse().unwrap();
    let by: KeyId = "k2".parse().unwrap();
    let rules =
        Rules { settle_after_days: Some(1), payout_name: Some("李".into()), ..Rules::new("店") };
    let moved = Bucket {
        orders: 1,
        gross: money(500),
        refunded: Money::ZERO,
        fee: money(3),
        first_paid_seq: 1,
        last_paid_seq: 1,
    };
    vec![
        Event::MerchantRegistered { rules: rules.clone() },
        Event::RulesChanged { rules },
        Event::OrderOpened {
            order_no,
            idempotency_key: Some("key".parse().unwrap()),
            amount: money(500),
            description: "苹果".into(),
            channel: Channel::Wechat {
                openid: "o1".into(),
                request: vec![("body".into(), "苹果".into())],
            },
            expires_at: at(),
        },
        Event::OrderPrepaid { order_no, prepay_id: "wx1".into() },
        Event::OrderPaid {
            order_no,
            transaction_id,
            paid_at: at(),
            booked: money(500),
            fee: money(3),
            paid_seq: 1,
            settle_on: Some(day()),
            source: PaymentSource::Query,
            fee_bp: FeeRate::from_basis_points(60),
        },
        Event::OrderClosed { order_no },
        Event::Settled {
            settlement_no: "S100".parse().unwrap(),
            idempotency_key: None,
            through: Day::LAST,
            include_not_due: true,
            moved,
        },
        Event::WithdrawalRequested {
            withdrawal_no,
            idempotency_key: None,
            amount: money(497),
            request: WithdrawalRequest { amount: None, settle_first: true },
            method: PayoutMethod::Manual,
            payout_openid: None,
            payout_name: Some("李".into()),
            needs_approval: true,
            day: day(),
            asked_by: "k1".parse().unwrap(),
            settlement_no: Some("S100".parse().unwrap()),
        },
        Event::WithdrawalApproved { withdrawal_no, by, reason: "yes".into() },
        Event::WithdrawalRejected {
            withdrawal_no,
            amount: money(497),
            day: day(),
            by,
            reason: "no".into(),
        },
        Event::WithdrawalSending { withdrawal_no },
        Event::WithdrawalUnknown { withdrawal_no, reason: "time-out".into() },
        Event::WithdrawalSucceeded {
            withdrawal_no,
            amount: money(497),
            reference: "B1".into(),
            note: "so".into(),
        },
        Event::WithdrawalFailed {
            withdrawal_no,
            amount: money(497),
            day: day(),
            reason: "no".into(),
            reference: "B1".into(),
        },
        Event::CaseOpened {
            case: PaymentCase {
                case_id: PaymentCase::id_of(
                    &"m1".parse().unwrap(),
                    CaseKind::PaidTwice,
                    &order_no,
                    &transaction_id,
                ),
                kind: CaseKind::PaidTwice,
                order_no,
                transaction_id,
                amount: money(500),
                expected: Some(money(500)),
                paid_at: at(),
                booked: None,
            },
        },
        Event::OrderClosing { order_no },
        Event::WithdrawalAttested {
            withdrawal_no,
            succeeded: true,
            reference: "B1".into(),
            reason: "so".into(),
            by,
        },
        Event::CaseRaised {
            case: RaisedCase {
                case_id: Case::id_of(&"m1".parse().unwrap(), CaseKind::BillAmount, "2026-03-01 T1"),
                kind: CaseKind::BillAmount,
                order_no: Some(order_no),
                transaction_id: None,
                amount: Some(money(501)),
                expected: Some(money(500)),
                facts: vec![("账单日".into(), "2026-03-01".into())],
            },
        },
        Event::StandingChanged {
            change: Change::Freeze,
            reason: "查账".into(),
            by: Some(by),
            case_id: None,
        },
        Event::CaseResolved {
            case_id: Case::id_of(&"m1".parse().unwrap(), CaseKind::BillAmount, "2026-03-01 T1"),
            by,
            note: "已核对".into(),
            remedy: Some(Remedy::Accept),
        },
    ]
    .into_iter()
    .chain(one_of_each_about_a_refund(order_no, transaction_id))
    .chain([Event::WithdrawalInRun { withdrawal_no, run_no: "R20260301".parse().unwrap(), by }])
    .chain(one_of_each_about_suspense(order_no, transaction_id))
    .chain(one_of_each_about_an_adjustment())
    .collect()
}

fn one_of_each_about_a_refund(order_no: OrderNo, transaction_id: TransactionId) -> [Event; 8] {
    let refund_no: RefundNo = "R100".parse().unwrap();
    let (booked, fee) = (money(190), money(1));
    [
        Event::RefundRequested {
            refund_no,
            order_no,
            idempotency_key: Some("key".parse().unwrap()),
            amount: money(200),
            booked,
            fee,
            source: RefundSource::Pending(Some(day())),
            transaction_id,
            total: money(500),
            reason: "坏了".into(),
            asked_by: "k1".parse().unwrap(),
        },
        Event::RefundSending { refund_no, order_no },
        Event::RefundPostponed { refund_no, order_no, reason: "NOTENOUGH".into() },
        Event::RefundUnknown { refund_no, order_no, reason: "time-out".into() },
        Event::RefundSucceeded {
            refund_no,
            order_no,
            amount: money(200),
            booked,
            booked_now: money(180),
            order_fee: money(2),
            order_fee_now: money(3),
            source: RefundSource::Available,
            refund_id: "50000".into(),
        },
        Event::RefundFailed {
            refund_no,
            order_no,
            amount: money(200),
            booked,
            fee,
            to: RefundSource::Pending(None),
            reason: "closed".into(),
        },
        Event::RefundNoticed {
            refund_no,
            order_no,
            out_refund_no: "by-hand".into(),
            refund_id: "50000".into(),
            amount: money(200),
            transaction_id,
            total: money(500),
        },
        Event::RefundFound {
            refund_no,
            order_no,
            amount: money(200),
            booked,
            fee,
            source: RefundSource::Available,
            refund_id: "50000".into(),
        },
    ]
}

fn one_of_each_about_suspense(order_no: OrderNo, transaction_id: TransactionId) -> [Event; 2] {
    let kind = CaseKind::AmountDiffers;
    let case_id = PaymentCase::id_of(&"m1".parse().unwrap(), kind, &order_no, &transaction_id);
    let (amount, booked) = (money(500), money(480));
    let case = PaymentCase {
        case_id,
        kind,
        order_no,
        transaction_id,
        amount,
        expected: Some(money(600)),
        paid_at: at(),
        booked: Some(booked),
    };
    [
        Event::CaseOpened { case },
        Event::SuspenseReleased {
            case_id,
            transaction_id,
            amount: booked,
            to: ReleasedTo::Available,
        },
    ]
}

fn one_of_each_about_an_adjustment() -> [Event; 3] {
    [
        Event::AdjustmentRequested {
            adjustment_no: "J001".parse().unwrap(),
            idempotency_key: Some("key 1".parse().unwrap()),
            amount: Balance::from_fen(-200),
            reason: "a fee".into(),
            asked_by: "k1".parse().unwrap(),
        },
        Event::AdjustmentApproved {
            adjustment_no: "J001".parse().unwrap(),
            amount: Balance::from_fen(-200),
            by: "k2".parse().unwrap(),
            reason: "so".into(),
        },
        Event::AdjustmentRejected {
            adjustment_no: "J001".parse().unwrap(),
            by: "k2".parse().unwrap(),
            reason: "so".into(),
        },
    ]
}

/// The stored bytes of `one_of_each`, in hexadecimal. A line may be added, never changed.
const STORED: &str = include_str!("event_bytes.txt");

fn unhex(text: &str) -> Vec<u8> {
    let digit = |at| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
    (0..text.len()).step_by(2).map(digit).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn events_are_stored_in_the_bytes_in_which_they_always_were() {
    let lines: Vec<String> = one_of_each()
        .into_iter()
        .map(|event| {
            format!(
                "{} {}",
                event.kind(),
                hex(&Stamped { at: at(), by: Some("k1".parse().unwrap()), event }.encode())
            )
        })
        .collect();
    let stored: Vec<&str> = STORED.lines().collect();
    assert_eq!(lines, stored);
}

/// The same events of the time before refunds, in format 1.
const STORED_BEFORE: &str = include_str!("event_bytes_1.txt");

/// A payment of that time did not say the rate of its fee, and all else was as it is.
#[test]
fn events_of_the_format_before_are_read_as_what_they_were() {
    let mut read = 0;
    for (line, mut event) in STORED_BEFORE.lines().zip(one_of_each()) {
        let (kind, bytes) = line.split_once(' ').unwrap();
        let bytes = unhex(bytes);
        if let Event::OrderPaid { fee_bp, .. } = &mut event {
            *fee_bp = None;
        }
        let expected = Stamped { at: at(), by: Some("k1".parse().unwrap()), event };
        assert_eq!(Stamped::decode(&bytes).as_ref(), Ok(&expected), "{kind}");
        assert_eq!(Stamped::decode(&expected.encode()).as_ref(), Ok(&expected), "written anew");
        let longer = [&bytes[..], &[0]].concat();
        for damaged in [&bytes[..bytes.len() - 1], &longer] {
            assert_eq!(Stamped::decode(damaged), Err(Undecodable::Damaged), "{kind}");
        }
        read += 1;
    }
    assert_eq!(read, 16);
}

#[test]
fn stored_bytes_are_read_back_whole_or_not_at_all() {
    for event in one_of_each() {
        let stamped = Stamped { at: at(), by: Some("k1".parse().unwrap()), event };
        let bytes = stamped.encode();
        assert_eq!(Stamped::decode(&bytes).as_ref(), Ok(&stamped));
        let mut longer = bytes.clone();
        longer.push(0);
        assert_eq!(Stamped::decode(&longer), Err(Undecodable::Damaged));
        assert_eq!(Stamped::decode(&bytes[..bytes.len() - 1]), Err(Undecodable::Damaged));
        let mut newer = bytes;
        newer[0] = FORMAT + 1;
        assert_eq!(Stamped::decode(&newer), Err(Undecodable::Format(FORMAT + 1)));
    }
    assert_eq!(Stamped::decode(&[]), Err(Undecodable::Damaged));
}

#[test]
fn the_chain_is_the_one_that_the_design_names() {
    let merchant = "m1".parse().unwrap();
    let link = Link::default().then(&merchant, b"first").then(&merchant, b"second");
    let mut expected = [0_u8; 32];
    for (seq, bytes) in [(1_u64, &b"first"[..]), (2, b"second")] {
        let whole = [&expected[..], &[2], b"m1", &seq.to_be_bytes(), bytes].concat();
        expected = *blake3::hash(&whole).as_bytes();
    }
    assert_eq!((link.seq.0, link.hash.0), (2, expected));
}
