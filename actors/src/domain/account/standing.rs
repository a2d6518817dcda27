//! Freezing a merchant's withdrawals, suspending and closing a merchant.

use super::super::case::CaseKind;
use super::super::command::{Asked, Stand};
use super::super::event::Event;
use super::super::head::Head;
use super::super::ids::CaseId;
use super::super::money::{Balance, Money};
use super::super::refusal::Refusal;
use super::super::standing::Change;
use super::Account;

/// Something happened while it was looked for what is under way.
const MOVES: &str = "business under way at this moment; ask again";

impl Account {
    pub(super) fn stand(head: &Head, stand: &Stand) -> Result<Vec<Event>, Refusal> {
        let Stand { change, by, .. } = *stand;
        if !head.standing.differs_after(change) {
            return Ok(vec![]);
        }
        match change {
            Change::Freeze | Change::Unfreeze => {}
            Change::Suspend | Change::Resume | Change::Close if head.standing.closed => {
                return Err(Refusal::MerchantClosed);
            }
            Change::Suspend | Change::Resume => {}
            Change::Close => {
                empty(head)?;
                // Orders and refunds are not in the head: whoever looked for them names the state that was looked at.
                if stand.seen != Some(head.link.seq) {
                    return Err(Refusal::MerchantNotEmpty(MOVES));
                }
            }
        }
        let reason = stand.reason.clone();
        Ok(vec![Event::StandingChanged { change, reason, by: Some(by), case_id: None }])
    }

    /// What a command leads to, and the freeze that a case which it opens asks for, in the same message.
    pub(super) fn frozen_by_cases(head: &Head, mut events: Vec<Event>, asked: Asked) -> Vec<Event> {
        let freezes = events
            .iter()
            .find_map(|event| opened(event).filter(|(kind, _)| asked.freeze_on.has(*kind)));
        if let Some((kind, case_id)) = freezes.filter(|_| head.standing.frozen.is_none()) {
            events.push(Event::StandingChanged {
                change: Change::Freeze,
                reason: format!("a case was opened: {}", kind.as_str()).into(),
                by: None,
                case_id: Some(case_id),
            });
        }
        events
    }

    /// No money of the merchant's may go out.
    pub(super) fn refuse_frozen(&self) -> Result<(), Refusal> {
        let frozen = self.head.as_ref().is_some_and(|head| head.standing.frozen.is_some());
        if frozen { Err(Refusal::MerchantFrozen) } else { Ok(()) }
    }
}

/// The case that an event opens.
fn opened(event: &Event) -> Option<(CaseKind, CaseId)> {
    if let Event::CaseOpened { case } = event {
        return Some((case.kind, case.case_id));
    }
    if let Event::CaseRaised { case } = event {
        return Some((case.kind, case.case_id));
    }
    None
}

/// Who has money to come or to give is not closed.
fn empty(head: &Head) -> Result<(), Refusal> {
    let what = if head.pending() != Money::ZERO {
        "money that is not settled"
    } else if head.in_transit != Money::ZERO {
        "a withdrawal under way"
    } else if head.available > Balance::ZERO {
        "money that may be withdrawn"
    } else if head.available < Balance::ZERO {
        "a debt"
    } else {
        return Ok(());
    };
    Err(Refusal::MerchantNotEmpty(what))
}
