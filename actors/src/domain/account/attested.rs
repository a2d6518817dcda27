//! What two admins say of a transfer that is so old that WeChat tells of it no more. Nobody else can end it: its money would be
//! in transit for ever.

use super::super::command::{Asked, Attest, newest_try};
use super::super::event::Event;
use super::super::refusal::Refusal;
use super::super::withdrawal::WithdrawalStatus;
use super::Account;
use super::withdrawals::outcome;
use crate::limits::CHANNEL_TELLS_FOR_MS;
use crate::mutant::{self, Mutant};

impl Account {
    /// The first admin's word is recorded and moves nothing; the same of a second ends the withdrawal.
    pub(super) fn attest(&self, attest: &Attest, asked: Asked) -> Result<Vec<Event>, Refusal> {
        let withdrawal = self.withdrawal(&attest.withdrawal_no)?;
        let repeat = match withdrawal.status {
            WithdrawalStatus::Unknown => false,
            WithdrawalStatus::Succeeded => {
                attest.succeeded && withdrawal.reference.as_deref() == Some(&*attest.reference)
            }
            WithdrawalStatus::Failed => !attest.succeeded,
            WithdrawalStatus::AwaitingApproval
            | WithdrawalStatus::Requested
            | WithdrawalStatus::Sending
            | WithdrawalStatus::AwaitingPayee
            | WithdrawalStatus::Rejected => return Err(Refusal::NotManual),
        };
        if withdrawal.status != WithdrawalStatus::Unknown {
            return if repeat { Ok(vec![]) } else { Err(Refusal::NotManual) };
        }
        if asked.is_frozen() {
            return Err(Refusal::WithdrawalsFrozen);
        }
        // One without a try of its own is asked about for ever, and never sent.
        let tried_at = withdrawal.tried_at.ok_or(Refusal::NotManual)?;
        let until = newest_try(tried_at, asked.restored).plus_ms(CHANNEL_TELLS_FOR_MS);
        if asked.at < until {
            return Err(Refusal::StillTold { until });
        }
        let Attest { withdrawal_no, succeeded, reference, reason, by, first } = attest;
        match first {
            None => Ok(vec![Event::WithdrawalAttested {
                withdrawal_no: *withdrawal_no,
                succeeded: *succeeded,
                reference: reference.clone(),
                reason: reason.clone(),
                by: *by,
            }]),
            Some(first) if first.by == *by && !mutant::on(Mutant::AttestedAlone) => {
                Err(Refusal::SameKey)
            }
            Some(first) => {
                let words = format!("{reason} (first said by {}, event {})", first.by, first.seq);
                Ok(vec![outcome(withdrawal, *succeeded, reference, &words)])
            }
        }
    }
}
