//! An event as it is stored, in this format and the one before.

use super::super::ids::KeyId;
use super::super::time::At;
use super::Event;

/// An event with its time and who asked, as it is stored and hashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// When. Never earlier than the event before it in the same journal.
    pub at: At,
    /// The API key that asked; `None`: WeChat told, or Tally itself acted.
    pub by: Option<KeyId>,
    /// What.
    pub event: Event,
}

/// The newest version of the format that this binary writes: a byte with the version, then `at`, the key that asked and the event in
/// postcard's wire format (postcard specification 1.0: varints, zigzag for signed, variants by index). An event has the oldest from 2 on
/// that can hold it, so an older binary refuses only what it would not know.
pub const FORMAT: u8 = 3;

/// The one before: the same, but that a case about a payment does not end with what came in.
const FORMAT_WITHOUT_SUSPENSE: u8 = 2;

/// The first: nor does a payment end with the rate of its fee.
const FORMAT_WITHOUT_RATES: u8 = 1;

/// Bytes that are not an event this binary knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecodable {
    /// Written by a newer Tally.
    #[error("an event in format {0}; this binary knows format {FORMAT}: run the newer one")]
    Format(u8),
    /// Not written by any.
    #[error("an event that can't be read: its bytes are damaged")]
    Damaged,
}

impl Stamped {
    /// An event that nobody's key asked for.
    pub fn new(at: At, event: Event) -> Self {
        Self { at, by: None, event }
    }

    /// The bytes that are stored.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96);
        let (format, left_out) = if let Event::CaseOpened { case } = &self.event {
            if case.booked.is_some() { (FORMAT, 0) } else { (FORMAT_WITHOUT_SUSPENSE, 1) }
        } else {
            (FORMAT_WITHOUT_SUSPENSE, 0)
        };
        bytes.push(format);
        let mut bytes = postcard::to_extend(&(self.at, self.by, &self.event), bytes)
            .expect("events are plain data");
        bytes.truncate(bytes.len() - left_out);
        bytes
    }

    /// The event in stored bytes. All of them must belong to it.
    pub fn decode(bytes: &[u8]) -> Result<Self, Undecodable> {
        let (&format, rest) = bytes.split_first().ok_or(Undecodable::Damaged)?;
        match format {
            FORMAT => match take(rest)? {
                (stamped, []) if matches!(stamped.event, Event::CaseOpened { .. }) => Ok(stamped),
                _ => Err(Undecodable::Damaged),
            },
            FORMAT_WITHOUT_SUSPENSE => match take(rest) {
                Ok((stamped, [])) if !matches!(stamped.event, Event::CaseOpened { .. }) => {
                    Ok(stamped)
                }
                _ => Self::decode_shorter(rest, |event| matches!(event, Event::CaseOpened { .. })),
            },
            FORMAT_WITHOUT_RATES => Self::decode_shorter(rest, |event| {
                matches!(event, Event::OrderPaid { .. } | Event::CaseOpened { .. })
            }),
            _ => Err(Undecodable::Format(format)),
        }
    }

    /// Reads an older format: with a byte more, that stands for what was not said, a `shorter` event is whole, and any other has it
    /// left over.
    fn decode_shorter(rest: &[u8], shorter: impl Fn(&Event) -> bool) -> Result<Self, Undecodable> {
        let rest = [rest, &[0]].concat();
        let (stamped, left) = take(&rest)?;
        if left == if shorter(&stamped.event) { &[][..] } else { &[0] } {
            Ok(stamped)
        } else {
            Err(Undecodable::Damaged)
        }
    }
}

/// The event at the beginning of these bytes, and what is left of them.
fn take(bytes: &[u8]) -> Result<(Stamped, &[u8]), Undecodable> {
    let ((at, by, event), left) =
        postcard::take_from_bytes(bytes).map_err(|_| Undecodable::Damaged)?;
    Ok((Stamped { at, by, event }, left))
}
