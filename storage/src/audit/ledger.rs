//! The sums of a merchant's ledger entries, and what they must come to.

use std::collections::BTreeMap;

use tally_actors::domain::entry::{LedgerAccount, entries};
use tally_actors::domain::event::Event;
use tally_actors::domain::head::Head;
use tally_actors::domain::money::{Balance, Money};

/// What each account was debited less what it was credited, in fen.
#[derive(Default)]
pub(super) struct Ledger(BTreeMap<LedgerAccount, i128>);

impl Ledger {
    /// Books an event's entries. `Err`: by how many fen its debits and credits differ.
    pub(super) fn book(&mut self, event: &Event) -> Result<(), i128> {
        let mut sum = 0;
        for entry in entries(event) {
            let side = fen(entry.debit_fen) - fen(entry.credit_fen);
            *self.0.entry(entry.account).or_default() += side;
            sum += side;
        }
        if sum == 0 { Ok(()) } else { Err(sum) }
    }

    /// The first account whose sum is not what the head says: its name, the sum, and what it should be.
    pub(super) fn difference(&self, head: &Head) -> Option<(&'static str, i128, i128)> {
        use LedgerAccount::{
            Adjustment, Available, Channel, Fee, InTransit, Pending, Refund, Suspense,
        };
        let out = fen(head.refunded) + fen(head.withdrawn);
        let balance = |balance: Balance| i128::from(balance.fen());
        let unbooked = fen(head.suspense) + fen(head.credited);
        let sum = |account| self.0.get(&account).copied().unwrap_or(0);
        [
            // What is held for refunds under way is still in the channel.
            ("channel", sum(Channel) + sum(Refund), fen(head.paid) - out + unbooked),
            ("adjustment", sum(Adjustment), balance(head.adjusted) - fen(head.credited)),
            ("suspense", sum(Suspense), -fen(head.suspense)),
            ("pending", sum(Pending), -fen(head.pending())),
            ("available", sum(Available), -i128::from(head.available.fen())),
            ("in_transit", sum(InTransit), -fen(head.in_transit)),
            ("fee", sum(Fee), -fen(head.fee)),
            ("refund", sum(Refund).max(0), 0),
        ]
        .into_iter()
        .find(|(_, sum, expected)| sum != expected)
    }
}

fn fen(amount: Money) -> i128 {
    i128::from(amount.fen())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{Shops, fen, full_life};

    #[test]
    fn every_account_must_come_to_what_the_head_says() {
        let run = Shops::new().run("shop1", full_life());
        let mut ledger = Ledger::default();
        for row in &run.rows {
            assert_eq!(ledger.book(row.event()), Ok(()));
        }
        assert_eq!(ledger.difference(&run.head), None);
        let one = fen(1);
        let head = || run.head.clone();
        for (account, head) in [
            ("channel", Head { paid: run.head.paid.plus(one).unwrap(), ..head() }),
            ("channel", Head { withdrawn: one, ..head() }),
            ("channel", Head { refunded: one, ..head() }),
            ("pending", Head { buckets: [].into(), ..head() }),
            ("available", Head { available: Balance::ZERO, ..head() }),
            ("in_transit", Head { in_transit: one, ..head() }),
            ("fee", Head { fee: Money::ZERO, ..head() }),
        ] {
            assert_eq!(ledger.difference(&head).map(|(name, ..)| name), Some(account));
        }
    }
}
