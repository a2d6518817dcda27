//! Time as a value: an instant in milliseconds, a day in Beijing. Nothing here reads a clock.

use std::fmt;
use std::str::FromStr;

use jiff::{Timestamp, civil::Date};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::ids::Malformed;

const MS_PER_DAY: i64 = 86_400_000;
const BEIJING_OFFSET_MS: i64 = 8 * 3_600_000;
const LAST_MS: i64 = 253_402_207_200_000; // the calendar library's last instant: 9999-12-31 in Beijing
const LAST_DAY: i32 = 2_932_896;
const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// An instant: milliseconds since 1970-01-01T00:00:00Z, within the years 1970 to 9999.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At(i64);

impl At {
    /// The instant `ms` milliseconds after the epoch; one outside of 1970 to 9999 becomes the nearest within.
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.clamp(0, LAST_MS))
    }

    /// Milliseconds since the epoch.
    pub fn ms(self) -> i64 {
        self.0
    }

    /// The day it is in Beijing (UTC+8 all year round).
    pub fn day(self) -> Day {
        let days = (self.0 + BEIJING_OFFSET_MS).div_euclid(MS_PER_DAY);
        Day(i32::try_from(days).expect("an instant lies within four-digit years"))
    }

    /// The instant `ms` milliseconds later.
    pub fn plus_ms(self, ms: i64) -> Self {
        Self::from_ms(self.0.saturating_add(ms))
    }
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = Timestamp::from_millisecond(self.0).expect("within four-digit years");
        write!(f, "{instant:.3}")
    }
}

impl FromStr for At {
    type Err = Malformed;

    fn from_str(raw: &str) -> Result<Self, Malformed> {
        let instant: Timestamp = raw
            .parse()
            .map_err(|_| Malformed("must be an RFC 3339 time, such as 2026-01-31T08:00:00Z"))?;
        let ms = instant.as_millisecond();
        if (0..=LAST_MS).contains(&ms) {
            Ok(Self(ms))
        } else {
            Err(Malformed("must lie in the years 1970 to 9999"))
        }
    }
}

impl Serialize for At {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { to.serialize_i64(self.0) }
    }
}

impl<'de> Deserialize<'de> for At {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            return String::deserialize(from)?.parse().map_err(de::Error::custom);
        }
        // One that lies outside was written by nobody: taken for the nearest within, damage would pass unnoticed.
        let ms = i64::deserialize(from)?;
        Some(Self::from_ms(ms))
            .filter(|at| at.0 == ms)
            .ok_or_else(|| de::Error::custom("an instant out of range"))
    }
}

/// A day in Beijing, as days since 1970-01-01.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i32);

impl Day {
    /// The last day there is, 9999-12-31: a settlement up to it takes everything.
    pub const LAST: Self = Self(LAST_DAY);

    /// The day `days` after 1970-01-01; `None` outside of 1970 to 9999.
    pub fn from_days(days: i32) -> Option<Self> {
        (0..=LAST_DAY).contains(&days).then_some(Self(days))
    }

    /// Days since 1970-01-01.
    pub fn days(self) -> i32 {
        self.0
    }

    /// The day `days` later, at most [`Day::LAST`].
    pub fn plus(self, days: u8) -> Self {
        Self((self.0 + i32::from(days)).min(LAST_DAY))
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date = EPOCH.checked_add(jiff::Span::new().days(self.0)).expect("four-digit years");
        write!(f, "{date}")
    }
}

impl FromStr for Day {
    type Err = Malformed;

    fn from_str(raw: &str) -> Result<Self, Malformed> {
        const SHAPE: Malformed = Malformed("must be a date, such as 2026-01-31");
        let date: Date = raw.parse().map_err(|_| SHAPE)?;
        let days = EPOCH.until(date).map_err(|_| SHAPE)?.get_days();
        Self::from_days(days).ok_or(SHAPE)
    }
}

impl Serialize for Day {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        if to.is_human_readable() { to.collect_str(self) } else { to.serialize_i32(self.0) }
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        if from.is_human_readable() {
            return String::deserialize(from)?.parse().map_err(de::Error::custom);
        }
        Self::from_days(i32::deserialize(from)?)
            .ok_or_else(|| de::Error::custom("a day out of range"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_beijing_begins_at_16_00_utc() {
        for (instant, day) in [
            ("2024-02-29T15:59:59.999Z", "2024-02-29"),
            ("2024-02-29T16:00:00Z", "2024-03-01"),
            ("2026-12-31T23:59:59+08:00", "2026-12-31"),
            ("1970-01-01T00:00:00Z", "1970-01-01"),
        ] {
            assert_eq!(instant.parse::<At>().unwrap().day().to_string(), day);
        }
        assert_eq!(Day::LAST.to_string(), "9999-12-31");
        assert_eq!(At::from_ms(i64::MAX).day(), Day::LAST);
    }

    #[test]
    fn times_and_days_read_back_as_written() {
        let at: At = "2026-11-24T21:12:00.123Z".parse().unwrap();
        assert_eq!(at.to_string(), "2026-11-24T21:12:00.123Z");
        assert_eq!(serde_json::to_string(&at).unwrap(), "\"2026-11-24T21:12:00.123Z\"");
        let day: Day = "2026-11-25".parse().unwrap();
        assert_eq!((at.day(), at.day().plus(7).to_string()), (day, "2026-12-02".into()));
        for bad in ["2026-02-30", "yesterday", "", "1969-12-31", "10000-01-01"] {
            assert!(bad.parse::<Day>().is_err(), "{bad}");
        }
        assert!("2026-11-24".parse::<At>().is_err());
    }
}
