//! What a seed has in mind before the first step: how many nodes, which rules, who asks for what, what may go wrong.
//!
//! All but the schedule is here, so that a run can be made smaller by taking things out of its plan.

use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::{FeeRate, Money};
use tally_actors::domain::rules::{PayoutMethod, Rules};
use tally_actors::domain::time::At;

use super::fault::{Fault, Faults};
use super::item::Leg;
use super::refunds;
use super::workload::{self, Op};
use crate::random::Random;

/// A second of virtual time, in microseconds.
pub(super) const SECOND: u64 = 1_000_000;

/// One seed in so many has a slow disk and actors that die, so that one often starts while rows of another are in flight.
const SLOW_DISK: u64 = 8;

/// A plan.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The seed of all of it.
    pub seed: u64,
    /// The seed of the schedule alone; the same, unless a smaller run needed another.
    pub schedule: u64,
    /// How many processes share the store. One: the store is its own.
    pub nodes: usize,
    pub(super) merchants: Vec<Merchant>,
    pub(super) ops: Vec<Op>,
    pub(super) clients: usize,
    pub(super) faults: Faults,
    pub(super) pace: Pace,
    /// Whether customers get money back.
    pub(super) refunds: bool,
    /// Whether transfers by WeChat can be made.
    pub(super) transfers_open: bool,
    /// Events in a batch, as the writer's limit.
    pub(super) events_max: usize,
    /// Questions in a round of reads.
    pub(super) round_max: usize,
    /// Calls in hand for one merchant.
    pub(super) calls_max: usize,
    /// An actor with nothing to do for so long leaves, in microseconds.
    pub(super) leave_after: u64,
    /// What a right clock shows at the start.
    pub(super) start: At,
    /// When the channel is asked again about a transfer: the gaps between the steps of the ladder, in seconds; the last repeats.
    pub(super) gaps: &'static [u64],
    /// How long after the last fault every transfer must be certain, in microseconds; `None`: however long it takes.
    pub(super) certain_within: Option<u64>,
}

/// Gaps that let many steps happen in a short run.
const GAPS: &[u64] = &[2, 8, 20, 30, 240, 600];

/// A merchant, and the rules that it may have: the first are those that it is registered with.
#[derive(Debug, Clone)]
pub(super) struct Merchant {
    pub(super) id: MerchantId,
    pub(super) rules: Vec<Rules>,
}

impl Plan {
    /// The plan of a seed.
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let mut shape = random.fork();
        let mut fork = random.fork();
        let merchants: Vec<Merchant> =
            (1..=1 + fork.below(4)).map(|n| merchant(n, &mut fork)).collect();
        let (clients, ops) = workload::draw(merchants.len(), &mut random.fork());
        let mut faults = Faults::draw(&mut random.fork());
        let tight = faults.may(Fault::TightBound);
        let mut pace = Pace::draw(&mut shape);
        if seed % SLOW_DISK == SLOW_DISK - 1 {
            pace.slow_disk();
            faults.switch_on(Fault::Panic, 600);
        }
        // Not so short that looking whether to leave is all that happens.
        let leave_after = pace.slowest() / 20 + *shape.of(&[5_000, 50_000, SECOND, 20 * SECOND]);
        let mut plan = Self {
            seed,
            schedule: random.draw(),
            nodes: *shape.of(&[1, 1, 2, 2, 3]),
            merchants,
            ops,
            clients,
            faults,
            pace,
            refunds: false,
            transfers_open: !shape.percent(10),
            events_max: *shape.of(&[1, 2, 4, 8, 2_048]),
            round_max: *shape.of(&[1, 2, 8, 1_024]),
            calls_max: if tight { 1 + number(shape.below(4)) } else { 8_192 },
            leave_after,
            start: shape
                .of(&["2026-03-01T04:00:00Z", "2026-03-01T15:59:59.950Z", "2026-12-31T15:00:00Z"])
                .parse()
                .expect("a time"),
            gaps: GAPS,
            certain_within: None,
        };
        if refunds::are_in(seed) {
            refunds::add(&mut plan);
        }
        plan
    }

    /// How many operations its clients have.
    pub fn operations(&self) -> usize {
        self.ops.len()
    }

    /// The kinds of faults that may strike.
    pub fn faults(&self) -> Vec<Fault> {
        self.faults.kinds()
    }

    /// The same with these operations alone, by their places.
    pub fn only(mut self, kept: &[usize]) -> Self {
        self.ops = kept.iter().filter_map(|place| self.ops.get(*place).cloned()).collect();
        self
    }

    /// The same without these kinds of faults.
    pub fn without(mut self, faults: &[Fault]) -> Self {
        for fault in faults {
            self.faults.switch_off(*fault);
        }
        if !self.faults.may(Fault::TightBound) {
            self.calls_max = 8_192;
        }
        self
    }
}

pub(super) fn number(small: u64) -> usize {
    usize::try_from(small).expect("a small number")
}

fn merchant(n: u64, random: &mut Random) -> Merchant {
    let first = rules(n, random);
    let mut all = vec![first.clone()];
    for _ in 0..3 {
        let other = rules(n, random);
        // Most changes concern money that comes; that one can't be paid out any more must not be the rule.
        all.push(match random.below(3) {
            0 => other,
            1 => Rules { fee_bp: other.fee_bp, ..first.clone() },
            _ => Rules { settle_after_days: other.settle_after_days, ..first.clone() },
        });
    }
    Merchant { id: format!("m{n}").parse().expect("a merchant's id"), rules: all }
}

fn rules(n: u64, random: &mut Random) -> Rules {
    let fen = |fen: Option<u64>| fen.and_then(Money::from_fen);
    let payout_method = *random.of(&[
        Some(PayoutMethod::Manual),
        Some(PayoutMethod::Manual),
        Some(PayoutMethod::Wechat),
        Some(PayoutMethod::Wechat),
        Some(PayoutMethod::Wechat),
        None,
    ]);
    Rules {
        fee_bp: FeeRate::from_basis_points(*random.of(&[0, 0, 38, 60, 60, 100, 2_500, 10_000]))
            .expect("a rate"),
        settle_after_days: *random.of(&[None, None, Some(0), Some(1), Some(1), Some(2)]),
        payout_method,
        payout_openid: Some("openid".into()),
        withdrawal_min_fen: fen(*random.of(&[None, None, None, Some(50), Some(150)])),
        withdrawal_max_fen: fen(*random.of(&[None, None, None, Some(900)])),
        daily_max_fen: fen(*random.of(&[None, None, Some(1_000), Some(4_000)])),
        approval_over_fen: fen(*random.of(&[None, None, Some(0), Some(300)])),
        ..Rules::new(&format!("shop {n}"))
    }
}

/// How long things take: for each leg usually up to one bound, and sometimes up to another.
#[derive(Debug, Clone)]
pub(super) struct Pace([Bounds; LEGS]);

const LEGS: usize = Leg::Channel as usize + 1;

/// In microseconds; how often the longer holds, in ten thousand.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    usual: u64,
    long: u64,
    often: u64,
}

impl Pace {
    fn draw(random: &mut Random) -> Self {
        let mut bounds = || Bounds {
            usual: *random.of(&[1, 50, 500, 5_000, 50_000]),
            long: *random.of(&[500, 10_000, 200_000, 2 * SECOND]),
            often: *random.of(&[0, 100, 1_000, 3_000]),
        };
        Self(std::array::from_fn(|_| bounds()))
    }

    /// A batch takes longer than most of what happens meanwhile.
    fn slow_disk(&mut self) {
        for leg in [Leg::Net, Leg::Mail, Leg::Wake, Leg::Read, Leg::Told] {
            self.0[leg as usize] = Bounds { usual: 500, long: 500, often: 0 };
        }
        self.0[Leg::Write as usize] = Bounds { usual: SECOND / 3, long: 2 * SECOND, often: 1_000 };
    }

    /// The longest that anything takes.
    fn slowest(&self) -> u64 {
        self.0.iter().map(|bounds| bounds.usual.max(bounds.long)).max().unwrap_or(0)
    }

    pub(super) fn delay(&self, leg: Leg, random: &mut Random) -> u64 {
        let Bounds { usual, long, often } = self.0[leg as usize];
        let most = if often > 0 && random.below(10_000) < often { long } else { usual };
        random.below(most + 1)
    }
}
