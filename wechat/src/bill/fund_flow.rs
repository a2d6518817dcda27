//! The fund-flow bill: what moved on the merchant's account at WeChat.

use super::columns::fund::{self as column, COLUMNS, SUM_COUNT, SUMS, WIDTH};
use super::number::fen;
use super::reader::{Bill, Reader};
use super::summary::{Sum, add};
use super::table::Column;
use super::{BillFault, LineFault};
use crate::time::from_dashed;

/// Where the money went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To the merchant's account.
    In,
    /// Out of it.
    Out,
}

/// A movement. Texts as WeChat prints them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FundRow<'a> {
    /// When it was booked, in milliseconds since 1970.
    pub at_ms: i64,
    /// The number of the payment, refund or transfer at WeChat.
    pub business_no: &'a str,
    /// The movement's own number: unique.
    pub flow_no: &'a str,
    /// What it was: 交易, 退款, 扣除交易手续费, 提现, …
    pub name: &'a str,
    /// Of which kind.
    pub kind: &'a str,
    /// Where the money went.
    pub direction: Direction,
    /// How much, in fen; never negative.
    pub amount: i64,
    /// What the account held afterwards, in fen.
    pub balance: i64,
    /// Who asked for it.
    pub applicant: &'a str,
    /// Words.
    pub note: &'a str,
    /// The merchant's number of it.
    pub voucher_no: &'a str,
}

/// What the movements of a whole bill add up to. Amounts in fen, both positive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FundSummary {
    /// How many came in.
    pub income_rows: u64,
    /// What they brought.
    pub income: i64,
    /// How many went out.
    pub expense_rows: u64,
    /// What they took.
    pub expense: i64,
}

/// Reads a fund-flow bill.
#[derive(Debug, Default)]
pub struct FundFlowReader(Reader<FundSummary, WIDTH, SUM_COUNT>);

impl FundFlowReader {
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
        rows: &mut dyn FnMut(FundRow<'_>),
    ) -> Result<(), BillFault> {
        self.0.push(chunk, rows)
    }

    /// Ends the bill: it is whole, and its summary is what the rows add up to.
    ///
    /// # Errors
    ///
    /// [`BillFault`]: the bill can't be used, the rows that were told included.
    pub fn finish(self, rows: &mut dyn FnMut(FundRow<'_>)) -> Result<FundSummary, BillFault> {
        self.0.finish(rows)
    }
}

impl Bill<WIDTH, SUM_COUNT> for FundSummary {
    type Row<'a> = FundRow<'a>;

    const COLUMNS: &'static [Column; WIDTH] = &COLUMNS;

    const SUM_COLUMNS: &'static [Column; SUM_COUNT] = &SUMS;

    fn row<'a>(values: &[Option<&'a str>; WIDTH]) -> Result<FundRow<'a>, LineFault> {
        let text = |at: usize| values[at].unwrap_or_default();
        let wrong = |at: usize| LineFault::Value(COLUMNS[at].names[0]);
        let filled = |at: usize| Some(text(at)).filter(|text| !text.is_empty()).ok_or(wrong(at));
        let amount =
            fen(text(column::AMOUNT)).filter(|fen| *fen >= 0).ok_or(wrong(column::AMOUNT))?;
        Ok(FundRow {
            at_ms: from_dashed(text(column::AT)).ok_or(wrong(column::AT))?,
            business_no: text(column::BUSINESS_NO),
            flow_no: filled(column::FLOW_NO)?,
            name: text(column::NAME),
            kind: text(column::KIND),
            direction: match text(column::DIRECTION) {
                "收入" => Direction::In,
                "支出" => Direction::Out,
                _ => return Err(wrong(column::DIRECTION)),
            },
            amount,
            balance: fen(text(column::BALANCE)).ok_or(wrong(column::BALANCE))?,
            applicant: text(column::APPLICANT),
            note: text(column::NOTE),
            voucher_no: text(column::VOUCHER_NO),
        })
    }

    fn add(&mut self, row: &FundRow<'_>) -> Result<(), LineFault> {
        let (count, sum) = match row.direction {
            Direction::In => (&mut self.income_rows, &mut self.income),
            Direction::Out => (&mut self.expense_rows, &mut self.expense),
        };
        *count += 1;
        add(sum, row.amount, COLUMNS[column::AMOUNT].names[0])
    }

    fn sums(&self) -> Result<[Sum; SUM_COUNT], LineFault> {
        Ok([
            Sum::Count(self.income_rows + self.expense_rows),
            Sum::Count(self.income_rows),
            Sum::of_fen(self.income, "收入金额")?,
            Sum::Count(self.expense_rows),
            Sum::of_fen(self.expense, "支出金额")?,
        ])
    }
}
