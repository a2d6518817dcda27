//! Which withdrawals a bank run may take: each once, for ever.

use super::super::bank_run::PutInRun;
use super::super::command::Asked;
use super::super::event::Event;
use super::super::refusal::Refusal;
use super::super::rules::PayoutMethod;
use super::super::withdrawal::WithdrawalStatus;
use super::Account;
use crate::mutant::{self, Mutant};

impl Account {
    /// A repeat is a success whatever became of the withdrawal since; another run is refused.
    pub(super) fn put_in_run(&self, put: &PutInRun, asked: Asked) -> Result<Vec<Event>, Refusal> {
        let PutInRun { withdrawal_no, run_no, by } = *put;
        let withdrawal = self.withdrawal(&withdrawal_no)?;
        if withdrawal.method != PayoutMethod::Manual {
            return Err(Refusal::NotManual);
        }
        let twice = mutant::on(Mutant::PutInTwoRuns);
        if let Some(known) = self.books.in_run(&withdrawal_no).filter(|_| !twice) {
            return if *known == run_no { Ok(vec![]) } else { Err(Refusal::InAnotherRun(*known)) };
        }
        if withdrawal.status != WithdrawalStatus::Requested && !twice {
            return Err(Refusal::WithdrawalDecided(withdrawal.status.as_str()));
        }
        if asked.is_frozen() {
            return Err(Refusal::WithdrawalsFrozen);
        }
        self.refuse_frozen()?;
        Ok(vec![Event::WithdrawalInRun { withdrawal_no, run_no, by }])
    }
}
