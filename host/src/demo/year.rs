//! The year before the recordings, in which Copilot was used less and less the further back a day lies.
//!
//! Everything depends on the date of the day alone, so a day looks the same whenever it is requested. The
//! days from the oldest recorded one on are exactly as recorded, for as long as the stand-in runs.

use jiff::civil::{Date, date};

use super::share::Share;

/// How long the year is, in days.
const DAYS: i32 = 372;
/// The share of the members who had joined at its start.
const JOINED_AT_START: Share = Share::percent(40);
/// The share of the members who are present in the middle of the summer.
const PRESENT_IN_SUMMER: Share = Share::percent(75);
/// How long the summer rises and how long it falls, around the first of August, in days.
const HALF_SUMMER: i32 = 31;
/// The days without a report: how many days they lie before the days as recorded.
const GAP: std::ops::Range<i32> = 150..153;

/// The year before a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Year {
    /// The first day that is as recorded.
    end: Date,
}

/// How busy a day is, compared with the recorded day that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Activity {
    /// The share of the members who have joined by then. It never falls.
    pub(super) joined: Share,
    /// The share of those who are not on vacation.
    pub(super) present: Share,
    /// The share of the numbers that has been reported so far.
    pub(super) reported: Share,
}

impl Activity {
    /// That of a recorded day.
    pub(super) const AS_RECORDED: Self =
        Self { joined: Share::WHOLE, present: Share::WHOLE, reported: Share::WHOLE };

    /// The share of the recorded counts.
    pub(super) fn total(self) -> Share {
        self.joined.times(self.present).times(self.reported)
    }
}

impl Year {
    /// The year before a day, from which on everything is as recorded.
    pub(super) fn before(end: Date) -> Self {
        Self { end }
    }

    /// How busy a day is, once all of it has been reported.
    pub(super) fn activity(self, day: Date) -> Activity {
        let age = self.age(day);
        if age <= 0 {
            return Activity::AS_RECORDED;
        }
        let joined = Share::WHOLE.towards(JOINED_AT_START, age, DAYS);
        let from_august = days_between(date(day.year(), 8, 1), day).abs();
        let present = PRESENT_IN_SUMMER.towards(Share::WHOLE, from_august, HALF_SUMMER);
        Activity { joined, present, ..Activity::AS_RECORDED }
    }

    /// Whether hardly anyone works on a day: from Christmas Eve to New Year's Day.
    pub(super) fn is_holiday(self, day: Date) -> bool {
        self.age(day) > 0 && matches!((day.month(), day.day()), (12, 24..) | (1, 1))
    }

    /// Whether a day will never have a report.
    pub(super) fn is_gap(self, day: Date) -> bool {
        GAP.contains(&self.age(day))
    }

    /// How many days before the days as recorded a day lies.
    fn age(self, day: Date) -> i32 {
        days_between(day, self.end)
    }
}

/// The number of the fortnight of a day, in which the same members are on vacation.
pub(super) fn fortnight(day: Date) -> i32 {
    days_between(date(1970, 1, 1), day).div_euclid(14)
}

fn days_between(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;

    const END: Date = date(2026, 10, 24);

    fn days() -> impl Iterator<Item = Date> {
        (1..=DAYS).rev().map(|age| END.saturating_sub(age.days()))
    }

    #[test]
    fn members_only_join_and_from_the_recordings_on_nothing_changes_any_more() {
        let year = Year::before(END);
        assert!(days().map(|day| year.activity(day).joined).is_sorted());
        assert_eq!(days().map(|day| year.activity(day).joined).next(), Some(JOINED_AT_START));
        for later in 0..1000 {
            let day = END.saturating_add(later.days());
            assert_eq!(year.activity(day), Activity::AS_RECORDED, "{day}");
            assert!(!year.is_holiday(day) && !year.is_gap(day), "{day}");
        }
    }

    #[test]
    fn the_summer_is_quiet_and_so_is_the_end_of_the_year() {
        let year = Year::before(END);
        let quiet: Vec<_> =
            days().filter(|day| year.activity(*day).present < Share::WHOLE).collect();
        assert_eq!(
            (quiet.first(), quiet.last()),
            (Some(&date(2026, 7, 2)), Some(&date(2026, 8, 31)))
        );
        assert_eq!(year.activity(date(2026, 8, 1)).present, PRESENT_IN_SUMMER);
        let holidays: Vec<_> = days().filter(|day| year.is_holiday(*day)).collect();
        assert!((24..=31).map(|day| date(2025, 12, day)).chain([date(2026, 1, 1)]).eq(holidays));
    }

    #[test]
    fn three_days_in_a_row_have_no_report() {
        let gap: Vec<_> = days().filter(|day| Year::before(END).is_gap(*day)).collect();
        assert_eq!(gap, [date(2026, 5, 25), date(2026, 5, 26), date(2026, 5, 27)]);
    }
}
