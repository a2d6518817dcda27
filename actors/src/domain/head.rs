//! The head of a merchant: the fold of its journal into one row.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::chain::Link;
use super::event::Event;
use super::ids::MerchantId;
use super::money::{Balance, Money};
use super::rules::Rules;
use super::settlement::Bucket;
use super::time::{At, Day};

/// The version of the head's format that this binary knows.
pub const FORMAT: u8 = 1;

/// What a merchant asked for in one Beijing day and did not get back, in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requested {
    /// The day.
    pub day: Day,
    /// How much.
    pub amount: Money,
}

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
    /// What is paid and not yet settled, by the first day it may be. `None` sorts first: always due.
    pub buckets: BTreeMap<Option<Day>, Bucket>,
    /// The day's withdrawals so far.
    pub requested: Option<Requested>,
}

/// What of a head is kept in one blob beside the columns.
#[derive(Serialize, Deserialize)]
struct Kept<R> {
    rules: R,
    buckets: BTreeMap<Option<Day>, Bucket>,
    requested: Option<Requested>,
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
            buckets: BTreeMap::new(),
            requested: None,
        }
    }

    /// Paid, less refunds and fee, not yet settled.
    pub fn pending(&self) -> Money {
        let add = |sum: Option<Money>, bucket: &Bucket| sum?.plus(bucket.net()?);
        self.buckets.values().fold(Some(Money::ZERO), add).expect("no more than was paid")
    }

    /// The sums over all buckets that a settlement up to `through` moves.
    pub fn due(&self, through: Day) -> Bucket {
        let mut due = self.buckets.range(..=Some(through)).map(|(_, bucket)| bucket);
        due.try_fold(Bucket::default(), |sum, bucket| sum.with(bucket))
            .expect("no more than was paid")
    }

    /// What was asked for on `day` and did not come back.
    pub fn requested_on(&self, day: Day) -> Money {
        self.requested
            .filter(|requested| requested.day == day)
            .map_or(Money::ZERO, |requested| requested.amount)
    }

    /// Applies an event. Pure; touches the balances alone, so it needs no order or withdrawal at hand.
    pub fn apply(&mut self, event: &Event) -> Result<(), Broken> {
        self.fold(event).ok_or(Broken(event.kind()))
    }

    fn fold(&mut self, event: &Event) -> Option<()> {
        match event {
            Event::MerchantRegistered { .. } => return None,
            Event::RulesChanged { rules } => self.rules = Arc::new(rules.clone()),
            Event::OrderPaid { booked, fee, paid_seq, settle_on, .. } => {
                if *paid_seq != self.paid_orders.checked_add(1)? {
                    return None;
                }
                let one = Bucket {
                    orders: 1,
                    gross: *booked,
                    refunded: Money::ZERO,
                    fee: *fee,
                    first_paid_seq: *paid_seq,
                    last_paid_seq: *paid_seq,
                };
                one.net()?;
                let bucket = self.buckets.entry(*settle_on).or_default();
                *bucket = bucket.with(&one)?;
                self.paid_orders = *paid_seq;
                self.paid = self.paid.plus(*booked)?;
                self.fee = self.fee.plus(*fee)?;
            }
            Event::Settled { through, moved, .. } => {
                if self.due(*through) != *moved {
                    return None;
                }
                self.buckets.retain(|settle_on, _| *settle_on > Some(*through));
                self.available = self.available.plus(moved.net()?)?;
            }
            Event::WithdrawalRequested { amount, day, .. } => {
                self.available = self.available.minus(*amount)?;
                self.in_transit = self.in_transit.plus(*amount)?;
                let amount = self.requested_on(*day).plus(*amount)?;
                self.requested = Some(Requested { day: *day, amount });
            }
            Event::WithdrawalSucceeded { amount, .. } => {
                self.in_transit = self.in_transit.minus(*amount)?;
                self.withdrawn = self.withdrawn.plus(*amount)?;
            }
            Event::WithdrawalRejected { amount, day, .. }
            | Event::WithdrawalFailed { amount, day, .. } => {
                self.in_transit = self.in_transit.minus(*amount)?;
                self.available = self.available.plus(*amount)?;
                if let Some(requested) =
                    self.requested.as_mut().filter(|requested| requested.day == *day)
                {
                    requested.amount = requested.amount.minus(*amount)?;
                }
            }
            Event::OrderOpened { .. }
            | Event::OrderPrepaid { .. }
            | Event::OrderClosed { .. }
            | Event::OrderClosing { .. }
            | Event::WithdrawalApproved { .. }
            | Event::WithdrawalSending { .. }
            | Event::WithdrawalUnknown { .. }
            | Event::CaseOpened { .. } => {}
        }
        Some(())
    }

    /// The part of the head that is kept in one blob: rules, buckets and the day's withdrawals.
    pub fn encode_kept(&self) -> Vec<u8> {
        let kept =
            Kept { rules: &*self.rules, buckets: self.buckets.clone(), requested: self.requested };
        postcard::to_extend(&kept, Vec::with_capacity(96)).expect("a head is plain data")
    }

    /// Takes rules, buckets and the day's withdrawals from such a blob. `None` when it is damaged.
    pub fn with_kept(self, blob: &[u8]) -> Option<Self> {
        let (kept, rest) = postcard::take_from_bytes::<Kept<Rules>>(blob).ok()?;
        let Kept { rules, buckets, requested } = kept;
        rest.is_empty().then_some(Self { rules: Arc::new(rules), buckets, requested, ..self })
    }
}
