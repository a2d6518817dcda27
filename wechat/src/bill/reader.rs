//! What reading every bill has in common: its lines are rows, and in the end their sums are compared with its summary.

use super::lines::Lines;
use super::summary::{Sum, check};
use super::table::{Column, Part, Places, Stage};
use super::{BillFault, LineFault};

/// What the rows of a kind of bill add up to, and with that what makes it that kind: `WIDTH` columns and `SUMS` sums are read.
pub(crate) trait Bill<const WIDTH: usize, const SUMS: usize>: Default + 'static {
    /// A row.
    type Row<'a>;

    /// The columns of the rows.
    const COLUMNS: &'static [Column; WIDTH];

    /// The columns of the summary.
    const SUM_COLUMNS: &'static [Column; SUMS];

    /// The row that has these values.
    fn row<'a>(values: &[Option<&'a str>; WIDTH]) -> Result<Self::Row<'a>, LineFault>;

    /// Adds a row.
    fn add(&mut self, row: &Self::Row<'_>) -> Result<(), LineFault>;

    /// In the order of the summary's columns.
    fn sums(&self) -> Result<[Sum; SUMS], LineFault>;
}

/// Reads a bill.
#[derive(Debug, Default)]
pub(crate) struct Reader<B, const WIDTH: usize, const SUMS: usize> {
    lines: Lines,
    table: Table<B, WIDTH, SUMS>,
}

#[derive(Debug, Default)]
struct Table<B, const WIDTH: usize, const SUMS: usize> {
    stage: Stage,
    columns: Option<Places<WIDTH>>,
    sums: Option<Places<SUMS>>,
    found: B,
}

impl<B: Bill<WIDTH, SUMS>, const WIDTH: usize, const SUMS: usize> Reader<B, WIDTH, SUMS> {
    /// Takes the next bytes of the text, however many, and tells the rows that end in them.
    pub(crate) fn push(
        &mut self,
        chunk: &[u8],
        rows: &mut dyn FnMut(B::Row<'_>),
    ) -> Result<(), BillFault> {
        let table = &mut self.table;
        self.lines.push(chunk, &mut |_, line| table.line(line, rows))
    }

    /// Ends the bill: it is whole, and its summary is what the rows add up to.
    pub(crate) fn finish(mut self, rows: &mut dyn FnMut(B::Row<'_>)) -> Result<B, BillFault> {
        let table = &mut self.table;
        let ended = self.lines.finish(&mut |_, line| table.line(line, rows));
        let line = ended.map_err(BillFault::of_the_last_line)?;
        match self.table.stage {
            Stage::Done => Ok(self.table.found),
            Stage::Start | Stage::Rows | Stage::Sums => {
                Err(BillFault { line, what: LineFault::CutOff })
            }
        }
    }
}

impl<B: Bill<WIDTH, SUMS>, const WIDTH: usize, const SUMS: usize> Table<B, WIDTH, SUMS> {
    fn line(&mut self, line: &str, rows: &mut dyn FnMut(B::Row<'_>)) -> Result<(), LineFault> {
        match self.stage.next(line)? {
            Part::Header => self.columns = Some(Places::find(line, B::COLUMNS)?),
            Part::SummaryHeader => self.sums = Some(Places::find(line, B::SUM_COLUMNS)?),
            Part::Row => {
                let columns = self.columns.as_ref().ok_or(LineFault::Kind("header"))?;
                let row = B::row(&columns.values(line)?)?;
                self.found.add(&row)?;
                rows(row);
            }
            Part::Summary => {
                let sums = self.sums.as_ref().ok_or(LineFault::Kind("summary header"))?;
                check(sums, B::SUM_COLUMNS, line, self.found.sums()?)?;
            }
        }
        Ok(())
    }
}
