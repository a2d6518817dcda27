//! What crosses Tally's boundary, counted, and at which of it Tally is killed.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

/// How far a crossing has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// A call of Tally's has arrived, and nothing was done about it.
    Arrived,
    /// A call of Tally's was done, and Tally has not read the answer.
    Done,
    /// A call to Tally was handed over, and there is no answer.
    Handed,
    /// A call to Tally was answered.
    Answered,
}

/// A step of a flow: what crosses, the how many-th of its kind it is, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step {
    /// Method and path, without what differs from run to run.
    pub crossing: String,
    /// From 1 on.
    pub nth: u32,
    /// How far.
    pub moment: Moment,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = match self.moment {
            Moment::Arrived => "arrived, not done",
            Moment::Done => "done, answer not read",
            Moment::Handed => "handed over",
            Moment::Answered => "answered",
        };
        write!(f, "{} #{} {moment}", self.crossing, self.nth)
    }
}

/// When to kill.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// At this step. `None`: never.
    pub at: Option<Step>,
    /// Once more so many steps after the first, whatever they are. `None`: not again.
    pub again_after: Option<u32>,
}

/// Counts, and says when to kill.
#[derive(Debug, Default)]
pub struct Trap {
    counting: bool,
    plan: Plan,
    counts: HashMap<String, u32>,
    reached: BTreeMap<Step, ()>,
    order: Vec<Step>,
    struck: Vec<Step>,
}

impl Trap {
    /// Counts from here on.
    pub fn begin(&mut self, plan: Plan) {
        *self = Self { counting: true, plan, ..Self::default() };
    }

    /// Something begins to cross; the how many-th of its kind it is. `None`: nobody counts.
    pub fn enters(&mut self, crossing: &str) -> Option<u32> {
        if !self.counting {
            return None;
        }
        let count = self.counts.entry(crossing.to_owned()).or_default();
        *count += 1;
        Some(*count)
    }

    /// Something has come so far; whether Tally is to be killed now.
    pub fn reaches(&mut self, step: Step) -> bool {
        if !self.counting || self.reached.insert(step.clone(), ()).is_some() {
            return false;
        }
        self.order.push(step.clone());
        let now = match (self.struck.len(), &mut self.plan.again_after) {
            (0, _) => self.plan.at.as_ref() == Some(&step),
            (1, Some(after)) => {
                *after = after.saturating_sub(1);
                *after == 0
            }
            _ => false,
        };
        if now {
            self.struck.push(step);
        }
        now
    }

    /// All steps so far, as they were reached.
    pub fn steps(&self) -> &[Step] {
        &self.order
    }

    /// Where Tally was killed.
    pub fn struck(&self) -> &[Step] {
        &self.struck
    }
}

/// Method and path of a request, without what differs from run to run: a query, and what holds a made number. Made numbers are
/// long, and of 16 drawn letters and digits one in 16 has no digit; none but one in a million has no capital either.
pub fn crossing(head: &str) -> String {
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = target.split('?').next().unwrap_or_default();
    let drawn = |b: u8| b.is_ascii_digit() || b.is_ascii_uppercase();
    let stays = |part: &&str| part.len() <= 14 || !part.bytes().any(drawn);
    let parts: Vec<&str> =
        path.split('/').map(|part| if stays(&part) { part } else { "…" }).collect();
    format!("{method} {}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(crossing: &str, nth: u32) -> Step {
        Step { crossing: crossing.to_owned(), nth, moment: Moment::Arrived }
    }

    #[test]
    fn a_kill_comes_at_its_step_and_once_more_where_that_is_planned() {
        let mut trap = Trap::default();
        assert!(!trap.reaches(step("a", 1)), "nobody counts yet");
        trap.begin(Plan { at: Some(step("a", 2)), again_after: Some(2) });
        let struck: Vec<bool> = [("a", 1), ("a", 2), ("b", 1), ("b", 2), ("a", 2)]
            .into_iter()
            .map(|(crossing, nth)| trap.reaches(step(crossing, nth)))
            .collect();
        assert_eq!(struck, [false, true, false, true, false]);
        assert_eq!(trap.struck(), [step("a", 2), step("b", 2)]);
        assert_eq!(trap.enters("a"), Some(1));
    }

    #[test]
    fn a_made_number_is_no_part_of_what_crosses() {
        for (head, expected) in [
            ("POST /v1/cases/shop-Ab3dEf6hIj/resolve HTTP/1.1", "POST /v1/cases/…/resolve"),
            ("POST /v1/cases/shop-pcGkeRLSxDfXYPXo/resolve HTTP/1.1", "POST /v1/cases/…/resolve"),
            ("GET /sns/jscode2session?js_code=12 HTTP/1.1", "GET /sns/jscode2session"),
            (
                "POST /v1/merchants/shop/orders/A0001/paid HTTP/1.1",
                "POST /v1/merchants/shop/orders/A0001/paid",
            ),
            (
                "POST /mmpaymkttransfers/promotion/transfers HTTP/1.1",
                "POST /mmpaymkttransfers/promotion/transfers",
            ),
        ] {
            assert_eq!(crossing(head), expected);
        }
    }
}
