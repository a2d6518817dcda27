//! `linearizable`: the answers of a merchant stand in one order that keeps real time.

use super::asked::Asked;
use super::journal::Journal;
use super::lives::Point;
use super::own::own;
use super::right::{done, shows};
use super::{Found, Named, refusals};
use crate::history::{Answer, Call, Step};

const CLAIM: &str = "linearizable";

/// Each answered call gets a point of the journal at which its answer is right.
///
/// The journal is one order of all that was recorded. A call that recorded something stands at its own last event; any other
/// may stand at any point where its answer is right. What real time asks for:
///
/// - *not before what was answered before*: when A was answered before B was asked, B stands at A's point or later; if B
///   recorded something, its event comes after A's point, for A did not see it;
/// - *not inside of a message*: what one message recorded is seen whole or not at all;
/// - *not after what came after*: the point of a call holds no event that began after the call was answered. `began` says when
///   an event can have been recorded at the earliest; as the journal is in order, an event began no earlier than all before it.
///
/// Calls are taken in the order of asking, and each gets the smallest point it may have. That is the best choice: the point of
/// a call bounds others from below only (the other rules do not hang on anybody's point), and never those asked before it.
/// By induction no other assignment gives any call a smaller point; so where this one finds none, there is none. Where an
/// answer fits several events (tries to send), two calls may be given the same one: that is lenient, and `durable` counts them.
pub(super) fn judge(journal: &Journal, asked: &Asked, began: &[Step], found: &mut Found) {
    let mut newest = 0;
    let began: Vec<Step> = began
        .iter()
        .map(|step| {
            newest = newest.max(*step);
            newest
        })
        .collect();
    let mut answered: Vec<(Step, usize)> = asked
        .calls
        .iter()
        .enumerate()
        .filter_map(|(order, (_, call))| Some((call.answer.as_ref()?.0, order)))
        .collect();
    answered.sort_unstable();
    let mut before = answered.into_iter().peekable();
    let mut points: Vec<Point> = Vec::with_capacity(asked.calls.len());
    let mut lowest = 0;
    for &(index, call) in &asked.calls {
        while let Some((_, order)) = before.next_if(|(step, _)| *step < call.asked) {
            lowest = lowest.max(points.get(order).copied().unwrap_or_default());
        }
        let point = match &call.answer {
            Some((step, answer)) => {
                let highest = began.partition_point(|began| began <= step);
                place(journal, call, answer, (lowest, highest))
            }
            None => Some(0),
        };
        if point.is_none() {
            let highest = call
                .answer
                .as_ref()
                .map_or(0, |(step, _)| began.partition_point(|began| began <= step));
            let what = format_args!(
                "{} is right at no point from {lowest} to {highest}",
                Named(index, call)
            );
            found.say(CLAIM, journal.merchant, what);
        }
        points.push(point.unwrap_or_default());
    }
}

/// The smallest point in the range at which the answer is right. `NotDone` and `Unknown` say nothing: they bound nobody.
fn place(
    journal: &Journal,
    call: &Call,
    answer: &Answer,
    (lowest, highest): (Point, Point),
) -> Option<Point> {
    let mut seen = (lowest..=highest).filter(|at| !journal.is_inside(*at));
    match answer {
        Answer::NotDone | Answer::Unknown => Some(0),
        Answer::Refused { code, available } => {
            (lowest..=highest).find(|at| refusals::right(journal, call, (*code, *available), *at))
        }
        Answer::Done { fresh: true, thing } => {
            let fits = |at: &Point| {
                (lowest + 1..=highest).contains(at) && shows(journal, call, thing, *at)
            };
            own(journal, call, thing).into_iter().find(fits)
        }
        Answer::Done { fresh: false, thing } => {
            let own = own(journal, call, thing);
            seen.find(|at| done(journal, call, thing, &own, *at))
        }
    }
}
