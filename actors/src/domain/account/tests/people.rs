//! What people look at and decide: cases about anything.

use super::*;
use crate::domain::books::Books;
use crate::domain::case::Case;
use crate::domain::command::RaiseCase;
use crate::domain::event::Stamped;
use crate::domain::reserved;

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
