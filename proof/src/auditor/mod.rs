//! Judges a history. Shares no code with what it judges: it names no type of the engine, and is written from the design, not
//! from the rules as they are coded.
//!
//! | claim | what |
//! |---|---|
//! | `chain` | the journal is whole: no gap, no second row, each hash over all before it, no time that goes back |
//! | `conservation` | gross paid less refunds and fees is pending, available, in transit and withdrawn, after every event; the tables say the same |
//! | `durable` | what an answer acknowledged is in the journal |
//! | `nothing_unasked` | what is in the journal was asked for, by a call that was not told "no"; nothing is recorded twice |
//! | `answers_agree` | the same number gives the same thing, once as new; other content is no success |
//! | `linearizable` | the answers can be put in one order that keeps real time, each right where it stands |
//! | `settlements` | settlements are a partition of the paid orders, with exact sums and dates |
//! | `channel` | money at the channel moved as the journal says, and never twice |
//! | `limits` | no withdrawal beyond what is available or allowed; approval by another key |
//! | `refunds` | customers get back no more than they paid, merchants give exactly their part, and get it back when that fails |
//! | `states` | orders and withdrawals go only where the design lets them; cases tell the truth |
//! | `suspense` | money that fits no order's books is held once, leaves once and whole, and is nobody's in between |
//! | `adjustments` | what one admin asks for another decides, once, in the sum that was asked for |

mod adjustments;
mod agree;
mod asked;
mod bank_runs;
mod chain;
mod channel;
mod conservation;
mod day;
mod durable;
mod event;
mod journal;
mod limits;
mod linear;
mod lives;
mod own;
mod paid_back;
mod people;
mod refund;
mod refunding;
mod refunds;
mod refusals;
mod right;
mod settlements;
mod states;
mod sums;
mod suspense;
mod tables;
#[cfg(test)]
mod tests;
mod unasked;

use std::collections::BTreeMap;
use std::fmt;

use asked::Asked;
use journal::Journal;

use crate::history::{Call, History, Stored};

/// A claim that a history breaks, in words that name the merchant, the calls and the events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The claim, such as `conservation`.
    pub claim: &'static str,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.claim, self.what)
    }
}

/// All that is wrong with a history; empty: nothing.
pub fn judge(history: &History) -> Vec<Violation> {
    let nothing = Stored::default();
    let mut calls: BTreeMap<&str, Vec<(usize, &Call)>> =
        history.stored.keys().map(|merchant| (&**merchant, vec![])).collect();
    for (index, call) in history.calls.iter().enumerate() {
        calls.entry(&call.merchant).or_default().push((index, call));
    }
    let mut found = Found::default();
    let mut channel = channel::Flows::of(&history.channel);
    let mut returned = paid_back::Returned::of(&history.channel);
    for (merchant, calls) in calls {
        let stored = history.stored.get(merchant).unwrap_or(&nothing);
        let journal = Journal::read(merchant, stored);
        let asked = Asked::new(calls);
        chain::judge(&journal, &mut found);
        conservation::judge(&journal, &mut found);
        tables::judge(&journal, &mut found);
        settlements::judge(&journal, &mut found);
        limits::judge(&journal, &mut found);
        states::judge(&journal, history.freeze_on.as_deref(), &mut found);
        refunds::judge(&journal, &mut found);
        suspense::judge(&journal, &mut found);
        adjustments::judge(&journal, &mut found);
        durable::judge(&journal, &asked, &mut found);
        agree::judge(&journal, &asked, &mut found);
        let began = unasked::judge(&journal, &asked, history.acts_alone, &mut found);
        linear::judge(&journal, &asked, &began, &mut found);
        channel.judge(&journal, &asked, &mut found);
        returned.judge(&journal, &mut found);
    }
    channel.judge_strangers(&mut found);
    returned.judge_strangers(&mut found);
    found.0
}

/// What is found wrong.
#[derive(Debug, Default)]
struct Found(Vec<Violation>);

impl Found {
    /// A claim about a merchant is broken.
    fn say(&mut self, claim: &'static str, merchant: &str, what: fmt::Arguments<'_>) {
        self.0.push(Violation { claim, what: format!("merchant {merchant}: {what}") });
    }
}

/// A call in a message: its index in the history, what it asked, and what it heard.
struct Named<'a>(usize, &'a Call);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(index, Call { asked, request, answer, .. }) = self;
        match answer {
            Some((step, answer)) => write!(
                f,
                "call {index} (asked at step {asked}: {request:?}; answered at step {step}: {answer:?})"
            ),
            None => write!(f, "call {index} (asked at step {asked}: {request:?}; never answered)"),
        }
    }
}
