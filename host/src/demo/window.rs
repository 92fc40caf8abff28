//! The days that have reports, and which recorded day each of them shows.

use std::cmp::Ordering;

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde_json::Value;

use super::clock::LAG_DAYS;
use super::rows::Rows;
use super::share::{Share, scale};
use super::shift::shift_days;
use super::year::{Activity, Year};

/// How many days have reports, the newest included.
const DAYS: i32 = 400;
/// How many of them were recorded. They are whole weeks.
const RECORDED_DAYS: i32 = 28;
/// The recorded day that is revised: how many days before the newest recorded one it lies.
const REVISED_AGE: i32 = 8;
/// Until a day that is revised is this old, not all of its numbers have been reported.
const PRELIMINARY_DAYS: i64 = 2;
/// The share that has been reported by then.
const PRELIMINARY: Share = Share::percent(97);

/// The days with reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    newest: Date,
    newest_recorded: Date,
    anchor: Date,
    year: Year,
    /// How much of the day of the clock has passed.
    today: Share,
}

/// The day that shows the newest recorded one: all others are counted from it, and the days after it are
/// exactly as recorded. With `keeps_weekdays`, it is the newest recorded day itself, so that every stand-in
/// shows the same on a day, and on its weekday; otherwise, it is the newest day when the stand-in starts.
pub(super) fn anchor(started: Date, newest_recorded: Date, keeps_weekdays: bool) -> Date {
    if !keeps_weekdays {
        return started;
    }
    // On a machine whose clock is before the recordings, the newest days are as recorded as well.
    let early = (newest_recorded - started).get_days().max(0);
    let rounds = (early + RECORDED_DAYS - 1) / RECORDED_DAYS;
    newest_recorded.saturating_sub((rounds * RECORDED_DAYS).days())
}

impl Window {
    /// The days up to `newest`, where `anchor` shows the newest recorded day (see [`anchor`]).
    pub(super) fn new(newest: Date, newest_recorded: Date, anchor: Date) -> Self {
        let year = Year::before(anchor.saturating_sub((RECORDED_DAYS - 1).days()));
        Self { newest, newest_recorded, anchor, year, today: Share::percent(0) }
    }

    /// The same days, at this time of the day of the clock. Usage is billed by the hour.
    pub(super) fn at_hour(self, hour: i8) -> Self {
        Self { today: Share::percent(0).towards(Share::WHOLE, hour.into(), 24), ..self }
    }

    /// The newest day whose usage is billed: that of the clock.
    pub(super) fn newest_billed(&self) -> Date {
        self.newest.saturating_add(LAG_DAYS.days())
    }

    /// The share of the recorded usage that is billed for a day so far. Bills are not revised.
    pub(super) fn billed(&self, day: Date) -> Share {
        let of_year = self.year.activity(day).total();
        match day.cmp(&self.newest_billed()) {
            Ordering::Less if self.age(day) < DAYS => of_year,
            Ordering::Equal => of_year.times(self.today),
            _ => Share::percent(0),
        }
    }

    /// The newest day with reports.
    pub(super) fn newest(&self) -> Date {
        self.newest
    }

    /// Whether a day is one of those with reports, or in a gap between them.
    pub(super) fn contains(&self, day: Date) -> bool {
        (0..DAYS).contains(&self.age(day))
    }

    /// Whether a day has no reports, although older ones have some.
    pub(super) fn is_gap(&self, day: Date) -> bool {
        self.contains(day) && self.year.is_gap(day)
    }

    /// The recorded day that a day shows. A holiday shows the Sunday of its week.
    pub(super) fn recorded(&self, day: Date) -> Date {
        let age = self.recorded_age(day);
        let recorded = self.newest_recorded.saturating_sub(age.days());
        if !self.year.is_holiday(day) {
            return recorded;
        }
        let age = age + i32::from(recorded.weekday().to_sunday_zero_offset());
        // The Sunday before the oldest recorded week is not recorded; the one after it is.
        let age = if age < RECORDED_DAYS { age } else { age - 7 };
        self.newest_recorded.saturating_sub(age.days())
    }

    /// How busy a day is, as far as it has been reported.
    pub(super) fn activity(&self, day: Date) -> Activity {
        let clock_age = i64::from(self.age(day)) + LAG_DAYS;
        let is_preliminary = self.is_revised(day) && clock_age <= PRELIMINARY_DAYS;
        let reported = if is_preliminary { PRELIMINARY } else { Share::WHOLE };
        Activity { reported, ..self.year.activity(day) }
    }

    /// Whether the first report of a day has lower numbers than its later ones.
    pub(super) fn is_revised(&self, day: Date) -> bool {
        self.recorded_age(day) == REVISED_AGE
    }

    /// How many days before the newest recorded day the one lies that a day shows.
    fn recorded_age(&self, day: Date) -> i32 {
        (self.anchor - day).get_days().rem_euclid(RECORDED_DAYS)
    }

    /// The day among the newest that shows a recorded one.
    fn shows(&self, recorded: Date) -> Date {
        let age = (self.newest_recorded - recorded).get_days();
        let age = (age + self.rotation()).rem_euclid(RECORDED_DAYS);
        self.newest.saturating_sub(age.days())
    }

    /// The number of days to rotate the recorded ones by, so that the newest days show them.
    fn rotation(&self) -> i32 {
        (self.newest - self.anchor).get_days().rem_euclid(RECORDED_DAYS)
    }

    /// How many days before the newest day a day lies.
    fn age(&self, day: Date) -> i32 {
        (self.newest - day).get_days()
    }

    /// Moves a recorded body. If `rows` leads to an array with an element for each day, each element is
    /// moved to the day that shows it.
    pub(super) fn shift(&self, recorded: &[u8], rows: Option<Rows<'_>>) -> Option<Vec<u8>> {
        let days = (self.newest - self.newest_recorded).get_days();
        let is_rotated = self.rotation() != 0;
        let Some(rows) = rows.filter(|_| is_rotated) else {
            return Some(shift_days(recorded, days));
        };
        let mut body: Value = serde_json::from_slice(recorded).ok()?;
        let mut rotated = std::mem::take(rows.of_mut(&mut body)?);
        let rotation = usize::try_from(self.rotation()).ok()?.min(rotated.len());
        // The oldest recorded rows now show the newest days.
        rotated.rotate_left(rotation);
        let mut body: Value =
            serde_json::from_slice(&shift_days(body.to_string().as_bytes(), days)).ok()?;
        let moved = rotated.into_iter().map(|row| {
            let day = self.shows(rows.day(&row)?);
            serde_json::from_slice(&self.move_row(row, rows, day)?).ok()
        });
        *rows.of_mut(&mut body)? = moved.collect::<Option<_>>()?;
        Some(format!("{body}\n").into_bytes())
    }

    /// The row of a day.
    pub(super) fn row(&self, recorded: &[u8], rows: Rows<'_>, day: Date) -> Option<Vec<u8>> {
        self.move_row(rows.find(recorded, self.recorded(day))?, rows, day)
    }

    /// Moves a recorded row to a day that shows it, with as much activity as there is on that day.
    fn move_row(&self, mut row: Value, rows: Rows<'_>, day: Date) -> Option<Vec<u8>> {
        let days = (day - rows.day(&row)?).get_days();
        if let Some(fixed) = rows.fixed {
            scale(&mut row, self.activity(day).total(), fixed);
        }
        Some(shift_days(format!("{row}\n").as_bytes(), days))
    }
}

/// Whether a day is on a weekend.
pub(super) fn is_weekend(day: Date) -> bool {
    matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    const RECORDED: Date = date(2026, 11, 20);

    /// The days with reports when the newest is this one, for a stand-in that keeps weekdays.
    fn window(newest: Date) -> Window {
        Window::new(newest, RECORDED, anchor(newest, RECORDED, true))
    }

    #[test]
    fn every_recent_day_shows_another_recorded_day_of_its_weekday() {
        for later in -100..100 {
            let window = window(RECORDED.saturating_add(later.days()));
            let days = (0..28).map(|age| window.newest().saturating_sub(age.days()));
            let mut shown: Vec<_> = days.clone().map(|day| window.recorded(day)).collect();
            for (day, recorded) in days.zip(&shown) {
                assert_eq!(day.weekday(), recorded.weekday());
                assert_eq!(window.shows(*recorded), day);
                assert!(window.contains(day) && !window.is_gap(day));
                assert_eq!(window.activity(day).joined, Share::WHOLE);
            }
            shown.sort();
            shown.dedup();
            assert_eq!((shown.len(), shown.last()), (28, Some(&RECORDED)));
        }
    }

    #[test]
    fn without_weekdays_the_newest_day_at_the_start_shows_the_newest_recorded_one() {
        let started = date(2027, 3, 3);
        assert_eq!(anchor(started, RECORDED, false), started);
        for later in 0..100 {
            let newest = started.saturating_add(later.days());
            let window = Window::new(newest, RECORDED, started);
            assert_eq!(window.recorded(started), RECORDED);
            assert_eq!(window.shows(window.recorded(newest)), newest);
        }
    }

    #[test]
    fn a_day_is_the_same_as_long_as_it_has_reports() {
        for day in [date(2027, 3, 1), date(2026, 12, 25), date(2026, 8, 3), date(2025, 12, 25)] {
            let first = day.max(RECORDED);
            let shown = |newest: Date| (window(newest).recorded(day), window(newest).activity(day));
            let mut later = (0..400).map(|age| first.saturating_add(age.days()));
            assert!(later.all(|newest| shown(newest) == shown(first)), "{day}");
        }
    }

    #[test]
    fn a_holiday_shows_a_recorded_sunday() {
        for day in (24..=31).map(|day| date(2025, 12, day)).chain([date(2026, 1, 1)]) {
            for later in 0..14 {
                let newest = RECORDED.saturating_add(later.days());
                let window = Window::new(newest, RECORDED, newest);
                let recorded = window.recorded(day);
                assert_eq!(recorded.weekday(), Weekday::Sunday);
                assert!((0..28).contains(&(RECORDED - recorded).get_days()));
            }
        }
    }

    #[test]
    fn a_revised_day_has_lower_numbers_only_while_it_is_new() {
        let day = date(2026, 12, 10);
        let reported = |newest: Date| window(newest).activity(day).reported;
        assert!(window(day).is_revised(day) && reported(day) < Share::WHOLE);
        for later in 1..400 {
            assert_eq!(reported(day.saturating_add(later.days())), Share::WHOLE);
        }
        let days = (0..28).map(|later| day.saturating_add(later.days()));
        assert_eq!(days.filter(|day| window(*day).is_revised(*day)).count(), 1);
    }

    #[test]
    fn rows_move_to_the_day_that_shows_them_and_the_rest_with_the_newest_day() {
        let body = br#"{"end":"2026-11-20","rows":[{"day":"2026-11-19","n":1},{"day":"2026-11-20","n":2}]}"#;
        let rows = Rows { array: Some("rows"), day: "day", fixed: Some(&[]) };
        let window = window(date(2026, 11, 21));
        let shifted: Value =
            serde_json::from_slice(&window.shift(body, Some(rows)).unwrap()).unwrap();
        assert_eq!(shifted["end"], "2026-11-21");
        let row = |n: i32| {
            let mut rows = shifted["rows"].as_array().unwrap().iter();
            rows.find(|row| row["n"] == n).unwrap()["day"].clone()
        };
        assert_eq!((row(1), row(2)), ("2026-11-19".into(), "2026-11-20".into()));
        let day = |day| window.row(body, rows, day).map(|row| String::from_utf8(row).unwrap());
        assert_eq!(day(date(2026, 11, 20)).unwrap(), "{\"day\":\"2026-11-20\",\"n\":2}\n");
        // It shows the oldest recorded day, which this body lacks.
        assert_eq!(day(date(2026, 11, 21)), None);
    }
}
