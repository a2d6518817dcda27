//! The channel's refunds: a model of WeChat's. A number that is known is never paid back a second time, no order gets back more
//! than was paid for it, and two refunds of one order keep a minute between them.

use std::collections::BTreeMap;

use tally_actors::domain::ids::{MerchantId, OrderNo, RefundNo, TransactionId};
use tally_actors::domain::money::Money;
use tally_actors::domain::refund::Refund;
use tally_actors::gateway::{RefundSent, RefundStanding};

use super::channel::PATIENCE;
use super::fault::Fault;
use super::item::{Item, Leg, Place};
use super::plan::SECOND;
use super::stage::Stage;
use crate::history::{Call, Fen, PaidBack, Request};

/// A refund's number, with whose it is.
pub(super) type Number = (MerchantId, RefundNo);

/// How long a refund may be under way to the channel, or be uncertain there, in microseconds.
const LATEST: u64 = 300 * SECOND;

/// So long apart the channel takes two refunds of an order, in microseconds.
const APART: u64 = 60 * SECOND;

/// What the channel knows of refunds.
#[derive(Default)]
pub(super) struct Returns {
    known: BTreeMap<Number, Known>,
    asked: BTreeMap<u64, Asked>,
    count: u64,
}

struct Known {
    order_no: OrderNo,
    /// The payment that it is of.
    transaction_id: TransactionId,
    amount: Money,
    booked: Option<Money>,
    /// When it was taken, in microseconds.
    taken: u64,
    by_hand: bool,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    Processing,
    Paid,
    Closed,
    /// A person has to end it.
    Stuck,
}

/// A refund or a question on its way.
struct Asked {
    number: Number,
    refund: Refund,
    answer: Heard,
}

/// What a refunder hears.
#[derive(Debug, Clone)]
pub(super) enum Heard {
    /// To a refund that was sent.
    Sent(RefundSent),
    /// To a question.
    Standing(RefundStanding),
}

impl Stage {
    /// Sends a refund. Gives the number under which its sender hears of it.
    pub(super) fn pay_back(&mut self, place: Place, of: MerchantId, refund: &Refund) -> u64 {
        let asked = self.put_refund(of, refund, Heard::Sent(RefundSent::Unknown("none".into())));
        if self.strikes(Fault::RefundLost) {
            self.at(PATIENCE, Item::RefundSaid(place, asked));
        } else if self.strikes(Fault::RefundLate) {
            let late = self.random.below(LATEST);
            self.at(late, Item::PayBack(place, asked));
            self.at(PATIENCE, Item::RefundSaid(place, asked));
        } else {
            self.after(Leg::Channel, Item::PayBack(place, asked));
        }
        asked
    }

    /// Asks for a refund. Gives the number under which its sender hears of it.
    pub(super) fn ask_refund(&mut self, place: Place, of: MerchantId, refund: &Refund) -> u64 {
        let silence = Heard::Standing(RefundStanding::Unknown("no answer".into()));
        let asked = self.put_refund(of, refund, silence);
        self.after(Leg::Channel, Item::AskRefund(place, asked));
        asked
    }

    fn put_refund(&mut self, of: MerchantId, refund: &Refund, answer: Heard) -> u64 {
        let returns = &mut self.returns;
        returns.count += 1;
        let number = (of, refund.refund_no);
        returns.asked.insert(returns.count, Asked { number, refund: refund.clone(), answer });
        returns.count
    }

    /// A refund reaches the channel. Its sender may have stopped waiting, or died.
    pub(super) fn take_refund(&mut self, place: Place, asked: u64) {
        let Some(Asked { number, refund, .. }) = self.returns.asked.get(&asked) else { return };
        let (number, refund) = (*number, refund.clone());
        let sent = match self.returns.known.get(&number).map(|known| known.standing) {
            Some(Standing::Processing | Standing::Paid | Standing::Stuck) => RefundSent::Taken,
            Some(Standing::Closed) => RefundSent::Unknown("it is closed".into()),
            None => self.new_refund(number, &refund),
        };
        self.note("WeChat", || format!("refund {} {}: {sent:?}", number.0, number.1));
        self.refund_reply(place, asked, Heard::Sent(sent));
    }

    fn new_refund(&mut self, number: Number, refund: &Refund) -> RefundSent {
        let (of, order_no) = (number.0, refund.order_no);
        let transaction_id = refund.transaction_id;
        if refund.amount > self.left(of, transaction_id, refund.total) {
            return RefundSent::Refused("more than is left of the payment".into());
        }
        let own = self.live(of).filter(|known| known.order_no == order_no);
        let own = own.map(|known| known.taken + APART);
        if own.max().is_some_and(|until| self.now < until) {
            return RefundSent::Later("FREQUENCY_LIMITED".into());
        }
        if self.strikes(Fault::RefundShort) {
            return RefundSent::Later("NOTENOUGH".into());
        }
        if self.strikes(Fault::RefundRefused) {
            return RefundSent::Refused("refused".into());
        }
        let amount = refund.amount;
        let booked = self.takes(amount);
        let (taken, by_hand) = (self.now, false);
        let standing = if self.strikes(Fault::RefundFails) {
            Standing::Closed
        } else if self.strikes(Fault::RefundStuck) {
            Standing::Stuck
        } else if self.strikes(Fault::RefundSlow) {
            Standing::Processing
        } else {
            Standing::Paid
        };
        let known = Known { order_no, transaction_id, amount, booked, taken, by_hand, standing };
        self.returns.known.insert(number, known);
        match standing {
            Standing::Paid => self.paid_back(number),
            Standing::Closed => {}
            Standing::Processing | Standing::Stuck => {
                let later = self.random.below(LATEST);
                self.at(later, Item::RefundEnds(number.0, number.1));
            }
        }
        RefundSent::Taken
    }

    /// What the channel takes for a refund, where it says so.
    fn takes(&mut self, amount: Money) -> Option<Money> {
        if !self.strikes(Fault::RefundOther) {
            return None;
        }
        let fen = amount.fen();
        let takes = *self.random.of(&[0, fen / 2, fen - fen / 10, fen, fen + fen / 10 + 1]);
        Money::from_fen(takes)
    }

    fn live(&self, of: MerchantId) -> impl Iterator<Item = &Known> {
        self.returns.known.iter().filter_map(move |((merchant, _), known)| {
            (*merchant == of && known.standing != Standing::Closed).then_some(known)
        })
    }

    /// What is left of a payment of so much.
    fn left(&self, of: MerchantId, payment: TransactionId, total: Money) -> Money {
        let gone = |left: Money, known: &Known| left.minus(known.amount).unwrap_or(Money::ZERO);
        self.live(of).filter(|known| known.transaction_id == payment).fold(total, gone)
    }

    /// The channel, or a person there, ends a refund that was uncertain.
    pub(super) fn refund_ends(&mut self, number: Number) {
        if self.random.percent(60) {
            self.returns.known.get_mut(&number).expect("it was taken").standing = Standing::Paid;
            self.paid_back(number);
        } else {
            self.note("WeChat", || format!("refund {} {} is closed", number.0, number.1));
            self.returns.known.get_mut(&number).expect("it was taken").standing = Standing::Closed;
        }
    }

    fn paid_back(&mut self, number: Number) {
        let (of, refund_no) = number;
        let known = &self.returns.known[&number];
        let fen = |money: Money| Fen::try_from(money.fen()).expect("money fits a signed column");
        let paid = PaidBack {
            merchant: of.to_string(),
            order_no: known.order_no.to_string(),
            refund_no: refund_no.to_string(),
            amount: fen(known.amount),
            booked: known.booked.map(fen),
            by_hand: known.by_hand,
        };
        self.note("WeChat", || format!("pays back {paid:?}"));
        self.count("refund", if paid.by_hand { "by hand" } else { "paid back" });
        self.history.channel.refunds.get_or_insert_default().push(paid);
    }

    /// The payment of an order and its amount, where the channel has exactly one.
    pub(super) fn one_payment(
        &self,
        (of, order_no): (MerchantId, OrderNo),
    ) -> Option<(TransactionId, Fen)> {
        let (merchant, order) = (of.to_string(), order_no.to_string());
        let payments = self.history.channel.payments.iter();
        let own = payments.filter(|(whose, paid_for, ..)| *whose == merchant && *paid_for == order);
        let paid: Vec<_> = own.map(|(.., number, amount)| (number, *amount)).collect();
        let [(number, amount)] = paid[..] else { return None };
        Some((number.parse().ok()?, amount))
    }

    /// The payment that a refund which the channel knows is of.
    pub(super) fn payment_of_refund(&self, number: Number) -> Option<TransactionId> {
        self.returns.known.get(&number).map(|known| known.transaction_id)
    }

    /// A person refunds at the channel itself, where what is left of the order's payment allows it: of an order that was paid
    /// once, there, and for which nobody ever named another amount.
    pub(super) fn refund_by_hand(
        &mut self,
        (of, refund_no): Number,
        order_no: OrderNo,
        amount: Money,
    ) {
        let (merchant, order) = (of.to_string(), order_no.to_string());
        let Some((transaction_id, paid)) = self.one_payment((of, order_no)) else { return };
        let opened = |call: &Call| {
            let Request::Open { order_no, amount, by_wechat, .. } = &call.request else {
                return None;
            };
            let own = call.merchant == merchant && *order_no == order;
            own.then_some(*amount == paid && *by_wechat)
        };
        let mut opened = self.history.calls.iter().filter_map(opened).peekable();
        let other = opened.peek().is_none() || opened.any(|same| !same);
        let total = u64::try_from(paid).ok().and_then(Money::from_fen).unwrap_or(Money::ZERO);
        if other || amount == Money::ZERO || amount > self.left(of, transaction_id, total) {
            return;
        }
        let (booked, taken, by_hand) = (self.takes(amount), self.now, true);
        let standing = Standing::Paid;
        let known = Known { order_no, transaction_id, amount, booked, taken, by_hand, standing };
        self.returns.known.insert((of, refund_no), known);
        self.paid_back((of, refund_no));
    }

    /// A question reaches the channel.
    pub(super) fn take_refund_query(&mut self, place: Place, asked: u64) {
        let Some(Asked { number, .. }) = self.returns.asked.get(&asked) else { return };
        let standing = self.returns.known.get(number).map(|known| (known.standing, known));
        let standing = match standing {
            None => RefundStanding::Missing,
            Some((Standing::Processing, _)) => RefundStanding::Processing,
            Some((Standing::Closed, _)) => RefundStanding::Closed("closed".into()),
            Some((Standing::Stuck, _)) => RefundStanding::Stuck("the card is gone".into()),
            Some((Standing::Paid, known)) => RefundStanding::Succeeded {
                refund_id: "paid back".into(),
                amount: known.amount,
                booked: known.booked,
            },
        };
        self.refund_reply(place, asked, Heard::Standing(standing));
    }

    fn refund_reply(&mut self, place: Place, asked: u64, answer: Heard) {
        if self.strikes(Fault::ChannelSilent) {
            return self.at(PATIENCE, Item::RefundSaid(place, asked));
        }
        if let Some(known) = self.returns.asked.get_mut(&asked) {
            known.answer = answer;
        }
        self.after(Leg::Channel, Item::RefundSaid(place, asked));
    }

    /// What a refunder hears: the channel's answer, or that there was none in time.
    pub(super) fn refund_said(&self, asked: u64) -> Option<Heard> {
        self.returns.asked.get(&asked).map(|asked| asked.answer.clone())
    }
}
