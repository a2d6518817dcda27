//! What a webhook is told of: a closed mapping from events, so that a new event does not compile before it has its line here.

use std::fmt;

use tally_actors::domain::event::Event;
use tally_actors::domain::ids::{CaseId, OrderNo, RefundNo, SettlementNo, WithdrawalNo};
use tally_actors::domain::money::Money;

/// A kind of what is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    OrderPaid,
    OrderClosed,
    SettlementMade,
    WithdrawalSucceeded,
    WithdrawalFailed,
    WithdrawalRejected,
    CaseOpened,
    OrderRefunded,
    RefundFailed,
}

impl Kind {
    /// Each of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::OrderPaid,
        Self::OrderClosed,
        Self::SettlementMade,
        Self::WithdrawalSucceeded,
        Self::WithdrawalFailed,
        Self::WithdrawalRejected,
        Self::CaseOpened,
        Self::OrderRefunded,
        Self::RefundFailed,
    ];

    /// Its name in the API.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::OrderPaid => "order.paid",
            Self::OrderClosed => "order.closed",
            Self::SettlementMade => "settlement.made",
            Self::WithdrawalSucceeded => "withdrawal.succeeded",
            Self::WithdrawalFailed => "withdrawal.failed",
            Self::WithdrawalRejected => "withdrawal.rejected",
            Self::CaseOpened => "case.opened",
            Self::OrderRefunded => "order.refunded",
            Self::RefundFailed => "refund.failed",
        }
    }

    /// The kind of a name.
    pub(crate) fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// What it happened to. All of one thing is told in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Thing {
    Order(OrderNo),
    Settlement(SettlementNo),
    Withdrawal(WithdrawalNo),
    Case(CaseId),
    Refund(RefundNo),
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(no) => write!(f, "order:{no}"),
            Self::Settlement(no) => write!(f, "settlement:{no}"),
            Self::Withdrawal(no) => write!(f, "withdrawal:{no}"),
            Self::Case(id) => write!(f, "case:{id}"),
            Self::Refund(no) => write!(f, "refund:{no}"),
        }
    }
}

/// What is told of an event, and of what; `None`: nothing. A case is told in the order of its order, where it has one.
pub(super) fn told(event: &Event) -> Option<(Kind, Thing)> {
    use Thing::{Case, Order, Refund, Settlement, Withdrawal};
    Some(match event {
        Event::OrderPaid { order_no, .. } => (Kind::OrderPaid, Order(*order_no)),
        Event::OrderClosed { order_no } => (Kind::OrderClosed, Order(*order_no)),
        Event::Settled { settlement_no, .. } => (Kind::SettlementMade, Settlement(*settlement_no)),
        Event::WithdrawalSucceeded { withdrawal_no, .. } => {
            (Kind::WithdrawalSucceeded, Withdrawal(*withdrawal_no))
        }
        Event::WithdrawalFailed { withdrawal_no, .. } => {
            (Kind::WithdrawalFailed, Withdrawal(*withdrawal_no))
        }
        Event::WithdrawalRejected { withdrawal_no, .. } => {
            (Kind::WithdrawalRejected, Withdrawal(*withdrawal_no))
        }
        Event::RefundSucceeded { refund_no, .. } | Event::RefundFound { refund_no, .. } => {
            (Kind::OrderRefunded, Refund(*refund_no))
        }
        // What was only heard of, and is not so, was told to nobody.
        Event::RefundFailed { amount: Money::ZERO, .. } => return None,
        Event::RefundFailed { refund_no, .. } => (Kind::RefundFailed, Refund(*refund_no)),
        Event::CaseOpened { case } => (Kind::CaseOpened, Order(case.order_no)),
        Event::CaseRaised { case } => {
            (Kind::CaseOpened, case.order_no.map_or(Case(case.case_id), Order))
        }
        Event::MerchantRegistered { .. }
        | Event::RulesChanged { .. }
        | Event::OrderOpened { .. }
        | Event::OrderPrepaid { .. }
        | Event::OrderClosing { .. }
        | Event::WithdrawalRequested { .. }
        | Event::WithdrawalApproved { .. }
        | Event::WithdrawalSending { .. }
        | Event::WithdrawalUnknown { .. }
        | Event::WithdrawalAttested { .. }
        | Event::StandingChanged { .. }
        | Event::CaseResolved { .. }
        | Event::RefundRequested { .. }
        | Event::RefundSending { .. }
        | Event::RefundPostponed { .. }
        | Event::RefundUnknown { .. }
        | Event::RefundNoticed { .. }
        | Event::WithdrawalInRun { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::of("order.lost"), None);
    }
}
