//! The front door: one typed method for each order to a merchant. It fills in the numbers that the caller left out before
//! it sends the first time, so that asking again is always safe.

mod answers;
mod calls;
mod cases;
mod channel;
mod refunds;

use std::str::FromStr;
use std::sync::Arc;

use actix::Arbiter;
use tokio::sync::Notify;
use tokio::time::Instant;

use answers::{merchant, misfit, order, withdrawal};
pub use calls::{
    Made, NewAdjustment, NewOrder, NewRefund, NewSettlement, NewWithdrawal, Number, PaidTransfer,
};

use crate::asking::{self, Asking, Next};
use crate::damage::Damage;
use crate::domain::bank_run::PutInRun;
use crate::domain::command::{
    Adopt, Answer, Asked, Attest, Booking, Command, Confirm, OpenOrder, Pay, Review, RulesChange,
    Settle, Withdraw,
};
use crate::domain::head::Head;
use crate::domain::ids::{IdempotencyKey, MerchantId, OrderNo};
use crate::domain::number;
use crate::domain::order::Order;
use crate::domain::refusal::Refusal;
use crate::domain::restored::Restored;
use crate::domain::rules::Rules;
use crate::domain::settlement::Settlement;
use crate::domain::standing::CaseKinds;
use crate::domain::time::At;
use crate::domain::withdrawal::Withdrawal;
use crate::error::EngineError;
use crate::freeze::Freeze;
use crate::inbox::{Ask, Waiter};
use crate::limits;
use crate::news::News;
pub use crate::options::Options;
use crate::pipeline::{Failure, Outcome};
use crate::ports::Store;
use crate::reader::Reader;
use crate::refunder::hints::Hints;
use crate::registry::{Closed, Registry, Terms};
use crate::writer::{Writer, Written};

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    registry: Arc<Registry>,
    store: Arc<dyn Store>,
    arbiters: Arc<Vec<Arbiter>>,
    transfers_open: bool,
    freeze: Arc<Freeze>,
    freeze_on: CaseKinds,
    payouts: Arc<Notify>,
    damage: Arc<Damage>,
    refunds: Arc<Hints>,
}

impl Engine {
    /// Starts the engine on a store. Called inside an actix `System`, as the actors' threads belong to one.
    pub fn start(store: Arc<dyn Store>, options: Options) -> Self {
        let Options { runtime, threads, transfers_open, freeze, freeze_on, leave_after, fatal } =
            options;
        let arbiters: Vec<Arbiter> = (0..threads.max(1)).map(|_| Arbiter::new()).collect();
        let writer = Writer::start(&runtime, &store, &fatal);
        let reader = Reader::start(&runtime, Arc::clone(&store), fatal);
        let registry =
            Registry::new(&arbiters, Terms { shared: store.shared(), leave_after }, writer, reader);
        let (arbiters, payouts) = (Arc::new(arbiters), Arc::default());
        let (refunds, damage) = (Arc::default(), Arc::default());
        Self {
            registry,
            store,
            arbiters,
            transfers_open,
            freeze,
            freeze_on,
            payouts,
            refunds,
            damage,
        }
    }

    /// Takes no more calls and ends the actors and the writer, after the batch in flight. Nothing needs flushing: nothing
    /// was answered that is not stored.
    pub async fn stop(&self) {
        self.registry.close();
        for arbiter in self.arbiters.iter() {
            arbiter.stop();
        }
        self.registry.writer().stop().await;
    }

    /// The registry, for tests of its promises.
    #[cfg(test)]
    pub(crate) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// How many merchants have a live actor.
    pub fn live_merchants(&self) -> usize {
        self.registry.len()
    }

    /// What was handed to the store so far: batches, and events in them.
    pub fn written(&self) -> &Written {
        self.registry.writer().written()
    }

    /// Whose events were just committed here.
    pub fn news(&self) -> &Arc<News> {
        self.registry.writer().news()
    }

    /// What the background work can't read and passes over.
    pub fn damage(&self) -> &Arc<Damage> {
        &self.damage
    }

    /// Asks a merchant, and asks its next incarnation again after a failure that certainly did not happen: same number,
    /// same content, so asking again is safe.
    pub async fn ask(
        &self,
        of: MerchantId,
        command: Command,
        asked: impl Into<Asked>,
    ) -> Result<Made<Answer>, EngineError> {
        let asked = asked.into();
        let deadline = Instant::now() + limits::ANSWER_WAIT_MAX;
        let mut asking = Asking::default();
        loop {
            let outcome = self
                .send(of, command.clone(), asked, deadline)
                .await
                .map_err(|error| asking.not_sent(error))?;
            match asking.heard(outcome) {
                Next::Say(said) => {
                    return said.map(|Outcome { answer, fresh }| Made { thing: answer, fresh });
                }
                Next::Again { tries } if pause(tries, deadline).await => {}
                Next::Again { .. } => return Err(asking.give_up()),
            }
        }
    }

    /// The restore that the books went through, as this process knows at this moment.
    pub fn restored(&self) -> Option<Restored> {
        self.freeze.restored()
    }

    /// Sends a message once and waits for what becomes of it. Each try knows anew whether money may go out.
    async fn send(
        &self,
        of: MerchantId,
        command: Command,
        asked: Asked,
        deadline: Instant,
    ) -> Result<Result<Outcome, Failure>, EngineError> {
        let (addr, call) = self.registry.call(of).map_err(|closed| match closed {
            Closed::Busy => EngineError::Busy,
            Closed::Stopping => EngineError::Unavailable("Tally is stopping".into()),
        })?;
        let overdue = asking::overdue(&command);
        let (restored, sure) = self.freeze.now();
        let asked = Asked { restored, freeze_on: self.freeze_on, ..asked };
        let (waiter, answer) = Waiter::new(call);
        // A message that can't be sent is dropped, and its waiter then says so.
        drop(addr.try_send(Ask { command: Box::new(command), asked, waiter }));
        match tokio::time::timeout_at(deadline, answer).await {
            Ok(Ok(Err(Failure::Refused(Refusal::WithdrawalsFrozen)))) if !sure => {
                Err(EngineError::Unavailable(NOT_SURE.into()))
            }
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_)) => Ok(Err(Failure::Lost)),
            Err(_) => Err(overdue),
        }
    }

    /// Makes a merchant known. A repeat with the same rules is a success.
    pub async fn register(
        &self,
        of: MerchantId,
        rules: Rules,
        asked: impl Into<Asked>,
    ) -> Result<Made<Head>, EngineError> {
        merchant(self.ask(of, Command::Register(rules), asked).await?)
    }

    /// Changes some of a merchant's rules.
    pub async fn change_rules(
        &self,
        of: MerchantId,
        change: RulesChange,
        asked: impl Into<Asked>,
    ) -> Result<Head, EngineError> {
        Ok(merchant(self.ask(of, Command::ChangeRules(change), asked).await?)?.thing)
    }

    /// Where a merchant stands, after everything that was answered before the question.
    pub async fn head(&self, of: MerchantId, asked: impl Into<Asked>) -> Result<Head, EngineError> {
        Ok(merchant(self.ask(of, Command::Read, asked).await?)?.thing)
    }

    /// Opens an order. A repeat with the same content gives the order as it now is.
    pub async fn open_order(
        &self,
        of: MerchantId,
        new: NewOrder,
        asked: impl Into<Asked>,
    ) -> Result<Made<Order>, EngineError> {
        let asked = asked.into();
        let (order_no, idempotency_key) = filled(new.number, asked.at)?;
        let NewOrder { amount, description, channel, expires_at, .. } = new;
        let open =
            OpenOrder { order_no, idempotency_key, amount, description, channel, expires_at };
        order(self.ask(of, Command::OpenOrder(open), asked).await?)
    }

    /// Records that an order was paid, as told by somebody whose word was verified.
    pub async fn pay(
        &self,
        of: MerchantId,
        pay: Pay,
        asked: impl Into<Asked>,
    ) -> Result<(Booking, Option<Order>), EngineError> {
        let answer = self.ask(of, Command::Pay(pay), asked).await?.thing;
        let Answer::Payment(booking, order) = answer else { return Err(misfit(&answer)) };
        Ok((booking, order.map(|order| *order)))
    }

    /// Stops waiting for an order's money.
    pub async fn close_order(
        &self,
        of: MerchantId,
        order_no: OrderNo,
        asked: impl Into<Asked>,
    ) -> Result<Order, EngineError> {
        Ok(order(self.ask(of, Command::CloseOrder(order_no), asked).await?)?.thing)
    }

    /// Settles what is due; `None` when there is nothing.
    pub async fn settle(
        &self,
        of: MerchantId,
        new: NewSettlement,
        asked: impl Into<Asked>,
    ) -> Result<Option<Made<Settlement>>, EngineError> {
        let asked = asked.into();
        let (settlement_no, idempotency_key) = filled(new.number, asked.at)?;
        let settle =
            Settle { settlement_no, idempotency_key, include_not_due: new.include_not_due };
        let Made { thing, fresh } = self.ask(of, Command::Settle(settle), asked).await?;
        let Answer::Settlement(made) = thing else { return Err(misfit(&thing)) };
        Ok(made.map(|settlement| Made { thing: *settlement, fresh }))
    }

    /// Requests a withdrawal.
    pub async fn withdraw(
        &self,
        of: MerchantId,
        new: NewWithdrawal,
        asked: impl Into<Asked>,
    ) -> Result<Made<Withdrawal>, EngineError> {
        let asked = asked.into();
        let (withdrawal_no, idempotency_key) = match new.number {
            Number::Make(Some(key)) => {
                let number = number::of_withdrawal(&of, &key).parse();
                (number.expect("a made number is well-formed"), Some(key))
            }
            other @ (Number::Chosen(_) | Number::Make(None)) => filled(other, asked.at)?,
        };
        let (settlement_no, _) = filled(Number::Make(None), asked.at)?;
        let NewWithdrawal { request, asked_by, .. } = new;
        let transfers_open = self.transfers_open;
        let withdraw = Withdraw {
            withdrawal_no,
            idempotency_key,
            request,
            settlement_no,
            asked_by,
            transfers_open,
        };
        let made = withdrawal(self.ask(of, Command::Withdraw(withdraw), asked).await?)?;
        self.wake_payer(&made.thing);
        Ok(made)
    }

    /// Lets a withdrawal go out.
    pub async fn approve(
        &self,
        of: MerchantId,
        review: Review,
        asked: impl Into<Asked>,
    ) -> Result<Withdrawal, EngineError> {
        let approved = withdrawal(self.ask(of, Command::Approve(review), asked).await?)?.thing;
        self.wake_payer(&approved);
        Ok(approved)
    }

    /// Does not let a withdrawal go out.
    pub async fn reject(
        &self,
        of: MerchantId,
        review: Review,
        asked: impl Into<Asked>,
    ) -> Result<Withdrawal, EngineError> {
        Ok(withdrawal(self.ask(of, Command::Reject(review), asked).await?)?.thing)
    }

    /// Records how a bank run ended.
    pub async fn confirm(
        &self,
        of: MerchantId,
        confirm: Confirm,
        asked: impl Into<Asked>,
    ) -> Result<Withdrawal, EngineError> {
        Ok(withdrawal(self.ask(of, Command::Confirm(confirm), asked).await?)?.thing)
    }

    /// Takes a transfer that the channel paid into restored books that know nothing of it. A repeat is a success.
    pub async fn adopt(
        &self,
        of: MerchantId,
        paid: PaidTransfer,
        asked: impl Into<Asked>,
    ) -> Result<Made<Withdrawal>, EngineError> {
        let asked = asked.into();
        let (settlement_no, _) = filled(Number::Make(None), asked.at)?;
        let PaidTransfer { withdrawal_no, amount, reference, asked_by } = paid;
        let adopt = Adopt { withdrawal_no, amount, reference, settlement_no, asked_by };
        withdrawal(self.ask(of, Command::Adopt(adopt), asked).await?)
    }

    /// Records what an admin says of a transfer that the channel no longer tells of, or ends it where another said the same.
    pub async fn attest(
        &self,
        of: MerchantId,
        attest: Attest,
        asked: impl Into<Asked>,
    ) -> Result<Withdrawal, EngineError> {
        Ok(withdrawal(self.ask(of, Command::Attest(attest), asked).await?)?.thing)
    }

    /// Puts a withdrawal that is paid out by hand in a bank run. A repeat is a success.
    pub async fn put_in_run(
        &self,
        of: MerchantId,
        put: PutInRun,
        asked: impl Into<Asked>,
    ) -> Result<Made<Withdrawal>, EngineError> {
        withdrawal(self.ask(of, Command::PutInRun(put), asked).await?)
    }

    /// What is stored, for questions about the past.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }
}

/// A freeze of which nobody has heard is no final word.
const NOT_SURE: &str = "whether the books were restored could not be read lately";

/// Waits before asking again. `false`: the deadline is too near.
async fn pause(tries: u32, deadline: Instant) -> bool {
    let until = Instant::now() + asking::pause(tries, getrandom::u32().unwrap_or(u32::MAX / 2));
    if until >= deadline {
        return false;
    }
    tokio::time::sleep_until(until).await;
    true
}

/// The number to send, and the caller's key when the number was made for it.
fn filled<N: FromStr>(
    number: Number<N>,
    now: At,
) -> Result<(N, Option<IdempotencyKey>), EngineError> {
    match number {
        Number::Chosen(number) => Ok((number, None)),
        Number::Make(key) => {
            let random =
                getrandom::u64().map_err(|error| EngineError::Unavailable(error.to_string()))?;
            let made =
                number::make(now, random).parse().map_err(|_| "a made number is well-formed");
            Ok((made.map_err(|what: &str| EngineError::Unavailable(what.into()))?, key))
        }
    }
}
