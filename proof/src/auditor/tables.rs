//! `conservation`, in the tables: what is stored beside the journal is what the journal says.

use std::collections::HashMap;
use std::fmt::Debug;

use super::Found;
use super::conservation::CLAIM;
use super::event::Event;
use super::journal::Journal;
use super::people::Word;
use super::refunding;
use super::right::{same_settlement, shows_order};
use crate::history::{Order, Refund, Settlement, Withdrawal};

/// The head's balances, and each row of the tables that people query: there is one for each thing of the journal, and it says
/// the same.
pub(super) fn judge(journal: &Journal, found: &mut Found) {
    let (end, stored) = (journal.end(), journal.stored);
    if let Some(head) = &stored.balance
        && !journal.sums[end].equal(head)
    {
        let what = format_args!("the head has {head:?}, the events give {:?}", journal.sums[end]);
        found.say(CLAIM, journal.merchant, what);
    }
    let table = |name, things| Table { journal, name, things };
    let orders = table("orders", journal.orders.len());
    orders.compare(&stored.orders, |(order, _)| &order.order_no, same_order, found);
    let settlements = table("settlements", journal.settlements.len());
    settlements.compare(&stored.settlements, |row| &row.settlement_no, same_made, found);
    let withdrawals = table("withdrawals", journal.withdrawals.len());
    withdrawals.compare(&stored.withdrawals, |row| &row.withdrawal_no, same_withdrawal, found);
    let same_refund = |journal: &Journal, row: &Refund| refunding::stands(journal, row, end);
    let refunds = table("refunds", journal.refunds.len());
    refunds.compare(&stored.refunds, |row| &row.refund_no, same_refund, found);
    let known = cases(journal);
    let same_case = |_: &Journal, (id, kind): &(String, &str)| known.get(&**id) == Some(kind);
    table("cases", known.len()).compare(&stored.cases, |(id, _)| id, same_case, found);
}

/// One table, and how many things of the journal it must have a row of.
struct Table<'a, 'b> {
    journal: &'a Journal<'b>,
    name: &'static str,
    things: usize,
}

impl Table<'_, '_> {
    fn compare<R: Debug>(
        self,
        rows: &[R],
        number: impl Fn(&R) -> &String,
        same: impl Fn(&Journal, &R) -> bool,
        found: &mut Found,
    ) {
        let Self { journal, name, things } = self;
        let mut seen = HashMap::with_capacity(rows.len());
        for row in rows {
            if let Some(before) = seen.insert(number(row), row) {
                let what = format_args!("{name} has two rows {before:?} and {row:?}");
                found.say(CLAIM, journal.merchant, what);
            }
            if !same(journal, row) {
                let what = format_args!("{name} has {row:?}, the journal has another or none");
                found.say(CLAIM, journal.merchant, what);
            }
        }
        if seen.len() != things {
            let rows = seen.len();
            let what = format_args!("{name} has {rows} rows, the journal {things} such things");
            found.say(CLAIM, journal.merchant, what);
        }
    }
}

fn same_order(journal: &Journal, (row, settlement_no): &(Order, Option<String>)) -> bool {
    let settled_by = journal.order(&row.order_no).and_then(|order| order.settled_by);
    let settlement = settled_by.map(|index| journal.settlements[index].settled.settlement_no);
    shows_order(journal, row, journal.end()) && settlement == settlement_no.as_deref()
}

fn same_made(journal: &Journal, row: &Settlement) -> bool {
    journal.settlement(&row.settlement_no).is_some_and(|made| same_settlement(made, row))
}

fn same_withdrawal(journal: &Journal, row: &Withdrawal) -> bool {
    journal.withdrawal(&row.withdrawal_no).is_some_and(|withdrawal| {
        let requested = &withdrawal.requested;
        withdrawal.standing(journal.end()).is_some_and(|now| now.name() == row.status)
            && requested.amount == row.amount
            && requested.settlement_no == row.settlement_no.as_deref()
    })
}

fn cases<'a>(journal: &'a Journal) -> HashMap<&'a str, &'a str> {
    let mut cases = HashMap::new();
    for event in journal.events.iter().flatten() {
        if let Event::Case(case) = event {
            cases.insert(case.case_id, case.kind);
        }
        if let Event::Word(Word::Raised { case_id, kind, .. }) = event {
            cases.insert(*case_id, *kind);
        }
    }
    cases
}
