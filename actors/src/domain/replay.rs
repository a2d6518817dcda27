//! A journal read again: its events taken into a head one after the other, and checked on the way.

use super::chain::{Hash, Link, Seq};
use super::event::{Stamped, Undecodable};
use super::head::{Broken, Head};
use super::ids::MerchantId;
use super::time::At;

/// A point in a merchant's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Point {
    /// After the event at this place.
    Seq(Seq),
    /// After the last event not later than this. Time never goes back within a merchant, so there is one such event.
    At(At),
}

impl Point {
    /// Whether an event at that place and time came after it.
    pub fn is_before(self, seq: Seq, at: At) -> bool {
        match self {
            Self::Seq(last) => seq > last,
            Self::At(last) => at > last,
        }
    }
}

/// A journal up to one of its events.
#[derive(Debug, Clone)]
pub struct Replay {
    of: MerchantId,
    head: Option<Head>,
}

/// Why a row can't be the next one of a journal that Tally wrote.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Another place than the next one.
    #[error("the row is missing")]
    Missing,
    /// It, or a row before it, is not what it was when it was chained.
    #[error("its hash is {}, should be {expected}", hex(.stored))]
    Hash {
        /// The stored one.
        stored: Box<[u8]>,
        /// The one of the rows as they are.
        expected: Hash,
    },
    /// No event that this binary knows.
    #[error(transparent)]
    Undecodable(#[from] Undecodable),
    /// Time goes back.
    #[error("its time {0} is before that of the event before it")]
    Early(At),
    /// It does not follow from what was before.
    #[error(transparent)]
    Broken(#[from] Broken),
}

/// Bytes, as hashes are shown.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Replay {
    /// Whose journal is read.
    pub fn merchant(&self) -> MerchantId {
        self.of
    }

    /// A journal before its first event.
    pub fn new(of: MerchantId) -> Self {
        Self { of, head: None }
    }

    /// A journal after the event that led to this head.
    pub fn after(head: Head) -> Self {
        Self { of: head.merchant, head: Some(head) }
    }

    /// Where the merchant stands; `None` before the first event.
    pub fn head(&self) -> Option<&Head> {
        self.head.as_ref()
    }

    /// The same, for keeps.
    pub fn into_head(self) -> Option<Head> {
        self.head
    }

    /// The newest event's place and hash.
    pub fn link(&self) -> Link {
        self.head.as_ref().map_or_else(Link::default, |head| head.link)
    }

    /// Reads the next row of the journal and checks its place, its hash, its bytes and its time. Nothing is taken yet.
    pub fn read(&self, seq: Seq, hash: &[u8], bytes: &[u8]) -> Result<(Link, Stamped), Flaw> {
        let last = self.link();
        if seq != last.seq.next() {
            return Err(Flaw::Missing);
        }
        let next = last.then(&self.of, bytes);
        if hash != next.hash.0 {
            return Err(Flaw::Hash { stored: hash.into(), expected: next.hash });
        }
        let stamped = Stamped::decode(bytes)?;
        if self.head.as_ref().is_some_and(|head| stamped.at < head.at) {
            return Err(Flaw::Early(stamped.at));
        }
        Ok((next, stamped))
    }

    /// Takes the event that was read last into the head.
    pub fn take(&mut self, next: Link, stamped: &Stamped) -> Result<(), Flaw> {
        Ok(Head::advance(&mut self.head, self.of, stamped, next)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::event::Event;
    use crate::domain::rules::Rules;

    const BEGINNING: i64 = 1_000;

    fn of() -> MerchantId {
        "m1".parse().unwrap()
    }

    /// An event so long after the beginning, encoded: a registration, or another name.
    fn event(ms: i64) -> Vec<u8> {
        let rules = Rules::new(&format!("shop {ms}"));
        let event = match ms {
            0 => Event::MerchantRegistered { rules },
            _ => Event::RulesChanged { rules },
        };
        Stamped::new(At::from_ms(BEGINNING + ms), event).encode()
    }

    /// Given a journal of two events, when this row follows with the right hash, then expect it to be taken or not.
    #[track_caller]
    fn check(seq: u64, bytes: &[u8], expected: Option<&str>) {
        let mut replay = Replay::new(of());
        for bytes in [event(0), event(5)] {
            let next = replay.link().then(&of(), &bytes);
            let (link, stamped) = replay.read(next.seq, &next.hash.0, &bytes).unwrap();
            assert_eq!(link, next);
            replay.take(link, &stamped).unwrap();
        }
        let before = replay.head().cloned();
        let hash = replay.link().then(&of(), bytes).hash;
        let read = replay.read(Seq(seq), &hash.0, bytes);
        let taken = read.and_then(|(link, stamped)| replay.take(link, &stamped));
        assert_eq!(taken.err().map(|flaw| flaw.to_string()).as_deref(), expected);
        if expected.is_some() {
            assert_eq!(replay.head(), before.as_ref());
        }
    }

    #[test]
    fn a_row_that_is_not_the_next_is_not_taken() {
        check(3, &event(5), None);
        check(4, &event(5), Some("the row is missing"));
        check(2, &event(5), Some("the row is missing"));
        let early = "its time 1970-01-01T00:00:01.004Z is before that of the event before it";
        check(3, &event(4), Some(early));
        let damaged = "an event that can't be read: its bytes are damaged";
        check(
            3,
            &event(5)[1..],
            Some("an event in format 218; this binary knows format 3: run the newer one"),
        );
        check(3, &[], Some(damaged));
        let twice =
            Stamped::new(At::from_ms(9_999), Event::MerchantRegistered { rules: Rules::new("x") });
        let broken = "an event does not follow from the ones before it: merchant_registered";
        check(3, &twice.encode(), Some(broken));
    }

    #[test]
    fn a_row_whose_hash_is_wrong_is_not_taken() {
        let replay = Replay::new(of());
        let bytes = event(0);
        let hash = Link::default().then(&of(), &bytes).hash;
        assert!(replay.read(Seq(1), &hash.0, &bytes).is_ok());
        let mut other = hash.0;
        other[31] ^= 1;
        for stored in [&other[..], &hash.0[..31], &[]] {
            let flaw = replay.read(Seq(1), stored, &bytes).unwrap_err();
            assert_eq!(flaw, Flaw::Hash { stored: stored.into(), expected: hash });
            assert!(flaw.to_string().ends_with(&format!("should be {hash}")), "{flaw}");
        }
    }

    #[test]
    fn an_event_at_the_time_of_a_point_is_not_after_it() {
        let at = At::from_ms(5);
        for (point, before) in [
            (Point::Seq(Seq(2)), [false, false, true]),
            (Point::At(at), [false, false, true]),
            (Point::At(at.plus_ms(1)), [false, false, false]),
            (Point::Seq(Seq(0)), [true, true, true]),
        ] {
            let events = [(1, at.plus_ms(-1)), (2, at), (3, at.plus_ms(1))];
            assert_eq!(events.map(|(seq, at)| point.is_before(Seq(seq), at)), before, "{point:?}");
        }
    }
}
