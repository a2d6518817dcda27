//! The case that a difference becomes: the same however often it is found, with its facts and what may be done.

use tally_actors::domain::case::{CaseKind, Facts};
use tally_actors::domain::channel_no::{read_out_trade_no, read_transfer_no};
use tally_actors::domain::command::RaiseCase;
use tally_actors::domain::ids::MerchantId;
use tally_actors::domain::money::Money;
use tally_actors::domain::time::Day;

use super::compare::Difference;

/// The longest value of a fact that a bill can bring, in characters.
const FACT_CHARS_MAX: usize = 128;

impl Difference {
    /// Its name: the same for the same thing.
    pub(super) fn id(&self) -> String {
        let about = format!("{}\n{}", self.kind.as_str(), self.subject());
        blake3::hash(about.as_bytes()).to_hex()[..32].to_owned()
    }

    fn subject(&self) -> String {
        format!("{}\n{}\n{}", self.number, self.transaction_id, self.part)
    }

    /// Whose order or withdrawal it names, by the number alone: there need be no such merchant.
    pub(super) fn merchant(&self) -> Option<MerchantId> {
        let order = read_out_trade_no(&self.number).map(|(of, _)| of);
        order.or_else(|| read_transfer_no(&self.number).map(|(of, _)| of))
    }

    /// What is to be opened.
    pub(super) fn raise(&self, day: Day) -> RaiseCase {
        let fen = |fen: Option<i64>| fen.and_then(|fen| Money::from_fen(fen.unsigned_abs()));
        let texts = [
            ("bill_date", day.to_string()),
            ("number", self.number.clone()),
            ("transaction_id", self.transaction_id.clone()),
            ("part", self.part.clone()),
            ("at", self.at.to_string()),
            ("what", self.what.clone()),
            ("proposal", proposal(self.kind).to_owned()),
        ];
        let facts: Facts = texts
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.into(), plain(&value).into()))
            .collect();
        RaiseCase {
            kind: self.kind,
            subject: self.subject().into(),
            order_no: read_out_trade_no(&self.number).map(|(_, order_no)| order_no),
            transaction_id: self.transaction_id.parse().ok(),
            amount: fen(self.bill_fen),
            expected: fen(self.own_fen),
            facts,
        }
    }
}

/// A text as a fact may have it: numbers in a bill may have been made by anybody.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(FACT_CHARS_MAX).collect()
}

/// What a person may do.
fn proposal(kind: CaseKind) -> &'static str {
    match kind {
        CaseKind::BillOnly => {
            "find the order or transfer in WeChat's merchant platform; refund it, or book it"
        }
        CaseKind::JournalOnly => {
            "look the payment up at WeChat by its number; if it is not there, recover the money from the merchant"
        }
        CaseKind::BillAmount => {
            "take WeChat's amount for the right one; adjust the merchant's balance by the difference"
        }
        CaseKind::BillStatus => "have the order or withdrawal looked up at WeChat again",
        CaseKind::BillRefund => {
            "look the refund up in WeChat's merchant platform; what it has is what the customer got: take the difference from the merchant, or give it back"
        }
        CaseKind::BillFee => "compare the rate with the contract; ask WeChat for the difference",
        CaseKind::PaidAfterClose
        | CaseKind::PaidTwice
        | CaseKind::AmountDiffers
        | CaseKind::TransactionReused
        | CaseKind::OrderUnknown
        | CaseKind::PaidToClosed
        | CaseKind::RefundByHand
        | CaseKind::RefundStuck => "",
    }
}
