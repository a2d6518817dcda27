//! Many withdrawals by WeChat while much goes wrong there: none is paid twice, lost, or uncertain for long (`design.md` 3.5).

use tally_actors::domain::money::Money;
use tally_actors::domain::rules::{PayoutMethod, Rules};

use super::fault::Fault;
use super::plan::{Merchant, Plan, SECOND, number};
use super::workload::{Ask, Name, Op, Told};
use crate::random::Random;

/// What goes wrong with a transfer and with the answers about it.
const AT_THE_CHANNEL: &[Fault] = &[
    Fault::TransferLost,
    Fault::TransferLate,
    Fault::TransferSlow,
    Fault::TransferRefused,
    Fault::TransferFails,
    Fault::ChannelSilent,
];

/// The gaps of the ladder that Tally has where nobody sets another (`TALLY_TRANSFER_QUERY_SECONDS`), in seconds.
const GAPS: &[u64] = &[2, 8, 20, 30, 240, 600, 2_700];

/// How long after the last fault every withdrawal must be certain: an hour.
const CERTAIN_WITHIN: u64 = 3_600 * SECOND;

/// How many ask at the same time.
const CLIENTS: usize = 4;

/// How long they think between two withdrawals, at the most.
const THINK_MAX: u64 = 40 * SECOND;

/// The largest withdrawal, in fen. WeChat transfers no less than 100.
const LARGEST: u64 = 2_000;

impl Plan {
    /// The plan of a seed in which a merchant withdraws so often, by WeChat, while every step at the channel goes wrong in so
    /// many of a hundred cases, by itself and in each way; whatever else the seed has go wrong does so as well. Clocks are right:
    /// a wrong one may make an outcome uncertain for longer, and only longer.
    pub fn payouts(seed: u64, withdrawals: u64, percent: u16) -> Self {
        let of = Self::of(seed);
        let mut random = Random::new(!seed);
        let mut faults = of.faults.clone();
        for fault in [Fault::ClockJump, Fault::TightBound] {
            faults.switch_off(fault);
        }
        for fault in AT_THE_CHANNEL {
            faults.set(*fault, percent * 100);
        }
        let rules = Rules {
            payout_method: Some(PayoutMethod::Wechat),
            payout_openid: Some("openid".into()),
            ..Rules::new("shop")
        };
        let merchants = vec![Merchant { id: "m1".parse().expect("an id"), rules: vec![rules] }];
        Self {
            merchants,
            ops: ops(withdrawals, &mut random),
            clients: CLIENTS,
            faults,
            refunds: false,
            transfers_open: true,
            calls_max: 8_192,
            gaps: GAPS,
            certain_within: Some(CERTAIN_WITHIN),
            ..of
        }
    }
}

/// A sale that brings enough, and the withdrawals.
fn ops(withdrawals: u64, random: &mut Random) -> Vec<Op> {
    let op = |client, think, ask| Op { merchant: 0, client, day: 0, think, patience: 20, ask };
    let (order, amount) = (Name::Chosen(1), withdrawals * LARGEST);
    assert!(Money::from_fen(amount).is_some(), "the largest amounts add up");
    let pay = Ask::Pay { order, transaction: 1, amount, booked: amount, told: Told::Notice };
    let mut ops = vec![
        op(0, 0, Ask::Register(0)),
        op(0, 0, Ask::Open { order, amount, by_wechat: true }),
        op(0, 0, pay),
        op(0, 0, Ask::Settle { settlement: Name::Chosen(2), include_not_due: false }),
    ];
    for n in 0..withdrawals {
        let ask = Ask::Withdraw {
            withdrawal: Name::Chosen(100 + n),
            amount: Some(100 + random.below(LARGEST - 99)),
            settle_first: false,
            by: 0,
        };
        ops.push(op(number(random.below(CLIENTS as u64)), random.below(THINK_MAX), ask));
    }
    ops
}
