//! Money that fits no order's books: where it stands, and who may get it, once.

use super::driven::{Driven, by_hand, fen};
use super::*;
use crate::domain::case::{Case, CaseKind, PaymentCase, Remedy};
use crate::domain::command::{Pay, RecordRefund, RefundOutcome, ResolveCase, StartRefund};
use crate::domain::ids::CaseId;
use crate::domain::refund::{Refund, RefundSource, RefundStatus};

fn case_of(kind: CaseKind, order_no: &str, transaction: &str) -> CaseId {
    let (no, transaction) = (order_no.parse().unwrap(), transaction.parse().unwrap());
    PaymentCase::id_of(&"m1".parse().unwrap(), kind, &no, &transaction)
}

fn resolve(case_id: CaseId, note: &str, remedy: Remedy) -> Command {
    let (by, remedy) = ("k2".parse().unwrap(), Some(remedy));
    Command::ResolveCase(ResolveCase { case_id, by, note: note.into(), remedy, refunds_open: true })
}

/// What stands in suspense, what a remedy credited, and what is available.
#[track_caller]
fn stands(m: &Driven, suspense: u64, adjusted: i64, available: i64) {
    let head = m.account.head().unwrap();
    let is = (head.suspense.fen(), head.adjusted.fen(), head.available.fen());
    assert_eq!(is, (suspense, adjusted, available));
}

fn paid_twice() -> (Driven, CaseId) {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 500);
    m.pay("O100", "T2", 500).unwrap();
    stands(&m, 500, 0, 0);
    (m, case_of(CaseKind::PaidTwice, "O100", "T2"))
}

fn refund_of(m: &Driven, case_id: &CaseId) -> Refund {
    m.account.books().refund(&Case::refund_no(case_id).unwrap()).unwrap().clone()
}

/// Sends the refund of a case, and tells how it ended.
fn ended(m: &mut Driven, case_id: &CaseId, outcome: RefundOutcome) -> Result<Answer, Refusal> {
    let Refund { refund_no, order_no, tried_at, .. } = refund_of(m, case_id);
    m.ask(&Command::StartRefund(StartRefund { refund_no, order_no, last_try: tried_at })).unwrap();
    m.ask(&Command::RecordRefund(RecordRefund { refund_no, order_no, outcome }))
}

#[test]
fn a_remedy_credits_what_is_in_suspense_in_full_and_once() {
    let (mut m, case_id) = paid_twice();
    let credit = resolve(case_id, "his other order", Remedy::Credit);
    m.ask(&credit).unwrap();
    stands(&m, 0, 500, 500);
    let before = m.account.link();
    m.ask(&credit).unwrap();
    assert_eq!(m.ask(&resolve(case_id, "again", Remedy::Credit)), Err(Refusal::CaseResolved));
    assert_eq!(
        m.ask(&resolve(case_id, "his other order", Remedy::Refund)),
        Err(Refusal::CaseResolved)
    );
    booked(m.pay("O100", "T2", 500), Booking::Case(CaseKind::PaidTwice));
    assert_eq!(m.account.link(), before);
    stands(&m, 0, 500, 500);
}

#[test]
fn a_remedy_pays_back_what_is_in_suspense_and_the_order_has_no_part_in_it() {
    let (mut m, case_id) = paid_twice();
    let back = resolve(case_id, "paid twice", Remedy::Refund);
    m.ask(&back).unwrap();
    stands(&m, 0, 0, 0);
    let refund = refund_of(&m, &case_id);
    assert_eq!((refund.amount, refund.total, refund.fee), (fen(500), fen(500), fen(0)));
    assert_eq!((refund.source, refund.transaction_id.as_str()), (RefundSource::Suspense, "T2"));
    let (refund_id, booked) = ("5".into(), Some(fen(480)));
    let outcome = RefundOutcome::Succeeded { refund_id, booked, amount: fen(500) };
    ended(&mut m, &case_id, outcome).unwrap();
    m.ask(&back).unwrap();
    assert_eq!(refund_of(&m, &case_id).status, RefundStatus::Succeeded);
    let order = m.account.books().order(&"O100".parse().unwrap()).unwrap();
    assert_eq!(order.refunded, fen(0));
    stands(&m, 0, 0, 0);
}

#[test]
fn a_refund_out_of_suspense_that_fails_is_there_again_with_a_case_of_its_own() {
    let (mut m, case_id) = paid_twice();
    m.ask(&resolve(case_id, "paid twice", Remedy::Refund)).unwrap();
    ended(&mut m, &case_id, RefundOutcome::Closed("REFUNDCLOSE".into())).unwrap();
    stands(&m, 500, 0, 0);
    let refund_no = Case::refund_no(&case_id).unwrap();
    let again = Case::id_of(&"m1".parse().unwrap(), CaseKind::RefundFailed, refund_no.as_str());
    let case = m.account.books().case(&again).unwrap();
    assert_eq!(case.remedies(true), [Remedy::Refund, Remedy::Credit, Remedy::Accept]);
    assert_eq!(case.remedies(false), [Remedy::Credit, Remedy::Accept]);
    m.ask(&resolve(again, "once more", Remedy::Refund)).unwrap();
    stands(&m, 0, 0, 0);
    assert_ne!(Case::refund_no(&again), Some(refund_no));
    let outcome =
        RefundOutcome::Succeeded { refund_id: "5".into(), booked: None, amount: fen(500) };
    m.now = m.now.plus_ms(60_000);
    ended(&mut m, &again, outcome).unwrap();
    stands(&m, 0, 0, 0);
}

#[test]
fn a_payment_told_again_with_other_facts_is_not_held_a_second_time() {
    let mut m = Driven::new(by_hand());
    m.ask(&open("O100", 500)).unwrap();
    booked(m.pay("O100", "T1", 400), Booking::Case(CaseKind::AmountDiffers));
    booked(m.pay("O100", "T1", 400), Booking::Case(CaseKind::AmountDiffers));
    m.pay("O100", "T2", 500).unwrap();
    booked(m.pay("O100", "T1", 500), Booking::Case(CaseKind::TransactionReused));
    booked(m.pay("O100", "T2", 300), Booking::Case(CaseKind::TransactionReused));
    stands(&m, 400, 0, 0);
    let reused = case_of(CaseKind::TransactionReused, "O100", "T1");
    let refused = Err(Refusal::RemedyImpossible("credit"));
    assert_eq!(m.ask(&resolve(reused, "x", Remedy::Credit)), refused);
}

#[test]
fn money_in_suspense_that_is_booked_after_all_leaves_it_in_the_same_message() {
    let mut m = Driven::new(by_hand());
    booked(m.pay("O100", "T1", 500), Booking::Case(CaseKind::OrderUnknown));
    stands(&m, 500, 0, 0);
    m.ask(&open("O100", 500)).unwrap();
    booked(m.pay("O100", "T1", 500), Booking::Credited);
    stands(&m, 0, 0, 0);
    assert_eq!(m.account.head().unwrap().pending(), fen(500));
    let unknown = case_of(CaseKind::OrderUnknown, "O100", "T1");
    let refused = Err(Refusal::RemedyImpossible("credit"));
    assert_eq!(m.ask(&resolve(unknown, "x", Remedy::Credit)), refused);
}

#[test]
fn money_that_a_remedy_credited_is_not_booked_as_well() {
    let mut m = Driven::new(by_hand());
    m.pay("O100", "T1", 500).unwrap();
    let unknown = case_of(CaseKind::OrderUnknown, "O100", "T1");
    let refused = Err(Refusal::RemedyImpossible("refund"));
    assert_eq!(m.ask(&resolve(unknown, "x", Remedy::Refund)), refused);
    m.ask(&resolve(unknown, "an order of last year", Remedy::Credit)).unwrap();
    m.ask(&open("O100", 500)).unwrap();
    booked(m.pay("O100", "T1", 500), Booking::Case(CaseKind::TransactionReused));
    stands(&m, 0, 500, 500);
    assert_eq!(m.account.head().unwrap().paid, fen(0));
}

#[test]
fn ordinary_payments_look_nothing_up_in_suspense_until_something_stood_there() {
    let mut m = Driven::new(by_hand());
    m.ask(&open("O100", 500)).unwrap();
    let pay = Pay {
        order_no: "O101".parse().unwrap(),
        transaction_id: "T3".parse().unwrap(),
        amount: fen(500),
        booked: fen(500),
        paid_at: m.now,
        source: PaymentSource::Notice,
        signed: None,
    };
    let asks = |m: &Driven| m.account.keys(&Command::Pay(pay.clone())).len();
    m.ask(&open("O101", 500)).unwrap();
    m.account.books_mut().learn(Key::Transaction(pay.transaction_id), None);
    assert_eq!(asks(&m), 2);
    m.pay("O100", "T1", 400).unwrap();
    assert_eq!(asks(&m), 3);
}

/// Before there was suspense, a payment could be booked beside the case about it: its event does not say what came in.
#[test]
fn a_case_of_the_time_before_suspense_holds_nothing() {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 500);
    let (kind, order_no, transaction_id) =
        (CaseKind::AmountDiffers, "O100".parse().unwrap(), "TO100".parse().unwrap());
    let case_id = case_of(kind, "O100", "TO100");
    let case = PaymentCase {
        case_id,
        kind,
        order_no,
        transaction_id,
        amount: fen(400),
        expected: Some(fen(500)),
        paid_at: m.now,
        booked: None,
    };
    m.append(Event::CaseOpened { case }, m.now);
    stands(&m, 0, 0, 0);
    for remedy in [Remedy::Credit, Remedy::Refund] {
        let refused = Err(Refusal::RemedyImpossible(remedy.as_str()));
        assert_eq!(m.ask(&resolve(case_id, "x", remedy)), refused);
    }
    m.ask(&resolve(case_id, "x", Remedy::Accept)).unwrap();
}

/// The customer paid 500, of which a coupon of WeChat's gave 20 that never came in.
#[test]
fn what_a_coupon_paid_is_neither_held_nor_credited_and_goes_back_with_the_rest() {
    for remedy in [Remedy::Credit, Remedy::Refund] {
        let mut m = Driven::new(by_hand());
        m.paid("O100", 500);
        m.ask(&Command::Pay(Pay {
            order_no: "O100".parse().unwrap(),
            transaction_id: "T2".parse().unwrap(),
            amount: fen(500),
            booked: fen(480),
            paid_at: m.now,
            source: PaymentSource::Notice,
            signed: None,
        }))
        .unwrap();
        stands(&m, 480, 0, 0);
        let case_id = case_of(CaseKind::PaidTwice, "O100", "T2");
        m.ask(&resolve(case_id, "x", remedy)).unwrap();
        if remedy == Remedy::Credit {
            stands(&m, 0, 480, 480);
            continue;
        }
        stands(&m, 0, 0, 0);
        let refund = refund_of(&m, &case_id);
        assert_eq!((refund.amount, refund.booked, refund.total), (fen(500), fen(480), fen(500)));
        ended(&mut m, &case_id, RefundOutcome::Closed("REFUNDCLOSE".into())).unwrap();
        stands(&m, 480, 0, 0);
        let refund_no = Case::refund_no(&case_id).unwrap();
        let again = Case::id_of(&"m1".parse().unwrap(), CaseKind::RefundFailed, refund_no.as_str());
        m.ask(&resolve(again, "once more", Remedy::Refund)).unwrap();
        let refund = refund_of(&m, &again);
        assert_eq!((refund.amount, refund.booked, refund.total), (fen(500), fen(480), fen(500)));
        stands(&m, 0, 0, 0);
    }
}
