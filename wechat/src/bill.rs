//! The bills of a day: what was traded (`downloadbill`), and what moved on the account (`downloadfundflow`).
//!
//! A bill is read as a stream, in whatever chunks it comes, and holds one line in memory. Rows are told as they come; whether
//! the bill is whole and adds up is known only at its end, so nothing may be done about a row before `finish` has answered.

mod columns;
pub mod fund_flow;
pub mod gzip;
mod lines;
mod number;
mod reader;
pub mod request;
mod summary;
mod table;
pub mod trade;

#[cfg(test)]
mod tests;

pub use fund_flow::{Direction, FundFlowReader, FundRow, FundSummary};
pub use request::{AccountType, BillDay, BillRefusal, BillType};
pub use trade::{TradeReader, TradeRow, TradeState, TradeSummary};

/// Why a bill can't be used, and where. Nothing in such a bill may be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the bill {what}")]
pub struct BillFault {
    /// Counted from 1.
    pub line: u64,
    /// What is wrong with it.
    pub what: LineFault,
}

impl BillFault {
    /// A last line that has no end and makes no sense is half a line.
    fn of_the_last_line(self) -> Self {
        use LineFault::{ColumnMissing, CutOff, Kind, NotUtf8, Value, Values};
        match self.what {
            NotUtf8 | Kind(_) | Values { .. } | ColumnMissing(_) | Value(_) => {
                Self { what: CutOff, ..self }
            }
            CutOff
            | LineFault::TooLong
            | LineFault::ColumnTwice(_)
            | LineFault::Summary(_)
            | LineFault::AfterSummary => self,
        }
    }
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineFault {
    /// Nothing comes after it, and the summary has not come.
    #[error("is the last one and no summary came: the download broke off, fetch the bill again")]
    CutOff,
    /// Not text.
    #[error("is not UTF-8")]
    NotUtf8,
    /// Longer than any that WeChat makes.
    #[error("is over {} bytes long", crate::limits::BILL_LINE_BYTES_MAX)]
    TooLong,
    /// Neither a header nor a row where there must be one.
    #[error("is not the {0} that must stand there")]
    Kind(&'static str),
    /// A value with `,` and a backtick in it, or a line that lacks some.
    #[error("has {found} values, its header has {columns}")]
    Values {
        /// The columns of the header.
        columns: usize,
        /// The values of the line.
        found: usize,
    },
    /// The header lacks a column without which rows mean nothing.
    #[error("lacks the column {0}")]
    ColumnMissing(&'static str),
    /// Two columns of one name.
    #[error("has the column {0} twice")]
    ColumnTwice(&'static str),
    /// A value that its column can't have.
    #[error("has no proper value in the column {0}")]
    Value(&'static str),
    /// The summary does not fit the rows: lines are missing, or were changed.
    #[error("says another {0} than the rows add up to")]
    Summary(&'static str),
    /// Something comes after the summary.
    #[error("comes after the summary")]
    AfterSummary,
}
