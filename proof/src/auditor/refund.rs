//! Refunds: their events, out of their stored fields, and what became of each.

use super::day::Day;
use super::event::{Event, Fields};
use super::lives::Point;
use crate::history::Fen;

/// An event of a refund.
#[derive(Debug, Clone, Copy)]
pub(super) struct Turn<'a> {
    pub(super) refund_no: &'a str,
    pub(super) order_no: &'a str,
    pub(super) what: What<'a>,
    /// What it takes from the merchant; `None`: nothing moves.
    pub(super) moves: Option<Moves>,
}

/// What happened to a refund. Amounts in fen.
#[derive(Debug, Clone, Copy)]
pub(super) enum What<'a> {
    Requested(Wanted<'a>),
    Sending,
    Postponed,
    Unknown,
    /// With what was taken before and is taken now, and the order's fee as it is told to have been.
    Succeeded {
        amount: Fen,
        booked: Fen,
        booked_now: Fen,
        order_fee: Fen,
    },
    Failed {
        amount: Fen,
        booked: Fen,
    },
    /// Somebody told of one that was made by hand.
    Noticed {
        amount: Fen,
        transaction_id: &'a str,
        total: Fen,
    },
    /// The channel confirmed it.
    Found {
        amount: Fen,
        booked: Fen,
    },
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) key: Option<&'a str>,
    pub(super) amount: Fen,
    pub(super) booked: Fen,
    pub(super) transaction_id: &'a str,
    /// What the customer paid, as the event says.
    pub(super) total: Fen,
    pub(super) reason: &'a str,
    pub(super) asked_by: &'a str,
}

/// What an event takes from the merchant, or gives back where it is below zero: of what was booked, and of the fee.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moves {
    pub(super) booked: i128,
    pub(super) fee: i128,
    pub(super) place: Place,
}

impl Moves {
    /// By how much less the merchant has.
    pub(super) fn net(&self) -> i128 {
        self.booked + self.fee
    }
}

/// Where money is taken from, or goes back to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// The pending money of a day.
    Pending(Option<Day>),
    Available,
    /// Money that fits no order's books.
    Suspense,
}

/// Reads such an event.
pub(super) fn read<'a>(kind: &str, fields: Fields<'a>) -> Option<Event<'a>> {
    let fen = |name: &str, api: &str| fields.fen(name, api);
    let amount = fen("amount", "amount_fen");
    let booked = fen("booked", "booked_fen");
    let moves = |sign: i128, place: &str| {
        let fee = i128::from(fen("fee", "fee_fen")?);
        let place = read_place(fields, place)?;
        Some(Moves { booked: sign * i128::from(booked?), fee: -sign * fee, place })
    };
    let (what, moves) = match kind {
        "refund_requested" => (What::Requested(wanted(fields)?), Some(moves(1, "source")?)),
        "refund_sending" => (What::Sending, None),
        "refund_postponed" => (What::Postponed, None),
        "refund_unknown" => (What::Unknown, None),
        "refund_succeeded" => {
            let (what, moves) = succeeded(fields)?;
            (what, Some(moves))
        }
        "refund_failed" => {
            (What::Failed { amount: amount?, booked: booked? }, Some(moves(-1, "to")?))
        }
        "refund_noticed" => {
            let (transaction_id, total) =
                (fields.text("transaction_id")?, fen("total", "total_fen")?);
            (What::Noticed { amount: amount?, transaction_id, total }, None)
        }
        "refund_found" => {
            (What::Found { amount: amount?, booked: booked? }, Some(moves(1, "source")?))
        }
        _ => return None,
    };
    let (refund_no, order_no) = (fields.text("refund_no")?, fields.text("order_no")?);
    Some(Event::Refund(Turn { refund_no, order_no, what, moves }))
}

fn read_place(fields: Fields<'_>, name: &str) -> Option<Place> {
    if fields.text(name) == Some("available") {
        return Some(Place::Available);
    }
    if fields.text(name) == Some("suspense") {
        return Some(Place::Suspense);
    }
    let part = fields.part(name)?;
    Some(Place::Pending(match part.text("pending") {
        Some(_) => Some(part.day("pending")?),
        None => None,
    }))
}

fn wanted<'a>(fields: Fields<'a>) -> Option<Wanted<'a>> {
    Some(Wanted {
        key: fields.text("idempotency_key"),
        amount: fields.fen("amount", "amount_fen")?,
        booked: fields.fen("booked", "booked_fen")?,
        transaction_id: fields.text("transaction_id")?,
        total: fields.fen("total", "total_fen")?,
        reason: fields.text("reason")?,
        asked_by: fields.text("asked_by")?,
    })
}

fn succeeded(fields: Fields<'_>) -> Option<(What<'_>, Moves)> {
    let amount = fields.fen("amount", "amount_fen")?;
    let booked = fields.fen("booked", "booked_fen")?;
    let booked_now = fields.fen("booked_now", "booked_now_fen")?;
    let order_fee = fields.fen("order_fee", "order_fee_fen")?;
    let order_fee_now = fields.fen("order_fee_now", "order_fee_now_fen")?;
    let moves = Moves {
        booked: i128::from(booked_now) - i128::from(booked),
        fee: i128::from(order_fee_now) - i128::from(order_fee),
        place: read_place(fields, "source")?,
    };
    Some((What::Succeeded { amount, booked, booked_now, order_fee }, moves))
}

/// Where a refund stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    Requested,
    Sending,
    Unknown,
    Succeeded,
    Failed,
}

impl Status {
    /// As `api.md` names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing follows any more.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// A refund as it was after an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct State {
    pub(super) at: Point,
    pub(super) status: Status,
    pub(super) amount: Fen,
    pub(super) booked: Fen,
}

/// One refund.
#[derive(Debug)]
pub(super) struct Refund<'a> {
    pub(super) refund_no: &'a str,
    pub(super) order_no: &'a str,
    /// What was asked for; `None`: somebody told of it.
    pub(super) wanted: Option<Wanted<'a>>,
    pub(super) began_at: Point,
    /// Where it was taken from.
    pub(super) place: Place,
    pub(super) states: Vec<State>,
    /// Where it was sent.
    pub(super) sent: Vec<Point>,
}

impl<'a> Refund<'a> {
    /// The refund that an event begins.
    pub(super) fn begun(turn: &Turn<'a>, at: Point) -> Option<Self> {
        let (wanted, status, amount, booked) = match turn.what {
            What::Requested(wanted) => {
                (Some(wanted), Status::Requested, wanted.amount, wanted.booked)
            }
            What::Noticed { amount, .. } => (None, Status::Unknown, amount, 0),
            What::Sending
            | What::Postponed
            | What::Unknown
            | What::Succeeded { .. }
            | What::Failed { .. }
            | What::Found { .. } => return None,
        };
        let place = turn.moves.map_or(Place::Available, |moves| moves.place);
        let (refund_no, order_no) = (turn.refund_no, turn.order_no);
        let states = vec![State { at, status, amount, booked }];
        Some(Self { refund_no, order_no, wanted, began_at: at, place, states, sent: vec![] })
    }

    pub(super) fn go_on(&mut self, turn: &Turn<'a>, at: Point) {
        let Some(State { amount, booked, .. }) = self.states.last().copied() else { return };
        let (status, amount, booked) = match turn.what {
            What::Requested(_) | What::Postponed => (Status::Requested, amount, booked),
            What::Sending => (Status::Sending, amount, booked),
            What::Unknown | What::Noticed { .. } => (Status::Unknown, amount, booked),
            What::Succeeded { booked_now, .. } => (Status::Succeeded, amount, booked_now),
            What::Failed { .. } => (Status::Failed, amount, booked),
            What::Found { amount, booked } => (Status::Succeeded, amount, booked),
        };
        if let What::Sending = turn.what {
            self.sent.push(at);
        }
        self.states.push(State { at, status, amount, booked });
    }

    /// As it was at a point; `None`: it was not there yet.
    pub(super) fn state(&self, at: Point) -> Option<State> {
        self.states.iter().rev().find(|state| state.at <= at).copied()
    }
}

/// What refunds did to an order at a place of the journal.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Taken {
    pub(super) at: Point,
    /// What the customer gets.
    pub(super) amount: i128,
    pub(super) booked: i128,
    pub(super) fee: i128,
    /// Of that, what was taken out of pending money.
    pub(super) pending: i128,
}

impl Taken {
    /// What an event did.
    pub(super) fn by(turn: &Turn<'_>, at: Point) -> Option<Self> {
        let Moves { booked, fee, place } = turn.moves?;
        if place == Place::Suspense {
            return None;
        }
        let amount = match turn.what {
            What::Requested(Wanted { amount, .. }) | What::Found { amount, .. } => amount.into(),
            What::Failed { amount, .. } => -i128::from(amount),
            What::Succeeded { .. }
            | What::Sending
            | What::Postponed
            | What::Unknown
            | What::Noticed { .. } => 0,
        };
        let pending = if place == Place::Available { 0 } else { booked + fee };
        Some(Self { at, amount, booked, fee, pending })
    }

    /// The sums of both.
    pub(super) fn and(self, other: &Self) -> Self {
        Self {
            at: other.at,
            amount: self.amount + other.amount,
            booked: self.booked + other.booked,
            fee: self.fee + other.fee,
            pending: self.pending + other.pending,
        }
    }
}
