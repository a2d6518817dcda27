//! The comparison itself, pure: lines of a bill against payments of the journal. What it can't tell from these alone it hands on:
//! lines that the journal seems to lack are looked up by number, payments that the bill lacks may stand in the next day's.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use tally_actors::domain::case::CaseKind;
use tally_actors::domain::order::{Order, OrderStatus};
use tally_actors::domain::time::{At, Day};

use super::record::{Back, Line, Own, What};
use crate::limits::MIDNIGHT_MS;

/// A disagreement. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Difference {
    /// Of which kind.
    pub(crate) kind: CaseKind,
    /// The order's or transfer's number at WeChat.
    pub(crate) number: String,
    /// WeChat's number of the payment, or of the transfer.
    pub(crate) transaction_id: String,
    /// The refund's number, WeChat's or where the bill lacks it ours, where it is about one; the how-manieth, of what stands more than once; else nothing.
    pub(crate) part: String,
    /// What the bill says.
    pub(crate) bill_fen: Option<i64>,
    /// What the journal says, or what was agreed.
    pub(crate) own_fen: Option<i64>,
    /// When, as the bill or the journal has it.
    pub(crate) at: At,
    /// What is wrong, for people.
    pub(crate) what: String,
}

/// What a day comes to. Amounts in fen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sums {
    /// Lines of the bill.
    pub(crate) lines: u64,
    /// Payments of the journal, those that were carried to this day included.
    pub(crate) payments: u64,
    /// Payments that both have.
    pub(crate) matched: u64,
    /// Refunds that both have. Reports of before refunds were compared have none.
    #[serde(default)]
    pub(crate) refunds_matched: u64,
    /// What the bill's payments brought.
    pub(crate) bill_paid_fen: i64,
    /// What the bill's refunds took.
    pub(crate) bill_refunded_fen: i64,
    /// What the journal's payments brought.
    pub(crate) paid_fen: i64,
    /// What WeChat charged, less what it gave back.
    pub(crate) bill_charge_fen: i64,
    /// What it should have charged by the agreed rate, line by line.
    pub(crate) agreed_charge_fen: i64,
}

/// What came of a comparison.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    /// What is certainly wrong.
    pub(crate) differences: Vec<Difference>,
    /// Payments of the bill that are to be looked up in the books.
    pub(crate) lacking: Vec<Line>,
    /// Payments of the journal that the bill does not have.
    pub(crate) missing: Vec<Own>,
    /// Refunds of the bill, which are to be looked up in the books.
    pub(crate) refunds: Vec<(Line, Back)>,
    /// What it adds up to.
    pub(crate) sums: Sums,
}

/// What is to be thought of a line or a payment whose counterpart was not beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Both have it.
    Matched,
    /// Both have it, on different sides of midnight, or it may be so.
    Carried,
    /// They disagree.
    Differs(Difference),
}

/// WeChat's charge by a rate in hundredths of a percent, half up.
pub(crate) fn charge(fen: i64, basis_points: u16) -> i64 {
    let exact = i128::from(fen) * i128::from(basis_points);
    i64::try_from((exact + 5_000).div_euclid(10_000)).unwrap_or(i64::MAX)
}

/// Compares lines with payments: all of both that name the same orders.
pub(crate) fn compare(lines: Vec<Line>, own: Vec<Own>, basis_points: u16) -> Compared {
    let mut done = Compared::default();
    let mut known: HashMap<(String, String), (Own, u32)> = HashMap::with_capacity(own.len());
    for own in own {
        let key = (own.out_trade_no.clone(), own.transaction_id.clone());
        // A payment that is told of twice, by the journal and the pool, is one.
        if let std::collections::hash_map::Entry::Vacant(place) = known.entry(key) {
            done.sums.payments += 1;
            done.sums.paid_fen += own.fen;
            place.insert((own, 0));
        }
    }
    let mut lacking: HashMap<(String, String), u32> = HashMap::new();
    for line in lines {
        done.count(&line, basis_points);
        if let What::Refunded(back) = &line.what {
            let back = back.clone();
            done.refunds.push((line, back));
            continue;
        }
        let key = (line.out_trade_no.clone(), line.transaction_id.clone());
        let revoked = line.what == What::Revoked;
        match known.get_mut(&key) {
            Some((own, seen)) => {
                *seen += 1;
                let differs = if revoked {
                    let what = "WeChat took the payment back, the journal has it as paid";
                    Some(line.differs(CaseKind::BillStatus, Some(own.fen), what))
                } else if *seen > 1 {
                    Some(line.again(*seen))
                } else {
                    done.sums.matched += 1;
                    amount(&line, own.fen, own.held)
                };
                done.differences.extend(differs);
            }
            None if revoked => {}
            None => {
                let seen = lacking.entry(key).or_default();
                *seen += 1;
                if *seen > 1 {
                    done.differences.push(line.again(*seen));
                } else {
                    done.lacking.push(line);
                }
            }
        }
    }
    let rest = known.into_values().filter(|(_, seen)| *seen == 0).map(|(own, _)| own);
    done.missing.extend(rest);
    done.missing.sort_by(|a, b| a.out_trade_no.cmp(&b.out_trade_no));
    done
}

/// What is to be thought of a line of a day's bill that the journal of that day lacks, with the order that it names.
pub(crate) fn lacking(line: &Line, day: Day, order: Option<&Order>) -> Verdict {
    let Some(order) = order else {
        let what = "no order of that number is known here";
        return Verdict::Differs(line.differs(CaseKind::BillOnly, None, what));
    };
    let Some(payment) = &order.payment else {
        let what = match order.status {
            OrderStatus::Open => "WeChat has it as paid, here it is open",
            OrderStatus::Closed | OrderStatus::Paid => "WeChat has it as paid, here it is closed",
        };
        return Verdict::Differs(line.differs(CaseKind::BillStatus, Some(0), what));
    };
    if payment.transaction_id.as_str() != line.transaction_id {
        let what = "the order is paid by another payment, and of this one nothing is known here";
        return Verdict::Differs(line.differs(CaseKind::BillOnly, None, what));
    }
    let booked = i64::try_from(payment.booked.fen()).unwrap_or(i64::MAX);
    let differs = amount(line, booked, false);
    let theirs = At::from_ms(line.at_ms);
    match differs {
        Some(differs) => Verdict::Differs(differs),
        None if payment.paid_at.day() == day => Verdict::Matched,
        None if near(payment.paid_at, day) && near(theirs, day) => Verdict::Carried,
        None => {
            let what = format!("WeChat has it on this day, the journal at {}", payment.paid_at);
            Verdict::Differs(line.differs(CaseKind::BillStatus, Some(booked), &what))
        }
    }
}

/// What is to be thought of a payment of a day that the day's bill lacks. `beside`: a neighbouring day's bill had it.
pub(crate) fn missing(own: &Own, day: Day, beside: bool) -> Verdict {
    if beside {
        return Verdict::Matched;
    }
    if !own.carried && ends_late(At::from_ms(own.at_ms), day) {
        return Verdict::Carried;
    }
    let what = if own.carried {
        "neither the bill of its day nor the next one has it"
    } else {
        "the journal has it, the bill does not"
    };
    Verdict::Differs(Difference {
        kind: CaseKind::JournalOnly,
        number: own.out_trade_no.clone(),
        transaction_id: own.transaction_id.clone(),
        part: String::new(),
        bill_fen: None,
        own_fen: Some(own.fen),
        at: At::from_ms(own.at_ms),
        what: what.into(),
    })
}

const DAY_MS: i64 = 86_400_000;

/// When a Beijing day begins, in milliseconds since 1970.
pub(crate) fn midnight(day: Day) -> i64 {
    i64::from(day.days()) * DAY_MS - 8 * 3_600_000
}

/// Whether it was in the last minutes of a day.
pub(crate) fn ends_late(at: At, day: Day) -> bool {
    let end = midnight(day) + DAY_MS;
    (end - MIDNIGHT_MS..end).contains(&at.ms())
}

/// Whether it was within minutes of one of the midnights around a day.
fn near(at: At, day: Day) -> bool {
    let begins = midnight(day);
    [begins, begins + DAY_MS].iter().any(|midnight| (at.ms() - midnight).abs() <= MIDNIGHT_MS)
}

/// Whether a line and what the journal has name different amounts.
fn amount(line: &Line, fen: i64, held: bool) -> Option<Difference> {
    let theirs = if held { line.total_fen } else { line.booked_fen };
    let differs = line.differs(CaseKind::BillAmount, Some(fen), "the amounts differ");
    (theirs != fen).then_some(Difference { bill_fen: Some(theirs), ..differs })
}

impl Line {
    /// That the bill's line is wrong, or what the journal has of it.
    pub(crate) fn differs(&self, kind: CaseKind, own_fen: Option<i64>, what: &str) -> Difference {
        Difference {
            kind,
            number: self.out_trade_no.clone(),
            transaction_id: self.transaction_id.clone(),
            part: String::new(),
            bill_fen: Some(self.booked_fen),
            own_fen,
            at: At::from_ms(self.at_ms),
            what: what.into(),
        }
    }

    fn again(&self, seen: u32) -> Difference {
        let what = "the bill has this payment more than once";
        let differs = self.differs(CaseKind::BillOnly, None, what);
        Difference { part: seen.to_string(), ..differs }
    }
}

impl Compared {
    /// Adds a line to the sums, and looks at WeChat's charge on it.
    fn count(&mut self, line: &Line, basis_points: u16) {
        let sums = &mut self.sums;
        sums.lines += 1;
        sums.bill_charge_fen += line.charge_fen;
        let back = matches!(line.what, What::Refunded(_));
        let size = charge(line.booked_fen, basis_points);
        let agreed = if back { -size } else { size };
        sums.agreed_charge_fen += agreed;
        match line.what {
            What::Paid => sums.bill_paid_fen += line.booked_fen,
            What::Refunded(_) => sums.bill_refunded_fen += line.booked_fen,
            What::Revoked => {}
        }
        // What comes back with a part of a payment is rounded so that all parts come to the whole charge. The line does not tell
        // which parts came before, and by them a part is a fen more or less than the rate of it, and never two.
        let off = (line.charge_fen - agreed).abs();
        if line.what == What::Revoked || off == 0 || back && off == 1 {
            return;
        }
        let part = match &line.what {
            What::Refunded(back) => back.refund_id.clone(),
            What::Paid | What::Revoked => String::new(),
        };
        let what = "WeChat's charge is not the agreed one";
        let differs = line.differs(CaseKind::BillFee, Some(agreed), what);
        self.differences.push(Difference { part, bill_fen: Some(line.charge_fen), ..differs });
    }
}

impl Sums {
    /// Both together.
    pub(crate) fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.payments += other.payments;
        self.matched += other.matched;
        self.refunds_matched += other.refunds_matched;
        self.bill_paid_fen += other.bill_paid_fen;
        self.bill_refunded_fen += other.bill_refunded_fen;
        self.paid_fen += other.paid_fen;
        self.bill_charge_fen += other.bill_charge_fen;
        self.agreed_charge_fen += other.agreed_charge_fen;
    }
}

#[cfg(test)]
#[path = "compare_tests.rs"]
mod tests;
