//! Holds what was acknowledged against a merchant's books, in both directions.

use std::collections::HashMap;

use super::books::Books;
use super::ledger::{Key, Ledger};
use super::traffic::{MERCHANTS, RULES, What, transaction_of};

/// Settlements of one merchant that the settler may have made: one a day where the rules name a number of days, and a run may see
/// two days. The auditor judges each by its key.
const SETTLED_BY_ITSELF_MAX: usize = 2;

impl Ledger {
    /// Holds the ledger against a merchant's books: nothing acknowledged is missing, and nothing is there that was not
    /// acknowledged, so call it when no call that may have been taken is unknown.
    pub fn faults_of(&self, books: &Books) -> Vec<String> {
        let mut faults = self.missing(books);
        faults.extend(self.unasked(books));
        faults
    }

    /// What was acknowledged and is not in the books. Calls may be unknown.
    pub fn missing(&self, books: &Books) -> Vec<String> {
        let of = |key: &Key| key.0 == books.merchant;
        let mut faults = vec![];
        let mut missing = |what: &str, key: &Key| faults.push(format!("{what} {key:?} is lost"));
        let orders: HashMap<_, _> = books.orders.iter().map(|o| (o.order_no.as_str(), o)).collect();
        for (key, amount) in self.opened.iter().filter(|(key, _)| of(key)) {
            match orders.get(key.1.as_str()) {
                Some(order) if order.amount_fen == *amount => {}
                _ => missing("order", key),
            }
        }
        for (key, _) in self.paid.iter().filter(|(key, _)| of(key)) {
            let transaction = Some(transaction_of(&key.1));
            match orders.get(key.1.as_str()) {
                Some(order) if order.status == "paid" && order.transaction_id == transaction => {}
                _ => missing("payment of", key),
            }
        }
        for (key, ()) in self.closed.iter().filter(|(key, ())| of(key)) {
            match orders.get(key.1.as_str()) {
                Some(order) if order.status == "closed" => {}
                _ => missing("closing of", key),
            }
        }
        let settlements: HashMap<_, _> = books
            .settlements
            .iter()
            .map(|(s, listed, _)| (s.settlement_no.as_str(), listed))
            .collect();
        for (key, answer) in self.settled.iter().filter(|(key, _)| of(key)) {
            if settlements.get(key.1.as_str()) != Some(&answer) {
                missing("settlement", key);
            }
        }
        let withdrawals: HashMap<_, _> =
            books.withdrawals.iter().map(|w| (w.withdrawal_no.as_str(), w)).collect();
        for (key, amount) in self.withdrawn.iter().filter(|(key, _)| of(key)) {
            let expected = match self.confirmed.get(key) {
                None if self.may_be_confirmed(key) => None,
                None => Some("requested"),
                Some(true) => Some("succeeded"),
                Some(false) => Some("failed"),
            };
            match withdrawals.get(key.1.as_str()) {
                Some(found)
                    if found.amount_fen == *amount
                        && expected.is_none_or(|expected| found.status == expected) => {}
                _ => missing("withdrawal", key),
            }
        }
        let refunds: HashMap<_, _> =
            books.refunds.iter().map(|r| (r.refund_no.as_str(), r)).collect();
        for (key, (order_no, amount)) in self.refunded.iter().filter(|(key, _)| of(key)) {
            match refunds.get(key.1.as_str()) {
                Some(found)
                    if (&found.order_no, found.amount_fen) == (order_no, *amount)
                        && found.status == "succeeded" => {}
                _ => missing("refund", key),
            }
        }
        faults
    }

    /// Whether somebody asked to confirm a withdrawal and got no answer.
    fn may_be_confirmed(&self, (merchant, number): &Key) -> bool {
        self.unknown.iter().any(|call| {
            let confirms = |no: &String| call.merchant == *merchant && no == number;
            matches!(&call.what, What::Confirm { withdrawal_no, .. } if confirms(withdrawal_no))
        })
    }

    /// What is in the books although nobody got an answer about it, and nothing is unknown any more.
    fn unasked(&self, books: &Books) -> Vec<String> {
        let mut faults = vec![];
        let key = |number: &str| (books.merchant, number.to_owned());
        for order in &books.orders {
            let no = key(&order.order_no);
            if !self.opened.contains_key(&no) {
                faults.push(format!("nobody asked for order {no:?}"));
            }
            if order.status == "paid" && !self.paid.contains_key(&no) {
                faults.push(format!("nobody paid order {no:?}"));
            }
        }
        for withdrawal in &books.withdrawals {
            let no = key(&withdrawal.withdrawal_no);
            if !self.withdrawn.contains_key(&no) {
                faults.push(format!("nobody asked for withdrawal {no:?}"));
            }
        }
        for refund in &books.refunds {
            let no = key(&refund.refund_no);
            if !self.refunded.contains_key(&no) {
                faults.push(format!("nobody asked for refund {no:?}"));
            }
        }
        let unnamed = books.settlements.iter();
        let unnamed =
            unnamed.filter(|(s, _, _)| !self.settled.contains_key(&key(&s.settlement_no))).count();
        let has_days = MERCHANTS
            .iter()
            .zip(RULES)
            .any(|(of, (_, days))| *of == books.merchant && days.is_some());
        let by_itself = if has_days { SETTLED_BY_ITSELF_MAX } else { 0 };
        if unnamed > self.settled_first + by_itself {
            faults.push(format!(
                "{unnamed} settlements of {} were not asked for; {} withdrawals settled first",
                books.merchant, self.settled_first
            ));
        }
        faults
    }
}
