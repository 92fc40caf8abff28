//! Moves recordings in time.

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::Value;

/// Moves every date in a recording by a number of days. A date is the start of a JSON string: alone,
/// or followed by a time.
pub(super) fn shift_days(recording: &[u8], days: i32) -> Vec<u8> {
    let mut shifted = recording.to_vec();
    for quote in memchr::memchr_iter(b'"', recording) {
        let range = quote + 1..quote + 11;
        let text = recording.get(range.clone()).and_then(|text| std::str::from_utf8(text).ok());
        // Most strings are not dates: the check of the century is cheaper than parsing.
        let date = text.filter(|text| text.starts_with("20")).and_then(|text| text.parse().ok());
        let date: Option<Date> = date.map(|date: Date| date.saturating_add(days.days()));
        if let (Some(date), Some(slot)) = (date, shifted.get_mut(range)) {
            slot.copy_from_slice(date.to_string().as_bytes());
        }
    }
    shifted
}

/// Moves every day that is written as an object with the numbers `year`, `month` and `day`, as in the
/// `timePeriod` of a billing report.
pub(super) fn shift_periods(value: &mut Value, days: i32) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| shift_periods(item, days)),
        Value::Object(fields) => {
            let number = |name: &str| fields.get(name).and_then(Value::as_i64);
            if let (Some(year), Some(month), Some(day)) =
                (number("year"), number("month"), number("day"))
                && let Some(date) = date(year, month, day)
            {
                let date = date.saturating_add(days.days());
                fields.insert("year".to_owned(), date.year().into());
                fields.insert("month".to_owned(), date.month().into());
                fields.insert("day".to_owned(), date.day().into());
            }
            fields.values_mut().for_each(|field| shift_periods(field, days));
        }
        _ => {}
    }
}

fn date(year: i64, month: i64, day: i64) -> Option<Date> {
    Date::new(year.try_into().ok()?, month.try_into().ok()?, day.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_period_of_a_day_moves_and_one_of_a_month_does_not() {
        let mut usage = json!([
            {"timePeriod": {"year": 2026, "month": 12, "day": 31}, "usageItems": [{"quantity": 7}]},
            {"timePeriod": {"year": 2026, "month": 12}},
        ]);
        shift_periods(&mut usage, 2);
        let expected = json!([
            {"timePeriod": {"year": 2027, "month": 1, "day": 2}, "usageItems": [{"quantity": 7}]},
            {"timePeriod": {"year": 2026, "month": 12}},
        ]);
        assert_eq!(usage, expected);
    }

    #[test]
    fn dates_and_times_move_and_nothing_else() {
        let recording =
            br#"{"day":"2027-12-31","at":"2027-12-30T07:00:00Z","id":"2000000000","n":20271231}"#;
        let expected =
            br#"{"day":"2028-02-29","at":"2028-02-28T07:00:00Z","id":"2000000000","n":20271231}"#;
        assert_eq!(shift_days(recording, 60), expected);
        assert_eq!(shift_days(expected, -60), recording);
    }
}
