//! Bank runs: withdrawals paid out by hand are gathered for the bank, and what the bank says of them is booked.

use std::sync::Arc;

use tally_actors::domain::bank_run::PutInRun;
use tally_actors::domain::command::{Asked, Confirm};
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::refusal::Refusal;
use tally_actors::engine::Engine;
use tally_actors::error::EngineError;
use tally_storage::Books;
use tally_storage::bank_runs::{BankRun, Waiting};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use crate::keyring::unmade;
use crate::limits::{BANK_RESULTS_WAIT, BANK_RUN_AT_ONCE, BANK_RUN_MAX};
use crate::turn::Turn;
use crate::web::error::ApiError;

/// Whoever makes a run, to its end even when the caller goes away.
pub(crate) struct Maker {
    pub(crate) engine: Engine,
    pub(crate) store: Arc<dyn Books>,
    pub(crate) turn: Arc<Turn>,
}

impl Maker {
    /// Makes a run, or goes on with one that broke off. Says whether this call began it. One that is finished takes nothing new.
    /// One process at a time does it: another that went on with the same run would put in what nobody hands to the bank.
    pub(crate) async fn make(self, wanted: BankRun) -> Result<bool, ApiError> {
        let turn = Arc::clone(&self.turn);
        turn.with(self.go_on(wanted), || ApiError::BankRunElsewhere).await
    }

    async fn go_on(&self, wanted: BankRun) -> Result<bool, ApiError> {
        let fresh = match self.store.bank_run(wanted.run_no).await? {
            Some(known) if known.merchant != wanted.merchant => {
                return Err(ApiError::refused(Refusal::NumberReused));
            }
            Some(known) if known.made => return Ok(false),
            Some(_) => false,
            None => true,
        };
        if fresh {
            self.refuse_frozen(&wanted).await?;
            self.store.begin_bank_run(wanted.clone()).await.map_err(unmade)?;
        }
        let there = self.store.bank_run_items(wanted.run_no).await?.len();
        let mut room = BANK_RUN_MAX.saturating_sub(u32::try_from(there).unwrap_or(BANK_RUN_MAX));
        let mut after = None;
        while room > 0 {
            let limit = room.min(BANK_RUN_AT_ONCE);
            let found = self.store.waiting_for_run(wanted.merchant, after, limit).await?;
            let Some(last) = found.last() else { break };
            after = Some(*last);
            room -= self.put(&wanted, found).await?;
        }
        self.store.finish_bank_run(wanted.run_no).await.map_err(unmade)?;
        Ok(fresh)
    }

    /// Refused before there is a run: nothing could be put in it.
    async fn refuse_frozen(&self, wanted: &BankRun) -> Result<(), ApiError> {
        if self.engine.restored().is_some_and(|restored| restored.frozen) {
            return Err(ApiError::refused(Refusal::WithdrawalsFrozen));
        }
        let Some(merchant) = wanted.merchant else { return Ok(()) };
        let head = self.engine.head(merchant, Asked::new(wanted.at, Some(wanted.by))).await?;
        match head.standing.frozen {
            Some(_) => Err(ApiError::refused(Refusal::MerchantFrozen)),
            None => Ok(()),
        }
    }

    /// Puts these in the run. Says how many are in it; one that went on otherwise meanwhile, or whose merchant is frozen or can't be read,
    /// is left out: a later run has it.
    async fn put(&self, run: &BankRun, found: Vec<Waiting>) -> Result<u32, ApiError> {
        let mut asked = JoinSet::new();
        for Waiting { merchant, withdrawal_no, .. } in found {
            let (engine, at) = (self.engine.clone(), Asked::new(run.at, Some(run.by)));
            let put = PutInRun { withdrawal_no, run_no: run.run_no, by: run.by };
            asked.spawn(async move { engine.put_in_run(merchant, put, at).await });
        }
        let (mut taken, mut failed) = (0, None);
        while let Some(answer) = asked.join_next().await {
            match answer.unwrap_or(Err(EngineError::OutcomeUnknown)) {
                Ok(_) => taken += 1,
                Err(EngineError::Refused(
                    Refusal::MerchantFrozen
                    | Refusal::WithdrawalDecided(_)
                    | Refusal::InAnotherRun(_),
                )) => {}
                Err(EngineError::Unavailable(why)) => {
                    tracing::error!(run = %run.run_no, %why, "a withdrawal is left out of a bank run");
                }
                Err(error) => failed = Some(error),
            }
        }
        failed.map_or(Ok(taken), |error| Err(error.into()))
    }
}

/// What the bank says of one withdrawal, and the line that says so.
pub(crate) struct Said {
    pub(crate) line: usize,
    pub(crate) merchant: MerchantId,
    /// What it was about in fen, where the line says so.
    pub(crate) amount: Option<u64>,
    pub(crate) confirm: Confirm,
}

/// Confirms each by an ordinary message. Gives how many were recorded, and the lines that were not reached, each with why.
pub(crate) async fn confirm_all(
    engine: Engine,
    said: Vec<Said>,
    asked: Asked,
) -> (u64, Vec<(usize, String)>) {
    let deadline = Instant::now() + BANK_RESULTS_WAIT;
    let (mut recorded, mut missed) = (0, vec![]);
    let mut said = said.into_iter().peekable();
    while said.peek().is_some() {
        let mut answers = JoinSet::new();
        for Said { line, merchant, confirm, .. } in said.by_ref().take(BANK_RUN_AT_ONCE as usize) {
            let engine = engine.clone();
            answers.spawn(async move {
                let confirmed = engine.confirm(merchant, confirm, asked);
                let why = match timeout_at(deadline, confirmed).await {
                    Ok(Ok(_)) => return Ok(()),
                    Ok(Err(error)) => error.to_string(),
                    Err(_) => "the store does not answer in time".to_owned(),
                };
                Err((line, why))
            });
        }
        while let Some(answer) = answers.join_next().await {
            match answer {
                Ok(Ok(())) => recorded += 1,
                Ok(Err(miss)) => missed.push(miss),
                Err(ended) => missed.push((0, ended.to_string())),
            }
        }
    }
    missed.sort_unstable();
    (recorded, missed)
}
