//! The platform's own journal: for facts of no known merchant (`design.md` 3.6). It has a merchant's id that no caller can
//! register, takes nothing but cases, and never holds a merchant's money.

use super::command::Command;
use super::head::Head;
use super::ids::MerchantId;
use super::refusal::Refusal;
use super::rules::Rules;

const ID: &str = "platform";

/// Its id.
pub fn id() -> MerchantId {
    ID.parse().expect("a well-formed merchant id")
}

/// Its rules: nobody can agree on them, as their name is longer than a merchant's may be.
pub fn rules() -> Rules {
    Rules::new("facts of no known merchant, such as payments for orders that nobody opened")
}

/// Whether this is it, and not a merchant of that id from before it was reserved.
pub fn is(head: &Head) -> bool {
    head.merchant.as_str() == ID && *head.rules == rules()
}

/// Refuses what is not for the platform's journal. To everybody else it is not there.
pub(super) fn refuse(
    merchant: &MerchantId,
    head: Option<&Head>,
    command: &Command,
) -> Result<(), Refusal> {
    if merchant.as_str() != ID || head.is_some_and(|head| !is(head)) {
        return Ok(());
    }
    match command {
        Command::RaiseCase(_) | Command::ResolveCase(_) | Command::Read => Ok(()),
        Command::Register(given) if *given == rules() => Ok(()),
        Command::Register(_) => Err(Refusal::Invalid {
            field: "merchant_id",
            reason: "is reserved for the platform's own journal; choose another",
        }),
        Command::ChangeRules(_)
        | Command::OpenOrder(_)
        | Command::RecordPrepay(_)
        | Command::Pay(_)
        | Command::StartClosing(_)
        | Command::CloseOrder(_)
        | Command::Settle(_)
        | Command::Withdraw(_)
        | Command::Approve(_)
        | Command::Reject(_)
        | Command::Confirm(_)
        | Command::StartSending(_)
        | Command::RecordTransfer(_)
        | Command::Adopt(_)
        | Command::Attest(_)
        | Command::RequestAdjustment(_)
        | Command::DecideAdjustment(_)
        | Command::RequestRefund(_)
        | Command::StartRefund(_)
        | Command::RecordRefund(_)
        | Command::NoticeRefund(_)
        | Command::Stand(_)
        | Command::PutInRun(_) => Err(Refusal::MerchantUnknown),
        #[cfg(test)]
        Command::Panic => Ok(()),
    }
}
