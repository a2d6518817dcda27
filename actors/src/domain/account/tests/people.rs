//! What people look at and decide: cases about anything.

use super::*;
use crate::domain::books::Books;
use crate::domain::case::{Case, Remedy};
use crate::domain::chain::Seq;
use crate::domain::command::{RaiseCase, ResolveCase, Stand};
use crate::domain::event::Stamped;
use crate::domain::reserved;
use crate::domain::standing::Change;

fn raise(subject: &str, amount: u64) -> RaiseCase {
    RaiseCase {
        kind: CaseKind::BillOnly,
        subject: subject.into(),
        order_no: None,
        transaction_id: Some("T7".parse().unwrap()),
        amount: Some(fen(amount)),
        expected: None,
        facts: vec![("bill_date".into(), "2026-03-01".into())],
    }
}

fn raised(answer: Result<Answer, Refusal>) -> Case {
    match answer {
        Ok(Answer::Case(case)) => *case,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_found_again_opens_no_second_case_and_the_first_words_stay() {
    let mut m = Driven::new(by_hand());
    let case = raised(m.ask(&Command::RaiseCase(raise("2026-03-01 T7", 500))));
    assert_eq!((case.amount, case.opened_at), (Some(fen(500)), m.now));
    let before = m.account.link();
    m.now = m.now.plus_ms(60_000);
    let again = raised(m.ask(&Command::RaiseCase(raise("2026-03-01 T7", 501))));
    assert_eq!((again, m.account.link()), (case.clone(), before));
    let other_kind = RaiseCase { kind: CaseKind::JournalOnly, ..raise("2026-03-01 T7", 500) };
    for other in [raise("2026-03-02 T7", 500), other_kind] {
        assert_ne!(raised(m.ask(&Command::RaiseCase(other))).case_id, case.case_id);
    }
    m.stands((0, 0, 0, 0));
}

#[test]
fn facts_that_nobody_could_read_are_refused() {
    let mut m = Driven::new(by_hand());
    let long = |chars: usize| Box::<str>::from("店".repeat(chars));
    for (facts, taken) in [
        (vec![(long(64), long(500)); 16], true),
        (vec![(long(1), long(0)); 17], false),
        (vec![(long(0), long(1))], false),
        (vec![(long(65), long(1))], false),
        (vec![(long(1), long(501))], false),
        (vec![(long(1), "a\0b".into())], false),
    ] {
        let subject = format!("{} {}", facts.len(), facts[0].1.len());
        let answer = m.ask(&Command::RaiseCase(RaiseCase { facts, ..raise(&subject, 1) }));
        assert_eq!(answer.is_ok(), taken, "{subject}: {answer:?}");
    }
}

/// A merchant of any id, and what a command comes to for it.
struct Other(Account);

impl Other {
    fn new(id: &str) -> Self {
        Self(Account::new(id.parse().unwrap(), None))
    }

    fn ask(&mut self, command: &Command) -> Result<(), Refusal> {
        for key in self.0.keys(command) {
            self.0.books_mut().learn(key, None);
        }
        let at = time("2026-03-01T04:00:00Z");
        for event in self.0.decide(command, at)? {
            let stamped = Stamped::new(at, event);
            let link = self.0.link().then(self.0.merchant(), &stamped.encode());
            assert!(!Books::touched_by(&stamped.event).is_empty() || link.seq.0 == 1);
            self.0.apply(&stamped, link).unwrap();
        }
        Ok(())
    }
}

#[test]
fn the_platforms_own_journal_takes_cases_and_nothing_else_and_no_caller_can_register_it() {
    let mut platform = Other::new("platform");
    let case = Command::RaiseCase(raise("2026-03-01 T7", 500));
    assert_eq!(platform.ask(&case), Err(Refusal::MerchantUnknown));
    let refused = platform.ask(&Command::Register(by_hand())).unwrap_err();
    assert!(matches!(refused, Refusal::Invalid { field: "merchant_id", .. }), "{refused}");
    platform.ask(&Command::Register(reserved::rules())).unwrap();
    platform.ask(&Command::Register(reserved::rules())).unwrap();
    assert!(reserved::is(platform.0.head().unwrap()));
    platform.ask(&case).unwrap();
    for command in [open("O100", 500), Command::ChangeRules(RulesChange::default())] {
        assert_eq!(platform.ask(&command), Err(Refusal::MerchantUnknown));
    }
    let mut shop = Other::new("shop");
    assert!(shop.ask(&Command::Register(reserved::rules())).is_err(), "its name is too long");
}

#[test]
fn a_case_is_resolved_once_and_the_same_words_again_are_a_repeat() {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 500);
    booked(m.pay("O100", "T2", 500), Booking::Case(CaseKind::PaidTwice));
    let (of, no) = ("m1".parse().unwrap(), "O100".parse().unwrap());
    let case_id = PaymentCase::id_of(&of, CaseKind::PaidTwice, &no, &"T2".parse().unwrap());
    let resolve = |by: &str, note: &str, remedy| {
        let (by, note) = (by.parse().unwrap(), note.into());
        Command::ResolveCase(ResolveCase { case_id, by, note, remedy })
    };
    let accept = Some(Remedy::Accept);
    let case = raised(m.ask(&resolve("k2", "paid back at the till", accept)));
    let made = case.resolution.clone().unwrap();
    assert_eq!((made.at, &*made.note, made.remedy), (m.now, "paid back at the till", accept));
    let before = m.account.link();
    m.now = m.now.plus_ms(1_000);
    assert_eq!(raised(m.ask(&resolve("k3", "paid back at the till", accept))), case);
    for other in [resolve("k2", "paid back", accept), resolve("k2", "paid back at the till", None)]
    {
        assert_eq!(m.ask(&other), Err(Refusal::CaseResolved));
    }
    booked(m.pay("O100", "T2", 500), Booking::Case(CaseKind::PaidTwice));
    assert_eq!(m.account.link(), before, "told again, it is not opened again");
    let unknown = Case::id_of(&of, CaseKind::PaidTwice, "another");
    let (by, note) = ("k2".parse().unwrap(), "x".into());
    let unknown = ResolveCase { case_id: unknown, by, note, remedy: None };
    assert_eq!(m.ask(&Command::ResolveCase(unknown)), Err(Refusal::CaseUnknown));
    m.stands((500, 0, 0, 0));
}

fn stand(m: &mut Driven, change: Change) -> Result<Answer, Refusal> {
    let seen = Some(m.account.link().seq);
    stand_as_seen(m, change, seen)
}

fn stand_as_seen(m: &mut Driven, change: Change, seen: Option<Seq>) -> Result<Answer, Refusal> {
    let (reason, by) = ("a look".into(), "k2".parse().unwrap());
    m.ask(&Command::Stand(Stand { change, reason, by, seen }))
}

#[test]
fn while_a_merchant_is_frozen_nothing_of_its_money_goes_out_and_all_else_goes_on() {
    let mut m = Driven::new(Rules { approval_over_fen: Some(fen(300)), ..by_wechat() });
    m.paid("O100", 1_500);
    m.withdraw("W100", Some(200), true).unwrap();
    m.withdraw("W101", Some(400), false).unwrap();
    m.withdraw("W102", Some(100), false).unwrap();
    let send = |no: &str| {
        Command::StartSending(StartSending { withdrawal_no: no.parse().unwrap(), last_try: None })
    };
    m.ask(&send("W102")).unwrap();
    stand(&mut m, Change::Freeze).unwrap();
    let before = m.account.link();
    stand(&mut m, Change::Freeze).expect("a repeat");
    assert_eq!(m.withdraw("W103", Some(100), false), Err(Refusal::MerchantFrozen));
    let review = Review {
        withdrawal_no: "W101".parse().unwrap(),
        by: "k2".parse().unwrap(),
        reason: "yes".into(),
    };
    assert_eq!(m.ask(&Command::Approve(review.clone())), Err(Refusal::MerchantFrozen));
    assert_eq!(m.ask(&send("W100")), Err(Refusal::MerchantFrozen));
    assert_eq!(m.account.link(), before, "nothing was recorded");
    let (withdrawal_no, outcome) =
        ("W102".parse().unwrap(), TransferOutcome::Succeeded("X1".into()));
    m.ask(&Command::RecordTransfer(RecordTransfer { withdrawal_no, outcome })).unwrap();
    m.paid("O101", 50);
    m.settle("S101", false).unwrap();
    m.stands((0, 850, 600, 100));
    let frozen = m.account.head().unwrap().standing.frozen.clone().unwrap();
    assert_eq!((&*frozen.reason, frozen.by), ("a look", Some("k2".parse().unwrap())));
    stand(&mut m, Change::Unfreeze).unwrap();
    m.ask(&Command::Approve(review)).unwrap();
    m.ask(&send("W100")).unwrap();
    m.withdraw("W103", Some(100), false).unwrap();
}

#[test]
fn a_case_of_a_chosen_kind_freezes_its_merchant_in_the_same_message() {
    let mut m = Driven::new(by_wechat());
    m.freeze_on = [CaseKind::BillOnly, CaseKind::PaidTwice].into_iter().collect();
    m.paid("O100", 500);
    booked(m.pay("O100", "T1", 501), Booking::Case(CaseKind::AmountDiffers));
    assert_eq!(m.account.head().unwrap().standing.frozen, None, "not of that kind");
    booked(m.pay("O100", "T2", 500), Booking::Case(CaseKind::PaidTwice));
    let frozen = m.account.head().unwrap().standing.frozen.clone().unwrap();
    assert_eq!((&*frozen.reason, frozen.by), ("a case was opened: paid_twice", None));
    let before = m.account.link().seq.0;
    m.ask(&Command::RaiseCase(raise("again", 1))).unwrap();
    assert_eq!(m.account.link().seq.0, before + 1, "it is frozen already");
    stand(&mut m, Change::Unfreeze).unwrap();
    booked(m.pay("O100", "T2", 500), Booking::Case(CaseKind::PaidTwice));
    assert_eq!(m.account.head().unwrap().standing.frozen, None, "the case was open before");
}

#[test]
fn a_suspended_merchant_takes_no_orders_and_a_closed_one_nothing_but_late_money() {
    let mut m = Driven::new(by_wechat());
    m.ask(&open("O100", 500)).unwrap();
    m.ask(&open("O101", 500)).unwrap();
    stand(&mut m, Change::Suspend).unwrap();
    assert_eq!(m.ask(&open("O102", 500)), Err(Refusal::MerchantSuspended));
    m.ask(&open("O100", 500)).expect("a repeat");
    booked(m.pay("O100", "T1", 500), Booking::Credited);
    for (what, end) in [
        ("money that is not settled", Some("S100")),
        ("money that may be withdrawn", None),
        ("a withdrawal under way", None),
    ] {
        assert_eq!(stand(&mut m, Change::Close), Err(Refusal::MerchantNotEmpty(what)));
        match end {
            Some(no) => drop(m.settle(no, false).unwrap()),
            None => drop(m.withdraw("W100", Some(500), false).unwrap()),
        }
    }
    let withdrawal_no = "W100".parse().unwrap();
    m.ask(&Command::StartSending(StartSending { withdrawal_no, last_try: None })).unwrap();
    let outcome = TransferOutcome::Succeeded("X1".into());
    m.ask(&Command::RecordTransfer(RecordTransfer { withdrawal_no, outcome })).unwrap();
    // A refund of another order may be asked for after it was looked for one.
    let before = m.account.link().seq;
    m.ask(&Command::StartClosing("O101".parse().unwrap())).unwrap();
    for seen in [None, Some(before)] {
        let what = "business under way at this moment; ask again";
        let refused = stand_as_seen(&mut m, Change::Close, seen);
        assert_eq!(refused, Err(Refusal::MerchantNotEmpty(what)));
    }
    stand(&mut m, Change::Close).unwrap();
    stand_as_seen(&mut m, Change::Close, None).expect("a repeat");
    assert_eq!(m.ask(&open("O102", 500)), Err(Refusal::MerchantClosed));
    assert_eq!(stand(&mut m, Change::Resume), Err(Refusal::MerchantClosed));
    let before = m.account.link().seq.0;
    booked(m.pay("O101", "T2", 500), Booking::Credited);
    assert_eq!(m.account.link().seq.0, before + 2, "booked, and a case");
    assert_eq!(m.withdraw("W101", Some(500), true), Err(Refusal::MerchantClosed));
    m.stands((500, 0, 0, 500));
}
