//! A merchant's journal, read once: what all claims look things up in.

use std::collections::HashMap;

use super::event::{Case, Event, Moved, Opened, Paid, Requested, Settled, Terms, read};
use super::lives::{Order, Point, Settlement, Withdrawal};
use super::people::{self, Word};
use super::refund::{Refund, Turn, What};
use super::sums::{Pending, Sums};
use super::suspense::{self, held_by};
use crate::history::Stored;

/// A call whose number may be made for a caller's key (`api.md` 3): the scope of the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Route {
    Orders,
    Settlements,
    Withdrawals,
    Refunds,
}

/// The journal of one merchant. The first event has place 1, whatever its row says; the claim `chain` compares.
pub(super) struct Journal<'a> {
    pub(super) merchant: &'a str,
    pub(super) stored: &'a Stored,
    /// `None` where an event can't be read.
    pub(super) events: Vec<Option<Event<'a>>>,
    /// The balances at each point, from 0.
    pub(super) sums: Vec<Sums>,
    pub(super) orders: Vec<Order<'a>>,
    pub(super) settlements: Vec<Settlement<'a>>,
    pub(super) withdrawals: Vec<Withdrawal<'a>>,
    pub(super) refunds: Vec<Refund<'a>>,
    /// Where rules came to hold.
    terms: Vec<Point>,
    order_index: HashMap<&'a str, usize>,
    settlement_index: HashMap<&'a str, usize>,
    withdrawal_index: HashMap<&'a str, usize>,
    refund_index: HashMap<&'a str, usize>,
    /// Where a payment was booked, by its number.
    transactions: HashMap<&'a str, Point>,
    /// Where cases about a payment were opened, by its number; nearly always one.
    cases: HashMap<&'a str, Vec<Point>>,
    /// Where cases about anything were opened.
    raised: HashMap<&'a str, Point>,
    /// Where a payment's money came into suspense (`true`), and left it.
    pub(super) suspended: HashMap<&'a str, Vec<(Point, bool)>>,
    /// Where something was decided about the merchant as a whole.
    pub(super) decisions: Vec<Point>,
    /// Where each number was made for a caller's key.
    keys: HashMap<(Route, &'a str), Point>,
    /// What is recorded a second time, and where.
    pub(super) twice: Vec<(Point, String)>,
}

impl<'a> Journal<'a> {
    /// Reads a journal. It takes any, also a wrong one: what is wrong is for the claims to say.
    pub(super) fn read(merchant: &'a str, stored: &'a Stored) -> Self {
        let mut journal = Self {
            merchant,
            stored,
            events: Vec::with_capacity(stored.journal.len()),
            sums: Vec::with_capacity(stored.journal.len() + 1),
            orders: vec![],
            settlements: vec![],
            withdrawals: vec![],
            refunds: vec![],
            terms: vec![],
            order_index: HashMap::new(),
            settlement_index: HashMap::new(),
            withdrawal_index: HashMap::new(),
            refund_index: HashMap::new(),
            transactions: HashMap::new(),
            cases: HashMap::new(),
            raised: HashMap::new(),
            suspended: HashMap::new(),
            decisions: vec![],
            keys: HashMap::new(),
            twice: vec![],
        };
        let (mut sums, mut pending) = (Sums::default(), Pending::default());
        journal.sums.push(sums);
        for (index, fact) in stored.journal.iter().enumerate() {
            let event = read(fact);
            if let Some(event) = &event {
                sums.take(event);
                journal.take(event, index + 1, &mut pending);
                if let Event::Settled(settled) = event {
                    let taken = journal.settle(settled, index + 1, &mut pending);
                    sums.unsettled = sums.unsettled.saturating_sub(taken);
                    sums.undated = 0;
                }
            }
            journal.sums.push(sums);
            journal.events.push(event);
        }
        journal
    }

    fn take(&mut self, event: &Event<'a>, at: Point, pending: &mut Pending) {
        match event {
            Event::Terms { .. } => self.terms.push(at),
            Event::Opened(opened) => self.open(opened, at),
            Event::Step { order_no, step } => {
                if let Some(&order) = self.order_index.get(order_no) {
                    self.orders[order].step(*step, at);
                }
            }
            Event::Paid(paid) => self.pay(paid, at, pending),
            Event::Requested(requested) => self.request(requested, at),
            Event::Moved(moved) => self.go_on(moved, at),
            Event::Case(case) => {
                if held_by(case) > 0 {
                    self.suspended.entry(case.transaction_id).or_default().push((at, true));
                }
                self.open_case(case, at);
            }
            Event::Word(word) => self.hear(word, at),
            Event::Refund(turn) => self.refund_goes_on(turn, at, pending),
            Event::Settled(_) => {}
        }
    }

    fn open(&mut self, opened: &Opened<'a>, at: Point) {
        let &Opened { order_no, key, amount, by_wechat } = opened;
        self.keep_key(Route::Orders, key, at);
        if self.order_index.contains_key(order_no) {
            return self.twice.push((at, format!("order {order_no} was opened before")));
        }
        self.order_index.insert(order_no, self.orders.len());
        self.orders.push(Order::new(Opened { order_no, key, amount, by_wechat }, at));
    }

    fn pay(&mut self, paid: &Paid<'a>, at: Point, pending: &mut Pending) {
        let order = self.order_index.get(paid.order_no).copied();
        pending.add(paid, order);
        if let Some(before) = self.transactions.get(paid.transaction_id) {
            let what = format!("payment {} was booked as event {before}", paid.transaction_id);
            self.twice.push((at, what));
        } else {
            self.transactions.insert(paid.transaction_id, at);
        }
        let Some(order) = order.map(|order| &mut self.orders[order]) else { return };
        if let Some(before) = order.paid_at() {
            let what = format!("order {} was paid as event {before}", paid.order_no);
            self.twice.push((at, what));
        } else {
            order.paid = Some((at, *paid));
        }
    }

    /// Gives how many orders it took.
    fn settle(&mut self, settled: &Settled<'a>, at: Point, pending: &mut Pending) -> u64 {
        let &Settled { settlement_no, key, through, include_not_due, moved } = settled;
        self.keep_key(Route::Settlements, key, at);
        let (took, orders) = pending.settle(through);
        let index = self.settlements.len();
        for order in orders {
            self.orders[order].settled_by = Some(index);
        }
        if self.settlement_index.contains_key(settlement_no) {
            self.twice.push((at, format!("settlement {settlement_no} was made before")));
        } else {
            self.settlement_index.insert(settlement_no, index);
        }
        let settled = Settled { settlement_no, key, through, include_not_due, moved };
        self.settlements.push(Settlement { settled, at, took });
        took.orders
    }

    fn request(&mut self, requested: &Requested<'a>, at: Point) {
        let number = requested.withdrawal_no;
        self.keep_key(Route::Withdrawals, requested.key, at);
        if self.withdrawal_index.contains_key(number) {
            return self.twice.push((at, format!("withdrawal {number} was requested before")));
        }
        self.withdrawal_index.insert(number, self.withdrawals.len());
        self.withdrawals.push(Withdrawal::new(*requested, at));
    }

    fn go_on(&mut self, moved: &Moved<'a>, at: Point) {
        if let Some(&withdrawal) = self.withdrawal_index.get(moved.withdrawal_no) {
            self.withdrawals[withdrawal].go_on(moved, at);
        }
    }

    fn refund_goes_on(&mut self, turn: &Turn<'a>, at: Point, pending: &mut Pending) {
        let number = turn.refund_no;
        if let What::Requested(wanted) = &turn.what {
            self.keep_key(Route::Refunds, wanted.key, at);
        }
        let known = self.refund_index.get(number).copied();
        match (Refund::begun(turn, at), known) {
            (Some(_), Some(_)) => {
                self.twice.push((at, format!("refund {number} was asked for before")));
            }
            (Some(begun), None) => {
                self.refund_index.insert(number, self.refunds.len());
                self.refunds.push(begun);
            }
            (None, Some(known)) => self.refunds[known].go_on(turn, at),
            (None, None) => {}
        }
        if let Some((number, comes)) = suspense::moved(self, turn) {
            self.suspended.entry(number).or_default().push((at, comes));
        }
        let Some(&order) = self.order_index.get(turn.order_no) else { return };
        self.orders[order].refund(turn, at);
        if let Some(moves) = &turn.moves {
            pending.refund(order, moves);
        }
    }

    fn open_case(&mut self, case: &Case<'a>, at: Point) {
        let same = |(_, open): &(Point, &Case)| open.kind == case.kind;
        let open = self.cases(case.order_no, case.transaction_id).find(same).map(|(at, _)| at);
        if let Some(before) = open {
            let what = format!("the case {} is open since event {before}", case.case_id);
            return self.twice.push((at, what));
        }
        self.cases.entry(case.transaction_id).or_default().push(at);
    }

    fn hear(&mut self, word: &Word<'a>, at: Point) {
        match word {
            Word::Stands { .. } => self.decisions.push(at),
            Word::Resolved { .. } | Word::Attested { .. } | Word::Adjustment { .. } => {}
            Word::Released { transaction_id, .. } => {
                self.suspended.entry(transaction_id).or_default().push((at, false));
            }
            Word::Raised { case_id, .. } => {
                if let Some(before) = self.raised.insert(case_id, at) {
                    self.twice
                        .push((at, format!("the case {case_id} is open since event {before}")));
                }
            }
        }
    }

    fn keep_key(&mut self, route: Route, key: Option<&'a str>, at: Point) {
        let Some(key) = key else { return };
        if let Some(before) = self.keys.get(&(route, key)) {
            let what = format!("the key {key:?} of {route:?} has its number since event {before}");
            self.twice.push((at, what));
        } else {
            self.keys.insert((route, key), at);
        }
    }

    /// The newest point.
    pub(super) fn end(&self) -> Point {
        self.events.len()
    }

    /// The event at a place.
    pub(super) fn event(&self, at: Point) -> Option<&Event<'a>> {
        self.events.get(at.checked_sub(1)?)?.as_ref()
    }

    /// Whether a point lies inside of one message: between the two events that it recorded together. Nobody sees it.
    pub(super) fn is_inside(&self, at: Point) -> bool {
        if people::follows_a_case(self, at + 1) {
            return true;
        }
        match (self.event(at), self.event(at + 1)) {
            (Some(Event::Settled(settled)), Some(Event::Requested(requested))) => {
                requested.settlement_no == Some(settled.settlement_no)
            }
            (Some(Event::Paid(paid)), Some(Event::Case(case))) => {
                matches!(case.kind, "paid_after_close" | "paid_to_closed")
                    && case.transaction_id == paid.transaction_id
            }
            (
                Some(Event::Word(Word::Released { transaction_id, to: "order", .. })),
                Some(Event::Paid(paid)),
            ) => *transaction_id == paid.transaction_id,
            (
                Some(Event::Word(Word::Resolved { case_id, .. })),
                Some(Event::Word(Word::Released { case_id: of, to: "available", .. })),
            ) => case_id == of,
            (Some(Event::Word(Word::Resolved { .. })), Some(Event::Refund(next))) => {
                suspense::is_asked_for(next)
            }
            (Some(Event::Refund(turn)), Some(Event::Refund(next))) => {
                let external =
                    self.order(turn.order_no).is_some_and(|order| !order.opened.by_wechat);
                let requested =
                    matches!(turn.what, What::Requested(_)) && !suspense::is_asked_for(turn);
                external && requested && turn.refund_no == next.refund_no
            }
            (Some(Event::Refund(turn)), Some(Event::Word(Word::Raised { refund_no, .. }))) => {
                *refund_no == Some(turn.refund_no)
            }
            (Some(_) | None, _) => false,
        }
    }

    /// The event that says who asked for the one at a place: what leaves suspense goes with a payment or a decision.
    pub(super) fn asked_as(&self, at: Point) -> Point {
        match self.event(at) {
            Some(Event::Word(Word::Released { to: "order", .. })) => at + 1,
            Some(Event::Word(Word::Released { .. })) => at - 1,
            Some(Event::Refund(turn)) if suspense::is_asked_for(turn) => at - 1,
            Some(_) | None => at,
        }
    }

    /// Whether a settlement had taken the order by a point.
    pub(super) fn settled_by(&self, order: &Order, at: Point) -> bool {
        order.settled_by.is_some_and(|index| self.settlements[index].at <= at)
    }

    /// The rules in force at a point; `None`: the merchant is not there yet.
    pub(super) fn terms(&self, at: Point) -> Option<&Terms> {
        let newest = self.terms.partition_point(|place| *place <= at);
        let Event::Terms { terms, .. } = self.event(*self.terms.get(newest.checked_sub(1)?)?)?
        else {
            return None;
        };
        Some(terms)
    }

    pub(super) fn order(&self, order_no: &str) -> Option<&Order<'a>> {
        self.order_index.get(order_no).map(|order| &self.orders[*order])
    }

    pub(super) fn settlement(&self, settlement_no: &str) -> Option<&Settlement<'a>> {
        self.settlement_index.get(settlement_no).map(|settlement| &self.settlements[*settlement])
    }

    pub(super) fn withdrawal(&self, withdrawal_no: &str) -> Option<&Withdrawal<'a>> {
        self.withdrawal_index.get(withdrawal_no).map(|withdrawal| &self.withdrawals[*withdrawal])
    }

    pub(super) fn refund(&self, refund_no: &str) -> Option<&Refund<'a>> {
        self.refund_index.get(refund_no).map(|refund| &self.refunds[*refund])
    }

    /// The payment that was booked under this number, and where.
    pub(super) fn transaction(&self, transaction_id: &str) -> Option<(Point, &Paid<'a>)> {
        let &at = self.transactions.get(transaction_id)?;
        let Some(Event::Paid(paid)) = self.event(at) else { return None };
        Some((at, paid))
    }

    /// The cases about a payment, and where they were opened.
    pub(super) fn cases(
        &self,
        order_no: &str,
        transaction_id: &str,
    ) -> impl Iterator<Item = (Point, &Case<'a>)> {
        let places = self.cases.get(transaction_id).map_or(&[][..], Vec::as_slice);
        places.iter().filter_map(move |&at| match self.event(at) {
            Some(Event::Case(case)) if case.order_no == order_no => Some((at, case)),
            Some(_) | None => None,
        })
    }

    /// Where a number was made for a caller's key.
    pub(super) fn keyed(&self, route: Route, key: &str) -> Option<Point> {
        self.keys.get(&(route, key)).copied()
    }
}
