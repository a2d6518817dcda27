//! Short ways to ask for things, and to wait for them.

use std::panic::Location;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;

use crate::domain::chain::Seq;
use crate::domain::event::PaymentSource;
use crate::domain::head::Head;
use crate::domain::ids::MerchantId;
use crate::domain::money::Money;
use crate::domain::order::{Channel, Order};
use crate::domain::rules::{PayoutMethod, Rules};
use crate::domain::time::At;
use crate::domain::withdrawal::WithdrawalRequest;
use crate::engine::{Engine, Made, NewOrder, NewWithdrawal, Number, Options};
use crate::error::EngineError;
use crate::freeze::Freeze;
use crate::ports::{Commit, Store, Trouble};

pub(super) use super::scripted::{Fault, Scripted};

/// Runs a test inside an actix system, with a runtime of its own for the store.
pub(super) fn run<T>(test: impl AsyncFnOnce(&Runtime) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_time()
        .build()
        .unwrap();
    let answer = actix::System::new().block_on(test(&runtime));
    runtime.shutdown_background();
    answer
}

pub(super) fn engine(runtime: &Runtime, store: Arc<Scripted>) -> Engine {
    engine_of(runtime, store, Arc::new(Freeze::never()))
}

/// An engine of which the test says what it knows of restores.
pub(super) fn engine_of(runtime: &Runtime, store: Arc<Scripted>, freeze: Arc<Freeze>) -> Engine {
    let options = Options {
        freeze,
        threads: 2,
        transfers_open: true,
        leave_after: Duration::from_secs(3_600),
        fatal: Arc::new(|why| panic!("fatal: {why}")),
        ..Options::new(runtime.handle().clone())
    };
    Engine::start(store, options)
}

/// An engine on a new store that has one merchant, paid out by hand.
pub(super) async fn with_merchant(runtime: &Runtime) -> (Engine, Arc<Scripted>, MerchantId) {
    let store = Scripted::new(Arc::default(), false);
    let engine = engine(runtime, Arc::clone(&store));
    let merchant = id("m1");
    engine.register(merchant, rules(), now()).await.unwrap();
    (engine, store, merchant)
}

pub(super) fn id(raw: &str) -> MerchantId {
    raw.parse().unwrap()
}

pub(super) fn now() -> At {
    "2026-03-01T04:00:00Z".parse().unwrap()
}

pub(super) fn rules() -> Rules {
    Rules { payout_method: Some(PayoutMethod::Manual), ..Rules::new("a shop") }
}

pub(super) fn fen(amount: u64) -> Money {
    Money::from_fen(amount).unwrap()
}

pub(super) fn new_order(no: &str, amount: u64) -> NewOrder {
    NewOrder {
        number: Number::Chosen(no.parse().unwrap()),
        amount: fen(amount),
        description: "apples".into(),
        channel: Channel::External,
        expires_at: now().plus_ms(7_200_000),
    }
}

pub(super) async fn open(
    engine: &Engine,
    of: MerchantId,
    no: &str,
    amount: u64,
) -> Result<Made<Order>, EngineError> {
    engine.open_order(of, new_order(no, amount), now()).await
}

pub(super) fn payment(no: &str, amount: u64) -> crate::domain::command::Pay {
    crate::domain::command::Pay {
        order_no: no.parse().unwrap(),
        transaction_id: format!("T{no}").parse().unwrap(),
        amount: fen(amount),
        booked: fen(amount),
        paid_at: now(),
        source: PaymentSource::Hand,
        signed: None,
    }
}

/// Opens an order, has it paid, and settles.
pub(super) async fn earn(engine: &Engine, of: MerchantId, no: &str, amount: u64) {
    open(engine, of, no, amount).await.unwrap();
    engine.pay(of, payment(no, amount), now()).await.unwrap();
    let settle =
        crate::engine::NewSettlement { number: Number::Make(None), include_not_due: false };
    engine.settle(of, settle, now()).await.unwrap();
}

pub(super) fn withdrawal(
    number: Number<crate::domain::ids::WithdrawalNo>,
    amount: u64,
) -> NewWithdrawal {
    NewWithdrawal {
        number,
        request: WithdrawalRequest { amount: Some(fen(amount)), settle_first: false },
        asked_by: "admin".parse().unwrap(),
    }
}

pub(super) fn trouble() -> Commit {
    Commit::NotDone(Trouble::Unavailable("as the script says".into()))
}

/// What must come in a test comes in far less, also on a busy machine.
const COMES_WITHIN: Duration = Duration::from_secs(60);

/// Waits until something that must come has come. What does not come fails the test at the line that waits for it.
#[track_caller]
pub(super) fn until(holds: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let waits = Location::caller();
    until_within(COMES_WITHIN, waits, holds)
}

async fn until_within(
    longest: Duration,
    waits: &'static Location<'static>,
    mut holds: impl FnMut() -> bool,
) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < longest, "what {waits} waits for did not come in {longest:?}");
        tokio::task::yield_now().await;
    }
}

#[test]
#[should_panic(expected = "support.rs")]
fn what_does_not_come_fails_the_test_that_waits_for_it() {
    run(async |_| until_within(Duration::ZERO, Location::caller(), || false).await);
}

/// The books of a merchant as its journal has them: heads, records and journal agree, and no number stands twice.
pub(super) async fn audited(store: &Arc<Scripted>, of: MerchantId) -> Head {
    let recorded = store.events(of, Seq(1), u32::MAX).await.unwrap();
    let mut account = crate::domain::account::Account::new(of, None);
    for recorded in recorded {
        let link = account.link().then(&of, &recorded.bytes);
        assert_eq!((link.seq, link.hash), (recorded.seq, recorded.hash), "the chain holds");
        let stamped = crate::domain::event::Stamped::decode(&recorded.bytes).unwrap();
        account.apply(&stamped, link).expect("each event follows from those before it");
    }
    let head = store.heads(vec![of]).await.unwrap().remove(0).unwrap().unwrap();
    assert_eq!(account.head(), Some(&head));
    head
}
