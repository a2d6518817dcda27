//! What people decide, as a client asks for it.

use super::Fen;

/// What people, or the platform's own checks, decide beside the everyday. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Desk {
    /// Open a case about anything.
    Raise {
        /// What is wrong.
        kind: &'static str,
        /// What it is about.
        subject: String,
        /// What was found.
        amount: Option<Fen>,
    },
    /// Decide about a case.
    Resolve {
        /// The case.
        case_id: String,
        /// The remedy, as `api.md` names it.
        remedy: Option<&'static str>,
    },
    /// Freeze, suspend or close the merchant, or take that back.
    Stand {
        /// What, as the journal names it, such as `freeze`.
        change: &'static str,
        /// The newest place in the journal when it was looked for what is under way; for closing.
        seen: Option<u64>,
    },
    /// Say what became of a transfer that the channel tells of no more.
    Attest {
        /// The withdrawal.
        withdrawal_no: String,
        /// It was paid out.
        succeeded: bool,
        /// The admin's key.
        by: String,
    },
    /// Ask for an adjustment of the balance.
    Adjust {
        /// Its number.
        number: String,
        /// What the merchant gets; below zero: what is taken.
        amount: Fen,
        /// The admin's key.
        by: String,
    },
    /// Decide about an adjustment.
    DecideAdjustment {
        /// Its number.
        number: String,
        /// Yes.
        approve: bool,
        /// The admin's key.
        by: String,
    },
    /// Put a withdrawal that is paid out by hand in a bank run.
    Run {
        /// The withdrawal.
        withdrawal_no: String,
        /// The run.
        run_no: String,
        /// The admin's key.
        by: String,
    },
}
