//! What people decide in a seed's workload: cases, how a merchant stands, and what became of transfers that the channel tells of no
//! more. Added to what clients do anyway, so that seeds without them stay what they were.

use tally_actors::domain::case::{CaseKind, Remedy};
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::standing::Change;

use super::fault::Fault;
use super::plan::{Plan, SECOND, number};
use super::workload::{About, Ask, Name, Op, Told};
use crate::random::Random;

/// Whether people decide something in a seed. The seeds in `tests/seeds.txt` are among the others.
pub(super) fn is_in(seed: u64) -> bool {
    matches!(seed % 16, 1 | 5 | 8 | 15)
}

/// Whether clocks go a month ahead in a seed: then the channel tells of some transfers no more.
pub(super) fn has_months(seed: u64) -> bool {
    seed % 16 == 1
}

/// Kinds of case that a platform may let freeze a merchant.
const FREEZING: &[CaseKind] = &[
    CaseKind::PaidTwice,
    CaseKind::PaidAfterClose,
    CaseKind::PaidToClosed,
    CaseKind::AmountDiffers,
    CaseKind::OrderUnknown,
    CaseKind::BillOnly,
    CaseKind::RefundByHand,
    CaseKind::RefundStuck,
];

/// What may be done about a case.
const REMEDIES: &[Option<Remedy>] = &[
    None,
    Some(Remedy::Accept),
    Some(Remedy::Credit),
    Some(Remedy::Credit),
    Some(Remedy::Refund),
    Some(Remedy::Refund),
];

/// After so many of a hundred operations somebody asks for an adjustment.
const ADJUSTED_PERCENT: u64 = 4;

/// Kinds of case that the platform's own checks open.
const RAISED: &[CaseKind] = &[CaseKind::BillOnly, CaseKind::JournalOnly, CaseKind::BillAmount];

/// Adds decisions to a plan.
pub(super) fn add(plan: &mut Plan) {
    let mut random = Random::new(plan.seed ^ 0x64_6573_6b73);
    plan.people = true;
    if random.percent(50) {
        plan.freeze_on = FREEZING.iter().copied().filter(|_| random.percent(30)).collect();
    }
    let often = *random.of(&[5, 10, 20]);
    let mut sketches: Vec<Sketch> = plan.merchants.iter().map(|_| Sketch::default()).collect();
    let before = std::mem::take(&mut plan.ops);
    for op in before {
        let sketch = &mut sketches[op.merchant];
        sketch.see(&op.ask);
        plan.ops.push(op.clone());
        if let Ask::Withdraw { withdrawal, .. } = op.ask {
            add_runs(plan, &op, withdrawal, &mut random);
        }
        if random.percent(ADJUSTED_PERCENT) {
            sketch.adjustments += 1;
            add_adjustment(plan, &op, sketch.adjustments, &mut random);
        }
        if random.percent(often) {
            let client = number(random.below(plan.clients as u64));
            let think = random.below(op.think + 1);
            let ask = sketch.draw(&mut random);
            plan.ops.push(Op { client, think, ask, ..op });
        }
    }
    if has_months(plan.seed) {
        add_months(plan);
    }
}

/// An adjustment: asked for, sometimes twice, and decided by one or two, sometimes by who asked.
fn add_adjustment(plan: &mut Plan, op: &Op, number: u64, random: &mut Random) {
    let fen = i64::try_from(1 + random.below(800)).unwrap_or(1) - 400;
    let fen = if fen == 0 { 1 } else { fen };
    let by = random.below(3);
    let mut push = |ask, random: &mut Random| {
        let think = random.below(op.think + 1);
        plan.ops.push(Op { think, ask, ..op.clone() });
    };
    push(Ask::Adjust { number, fen, by }, random);
    if random.percent(10) {
        push(Ask::Adjust { number, fen: fen + 1, by }, random);
    }
    while random.percent(65) {
        let (approve, by) = (random.percent(75), random.below(3));
        push(Ask::DecideAdjustment { number, approve, by }, random);
    }
}

/// Some withdrawals are put in a bank run, and some of these in another as well, or in the same again.
fn add_runs(plan: &mut Plan, op: &Op, withdrawal: Name, random: &mut Random) {
    while random.percent(40) {
        let think = random.below(op.think + 1);
        let ask = Ask::Run { withdrawal, run: random.below(2) };
        plan.ops.push(Op { think, ask, ..op.clone() });
    }
}

/// Clocks that go a month ahead while transfers are lost, of merchants who withdraw by WeChat.
fn add_months(plan: &mut Plan) {
    plan.transfers_open = true;
    for rules in plan.merchants.iter_mut().flat_map(|merchant| &mut merchant.rules) {
        rules.payout_method = Some(PayoutMethod::Wechat);
        (rules.approval_over_fen, rules.daily_max_fen) = (None, None);
    }
    plan.faults.set(Fault::ClockMonth, 5);
    plan.faults.switch_on(Fault::TransferLost, 7_000);
    let newest = plan.ops.last().cloned();
    for (merchant, op) in newest.into_iter().cycle().take(plan.merchants.len()).enumerate() {
        let (order, amount) = (Name::Chosen(8_000), 1_000);
        let (transaction, told) = (8_000, Told::Notice);
        let settlement = Name::Chosen(8_000);
        let withdraw = |n: u64| Ask::Withdraw {
            withdrawal: Name::Chosen(8_000 + n),
            amount: Some(100),
            settle_first: false,
            by: 0,
        };
        let asks = [
            Ask::Stand(Change::Unfreeze),
            Ask::Stand(Change::Resume),
            Ask::Open { order, amount, by_wechat: true },
            Ask::Pay { order, transaction, amount, booked: amount, told },
            Ask::Settle { settlement, include_not_due: true },
        ];
        for ask in asks.into_iter().chain((0..3).map(withdraw)) {
            plan.ops.push(Op { merchant, patience: 3, ask, ..op.clone() });
        }
        // Transfers are lost before everything is mended.
        plan.ops.push(Op { merchant, think: 30 * SECOND, ask: Ask::Read, ..op });
    }
}

/// What is known of a merchant so far.
#[derive(Debug, Default)]
struct Sketch {
    cases: Vec<About>,
    withdrawals: Vec<Name>,
    adjustments: u64,
}

impl Sketch {
    fn see(&mut self, ask: &Ask) {
        if let Ask::Withdraw { withdrawal, .. } = ask {
            self.withdrawals.push(*withdrawal);
        }
        if let Ask::Pay { order, transaction, .. } = ask {
            let (order, transaction) = (*order, *transaction);
            self.cases.push(About::Payment { order, transaction });
        }
    }

    fn draw(&mut self, random: &mut Random) -> Ask {
        match random.below(100) {
            0..18 => Ask::Stand(Change::Freeze),
            18..40 => Ask::Stand(Change::Unfreeze),
            40..46 => Ask::Stand(Change::Suspend),
            46..58 => Ask::Stand(Change::Resume),
            58..61 => Ask::Stand(Change::Close),
            61..74 => self.raise(random),
            74..90 => self.resolve(random),
            _ => self.attest(random),
        }
    }

    fn raise(&mut self, random: &mut Random) -> Ask {
        let (kind, subject) = (*random.of(RAISED), random.below(4));
        self.cases.push(About::Raised { kind, subject });
        Ask::Raise { kind, subject, amount: random.below(2) }
    }

    fn resolve(&mut self, random: &mut Random) -> Ask {
        let kind = *random.of(FREEZING);
        let remedy = *random.of(REMEDIES);
        let known = (!self.cases.is_empty()).then(|| *random.of(&self.cases));
        let about = known.unwrap_or(About::Raised { kind, subject: 9 });
        Ask::Resolve { about, kind, note: random.below(3) / 2, remedy }
    }

    fn withdrawal(&self, random: &mut Random) -> Name {
        let known = (!self.withdrawals.is_empty()).then(|| *random.of(&self.withdrawals));
        known.unwrap_or(Name::Chosen(9_000))
    }

    fn attest(&mut self, random: &mut Random) -> Ask {
        let withdrawal = self.withdrawal(random);
        Ask::Attest { withdrawal, by: 1 + random.below(2), alone: random.percent(50) }
    }
}
