//! What holds for any history: money is conserved, replay gives the same head, a repeat records nothing.

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};
use proptest::{prop_assert_eq, proptest};

use super::*;

#[derive(Debug, Clone)]
enum Step {
    Open(u8, u64),
    Pay(u8, u8, u64),
    Close(u8),
    Settle(u8, bool),
    Withdraw(u8, Option<u64>, bool),
    Confirm(u8, bool),
    Approve(u8),
    Reject(u8),
    Rules(u16, Option<u8>),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let few = 0..8_u8;
    let amount = 0..400_u64;
    let maybe = proptest::option::of(0..700_u64);
    prop_oneof![
        (few.clone(), amount.clone()).prop_map(|(no, fen)| Step::Open(no, fen)),
        (few.clone(), few.clone(), amount).prop_map(|(no, by, fen)| Step::Pay(no, by, fen)),
        few.clone().prop_map(|no| Step::Pay(no, no, 0)),
        few.clone().prop_map(Step::Close),
        (few.clone(), proptest::bool::ANY).prop_map(|(no, all)| Step::Settle(no, all)),
        (few.clone(), maybe, proptest::bool::ANY)
            .prop_map(|(no, fen, first)| Step::Withdraw(no, fen, first)),
        (few.clone(), proptest::bool::ANY).prop_map(|(no, paid)| Step::Confirm(no, paid)),
        few.clone().prop_map(Step::Approve),
        few.prop_map(Step::Reject),
        (0..=10_000_u16, proptest::option::of(0..4_u8))
            .prop_map(|(fee, days)| Step::Rules(fee, days)),
        (-200_000_000..300_000_000_i64).prop_map(Step::Wait),
    ]
}

impl Step {
    fn take(&self, m: &mut Driven) -> Result<Answer, Refusal> {
        let review = |no: u8| Review {
            withdrawal_no: format!("W{no:03}").parse().unwrap(),
            by: "k2".parse().unwrap(),
            reason: "so".into(),
        };
        match *self {
            Self::Open(no, fen) => m.ask(&open(&format!("O{no:03}"), fen)),
            Self::Pay(no, by, 0) => {
                let amount =
                    m.account.books().get(&Key::Order(format!("O{no:03}").parse().unwrap()));
                let amount = match amount {
                    Some(crate::domain::books::Record::Order(order)) => order.amount.fen(),
                    _ => 1,
                };
                m.pay(&format!("O{no:03}"), &format!("T{by}"), amount)
            }
            Self::Pay(no, by, fen) => m.pay(&format!("O{no:03}"), &format!("T{by}"), fen),
            Self::Close(no) => m.ask(&Command::CloseOrder(format!("O{no:03}").parse().unwrap())),
            Self::Settle(no, all) => m.settle(&format!("S{no:03}"), all),
            Self::Withdraw(no, amount, first) => m.withdraw(&format!("W{no:03}"), amount, first),
            Self::Confirm(no, succeeded) => m.ask(&Command::Confirm(Confirm {
                withdrawal_no: format!("W{no:03}").parse().unwrap(),
                succeeded,
                reference: "B1".into(),
                reason: "no".into(),
            })),
            Self::Approve(no) => m.ask(&Command::Approve(review(no))),
            Self::Reject(no) => m.ask(&Command::Reject(review(no))),
            Self::Rules(fee, days) => m.ask(&Command::ChangeRules(RulesChange {
                fee_bp: FeeRate::from_basis_points(fee),
                settle_after_days: Some(days),
                ..RulesChange::default()
            })),
            Self::Wait(ms) => {
                m.now = m.now.plus_ms(ms);
                m.ask(&Command::Read)
            }
        }
    }
}

proptest! {
    /// `Driven::check` compares the ledger with the head after every step.
    #[test]
    fn money_is_conserved_and_a_repeat_records_nothing(steps in vec(step(), 1..60)) {
        let mut m = Driven::new(Rules { approval_over_fen: Some(fen(300)), daily_max_fen: Some(fen(900)), ..by_hand() });
        for step in steps {
            let first = step.take(&mut m);
            let after = m.account.link();
            let repeat = step.take(&mut m);
            let head = m.account.head().unwrap();
            let left = i128::from(head.paid.fen()) - i128::from(head.refunded.fen()) - i128::from(head.fee.fen());
            let held = i128::from(head.pending().fen() + head.in_transit.fen() + head.withdrawn.fen());
            prop_assert_eq!(left, held + i128::from(head.available.fen()));
            let nothing_made = matches!(first, Err(_) | Ok(Answer::Settlement(None)));
            if !nothing_made {
                prop_assert_eq!(m.account.link(), after, "a repeat of {:?}", step);
                prop_assert_eq!(repeat.is_ok(), true);
            }
        }
    }

    /// Every settlement moves exactly the paid orders that the rule of `design.md` 3.4 gives it.
    #[test]
    fn settlements_are_a_partition_of_the_paid_orders(steps in vec(step(), 1..60)) {
        use crate::domain::books::Record;
        let mut m = Driven::new(by_hand());
        for step in steps {
            drop(step.take(&mut m));
        }
        let records: Vec<Record> = m.account.books().records().map(|(_, record)| record.clone()).collect();
        let mut settlements: Vec<_> = records
            .iter()
            .filter_map(|record| if let Record::Settlement(made) = record { Some(made) } else { None })
            .collect();
        settlements.sort_by_key(|made| made.seq);
        let mut sums = vec![(0, Money::ZERO, Money::ZERO); settlements.len()];
        for record in &records {
            let Record::Order(order) = record else { continue };
            let Some(payment) = &order.payment else { continue };
            let took = settlements.iter().position(|made| {
                payment.settle_on <= Some(made.through) && payment.paid_seq <= made.moved.last_paid_seq
            });
            if let Some(n) = took {
                let (orders, gross, fee) = sums[n];
                sums[n] = (orders + 1, gross.plus(payment.booked).unwrap(), fee.plus(payment.fee).unwrap());
            }
        }
        let moved: Vec<_> =
            settlements.iter().map(|made| (made.moved.orders, made.moved.gross, made.moved.fee)).collect();
        prop_assert_eq!(sums, moved);
    }
}
