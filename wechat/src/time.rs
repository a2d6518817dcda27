//! WeChat's times: Beijing wall clock, without a zone. Here they become milliseconds since 1970-01-01T00:00:00Z.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{self, Offset};

const BEIJING: Offset = tz::offset(8);

/// Reads `yyyyMMddHHmmss`; `None` for anything else.
pub fn from_compact(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    if bytes.len() != 14 || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let part = |from: usize, to: usize| text[from..to].parse::<i16>().ok();
    let small = |from: usize| part(from, from + 2).and_then(|n| i8::try_from(n).ok());
    let civil =
        DateTime::new(part(0, 4)?, small(4)?, small(6)?, small(8)?, small(10)?, small(12)?, 0);
    Some(BEIJING.to_timestamp(civil.ok()?).ok()?.as_millisecond())
}

/// Reads `yyyy-MM-dd HH:mm:ss`; `None` for anything else.
pub fn from_dashed(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let marks = [(4, b'-'), (7, b'-'), (10, b' '), (13, b':'), (16, b':')];
    if bytes.len() != 19 || !marks.iter().all(|&(at, mark)| bytes[at] == mark) {
        return None;
    }
    from_compact(&text.replace(['-', ' ', ':'], ""))
}

/// Writes `yyyyMMddHHmmss`. Parts of a second are cut off.
pub fn to_compact(ms: i64) -> String {
    civil(ms).strftime("%Y%m%d%H%M%S").to_string()
}

/// Writes `yyyy-MM-dd HH:mm:ss`. Parts of a second are cut off.
pub fn to_dashed(ms: i64) -> String {
    civil(ms).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn civil(ms: i64) -> DateTime {
    const LAST_MS: i64 = 253_402_207_200_000; // the calendar library's last instant
    let instant =
        Timestamp::from_millisecond(ms.clamp(0, LAST_MS)).expect("within four-digit years");
    BEIJING.to_datetime(instant)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_of_beijing_and_of_24_hours() {
        assert_eq!(from_compact("20240229180135"), Some(1_709_200_895_000));
        assert_eq!(from_dashed("2024-02-29 18:01:35"), Some(1_709_200_895_000));
        assert_eq!(to_compact(1_709_200_895_999), "20240229180135");
        assert_eq!(to_dashed(1_709_200_895_000), "2024-02-29 18:01:35");
    }

    #[test]
    fn what_is_not_a_time_is_none() {
        for text in [
            "",
            "2024022918013",
            "20240230180135",
            "20240229250135",
            "2024022918013a",
            "２０２４0229180",
        ] {
            assert_eq!(from_compact(text), None, "{text}");
        }
        for text in
            ["2024-02-29T18:01:35", "2024-02-29 18:01", "20240229180135", "2024-02-29 18:01:3五"]
        {
            assert_eq!(from_dashed(text), None, "{text}");
        }
    }
}
