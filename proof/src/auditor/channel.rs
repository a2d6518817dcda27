//! `channel`: money at the payment channel moved as the journal says, and never twice.

use std::collections::{BTreeMap, HashMap};

use super::Found;
use super::asked::Asked;
use super::event::{Event, Move, Source};
use super::journal::Journal;
use super::lives::{Standing, Withdrawal};
use crate::history::{Answer, Channel, Fen, Request};

const CLAIM: &str = "channel";

/// What the channel did, by merchant.
pub(super) struct Flows<'a> {
    /// Amounts by withdrawal, in the order in which they went out.
    transfers: BTreeMap<&'a str, HashMap<&'a str, Vec<Fen>>>,
    /// What customers paid, by transaction: whom, for which order, and how much. A channel that contradicts itself may name several.
    payments: HashMap<&'a str, Vec<(&'a str, &'a str, Fen)>>,
    /// A channel that tells of payments tells of all.
    tells_payments: bool,
}

impl<'a> Flows<'a> {
    pub(super) fn of(channel: &'a Channel) -> Self {
        let mut transfers: BTreeMap<&str, HashMap<&str, Vec<Fen>>> = BTreeMap::new();
        for (merchant, withdrawal_no, amount) in &channel.transfers {
            let of = transfers.entry(merchant).or_default();
            of.entry(withdrawal_no).or_default().push(*amount);
        }
        let mut payments: HashMap<&str, Vec<(&str, &str, Fen)>> = HashMap::new();
        for (merchant, order_no, transaction_id, amount) in &channel.payments {
            let paid = payments.entry(transaction_id).or_default();
            paid.push((merchant, order_no, *amount));
        }
        let tells_payments = !channel.payments.is_empty();
        Self { transfers, payments, tells_payments }
    }

    /// Each transfer was made at most once, of a withdrawal that was sending, with its amount; those that succeeded by WeChat
    /// were made, those that failed or were rejected were not. What is credited by the channel's word was paid there, with the
    /// order's amount; a payment whose notice was acknowledged is credited or stands as a case.
    pub(super) fn judge(&mut self, journal: &Journal, asked: &Asked, found: &mut Found) {
        let transfers = self.transfers.remove(journal.merchant).unwrap_or_default();
        for withdrawal in &journal.withdrawals {
            let made = transfers.get(withdrawal.requested.withdrawal_no);
            transfer(journal, withdrawal, made.map_or(&[], Vec::as_slice), found);
        }
        for (withdrawal_no, amounts) in &transfers {
            if journal.withdrawal(withdrawal_no).is_none() {
                let what = format_args!(
                    "{amounts:?} fen went out for withdrawal {withdrawal_no}, which nobody recorded"
                );
                found.say(CLAIM, journal.merchant, what);
            }
        }
        if self.tells_payments {
            self.credited(journal, found);
            self.booked(journal, asked, found);
        }
    }

    /// Money that went out for merchants of whom nothing else is known.
    pub(super) fn judge_strangers(&self, found: &mut Found) {
        for (merchant, transfers) in &self.transfers {
            let what =
                format_args!("nobody asked anything of it, and money went out: {transfers:?}");
            found.say(CLAIM, merchant, what);
        }
    }

    fn paid(&self, transaction_id: &str) -> &[(&'a str, &'a str, Fen)] {
        self.payments.get(transaction_id).map_or(&[], Vec::as_slice)
    }

    fn credited(&self, journal: &Journal, found: &mut Found) {
        for (at, event) in (1..).zip(&journal.events) {
            let Some(Event::Paid(paid)) = event else { continue };
            if paid.source == Source::Hand {
                continue;
            }
            let (order_no, transaction_id) = (paid.order_no, paid.transaction_id);
            let real = self.paid(transaction_id);
            let amount = journal.order(order_no).map_or(paid.booked, |order| order.opened.amount);
            if !real.contains(&(journal.merchant, order_no, amount)) {
                let what = format_args!(
                    "seq {at} credits payment {transaction_id} of order {order_no} over {amount} fen; the channel has {real:?}"
                );
                found.say(CLAIM, journal.merchant, what);
            }
        }
    }

    fn booked(&self, journal: &Journal, asked: &Asked, found: &mut Found) {
        for (index, call) in &asked.calls {
            let Request::Pay { order_no, transaction_id, by_hand: false, .. } = &call.request
            else {
                continue;
            };
            let acknowledged = matches!(call.answer, Some((_, Answer::Done { .. })));
            let real = self.paid(transaction_id);
            if !acknowledged
                || !real
                    .iter()
                    .any(|(of, paid_for, _)| *of == journal.merchant && paid_for == order_no)
            {
                continue;
            }
            let booking = journal.transaction(transaction_id);
            let credited = booking.is_some_and(|(_, paid)| paid.order_no == order_no);
            if !credited && journal.cases(order_no, transaction_id).next().is_none() {
                let what = format_args!(
                    "{real:?} was paid as {transaction_id}, call {index} said so and was heard; it is neither credited nor a case"
                );
                found.say(CLAIM, journal.merchant, what);
            }
        }
    }
}

fn transfer(journal: &Journal, withdrawal: &Withdrawal, made: &[Fen], found: &mut Found) {
    let requested = &withdrawal.requested;
    let (number, amount) = (requested.withdrawal_no, requested.amount);
    let standing = withdrawal.standing(journal.end());
    let mut say = |what: &str| {
        let standing = standing.map(Standing::name);
        let what = format_args!(
            "withdrawal {number} of {amount} fen is {standing:?}, and {made:?} fen went out: {what}"
        );
        found.say(CLAIM, journal.merchant, what);
    };
    if made.len() > 1 {
        say("paid twice");
    }
    if made.iter().any(|made| *made != amount) {
        say("the amounts differ");
    }
    if !made.is_empty() && withdrawal.moved(Move::Sending).next().is_none() {
        say("no sending was recorded before");
    }
    match standing {
        Some(Standing::Succeeded) if requested.by_wechat && made.is_empty() => {
            say("nothing was paid out");
        }
        Some(Standing::Failed | Standing::Rejected) if !made.is_empty() => {
            say("returned and paid out");
        }
        Some(
            Standing::AwaitingApproval
            | Standing::Requested
            | Standing::Sending
            | Standing::Unknown
            | Standing::Succeeded
            | Standing::Failed
            | Standing::Rejected,
        )
        | None => {}
    }
}
