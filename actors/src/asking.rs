//! One call at the front door: whether it is sent again, and what its caller hears. A pure machine; the engine is its shell.

use std::time::Duration;

use crate::domain::command::Command;
use crate::error::EngineError;
use crate::limits::{RETRIES_MAX, RETRY_PAUSE_MIN};
use crate::pipeline::{Failure, Outcome};

/// What is to be done after a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Send it again, with the same number, after a pause that grows with the number of tries.
    Again {
        /// How many tries there were.
        tries: u32,
    },
    /// Tell the caller.
    Say(Result<Outcome, EngineError>),
}

/// The tries of one call so far. Each carries the same number and content, so that sending it again is always safe.
#[derive(Debug, Default)]
pub struct Asking {
    tries: u32,
    /// A try went to an incarnation that died with it in hand: it may have happened.
    lost: bool,
    /// Why the newest try certainly did nothing.
    why: String,
}

impl Asking {
    /// Takes what became of a try.
    pub fn heard(&mut self, outcome: Result<Outcome, Failure>) -> Next {
        let failure = match outcome {
            Ok(outcome) => return Next::Say(Ok(outcome)),
            Err(failure) => failure,
        };
        let error = match failure {
            Failure::Refused(refusal) => EngineError::Refused(refusal),
            Failure::Doubt => EngineError::OutcomeUnknown,
            Failure::Defect(what) => self.not_sent(EngineError::Unavailable(what)),
            Failure::NotDone(trouble) => {
                self.why = trouble.to_string();
                return self.again();
            }
            Failure::Lost => {
                self.lost = true;
                return self.again();
            }
        };
        Next::Say(Err(error))
    }

    fn again(&mut self) -> Next {
        self.tries += 1;
        if self.tries > RETRIES_MAX {
            return Next::Say(Err(self.give_up()));
        }
        Next::Again { tries: self.tries }
    }

    /// What the caller hears when a try can't be sent, for this reason: an earlier one may have happened all the same.
    pub fn not_sent(&self, error: EngineError) -> EngineError {
        if self.lost { EngineError::OutcomeUnknown } else { error }
    }

    /// What the caller hears when there is no time for another try.
    pub fn give_up(&self) -> EngineError {
        self.not_sent(EngineError::Unavailable(self.why.clone()))
    }
}

/// How long to wait after so many tries: twice as long each time, with a jitter of so many thousandths.
pub fn pause(tries: u32, jitter: u32) -> Duration {
    let longest = RETRY_PAUSE_MIN * 2_u32.saturating_pow(tries);
    longest / 2 + (longest / 2) * (jitter % 1_000) / 1_000
}

/// What became of a try that was not answered in time: only of a question it is certain that nothing happened.
pub fn overdue(command: &Command) -> EngineError {
    if matches!(command, Command::Read) {
        return EngineError::Unavailable("no answer in time".into());
    }
    EngineError::OutcomeUnknown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::refusal::Refusal;
    use crate::ports::Trouble;

    fn not_done() -> Result<Outcome, Failure> {
        Err(Failure::NotDone(Trouble::DiskFull))
    }

    #[test]
    fn what_certainly_did_not_happen_is_sent_again_a_few_times_and_then_said() {
        let mut asking = Asking::default();
        for tries in 1..=RETRIES_MAX {
            assert_eq!(asking.heard(not_done()), Next::Again { tries });
        }
        let said = EngineError::Unavailable("the disk is full".into());
        assert_eq!(asking.heard(not_done()), Next::Say(Err(said)));
    }

    #[test]
    fn after_a_lost_try_nothing_but_an_answer_or_a_refusal_is_certain() {
        let mut asking = Asking::default();
        assert_eq!(asking.heard(Err(Failure::Lost)), Next::Again { tries: 1 });
        assert_eq!(asking.not_sent(EngineError::Busy), EngineError::OutcomeUnknown);
        assert_eq!(asking.give_up(), EngineError::OutcomeUnknown);
        let defect = asking.heard(Err(Failure::Defect("a bug".into())));
        assert_eq!(defect, Next::Say(Err(EngineError::OutcomeUnknown)));
        let refused = asking.heard(Err(Failure::Refused(Refusal::OrderUnknown)));
        assert_eq!(refused, Next::Say(Err(EngineError::Refused(Refusal::OrderUnknown))));
    }

    #[test]
    fn doubt_is_said_at_once() {
        let doubt = Asking::default().heard(Err(Failure::Doubt));
        assert_eq!(doubt, Next::Say(Err(EngineError::OutcomeUnknown)));
    }
}
