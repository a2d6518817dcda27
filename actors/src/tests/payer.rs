//! Withdrawals by WeChat: each answer of the channel, and a crash at each step. Never paid twice, never both paid and given
//! back.

use std::sync::Arc;
use std::time::Duration;

use super::support::{Fault, earn, run, until, withdrawal};
use super::world::{Bank, Loss, World};
use crate::domain::command::Review;
use crate::domain::withdrawal::{Withdrawal, WithdrawalStatus};
use crate::engine::{NewWithdrawal, Number};
use crate::gateway::{Gateway, TransferStanding};
use crate::payer::{Desk, Payer, Round};
use crate::ports::Commit;
use WithdrawalStatus::{Failed, Sending, Succeeded, Unknown};

pub(super) const SECOND: i64 = 1_000;
pub(super) const MINUTE: i64 = 60_000;

pub(super) fn desk(world: &World<'_>) -> Desk {
    let gateway: Arc<dyn Gateway> = Arc::<Bank>::clone(&world.bank);
    let ladder = [2, 10, 30, 60, 300, 900].map(Duration::from_secs).to_vec();
    Desk {
        engine: world.engine.clone(),
        gateway,
        now: world.clock(),
        steady: world.steady(),
        ladder,
    }
}

pub(super) async fn look(round: &Round) {
    round.go().await;
    round.settled().await;
}

pub(super) fn of(no: &str, amount: u64) -> NewWithdrawal {
    withdrawal(Number::Chosen(no.parse().unwrap()), amount)
}

/// A world whose merchant earned 1,000 fen and asked for 600 of them.
pub(super) async fn asked(world: &World<'_>) {
    earn(&world.engine, world.m, "O100", 1_000).await;
    world.engine.withdraw(world.m, of("W100", 600), world.now()).await.unwrap();
}

/// Looks every second until the withdrawal is certain, for at most an hour.
pub(super) async fn until_certain(world: &World<'_>, round: &Round) -> Withdrawal {
    for _ in 0..3_600 {
        look(round).await;
        let found = world.withdrawal("W100").await;
        if found.status.is_final() {
            return found;
        }
        world.pass(SECOND);
    }
    panic!("nobody knows after an hour: {:?}", world.withdrawal("W100").await);
}

/// What must hold of the money at the end: it is where the withdrawal says, once, and the channel says the same.
pub(super) async fn settled_right(world: &World<'_>, found: &Withdrawal) {
    let paid: u64 = world.bank.books().paid.iter().map(|(_, amount)| amount.fen()).sum();
    let head = world.head().await;
    let stands = (head.available.fen(), head.in_transit.fen(), head.withdrawn.fen());
    assert!(matches!(found.status, Succeeded | Failed));
    let expected =
        if found.status == Succeeded { (600, (400, 0, 600)) } else { (0, (1_000, 0, 0)) };
    assert_eq!((paid, stands), expected);
}

#[test]
fn a_withdrawal_is_sent_once_and_paid() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        let round = Round::new(desk(&world));
        let found = until_certain(&world, &round).await;
        assert_eq!((found.status, found.reference.as_deref()), (Succeeded, Some("BW100")));
        assert_eq!(found.tried_at, Some(world.now()));
        look(&round).await;
        assert_eq!((world.bank.count("transfer W100"), world.bank.count("standing W100")), (1, 0));
        settled_right(&world, &found).await;
    });
}

#[test]
fn a_damaged_row_is_passed_over_and_the_others_are_paid_out() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.engine.withdraw(world.m, of("W200", 200), world.now()).await.unwrap();
        world.store.damage_row("W200", true);
        let round = Round::new(desk(&world));
        let found = until_certain(&world, &round).await;
        assert_eq!((found.status, world.bank.count("transfer W200")), (Succeeded, 0));
        let told = world.engine.damage().told().expect("it is told");
        assert!(told.contains("transfers W200 of merchant m1"), "{told}");
        world.store.damage_row("W200", false);
        look(&round).await;
        assert_eq!((world.engine.damage().told(), world.bank.count("transfer W200")), (None, 1));
    });
}

#[test]
fn a_lost_answer_is_asked_after_on_the_ladder_until_it_is_certain() {
    run(async |runtime| {
        for loss in [Loss::Before, Loss::After] {
            let world = World::new(runtime).await;
            asked(&world).await;
            world.bank.books().losses.push_back(loss);
            let round = Round::new(desk(&world));
            look(&round).await;
            assert_eq!(world.withdrawal("W100").await.status, Unknown);
            let found = until_certain(&world, &round).await;
            settled_right(&world, &found).await;
            let asked: &[i64] = if loss == Loss::After { &[2] } else { &[2, 10, 30, 60, 300, 900] };
            let asked: Vec<i64> = asked.iter().map(|at| at * SECOND).collect();
            assert_eq!(world.bank.times("standing W100"), asked);
            assert_eq!(world.bank.count("transfer W100"), 1, "in doubt it is never sent again");
        }
    });
}

#[test]
fn what_the_channel_calls_failed_gives_the_money_back() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.push_back(Loss::Before);
        world.bank.books().standing = Some(TransferStanding::Failed("NAME_MISMATCH".into()));
        let found = until_certain(&world, &Round::new(desk(&world))).await;
        assert_eq!((found.status, found.reason.as_deref()), (Failed, Some("NAME_MISMATCH")));
        settled_right(&world, &found).await;
    });
}

#[test]
fn what_is_not_certain_moves_nothing_however_long_it_lasts() {
    run(async |runtime| {
        let other =
            TransferStanding::Paid { reference: "B1".into(), amount: super::support::fen(599) };
        for (standing, reason) in [
            (other, "WeChat paid 599 fen instead of 600 fen: a person must look"),
            (TransferStanding::Processing, "time-out"),
            (TransferStanding::Unknown("SYSTEMERROR".into()), "time-out"),
        ] {
            let world = World::new(runtime).await;
            asked(&world).await;
            world.bank.books().losses.push_back(Loss::After);
            world.bank.books().standing = Some(standing);
            let round = Round::new(desk(&world));
            for _ in 0..20 {
                look(&round).await;
                world.pass(10 * MINUTE);
            }
            let found = world.withdrawal("W100").await;
            assert_eq!((found.status, found.reason.as_deref()), (Unknown, Some(reason)));
            assert_eq!(world.head().await.in_transit.fen(), 600);
            assert!(world.head().await.link.seq.0 < 10, "a journal is for ever");
            assert_eq!(world.bank.count("transfer W100"), 1);
        }
    });
}

#[test]
fn a_refused_send_is_repeated_under_its_number_no_faster_than_the_ladder() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.extend([Loss::Refused, Loss::Refused]);
        let found = until_certain(&world, &Round::new(desk(&world))).await;
        assert_eq!(world.bank.times("transfer W100"), [0, 2 * SECOND, 10 * SECOND]);
        assert_eq!(found.status, Succeeded);
        settled_right(&world, &found).await;
    });
}

#[test]
fn a_send_that_is_refused_for_ever_fails_long_after_the_last_and_gives_the_money_back() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.extend([Loss::Refused; 50]);
        let found = until_certain(&world, &Round::new(desk(&world))).await;
        let sent = world.bank.times("transfer W100");
        assert_eq!(sent, [0, 2, 10, 30, 60, 300].map(|at| at * SECOND));
        assert!(world.now().ms() - found.tried_at.unwrap().ms() >= 10 * MINUTE);
        settled_right(&world, &found).await;
    });
}

/// Its own clock was set, or it belongs to another node than the one that sent.
#[test]
fn a_payer_whose_clock_is_ahead_gives_up_no_transfer_that_may_still_come() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.push_back(Loss::Before);
        look(&Round::new(desk(&world))).await;
        assert_eq!(world.withdrawal("W100").await.status, Unknown);
        let ahead = world.clock_off(24 * 60 * MINUTE);
        let other = Round::new(Desk { now: ahead, ..desk(&world) });
        look(&other).await;
        assert_eq!(world.withdrawal("W100").await.status, Unknown, "it knows of it since now only");
        let began = world.now();
        let found = until_certain(&world, &other).await;
        assert!(world.now().ms() - began.ms() >= 10 * MINUTE);
        settled_right(&world, &found).await;
    });
}

#[test]
fn on_a_short_ladder_a_refused_send_is_repeated_a_few_times_only() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.extend([Loss::Refused; 50]);
        let desk = Desk { ladder: vec![Duration::from_secs(2)], ..desk(&world) };
        let found = until_certain(&world, &Round::new(desk)).await;
        let sent = world.bank.times("transfer W100");
        assert_eq!(sent, [0, 2, 4, 6, 8, 10].map(|at| at * SECOND));
        assert_eq!(world.now().ms() - found.tried_at.unwrap().ms(), 10 * MINUTE);
        settled_right(&world, &found).await;
    });
}

/// A refusal says that this call moved nothing. One whose answer was lost before it may have.
#[test]
fn after_a_lost_answer_a_refusal_before_it_counts_no_more() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.extend([Loss::Refused, Loss::Before]);
        let found = until_certain(&world, &Round::new(desk(&world))).await;
        assert_eq!(world.bank.times("transfer W100"), [0, 2 * SECOND]);
        settled_right(&world, &found).await;
    });
}

/// What is remembered outlives a task that dies with the call out, and that call may have moved money.
#[test]
fn a_refusal_is_forgotten_before_the_next_send_goes_out() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.extend([Loss::Refused, Loss::Panics]);
        let found = until_certain(&world, &Round::new(desk(&world))).await;
        assert_eq!(world.bank.times("transfer W100"), [0, 2 * SECOND]);
        settled_right(&world, &found).await;
    });
}

#[test]
fn a_send_that_was_recorded_too_late_is_dropped() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        let round = Round::new(desk(&world));
        let commits = world.store.commits.load(std::sync::atomic::Ordering::SeqCst);
        world.store.shut_gate();
        round.go().await;
        until(|| world.store.commits.load(std::sync::atomic::Ordering::SeqCst) > commits).await;
        world.pass(10 * SECOND + 1);
        world.store.let_through(1_000);
        round.settled().await;
        assert_eq!(world.bank.count("transfer W100"), 0);
        assert_eq!(world.withdrawal("W100").await.status, Unknown);
        let found = until_certain(&world, &round).await;
        assert_eq!((found.status, world.bank.count("transfer W100")), (Succeeded, 1));
        settled_right(&world, &found).await;
    });
}

/// The process dies with the try recorded or not, sent or not, paid or not, its outcome recorded or not. The next one is
/// never told which.
#[test]
fn a_crash_at_any_step_pays_once_or_gives_back() {
    let doubt = || Commit::Doubt("the process dies".into());
    type Crash = (&'static str, Option<Fault>, Option<Loss>, Option<Fault>, WithdrawalStatus);
    let crashes: [Crash; 7] = [
        ("before the try is recorded", Some(Fault::Answer(doubt())), None, None, Succeeded),
        ("with the try recorded", Some(Fault::WriteThen(doubt())), None, None, Failed),
        ("while the transfer is on its way", None, Some(Loss::HangsBefore), None, Failed),
        ("after the transfer was paid", None, Some(Loss::HangsAfter), None, Succeeded),
        ("before success is recorded", None, None, Some(Fault::Answer(doubt())), Succeeded),
        ("with success recorded", None, None, Some(Fault::WriteThen(doubt())), Succeeded),
        (
            "before doubt is recorded",
            None,
            Some(Loss::After),
            Some(Fault::Answer(doubt())),
            Succeeded,
        ),
    ];
    for (when, at_sending, at_transfer, at_outcome, ends) in crashes {
        run(async move |runtime| {
            let mut world = World::new(runtime).await;
            asked(&world).await;
            world.bank.books().losses.extend(at_transfer);
            world.store.script([at_sending, at_outcome]);
            let round = Round::new(desk(&world));
            round.go().await;
            if matches!(at_transfer, Some(Loss::HangsBefore | Loss::HangsAfter)) {
                until(|| world.bank.count("transfer W100") == 1).await;
            } else {
                round.settled().await;
            }
            world.restart().await;
            drop(round);
            let found = until_certain(&world, &Round::new(desk(&world))).await;
            assert_eq!(found.status, ends, "{when}");
            settled_right(&world, &found).await;
            assert!(world.bank.count("transfer W100") <= 1, "{when}");
        });
    }
}

#[test]
fn two_payers_send_one_transfer() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.extend([Loss::After; 2]);
        let (one, other) = (Round::new(desk(&world)), Round::new(desk(&world)));
        tokio::join!(look(&one), look(&other));
        assert_eq!(world.bank.count("transfer W100"), 1);
        let found = until_certain(&world, &one).await;
        settled_right(&world, &found).await;
    });
}

#[test]
fn one_payer_never_has_a_withdrawal_in_hand_twice() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().losses.push_back(Loss::HangsAfter);
        let round = Round::new(desk(&world));
        round.go().await;
        until(|| world.bank.count("transfer W100") == 1).await;
        for _ in 0..10 {
            world.pass(10 * MINUTE);
            round.go().await;
        }
        assert_eq!(world.withdrawal("W100").await.status, Sending);
        assert_eq!((world.bank.count("transfer W100"), world.bank.count("standing W100")), (1, 0));
    });
}

#[test]
fn without_a_certificate_nothing_is_sent() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        asked(&world).await;
        world.bank.books().no_certificate = true;
        look(&Round::new(desk(&world))).await;
        assert_eq!(world.withdrawal("W100").await.status, WithdrawalStatus::Requested);
        assert!(world.bank.books().calls.is_empty());
    });
}

#[test]
fn the_payer_is_woken_by_what_may_go_out_and_by_nothing_else() {
    run(async |runtime| {
        let world = World::new(runtime).await;
        let (engine, m) = (&world.engine, world.m);
        let woken = async || {
            let woken = engine.payouts().notified();
            tokio::time::timeout(Duration::ZERO, woken).await.is_ok()
        };
        earn(engine, m, "O100", 300_000).await;
        assert!(!woken().await);
        engine.withdraw(m, of("W100", 100_001), world.now()).await.unwrap();
        assert!(!woken().await, "it waits for approval");
        let review = |no: &str| Review {
            withdrawal_no: no.parse().unwrap(),
            by: "second".parse().unwrap(),
            reason: "".into(),
        };
        engine.approve(m, review("W100"), world.now()).await.unwrap();
        assert!(woken().await);
        engine.withdraw(m, of("W200", 600), world.now()).await.unwrap();
        assert!(woken().await);
        let payer = Payer::start(desk(&world), runtime.handle());
        until(|| world.bank.books().paid.len() == 2).await;
        payer.stop().await;
        assert_eq!(world.head().await.withdrawn.fen(), 100_601);
    });
}
