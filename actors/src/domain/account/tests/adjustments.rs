//! What one admin asks for, another decides.

use super::driven::{Driven, by_hand};
use super::*;
use crate::domain::adjustment::AdjustmentStatus;
use crate::domain::command::{DecideAdjustment, RequestAdjustment};

fn ask(no: &str, fen: i64) -> Command {
    Command::RequestAdjustment(RequestAdjustment {
        adjustment_no: no.parse().unwrap(),
        idempotency_key: None,
        amount: Balance::from_fen(fen),
        reason: "a fee too much".into(),
        asked_by: "k1".parse().unwrap(),
    })
}

fn decide(no: &str, by: &str, approve: bool) -> Command {
    let (adjustment_no, by) = (no.parse().unwrap(), by.parse().unwrap());
    Command::DecideAdjustment(DecideAdjustment { adjustment_no, approve, by, reason: "so".into() })
}

#[track_caller]
fn status(answer: Result<Answer, Refusal>) -> AdjustmentStatus {
    let Ok(Answer::Adjustment(made)) = answer else { panic!("{answer:?}") };
    made.status()
}

#[test]
fn an_adjustment_is_in_the_balance_once_another_admin_said_yes() {
    let mut m = Driven::new(by_hand());
    assert_eq!(status(m.ask(&ask("J100", 500))), AdjustmentStatus::Requested);
    m.stands((0, 0, 0, 0));
    assert_eq!(m.ask(&decide("J100", "k1", true)), Err(Refusal::SameKey));
    assert_eq!(m.ask(&decide("J100", "k1", false)), Err(Refusal::SameKey));
    for _ in 0..2 {
        assert_eq!(status(m.ask(&decide("J100", "k2", true))), AdjustmentStatus::Approved);
    }
    for (by, approve) in [("k3", true), ("k2", false)] {
        let decided = Err(Refusal::AdjustmentDecided("approved"));
        assert_eq!(m.ask(&decide("J100", by, approve)), decided);
    }
    m.stands((0, 500, 0, 0));
    assert_eq!(m.account.head().unwrap().adjusted, Balance::from_fen(500));
    let before = m.account.link();
    m.ask(&ask("J100", 500)).unwrap();
    assert_eq!(m.ask(&ask("J100", 501)), Err(Refusal::NumberReused));
    assert_eq!(m.account.link(), before);
    assert_eq!(m.ask(&decide("J404", "k2", true)), Err(Refusal::AdjustmentUnknown));
    for fen in [0, 100_000_000_001, i64::MIN] {
        assert!(matches!(m.ask(&ask("J101", fen)), Err(Refusal::Invalid { .. })), "{fen}");
    }
}

#[test]
fn what_an_adjustment_takes_must_be_there_or_be_a_debt_that_is_allowed() {
    let mut m = Driven::new(by_hand());
    m.paid("O100", 500);
    m.settle("S100", true).unwrap();
    m.ask(&ask("J100", -501)).unwrap();
    let available = Balance::from_fen(500);
    assert_eq!(m.ask(&decide("J100", "k2", true)), Err(Refusal::BalanceInsufficient { available }));
    m.stands((0, 500, 0, 0));
    let debt = RulesChange { debt_max_fen: Some(fen(1)), ..RulesChange::default() };
    m.ask(&Command::ChangeRules(debt)).unwrap();
    assert_eq!(status(m.ask(&decide("J100", "k2", true))), AdjustmentStatus::Approved);
    m.stands((0, -1, 0, 0));
    m.ask(&ask("J101", -1)).unwrap();
    assert_eq!(status(m.ask(&decide("J101", "k2", false))), AdjustmentStatus::Rejected);
    m.stands((0, -1, 0, 0));
}
