//! A case (差错单): something a person must look at, with the facts in it.

use serde::{Deserialize, Serialize};

use super::chain::Seq;
use super::ids::{CaseId, KeyId, MerchantId, OrderNo, RefundNo, TransactionId};
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
    /// A payment whose number is known with other facts. Its money is booked already, or a case holds it.
    TransactionReused,
    /// A payment for an order that is not known. The money is credited to nobody.
    OrderUnknown,
    /// WeChat's bill has a payment or refund that the journal does not have.
    BillOnly,
    /// The journal has a payment or refund that WeChat's bill does not have.
    JournalOnly,
    /// WeChat's bill and the journal name different amounts.
    BillAmount,
    /// WeChat's bill and the journal say different things of how something stands.
    BillStatus,
    /// WeChat's bill and the journal differ in what was refunded.
    BillRefund,
    /// WeChat's own charge is not the agreed one.
    BillFee,
    /// An order was paid after its merchant was closed. The money is credited.
    PaidToClosed,
    /// A refund that Tally did not ask for: a person made it at WeChat. It is booked, if need be as debt.
    RefundByHand,
    /// A refund that WeChat can't finish by itself: the customer's card is gone. The money stays taken.
    RefundStuck,
    /// Money that fitted no order's books was to go back to the customer, and did not. It is credited to nobody, as before.
    RefundFailed,
}

impl CaseKind {
    /// All of them.
    pub const ALL: [Self; 15] = [
        Self::PaidAfterClose,
        Self::PaidTwice,
        Self::AmountDiffers,
        Self::TransactionReused,
        Self::OrderUnknown,
        Self::BillOnly,
        Self::JournalOnly,
        Self::BillAmount,
        Self::BillStatus,
        Self::BillRefund,
        Self::BillFee,
        Self::PaidToClosed,
        Self::RefundByHand,
        Self::RefundStuck,
        Self::RefundFailed,
    ];

    /// Whether the payment that it is about fits no order's books, so that its money is held in suspense.
    fn suspends(self) -> bool {
        matches!(self, Self::PaidTwice | Self::AmountDiffers | Self::OrderUnknown)
    }

    /// The kind of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Its name in the API and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PaidAfterClose => "paid_after_close",
            Self::PaidTwice => "paid_twice",
            Self::AmountDiffers => "amount_differs",
            Self::TransactionReused => "transaction_reused",
            Self::OrderUnknown => "order_unknown",
            Self::BillOnly => "bill_only",
            Self::JournalOnly => "journal_only",
            Self::BillAmount => "bill_amount",
            Self::BillStatus => "bill_status",
            Self::BillRefund => "bill_refund",
            Self::BillFee => "bill_fee",
            Self::PaidToClosed => "paid_to_closed",
            Self::RefundByHand => "refund_by_hand",
            Self::RefundStuck => "refund_stuck",
            Self::RefundFailed => "refund_failed",
        }
    }
}

/// A case about a payment, as its event has it. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentCase {
    /// Its id: the same for the same merchant, kind, order and transaction.
    pub case_id: CaseId,
    /// What is wrong.
    pub kind: CaseKind,
    /// The order that the payment named.
    pub order_no: OrderNo,
    /// The payment's number.
    pub transaction_id: TransactionId,
    /// What was paid.
    pub amount: Money,
    /// The order's amount, where the order is known.
    pub expected: Option<Money>,
    /// When it was paid.
    pub paid_at: At,
    /// What came in (`settlement_total_fee`), which a coupon makes less than what the customer paid. `None`: the event is from before
    /// there was suspense, when money could be booked beside its case, so it holds none.
    pub booked: Option<Money>,
}

impl PaymentCase {
    /// What it puts into suspense: what came in of the money that fits no order's books. Nothing where the money is credited, or was
    /// told of before.
    pub fn suspended(&self) -> Option<Money> {
        self.booked.filter(|came_in| self.kind.suspends() && *came_in > Money::ZERO)
    }

    /// The id of a case about a payment.
    pub fn id_of(
        merchant: &MerchantId,
        kind: CaseKind,
        order: &OrderNo,
        transaction: &TransactionId,
    ) -> CaseId {
        Case::id_of(merchant, kind, &format!("{order}\n{transaction}"))
    }
}

/// What people are told about a case: names and values, in the order in which they are shown.
pub type Facts = Vec<(Box<str>, Box<str>)>;

/// A case about anything, as its event has it. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RaisedCase {
    /// Its id: the same for the same merchant, kind and subject.
    pub case_id: CaseId,
    /// What is wrong.
    pub kind: CaseKind,
    /// The order that it is about, if it is about one.
    pub order_no: Option<OrderNo>,
    /// The payment that it is about, if it is about one.
    pub transaction_id: Option<TransactionId>,
    /// What was found.
    pub amount: Option<Money>,
    /// What should have been found.
    pub expected: Option<Money>,
    /// What else there is to know.
    pub facts: Facts,
}

impl RaisedCase {
    /// What is in suspense for it, since the refund before it failed.
    pub fn suspended(&self) -> Option<Money> {
        self.booked().filter(|_| self.transaction_id.is_some())
    }

    /// What came in of a payment whose refund failed.
    pub fn booked(&self) -> Option<Money> {
        self.expected.filter(|_| self.kind == CaseKind::RefundFailed)
    }
}

/// A case as it stands. Amounts in fen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// Its id.
    pub case_id: CaseId,
    /// What is wrong.
    pub kind: CaseKind,
    /// When it was opened.
    pub opened_at: At,
    /// The event that opened it.
    pub opened_seq: Seq,
    /// The order that it is about, if it is about one.
    pub order_no: Option<OrderNo>,
    /// The payment that it is about, if it is about one.
    pub transaction_id: Option<TransactionId>,
    /// What was found.
    pub amount: Option<Money>,
    /// What should have been found.
    pub expected: Option<Money>,
    /// When it was paid, of a case about a payment.
    pub paid_at: Option<At>,
    /// What else there is to know.
    pub facts: Facts,
    /// Where the money is that was put into suspense for it; `None`: it holds none.
    pub suspense: Option<Suspense>,
    /// What came in of the payment, which a coupon makes less than what the customer paid. `None`: nobody took that down.
    pub booked: Option<Money>,
    /// What a person decided; `None`: it is open.
    pub resolution: Option<Resolution>,
}

/// Where money is that was put into suspense (挂账) for a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspense {
    /// It is held there, and credited to nobody.
    Held,
    /// It left: a remedy moved it, or it was booked for its order after all.
    Released,
}

/// Where money goes that stood in suspense. To customers it goes by a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReleasedTo {
    /// To what the merchant may withdraw, in full: a remedy said so.
    Available,
    /// To the payment's order, which the next event books.
    Order,
}

impl Suspense {
    /// The state of a name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Held, Self::Released].into_iter().find(|state| state.as_str() == name)
    }

    /// Its name in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Released => "released",
        }
    }
}

/// What a person decided about a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolution {
    /// When.
    pub at: At,
    /// The admin's key.
    pub by: KeyId,
    /// Why, for people.
    pub note: Box<str>,
    /// What was done about it.
    pub remedy: Option<Remedy>,
}

/// What may be done about a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Remedy {
    /// Nothing is to be done.
    Accept,
    /// The money in suspense becomes the merchant's, in full.
    Credit,
    /// The money in suspense goes back to the customer.
    Refund,
}

impl Remedy {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Accept, Self::Credit, Self::Refund];

    /// The remedy of a name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|remedy| remedy.as_str() == name)
    }

    /// Its name in the API and in SQL.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Accept => "accept",
            Self::Credit => "credit",
            Self::Refund => "refund",
        }
    }

    /// Whether it takes money out of suspense.
    pub fn releases(self) -> bool {
        match self {
            Self::Accept => false,
            Self::Credit | Self::Refund => true,
        }
    }
}

impl Case {
    /// The id of a case of a merchant about a subject, so that finding it again opens no second one.
    pub fn id_of(merchant: &MerchantId, kind: CaseKind, subject: &str) -> CaseId {
        let about = format!("{merchant}\n{}\n{subject}", kind.as_str());
        let hash = blake3::hash(about.as_bytes());
        let (high, low) = hash.as_bytes().split_at(8);
        let half = |bytes: &[u8]| {
            base62(u64::from_be_bytes(bytes[..8].try_into().expect("eight bytes")), 8)
        };
        format!("{merchant}-{}{}", half(high), half(low))
            .parse()
            .expect("a merchant id, a dash and 16 digits")
    }

    /// The case about a payment that an event opened.
    pub fn of_payment(opened: &PaymentCase, seq: Seq, at: At) -> Self {
        Self {
            case_id: opened.case_id,
            kind: opened.kind,
            opened_at: at,
            opened_seq: seq,
            order_no: Some(opened.order_no),
            transaction_id: Some(opened.transaction_id),
            amount: Some(opened.amount),
            expected: opened.expected,
            paid_at: Some(opened.paid_at),
            facts: vec![],
            suspense: opened.suspended().map(|_| Suspense::Held),
            booked: opened.booked,
            resolution: None,
        }
    }

    /// The case that an event raised.
    pub fn raised(raised: &RaisedCase, seq: Seq, at: At) -> Self {
        let RaisedCase { case_id, kind, order_no, transaction_id, amount, expected, facts } =
            raised.clone();
        Self {
            case_id,
            kind,
            opened_at: at,
            opened_seq: seq,
            order_no,
            transaction_id,
            amount,
            expected,
            paid_at: None,
            facts,
            suspense: raised.suspended().map(|_| Suspense::Held),
            booked: raised.booked(),
            resolution: None,
        }
    }

    /// The money that is held in suspense for it.
    pub fn held(&self) -> Option<Money> {
        self.booked.filter(|_| self.suspense == Some(Suspense::Held))
    }

    /// What may be done about it now, what is proposed first. `refunds_open`: whether WeChat refunds can be made at all.
    pub fn remedies(&self, refunds_open: bool) -> &'static [Remedy] {
        use Remedy::{Accept, Credit, Refund};
        match (&self.resolution, self.held()) {
            (Some(_), _) => &[],
            (None, None) => &[Accept],
            (None, Some(_)) if refunds_open && self.is_of_an_order() => &[Refund, Credit, Accept],
            (None, Some(_)) => &[Credit, Accept],
        }
    }

    /// Whether the books know its order, as a refund is one of an order.
    fn is_of_an_order(&self) -> bool {
        self.order_no.is_some() && self.kind != CaseKind::OrderUnknown
    }

    /// The number of the refund that its remedy makes: always the same, so it is made once. `None`: no case has such an id.
    pub fn refund_no(case_id: &CaseId) -> Option<RefundNo> {
        let (_, digits) = case_id.as_str().split_once('-')?;
        format!("SR{digits}").parse().ok()
    }
}
