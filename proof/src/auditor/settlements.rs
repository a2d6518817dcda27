//! `settlements`: a partition of the paid orders, with exact sums and dates.

use super::Found;
use super::day;
use super::event::{Event, Paid};
use super::journal::Journal;
use super::lives::{Order, Point, Settlement};
use super::right::settles_all;

const CLAIM: &str = "settlements";

/// Each payment has the next `paid_seq` and the day that its rules give it. Each settlement takes exactly the orders of
/// `design.md` 3.4 that none took before, once each, with their sums: so settlements are a partition. Which order the tables
/// count to which settlement is compared in `tables`.
///
/// Whether a settlement took what was not yet due hangs on the clock that its message had. Of that one thing is certain: the
/// event's `at` is the clock's reading or, where that is earlier, the `at` of the event before. So the day it took is never
/// after the Beijing day of its `at`, and is that day when its `at` is later than the one before.
pub(super) fn judge(journal: &Journal, found: &mut Found) {
    let mut paid_seq = 0;
    for at in 1..=journal.end() {
        if let Some(Event::Paid(paid)) = journal.event(at) {
            paid_seq += 1;
            payment(journal, paid, (at, paid_seq), found);
        }
    }
    for settlement in &journal.settlements {
        sums(journal, settlement, found);
        due(journal, settlement, found);
    }
    for order in &journal.orders {
        by_the_rule(journal, order, found);
    }
}

fn payment(journal: &Journal, paid: &Paid, (at, paid_seq): (Point, u64), found: &mut Found) {
    if paid.paid_seq != paid_seq {
        let what =
            format_args!("seq {at} has paid_seq {}, it is payment {paid_seq}", paid.paid_seq);
        found.say(CLAIM, journal.merchant, what);
    }
    let Some(terms) = journal.terms(at) else { return };
    let days = terms.rules.settle_after_days;
    let right = days.map(|days| day::plus(day::of_ms(paid.paid_at_ms), days));
    if paid.settle_on != right {
        let (order, told) = (paid.order_no, paid.settle_on);
        let what = format_args!(
            "seq {at} lets order {order} be settled on day {told:?}, T+{days:?} is day {right:?}"
        );
        found.say(CLAIM, journal.merchant, what);
    }
}

fn sums(journal: &Journal, Settlement { settled, at, took }: &Settlement, found: &mut Found) {
    let (number, moved) = (settled.settlement_no, &settled.moved);
    if moved != took {
        let what =
            format_args!("settlement {number} (seq {at}) has {moved:?}, its orders {took:?}");
        found.say(CLAIM, journal.merchant, what);
    }
    if moved.orders == 0 {
        let what = format_args!("settlement {number} (seq {at}) settles nothing");
        found.say(CLAIM, journal.merchant, what);
    }
}

fn due(journal: &Journal, Settlement { settled, at, .. }: &Settlement, found: &mut Found) {
    let (number, through) = (settled.settlement_no, settled.through);
    if settled.include_not_due || settles_all(journal, *at) {
        let left = journal.sums[*at].unsettled;
        if left > 0 {
            let what = format_args!("settlement {number} (seq {at}) leaves {left} due orders");
            found.say(CLAIM, journal.merchant, what);
        }
    } else if let Some(wrong) = wrong_day(journal, *at, *at, through) {
        let what = format_args!("settlement {number} (seq {at}) is through day {through}, {wrong}");
        found.say(CLAIM, journal.merchant, what);
    }
}

/// Why a message whose events begin at `first` can't have read this day off its clock for its event at `at`.
pub(super) fn wrong_day(
    journal: &Journal,
    first: Point,
    at: Point,
    taken: day::Day,
) -> Option<String> {
    let stored = &journal.stored.journal;
    let now = stored.get(at.checked_sub(1)?)?.at_ms;
    let before = first.checked_sub(2).and_then(|before| stored.get(before));
    let day = day::of_ms(now);
    let exact = before.is_none_or(|before| before.at_ms < now);
    if taken > day {
        Some(format!("and its clock said no day after {day}"))
    } else if exact && taken != day {
        Some(format!("and its clock said day {day}"))
    } else {
        None
    }
}

/// An order is in the first settlement whose date is not before its own and whose last `paid_seq` is not before its own. That
/// is what readers go by; it must be the one that took it.
fn by_the_rule(journal: &Journal, order: &Order, found: &mut Found) {
    let Some((_, paid)) = &order.paid else { return };
    let takes = |made: &Settlement| {
        paid.settle_on.is_none_or(|day| day <= made.settled.through)
            && paid.paid_seq <= made.settled.moved.last_paid_seq
    };
    // One from before the payment names lower `paid_seq` only, or its sums are wrong already.
    let later = journal.settlements.partition_point(|made| Some(made.at) < order.paid_at());
    let by_rule = journal.settlements[later..].iter().find(|made| takes(made));
    let taken_by = order.settled_by.map(|index| &journal.settlements[index]);
    let number = |made: Option<&Settlement>| made.map(|made| made.at);
    if number(by_rule) != number(taken_by) {
        let what = format_args!(
            "order {} is in the settlement of seq {:?}, by the rule in that of seq {:?}",
            order.opened.order_no,
            number(taken_by),
            number(by_rule),
        );
        found.say(CLAIM, journal.merchant, what);
    }
}
