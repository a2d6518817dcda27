//! From the answer of a merchant to the thing that was asked for.

use super::Made;
use crate::domain::adjustment::Adjustment;
use crate::domain::case::Case;
use crate::domain::command::Answer;
use crate::domain::head::Head;
use crate::domain::order::Order;
use crate::domain::refund::Refund;
use crate::domain::withdrawal::Withdrawal;
use crate::error::EngineError;

/// An answer of another kind than the command's: a bug of ours, of which nobody knows what it recorded.
pub(super) fn misfit(answer: &Answer) -> EngineError {
    tracing::error!(?answer, "an answer that does not belong to its command");
    EngineError::OutcomeUnknown
}

pub(super) fn merchant(made: Made<Answer>) -> Result<Made<Head>, EngineError> {
    let Made { thing, fresh } = made;
    let Answer::Merchant(head) = thing else { return Err(misfit(&thing)) };
    Ok(Made { thing: *head, fresh })
}

pub(super) fn order(made: Made<Answer>) -> Result<Made<Order>, EngineError> {
    let Made { thing, fresh } = made;
    let Answer::Order(order) = thing else { return Err(misfit(&thing)) };
    Ok(Made { thing: *order, fresh })
}

pub(super) fn withdrawal(made: Made<Answer>) -> Result<Made<Withdrawal>, EngineError> {
    let Made { thing, fresh } = made;
    let Answer::Withdrawal(withdrawal) = thing else { return Err(misfit(&thing)) };
    Ok(Made { thing: *withdrawal, fresh })
}

pub(super) fn case(made: Made<Answer>) -> Result<Made<Case>, EngineError> {
    let Made { thing, fresh } = made;
    let Answer::Case(case) = thing else { return Err(misfit(&thing)) };
    Ok(Made { thing: *case, fresh })
}

pub(super) fn refund(made: Made<Answer>) -> Result<Made<Refund>, EngineError> {
    let Made { thing, fresh } = made;
    let Answer::Refund(refund) = thing else { return Err(misfit(&thing)) };
    Ok(Made { thing: *refund, fresh })
}

pub(super) fn adjustment(made: Made<Answer>) -> Result<Made<Adjustment>, EngineError> {
    let Made { thing, fresh } = made;
    let Answer::Adjustment(adjustment) = thing else { return Err(misfit(&thing)) };
    Ok(Made { thing: *adjustment, fresh })
}
