//! What is compared: a line of WeChat's bill, and a payment as the journal has it. Amounts in fen.

use serde::{Deserialize, Serialize};
use tally_actors::domain::case::CaseKind;
use tally_actors::domain::channel_no::out_trade_no;
use tally_actors::domain::event::{Event, PaymentSource, Stamped};
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::time::{At, Day};
use tally_wechat::bill::{TradeRow, TradeState};

/// A line of a trade bill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Line {
    /// When the payment succeeded, or the refund was taken, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The order's number at WeChat.
    pub(crate) out_trade_no: String,
    /// WeChat's number of the payment.
    pub(crate) transaction_id: String,
    /// What the line is about.
    pub(crate) what: What,
    /// What the customer paid, or was to get back.
    pub(crate) total_fen: i64,
    /// What it brings the platform, or takes from it, before WeChat's charge.
    pub(crate) booked_fen: i64,
    /// WeChat's charge; negative where it goes back.
    pub(crate) charge_fen: i64,
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum What {
    /// Money came in.
    Paid,
    /// A payment was taken back at a till.
    Revoked,
    /// A refund was begun.
    Refunded(Back),
}

/// What a line about a refund says of it besides its amounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Back {
    /// WeChat's number.
    pub(crate) refund_id: String,
    /// Our number; not ours when a person made it in WeChat's merchant platform.
    pub(crate) out_refund_no: String,
    /// PROCESSING, SUCCESS, FAIL or CHANGE, as it was when the bill was made.
    pub(crate) status: String,
}

/// A payment that the journal has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Own {
    /// When the customer paid, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The order's number at WeChat.
    pub(crate) out_trade_no: String,
    /// WeChat's number of the payment.
    pub(crate) transaction_id: String,
    /// What was booked; of a payment that is held in a case, what the customer paid.
    pub(crate) fen: i64,
    /// Whether it is held in a case, and credited to nobody.
    pub(crate) held: bool,
    /// Whether the bill of its own day lacked it.
    pub(crate) carried: bool,
}

impl Line {
    /// The line of a row.
    pub(crate) fn of(row: &TradeRow<'_>) -> Self {
        let refund = row.refund.as_ref();
        let (what, total_fen, booked_fen) = match (row.state, refund) {
            (TradeState::Refund, Some(refund)) => (
                What::Refunded(Back {
                    refund_id: refund.refund_id.to_owned(),
                    out_refund_no: refund.out_refund_no.to_owned(),
                    status: refund.status.to_owned(),
                }),
                refund.refund_fee,
                refund.settlement_refund_fee,
            ),
            (TradeState::Revoked, _) => (What::Revoked, row.total_fee, row.settlement_total_fee),
            // The reader lets no row of a refund pass that has none.
            (TradeState::Success | TradeState::Refund, _) => {
                (What::Paid, row.total_fee, row.settlement_total_fee)
            }
        };
        Self {
            at_ms: row.at_ms,
            out_trade_no: row.out_trade_no.to_owned(),
            transaction_id: row.transaction_id.to_owned(),
            what,
            total_fen,
            booked_fen,
            charge_fen: row.charge_fen(),
        }
    }
}

impl Own {
    /// The payment in an event, if there is one that WeChat's bill must have too. Money that the admin told of came another way;
    /// a payment after an order or its merchant was closed is booked by an event of its own.
    pub(crate) fn of(merchant: &MerchantId, stamped: &Stamped) -> Option<Self> {
        let (order_no, transaction_id, paid_at, fen, held) = if let Event::OrderPaid {
            order_no,
            transaction_id,
            paid_at,
            booked,
            source: PaymentSource::Notice | PaymentSource::Query,
            ..
        } = &stamped.event
        {
            (order_no, transaction_id, paid_at, booked, false)
        } else if let Event::CaseOpened { case } = &stamped.event
            && !matches!(case.kind, CaseKind::PaidAfterClose | CaseKind::PaidToClosed)
        {
            (&case.order_no, &case.transaction_id, &case.paid_at, &case.amount, true)
        } else {
            return None;
        };
        Some(Self {
            at_ms: paid_at.ms(),
            out_trade_no: out_trade_no(merchant, order_no),
            transaction_id: transaction_id.to_string(),
            fen: i64::try_from(fen.fen()).unwrap_or(i64::MAX),
            held,
            carried: false,
        })
    }

    /// The day in Beijing on which it was paid.
    pub(crate) fn day(&self) -> Day {
        At::from_ms(self.at_ms).day()
    }
}

#[cfg(test)]
mod tests {
    use tally_actors::domain::case::PaymentCase;
    use tally_actors::domain::money::Money;

    use super::*;

    #[test]
    fn a_case_beside_a_booked_payment_is_no_payment_of_its_own() {
        let of: MerchantId = "m1".parse().unwrap();
        let (order_no, transaction_id) = ("A0001".parse().unwrap(), "T1".parse().unwrap());
        let own = |kind| {
            let case = PaymentCase {
                case_id: PaymentCase::id_of(&of, kind, &order_no, &transaction_id),
                kind,
                order_no,
                transaction_id,
                amount: Money::from_fen(5).unwrap(),
                expected: None,
                paid_at: At::default(),
                booked: None,
            };
            let stamped = Stamped::new(At::default(), Event::CaseOpened { case });
            Own::of(&of, &stamped)
        };
        assert!(own(CaseKind::PaidTwice).is_some_and(|own| own.held));
        assert_eq!([CaseKind::PaidAfterClose, CaseKind::PaidToClosed].map(own), [None, None]);
    }
}
