//! The time of the stand-in, which unit tests and the integration tests set themselves.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// GitHub's reports lag behind by one to three days; those of the stand-in by two.
pub(super) const LAG_DAYS: i64 = 2;

/// Tells a stand-in the time. It is asked at every request, so that a stand-in never ages.
pub trait Clock: Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> Timestamp;

    /// The newest day with reports.
    fn newest_day(&self) -> Date {
        self.now().to_zoned(TimeZone::UTC).date().saturating_sub(LAG_DAYS.days())
    }

    /// The hour of the day, which says how much of today's usage is billed.
    fn hour(&self) -> i8 {
        self.now().to_zoned(TimeZone::UTC).hour()
    }

    /// Whether every day shows a recorded day of its weekday, so that weekends look like weekends.
    /// Otherwise, the newest day when a stand-in starts shows the newest recorded one.
    fn keeps_weekdays(&self) -> bool {
        true
    }
}

/// The time of the machine.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
