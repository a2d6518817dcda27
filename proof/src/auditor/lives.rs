//! What became of orders, withdrawals and settlements, by the places of the events that did it.
//!
//! A *point* is a place in the journal: the state at point 7 is the one after event 7, and point 0 is before the first.

use super::event::{Bucket, Move, Moved, Opened, Paid, Requested, Settled, Step};
use super::refund::{Taken, Turn, What};

/// A place in a merchant's journal, from 1; as a point, 0 is before all.
pub(super) type Point = usize;

/// An order. A second event of a kind that may come once only is left out here; the claim `states` names it.
#[derive(Debug)]
pub(super) struct Order<'a> {
    pub(super) opened: Opened<'a>,
    pub(super) opened_at: Point,
    pub(super) prepaid_at: Vec<Point>,
    pub(super) closing_at: Option<Point>,
    pub(super) closed_at: Option<Point>,
    pub(super) paid: Option<(Point, Paid<'a>)>,
    /// The settlement that took it: its index among the merchant's.
    pub(super) settled_by: Option<usize>,
    /// What refunds did to it, in the order of their places.
    refunds: Vec<Taken>,
    /// Where which refund of it was sent.
    pub(super) refund_tries: Vec<(Point, &'a str)>,
}

/// Whether an order waits for money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OrderStatus {
    Open,
    Paid,
    Closed,
}

impl OrderStatus {
    /// As `api.md` names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Paid => "paid",
            Self::Closed => "closed",
        }
    }
}

impl<'a> Order<'a> {
    pub(super) fn new(opened: Opened<'a>, opened_at: Point) -> Self {
        Self {
            opened,
            opened_at,
            prepaid_at: vec![],
            closing_at: None,
            closed_at: None,
            paid: None,
            settled_by: None,
            refunds: vec![],
            refund_tries: vec![],
        }
    }

    /// A refund of it began or went on.
    pub(super) fn refund(&mut self, turn: &Turn<'a>, at: Point) {
        self.refunds.extend(Taken::by(turn, at));
        if let What::Sending = turn.what {
            self.refund_tries.push((at, turn.refund_no));
        }
    }

    /// What refunds did to it by then, in all.
    pub(super) fn taken(&self, at: Point) -> Taken {
        let by_then = self.refunds.iter().take_while(|taken| taken.at <= at);
        by_then.fold(Taken::default(), Taken::and)
    }

    /// What of its payment was pending by then, had no settlement taken it.
    pub(super) fn pending(&self, at: Point) -> i128 {
        let paid = self.payment(at).map(|paid| i128::from(paid.booked) - i128::from(paid.fee));
        paid.map_or(0, |paid| paid - self.taken(at).pending)
    }

    pub(super) fn step(&mut self, step: Step, at: Point) {
        match step {
            Step::Prepaid => self.prepaid_at.push(at),
            Step::Closing => self.closing_at = self.closing_at.or(Some(at)),
            Step::Closed => self.closed_at = self.closed_at.or(Some(at)),
        }
    }

    /// `None`: it is not there yet.
    pub(super) fn status(&self, at: Point) -> Option<OrderStatus> {
        let by = |place: Option<Point>| place.is_some_and(|place| place <= at);
        if by(self.paid_at()) {
            Some(OrderStatus::Paid)
        } else if by(self.closed_at) {
            Some(OrderStatus::Closed)
        } else {
            by(Some(self.opened_at)).then_some(OrderStatus::Open)
        }
    }

    pub(super) fn paid_at(&self) -> Option<Point> {
        self.paid.as_ref().map(|(at, _)| *at)
    }

    /// Its payment, if it had one by then.
    pub(super) fn payment(&self, at: Point) -> Option<&Paid<'a>> {
        self.paid.as_ref().filter(|(paid_at, _)| *paid_at <= at).map(|(_, paid)| paid)
    }

    /// Where a step of this kind was recorded.
    pub(super) fn steps(&self, step: Step) -> &[Point] {
        match step {
            Step::Prepaid => &self.prepaid_at,
            Step::Closing => self.closing_at.as_slice(),
            Step::Closed => self.closed_at.as_slice(),
        }
    }
}

/// A withdrawal.
#[derive(Debug)]
pub(super) struct Withdrawal<'a> {
    pub(super) requested: Requested<'a>,
    pub(super) requested_at: Point,
    /// How it went on, and where.
    pub(super) moves: Vec<(Point, Move)>,
    /// Who approved it.
    pub(super) approved_by: Option<(Point, &'a str)>,
}

/// Where a withdrawal stands (`design.md` 3.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    AwaitingApproval,
    Requested,
    Sending,
    Unknown,
    Succeeded,
    Failed,
    Rejected,
}

impl Standing {
    /// As `api.md` names it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting_approval",
            Self::Requested => "requested",
            Self::Sending => "sending",
            Self::Unknown => "unknown",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
        }
    }

    /// Whether its transfer may be out.
    pub(super) fn is_out(self) -> bool {
        matches!(self, Self::Sending | Self::Unknown)
    }

    /// Whether the money is back with the merchant.
    pub(super) fn gave_back(self) -> bool {
        matches!(self, Self::Failed | Self::Rejected)
    }

    fn after(how: Move) -> Self {
        match how {
            Move::Approved => Self::Requested,
            Move::Rejected => Self::Rejected,
            Move::Sending | Move::InRun => Self::Sending,
            Move::Unknown => Self::Unknown,
            Move::Succeeded => Self::Succeeded,
            Move::Failed => Self::Failed,
        }
    }
}

impl<'a> Withdrawal<'a> {
    pub(super) fn new(requested: Requested<'a>, requested_at: Point) -> Self {
        Self { requested, requested_at, moves: vec![], approved_by: None }
    }

    pub(super) fn go_on(&mut self, moved: &Moved<'a>, at: Point) {
        self.moves.push((at, moved.how));
        if let (Move::Approved, Some(by)) = (moved.how, moved.by) {
            self.approved_by = self.approved_by.or(Some((at, by)));
        }
    }

    /// `None`: it is not there yet.
    pub(super) fn standing(&self, at: Point) -> Option<Standing> {
        if self.requested_at > at {
            return None;
        }
        let newest = self.moves.iter().rev().find(|(moved_at, _)| *moved_at <= at);
        Some(newest.map_or(self.first_standing(), |(_, how)| Standing::after(*how)))
    }

    fn first_standing(&self) -> Standing {
        if self.requested.needs_approval { Standing::AwaitingApproval } else { Standing::Requested }
    }

    /// Where it went on like this.
    pub(super) fn moved(&self, how: Move) -> impl Iterator<Item = Point> {
        self.moves.iter().filter(move |(_, moved)| *moved == how).map(|(at, _)| *at)
    }
}

/// A settlement.
#[derive(Debug)]
pub(super) struct Settlement<'a> {
    pub(super) settled: Settled<'a>,
    pub(super) at: Point,
    /// What it takes by the rule of `design.md` 3.4, summed over the orders themselves.
    pub(super) took: Bucket,
}
