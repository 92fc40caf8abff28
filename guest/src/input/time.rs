//! Days and instants, as GitHub writes them.

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

use super::field::FromJson;

/// A report day: a day in UTC, written as `2026-11-20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(Date);

impl Day {
    /// Parses `2026-11-20`.
    pub fn parse(text: &str) -> Option<Self> {
        // jiff also parses full timestamps as dates; a day has exactly ten characters.
        (text.len() == 10).then(|| text.parse().ok()).flatten().map(Self)
    }

    /// Whether a report can be about the day: it is not before 2020, and does not start later than
    /// `latest`, in seconds since 1970-01-01T00:00:00Z.
    pub fn is_plausible(self, latest: i64) -> bool {
        self.0 >= date(2020, 1, 1) && self.start_ms() <= latest.saturating_mul(1000)
    }

    /// The day with these numbers; the first of the month without a day.
    pub fn from_numbers(year: f64, month: f64, day: Option<f64>) -> Option<Self> {
        // Anything that is not a small integer is not the same number afterwards.
        let integer = |number: f64| {
            let integer = number as i16;
            (f64::from(integer) == number).then_some(integer)
        };
        let small = |number: f64| i8::try_from(integer(number)?).ok();
        Date::new(integer(year)?, small(month)?, small(day.unwrap_or(1.0))?).ok().map(Self)
    }

    /// The UTC day of an instant in seconds since 1970-01-01T00:00:00Z.
    pub fn of_seconds(seconds: i64) -> Option<Self> {
        let instant = jiff::Timestamp::from_second(seconds).ok()?;
        Some(Self(instant.to_zoned(TimeZone::UTC).date()))
    }

    /// The first day of its month.
    pub fn first_of_month(self) -> Self {
        Self(self.0.first_of_month())
    }

    /// The last day of its month.
    pub fn last_of_month(self) -> Self {
        Self(self.0.last_of_month())
    }

    /// The number of days in its month.
    pub fn days_in_month(self) -> i8 {
        self.0.days_in_month()
    }

    /// The start of the day in milliseconds since 1970-01-01T00:00:00Z.
    pub fn start_ms(self) -> i64 {
        TimeZone::UTC
            .to_timestamp(self.0.to_datetime(jiff::civil::Time::midnight()))
            .map_or(0, |instant| instant.as_millisecond())
    }
}

impl FromJson<'_> for Day {
    fn from_text(text: &str) -> Option<Self> {
        Self::parse(text)
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

impl FromJson<'_> for Instant {
    fn from_text(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|instant| Self(instant.as_second()))
    }
}
