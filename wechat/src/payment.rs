//! A payment as WeChat tells it, the same in a notice and in a query's answer.

use crate::answer::{fen, fen_if_there, text};
use crate::errors::Doubt;
use crate::fields::Fields;
use crate::time::from_compact;

/// The fact that an order was paid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// WeChat's number for the payment.
    pub transaction_id: String,
    /// The order's number.
    pub out_trade_no: String,
    /// The order's amount in fen: what is compared with ours.
    pub total_fee: u64,
    /// The amount in fen without coupons that nobody has funded; only there when it differs.
    pub settlement_total_fee: Option<u64>,
    /// The currency; missing means CNY.
    pub fee_type: Option<String>,
    /// Who paid.
    pub openid: Option<String>,
    /// `JSAPI` for mini-programs.
    pub trade_type: Option<String>,
    /// When it was paid, in milliseconds since 1970-01-01T00:00:00Z.
    pub time_end_ms: i64,
}

impl Payment {
    /// Reads a payment's fields, which must come from a verified document.
    pub(crate) fn read(fields: &Fields) -> Result<Self, Doubt> {
        let optional = |name| fields.filled(name).map(str::to_owned);
        let ended = fields.filled("time_end").and_then(from_compact);
        Ok(Self {
            transaction_id: text(fields, "transaction_id")?,
            out_trade_no: text(fields, "out_trade_no")?,
            total_fee: fen(fields, "total_fee")?,
            settlement_total_fee: fen_if_there(fields, "settlement_total_fee")?,
            fee_type: optional("fee_type"),
            openid: optional("openid"),
            trade_type: optional("trade_type"),
            time_end_ms: ended.ok_or(Doubt::Field("time_end"))?,
        })
    }

    /// What the payment brings before WeChat's charge, in fen.
    pub fn booked_fee(&self) -> u64 {
        self.settlement_total_fee.unwrap_or(self.total_fee)
    }

    /// Whether the currency is ours.
    pub fn is_cny(&self) -> bool {
        self.fee_type.as_deref().is_none_or(|currency| currency == "CNY")
    }
}
