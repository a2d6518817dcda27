//! What is claimed of every state, and of every step.

use tally_actors::domain::withdrawal::WithdrawalStatus;

use super::state::{Inapplicable, State, request};
use super::world::{ASKED_FEN, EARNED_FEN, Word, World};
use crate::auditor::Violation;

fn broken(claim: &'static str, what: impl Into<String>) -> Result<(), Violation> {
    Err(Violation { claim, what: what.into() })
}

impl From<Inapplicable> for Violation {
    fn from(Inapplicable(kind): Inapplicable) -> Self {
        let what = format!("the account decided `{kind}` and could not apply it");
        Self { claim: "decided is applicable", what }
    }
}

/// Whether a state keeps what is claimed, given the one before it.
pub(super) fn judge(world: &World, before: &State, state: &State) -> Result<(), Violation> {
    books(state)?;
    if let (Some(was), Some(is)) = (before.withdrawal(), state.withdrawal())
        && was.status.is_final()
        && was.status != is.status
    {
        let (was, is) = (was.status.as_str(), is.status.as_str());
        return broken("final is final", format!("it was `{was}` and is `{is}`"));
    }
    if world.word == Word::None { Ok(()) } else { paid_out(state) }
}

/// Our own books alone, whatever WeChat does.
fn books(state: &State) -> Result<(), Violation> {
    let status = state.withdrawal().map(|withdrawal| withdrawal.status);
    let head = state.account.head().expect("registered in the beginning");
    let stands = (head.available.fen(), head.in_transit.fen(), head.withdrawn.fen());
    let earned = i64::try_from(EARNED_FEN).expect("a small amount");
    let left = earned - i64::try_from(ASKED_FEN).expect("a small amount");
    let wanted = match status {
        None | Some(WithdrawalStatus::Failed | WithdrawalStatus::Rejected) => (earned, 0, 0),
        Some(WithdrawalStatus::Succeeded) => (left, 0, ASKED_FEN),
        Some(
            WithdrawalStatus::AwaitingApproval
            | WithdrawalStatus::Requested
            | WithdrawalStatus::Sending
            | WithdrawalStatus::AwaitingPayee
            | WithdrawalStatus::Unknown,
        ) => (left, ASKED_FEN, 0),
    };
    if stands != wanted {
        let status = status.map_or("not asked for", WithdrawalStatus::as_str);
        return broken(
            "in transit until it is decided",
            format!(
                "it is {status}, and (available, in transit, withdrawn) is {stands:?}, not {wanted:?}"
            ),
        );
    }
    if status.is_some() && state.clone().ask(&request(), state.now)? != Ok(0) {
        return broken(
            "a repeat changes nothing",
            "the repeat of the request was not taken as one",
        );
    }
    Ok(())
}

/// What went out at WeChat, beside what the books say.
fn paid_out(state: &State) -> Result<(), Violation> {
    let paid = state.wechat.paid;
    if paid > 1 {
        return broken("never paid twice", format!("WeChat paid it {paid} times"));
    }
    match state.withdrawal().map(|withdrawal| withdrawal.status) {
        Some(status @ (WithdrawalStatus::Failed | WithdrawalStatus::Rejected)) if paid > 0 => {
            let what = format!("it is `{}`, and WeChat paid it", status.as_str());
            broken("never both returned and paid", what)
        }
        Some(WithdrawalStatus::Succeeded) if paid == 0 => {
            broken("paid is paid", "it is `succeeded`, and WeChat paid nothing")
        }
        Some(_) | None => Ok(()),
    }
}
