//! `adjustments`: what one admin asks for another decides, once, and of the sum that was asked for.

use std::collections::HashMap;
use std::fmt::Arguments;

use super::Found;
use super::event::Event;
use super::journal::Journal;
use super::lives::Point;
use super::people::Word;
use crate::history::{Desk, Fen};

const CLAIM: &str = "adjustments";

/// Each is asked for once, and decided once at the most: by another key, and if yes, in the sum that was asked for.
pub(super) fn judge(journal: &Journal, found: &mut Found) {
    let mut say = |what: Arguments| found.say(CLAIM, journal.merchant, what);
    let mut waiting: HashMap<&str, (Option<Fen>, &str)> = HashMap::new();
    let mut known: HashMap<&str, usize> = HashMap::new();
    for at in 1..=journal.end() {
        let Some(Event::Word(Word::Adjustment { number, amount, by, approved })) =
            journal.event(at)
        else {
            continue;
        };
        let right = match approved {
            None => {
                waiting.insert(number, (*amount, by));
                known.insert(number, at).is_none() && amount.is_some_and(|amount| amount != 0)
            }
            Some(yes) => {
                let takes = *yes && amount.is_some_and(|amount| amount < 0);
                waiting
                    .remove(number)
                    .is_some_and(|(asked, asked_by)| asked_by != *by && (!yes || asked == *amount))
                    && !(takes && too_deep(journal, at))
            }
        };
        if !right {
            say(format_args!(
                "seq {at}: adjustment {number} of {amount:?} fen by {by}, approved: {approved:?}"
            ));
        }
    }
}

/// Whether the merchant owes more than the rules allow.
fn too_deep(journal: &Journal, at: Point) -> bool {
    let debt_max = journal.terms(at).map_or(0, |terms| terms.rules.debt_max);
    journal.sums[at].available < -i128::from(debt_max)
}

/// Whether a call may have recorded it.
pub(super) fn may_record(desk: &Desk, word: &Word) -> bool {
    let Word::Adjustment { number: of, amount: recorded, by: key, approved } = word else {
        return false;
    };
    match desk {
        Desk::Adjust { number, amount, by } => {
            (number, by) == (&of.to_string(), &key.to_string())
                && approved.is_none()
                && *recorded == Some(*amount)
        }
        Desk::DecideAdjustment { number, approve, by } => {
            (number, by) == (&of.to_string(), &key.to_string()) && *approved == Some(*approve)
        }
        Desk::Raise { .. }
        | Desk::Resolve { .. }
        | Desk::Stand { .. }
        | Desk::Attest { .. }
        | Desk::Run { .. } => false,
    }
}

/// What was said of an adjustment by a point: what was asked for and by whom, and what another decided.
type Said<'a> = (Option<(Fen, &'a str)>, Option<(bool, &'a str)>);

fn said<'a>(journal: &Journal<'a>, of: &str, until: Point) -> Said<'a> {
    let mut said = Said::default();
    for at in 1..=until {
        let Some(Event::Word(Word::Adjustment { number, amount, by, approved })) =
            journal.event(at)
        else {
            continue;
        };
        match approved {
            _ if *number != of => {}
            None => said.0 = Some((amount.unwrap_or(0), by)),
            Some(yes) => said.1 = Some((*yes, by)),
        }
    }
    said
}

/// Whether the state at a point is the one that a call wanted.
pub(super) fn holds(journal: &Journal, desk: &Desk, at: Point) -> bool {
    if let Desk::Adjust { number, amount, by } = desk {
        return said(journal, number, at).0 == Some((*amount, by));
    }
    let Desk::DecideAdjustment { number, approve, by } = desk else { return false };
    said(journal, number, at).1 == Some((*approve, by))
}

/// Whether a refusal is right at a point.
pub(super) fn refused(journal: &Journal, desk: &Desk, code: &str, at: Point) -> bool {
    if let Desk::Adjust { number, amount, by } = desk {
        let known = said(journal, number, at).0;
        return code == "number_reused" && known.is_some_and(|known| known != (*amount, by));
    }
    let Desk::DecideAdjustment { number, approve, by } = desk else { return false };
    let (asked, decided) = said(journal, number, at);
    match code {
        "adjustment_unknown" => asked.is_none(),
        "adjustment_decided" => decided.is_some_and(|made| made != (*approve, by)),
        "forbidden" => asked.is_some_and(|(_, asked_by)| asked_by == by),
        "balance_insufficient" => asked.is_some_and(|(amount, _)| {
            let debt_max = journal.terms(at).map_or(0, |terms| terms.rules.debt_max);
            let after = journal.sums[at].available + i128::from(amount);
            *approve && amount < 0 && after < -i128::from(debt_max)
        }),
        _ => false,
    }
}
