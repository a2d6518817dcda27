//! A case (差错单): something a person must look at, with the facts in it.

use serde::{Deserialize, Serialize};

use super::ids::{CaseId, MerchantId, OrderNo, TransactionId};
use super::money::Money;
use super::number::base62;
use super::time::At;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CaseKind {
    /// An order was paid after it was closed. The money is credited.
    PaidAfterClose,
    /// A second payment for a paid order. The money is credited to nobody.
    PaidTwice,
    /// A payment whose amount is not the order's. The money is credited to nobody.
    AmountDiffers,
    /// A payment whose number is booked for another order. The money is credited to nobody.
    TransactionReused,
    /// A payment for an order that is not known. The money is credited to nobody.
    OrderUnknown,
    /// A refund that Tally did not ask for: a person made it at WeChat. It is booked, if need be as debt.
    RefundByHand,
    /// A refund that WeChat can't finish by itself: the customer's card is gone. The money stays taken.
    RefundStuck,
}

impl CaseKind {
    /// Each of them.
    pub const ALL: [Self; 7] = [
        Self::PaidAfterClose,
        Self::PaidTwice,
        Self::AmountDiffers,
        Self::TransactionReused,
        Self::OrderUnknown,
        Self::RefundByHand,
        Self::RefundStuck,
    ];

    /// Its name in the API and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaidAfterClose => "paid_after_close",
            Self::PaidTwice => "paid_twice",
            Self::AmountDiffers => "amount_differs",
            Self::TransactionReused => "transaction_reused",
            Self::OrderUnknown => "order_unknown",
            Self::RefundByHand => "refund_by_hand",
            Self::RefundStuck => "refund_stuck",
        }
    }
}

/// One case, with the payment or the refund it is about. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// Its id: the same for the same merchant, kind, order and transaction.
    pub case_id: CaseId,
    /// What is wrong.
    pub kind: CaseKind,
    /// The order that the payment named, or of which the refund is.
    pub order_no: OrderNo,
    /// The payment's number; in a case about a refund, the `refund_no`.
    pub transaction_id: TransactionId,
    /// What was paid, or refunded.
    pub amount: Money,
    /// The order's amount, where the order is known.
    pub expected: Option<Money>,
    /// When it was paid, or the refund was asked for or heard of.
    pub paid_at: At,
}

impl Case {
    /// The id of a case about a payment, so that asking again opens no second one.
    pub fn id_of(
        merchant: &MerchantId,
        kind: CaseKind,
        order: &OrderNo,
        transaction: &TransactionId,
    ) -> CaseId {
        let about = format!("{merchant}\n{}\n{order}\n{transaction}", kind.as_str());
        let hash = blake3::hash(about.as_bytes());
        let (high, low) = hash.as_bytes().split_at(8);
        let half = |bytes: &[u8]| {
            base62(u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes")), 8)
        };
        format!("{merchant}-{}{}", half(high), half(low))
            .parse()
            .expect("a merchant id, a dash and 16 digits")
    }
}
