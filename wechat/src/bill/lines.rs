//! Chunks become lines: whatever the size of the chunks, one line in memory, each with its number.

use super::{BillFault, LineFault};
use crate::limits::BILL_LINE_BYTES_MAX;

/// Cuts a stream into lines, at LF or CRLF. A byte order mark is taken off, empty lines are left out and counted.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    /// The line that has begun.
    rest: Vec<u8>,
    /// Lines that have ended.
    ended: u64,
}

impl Lines {
    /// Tells each line that ends in this chunk, with its number.
    pub(crate) fn push(
        &mut self,
        chunk: &[u8],
        tell: &mut dyn FnMut(u64, &str) -> Result<(), LineFault>,
    ) -> Result<(), BillFault> {
        let mut pieces = chunk.split(|byte| *byte == b'\n');
        // What stands before the first line break, or all of the chunk, belongs to the line that had begun.
        let mut piece = pieces.next().unwrap_or_default();
        for next in pieces {
            if self.rest.is_empty() {
                self.end(piece, tell)?;
            } else {
                self.keep(piece)?;
                let mut line = std::mem::take(&mut self.rest);
                self.end(&line, tell)?;
                line.clear();
                self.rest = line;
            }
            piece = next;
        }
        self.keep(piece)
    }

    /// Tells the last line, if it had no end. Answers the number of the last line.
    pub(crate) fn finish(
        &mut self,
        tell: &mut dyn FnMut(u64, &str) -> Result<(), LineFault>,
    ) -> Result<u64, BillFault> {
        let line = std::mem::take(&mut self.rest);
        if !line.is_empty() {
            self.end(&line, tell)?;
        }
        Ok(self.ended.max(1))
    }

    fn keep(&mut self, piece: &[u8]) -> Result<(), BillFault> {
        if self.rest.len() + piece.len() > BILL_LINE_BYTES_MAX {
            return Err(BillFault { line: self.ended + 1, what: LineFault::TooLong });
        }
        self.rest.extend_from_slice(piece);
        Ok(())
    }

    fn end(
        &mut self,
        line: &[u8],
        tell: &mut dyn FnMut(u64, &str) -> Result<(), LineFault>,
    ) -> Result<(), BillFault> {
        self.ended += 1;
        let fault = |what| BillFault { line: self.ended, what };
        if line.len() > BILL_LINE_BYTES_MAX {
            return Err(fault(LineFault::TooLong));
        }
        let text = std::str::from_utf8(line).map_err(|_| fault(LineFault::NotUtf8))?;
        let text = text.strip_suffix('\r').unwrap_or(text);
        let text = if self.ended == 1 { text.trim_start_matches('\u{feff}') } else { text };
        if text.is_empty() { Ok(()) } else { tell(self.ended, text).map_err(fault) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn cut(chunks: &[&[u8]]) -> Result<Vec<(u64, String)>, BillFault> {
        let (mut lines, mut told) = (Lines::default(), vec![]);
        let mut tell = |number, line: &str| {
            told.push((number, line.to_owned()));
            Ok(())
        };
        for chunk in chunks {
            lines.push(chunk, &mut tell)?;
        }
        lines.finish(&mut tell)?;
        Ok(told)
    }

    #[test]
    fn lines_end_at_lf_or_crlf_and_the_last_one_anyhow() {
        let told = cut(&["\u{feff}a\r\n\r\nb\r".as_bytes(), b"\nc\n\nd"]).unwrap();
        let wanted = [(1, "a"), (3, "b"), (4, "c"), (6, "d")];
        assert_eq!(told, wanted.map(|(number, line)| (number, line.to_owned())));
    }

    #[test]
    fn a_line_that_is_too_long_or_no_text_is_named() {
        let long = vec![b'a'; BILL_LINE_BYTES_MAX + 1];
        let too_long = BillFault { line: 2, what: LineFault::TooLong };
        assert_eq!(cut(&[b"a\n", &long]), Err(too_long));
        assert_eq!(cut(&[b"a\n", &[&long[..], b"\n"].concat()]), Err(too_long));
        assert_eq!(cut(&[b"a\n", &long[1..], b"a", b"\n"]), Err(too_long));
        assert!(cut(&[b"a\n", &long[1..], b"\n"]).is_ok());
        let not_text = BillFault { line: 2, what: LineFault::NotUtf8 };
        assert_eq!(cut(&[b"a\n\xff\nb\n"]), Err(not_text));
    }

    proptest! {
        #[test]
        fn chunks_of_any_size_give_the_same_lines(text in "(a|人|\r|\n|\r\n){0,40}", cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let whole = cut(&[text.as_bytes()]).unwrap();
            let mut cuts: Vec<_> = cuts.iter().map(|at| at.index(text.len() + 1)).collect();
            cuts.push(0);
            cuts.push(text.len());
            cuts.sort_unstable();
            let chunks: Vec<_> = cuts.windows(2).map(|pair| &text.as_bytes()[pair[0]..pair[1]]).collect();
            prop_assert_eq!(cut(&chunks).unwrap(), whole);
        }
    }
}
