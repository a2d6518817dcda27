//! What people and the platform's own checks decide beside the everyday: cases, and how a merchant stands. Each is asked by a
//! [`Desk`], and recorded by a [`Word`].

use std::fmt::Arguments;

use super::event::{Event, Fields, Move};
use super::journal::Journal;
use super::lives::{Point, Standing};
use super::{adjustments, bank_runs, suspense};
use crate::history::{Desk, Fen, Thing};

/// What is recorded of it. Amounts in fen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word<'a> {
    /// A case about anything was opened.
    Raised { case_id: &'a str, kind: &'a str, amount: Option<Fen>, refund_no: Option<&'a str> },
    /// A person decided about a case.
    Resolved { case_id: &'a str, remedy: Option<&'a str> },
    /// Something was decided about the merchant as a whole; not `asked`: Tally itself did, as that case was opened.
    Stands { change: &'a str, asked: bool, case_id: Option<&'a str> },
    /// An admin said what became of a transfer. It moves nothing.
    Attested { withdrawal_no: &'a str, succeeded: bool, by: &'a str },
    /// An admin asked for an adjustment, or another decided (`approved`).
    Adjustment { number: &'a str, amount: Option<Fen>, by: &'a str, approved: Option<bool> },
    /// Money left suspense.
    Released { case_id: &'a str, transaction_id: &'a str, amount: Fen, to: &'a str },
}

/// Reads such an event.
pub(super) fn read<'a>(kind: &str, fields: Fields<'a>) -> Option<Event<'a>> {
    let word = match kind {
        "case_raised" => {
            let case = fields.part("case")?;
            let amount = case.fen("amount", "amount_fen");
            let (case_id, kind) = (case.text("case_id")?, case.text("kind")?);
            let refund_no = refund_of(case).filter(|_| kind.starts_with("refund_"));
            Word::Raised { case_id, kind, amount, refund_no }
        }
        "case_resolved" => {
            Word::Resolved { case_id: fields.text("case_id")?, remedy: fields.text("remedy") }
        }
        "standing_changed" => {
            let asked = fields.text("by").is_some();
            Word::Stands { change: fields.text("change")?, asked, case_id: fields.text("case_id") }
        }
        "adjustment_requested" => Word::Adjustment {
            number: fields.text("adjustment_no")?,
            amount: Some(fields.fen("amount", "amount_fen")?),
            by: fields.text("asked_by")?,
            approved: None,
        },
        "adjustment_approved" | "adjustment_rejected" => Word::Adjustment {
            number: fields.text("adjustment_no")?,
            amount: fields.fen("amount", "amount_fen"),
            by: fields.text("by")?,
            approved: Some(kind == "adjustment_approved"),
        },
        "suspense_released" => Word::Released {
            case_id: fields.text("case_id")?,
            transaction_id: fields.text("transaction_id")?,
            amount: fields.fen("amount", "amount_fen")?,
            to: fields.text("to")?,
        },
        "withdrawal_attested" => Word::Attested {
            withdrawal_no: fields.text("withdrawal_no")?,
            succeeded: fields.flag("succeeded")?,
            by: fields.text("by")?,
        },
        _ => return None,
    };
    Some(Event::Word(word))
}

/// The refund that a case is about: one of its facts, each of which is a name and a value.
fn refund_of<'a>(case: Fields<'a>) -> Option<&'a str> {
    let facts = case.value("facts")?.as_array()?;
    facts.iter().find(|fact| fact[0] == "refund_no")?[1].as_str()
}

/// Whether a call's content is that of an event.
pub(super) fn may_record(desk: &Desk, word: &Word) -> bool {
    match (desk, word) {
        (
            Desk::Raise { kind: asked, amount: found, .. },
            Word::Raised { kind: raised, amount, refund_no: None, .. },
        ) => asked == raised && found == amount,
        (Desk::Stand { change, .. }, Word::Stands { change: recorded, asked, .. }) => {
            *asked && change == recorded
        }
        (
            Desk::Attest { withdrawal_no: of, succeeded: paid, by: says },
            Word::Attested { withdrawal_no, succeeded, by },
        ) => (&**of, *paid, &**says) == (*withdrawal_no, *succeeded, *by),
        (Desk::Resolve { case_id: asked, remedy }, Word::Resolved { case_id, remedy: made }) => {
            asked == case_id && remedy == made
        }
        (Desk::Adjust { .. } | Desk::DecideAdjustment { .. }, Word::Adjustment { .. }) => {
            adjustments::may_record(desk, word)
        }
        (
            Desk::Raise { .. }
            | Desk::Stand { .. }
            | Desk::Resolve { .. }
            | Desk::Attest { .. }
            | Desk::Run { .. }
            | Desk::Adjust { .. }
            | Desk::DecideAdjustment { .. },
            _,
        ) => false,
    }
}

/// Whether an admin's word may have ended a withdrawal at a place: another admin had said the same before.
pub(super) fn may_end(desk: &Desk, (of, paid): (&str, bool), at: Point, journal: &Journal) -> bool {
    let Desk::Attest { withdrawal_no, succeeded, by } = desk else { return false };
    let other = |place: Point| {
        matches!(journal.event(place), Some(Event::Word(Word::Attested { withdrawal_no, succeeded, by: first }))
        if (*withdrawal_no, *succeeded) == (of, paid) && first != by)
    };
    (&**withdrawal_no, *succeeded) == (of, paid) && (1..at).any(other)
}

/// Whether Tally records it by itself.
pub(super) fn by_itself(word: &Word) -> bool {
    match word {
        Word::Raised { .. } => true,
        Word::Stands { asked, .. } => !asked,
        // A payment that is told again is booked with it.
        Word::Released { to, .. } => *to == "order",
        Word::Resolved { .. } | Word::Attested { .. } | Word::Adjustment { .. } => false,
    }
}

/// Whether what stands at a place was recorded with the case before it: it froze the merchant.
pub(super) fn follows_a_case(journal: &Journal, at: Point) -> bool {
    let Some(Event::Word(Word::Stands { change: "freeze", asked: false, case_id: Some(of) })) =
        journal.event(at)
    else {
        return false;
    };
    opened(journal, at - 1).is_some_and(|(case_id, _)| case_id == *of)
}

/// The id and kind of the case that an event opens.
fn opened<'a>(journal: &Journal<'a>, at: Point) -> Option<(&'a str, &'a str)> {
    let event = journal.event(at)?;
    if let Event::Word(Word::Raised { case_id, kind, .. }) = event {
        return Some((case_id, kind));
    }
    let Event::Case(case) = event else { return None };
    Some((case.case_id, case.kind))
}

/// A case of a kind that freezes its merchant does so in its own message, once, and nothing else does by itself.
pub(super) fn freezes(
    journal: &Journal,
    kinds: Option<&[&str]>,
    at: Point,
    say: &mut impl FnMut(Arguments),
) {
    let alone = |at| {
        let word = journal.event(at);
        matches!(word, Some(Event::Word(Word::Stands { asked: false, .. })))
    };
    let frozen = at > 0 && stood(journal, at - 1).0;
    if alone(at) && (!follows_a_case(journal, at) || frozen) {
        say(format_args!("seq {at} freezes the merchant, and no case right before it does"));
    }
    let (Some((case_id, kind)), Some(kinds)) = (opened(journal, at), kinds) else { return };
    let wanted = kinds.contains(&kind) && !frozen;
    if wanted != (alone(at + 1) && follows_a_case(journal, at + 1)) {
        say(format_args!(
            "seq {at} opens case {case_id}, {kind}; {kinds:?} freeze, frozen before: {frozen}"
        ));
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
                    | Thing::Refund(_)
                    | Thing::Unseen => true,
                }
        }
        (Desk::Stand { change, .. }, Word::Stands { change: recorded, .. }) => change == recorded,
        (Desk::Resolve { case_id: asked, .. }, Word::Resolved { case_id, .. }) => asked == case_id,
        (Desk::Attest { .. } | Desk::Adjust { .. } | Desk::DecideAdjustment { .. }, word) => {
            may_record(desk, word)
        }
        (Desk::Raise { .. } | Desk::Stand { .. } | Desk::Resolve { .. } | Desk::Run { .. }, _) => {
            false
        }
    };
    // An answer about the merchant shows the place of its event.
    let shown = |at: Point| {
        let Thing::Merchant(balance) = thing else { return true };
        usize::try_from(balance.seq) == Ok(at)
    };
    let ended = |at: &Point| match journal.event(*at) {
        Some(Event::Moved(moved)) if matches!(moved.how, Move::Succeeded | Move::Failed) => {
            let paid = moved.how == Move::Succeeded;
            may_end(desk, (moved.withdrawal_no, paid), *at, journal)
        }
        Some(_) | None => false,
    };
    if let Desk::Run { withdrawal_no, run_no, .. } = desk {
        return bank_runs::put_at(journal, withdrawal_no, run_no).collect();
    }
    if let Desk::Attest { .. } = desk {
        let word = |at: &Point| matches!(journal.event(*at), Some(Event::Word(word)) if is(word));
        return (1..=journal.end()).filter(|at| word(at) || ended(at)).collect();
    }
    let words = (1..=journal.end()).filter_map(|at| match journal.event(at) {
        Some(Event::Word(word)) => Some((at, word)),
        Some(_) | None => None,
    });
    words.filter(|(at, word)| is(word) && shown(*at)).map(|(at, _)| at).collect()
}

/// Whether a case stands as shown at a point.
pub(super) fn shows_case(journal: &Journal, (id, of_kind): (&str, &str), at: Point) -> bool {
    (1..=at).any(|at| match journal.event(at) {
        Some(Event::Case(case)) => (case.case_id, case.kind) == (id, of_kind),
        Some(Event::Word(Word::Raised { case_id, kind, .. })) => (*case_id, *kind) == (id, of_kind),
        Some(_) | None => false,
    })
}

/// Whether the state at a point is the one that a call wanted.
pub(super) fn holds(journal: &Journal, desk: &Desk, at: Point) -> bool {
    let (frozen, standing) = stood(journal, at);
    match desk {
        Desk::Raise { .. } => true,
        Desk::Resolve { case_id, .. } => !is_open(journal, case_id, at),
        Desk::Stand { change, .. } => match *change {
            "freeze" => frozen,
            "unfreeze" => !frozen,
            "suspend" => standing != "open",
            "resume" => standing == "open",
            _ => standing == "closed",
        },
        Desk::Adjust { .. } | Desk::DecideAdjustment { .. } => {
            adjustments::holds(journal, desk, at)
        }
        Desk::Run { withdrawal_no, run_no, .. } => {
            bank_runs::put_at(journal, withdrawal_no, run_no).any(|place| place <= at)
        }
        Desk::Attest { withdrawal_no, succeeded, .. } => {
            let known = journal.withdrawal(withdrawal_no);
            known.and_then(|known| known.standing(at)).is_some_and(|standing| match standing {
                Standing::Unknown => true,
                Standing::Succeeded => *succeeded,
                Standing::Failed => !succeeded,
                Standing::AwaitingApproval
                | Standing::Requested
                | Standing::Sending
                | Standing::Rejected => false,
            })
        }
    }
}

/// What was decided about the merchant by a point: whether its withdrawals are frozen, and whether it is `open`, `suspended` or
/// `closed`.
pub(super) fn stood(journal: &Journal, at: Point) -> (bool, &'static str) {
    let (mut frozen, mut standing) = (false, "open");
    for &place in journal.decisions.iter().take_while(|place| **place <= at) {
        let Some(Event::Word(Word::Stands { change, .. })) = journal.event(place) else { continue };
        match *change {
            "freeze" => frozen = true,
            "unfreeze" => frozen = false,
            "suspend" => standing = "suspended",
            "resume" => standing = "open",
            "close" => standing = "closed",
            _ => {}
        }
    }
    (frozen, standing)
}

/// Whether a case was opened, and nobody has decided about it by a point.
fn is_open(journal: &Journal, of: &str, at: Point) -> bool {
    let mut open = false;
    for place in 1..=at {
        match journal.event(place) {
            Some(Event::Case(case)) if case.case_id == of => open = true,
            Some(Event::Word(Word::Raised { case_id, .. })) if *case_id == of => open = true,
            Some(Event::Word(Word::Resolved { case_id, .. })) if *case_id == of => open = false,
            Some(_) | None => {}
        }
    }
    open
}

/// Whether a refusal of a decision is right at a point. What hangs on clocks is admitted.
pub(super) fn refused(journal: &Journal, desk: &Desk, code: &str, at: Point) -> bool {
    let there = |of: &str| (1..=at).any(|at| opened(journal, at).is_some_and(|(id, _)| id == of));
    match (desk, code) {
        (Desk::Resolve { case_id, .. }, "case_unknown") => !there(case_id),
        (Desk::Resolve { case_id, .. }, "case_resolved") => {
            there(case_id) && !is_open(journal, case_id, at)
        }
        (Desk::Resolve { case_id, remedy }, "remedy_impossible" | "certificate_missing") => {
            let refunds = *remedy == Some("refund");
            let possible = suspense::remedies(journal, case_id, at).contains(&remedy.unwrap_or(""));
            is_open(journal, case_id, at) && possible == (code == "certificate_missing" && refunds)
        }
        (Desk::Stand { change, .. }, "merchant_closed") => {
            stood(journal, at).1 == "closed" && !matches!(*change, "freeze" | "unfreeze")
        }
        (Desk::Stand { change: "close", seen }, "merchant_not_empty") => {
            let sums = &journal.sums[at];
            let moved = *seen != u64::try_from(at).ok();
            moved || sums.pending != 0 || sums.available != 0 || sums.in_transit != 0
        }
        (Desk::Adjust { .. } | Desk::DecideAdjustment { .. }, _) => {
            adjustments::refused(journal, desk, code, at)
        }
        (Desk::Run { withdrawal_no, run_no, .. }, _) => {
            bank_runs::refused(journal, (withdrawal_no, run_no), code, at)
        }
        (Desk::Attest { withdrawal_no, .. }, _) => {
            let known = journal.withdrawal(withdrawal_no);
            let standing = known.and_then(|known| known.standing(at));
            match code {
                "withdrawal_unknown" => standing.is_none(),
                "withdrawal_not_manual" => standing.is_some_and(|now| now != Standing::Unknown),
                "transfer_still_told" => standing == Some(Standing::Unknown),
                // Who said it first says it again.
                "forbidden" => standing == Some(Standing::Unknown),
                _ => false,
            }
        }
        (Desk::Raise { .. } | Desk::Resolve { .. } | Desk::Stand { .. }, _) => false,
    }
}

/// What no frozen, suspended or closed merchant does; an event is looked at from the point before it.
pub(super) fn allowed(journal: &Journal, at: Point, say: &mut impl FnMut(Arguments)) {
    let (frozen, standing) = stood(journal, at - 1);
    let stops = match journal.event(at) {
        Some(Event::Opened(_)) => standing != "open",
        Some(Event::Requested(_)) => frozen || standing == "closed",
        Some(Event::Moved(moved)) => {
            frozen && matches!(moved.how, Move::Approved | Move::Sending | Move::InRun)
        }
        Some(Event::Word(Word::Stands { change, .. })) => {
            let sums = &journal.sums[at - 1];
            let holds = sums.pending != 0 || sums.available != 0 || sums.in_transit != 0;
            let freezing = matches!(*change, "freeze" | "unfreeze");
            (standing == "closed" && !freezing) || (*change == "close" && holds)
        }
        Some(
            Event::Terms { .. }
            | Event::Step { .. }
            | Event::Paid(_)
            | Event::Settled(_)
            | Event::Case(_)
            | Event::Refund(_)
            | Event::Word(Word::Raised { .. } | Word::Released { .. } | Word::Adjustment { .. }),
        )
        | None => false,
        Some(Event::Word(Word::Resolved { case_id, .. })) => !is_open(journal, case_id, at - 1),
        Some(Event::Word(Word::Attested { withdrawal_no, .. })) => {
            let known = journal.withdrawal(withdrawal_no);
            known.and_then(|known| known.standing(at - 1)) != Some(Standing::Unknown)
        }
    };
    if stops {
        let event = journal.event(at);
        say(format_args!("seq {at}: {event:?} of a merchant that is {standing}, frozen: {frozen}"));
    }
}
