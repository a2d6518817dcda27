//! Days in Beijing and instants, worked out here and nowhere shared with what is judged.

/// A day in Beijing (UTC+8, no summer time): days since 1970-01-01.
pub(super) type Day = i64;

/// 9999-12-31: there is no later day (`design.md` 3.4 dates have four-digit years).
const LAST: Day = 2_932_896;

const MS_PER_DAY: i64 = 86_400_000;
const BEIJING_AHEAD_MS: i64 = 8 * 3_600_000;

/// The Beijing day of an instant in milliseconds since 1970.
pub(super) fn of_ms(ms: i64) -> Day {
    (ms + BEIJING_AHEAD_MS).div_euclid(MS_PER_DAY)
}

/// The day so many days later.
pub(super) fn plus(day: Day, days: u8) -> Day {
    (day + i64::from(days)).min(LAST)
}

/// The day that `YYYY-MM-DD` names.
pub(super) fn parse(text: &str) -> Option<Day> {
    let [year, month, day] = numbers(text.as_bytes(), *b"--")?;
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    (1..=length).contains(&day).then(|| since_1970(year, month, day))
}

/// The instant, in milliseconds since 1970, that an RFC 3339 time in UTC names: `YYYY-MM-DDTHH:MM:SS`, a fraction, `Z`.
pub(super) fn parse_ms(text: &str) -> Option<i64> {
    let day = parse(text.get(..10)?)?;
    let [hour, minute, second] = clock(text.as_bytes().get(10..19)?)?;
    let fraction = text.get(19..)?.strip_suffix('Z')?;
    let digits = match fraction.strip_prefix('.') {
        Some(digits) if !digits.is_empty() => digits.as_bytes(),
        None if fraction.is_empty() => &[],
        Some(_) | None => return None,
    };
    let mut ms = 0;
    for place in 0..3 {
        ms = ms * 10 + digits.get(place).map_or(Some(0), digit)?;
    }
    Some(day * MS_PER_DAY + ((hour * 60 + minute) * 60 + second) * 1_000 + ms)
}

/// The hours, minutes and seconds of `THH:MM:SS`.
fn clock(text: &[u8]) -> Option<[i64; 3]> {
    let two = |at: usize| Some(digit(text.get(at)?)? * 10 + digit(text.get(at + 1)?)?);
    let shaped = text[0] == b'T' && text[3] == b':' && text[6] == b':';
    shaped.then(|| Some([two(1)?, two(4)?, two(7)?]))?
}

/// The numbers of `YYYY?MM?DD`, with these bytes between them.
fn numbers(text: &[u8], between: [u8; 2]) -> Option<[i64; 3]> {
    if text.len() != 10 || [text[4], text[7]] != between {
        return None;
    }
    let number =
        |digits: &[u8]| digits.iter().try_fold(0, |number, byte| Some(number * 10 + digit(byte)?));
    Some([number(&text[..4])?, number(&text[5..7])?, number(&text[8..])?])
}

fn digit(byte: &u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

/// Days from 1970-01-01, by counting from the first of March of the year 0 (Hinnant, "chrono-compatible low-level date
/// algorithms").
fn since_1970(year: i64, month: i64, day: i64) -> Day {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted_as_the_calendar_does() {
        for (text, day) in [
            ("1970-01-01", Some(0)),
            ("2000-02-29", Some(11_016)),
            ("2026-11-25", Some(20_782)),
            ("9999-12-31", Some(LAST)),
            ("2026-02-29", None),
            ("2026-13-01", None),
            ("2026-1-001", None),
            ("20261125", None),
        ] {
            assert_eq!(parse(text), day, "{text}");
        }
    }

    #[test]
    fn a_day_in_beijing_begins_at_16_00_utc() {
        let ms = |text| parse_ms(text).unwrap();
        assert_eq!(of_ms(ms("2026-11-24T15:59:59.999Z")), parse("2026-11-24").unwrap());
        assert_eq!(of_ms(ms("2026-11-24T16:00:00Z")), parse("2026-11-25").unwrap());
        assert_eq!(ms("1970-01-02T00:00:01.5Z"), MS_PER_DAY + 1_500);
        for bad in
            ["2026-11-24", "2026-11-24 16:00:00Z", "2026-11-24T16:00:00", "2026-11-24T16:00:00.Z"]
        {
            assert_eq!(parse_ms(bad), None, "{bad}");
        }
    }
}
