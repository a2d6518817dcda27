//! `channel`, of refunds: customers got back what the books say, and never twice.

use std::collections::BTreeMap;

use super::Found;
use super::journal::Journal;
use super::refund::{Place, Refund, State, Status};
use crate::history::{Channel, PaidBack};

const CLAIM: &str = "channel";

/// What the channel paid back, by merchant and number; `None`: it does not say.
pub(super) struct Returned<'a>(Option<BTreeMap<&'a str, BTreeMap<&'a str, Vec<&'a PaidBack>>>>);

impl<'a> Returned<'a> {
    pub(super) fn of(channel: &'a Channel) -> Self {
        let told = channel.refunds.as_ref().map(|refunds| {
            let mut by_merchant: BTreeMap<&str, BTreeMap<&str, Vec<&PaidBack>>> = BTreeMap::new();
            for paid in refunds {
                let of = by_merchant.entry(&paid.merchant).or_default();
                of.entry(&paid.refund_no).or_default().push(paid);
            }
            by_merchant
        });
        Self(told)
    }

    /// Each refund was paid back at most once, after it was sent, with its amount; those that succeeded were, those that failed
    /// were not. What the channel says it took is what the books took.
    pub(super) fn judge(&mut self, journal: &Journal, found: &mut Found) {
        let Some(all) = &mut self.0 else { return };
        let returned = all.remove(journal.merchant).unwrap_or_default();
        for refund in &journal.refunds {
            let made = returned.get(refund.refund_no);
            back(journal, refund, made.map_or(&[], Vec::as_slice), found);
        }
        for (refund_no, paid) in &returned {
            let own = paid.iter().any(|paid| !paid.by_hand);
            if own && journal.refund(refund_no).is_none() {
                let what =
                    format_args!("{paid:?} was paid back under {refund_no}, which nobody recorded");
                found.say(CLAIM, journal.merchant, what);
            }
        }
    }

    /// Money that customers of merchants got back of whom nothing else is known.
    pub(super) fn judge_strangers(&self, found: &mut Found) {
        for (merchant, paid) in self.0.iter().flatten() {
            let what = format_args!("nobody asked anything of it, and money went back: {paid:?}");
            found.say(CLAIM, merchant, what);
        }
    }
}

fn back(journal: &Journal, refund: &Refund, made: &[&PaidBack], found: &mut Found) {
    let Some(State { status, amount, booked, .. }) = refund.state(journal.end()) else { return };
    let number = refund.refund_no;
    let mut say = |what: &str| {
        let status = status.name();
        let what = format_args!(
            "refund {number} of {amount} fen, {booked} booked, is {status}, and {made:?} went back: {what}"
        );
        found.say(CLAIM, journal.merchant, what);
    };
    let by_wechat = journal.order(refund.order_no).is_some_and(|order| order.opened.by_wechat);
    if made.len() > 1 {
        say("paid back twice");
    }
    if made.iter().any(|paid| paid.order_no != refund.order_no) {
        say("of another order");
    }
    if !made.is_empty() && refund.wanted.is_some() && refund.sent.is_empty() {
        say("no sending was recorded before");
    }
    match status {
        Status::Succeeded if by_wechat && made.is_empty() => say("nothing was paid back"),
        Status::Succeeded => {
            // What went out of suspense has no part in the books of its order.
            let counts = refund.place != Place::Suspense;
            let took = |paid: &&PaidBack| counts && paid.booked.is_some_and(|took| took != booked);
            if made.iter().any(|paid| paid.amount != amount) {
                say("the amounts differ");
            }
            if made.iter().any(took) {
                say("the channel took another sum");
            }
        }
        Status::Failed if !made.is_empty() => say("given back to the merchant and paid back"),
        Status::Requested | Status::Sending | Status::Unknown | Status::Failed => {}
    }
}
