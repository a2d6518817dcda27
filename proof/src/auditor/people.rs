//! What people and the platform's own checks decide beside the everyday: cases about anything. Each is asked by a
//! [`Desk`], and recorded by a [`Word`].

use super::event::{Event, Fields};
use super::journal::Journal;
use super::lives::Point;
use crate::history::{Desk, Fen, Thing};

/// What is recorded of it. Amounts in fen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// A case about anything was opened.
    Raised { case_id: &'a str, kind: &'a str, amount: Option<Fen> },
}

/// Reads such an event.
pub(super) fn read<'a>(kind: &str, fields: Fields<'a>) -> Option<Event<'a>> {
    let word = match kind {
        "case_raised" => {
            let case = fields.part("case")?;
            let amount = case.fen("amount", "amount_fen");
            Word::Raised { case_id: case.text("case_id")?, kind: case.text("kind")?, amount }
        }
        _ => return None,
    };
    Some(Event::Word(word))
}

/// Whether a call's content is that of an event.
pub(super) fn may_record(desk: &Desk, word: &Word) -> bool {
    match (desk, word) {
        (
            Desk::Raise { kind: asked, amount: found, .. },
            Word::Raised { kind: raised, amount, .. },
        ) => asked == raised && found == amount,
    }
}

/// Whether Tally records it by itself.
pub(super) fn by_itself(word: &Word) -> bool {
    match word {
        Word::Raised { .. } => true,
    }
}

/// The events that a call may have recorded, as its answer shows it: what was found again is told in the first words.
pub(super) fn own(journal: &Journal, desk: &Desk, thing: &Thing) -> Vec<Point> {
    let is = |word: &Word| match (desk, word) {
        (Desk::Raise { kind: asked, .. }, Word::Raised { case_id, kind, .. }) => {
            asked == kind
                && match thing {
                    Thing::Case(shown, _) => shown == case_id,
                    Thing::Merchant(_)
                    | Thing::Order(_)
                    | Thing::Payment(..)
                    | Thing::Settlement(_)
                    | Thing::Withdrawal(_)
                    | Thing::Unseen => true,
                }
        }
    };
    let words = (1..=journal.end()).filter_map(|at| match journal.event(at) {
        Some(Event::Word(word)) => Some((at, word)),
        Some(_) | None => None,
    });
    words.filter(|(_, word)| is(word)).map(|(at, _)| at).collect()
}

/// Whether a case stands as shown at a point.
pub(super) fn shows_case(journal: &Journal, (id, of_kind): (&str, &str), at: Point) -> bool {
    (1..=at).any(|at| match journal.event(at) {
        Some(Event::Word(Word::Raised { case_id, kind, .. })) => (*case_id, *kind) == (id, of_kind),
        Some(_) | None => false,
    })
}
