//! Days in UTC.

use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The first and the last millisecond of the days from `first` to `last`, since 1970.
pub(super) fn bounds_ms(first: Date, last: Date) -> (i64, i64) {
    let start = |day: Date| {
        let start = day.at(0, 0, 0, 0).to_zoned(TimeZone::UTC);
        start.map_or(i64::MAX, |time| time.timestamp().as_millisecond())
    };
    (start(first), start(last.saturating_add(1.day())).saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;
    use crate::model::day::day_of_ms;

    #[test]
    fn the_bounds_of_a_day_belong_to_it_and_their_neighbors_do_not() {
        let day = date(2028, 2, 29);
        let (first, last) = bounds_ms(day, day);
        assert_eq!(last - first + 1, 24 * 3600 * 1000);
        assert_eq!((day_of_ms(first), day_of_ms(last)), (Some(day), Some(day)));
        assert_eq!(day_of_ms(first - 1), Some(date(2028, 2, 28)));
        assert_eq!(day_of_ms(last + 1), Some(date(2028, 3, 1)));
        assert_eq!(day_of_ms(i64::MAX), None);
    }
}
