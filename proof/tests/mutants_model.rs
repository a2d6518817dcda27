//! Each known defect of paying out, built in, is found by the model check.

use tally_actors::mutant::{self, Mutant};
use tally_proof::model::{Counterexample, WORLDS, explore};

/// The shortest counterexample in a world.
fn found(defect: Option<Mutant>, world: &str, depth: u32) -> Option<Counterexample> {
    let world = WORLDS.iter().find(|known| known.name == world).expect("a world of that name");
    mutant::choose(defect);
    let explored = explore(world, depth);
    mutant::choose(None);
    explored.counterexample
}

#[test]
fn each_known_defect_breaks_the_claim_that_stands_against_it() {
    const BY_HAND: &str = "by hand";
    const TRUE: &str = "one payer, refusals are true";
    const ONCE: &str = "one payer, numbers pay once";
    const NONE: &str = "one payer, WeChat without a word";
    const MONTHS: &str = "one payer, months pass";
    const AHEAD: &str = "two payers, a clock far ahead";
    const REFUSED: &str = "two payers, a clock far ahead, refused once";
    let cases = [
        (Mutant::LateSuccessOverwrites, BY_HAND, "decided is applicable", 3),
        (Mutant::LateSuccessOverwrites, NONE, "decided is applicable", 10),
        (Mutant::MissingIsFailed, TRUE, "never both returned and paid", 11),
        (Mutant::FailedByErrorCode, ONCE, "never both returned and paid", 8),
        (Mutant::SentBeforeDurable, TRUE, "never paid twice", 9),
        (Mutant::SentLate, AHEAD, "never both returned and paid", 14),
        (Mutant::SentAgainInDoubt, TRUE, "never paid twice", 15),
        (Mutant::AnswerOfAnOlderTry, REFUSED, "never both returned and paid", 14),
        (Mutant::WallClockAlone, AHEAD, "never both returned and paid", 12),
        (Mutant::MissingForEver, MONTHS, "never both returned and paid", 12),
        (Mutant::PayoutAbandoned, TRUE, "never stuck for good", 4),
    ];
    for defect in Mutant::PAYOUT {
        assert!(cases.iter().any(|(tried, ..)| tried == defect), "{} is not tried", defect.name());
    }
    for (defect, world, claim, steps) in cases {
        let Some(found) = found(Some(defect), world, steps) else {
            panic!("{}: nothing found in {steps} steps in `{world}`", defect.name());
        };
        let what = format!("{}\n{found}", defect.name());
        assert_eq!((found.violation.claim, found.steps.len()), (claim, steps as usize), "{what}");
    }
}

#[test]
fn without_a_defect_nothing_is_found() {
    for world in WORLDS {
        let depth = if world.name.ends_with("refused once") { 14 } else { 12 };
        let found = found(None, world.name, if world.payers == 1 { depth } else { depth - 2 });
        assert!(found.is_none(), "{}", found.unwrap());
    }
}
