//! A merchant's balances, folded from the events, and what is pending, order by order.

use std::collections::BTreeMap;

use super::day::Day;
use super::event::{Bucket, Event, Move, Paid};
use super::people::Word;
use super::refund::{Moves, Place};
use super::suspense::held_by;
use crate::history::Balance;

/// Balances in fen, wide enough that no journal overflows them, and signed, so that what went below zero can be seen.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    pub(super) paid_orders: u64,
    pub(super) paid: i128,
    pub(super) fee: i128,
    pub(super) refunded: i128,
    pub(super) pending: i128,
    pub(super) available: i128,
    pub(super) in_transit: i128,
    pub(super) withdrawn: i128,
    /// There, and nobody's.
    pub(super) suspense: i128,
    /// Got beside payments.
    pub(super) adjusted: i128,
    /// How many orders are in no settlement.
    pub(super) unsettled: u64,
    /// How many of those are due at once.
    pub(super) undated: u64,
}

impl Sums {
    /// After one more event.
    pub(super) fn take(&mut self, event: &Event) {
        match event {
            Event::Paid(paid) => {
                self.paid_orders += 1;
                self.paid += i128::from(paid.booked);
                self.fee += i128::from(paid.fee);
                self.pending += i128::from(paid.booked) - i128::from(paid.fee);
                self.unsettled += 1;
                self.undated += u64::from(paid.settle_on.is_none());
            }
            Event::Settled(settled) => {
                self.pending -= settled.moved.net();
                self.available += settled.moved.net();
            }
            Event::Requested(requested) => {
                self.available -= i128::from(requested.amount);
                self.in_transit += i128::from(requested.amount);
            }
            Event::Moved(moved) => {
                let amount = i128::from(moved.amount.unwrap_or(0));
                match moved.how {
                    Move::Succeeded => {
                        self.in_transit -= amount;
                        self.withdrawn += amount;
                    }
                    Move::Failed | Move::Rejected => {
                        self.in_transit -= amount;
                        self.available += amount;
                    }
                    Move::Approved | Move::Sending | Move::Unknown | Move::InRun => {}
                }
            }
            Event::Refund(turn) => {
                let Some(moves) = &turn.moves else { return };
                match moves.place {
                    Place::Pending(_) => self.pending -= moves.net(),
                    Place::Available => self.available -= moves.net(),
                    Place::Suspense => {
                        self.suspense -= moves.net();
                        return;
                    }
                }
                self.refunded += moves.booked;
                self.fee += moves.fee;
            }
            Event::Terms { .. }
            | Event::Opened(_)
            | Event::Step { .. }
            | Event::Word(
                Word::Raised { .. }
                | Word::Resolved { .. }
                | Word::Stands { .. }
                | Word::Attested { .. },
            ) => {}
            Event::Case(case) => {
                self.suspense += i128::from(held_by(case));
            }
            Event::Word(Word::Adjustment { amount, approved, .. }) => {
                if *approved == Some(true) {
                    self.available += i128::from(amount.unwrap_or(0));
                    self.adjusted += i128::from(amount.unwrap_or(0));
                }
            }
            Event::Word(Word::Released { amount, to, .. }) => {
                self.suspense -= i128::from(*amount);
                if *to == "available" {
                    self.available += i128::from(*amount);
                    self.adjusted += i128::from(*amount);
                }
            }
        }
    }

    /// Whether an answer or a head row says the same.
    pub(super) fn equal(&self, shown: &Balance) -> bool {
        let amounts = [
            (self.paid, shown.paid),
            (self.fee, shown.fee),
            (self.refunded, shown.refunded),
            (self.pending, shown.pending),
            (self.available, shown.available),
            (self.in_transit, shown.in_transit),
            (self.withdrawn, shown.withdrawn),
            (self.suspense, shown.suspense),
            (self.adjusted, shown.adjusted),
        ];
        self.paid_orders == shown.paid_orders
            && amounts.iter().all(|(own, shown)| *own == i128::from(*shown))
    }
}

/// What is paid and in no settlement, by the first day it may be settled; no day sorts first: always due.
#[derive(Debug, Default)]
pub(super) struct Pending(BTreeMap<Option<Day>, Vec<Due>>);

#[derive(Debug)]
struct Due {
    order: Option<usize>,
    sums: Bucket,
}

impl Pending {
    /// Takes a payment, of the order of this index where it is known.
    pub(super) fn add(&mut self, paid: &Paid, order: Option<usize>) {
        let sums = Bucket {
            orders: 1,
            gross: paid.booked.into(),
            refunded: 0,
            fee: paid.fee.into(),
            first_paid_seq: paid.paid_seq,
            last_paid_seq: paid.paid_seq,
        };
        self.0.entry(paid.settle_on).or_default().push(Due { order, sums });
    }

    /// Takes what a refund takes of a pending order, or gives back to it.
    pub(super) fn refund(&mut self, of: usize, moves: &Moves) {
        let Place::Pending(day) = moves.place else { return };
        let mut due = self.0.get_mut(&day).into_iter().flatten();
        if let Some(due) = due.find(|due| due.order == Some(of)) {
            due.sums.refunded += moves.booked;
            due.sums.fee += moves.fee;
        }
    }

    /// What a settlement up to this day takes: its sums, and the orders.
    pub(super) fn settle(&mut self, through: Day) -> (Bucket, Vec<usize>) {
        let later = self.0.split_off(&Some(through + 1));
        let taken = std::mem::replace(&mut self.0, later);
        let (mut sums, mut orders) = (Bucket::default(), vec![]);
        for due in taken.into_values().flatten() {
            sums = both(&sums, &due.sums);
            orders.extend(due.order);
        }
        (sums, orders)
    }
}

fn both(one: &Bucket, other: &Bucket) -> Bucket {
    if one.orders == 0 {
        return *other;
    }
    Bucket {
        orders: one.orders + other.orders,
        gross: one.gross + other.gross,
        refunded: one.refunded + other.refunded,
        fee: one.fee + other.fee,
        first_paid_seq: one.first_paid_seq.min(other.first_paid_seq),
        last_paid_seq: one.last_paid_seq.max(other.last_paid_seq),
    }
}
