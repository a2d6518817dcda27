//! The head of a merchant: the fold of its journal into one row.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chain::Link;
use super::event::{Event, ReleasedTo, Stamped};
use super::ids::MerchantId;
use super::money::{Balance, Money};
use super::refund::{RefundSource, RefundSums};
use super::rules::Rules;
use super::settlement::Bucket;
use super::standing::{Standing, Word};
use super::time::{At, Day};
use crate::mutant::{self, Mutant, lax};

/// The newest version of the head's format that this binary knows. A head has the oldest that can hold it, so an older binary
/// refuses only the merchants of whom it would not know something.
pub const FORMAT: u8 = 4;

/// For how many Beijing days the withdrawals asked for are kept: messages read their clocks at different places, so their
/// days may come a little out of order.
const DAYS_KEPT: usize = 4;

/// Where a merchant stands after its newest event. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whose.
    pub merchant: MerchantId,
    /// The newest event's place and hash.
    pub link: Link,
    /// The newest event's time.
    pub at: At,
    /// When the merchant was registered.
    pub registered_at: At,
    /// What was agreed.
    pub rules: Arc<Rules>,
    /// How many payments there were.
    pub paid_orders: u64,
    /// What they brought, before refunds and fee.
    pub paid: Money,
    /// What of it went back to customers.
    pub refunded: Money,
    /// What of it the platform keeps.
    pub fee: Money,
    /// Settled and not withdrawn.
    pub available: Balance,
    /// Requested, outcome not yet known.
    pub in_transit: Money,
    /// Paid out.
    pub withdrawn: Money,
    /// There, and credited to nobody: payments that fit no order's books.
    pub suspense: Money,
    /// All that was ever put there. Nothing: then no payment needs to be looked for there.
    pub suspended: Money,
    /// What of it became the merchant's by a remedy.
    pub credited: Money,
    /// What the merchant got beside payments, that included, less what was taken so.
    pub adjusted: Balance,
    /// What is paid and not yet settled, by the first day it may be. `None` sorts first: always due.
    pub buckets: BTreeMap<Option<Day>, Bucket>,
    /// What was asked for in each of the newest days and did not come back.
    pub requested: BTreeMap<Day, Money>,
    /// What was decided about the merchant as a whole.
    pub standing: Standing,
}

/// What of a head is kept in one blob beside the columns.
#[derive(Serialize, Deserialize)]
struct Kept<R> {
    rules: R,
    buckets: BTreeMap<Option<Day>, Bucket>,
    requested: BTreeMap<Day, Money>,
}

/// An event that does not fit the head it was applied to: the journal is not one that Tally wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event does not follow from the ones before it: {0}")]
pub struct Broken(pub &'static str);

impl Head {
    /// The head of a merchant that was just registered.
    pub fn registered(merchant: MerchantId, rules: Rules, at: At) -> Self {
        Self {
            merchant,
            link: Link::default(),
            at,
            registered_at: at,
            rules: Arc::new(rules),
            paid_orders: 0,
            paid: Money::ZERO,
            refunded: Money::ZERO,
            fee: Money::ZERO,
            available: Balance::ZERO,
            in_transit: Money::ZERO,
            withdrawn: Money::ZERO,
            suspense: Money::ZERO,
            suspended: Money::ZERO,
            credited: Money::ZERO,
            adjusted: Balance::ZERO,
            buckets: BTreeMap::new(),
            requested: BTreeMap::new(),
            standing: Standing::default(),
        }
    }

    /// Paid, less refunds and fee, not yet settled.
    pub fn pending(&self) -> Money {
        let add = |sum: Option<Money>, bucket: &Bucket| sum?.plus(bucket.net()?);
        self.buckets.values().fold(Some(Money::ZERO), add).expect("no more than was paid")
    }

    /// Whether the sums add up, as they do in every head that a journal leads to: paid and adjusted, less refunds and fee, is
    /// pending, available, in transit or withdrawn; no more was asked for than went out, and no more is suspended than came.
    fn adds_up(&self) -> bool {
        let fen = |amount: Money| i128::from(amount.fen());
        let pending = self.buckets.values().try_fold(Bucket::default(), |sum, bucket| {
            bucket.net().filter(|_| bucket.orders > 0)?;
            sum.with(bucket)
        });
        let Some(pending) = pending.and_then(|all| all.net()) else { return false };
        let out = fen(self.in_transit) + fen(self.withdrawn);
        let requested: i128 = self.requested.values().copied().map(fen).sum();
        let balance = |balance: Balance| i128::from(balance.fen());
        let left = fen(self.paid) - fen(self.refunded) - fen(self.fee) + balance(self.adjusted);
        left == fen(pending) + balance(self.available) + out
            && requested <= out
            && fen(self.suspense) + fen(self.credited) <= fen(self.suspended)
    }

    /// The sums over all buckets that a settlement up to `through` moves.
    pub fn due(&self, through: Day) -> Bucket {
        let mut due = self.buckets.range(..=Some(through)).map(|(_, bucket)| bucket);
        due.try_fold(Bucket::default(), |sum, bucket| sum.with(bucket))
            .expect("no more than was paid")
    }

    /// What a settlement made today moves, and up to which day. Without a rule, or with T+0, everything paid is due.
    pub fn settling(&self, include_not_due: bool, today: Day) -> (Day, Bucket) {
        let all = include_not_due || matches!(self.rules.settle_after_days, None | Some(0));
        let through = if all { Day::LAST } else { today };
        (through, self.due(through))
    }

    /// What was asked for on `day` and did not come back.
    pub fn requested_on(&self, day: Day) -> Money {
        self.requested.get(&day).copied().unwrap_or(Money::ZERO)
    }

    /// The day against whose limit a withdrawal asked for `today` counts: today, or the oldest day of which the sum is still
    /// kept, for a message whose clock is days behind.
    pub fn counted_day(&self, today: Day) -> Day {
        match self.requested.first_key_value() {
            Some((oldest, _)) if self.requested.len() >= DAYS_KEPT => today.max(*oldest),
            Some(_) | None => today,
        }
    }

    /// Takes the event at the end of a journal into its head; `None` is the head before the first.
    pub fn advance(
        head: &mut Option<Self>,
        merchant: MerchantId,
        Stamped { at, event, .. }: &Stamped,
        link: Link,
    ) -> Result<(), Broken> {
        let head = match (head, event) {
            (head @ None, Event::MerchantRegistered { rules }) => {
                head.insert(Self::registered(merchant, rules.clone(), *at))
            }
            (Some(head), event) => {
                head.apply(event, *at)?;
                head
            }
            (None, event) => return Err(Broken(event.kind())),
        };
        head.link = link;
        head.at = *at;
        Ok(())
    }

    /// Applies an event. Pure; touches the balances alone, so it needs no order or withdrawal at hand.
    pub fn apply(&mut self, event: &Event, at: At) -> Result<(), Broken> {
        self.fold(event, at).ok_or(Broken(event.kind()))
    }

    fn fold(&mut self, event: &Event, at: At) -> Option<()> {
        match event {
            Event::MerchantRegistered { .. } => return None,
            Event::RulesChanged { rules } => self.rules = Arc::new(rules.clone()),
            Event::OrderPaid { booked, fee, paid_seq, settle_on, .. } => {
                self.pay(*booked, *fee, *paid_seq, *settle_on)?;
            }
            Event::Settled { through, moved, .. } => {
                if self.due(*through) != *moved && !lax() {
                    return None;
                }
                self.buckets.retain(|settle_on, _| *settle_on > Some(*through));
                self.available = self.available.plus(moved.net()?)?;
            }
            Event::WithdrawalRequested { amount, day, .. } => self.request(*amount, *day)?,
            Event::WithdrawalSucceeded { amount, .. } => {
                self.in_transit = self.in_transit.minus(*amount)?;
                self.withdrawn = self.withdrawn.plus(*amount)?;
            }
            Event::WithdrawalRejected { amount, day, .. }
            | Event::WithdrawalFailed { amount, day, .. } => {
                self.in_transit = self.in_transit.minus(*amount)?;
                self.available = self.available.plus(*amount)?;
                self.no_longer_requested(*amount, *day);
            }
            Event::StandingChanged { change, reason, by, .. } => {
                self.standing.take(*change, Word { reason: reason.clone(), since: at, by: *by })?;
            }
            Event::RefundRequested { booked, fee, source, .. }
            | Event::RefundFound { booked, fee, source, .. } => {
                let taken = RefundSums { booked: *booked, fee: *fee };
                self.refund(*source, taken, RefundSums::default())?;
            }
            Event::RefundFailed { booked, fee, to, .. } => {
                let back = RefundSums { booked: *booked, fee: *fee };
                self.refund(*to, RefundSums::default(), back)?;
            }
            Event::RefundSucceeded {
                booked, booked_now, order_fee, order_fee_now, source, ..
            } => {
                let taken = RefundSums { booked: *booked_now, fee: *order_fee };
                let back = RefundSums { booked: *booked, fee: *order_fee_now };
                self.refund(*source, taken, back)?;
            }
            Event::CaseOpened { case } => self.hold(case.suspended())?,
            Event::SuspenseReleased { amount, to, .. } => self.release(*amount, *to)?,
            Event::AdjustmentApproved { amount, .. } => {
                self.available = self.available.with(*amount)?;
                self.adjusted = self.adjusted.with(*amount)?;
            }
            Event::RefundSending { .. }
            | Event::RefundPostponed { .. }
            | Event::RefundUnknown { .. }
            | Event::RefundNoticed { .. }
            | Event::AdjustmentRequested { .. }
            | Event::AdjustmentRejected { .. }
            | Event::OrderOpened { .. }
            | Event::OrderPrepaid { .. }
            | Event::OrderClosed { .. }
            | Event::OrderClosing { .. }
            | Event::WithdrawalApproved { .. }
            | Event::WithdrawalSending { .. }
            | Event::WithdrawalUnknown { .. }
            | Event::WithdrawalAttested { .. }
            | Event::CaseRaised { .. }
            | Event::CaseResolved { .. }
            | Event::WithdrawalInRun { .. } => {}
        }
        Some(())
    }

    /// Puts a payment into the bucket of its day.
    fn pay(
        &mut self,
        booked: Money,
        fee: Money,
        paid_seq: u64,
        settle_on: Option<Day>,
    ) -> Option<()> {
        if paid_seq != self.paid_orders.checked_add(1)? && !lax() {
            return None;
        }
        let one = Bucket {
            orders: 1,
            gross: booked,
            refunded: Money::ZERO,
            fee,
            first_paid_seq: paid_seq,
            last_paid_seq: paid_seq,
        };
        one.net()?;
        let bucket = self.buckets.entry(settle_on).or_default();
        *bucket = bucket.with(&one)?;
        self.paid_orders = paid_seq;
        self.paid = self.paid.plus(booked)?;
        self.fee = self.fee.plus(fee)?;
        Some(())
    }

    /// A day that is no longer kept limits nothing any more. One that was dropped, and came again by a clock that went back, may
    /// hold less than what now comes back of it.
    fn no_longer_requested(&mut self, amount: Money, day: Day) {
        if let Some(sum) = self.requested.get_mut(&day) {
            *sum = sum.minus(amount).unwrap_or(Money::ZERO);
        }
        self.requested.retain(|_, sum| *sum > Money::ZERO);
    }

    /// Takes one sum for refunds and gives another back, each with the fee that goes the other way.
    fn refund(&mut self, source: RefundSource, taken: RefundSums, back: RefundSums) -> Option<()> {
        match source {
            RefundSource::Pending(settle_on) => {
                let bucket = self.buckets.get(&settle_on);
                match bucket.and_then(|bucket| bucket.refunded_by(taken, back)) {
                    Some(bucket) => drop(self.buckets.insert(settle_on, bucket)),
                    None if lax() => {}
                    None => return None,
                }
            }
            RefundSource::Available => {
                self.available = RefundSums::moved(self.available, taken, back)?;
                if mutant::on(Mutant::DebtForgotten) {
                    self.available = self.available.max(Balance::ZERO);
                }
            }
            RefundSource::Suspense => {
                self.suspense = self.suspense.plus(back.booked)?.minus(taken.booked)?;
                return (taken.fee == back.fee || lax()).then_some(());
            }
        }
        self.refunded = self.refunded.plus(taken.booked)?.minus(back.booked)?;
        self.fee = self.fee.plus(back.fee)?.minus(taken.fee)?;
        Some(())
    }

    /// Freezes what a withdrawal takes, and counts it against its day.
    fn request(&mut self, amount: Money, day: Day) -> Option<()> {
        self.available = self.available.minus(amount)?;
        self.in_transit = self.in_transit.plus(amount)?;
        let sum = self.requested_on(day).plus(amount)?;
        self.requested.insert(day, sum);
        if self.requested.len() > DAYS_KEPT {
            self.requested.pop_first();
        }
        Some(())
    }

    /// Puts money into suspense.
    fn hold(&mut self, amount: Option<Money>) -> Option<()> {
        let amount = amount.unwrap_or(Money::ZERO);
        self.suspense = self.suspense.plus(amount)?;
        self.suspended = self.suspended.plus(amount)?;
        Some(())
    }

    /// Takes money out of suspense.
    fn release(&mut self, amount: Money, to: ReleasedTo) -> Option<()> {
        self.suspense = self.suspense.minus(amount)?;
        match to {
            ReleasedTo::Order => {}
            ReleasedTo::Available => {
                self.credited = self.credited.plus(amount)?;
                self.adjusted = self.adjusted.plus(amount)?;
                self.available = self.available.plus(amount)?;
            }
        }
        Some(())
    }

    /// The format in which it is stored: 1 where nothing was decided about the merchant, 2 with what was; 3 and 4 are the same
    /// with money that came or went beside payments.
    pub fn format(&self) -> u8 {
        let plain = if self.standing.is_plain() { 1 } else { 2 };
        let beside = self.suspended > Money::ZERO || self.adjusted != Balance::ZERO;
        if beside { plain + 2 } else { plain }
    }

    /// The part of the head that is kept in one blob: rules, buckets and the day's withdrawals; in formats 2 and 4 then what
    /// was decided.
    pub fn encode_kept(&self) -> Vec<u8> {
        let (buckets, requested) = (self.buckets.clone(), self.requested.clone());
        let kept = Kept { rules: &*self.rules, buckets, requested };
        let blob =
            postcard::to_extend(&kept, Vec::with_capacity(96)).expect("a head is plain data");
        if self.standing.is_plain() {
            return blob;
        }
        postcard::to_extend(&self.standing, blob).expect("a head is plain data")
    }

    /// Takes them from such a blob of that format. `None` when it is damaged, or does not add up with
    /// the rest of the head: whoever reads a head may then rely on its sums.
    pub fn with_kept(self, format: u8, blob: &[u8]) -> Option<Self> {
        let (kept, rest) = postcard::take_from_bytes::<Kept<Rules>>(blob).ok()?;
        let Kept { rules, buckets, requested } = kept;
        let (standing, rest) = match format {
            1 | 3 => (Standing::default(), rest),
            _ => postcard::take_from_bytes::<Standing>(rest).ok()?,
        };
        let head = Self { rules: Arc::new(rules), buckets, requested, standing, ..self };
        (rest.is_empty() && head.format() == format && head.adds_up()).then_some(head)
    }
}

#[cfg(test)]
#[path = "head_tests.rs"]
mod tests;
