//! Days of GitHub's reports. All days are days in UTC.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// GitHub revises a day for about three more days. After this many it is final.
pub const FINAL_AFTER_DAYS: i32 = 4;

/// The day on which a time lies.
pub fn day_of(time: Timestamp) -> Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// The day of a timestamp in milliseconds since 1970.
pub fn day_of_ms(time: i64) -> Option<Date> {
    Some(day_of(Timestamp::from_millisecond(time).ok()?))
}

/// Today.
pub fn today() -> Date {
    day_of(Timestamp::now())
}

/// Whether GitHub no longer changes the documents of a day.
pub fn is_final(day: Date, today: Date) -> bool {
    (today - day).get_days() >= FINAL_AFTER_DAYS
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_day_is_final_four_days_later_across_months_and_leap_days() {
        assert!(!is_final(date(2028, 2, 27), date(2028, 3, 1)));
        assert!(is_final(date(2028, 2, 26), date(2028, 3, 1)));
        assert!(is_final(date(2026, 12, 29), date(2027, 1, 2)));
    }
}
