//! The trade bill: payments that succeeded on a day, and refunds that were begun on it.

use super::columns::trade::{self as column, COLUMNS, SUM_COUNT, SUMS, WIDTH};
use super::number::{fen, round_to_fen, yuan_e5};
use super::reader::{Bill, Reader};
use super::summary::{Sum, add};
use super::table::Column;
use super::{BillFault, LineFault};
use crate::time::from_dashed;

/// What a row is about. It says nothing about the order's state now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TradeState {
    /// Money came in.
    Success,
    /// A refund was begun.
    Refund,
    /// A payment was taken back at a till.
    Revoked,
}

/// A row. Amounts in fen; texts as WeChat prints them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeRow<'a> {
    /// When the payment succeeded, or the refund was taken; in milliseconds since 1970.
    pub at_ms: i64,
    /// The mini-program.
    pub app_id: &'a str,
    /// The WeChat merchant number.
    pub mch_id: &'a str,
    /// WeChat's number of the payment.
    pub transaction_id: &'a str,
    /// The order's number.
    pub out_trade_no: &'a str,
    /// Who paid.
    pub openid: &'a str,
    /// JSAPI for mini-programs.
    pub trade_type: &'a str,
    /// What the row is about.
    pub state: TradeState,
    /// CNY.
    pub fee_type: &'a str,
    /// What the payment brings before WeChat's charge; 0 for a refund.
    pub settlement_total_fee: i64,
    /// Coupons that were used.
    pub coupon_fee: i64,
    /// The order's amount; 0 for a refund. Old layouts do not tell it apart from `settlement_total_fee`.
    pub total_fee: i64,
    /// The refund, for a row that is about one.
    pub refund: Option<TradeRefund<'a>>,
    /// WeChat's charge in hundred-thousandths of a yuan, as it is printed; negative where it goes back.
    pub charge_e5: i64,
    /// Its rate, such as `0.60%`.
    pub rate: &'a str,
    /// What the order carried.
    pub attach: &'a str,
}

impl TradeRow<'_> {
    /// WeChat's charge in fen, rounded half away from zero.
    pub fn charge_fen(&self) -> i64 {
        round_to_fen(self.charge_e5)
    }
}

/// The refund of a row. Amounts in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TradeRefund<'a> {
    /// WeChat's number.
    pub refund_id: &'a str,
    /// Our number; not ours when a person made it in WeChat's merchant platform.
    pub out_refund_no: &'a str,
    /// What the merchant gives.
    pub settlement_refund_fee: i64,
    /// The part of it that were funded coupons.
    pub coupon_refund_fee: i64,
    /// What was asked for. Old layouts do not tell it apart from `settlement_refund_fee`.
    pub refund_fee: i64,
    /// ORIGINAL, BALANCE, …
    pub channel: &'a str,
    /// PROCESSING, SUCCESS, FAIL or CHANGE, as it was when the bill was made.
    pub status: &'a str,
    /// When it was asked for, in milliseconds since 1970, where the bill says it.
    pub applied_at_ms: Option<i64>,
    /// When the money was back, in milliseconds since 1970, where the bill says it.
    pub success_at_ms: Option<i64>,
}

/// What the rows of a whole bill add up to. Amounts in fen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TradeSummary {
    /// How many there are.
    pub rows: u64,
    /// What payments brought before WeChat's charge.
    pub settlement_total_fee: i64,
    /// What the merchant gave back.
    pub settlement_refund_fee: i64,
    /// The part of it that were funded coupons.
    pub coupon_refund_fee: i64,
    /// WeChat's charge in hundred-thousandths of a yuan.
    pub charge_e5: i64,
    /// The amounts of the orders.
    pub total_fee: i64,
    /// What was asked for to be given back.
    pub refund_fee: i64,
}

/// Reads a trade bill.
#[derive(Debug, Default)]
pub struct TradeReader(Reader<TradeSummary, WIDTH, SUM_COUNT>);

impl TradeReader {
    /// A reader at the start of a bill.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the text, however many, and tells the rows that end in them.
    ///
    /// # Errors
    ///
    /// [`BillFault`]: the bill can't be used, the rows that were told included.
    pub fn push(
        &mut self,
        chunk: &[u8],
        rows: &mut dyn FnMut(TradeRow<'_>),
    ) -> Result<(), BillFault> {
        self.0.push(chunk, rows)
    }

    /// Ends the bill: it is whole, and its summary is what the rows add up to.
    ///
    /// # Errors
    ///
    /// [`BillFault`]: the bill can't be used, the rows that were told included.
    pub fn finish(self, rows: &mut dyn FnMut(TradeRow<'_>)) -> Result<TradeSummary, BillFault> {
        self.0.finish(rows)
    }
}

impl Bill<WIDTH, SUM_COUNT> for TradeSummary {
    type Row<'a> = TradeRow<'a>;

    const COLUMNS: &'static [Column; WIDTH] = &COLUMNS;

    const SUM_COLUMNS: &'static [Column; SUM_COUNT] = &SUMS;

    fn row<'a>(values: &[Option<&'a str>; WIDTH]) -> Result<TradeRow<'a>, LineFault> {
        let text = |at: usize| values[at].unwrap_or_default();
        let wrong = |at: usize| LineFault::Value(COLUMNS[at].names[0]);
        let filled = |at: usize| Some(text(at)).filter(|text| !text.is_empty()).ok_or(wrong(at));
        let state = match text(column::STATE) {
            "SUCCESS" => TradeState::Success,
            "REFUND" => TradeState::Refund,
            "REVOKED" => TradeState::Revoked,
            _ => return Err(wrong(column::STATE)),
        };
        let settlement_total_fee = amount(values, column::SETTLEMENT)?.unwrap_or(0);
        Ok(TradeRow {
            at_ms: from_dashed(text(column::AT)).ok_or(wrong(column::AT))?,
            app_id: text(column::APP_ID),
            mch_id: filled(column::MCH_ID)?,
            transaction_id: filled(column::TRANSACTION_ID)?,
            out_trade_no: filled(column::OUT_TRADE_NO)?,
            openid: text(column::OPENID),
            trade_type: text(column::TRADE_TYPE),
            state,
            fee_type: text(column::FEE_TYPE),
            settlement_total_fee,
            coupon_fee: amount(values, column::COUPON)?.unwrap_or(0),
            total_fee: amount(values, column::TOTAL)?.unwrap_or(settlement_total_fee),
            refund: refund(values, state)?,
            charge_e5: yuan_e5(text(column::CHARGE)).ok_or(wrong(column::CHARGE))?,
            rate: text(column::RATE),
            attach: text(column::ATTACH),
        })
    }

    fn add(&mut self, row: &TradeRow<'_>) -> Result<(), LineFault> {
        self.rows += 1;
        add(&mut self.settlement_total_fee, row.settlement_total_fee, "应结订单金额")?;
        add(&mut self.charge_e5, row.charge_e5, "手续费")?;
        add(&mut self.total_fee, row.total_fee, "订单金额")?;
        if let Some(refund) = &row.refund {
            add(&mut self.settlement_refund_fee, refund.settlement_refund_fee, "退款金额")?;
            add(&mut self.coupon_refund_fee, refund.coupon_refund_fee, "充值券退款金额")?;
            add(&mut self.refund_fee, refund.refund_fee, "申请退款金额")?;
        }
        Ok(())
    }

    fn sums(&self) -> Result<[Sum; SUM_COUNT], LineFault> {
        Ok([
            Sum::Count(self.rows),
            Sum::of_fen(self.settlement_total_fee, "应结订单总金额")?,
            Sum::of_fen(self.settlement_refund_fee, "退款总金额")?,
            Sum::of_fen(self.coupon_refund_fee, "充值券退款总金额")?,
            Sum::E5(self.charge_e5),
            Sum::of_fen(self.total_fee, "订单总金额")?,
            Sum::of_fen(self.refund_fee, "申请退款总金额")?,
        ])
    }
}

type Values<'a> = [Option<&'a str>; WIDTH];

/// The refund's columns are `0` in rows about payments, and not there in bills of payments only.
fn refund<'a>(
    values: &Values<'a>,
    state: TradeState,
) -> Result<Option<TradeRefund<'a>>, LineFault> {
    let text = |at: usize| values[at].unwrap_or_default();
    let number = |at: usize| Some(text(at)).filter(|text| !matches!(*text, "" | "0"));
    let wrong = |at: usize| LineFault::Value(COLUMNS[at].names[0]);
    let settlement_refund_fee = amount(values, column::REFUND)?.unwrap_or(0);
    let coupon_refund_fee = amount(values, column::COUPON_REFUND)?.unwrap_or(0);
    let refund_fee = amount(values, column::REFUND_APPLIED)?.unwrap_or(settlement_refund_fee);
    let (refund_id, out_refund_no) =
        match (number(column::REFUND_ID), number(column::OUT_REFUND_NO)) {
            (Some(id), Some(number)) => (id, number),
            (None, _) if state == TradeState::Refund => return Err(wrong(column::REFUND_ID)),
            (Some(_), None) => return Err(wrong(column::OUT_REFUND_NO)),
            // Money that goes back without a refund's number would be in no sum.
            (None, Some(_)) => return Err(wrong(column::REFUND_ID)),
            (None, None)
                if settlement_refund_fee != 0 || refund_fee != 0 || coupon_refund_fee != 0 =>
            {
                return Err(wrong(column::REFUND_ID));
            }
            (None, None) => return Ok(None),
        };
    let time = |at: usize| match text(at) {
        "" => Ok(None),
        text => from_dashed(text).map(Some).ok_or(wrong(at)),
    };
    Ok(Some(TradeRefund {
        refund_id,
        out_refund_no,
        settlement_refund_fee,
        coupon_refund_fee,
        refund_fee,
        channel: text(column::REFUND_CHANNEL),
        status: text(column::REFUND_STATUS),
        applied_at_ms: time(column::REFUND_AT)?,
        success_at_ms: time(column::REFUND_SUCCESS_AT)?,
    }))
}

/// An amount in fen; `None`: the bill has no such column.
fn amount(values: &Values<'_>, at: usize) -> Result<Option<i64>, LineFault> {
    let wrong = LineFault::Value(COLUMNS[at].names[0]);
    values[at].map(|text| fen(text).ok_or(wrong)).transpose()
}
