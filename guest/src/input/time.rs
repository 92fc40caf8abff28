//! Days and instants, as GitHub writes them.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::de::{self, Deserialize, Deserializer, Visitor};

/// A report day: a day in UTC, written as `2026-11-20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// The start of the day in milliseconds since 1970-01-01T00:00:00Z.
    pub fn start_ms(self) -> i64 {
        TimeZone::UTC
            .to_timestamp(self.0.to_datetime(jiff::civil::Time::midnight()))
            .map_or(0, |instant| instant.as_millisecond())
    }
}

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(DayVisitor)
    }
}

struct DayVisitor;

impl Visitor<'_> for DayVisitor {
    type Value = Day;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a day such as \"2026-11-20\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Day, E> {
        // jiff also parses full timestamps as dates; a day has exactly ten characters.
        let day = (text.len() == 10).then(|| text.parse().ok()).flatten();
        day.map(Day).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}

/// The start of the UTC day of an instant: from seconds to milliseconds since
/// 1970-01-01T00:00:00Z.
pub fn start_of_day_ms(seconds: i64) -> i64 {
    seconds.div_euclid(86_400) * 86_400_000
}

/// An instant in seconds since 1970-01-01T00:00:00Z, written as `2026-11-20T08:30:00Z` or with an
/// offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(pub i64);

impl<'de> Deserialize<'de> for Instant {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(InstantVisitor)
    }
}

struct InstantVisitor;

impl Visitor<'_> for InstantVisitor {
    type Value = Instant;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a time such as \"2026-11-20T08:30:00Z\"")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Instant, E> {
        text.parse::<jiff::Timestamp>()
            .map(|instant| Instant(instant.as_second()))
            .map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
    }
}
