//! What holds for any history: heads worked out again from the journal are the stored ones bit for bit, and the past is the
//! same whether a fold begins at a checkpoint or at the first event.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use tally_actors::domain::books::{Key, Record};
use tally_actors::domain::chain::Seq;
use tally_actors::domain::command::{
    Command, Confirm, Question, RecordPrepay, RecordTransfer, Review, RulesChange, StartSending,
    TransferOutcome,
};
use tally_actors::domain::head::Head;
use tally_actors::domain::ids::{MerchantId, WithdrawalNo};
use tally_actors::domain::money::FeeRate;
use tally_actors::domain::replay::{Point, Replay};
use tally_actors::domain::rules::PayoutMethod;
use tally_actors::domain::time::At;
use tally_actors::history::head_at;
use tally_actors::ports::{Batch, Commit, Store};

use super::super::{audit, stored_head};
use super::Books;
use crate::fixture::{self, full_life, id};

/// Histories that are tried. Each begins with every kind of event.
const HISTORIES: u32 = 40;

/// What a merchant may be asked, of a few orders and withdrawals, so that they meet.
#[derive(Debug, Clone)]
enum Step {
    Open(u8),
    Prepay(u8),
    Pay(u8, bool),
    Closing(u8),
    Close(u8),
    Settle(u8, bool),
    Withdraw(u8, Option<u64>),
    Review(u8, bool),
    Confirm(u8, bool),
    Send(u8),
    Transfer(u8, u8),
    Rules(u16, Option<u8>, bool),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    let few = 0..6_u8;
    let any = proptest::bool::ANY;
    prop_oneof![
        few.clone().prop_map(Step::Open),
        few.clone().prop_map(Step::Prepay),
        (few.clone(), any).prop_map(|(no, exact)| Step::Pay(no, exact)),
        few.clone().prop_map(Step::Closing),
        few.clone().prop_map(Step::Close),
        (few.clone(), any).prop_map(|(no, all)| Step::Settle(no, all)),
        (few.clone(), proptest::option::of(100..3_000_u64))
            .prop_map(|(no, fen)| Step::Withdraw(no, fen)),
        (few.clone(), any).prop_map(|(no, yes)| Step::Review(no, yes)),
        (few.clone(), any).prop_map(|(no, yes)| Step::Confirm(no, yes)),
        few.clone().prop_map(Step::Send),
        (few, 0..4_u8).prop_map(|(no, outcome)| Step::Transfer(no, outcome)),
        (0..=10_000_u16, proptest::option::of(0..4_u8), any)
            .prop_map(|(fee, days, wechat)| Step::Rules(fee, days, wechat)),
        prop_oneof![Just(0), 0..200_000_000_i64].prop_map(Step::Wait),
    ]
}

/// When the withdrawal's last try began.
fn last_try(books: &mut Books, of: &str, withdrawal_no: WithdrawalNo) -> Option<At> {
    let record = books.shops.account(of).books().get(&Key::Withdrawal(withdrawal_no))?;
    if let Record::Withdrawal(made) = record { made.tried_at } else { None }
}

impl Step {
    /// The command; none for time that passes.
    fn command(&self, books: &mut Books, of: &str) -> Option<Command> {
        let order = |no: u8| id(&format!("R{no:03}"));
        let out = |no: u8| id(&format!("W{no:03}"));
        let amount = |no: u8| 1_000 + u64::from(no);
        Some(match *self {
            Self::Open(no) => fixture::open(&format!("R{no:03}"), amount(no), None),
            Self::Prepay(no) => {
                let prepay_id = format!("wx{}", books.shops.now).into();
                Command::RecordPrepay(RecordPrepay { order_no: order(no), prepay_id })
            }
            Self::Pay(no, exact) => {
                let paid_at = books.shops.now.to_string();
                fixture::pay_on(&format!("R{no:03}"), amount(no) + u64::from(!exact), &paid_at)
            }
            Self::Closing(no) => Command::StartClosing(order(no)),
            Self::Close(no) => Command::CloseOrder(order(no)),
            Self::Settle(no, all) => fixture::settle(&format!("R{no:03}"), all, None),
            Self::Withdraw(no, fen) => fixture::withdraw(&format!("W{no:03}"), fen),
            Self::Review(no, yes) => {
                let review =
                    Review { withdrawal_no: out(no), by: id("key-2"), reason: "so".into() };
                if yes { Command::Approve(review) } else { Command::Reject(review) }
            }
            Self::Confirm(no, succeeded) => {
                let (reference, reason) = ("bank-8".into(), "no".into());
                Command::Confirm(Confirm { withdrawal_no: out(no), succeeded, reference, reason })
            }
            Self::Send(no) => {
                let last_try = last_try(books, of, out(no));
                Command::StartSending(StartSending { withdrawal_no: out(no), last_try })
            }
            Self::Transfer(no, outcome) => {
                let now = books.shops.now;
                let tried_at = last_try(books, of, out(no)).unwrap_or_default();
                let asked = Question { tried_at, earliest: now, latest: now };
                let outcome = match outcome {
                    0 => TransferOutcome::Succeeded("wx-8".into()),
                    1 => TransferOutcome::Failed("no".into()),
                    2 => TransferOutcome::NotFound(asked),
                    _ => TransferOutcome::Unknown("a time-out".into()),
                };
                Command::RecordTransfer(RecordTransfer { withdrawal_no: out(no), outcome })
            }
            Self::Rules(fee, days, wechat) => {
                let method = if wechat { PayoutMethod::Wechat } else { PayoutMethod::Manual };
                Command::ChangeRules(RulesChange {
                    fee_bp: FeeRate::from_basis_points(fee),
                    settle_after_days: Some(days),
                    payout_method: Some(Some(method)),
                    approval_over_fen: Some(Some(fixture::fen(1_500))),
                    ..RulesChange::default()
                })
            }
            Self::Wait(ms) => {
                books.shops.now = books.shops.now.plus_ms(ms);
                return None;
            }
        })
    }
}

/// A batch, and whether a checkpoint is kept after it.
type Part = (Vec<Step>, bool);

#[test]
fn the_past_and_the_head_are_what_the_journal_says_for_any_history() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let histories = vec((vec(step(), 1..10), proptest::bool::ANY), 1..14);
    let mut runner = TestRunner::new(Config { cases: HISTORIES, ..Config::default() });
    let tried = runner.run(&histories, |parts| {
        runtime.block_on(check(&parts));
        Ok(())
    });
    tried.unwrap_or_else(|failure| panic!("{failure}"));
}

async fn check(parts: &[Part]) {
    let of = "shop5";
    let mut books = Books::new().await;
    let (first, rest) = (full_life(), full_life().split_off(15));
    books.commit(of, first.into_iter().take(15).collect()).await;
    keep(&books).await;
    books.commit(of, rest).await;
    for (steps, kept) in parts {
        let mut run = None;
        for step in steps {
            let Some(command) = step.command(&mut books, of) else { continue };
            let more = books.shops.run_of_the_allowed(of, &[command]);
            let run = run
                .get_or_insert_with(|| tally_actors::ports::Run { rows: vec![], ..more.clone() });
            run.rows.extend(more.rows);
            run.head = more.head;
        }
        let Some(run) = run.filter(|run| !run.rows.is_empty()) else { continue };
        let batch = Batch { runs: vec![run] }.into();
        assert_eq!(books.store.commit(batch).await, Commit::Committed);
        if *kept {
            keep(&books).await;
        }
    }
    let heads = heads(&books.store, id(of)).await;
    let newest = heads.last().unwrap();
    assert_eq!(Some(newest), books.shops.account(of).head());
    let stored = stored_head(&books.store.read, id(of)).await.unwrap().unwrap();
    assert_eq!(stored.difference(newest), None);
    let report = audit(&books.store.read, None).await.unwrap();
    assert!(report.is_clean() && report.checkpoints > 0, "{report}");
    the_past_is(&books.store, &heads).await;
}

async fn keep(books: &Books) {
    books.tamper("insert or replace into checkpoints select * from heads").await;
}

/// The head after each event, folded from the first.
async fn heads(store: &dyn Store, of: MerchantId) -> Vec<Head> {
    let (mut replay, mut heads) = (Replay::new(of), vec![]);
    for recorded in store.events(of, Seq(1), u32::MAX).await.unwrap() {
        let read = replay.read(recorded.seq, &recorded.hash.0, &recorded.bytes);
        let (link, stamped) = read.unwrap();
        replay.take(link, &stamped).unwrap();
        heads.push(replay.head().unwrap().clone());
    }
    heads
}

/// Every point of the past is told as these heads have it.
async fn the_past_is(store: &dyn Store, heads: &[Head]) {
    let of = heads[0].merchant;
    let ask = async |point| head_at(store, of, point, Seq(0)).await.unwrap();
    assert_eq!(ask(Point::Seq(Seq(0))).await, None);
    assert_eq!(ask(Point::At(heads[0].at.plus_ms(-1))).await, None);
    for head in heads {
        assert_eq!(ask(Point::Seq(head.link.seq)).await.as_ref(), Some(head));
        let last = heads.iter().rfind(|later| later.at == head.at);
        assert_eq!(ask(Point::At(head.at)).await.as_ref(), last);
    }
    let newest = heads.last().unwrap();
    assert_eq!(ask(Point::At(newest.at.plus_ms(1))).await.as_ref(), Some(newest));
    assert_eq!(ask(Point::Seq(newest.link.seq.next())).await.as_ref(), Some(newest));
}
