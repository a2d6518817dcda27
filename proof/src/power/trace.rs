//! The trace of a run: what the process changed on its disk, and which syncs it was told were done (`shim/forgetful.c` writes it).

/// The size of what a record begins with: four numbers of 64 bits.
const HEADER: usize = 32;

/// What was done to the disk. Files are named by their inodes, which a later [`Op::Create`] may use again; paths begin at the
/// folder that the watched one is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Bytes were written at an offset.
    Write {
        /// The file.
        inode: u64,
        /// Where the bytes begin.
        at: u64,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A file was made as long as this; what is added is zero.
    Truncate {
        /// The file.
        inode: u64,
        /// Its new length in bytes.
        length: u64,
    },
    /// An empty file was made.
    Create {
        /// The file.
        inode: u64,
        /// Its name.
        path: String,
    },
    /// A folder was made.
    MakeFolder {
        /// Its name.
        path: String,
    },
    /// A name was removed.
    Unlink {
        /// The name.
        path: String,
    },
    /// A file got another name, and lost the old one in the same step.
    Rename {
        /// The old name.
        from: String,
        /// The new name.
        to: String,
    },
    /// A file was synced: the process was told that what had been done to it before record `begun` is on disk.
    Sync {
        /// The file.
        inode: u64,
        /// How many records there were when the sync began.
        begun: u64,
    },
    /// The same for the names in a folder.
    SyncFolder {
        /// The folder.
        path: String,
        /// How many records there were when the sync began.
        begun: u64,
    },
}

/// Why a trace says nothing about a disk.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TraceFault {
    /// The process did something that the shim can't tell.
    #[error("record {number}: the process used {what}, which the trace can't tell")]
    Untold {
        /// The record.
        number: u64,
        /// What it used.
        what: String,
    },
    /// A record is of no known kind, or holds no text where it should.
    #[error("record {0} is malformed")]
    Malformed(u64),
    /// A record is about a file or a folder that nobody made.
    #[error("record {number}: nobody made {what}")]
    Unknown {
        /// The record.
        number: u64,
        /// The inode, or the path.
        what: String,
    },
}

/// A record that was read: its header, and its bytes.
struct Record<'t> {
    kind: u64,
    inode: u64,
    at: u64,
    bytes: &'t [u8],
}

/// Reads a trace: its operations, each with the number of its record. SIGKILL may have cut the last record short: what that one
/// was to announce was not done yet.
pub fn parse(mut trace: &[u8]) -> Result<Vec<(u64, Op)>, TraceFault> {
    let mut ops: Vec<(u64, Op)> = vec![];
    let mut number = 0;
    while let Some((record, rest)) = next_record(trace) {
        let last = number;
        trace = rest;
        match record.kind {
            9 => cut_short(&mut ops, last, record.at)?,
            10 if !undone(trace) => {
                let what = String::from_utf8_lossy(record.bytes).into_owned();
                return Err(TraceFault::Untold { number, what });
            }
            10 => {}
            _ => ops.push((number, op(&record).ok_or(TraceFault::Malformed(number))?)),
        }
        number += 1;
    }
    Ok(ops)
}

fn next_record(trace: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let (header, rest) = trace.split_at_checked(HEADER)?;
    let mut numbers = header.chunks_exact(8).map(|raw| {
        u64::from_ne_bytes(raw.try_into().expect("chunks of 8")) // by a process of this machine
    });
    let mut next = || numbers.next().expect("a header holds four numbers");
    let (kind, inode, at, size) = (next(), next(), next(), next());
    let (bytes, rest) = rest.split_at_checked(usize::try_from(size).ok()?)?;
    Some((Record { kind, inode, at, bytes }, rest))
}

/// Whether the record that comes next says that the one before it failed.
fn undone(rest: &[u8]) -> bool {
    next_record(rest).is_some_and(|(record, _)| record.kind == 9)
}

/// The record before was done for so many bytes only; what is not a write was then not done at all.
fn cut_short(ops: &mut Vec<(u64, Op)>, number: u64, done: u64) -> Result<(), TraceFault> {
    let of_the_one_before = ops.pop_if(|(of, _)| *of + 1 == number);
    if let Some((of, Op::Write { inode, at, mut bytes })) = of_the_one_before {
        bytes.truncate(usize::try_from(done).map_err(|_| TraceFault::Malformed(number))?);
        if !bytes.is_empty() {
            ops.push((of, Op::Write { inode, at, bytes }));
        }
    }
    Ok(())
}

fn op(record: &Record<'_>) -> Option<Op> {
    let Record { kind, inode, at, bytes } = *record;
    let text = || std::str::from_utf8(bytes).ok().map(str::to_owned);
    Some(match kind {
        1 => Op::Write { inode, at, bytes: bytes.to_vec() },
        2 => Op::Truncate { inode, length: at },
        3 => Op::Create { inode, path: text()? },
        4 => Op::MakeFolder { path: text()? },
        5 => Op::Unlink { path: text()? },
        6 => {
            let paths = text()?;
            let (from, to) = paths.split_once('\0')?;
            Op::Rename { from: from.to_owned(), to: to.to_owned() }
        }
        7 => Op::Sync { inode, begun: at },
        8 => Op::SyncFolder { path: text()?, begun: at },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(kind: u64, inode: u64, at: u64, bytes: &[u8]) -> Vec<u8> {
        let numbers = [kind, inode, at, bytes.len() as u64];
        let header = numbers.iter().flat_map(|number| number.to_ne_bytes());
        header.chain(bytes.iter().copied()).collect()
    }

    fn write(number: u64, bytes: &[u8]) -> (u64, Op) {
        (number, Op::Write { inode: 7, at: 4, bytes: bytes.to_vec() })
    }

    #[test]
    fn each_kind_of_record_is_read() {
        let text = |text: &str| text.to_owned();
        let trace = [
            record(4, 0, 0, b"data"),
            record(3, 7, 0, b"data/a"),
            record(1, 7, 4, b"hello"),
            record(2, 7, 6, b""),
            record(7, 7, 3, b""),
            record(6, 0, 0, b"data/a\0data/b"),
            record(5, 0, 0, b"data/b"),
            record(8, 0, 7, b"data"),
        ];
        let expected = [
            Op::MakeFolder { path: text("data") },
            Op::Create { inode: 7, path: text("data/a") },
            Op::Write { inode: 7, at: 4, bytes: b"hello".to_vec() },
            Op::Truncate { inode: 7, length: 6 },
            Op::Sync { inode: 7, begun: 3 },
            Op::Rename { from: text("data/a"), to: text("data/b") },
            Op::Unlink { path: text("data/b") },
            Op::SyncFolder { path: text("data"), begun: 7 },
        ];
        let expected: Vec<_> = (0..).zip(expected).collect();
        assert_eq!(parse(&trace.concat()), Ok(expected));
    }

    #[test]
    fn a_last_record_that_was_cut_off_is_left_out() {
        let whole = record(1, 7, 4, b"hello");
        let two = [whole.clone(), record(1, 7, 4, b"world")].concat();
        for end in whole.len()..two.len() {
            assert_eq!(parse(&two[..end]), Ok(vec![write(0, b"hello")]), "{end} bytes");
        }
        assert_eq!(parse(&two), Ok(vec![write(0, b"hello"), write(1, b"world")]));
    }

    #[test]
    fn what_was_not_done_is_taken_back() {
        let trace = [
            record(1, 7, 4, b"hello"),
            record(9, 0, 2, b""), // 2 bytes of it
            record(1, 7, 4, b"hello"),
            record(9, 0, 0, b""), // nothing
            record(5, 0, 0, b"data/a"),
            record(9, 0, 0, b""), // no such file
            record(10, 0, 0, b"something odd"),
            record(9, 0, 0, b""), // that did not happen
            record(1, 7, 4, b"world"),
        ];
        assert_eq!(parse(&trace.concat()), Ok(vec![write(0, b"he"), write(8, b"world")]));
    }

    #[test]
    fn what_the_trace_cannot_tell_is_a_fault() {
        let untold = [record(1, 7, 4, b"hello"), record(10, 0, 0, b"a mapping")].concat();
        let fault = TraceFault::Untold { number: 1, what: "a mapping".to_owned() };
        assert_eq!(parse(&untold), Err(fault));
        assert_eq!(parse(&record(11, 0, 0, b"")), Err(TraceFault::Malformed(0)));
        assert_eq!(parse(&record(5, 0, 0, &[0xff])), Err(TraceFault::Malformed(0)));
        assert_eq!(parse(&record(6, 0, 0, b"one path")), Err(TraceFault::Malformed(0)));
    }
}
