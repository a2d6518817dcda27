//! Refunds by WeChat: each answer of the channel, a lost one, and a crash at each step. Never paid back twice, never both paid
//! back and given back.

use std::time::Duration;

use super::payer::{MINUTE, SECOND, desk};
use super::support::{fen, run, until};
use super::world::{Loss, World, by_wechat};
use crate::domain::command::Pay;
use crate::domain::event::PaymentSource;
use crate::domain::refund::{Refund, RefundStatus};
use crate::engine::{NewRefund, Number};
use crate::gateway::RefundStanding;
use crate::payer::Desk;
use crate::refunder::{Refunder, Round};
use RefundStatus::{Failed, Requested, Sending, Succeeded, Unknown};

pub(super) async fn look(round: &Round) {
    round.go().await;
    round.settled().await;
}

pub(super) fn wanted(no: &str, amount: u64) -> NewRefund {
    NewRefund {
        number: Number::Chosen(no.parse().unwrap()),
        order_no: "O100".parse().unwrap(),
        amount: fen(amount),
        reason: "".into(),
        asked_by: "k1".parse().unwrap(),
        by_admin: false,
    }
}

/// A world whose merchant was paid 1,000 fen and gives 600 of them back.
pub(super) async fn asked(world: &World<'_>) {
    let order = by_wechat("O100", 1_000, world.now());
    world.engine.open_order(world.m, order, world.now()).await.unwrap();
    let pay = Pay {
        order_no: "O100".parse().unwrap(),
        transaction_id: "T100".parse().unwrap(),
        amount: fen(1_000),
        booked: fen(1_000),
        paid_at: world.now(),
        source: PaymentSource::Notice,
        signed: None,
    };
    world.engine.pay(world.m, pay, world.now()).await.unwrap();
    world.engine.request_refund(world.m, wanted("R100", 600), world.now()).await.unwrap();
}

/// Looks every second until the refund is certain, for at most an hour.
pub(super) async fn until_certain(world: &World<'_>, round: &Round, no: &str) -> Refund {
    for _ in 0..3_600 {
        look(round).await;
        let found = world.refund(no).await;
        if found.status.is_final() {
            return found;
        }
        world.pass(SECOND);
    }
    panic!("nobody knows after an hour: {:?}", world.refund(no).await);
}

/// What must hold of the money at the end: the customer has it once, or the merchant.
async fn ended_right(world: &World<'_>, found: &Refund) {
    let paid: Vec<u64> =
        world.bank.books().refunded.iter().map(|(_, amount)| amount.fen()).collect();
    let head = world.head().await;
    let stands = (head.pending().fen(), head.refunded.fen());
    match found.status {
        Succeeded => assert_eq!((paid, stands), (vec![600], (400, 600))),
        Failed => assert_eq!((paid, stands), (vec![], (1_000, 0))),
        Requested | Sending | Unknown => panic!("{found:?}"),
    }
}

#[test]
fn a_refund_is_sent_once_and_certain_when_it_was_asked_about() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        let round = Round::new(desk(&world));
        look(&round).await;
        assert_eq!(world.refund("R100").await.status, Sending, "taken is not done");
        let found = until_certain(&world, &round, "R100").await;
        assert_eq!((found.status, found.refund_id.as_deref()), (Succeeded, Some("FR100")));
        assert_eq!(world.bank.times("refund standing R100"), [2_000]);
        assert_eq!(world.bank.count("refund R100"), 1);
        ended_right(&world, &found).await;
    });
}

#[test]
fn whatever_becomes_of_an_answer_the_customer_is_paid_once() {
    run(async |runtime| {
        for loss in [Loss::Before, Loss::After, Loss::Refused, Loss::Panics] {
            let world = World::new(runtime).await;
            asked(&world).await;
            world.bank.books().losses.push_back(loss);
            let round = Round::new(desk(&world));
            let found = until_certain(&world, &round, "R100").await;
            assert_eq!(found.status, Succeeded, "{loss:?}");
            ended_right(&world, &found).await;
        }
    });
}

#[test]
fn a_crash_at_each_step_loses_and_doubles_nothing() {
    run(async |runtime| {
        for loss in [Loss::HangsBefore, Loss::HangsAfter] {
            let mut world = World::new(runtime).await;
            asked(&world).await;
            world.bank.books().losses.push_back(loss);
            Round::new(desk(&world)).go().await;
            until(|| world.bank.count("refund R100") == 1).await;
            world.restart().await;
            let round = Round::new(desk(&world));
            let found = until_certain(&world, &round, "R100").await;
            assert_eq!(found.status, Succeeded, "{loss:?}");
            ended_right(&world, &found).await;
        }
    });
}

/// The channel's account is empty: it says so, waits, and goes out under the same number.
#[test]
fn a_refund_for_want_of_money_waits_and_says_so() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.extend([Loss::Refused, Loss::Refused]);
        let round = Round::new(desk(&world));
        look(&round).await;
        let found = world.refund("R100").await;
        assert_eq!((found.status, found.why.as_deref()), (Requested, Some("NOTENOUGH")));
        assert_eq!(world.head().await.pending().fen(), 400, "the money stays taken");
        let found = until_certain(&world, &round, "R100").await;
        assert_eq!(world.bank.times("refund R100"), [0, 2_000, 10_000]);
        ended_right(&world, &found).await;
    });
}

#[test]
fn what_the_channel_never_got_fails_ten_minutes_after_the_last_try() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.extend([Loss::Before; 20]);
        let round = Round::new(desk(&world));
        let found = until_certain(&world, &round, "R100").await;
        let tries = world.bank.times("refund R100");
        let last = *tries.last().unwrap();
        assert!(
            tries.len() > 2 && world.now().ms() - super::support::now().ms() >= last + 10 * MINUTE
        );
        assert_eq!(found.status, Failed);
        assert!(found.why.as_deref().unwrap().contains("time-out"), "{found:?}");
        ended_right(&world, &found).await;
    });
}

#[test]
fn what_the_channel_closed_fails_and_what_is_stuck_waits_for_a_person() {
    run(async |runtime| {
        for (standing, status) in [
            (RefundStanding::Closed("closed".into()), Failed),
            (RefundStanding::Stuck("the card is gone".into()), Unknown),
        ] {
            let world = World::new(runtime).await;
            asked(&world).await;
            world.bank.books().losses.push_back(Loss::Before);
            world.bank.books().refund_standing = Some(standing);
            let round = Round::new(desk(&world));
            for _ in 0..20 {
                look(&round).await;
                world.pass(MINUTE);
            }
            let found = world.refund("R100").await;
            assert_eq!(found.status, status);
            let pending = world.head().await.pending().fen();
            assert_eq!(pending, if status == Failed { 1_000 } else { 400 });
            assert!(world.head().await.link.seq.0 < 10, "a journal is for ever");
        }
    });
}

/// WeChat wants a minute between two refunds of one order, whichever process sends them.
#[test]
fn the_second_refund_of_an_order_waits_for_a_minute() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.engine.request_refund(world.m, wanted("R101", 100), world.now()).await.unwrap();
        let (one, other) = (Round::new(desk(&world)), Round::new(desk(&world)));
        for second in 0..90 {
            look(if second % 2 == 0 { &one } else { &other }).await;
            world.pass(SECOND);
        }
        let times = |no: &str| world.bank.times(&format!("refund {no}"));
        let mut both = [times("R100"), times("R101")].concat();
        both.sort_unstable();
        assert_eq!(both.len(), 2, "each once: {both:?}");
        assert!((60_000..62_000).contains(&(both[1] - both[0])), "{both:?}");
    });
}

#[test]
fn a_hint_has_a_refund_asked_about_at_once() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        let ladder = vec![Duration::from_secs(3_600)];
        let round = Round::new(Desk { ladder, ..desk(&world) });
        look(&round).await;
        look(&round).await;
        assert_eq!(world.bank.count("refund standing R100"), 0);
        world.engine.hint_at_refund(world.m, &world.refund("R100").await);
        look(&round).await;
        assert_eq!(world.refund("R100").await.status, Succeeded);
    });
}

#[test]
fn a_running_refunder_is_woken_by_a_request_and_stops() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        let refunder = Refunder::start(desk(&world), runtime.handle());
        asked(&world).await;
        until(|| world.bank.count("refund R100") == 1).await;
        refunder.stop().await;
    });
}
