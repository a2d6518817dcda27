//! Refunds in a seed's workload: added to what its clients do anyway, so that seeds without them stay what they were.

use tally_actors::domain::money::Money;

use super::plan::{Plan, number};
use super::workload::{Ask, Name, Op};
use crate::random::Random;

/// Whether customers get money back in a seed. The seeds in `tests/seeds.txt` are among the others: they find what they once
/// found only as they were.
pub(super) fn are_in(seed: u64) -> bool {
    matches!(seed % 16, 1 | 4 | 5 | 6 | 8 | 12 | 14 | 15)
}

/// Adds refunds to a plan, and rules on how far into debt they may take a merchant.
pub(super) fn add(plan: &mut Plan) {
    let mut random = Random::new(plan.seed ^ 0x7265_6675_6e64);
    plan.refunds = true;
    for rules in plan.merchants.iter_mut().flat_map(|merchant| &mut merchant.rules) {
        let debt_max = *random.of(&[0, 0, 0, 50, 400, 5_000]);
        rules.debt_max_fen = Money::from_fen(debt_max).expect("a small amount");
    }
    let often = *random.of(&[5, 10, 15, 25]);
    let mut sketches: Vec<Sketch> = plan.merchants.iter().map(|_| Sketch::default()).collect();
    let before = std::mem::take(&mut plan.ops);
    for op in before {
        let sketch = &mut sketches[op.merchant];
        sketch.see(&op.ask);
        plan.ops.push(op.clone());
        if random.percent(often)
            && let Some(ask) = sketch.draw(&mut random)
        {
            let stranger = number(random.below(plan.clients as u64));
            let client = if random.percent(65) { op.client } else { stranger };
            let think = random.below(op.think + 1);
            let patience = u32::try_from(random.below(4)).expect("a few");
            plan.ops.push(Op { client, think, patience, ask, ..op });
        }
    }
}

/// What is known of a merchant so far.
#[derive(Debug, Default)]
struct Sketch {
    numbers: u64,
    /// Orders that somebody wanted to pay, with the amount.
    paid: Vec<(Name, u64)>,
    refunds: Vec<Ask>,
}

impl Sketch {
    fn see(&mut self, ask: &Ask) {
        if let Ask::Pay { order, amount, .. } = ask {
            self.paid.push((*order, *amount));
        }
    }

    fn draw(&mut self, random: &mut Random) -> Option<Ask> {
        if random.percent(15) && !self.refunds.is_empty() {
            return Some(self.again(random));
        }
        let back = random.below(4).min(self.paid.len().checked_sub(1)? as u64);
        let (order, paid) = self.paid[self.paid.len() - 1 - number(back)];
        self.numbers += 1;
        let amount = match random.below(10) {
            0..3 => paid,
            3..5 => paid / 2,
            5..9 => 1 + random.below(paid.max(1)),
            _ => paid + random.below(2),
        };
        let ask = if random.percent(15) {
            let (hand, forged) = (self.numbers, random.percent(25));
            Ask::RefundByHand { order, hand, amount, forged }
        } else {
            let fresh = self.numbers;
            let refund = if random.percent(30) { Name::Made(fresh) } else { Name::Chosen(fresh) };
            Ask::Refund { refund, order, amount, reason: 0, by_admin: random.percent(80) }
        };
        self.refunds.push(ask.clone());
        Some(ask)
    }

    /// The number of another refund, with the same content or with other.
    fn again(&mut self, random: &mut Random) -> Ask {
        let newest = self.refunds.len() - 1;
        let mut ask = self.refunds[newest - number(random.below(4)).min(newest)].clone();
        if let Ask::Refund { amount, reason, .. } = &mut ask {
            match random.below(4) {
                0 => *amount += 1,
                1 => *reason += 1,
                _ => {}
            }
        }
        ask
    }
}
