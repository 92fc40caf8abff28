//! The days that have reports, and which recorded day each of them shows.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde_json::Value;

use super::shift::shift_days;

/// How many days have reports, the newest included. They are whole weeks.
const DAYS: i32 = 28;

/// The days with reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    newest: Date,
    newest_recorded: Date,
    /// The number of days to rotate the recorded ones by, so that each is shown on its weekday.
    rotation: i32,
}

impl Window {
    /// The days up to `newest`. With `keeps_weekdays`, each shows a recorded day of its weekday;
    /// otherwise, the newest day shows the newest recorded one.
    pub(super) fn new(newest: Date, newest_recorded: Date, keeps_weekdays: bool) -> Self {
        let days = (newest - newest_recorded).get_days();
        let rotation = if keeps_weekdays { days.rem_euclid(DAYS) } else { 0 };
        Self { newest, newest_recorded, rotation }
    }

    /// The newest day with reports.
    pub(super) fn newest(&self) -> Date {
        self.newest
    }

    /// Whether a day has reports.
    pub(super) fn contains(&self, day: Date) -> bool {
        (0..DAYS).contains(&self.age(day))
    }

    /// The recorded day that a day shows.
    pub(super) fn recorded(&self, day: Date) -> Date {
        let age = (self.age(day) - self.rotation).rem_euclid(DAYS);
        self.newest_recorded.saturating_sub(age.days())
    }

    /// The day that shows a recorded one.
    fn shows(&self, recorded: Date) -> Date {
        let age = (self.newest_recorded - recorded).get_days();
        let age = (age + self.rotation).rem_euclid(DAYS);
        self.newest.saturating_sub(age.days())
    }

    /// How many days before the newest day a day lies.
    fn age(&self, day: Date) -> i32 {
        (self.newest - day).get_days()
    }

    /// Moves a recorded body. If `rows` leads to an array with an element for each day, each element is
    /// moved to the day that shows it.
    pub(super) fn shift(&self, recorded: &[u8], rows: Option<Rows<'_>>) -> Option<Vec<u8>> {
        let days = (self.newest - self.newest_recorded).get_days();
        let Some(rows) = rows.filter(|_| self.rotation != 0) else {
            return Some(shift_days(recorded, days));
        };
        let mut body: Value = serde_json::from_slice(recorded).ok()?;
        let moved: Option<Vec<Value>> =
            rows.of(&body)?.iter().map(|row| self.shift_row(row, rows)).collect();
        let mut moved = moved?;
        let rotation = usize::try_from(self.rotation).ok()?.min(moved.len());
        // The oldest recorded rows now show the newest days.
        moved.rotate_left(rotation);
        *rows.of_mut(&mut body)? = Vec::new();
        let mut body: Value =
            serde_json::from_slice(&shift_days(body.to_string().as_bytes(), days)).ok()?;
        *rows.of_mut(&mut body)? = moved;
        Some(format!("{body}\n").into_bytes())
    }

    /// The row of a day.
    pub(super) fn row(&self, recorded: &[u8], rows: Rows<'_>, day: Date) -> Option<Vec<u8>> {
        let body: Value = serde_json::from_slice(recorded).ok()?;
        let recorded_day = self.recorded(day);
        let row = rows.of(&body)?.iter().find(|row| rows.day(row) == Some(recorded_day))?;
        let days = (day - recorded_day).get_days();
        Some(shift_days(format!("{row}\n").as_bytes(), days))
    }

    fn shift_row(&self, row: &Value, rows: Rows<'_>) -> Option<Value> {
        let recorded = rows.day(row)?;
        let days = (self.shows(recorded) - recorded).get_days();
        serde_json::from_slice(&shift_days(row.to_string().as_bytes(), days)).ok()
    }
}

/// Where the rows of a body are that are about one day each.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    /// The key of their array, unless the body is the array.
    pub(super) array: Option<&'a str>,
    /// The field with their day.
    pub(super) day: &'a str,
}

impl Rows<'_> {
    fn of<'b>(&self, body: &'b Value) -> Option<&'b Vec<Value>> {
        self.array.map_or(Some(body), |key| body.get(key))?.as_array()
    }

    fn of_mut<'b>(&self, body: &'b mut Value) -> Option<&'b mut Vec<Value>> {
        match self.array {
            Some(key) => body.get_mut(key),
            None => Some(body),
        }?
        .as_array_mut()
    }

    fn day(&self, row: &Value) -> Option<Date> {
        row.get(self.day)?.as_str()?.parse().ok()
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

    #[test]
    fn every_day_shows_another_recorded_day_of_its_weekday() {
        for later in 0..100 {
            let window = Window::new(RECORDED.saturating_add(later.days()), RECORDED, true);
            let days = (0..28).map(|age| window.newest().saturating_sub(age.days()));
            let mut shown: Vec<_> = days.clone().map(|day| window.recorded(day)).collect();
            for (day, recorded) in days.zip(&shown) {
                assert_eq!(day.weekday(), recorded.weekday());
                assert_eq!(window.shows(*recorded), day);
            }
            shown.sort();
            shown.dedup();
            assert_eq!((shown.len(), shown.last()), (28, Some(&RECORDED)));
        }
    }

    #[test]
    fn a_day_shows_the_same_recorded_day_as_long_as_it_has_reports() {
        let day = date(2027, 3, 1);
        let shown = |newest: Date| Window::new(newest, RECORDED, true).recorded(day);
        assert!((0..28).all(|age| shown(day.saturating_add(age.days())) == shown(day)));
    }

    #[test]
    fn rows_move_to_the_day_that_shows_them_and_the_rest_with_the_newest_day() {
        let body = br#"{"end":"2026-11-20","rows":[{"day":"2026-11-19","n":1},{"day":"2026-11-20","n":2}]}"#;
        let rows = Rows { array: Some("rows"), day: "day" };
        let window = Window::new(date(2026, 11, 21), RECORDED, true);
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
