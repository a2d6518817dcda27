//! How an incarnation ends: who is told what, and in which order.

use super::{ask, live, nothing_found, open, order};
use crate::domain::chain::Seq;
use crate::domain::command::Command;
use crate::pipeline::{AppendFailure, Effect, Failure, Fence, Input, Outcome};
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
    let told = super::answered(&pipeline.take(Input::Failed(failure)));
    assert_eq!(told, (0..100).collect::<Vec<_>>());
}
