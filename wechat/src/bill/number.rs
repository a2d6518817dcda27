//! A bill's numbers: yuan as decimal text. They become whole fen, or whole hundred-thousandths of a yuan, without floats.

/// Hundred-thousandths of a yuan in a fen.
pub(crate) const E5_IN_FEN: i64 = 1_000;

/// Reads yuan, as hundred-thousandths: digits, perhaps a minus, perhaps a point with 1 to 5 digits behind it.
pub(crate) fn yuan_e5(text: &str) -> Option<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    // Twelve digits before the point: a thousand billion yuan, times 100,000, is far within 64 bits.
    if !digits(whole) || !digits(part) || whole.len() > 12 || part.len() > 5 {
        return None;
    }
    let places = u32::try_from(part.len()).ok()?;
    let part = part.parse::<i64>().ok()? * 10_i64.pow(5 - places);
    let e5 = whole.parse::<i64>().ok()? * 100_000 + part;
    Some(if negative { -e5 } else { e5 })
}

/// Reads yuan, as fen; `None` also for parts of a fen.
pub(crate) fn fen(text: &str) -> Option<i64> {
    yuan_e5(text).filter(|e5| e5 % E5_IN_FEN == 0).map(|e5| e5 / E5_IN_FEN)
}

/// Reads a count, which may be printed as a decimal (`3.0`).
pub(crate) fn count(text: &str) -> Option<u64> {
    let e5 = yuan_e5(text).filter(|e5| e5 % 100_000 == 0)?;
    u64::try_from(e5 / 100_000).ok()
}

/// Rounds hundred-thousandths of a yuan to fen, half away from zero.
pub(crate) fn round_to_fen(e5: i64) -> i64 {
    let half = if e5 < 0 { -E5_IN_FEN / 2 } else { E5_IN_FEN / 2 };
    (e5 + half) / E5_IN_FEN
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn yuan_become_fen_by_their_digits() {
        for (text, wanted) in [
            ("0", 0),
            ("0.0", 0),
            ("0.01", 1),
            ("19.90", 1_990),
            ("9.8", 980),
            ("-0.18000", -18),
            ("100.00000", 10_000),
            ("999999999999.99", 99_999_999_999_999),
        ] {
            assert_eq!(fen(text), Some(wanted), "{text}");
        }
    }

    #[test]
    fn what_is_no_amount_is_none() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-",
            "--1",
            "+1",
            "1e3",
            "1,000.00",
            " 1",
            "1 ",
            "１",
            "0x1",
            "1.2.3",
            "1.000000",
            "1234567890123",
        ] {
            assert_eq!(yuan_e5(text), None, "{text}");
        }
        assert_eq!((fen("0.001"), yuan_e5("0.001")), (None, Some(100)));
        assert_eq!((count("20.0"), count("20.5"), count("-1")), (Some(20), None, None));
    }

    #[test]
    fn parts_of_a_fen_are_rounded_half_away_from_zero() {
        for (e5, fen) in [(499, 0), (500, 1), (1_499, 1), (-499, 0), (-500, -1), (-18_000, -18)] {
            assert_eq!(round_to_fen(e5), fen, "{e5}");
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(value in -99_999_999_999_999_i64..=99_999_999_999_999) {
            let size = value.unsigned_abs();
            let sign = if value < 0 { "-" } else { "" };
            prop_assert_eq!(fen(&format!("{sign}{}.{:02}", size / 100, size % 100)), Some(value));
            prop_assert_eq!(yuan_e5(&format!("{sign}{}.{:05}", size / 100_000, size % 100_000)), Some(value));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9.e, ]{0,24}", any in ".{0,20}") {
            let _ = (fen(&text), count(&text), fen(&any), count(&any));
        }
    }
}
