//! Bank runs: a withdrawal that is paid out by hand is in one run for ever, put there by the admin who asked.

use super::event::{Event, Move, Moved};
use super::journal::Journal;
use super::lives::{Point, Standing};
use super::people;
use crate::history::Desk;

/// Whether a call may have put a withdrawal in a run.
pub(super) fn may_put(desk: &Desk, moved: &Moved) -> bool {
    let Desk::Run { withdrawal_no, run_no, by } = desk else { return false };
    moved.withdrawal_no == withdrawal_no
        && (moved.run_no, moved.by) == (Some(&**run_no), Some(&**by))
}

/// Where a withdrawal was put in a run.
pub(super) fn put_at(journal: &Journal, of: &str, run_no: &str) -> impl Iterator<Item = Point> {
    runs(journal, of).filter(move |(_, run)| *run == run_no).map(|(at, _)| at)
}

/// Where a withdrawal was put in any run, and in which.
fn runs<'a>(journal: &Journal<'a>, of: &str) -> impl Iterator<Item = (Point, &'a str)> {
    let places = journal.withdrawal(of).into_iter().flat_map(|known| known.moved(Move::InRun));
    places.filter_map(|at| match journal.event(at) {
        Some(Event::Moved(moved)) => Some((at, moved.run_no?)),
        Some(_) | None => None,
    })
}

/// Whether a refusal to put a withdrawal in a run is right at a point.
pub(super) fn refused(
    journal: &Journal,
    (of, run_no): (&str, &str),
    code: &str,
    at: Point,
) -> bool {
    let known = journal.withdrawal(of);
    let standing = known.and_then(|known| known.standing(at));
    let by_wechat = known.is_some_and(|known| known.requested.by_wechat);
    match code {
        "withdrawal_unknown" => standing.is_none(),
        "withdrawal_not_manual" => standing.is_some() && by_wechat,
        "withdrawal_in_run" => {
            runs(journal, of).any(|(place, other)| place <= at && other != run_no)
        }
        "withdrawal_decided" => standing.is_some_and(|now| now != Standing::Requested),
        "withdrawals_frozen" => people::stood(journal, at).0,
        _ => false,
    }
}
