//! What was asked about refunds: which calls may have recorded an event, and whether an answer is right.

use super::asked::given;
use super::event::Event;
use super::journal::{Journal, Route};
use super::lives::{OrderStatus, Point};
use super::own::number;
use super::people::Word;
use super::refund::{Place, Refund, State, Status, Turn, Wanted, What};
use super::refunds::share;
use crate::history::{self, Fen, RefundOutcome, Refunding, Request};

/// The largest amount of a refund in fen (`api.md` 1).
const REFUND_MAX: Fen = 1_000_000_000;

/// The number that a call names, and the key for which it may have been made.
pub(super) fn subject(asked: &Refunding) -> (&str, Option<&str>) {
    match asked {
        Refunding::Ask { refund_no, key, .. } => (refund_no, key.as_deref()),
        Refunding::Start { refund_no }
        | Refunding::Record { refund_no, .. }
        | Refunding::Notice { refund_no, .. } => (refund_no, None),
    }
}

/// Refusals that may be the answer to a later try of a call whose first recorded something.
pub(super) fn refused_later(asked: &Refunding) -> &'static [&'static str] {
    match asked {
        Refunding::Ask { .. } | Refunding::Notice { .. } => &[],
        Refunding::Start { .. } | Refunding::Record { .. } => &["refund_decided"],
    }
}

/// Whether a call's content is that of an event.
pub(super) fn may_record(asked: &Refunding, turn: &Turn, at: Point, journal: &Journal) -> bool {
    let told = |fits: fn(&RefundOutcome) -> bool| matches!(asked, Refunding::Record { outcome, .. } if fits(outcome));
    match turn.what {
        What::Requested(wanted) => asks_for(asked, turn, &wanted),
        What::Sending => matches!(asked, Refunding::Start { .. }),
        What::Postponed => told(|outcome| *outcome == RefundOutcome::Postponed),
        What::Unknown => told(|outcome| {
            matches!(
                outcome,
                RefundOutcome::Unknown | RefundOutcome::Stuck | RefundOutcome::Succeeded { .. }
            )
        }),
        What::Failed { .. } => {
            told(|outcome| matches!(outcome, RefundOutcome::Closed | RefundOutcome::NotFound))
        }
        What::Noticed { amount: noticed, .. } => {
            matches!(asked, Refunding::Notice { order_no, amount, .. } if order_no == turn.order_no && *amount == noticed)
        }
        What::Succeeded { amount: paid, booked: before, booked_now, .. } => match asked {
            Refunding::Record { outcome: RefundOutcome::Succeeded { amount, booked }, .. } => {
                // What the channel took for money that stood in suspense is no matter of the books.
                let own = turn.moves.is_none_or(|moves| moves.place != Place::Suspense);
                *amount == paid && (!own || booked.unwrap_or(before) == booked_now)
            }
            Refunding::Ask { .. } => {
                let Some(Event::Refund(first)) = journal.event(at - 1) else { return false };
                let external =
                    journal.order(turn.order_no).is_some_and(|order| !order.opened.by_wechat);
                let What::Requested(wanted) = first.what else { return false };
                external && first.refund_no == turn.refund_no && asks_for(asked, first, &wanted)
            }
            Refunding::Record { .. } | Refunding::Start { .. } | Refunding::Notice { .. } => false,
        },
        What::Found { amount: paid, booked: took } => {
            let Refunding::Record { outcome: RefundOutcome::Succeeded { amount, booked }, .. } =
                asked
            else {
                return false;
            };
            let share = journal.order(turn.order_no).and_then(|order| share(paid, order, at));
            let right = booked.map_or(share, |booked| Some(booked.into()));
            *amount == paid && right == Some(took.into())
        }
    }
}

fn asks_for(asked: &Refunding, turn: &Turn, wanted: &Wanted) -> bool {
    let Refunding::Ask { refund_no, key, order_no, amount, reason, by } = asked else {
        return false;
    };
    given(refund_no, turn.refund_no)
        && key.as_deref() == wanted.key
        && (order_no.as_str(), *amount) == (turn.order_no, wanted.amount)
        && reason == wanted.reason
        && given(by, wanted.asked_by)
}

/// Whether a call may have opened a case about a refund.
pub(super) fn may_raise(asked: &Refunding, word: &Word) -> bool {
    let Word::Raised { kind, refund_no: Some(about), .. } = word else { return false };
    let Refunding::Record { refund_no, outcome } = asked else { return false };
    let fits = match outcome {
        RefundOutcome::Succeeded { .. } => *kind == "refund_by_hand",
        RefundOutcome::Stuck => *kind == "refund_stuck",
        RefundOutcome::Closed | RefundOutcome::NotFound => *kind == "refund_failed",
        RefundOutcome::Postponed | RefundOutcome::Unknown => false,
    };
    fits && refund_no == about
}

/// The refund that a call is about at a point, if it is there by then.
fn about<'a, 'b>(
    journal: &'a Journal<'b>,
    asked: &'b Refunding,
    at: Point,
) -> Option<&'a Refund<'b>> {
    let found = match asked {
        Refunding::Ask { refund_no, key, .. } => {
            number(journal, (Route::Refunds, key), (refund_no, None), at)
        }
        Refunding::Start { refund_no }
        | Refunding::Record { refund_no, .. }
        | Refunding::Notice { refund_no, .. } => refund_no,
    };
    journal.refund(found).filter(|refund| refund.began_at <= at)
}

/// The events that a call may have recorded.
pub(super) fn own(journal: &Journal, asked: &Refunding, shown: Option<&str>) -> Vec<Point> {
    let number = match asked {
        Refunding::Ask { refund_no, key, .. } => {
            number(journal, (Route::Refunds, key), (refund_no, shown), journal.end())
        }
        Refunding::Start { refund_no }
        | Refunding::Record { refund_no, .. }
        | Refunding::Notice { refund_no, .. } => refund_no,
    };
    let Some(refund) = journal.refund(number) else { return vec![] };
    let external = journal.order(refund.order_no).is_some_and(|order| !order.opened.by_wechat);
    let turns = refund.states.iter().map(|state| state.at);
    let mut own: Vec<Point> = match asked {
        // A refund of external money ends in the message that asks for it.
        Refunding::Ask { .. } if external => turns.take(2).skip(1).collect(),
        Refunding::Ask { .. } | Refunding::Notice { .. } => vec![refund.began_at],
        Refunding::Start { .. } => refund.sent.clone(),
        Refunding::Record { .. } => {
            let mine = |at: &Point| matches!(journal.event(*at), Some(Event::Refund(turn)) if may_record(asked, turn, *at, journal));
            turns.filter(mine).collect()
        }
    };
    if let Refunding::Record { outcome: RefundOutcome::Stuck, .. } = asked {
        let raised = |at: &Point| matches!(journal.event(*at), Some(Event::Word(word)) if may_raise(asked, word));
        own.extend((1..=journal.end()).filter(raised));
        own.sort_unstable();
    }
    own
}

/// Whether what an answer acknowledges is in the journal by then. What changes nothing is acknowledged, too: that one is not
/// found, that nobody knows, and that a try moved nothing which is not the newest.
pub(super) fn acknowledged(journal: &Journal, asked: &Refunding, own: &[Point], at: Point) -> bool {
    let recorded = own.iter().any(|place| *place <= at);
    match asked {
        Refunding::Record {
            outcome: RefundOutcome::NotFound | RefundOutcome::Unknown | RefundOutcome::Postponed,
            ..
        } => recorded || about(journal, asked, at).is_some(),
        Refunding::Record { outcome: RefundOutcome::Closed, .. } => {
            let failed = |state: State| state.status == Status::Failed;
            recorded
                || about(journal, asked, at).and_then(|refund| refund.state(at)).is_some_and(failed)
        }
        // Under the number, a success with other words is one, too.
        Refunding::Record { outcome: RefundOutcome::Succeeded { .. }, .. } => {
            recorded || about(journal, asked, at).is_some_and(|refund| ended_well(refund, at))
        }
        Refunding::Record { outcome: RefundOutcome::Stuck, .. }
        | Refunding::Ask { .. }
        | Refunding::Start { .. }
        | Refunding::Notice { .. } => recorded,
    }
}

fn ended_well(refund: &Refund, at: Point) -> bool {
    refund.state(at).is_some_and(|state| state.status == Status::Succeeded)
}

/// Whether the recorded refund has the content that was asked for.
pub(super) fn same_content(journal: &Journal, asked: &Refunding, shown: Option<&str>) -> bool {
    let Refunding::Ask { refund_no, key, order_no, amount, reason, .. } = asked else {
        return true;
    };
    let number = number(journal, (Route::Refunds, key), (refund_no, shown), journal.end());
    journal.refund(number).is_none_or(|refund| {
        refund.order_no == order_no
            && refund
                .wanted
                .is_some_and(|wanted| (wanted.amount, wanted.reason) == (*amount, reason.as_str()))
    })
}

/// Whether the state at a point is the one that the answer tells of.
pub(super) fn holds(journal: &Journal, asked: &Refunding, shown: Option<&str>, at: Point) -> bool {
    let status = about(journal, asked, at).and_then(|refund| refund.state(at));
    let status = status.map(|state| state.status);
    match asked {
        Refunding::Ask { .. } => same_content(journal, asked, shown),
        Refunding::Notice { .. } => status.is_some(),
        Refunding::Start { .. } => status == Some(Status::Sending),
        Refunding::Record { outcome, .. } => status.is_some_and(|status| match outcome {
            // One that was made by hand may have to wait for others of its order.
            RefundOutcome::Succeeded { .. } => {
                status == Status::Succeeded || status == Status::Unknown
            }
            RefundOutcome::Closed => status == Status::Failed,
            RefundOutcome::NotFound => status != Status::Succeeded,
            RefundOutcome::Postponed | RefundOutcome::Unknown => !status.is_final(),
            RefundOutcome::Stuck => status == Status::Unknown,
        }),
    }
}

/// Whether a refund was as shown at a point, and is the one that was asked about.
pub(super) fn shows(
    journal: &Journal,
    request: &Request,
    shown: &history::Refund,
    at: Point,
) -> bool {
    let Request::Refunding(asked) = request else { return false };
    let number = match asked {
        Refunding::Ask { refund_no, key, .. } => {
            number(journal, (Route::Refunds, key), (refund_no, Some(&shown.refund_no)), at)
        }
        Refunding::Start { refund_no }
        | Refunding::Record { refund_no, .. }
        | Refunding::Notice { refund_no, .. } => refund_no,
    };
    number == shown.refund_no && stands(journal, shown, at)
}

/// Whether a refund was as shown at a point.
pub(super) fn stands(journal: &Journal, shown: &history::Refund, at: Point) -> bool {
    let Some(refund) = journal.refund(&shown.refund_no) else { return false };
    refund.order_no == shown.order_no
        && refund.state(at).is_some_and(|State { status, amount, booked, .. }| {
            (status.name(), amount, booked) == (shown.status, shown.amount, shown.booked)
        })
}

/// Whether a refusal of such a call is right at a point. What hangs on clocks, configuration or roles is admitted.
pub(super) fn refused(
    journal: &Journal,
    asked: &Refunding,
    (code, available): (&str, Option<Fen>),
    at: Point,
) -> bool {
    let refund = about(journal, asked, at);
    let status = refund.and_then(|refund| refund.state(at)).map(|state| state.status);
    match asked {
        Refunding::Ask { order_no, amount, .. } => {
            if let Some(made) = refund {
                let same = same_content(journal, asked, Some(made.refund_no));
                return code == "number_reused" && !same;
            }
            let order = journal.order(order_no).filter(|order| order.opened_at <= at);
            let paid = order.and_then(|order| order.payment(at));
            match code {
                "amount_invalid" => !(1..=REFUND_MAX).contains(amount),
                "order_unknown" => order.is_none(),
                "order_not_paid" => order.is_some() && paid.is_none(),
                "refund_exceeds_payment" => order.is_some_and(|order| {
                    let left = i128::from(order.opened.amount) - order.taken(at).amount;
                    i128::from(*amount) > left
                }),
                "balance_insufficient" => {
                    let told = available.map(i128::from);
                    let here = journal.sums[at].available;
                    told.is_none_or(|told| told == here)
                        && order.is_some_and(|order| {
                            beyond(journal, order_no, *amount, at)
                                && order.status(at) == Some(OrderStatus::Paid)
                        })
                }
                "forbidden" => order.is_some_and(|order| !order.opened.by_wechat),
                "certificate_missing" => order.is_some_and(|order| order.opened.by_wechat),
                _ => false,
            }
        }
        Refunding::Start { .. } => match code {
            "refund_unknown" => refund.is_none(),
            "refund_decided" => refund.is_some(),
            "refund_too_soon" => refund.is_some_and(|refund| {
                let order = journal.order(refund.order_no);
                order.is_some_and(|order| {
                    order
                        .refund_tries
                        .iter()
                        .any(|(place, number)| *place <= at && *number != refund.refund_no)
                })
            }),
            _ => false,
        },
        Refunding::Record { .. } => match code {
            "refund_unknown" => refund.is_none(),
            "refund_decided" => status.is_some_and(Status::is_final),
            "amount_invalid" => {
                matches!(asked, Refunding::Record { outcome: RefundOutcome::Succeeded { .. }, .. })
            }
            _ => false,
        },
        Refunding::Notice { order_no, amount, transaction_id, .. } => {
            let order = journal.order(order_no).filter(|order| order.opened_at <= at);
            match code {
                "order_unknown" => order.is_none(),
                "order_not_paid" => order.is_some_and(|order| order.payment(at).is_none()),
                "order_conflict" => order
                    .and_then(|order| order.payment(at))
                    .zip(transaction_id.as_deref())
                    .is_some_and(|(paid, told)| paid.transaction_id != told),
                "amount_invalid" => {
                    order.is_some_and(|order| !(1..=order.opened.amount).contains(amount))
                }
                _ => false,
            }
        }
    }
}

/// Whether a refund of so much would leave more debt than the rules allow.
fn beyond(journal: &Journal, order_no: &str, amount: Fen, at: Point) -> bool {
    let Some(order) = journal.order(order_no) else { return false };
    let Some((paid, booked)) = order.payment(at).zip(share(amount, order, at + 1)) else {
        return false;
    };
    let Some(paid_terms) = order.paid_at().and_then(|paid_at| journal.terms(paid_at)) else {
        return false;
    };
    let rate = i128::from(paid_terms.rules.fee_bp);
    let taken = order.taken(at);
    let fee = |gone: i128| ((i128::from(paid.booked) - gone).max(0) * rate + 5_000) / 10_000;
    let net = booked - (fee(taken.booked) - fee(taken.booked + booked));
    let pending =
        !journal.settled_by(order, at) && taken.booked + booked <= i128::from(paid.booked);
    let debt_max = journal.terms(at).map_or(0, |terms| terms.rules.debt_max);
    !pending && net > 0 && journal.sums[at].available - net < -i128::from(debt_max)
}
