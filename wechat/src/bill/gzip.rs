//! Unpacks a bill as it comes, and packs one for whoever plays WeChat.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzDecoder, GzEncoder};

/// The first bytes of packed data.
pub(crate) const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// Damaged, cut off, or something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the packed bill is damaged or broke off, fetch it again")]
pub struct GzipFault;

/// Unpacks a stream; a piece at a time, so that small pieces need little memory.
#[derive(Debug)]
pub struct Gunzip(GzDecoder<Vec<u8>>);

impl Default for Gunzip {
    fn default() -> Self {
        Self(GzDecoder::new(Vec::new()))
    }
}

impl Gunzip {
    /// Unpacks the next piece; up to a thousand times as much comes out.
    ///
    /// # Errors
    ///
    /// [`GzipFault`].
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<u8>, GzipFault> {
        self.0.write_all(piece).map_err(|_| GzipFault)?;
        Ok(std::mem::take(self.0.get_mut()))
    }

    /// The last of it, when the stream was whole and its checksum fits.
    ///
    /// # Errors
    ///
    /// [`GzipFault`].
    pub fn finish(self) -> Result<Vec<u8>, GzipFault> {
        self.0.finish().map_err(|_| GzipFault)
    }
}

/// Packs a bill.
pub fn pack(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text).and_then(|()| encoder.finish()).expect("memory takes what is written")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn unpack(packed: &[u8], piece: usize) -> Result<Vec<u8>, GzipFault> {
        let mut gunzip = Gunzip::default();
        let mut text = vec![];
        for piece in packed.chunks(piece) {
            text.extend(gunzip.push(piece)?);
        }
        text.extend(gunzip.finish()?);
        Ok(text)
    }

    proptest! {
        #[test]
        fn what_is_packed_unpacks_in_pieces_of_any_size(text in prop::collection::vec(any::<u8>(), 0..2_000), piece in 1..100_usize) {
            prop_assert_eq!(unpack(&pack(&text), piece), Ok(text));
        }

        #[test]
        fn what_is_cut_off_or_goes_on_or_was_changed_does_not(text in prop::collection::vec(any::<u8>(), 1..500), at in any::<prop::sample::Index>(), change in 1..=255_u8) {
            let packed = pack(&text);
            let at = at.index(packed.len());
            prop_assert_eq!(unpack(&packed[..at], 7), Err(GzipFault));
            prop_assert_eq!(unpack(&[&packed[..], b"x"].concat(), 7), Err(GzipFault));
            let mut changed = packed.clone();
            changed[at] ^= change;
            let read = unpack(&changed, 7);
            // Of its head, time and system say nothing about the content.
            prop_assert!(read.is_err() || read == Ok(text));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = unpack(&bytes, 9);
            let _ = unpack(&[&MAGIC[..], &[8], &bytes].concat(), 9);
        }
    }
}
