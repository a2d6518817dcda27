//! The two ciphers of the protocol, and their padding. What they protect has no integrity: callers check what they get.

use aes::cipher::{
    BlockCipherDecrypt, BlockCipherEncrypt, BlockModeDecrypt, BlockModeEncrypt, KeyInit, KeyIvInit,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use subtle::{ConstantTimeEq, ConstantTimeLess};

/// Bytes in a block of AES.
pub(crate) const BLOCK: usize = 16;

/// Why a ciphertext does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CipherFault {
    Base64,
    Length,
    Padding,
}

/// Strict base64: padded, no blanks, no line breaks.
pub(crate) fn from_base64(text: &str) -> Result<Vec<u8>, CipherFault> {
    STANDARD.decode(text).map_err(|_| CipherFault::Base64)
}

pub(crate) fn to_base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Opens AES-128-CBC with strict PKCS#7 padding.
pub(crate) fn open_cbc(
    key: [u8; BLOCK],
    iv: [u8; BLOCK],
    mut data: Vec<u8>,
) -> Result<Vec<u8>, CipherFault> {
    let mut cipher = cbc::Decryptor::<aes::Aes128>::new(&key.into(), &iv.into());
    for block in blocks(&mut data)? {
        cipher.decrypt_block(block.into());
    }
    unpad(data)
}

/// Seals by AES-128-CBC with PKCS#7 padding.
pub(crate) fn seal_cbc(key: [u8; BLOCK], iv: [u8; BLOCK], plain: &[u8]) -> Vec<u8> {
    let mut data = pad(plain);
    let mut cipher = cbc::Encryptor::<aes::Aes128>::new(&key.into(), &iv.into());
    for block in blocks(&mut data).expect("just filled up to whole blocks") {
        cipher.encrypt_block(block.into());
    }
    data
}

/// Opens AES-256-ECB with strict PKCS#7 padding.
pub(crate) fn open_ecb(key: [u8; 32], mut data: Vec<u8>) -> Result<Vec<u8>, CipherFault> {
    let cipher = aes::Aes256::new(&key.into());
    for block in blocks(&mut data)? {
        cipher.decrypt_block(block.into());
    }
    unpad(data)
}

/// Seals by AES-256-ECB with PKCS#7 padding.
pub(crate) fn seal_ecb(key: [u8; 32], plain: &[u8]) -> Vec<u8> {
    let cipher = aes::Aes256::new(&key.into());
    let mut data = pad(plain);
    for block in blocks(&mut data).expect("just filled up to whole blocks") {
        cipher.encrypt_block(block.into());
    }
    data
}

/// Fills up to whole blocks, by PKCS#7.
fn pad(plain: &[u8]) -> Vec<u8> {
    let fill = BLOCK - plain.len() % BLOCK;
    let mut data = plain.to_vec();
    data.resize(plain.len() + fill, u8::try_from(fill).expect("at most a block"));
    data
}

fn blocks(data: &mut [u8]) -> Result<impl Iterator<Item = &mut [u8; BLOCK]>, CipherFault> {
    match data.as_chunks_mut::<BLOCK>() {
        (blocks, []) if !blocks.is_empty() => Ok(blocks.iter_mut()),
        _ => Err(CipherFault::Length),
    }
}

/// Takes the padding off. Every byte of it is looked at, whatever the first ones say.
fn unpad(mut data: Vec<u8>) -> Result<Vec<u8>, CipherFault> {
    let fill = *data.last().ok_or(CipherFault::Length)?;
    let mut good = !fill.ct_eq(&0) & fill.ct_lt(&17);
    for (distance, byte) in (0..16u8).zip(data.iter().rev()) {
        good &= byte.ct_eq(&fill) | !distance.ct_lt(&fill);
    }
    if !bool::from(good) {
        return Err(CipherFault::Padding);
    }
    data.truncate(data.len() - usize::from(fill));
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_at_every_length() {
        for length in 0..50 {
            let plain = vec![7; length];
            let sealed = seal_cbc([1; 16], [2; 16], &plain);
            assert_eq!(sealed.len() % BLOCK, 0);
            assert_eq!(open_cbc([1; 16], [2; 16], sealed), Ok(plain));
        }
    }

    #[test]
    fn every_byte_of_the_padding_counts() {
        for fill in 1..=16u8 {
            let mut block = vec![0xff; BLOCK];
            block[BLOCK - usize::from(fill)..].fill(fill);
            assert_eq!(unpad(block.clone()).unwrap().len(), BLOCK - usize::from(fill));
            let first = BLOCK - usize::from(fill);
            block[first] ^= 0x80;
            assert_eq!(unpad(block), Err(CipherFault::Padding), "{fill}");
        }
        assert_eq!(unpad(vec![0; BLOCK]), Err(CipherFault::Padding));
        assert_eq!(unpad(vec![17; 2 * BLOCK]), Err(CipherFault::Padding));
    }

    #[test]
    fn only_whole_blocks_open() {
        for length in [0, 1, 15, 17, 33] {
            assert_eq!(open_cbc([1; 16], [2; 16], vec![0; length]), Err(CipherFault::Length));
        }
    }
}
