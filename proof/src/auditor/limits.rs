//! `limits`: nobody takes out more than there is, or than the rules allow.

use std::collections::HashMap;
use std::fmt::Arguments;

use super::Found;
use super::event::{Event, Move, Requested, Terms};
use super::journal::Journal;
use super::lives::{Point, Withdrawal};
use super::refusals::WECHAT_MIN;
use super::settlements::wrong_day;

const CLAIM: &str = "limits";

/// Each withdrawal takes what was asked for, and no more than is available then; it keeps the rules then in force; it counts
/// against the day of its message; one that needs approval is approved by another key than the one that asked.
pub(super) fn judge(journal: &Journal, found: &mut Found) {
    let merchant = journal.merchant;
    let mut say = |what: Arguments| found.say(CLAIM, merchant, what);
    let mut days: HashMap<i64, i128> = HashMap::new();
    for at in 1..=journal.end() {
        match journal.event(at) {
            Some(Event::Requested(requested)) => {
                let day = days.entry(requested.day).or_default();
                *day += i128::from(requested.amount);
                request(journal, requested, at, &mut say);
                if let Some(terms) = journal.terms(at) {
                    within(terms, requested, (at, *day), &mut say);
                }
            }
            Some(Event::Moved(moved)) if matches!(moved.how, Move::Failed | Move::Rejected) => {
                if let Some(withdrawal) = journal.withdrawal(moved.withdrawal_no) {
                    let requested = &withdrawal.requested;
                    *days.entry(requested.day).or_default() -= i128::from(requested.amount);
                }
            }
            Some(
                Event::Terms { .. }
                | Event::Opened(_)
                | Event::Step { .. }
                | Event::Paid(_)
                | Event::Settled(_)
                | Event::Moved(_)
                | Event::Case(_)
                | Event::Word(_)
                | Event::Refund(_),
            )
            | None => {}
        }
    }
    for withdrawal in &journal.withdrawals {
        approval(withdrawal, &mut say);
    }
}

fn request(journal: &Journal, requested: &Requested, at: Point, say: &mut impl FnMut(Arguments)) {
    let &Requested { withdrawal_no, amount, .. } = requested;
    let available = journal.sums[at - 1].available;
    if i128::from(amount) > available.max(0) {
        say(format_args!(
            "withdrawal {withdrawal_no} (seq {at}) takes {amount} fen, {available} fen are available"
        ));
    }
    let asked = requested.asked.map_or(available, i128::from);
    if i128::from(amount) != asked || amount <= 0 {
        say(format_args!(
            "withdrawal {withdrawal_no} (seq {at}) takes {amount} fen, asked for are {asked} fen"
        ));
    }
    let first = match (requested.settlement_no, journal.event(at - 1)) {
        (None, _) => at,
        (Some(number), Some(Event::Settled(settled))) if settled.settlement_no == number => at - 1,
        (Some(number), _) => {
            say(format_args!(
                "withdrawal {withdrawal_no} (seq {at}) names settlement {number}, not made before it"
            ));
            at
        }
    };
    if let Some(wrong) = wrong_day(journal, first, at, requested.day) {
        let day = requested.day;
        say(format_args!(
            "withdrawal {withdrawal_no} (seq {at}) counts against day {day}, {wrong}"
        ));
    }
}

/// Whether a request keeps the rules; `day` is what was asked for on its day so far, itself included.
fn within(
    Terms { rules, pays_out }: &Terms,
    requested: &Requested,
    (at, day): (Point, i128),
    say: &mut impl FnMut(Arguments),
) {
    let &Requested { withdrawal_no, amount, by_wechat, needs_approval, .. } = requested;
    let mut fault = |what: &str, limit: i64| {
        say(format_args!(
            "withdrawal {withdrawal_no} (seq {at}) of {amount} fen, {day} fen that day: {what} {limit}"
        ));
    };
    let method = if by_wechat { WECHAT_MIN } else { 0 };
    let min = rules.withdrawal_min.unwrap_or(0).max(method);
    if amount < min {
        fault("the smallest is", min);
    }
    if let Some(max) = rules.withdrawal_max.filter(|max| amount > *max) {
        fault("the largest is", max);
    }
    if let Some(max) = rules.daily_max.filter(|max| day > i128::from(*max)) {
        fault("the most of a day is", max);
    }
    if needs_approval != rules.approval_over.is_some_and(|over| amount > over) {
        let over = rules.approval_over.unwrap_or(i64::MAX);
        fault(if needs_approval { "approval is only over" } else { "no approval, over" }, over);
    }
    if !pays_out || by_wechat != rules.payout_by_wechat {
        say(format_args!("withdrawal {withdrawal_no} (seq {at}) is not paid out as the rules say"));
    }
}

fn approval(withdrawal: &Withdrawal, say: &mut impl FnMut(Arguments)) {
    let Requested { withdrawal_no, asked_by, needs_approval, .. } = withdrawal.requested;
    if let Some((at, by)) = withdrawal.approved_by.filter(|(_, by)| *by == asked_by) {
        say(format_args!("{by} approves its own withdrawal {withdrawal_no} (seq {at})"));
    }
    let approved = withdrawal.approved_by.map(|(at, _)| at);
    let out = withdrawal.moves.iter().find(|(_, how)| {
        matches!(how, Move::Sending | Move::InRun | Move::Unknown | Move::Succeeded)
    });
    if needs_approval
        && let Some((at, how)) = out
        && approved.is_none_or(|approved| approved > *at)
    {
        say(format_args!("withdrawal {withdrawal_no} is {how:?} at seq {at} and not approved"));
    }
}
