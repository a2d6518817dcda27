//! How an incarnation ends: who is told what, and in which order.

use super::super::support::{fen, now};
use super::{answered, ask, live, nothing_found, open, order};
use crate::domain::books::{Key, Record};
use crate::domain::chain::{Link, Seq};
use crate::domain::command::{Command, Confirm};
use crate::domain::rules::PayoutMethod;
use crate::domain::withdrawal::{Withdrawal, WithdrawalRequest, WithdrawalStatus};
use crate::pipeline::{AppendFailure, Effect, Failure, Fence, Input, Outcome, Pipeline, Ticket};
use crate::ports::Trouble;

#[test]
fn each_waiter_hears_what_became_of_its_own_events() {
    let made = |failure: AppendFailure| {
        let (mut pipeline, _) = live(Fence::Never);
        for (ticket, no) in [(1, "O100"), (2, "O101"), (3, "O102")] {
            ask(&mut pipeline, ticket, open(no, 500));
            pipeline.take(nothing_found(&[order(no)]));
        }
        ask(&mut pipeline, 4, Box::new(Command::Read));
        let effects = pipeline.take(Input::Failed(failure));
        let heard = effects.into_iter().filter_map(|effect| match effect {
            Effect::Answer(_, Err(Failure::NotDone(_))) => Some("not done"),
            Effect::Answer(_, Err(Failure::Doubt)) => Some("doubt"),
            Effect::Answer(_, Err(Failure::Defect(_))) => Some("defect"),
            Effect::Answer(_, Ok(Outcome { .. })) => Some("done"),
            Effect::Answer(_, Err(_)) => Some("else"),
            Effect::Over => Some("over"),
            Effect::Lookup(_) | Effect::Append(..) | Effect::Confirm => None,
        });
        heard.collect::<Vec<_>>()
    };
    let trouble = Trouble::DiskFull;
    assert_eq!(
        made(AppendFailure::NotDone(trouble)),
        ["not done"; 4].into_iter().chain(["over"]).collect::<Vec<_>>()
    );
    let doubt = AppendFailure::Doubt { through: Seq(3) };
    assert_eq!(made(doubt), ["doubt", "doubt", "not done", "not done", "over"]);
    let refused = AppendFailure::Refused { seq: Seq(3), constraint: "c".into() };
    assert_eq!(made(refused), ["not done", "defect", "not done", "not done", "over"]);
}

#[test]
fn what_ends_together_is_told_in_the_order_of_arrival() {
    let (mut pipeline, _) = live(Fence::Never);
    for ticket in 0..100 {
        ask(&mut pipeline, ticket, open(&format!("O{ticket:04}"), 500));
    }
    let failure = AppendFailure::NotDone(Trouble::DiskFull);
    let told = answered(&pipeline.take(Input::Failed(failure)));
    assert_eq!(told, (0..100).collect::<Vec<_>>());
}

/// A withdrawal that another owner recorded after this one had read its head: its money is not in transit in that head.
fn newer_than_the_head() -> Record {
    Record::Withdrawal(Box::new(Withdrawal {
        withdrawal_no: "W100".parse().unwrap(),
        amount: fen(500),
        request: WithdrawalRequest { amount: None, settle_first: false },
        method: PayoutMethod::Manual,
        payout_openid: None,
        payout_name: None,
        status: WithdrawalStatus::Requested,
        reason: None,
        reference: None,
        requested_at: now(),
        requested_seq: Seq(9),
        tried_at: None,
        day: now().day(),
        asked_by: "a key".parse().unwrap(),
        approved_by: None,
        settlement_no: None,
    }))
}

/// Gives the withdrawal to a pipeline that is asked to confirm it, with an order in flight before it.
fn confirm_what_is_newer(fence: Fence) -> (Pipeline, Link, Vec<Effect>) {
    let (mut pipeline, head) = live(fence);
    ask(&mut pipeline, 1, Box::new(Command::Read));
    ask(&mut pipeline, 2, open("O100", 500));
    pipeline.take(nothing_found(&[order("O100")]));
    ask(&mut pipeline, 4, Box::new(Command::Read));
    let (succeeded, reference, reason) = (true, "bank run 1".into(), "".into());
    let withdrawal_no = "W100".parse().unwrap();
    let confirm = Confirm { withdrawal_no, succeeded, reference, reason };
    ask(&mut pipeline, 3, Box::new(Command::Confirm(confirm)));
    let found = vec![(Key::Withdrawal(withdrawal_no), Some(newer_than_the_head()))];
    let effects = pipeline.take(Input::Found(found));
    (pipeline, head.link, effects)
}

#[test]
fn a_record_that_is_newer_than_the_head_ends_the_incarnation_after_what_is_in_flight() {
    let (mut pipeline, start, effects) = confirm_what_is_newer(Fence::Always);
    let not_done = |effect: &Effect| matches!(effect, Effect::Answer(_, Err(Failure::NotDone(_))));
    assert!(effects.iter().all(not_done), "{effects:?}");
    assert_eq!(answered(&effects), [3, 1], "what rested on memory may be wrong as well");
    let late = pipeline.take(Input::Confirmed(Ok(start)));
    assert!(late.is_empty(), "nobody waits for it any more: {late:?}");
    let effects = pipeline.take(Input::Committed(Seq(2)));
    let [Effect::Answer(Ticket(2), Ok(_)), read, Effect::Over] = &effects[..] else {
        panic!("the fence had the last word on what was in flight: {effects:?}")
    };
    assert!(not_done(read), "it saw what was stored, and nobody can confirm it any more");
}

#[test]
fn a_record_that_does_not_fit_the_head_is_a_defect_where_nobody_else_writes() {
    let (_, _, effects) = confirm_what_is_newer(Fence::Never);
    let defect =
        |effect: &Effect| matches!(effect, Effect::Answer(Ticket(3), Err(Failure::Defect(_))));
    assert!(effects.iter().any(defect), "{effects:?}");
}
