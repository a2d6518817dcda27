//! Bank runs (银行批量付款): withdrawals that are paid out by hand, handed to the bank together, each in one run for ever.

use super::ids::{IdempotencyKey, KeyId, RunNo, WithdrawalNo};
use super::number;

/// A withdrawal to put in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PutInRun {
    /// The withdrawal.
    pub withdrawal_no: WithdrawalNo,
    /// The run.
    pub run_no: RunNo,
    /// The admin's key that makes the run.
    pub by: KeyId,
}

/// How a bank run ended.
#[derive(Debug, Clone)]
pub struct Confirm {
    /// The withdrawal.
    pub withdrawal_no: WithdrawalNo,
    /// Whether the bank paid.
    pub succeeded: bool,
    /// The bank's own number.
    pub reference: Box<str>,
    /// Why not, for people.
    pub reason: Box<str>,
}

/// The number of a run that is asked for by a key alone: the same whenever it is made, so that who asks again goes on with the
/// run that broke off.
pub fn number_of(key: &IdempotencyKey) -> RunNo {
    number::of_run(key).parse().expect("a number of 15 letters and digits")
}
