//! How often the sandbox of a demo fails, where somebody says so: a part of everything.

use std::fmt;
use std::str::FromStr;

/// What of the calls goes wrong, and how: each kind has its own share.
const CALLS: [(&str, &[&str]); 6] = [
    // A login code is good for one call: a lost answer would cost the customer another one.
    ("login", &["time_out", "system_error"]),
    ("unified_order", &["time_out", "system_error", "answer_lost"]),
    ("order_query", &["time_out", "system_error", "answer_lost"]),
    ("transfer", &["time_out", "system_error", "answer_lost", "failed"]),
    ("transfer_query", &["time_out", "system_error", "answer_lost"]),
    ("notice", &["lost", "doubled", "late", "out_of_order"]),
];

/// The part of the calls and notices that goes wrong, in thousandths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FaultRate(u16);

impl FaultRate {
    /// What is hit, how, and in how many of a thousand cases. The sandbox draws for one rule after the other, so each later one
    /// is asked for more often among the cases that are left.
    pub(super) fn plan(self) -> Vec<(&'static str, &'static str, u16)> {
        let of_call = |(on, kinds): &(&'static str, &'static [&'static str])| {
            let (on, count) = (*on, u32::try_from(kinds.len()).expect("a few"));
            let share = u32::from(self.0) / count;
            let left = move |place: u32| 1_000 - place * share;
            let rule = move |(place, kind): (u32, &&'static str)| {
                let among = (share * 1_000).div_ceil(left(place));
                (on, *kind, u16::try_from(among).expect("at most a thousand"))
            };
            (0..).zip(*kinds).map(rule).collect::<Vec<_>>()
        };
        CALLS.iter().flat_map(of_call).collect()
    }
}

impl FromStr for FaultRate {
    type Err = &'static str;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        const SHAPE: &str =
            "must be a part from 0 to 1, such as 0.3, with three digits at the most";
        let (whole, part) = raw.split_once('.').unwrap_or((raw, "0"));
        let digits = |text: &str, max: usize| {
            (1..=max).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(whole, 1) || !digits(part, 3) {
            return Err(SHAPE);
        }
        let thousandths = format!("{whole}{part:0<3}").parse().map_err(|_| SHAPE)?;
        if thousandths <= 1_000 { Ok(Self(thousandths)) } else { Err(SHAPE) }
    }
}

impl fmt::Display for FaultRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_from_nothing_to_all() {
        for (raw, thousandths) in
            [("0", 0), ("0.3", 300), ("0.005", 5), ("1", 1_000), ("1.0", 1_000)]
        {
            assert_eq!(raw.parse(), Ok(FaultRate(thousandths)), "{raw}");
        }
        for bad in ["", "1.001", "2", "-0.1", ".5", "0.", "0.1234", "30%", "+0.1"] {
            assert!(bad.parse::<FaultRate>().is_err(), "{bad}");
        }
        assert_eq!(FaultRate(300).to_string(), "0.300");
    }

    /// Given rules that are drawn one after the other, when all are drawn for a call, then the part asked for goes wrong, each way
    /// as often as the others.
    #[test]
    fn each_kind_of_call_goes_wrong_as_often_as_asked() {
        for rate in [0, 1, 100, 300, 999, 1_000] {
            let plan = FaultRate(rate).plan();
            for (on, kinds) in CALLS {
                let mut left = 1_000_000_u64;
                for (_, kind, per_mille) in plan.iter().filter(|(hit, ..)| *hit == on) {
                    let hit = left * u64::from(*per_mille) / 1_000;
                    let wanted = u64::from(rate) * 1_000 / kinds.len() as u64;
                    assert!(hit.abs_diff(wanted) <= 5_000, "{rate} {on} {kind}: {hit} of {wanted}");
                    left -= hit;
                }
            }
        }
    }
}
