//! What a webhook is told of: a closed mapping from events, so that a new event does not compile before it has its line here.

use std::fmt;

use tally_actors::domain::event::Event;
use tally_actors::domain::ids::{CaseId, OrderNo, SettlementNo, WithdrawalNo};
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
}

impl fmt::Display for Thing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(no) => write!(f, "order:{no}"),
            Self::Settlement(no) => write!(f, "settlement:{no}"),
            Self::Withdrawal(no) => write!(f, "withdrawal:{no}"),
            Self::Case(id) => write!(f, "case:{id}"),
        }
    }
}

/// What is told of an event, and of what; `None`: nothing. Refunds, and cases that have one, are told in the order of
/// their order: nobody hears of money that went back before it came.
pub(super) fn told(event: &Event) -> Option<(Kind, Thing)> {
    use Thing::{Case, Order, Settlement, Withdrawal};
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
        Event::RefundSucceeded { order_no, .. } | Event::RefundFound { order_no, .. } => {
            (Kind::OrderRefunded, Order(*order_no))
        }
        // What was only heard of, and is not so, was told to nobody.
        Event::RefundFailed { amount: Money::ZERO, .. } => return None,
        Event::RefundFailed { order_no, .. } => (Kind::RefundFailed, Order(*order_no)),
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
        | Event::WithdrawalInRun { .. }
        | Event::SuspenseReleased { .. }
        | Event::AdjustmentRequested { .. }
        | Event::AdjustmentApproved { .. }
        | Event::AdjustmentRejected { .. } => return None,
    })
}

#[cfg(test)]
mod tests {
    use tally_actors::domain::refund::RefundSource;

    use super::*;

    #[test]
    fn a_refund_is_told_in_the_order_of_its_order() {
        let order_no: OrderNo = "A0001".parse().unwrap();
        let (refund_no, fen) = ("R0001".parse().unwrap(), Money::from_fen(100).unwrap());
        let (zero, source) = (Money::ZERO, RefundSource::Available);
        let failed = Event::RefundFailed {
            refund_no,
            order_no,
            amount: fen,
            booked: fen,
            fee: zero,
            to: source,
            reason: "".into(),
        };
        let found = Event::RefundFound {
            refund_no,
            order_no,
            amount: fen,
            booked: fen,
            fee: zero,
            source,
            refund_id: "5".into(),
        };
        let things = [failed, found].map(|event| told(&event).unwrap().1);
        assert_eq!(things, [Thing::Order(order_no); 2]);
    }

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        for kind in Kind::ALL {
            assert_eq!(Kind::of(kind.as_str()), Some(kind));
        }
        assert_eq!(Kind::of("order.lost"), None);
    }
}
