//! `refunds`: a customer gets no more back than was paid, a merchant gives exactly its part, from where it lies, and gets that
//! back when the refund fails (`design.md` 3.4, `api.md` 3).

use std::fmt::Arguments;

use super::Found;
use super::event::{Event, Paid};
use super::journal::Journal;
use super::lives::{Order, Point};
use super::people::Word;
use super::refund::{Place, Refund, State, Status, Taken, Turn, Wanted, What};
use crate::history::Fen;

const CLAIM: &str = "refunds";

/// The channel wants so long between two refunds of one order, in milliseconds.
const APART_MS: i64 = 60_000;

/// Each refund is of a payment, for no more than is left of it. It takes as large a part of what was booked as the customer
/// gets of what was paid, and gives the fee back by the formula on what is left: out of pending money while the order is not
/// settled, else out of available, as debt no further than the rules allow. What the channel names in the end corrects it. One
/// that fails gives exactly that back, to where it came from while that is there. Sends of one order keep their distance.
pub(super) fn judge(journal: &Journal, found: &mut Found) {
    for at in 1..=journal.end() {
        let Some(Event::Refund(turn)) = journal.event(at) else { continue };
        let mut faults: Vec<String> = vec![];
        let mut say = |what: Arguments| faults.push(what.to_string());
        if journal.refund(turn.refund_no).is_some_and(|refund| refund.place == Place::Suspense) {
            continue;
        }
        match Before::of(journal, turn, at) {
            Some(before) => before.judge(turn, &mut say),
            None => say(format_args!("its order is not paid, or it is not there")),
        }
        for fault in faults {
            let number = turn.refund_no;
            let what = format_args!("seq {at}, refund {number}: {fault}; {:?}", turn.what);
            found.say(CLAIM, journal.merchant, what);
        }
    }
}

/// What an event is looked at from: the point before it.
struct Before<'a, 'b> {
    journal: &'a Journal<'b>,
    at: Point,
    order: &'a Order<'b>,
    paid: &'a Paid<'b>,
    /// The rate of the order's fee, in basis points.
    rate: i128,
    /// What refunds did to the order.
    taken: Taken,
    settled: bool,
    refund: &'a Refund<'b>,
    /// The refund; `None`: it begins here.
    state: Option<State>,
}

impl<'a, 'b> Before<'a, 'b> {
    fn of(journal: &'a Journal<'b>, turn: &Turn<'b>, at: Point) -> Option<Self> {
        let refund = journal.refund(turn.refund_no)?;
        let order = journal.order(turn.order_no)?;
        let paid = order.payment(at - 1)?;
        let rate = journal.terms(order.paid_at()?)?.rules.fee_bp.into();
        let settled = journal.settled_by(order, at - 1);
        let (taken, state) = (order.taken(at - 1), refund.state(at - 1));
        Some(Self { journal, at, order, paid, rate, taken, settled, refund, state })
    }

    fn judge(&self, turn: &Turn, say: &mut impl FnMut(Arguments)) {
        if self.refund.order_no != turn.order_no {
            say(format_args!("it is of order {}, not of {}", self.refund.order_no, turn.order_no));
        }
        self.follows(turn, say);
        match turn.what {
            What::Requested(wanted) => self.requested(turn, &wanted, say),
            What::Sending => self.sending(say),
            What::Postponed | What::Unknown => {}
            What::Succeeded { amount, booked, booked_now, order_fee, .. } => {
                let told = (amount, booked, i128::from(order_fee));
                let Some(State { amount, booked, .. }) = self.state else { return };
                if told != (amount, booked, self.fee()) {
                    let fee = self.fee();
                    say(format_args!("it is of {amount} fen, {booked} booked, the fee is {fee}"));
                }
                let taken = self.taken.booked - i128::from(booked) + i128::from(booked_now);
                let own = booked_now <= booked || taken <= self.paid.booked.into();
                self.moves(turn, self.back_to(own), say);
            }
            What::Failed { amount, booked } => {
                let Some(State { amount: held, booked: took, .. }) = self.state else { return };
                let held = if self.refund.wanted.is_none() { 0 } else { held };
                if (amount, booked) != (held, took) {
                    say(format_args!("{held} fen are held, {took} fen were taken"));
                }
                self.moves(turn, self.back_to(true), say);
            }
            What::Noticed { amount, transaction_id, total } => {
                self.names(transaction_id, total, say);
                if !(1..=self.order.opened.amount).contains(&amount) {
                    say(format_args!("{} fen were paid", self.order.opened.amount));
                }
            }
            What::Found { amount, booked } => {
                self.within(amount, say);
                self.moves(turn, self.source(booked.into()), say);
                self.has_a_case(turn, say);
            }
        }
    }

    /// The fee of the order when so much of what was booked went back.
    fn fee_after(&self, booked: i128) -> i128 {
        let left = (i128::from(self.paid.booked) - booked).max(0);
        (left * self.rate + 5_000) / 10_000
    }

    fn fee(&self) -> i128 {
        self.fee_after(self.taken.booked)
    }

    /// Where so much more is taken from.
    fn source(&self, booked: i128) -> Place {
        let own = self.taken.booked + booked <= self.paid.booked.into();
        if own && !self.settled { Place::Pending(self.paid.settle_on) } else { Place::Available }
    }

    /// Where a difference goes; what is beyond the order's `own` money is not pending.
    fn back_to(&self, own: bool) -> Place {
        match self.refund.place {
            place @ Place::Pending(_) if own && !self.settled => place,
            Place::Pending(_) | Place::Available | Place::Suspense => Place::Available,
        }
    }

    /// The fee goes by the formula on what is left, and the money where it belongs.
    fn moves(&self, turn: &Turn, place: Place, say: &mut impl FnMut(Arguments)) {
        let Some(moves) = &turn.moves else { return };
        let (before, after) = (self.fee(), self.fee_after(self.taken.booked + moves.booked));
        if moves.fee != after - before {
            let (told, paid) = (moves.fee, self.paid.booked);
            say(format_args!(
                "it changes the fee by {told} fen; of {paid} fen booked, {} refunded, it goes from {before} to {after}",
                self.taken.booked
            ));
        }
        let still = moves.booked == 0 && moves.fee == 0;
        if moves.place != place && !still {
            let (told, settled) = (moves.place, self.settled);
            say(format_args!("it moves {told:?}, and the money is {place:?}; settled: {settled}"));
        }
    }

    fn names(&self, transaction_id: &str, total: Fen, say: &mut impl FnMut(Arguments)) {
        let paid = (self.paid.transaction_id, self.order.opened.amount);
        if (transaction_id, total) != paid {
            say(format_args!("the payment is {paid:?}"));
        }
    }

    fn within(&self, amount: Fen, say: &mut impl FnMut(Arguments)) {
        let left = i128::from(self.order.opened.amount) - self.taken.amount;
        if amount <= 0 || i128::from(amount) > left {
            say(format_args!("it gives {amount} fen back, {left} fen of the payment are left"));
        }
    }

    fn requested(&self, turn: &Turn, wanted: &Wanted, say: &mut impl FnMut(Arguments)) {
        self.names(wanted.transaction_id, wanted.total, say);
        self.within(wanted.amount, say);
        let share = share(wanted.amount, self.order, self.at);
        if share != Some(wanted.booked.into()) {
            say(format_args!("it takes {} fen, its share is {share:?}", wanted.booked));
        }
        self.moves(turn, self.source(wanted.booked.into()), say);
        let available = self.journal.sums[self.at].available;
        let debt_max = self.journal.terms(self.at).map_or(0, |terms| terms.rules.debt_max);
        let takes =
            turn.moves.is_some_and(|moves| moves.place == Place::Available && moves.net() > 0);
        if takes && available < -i128::from(debt_max) {
            say(format_args!("it leaves {available} fen, the debt may be {debt_max} fen"));
        }
        let ends = matches!(self.journal.event(self.at + 1), Some(Event::Refund(next))
            if next.refund_no == turn.refund_no && matches!(next.what, What::Succeeded { .. }));
        if !self.order.opened.by_wechat && !ends {
            say(format_args!("external money went back before, and that is not recorded"));
        }
    }

    fn sending(&self, say: &mut impl FnMut(Arguments)) {
        keeps_its_distance(self.journal, (self.order, self.refund), self.at, say);
        if !self.order.opened.by_wechat {
            say(format_args!("its order was not paid at the channel"));
        }
    }

    fn follows(&self, turn: &Turn, say: &mut impl FnMut(Arguments)) {
        follows((self.order, self.refund, self.state), turn, self.at, say);
    }

    /// A refund that nobody asked for is shown to a person.
    fn has_a_case(&self, turn: &Turn, say: &mut impl FnMut(Arguments)) {
        let raised = (1..=self.at + 1).any(|at| {
            matches!(self.journal.event(at), Some(Event::Word(Word::Raised { kind: "refund_by_hand", refund_no, .. }))
                if *refund_no == Some(turn.refund_no))
        });
        if !raised {
            say(format_args!("it was made by hand, and no case says so"));
        }
    }
}

/// Nothing follows on what is final, nothing succeeds that nobody asked for, and only what is out is unknown.
pub(super) fn follows(
    (order, refund, state): (&Order, &Refund, Option<State>),
    turn: &Turn,
    at: Point,
    say: &mut impl FnMut(Arguments),
) {
    use Status::{Requested, Sending, Unknown};
    let by_hand = refund.wanted.is_none();
    // What stood in suspense came by WeChat, whatever the order says.
    let external = !order.opened.by_wechat && refund.place != Place::Suspense;
    let from: &[Status] = match turn.what {
        What::Requested(_) | What::Noticed { .. } => &[],
        What::Sending if by_hand => &[],
        What::Sending => &[Requested, Sending, Unknown],
        What::Postponed if by_hand => &[],
        What::Postponed => &[Sending, Unknown],
        What::Succeeded { .. } if by_hand => &[],
        What::Succeeded { .. } if external => &[Requested],
        What::Succeeded { .. } | What::Failed { .. } | What::Unknown => {
            // After a try that moved nothing, what the channel says of an older one is believed.
            let sent = refund.sent.iter().any(|place| *place < at);
            if sent || by_hand { &[Requested, Sending, Unknown] } else { &[] }
        }
        What::Found { .. } if by_hand => &[Unknown],
        What::Found { .. } => &[],
    };
    let begins = matches!(turn.what, What::Requested(_) | What::Noticed { .. });
    let status = state.map(|state| state.status);
    let right = match status {
        None => begins,
        Some(status) => from.contains(&status),
    };
    if !right {
        say(format_args!("it was {:?} before", status.map(Status::name)));
    }
}

/// Sends of one order keep their distance.
pub(super) fn keeps_its_distance(
    journal: &Journal,
    (order, refund): (&Order, &Refund),
    at: Point,
    say: &mut impl FnMut(Arguments),
) {
    let stored = &journal.stored.journal;
    let at_ms = |place: Point| stored.get(place - 1).map_or(0, |fact| fact.at_ms);
    let newest = order.refund_tries.iter().rfind(|(place, _)| *place < at);
    if let Some((place, other)) = newest.filter(|(_, number)| *number != refund.refund_no) {
        let apart = at_ms(at) - at_ms(*place);
        if apart < APART_MS {
            say(format_args!("it is sent {apart} ms after {other} of the same order"));
        }
    }
}

/// What a refund of so much more takes of what was booked for an order, at this place: all together as large a part as the
/// customer gets of what was paid, half up.
pub(super) fn share(amount: Fen, order: &Order, at: Point) -> Option<i128> {
    let paid = order.payment(at - 1)?;
    let taken = order.taken(at - 1);
    let (booked, whole) = (i128::from(paid.booked), i128::from(order.opened.amount));
    let part = (taken.amount + i128::from(amount)).min(whole);
    let in_all = if whole == 0 { 0 } else { (2 * booked * part + whole) / (2 * whole) };
    Some((in_all - taken.booked).max(0))
}
