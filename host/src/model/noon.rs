//! When databases accept the samples of today. They are about 12:00 UTC, and databases refuse samples of the
//! future.

use jiff::Timestamp;
use jiff::civil::time;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, ToSpan};

use crate::model::day::day_of;

/// The first 12:00 UTC after a time.
pub fn next_noon(after: Timestamp) -> Timestamp {
    let day = day_of(after);
    let noon = |day: jiff::civil::Date| {
        let noon = day.to_datetime(time(12, 0, 0, 0)).to_zoned(TimeZone::UTC);
        noon.map_or(Timestamp::MAX, |noon| noon.timestamp())
    };
    let today = noon(day);
    if today > after { today } else { noon(day.saturating_add(1.day())) }
}

/// How long to sleep until then, at most an hour: the clock may be set.
pub fn sleep_time(now: Timestamp, until: Timestamp) -> std::time::Duration {
    let left = until.duration_since(now);
    left.clamp(SignedDuration::ZERO, SignedDuration::from_hours(1)).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn noon_is_that_of_today_or_else_of_tomorrow() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(next_noon(at("2026-12-31T11:59:59.999Z")), at("2026-12-31T12:00:00Z"));
        assert_eq!(next_noon(at("2026-12-31T12:00:00Z")), at("2027-01-01T12:00:00Z"));
        assert_eq!(next_noon(at("2026-12-31T00:00:00Z")), at("2026-12-31T12:00:00Z"));
    }

    #[test]
    fn no_sleep_is_longer_than_an_hour() {
        let now = Timestamp::UNIX_EPOCH;
        let after = |seconds| sleep_time(now, now + SignedDuration::from_secs(seconds));
        assert_eq!(after(90_000), Duration::from_secs(3600));
        assert_eq!(after(5), Duration::from_secs(5));
        assert_eq!(after(-5), Duration::ZERO);
    }
}
