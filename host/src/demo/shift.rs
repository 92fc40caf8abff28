//! Moves recordings in time.

use jiff::ToSpan;
use jiff::civil::Date;

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

#[cfg(test)]
mod tests {
    use super::*;

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
