//! Faults on demand: which calls go wrong, how, and how often. The same seed gives the same draws.

use serde::{Deserialize, Serialize};

/// What a fault befalls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Login,
    UnifiedOrder,
    OrderQuery,
    CloseOrder,
    Refund,
    RefundQuery,
    Transfer,
    TransferQuery,
    TradeBill,
    FundFlow,
    Notice,
    RefundNotice,
}

/// How it goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// A call: hangs, does nothing, and breaks off.
    TimeOut,
    /// A call: does nothing and says SYSTEMERROR (a login: busy).
    SystemError,
    /// A call: does it, and breaks off instead of answering.
    AnswerLost,
    /// A transfer: fails for good, and says SEND_FAILED.
    Failed,
    /// A refund: is not taken, and says NOTENOUGH.
    NotEnough,
    /// A refund: is taken, and ends as CHANGE.
    Changed,
    /// A refund: is taken, and ends as REFUNDCLOSE.
    Closed,
    /// A bill: ends in the middle of a line.
    CutOff,
    /// A line of a bill: is not there.
    LineMissing,
    /// A line of a bill: is there twice.
    LineDoubled,
    /// A line of a bill: has an amount of one fen more.
    LineAltered,
    /// A notice: this try is not sent.
    Lost,
    /// A notice: sent twice at once.
    Doubled,
    /// A notice: sent later.
    Late,
    /// A notice: sent after the next one, or later where none comes.
    OutOfOrder,
}

impl Fault {
    /// Whether it befalls single lines of a bill.
    fn is_of_lines(self) -> bool {
        matches!(self, Self::LineMissing | Self::LineDoubled | Self::LineAltered)
    }
}

/// One line of the plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rule {
    on: Kind,
    fault: Fault,
    /// How often, in a thousand.
    per_mille: u16,
}

/// The plan, as the control API takes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    /// Where the draws begin.
    #[serde(default)]
    seed: u64,
    /// How late a late notice is, in milliseconds.
    #[serde(default = "late_ms")]
    pub(crate) late_ms: u64,
    #[serde(default)]
    faults: Vec<Rule>,
}

fn late_ms() -> u64 {
    2_000
}

impl Default for Plan {
    fn default() -> Self {
        Self { seed: 0, late_ms: late_ms(), faults: Vec::new() }
    }
}

impl Plan {
    /// Why the plan makes no sense.
    pub(crate) fn problem(&self) -> Option<String> {
        let bad = self.faults.iter().find(|rule| {
            let of_notice = matches!(rule.on, Kind::Notice | Kind::RefundNotice);
            let of_bill = matches!(rule.on, Kind::TradeBill | Kind::FundFlow);
            let fits = match rule.fault {
                Fault::TimeOut | Fault::SystemError | Fault::AnswerLost => !of_notice,
                Fault::Failed => rule.on == Kind::Transfer,
                Fault::NotEnough | Fault::Changed | Fault::Closed => rule.on == Kind::Refund,
                Fault::CutOff | Fault::LineMissing | Fault::LineDoubled | Fault::LineAltered => {
                    of_bill
                }
                Fault::Lost | Fault::Doubled | Fault::Late | Fault::OutOfOrder => of_notice,
            };
            !fits || rule.per_mille > 1_000
        })?;
        Some(format!(
            "faults: {:?} on {:?} with per_mille {} does not exist; calls have time_out, system_error, answer_lost \
             (transfer also failed, refund not_enough, changed, closed, trade_bill and fund_flow cut_off, line_missing, \
             line_doubled, line_altered), notice and refund_notice have lost, doubled, late, out_of_order; per_mille is 0 to \
             1000",
            bad.fault, bad.on, bad.per_mille
        ))
    }
}

/// The plan at work.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    plan: Plan,
    state: u64,
}

impl Faults {
    pub(crate) fn set(&mut self, plan: Plan) {
        self.state = plan.seed;
        self.plan = plan;
    }

    pub(crate) fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Whether this one goes wrong. The first rule that hits wins.
    pub(crate) fn draw(&mut self, on: Kind) -> Option<Fault> {
        for at in 0..self.plan.faults.len() {
            let rule = self.plan.faults[at];
            if rule.on == on
                && !rule.fault.is_of_lines()
                && self.next() % 1_000 < u64::from(rule.per_mille)
            {
                return Some(rule.fault);
            }
        }
        None
    }

    /// Whether the line of a bill that is about `number` goes wrong: drawn from its number, so that a bill that is fetched
    /// again is the same.
    pub(crate) fn of_line(&self, on: Kind, number: &str) -> Option<Fault> {
        let seed = number.bytes().fold(self.plan.seed, |seed, byte| mixed(seed ^ u64::from(byte)));
        let mut rules = (1..).zip(&self.plan.faults);
        let hit = rules.find(|(place, rule)| {
            rule.on == on
                && rule.fault.is_of_lines()
                && mixed(seed.wrapping_add(*place)) % 1_000 < u64::from(rule.per_mille)
        });
        hit.map(|(_, rule)| rule.fault)
    }

    fn next(&mut self) -> u64 {
        let drawn = mixed(self.state);
        self.state = self.state.wrapping_add(STEP);
        drawn
    }
}

const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// SplitMix64.
fn mixed(state: u64) -> u64 {
    let mut z = state.wrapping_add(STEP);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(seed: u64, on: Kind, fault: Fault, per_mille: u16) -> Plan {
        Plan { seed, late_ms: 0, faults: vec![Rule { on, fault, per_mille }] }
    }

    fn hits(seed: u64, per_mille: u16) -> Vec<bool> {
        let mut faults = Faults::default();
        faults.set(plan(seed, Kind::Login, Fault::SystemError, per_mille));
        (0..1_000).map(|_| faults.draw(Kind::Login).is_some()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_faults_as_often_as_asked() {
        assert_eq!(hits(7, 300), hits(7, 300));
        assert_ne!(hits(7, 300), hits(8, 300));
        let count = |per_mille| hits(7, per_mille).into_iter().filter(|hit| *hit).count();
        assert_eq!((count(0), count(1_000)), (0, 1_000));
        assert!((200..400).contains(&count(300)));
    }

    #[test]
    fn a_line_of_a_bill_goes_wrong_each_time_or_never_and_as_often_as_asked() {
        let mut faults = Faults::default();
        faults.set(plan(7, Kind::TradeBill, Fault::LineMissing, 300));
        let lines = |faults: &Faults| -> Vec<bool> {
            let hit = |n| faults.of_line(Kind::TradeBill, &format!("m1-A{n:04}")).is_some();
            (0..1_000).map(hit).collect()
        };
        let first = lines(&faults);
        assert_eq!(lines(&faults), first);
        assert!((200..400).contains(&first.iter().filter(|hit| **hit).count()));
        assert_eq!(
            (faults.draw(Kind::TradeBill), faults.of_line(Kind::FundFlow, "a")),
            (None, None)
        );
    }

    #[test]
    fn a_fault_that_does_not_exist_is_refused() {
        for (on, fault, per_mille, good) in [
            (Kind::Login, Fault::TimeOut, 1_000, true),
            (Kind::Login, Fault::TimeOut, 1_001, false),
            (Kind::Login, Fault::Lost, 1, false),
            (Kind::Notice, Fault::Late, 1, true),
            (Kind::Notice, Fault::SystemError, 1, false),
            (Kind::Transfer, Fault::Failed, 1, true),
            (Kind::CloseOrder, Fault::Failed, 1, false),
            (Kind::Refund, Fault::Closed, 1, true),
            (Kind::RefundQuery, Fault::Closed, 1, false),
            (Kind::RefundNotice, Fault::OutOfOrder, 1, true),
            (Kind::RefundNotice, Fault::AnswerLost, 1, false),
            (Kind::TradeBill, Fault::LineMissing, 1, true),
            (Kind::Refund, Fault::LineMissing, 1, false),
        ] {
            assert_eq!(plan(0, on, fault, per_mille).problem().is_none(), good, "{on:?} {fault:?}");
        }
    }
}
