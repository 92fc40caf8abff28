//! Which days are filled.

use std::ops::RangeInclusive;
use std::str::FromStr;

use jiff::ToSpan;
use jiff::civil::Date;

/// The most days at once: there are reports since 2025, and usage of two years.
const MAX_DAYS: u32 = 3660;

/// The first day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// A date.
    Day(Date),
    /// So many days up to the last one, which is one of them.
    Days(u32),
}

impl FromStr for Since {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let days = text.strip_suffix('d').and_then(|days| days.parse().ok());
        match (days.filter(|days| (1..=MAX_DAYS).contains(days)), text.parse()) {
            (Some(days), _) => Ok(Self::Days(days)),
            (None, Ok(day)) => Ok(Self::Day(day)),
            (None, Err(_)) => Err(format!(
                "{text:?} is neither a day, such as 2026-01-31, nor a number of days, such as 365d"
            )),
        }
    }
}

/// The days from the first to the last one, which is yesterday unless it is given: today is not over.
pub fn days_of(
    since: Since,
    until: Option<Date>,
    today: Date,
) -> Result<RangeInclusive<Date>, String> {
    let yesterday = today.saturating_sub(1.day());
    let until = until.unwrap_or(yesterday);
    if until > yesterday {
        return Err(format!("--until: {until} is not over yet; the last day is {yesterday}"));
    }
    let since = match since {
        Since::Day(day) => day,
        Since::Days(days) => until.saturating_sub(i64::from(days - 1).days()),
    };
    match since <= until {
        true => Ok(since..=until),
        false => Err(format!("--since: {since} is later than the last day, {until}")),
    }
}

/// The days of a range, oldest first.
pub(super) fn each(days: &RangeInclusive<Date>) -> impl Iterator<Item = Date> + use<> {
    days.start().series(1.day()).take_while({
        let until = *days.end();
        move |day| *day <= until
    })
}

/// Whether documents of months are asked for as of a day: the last of its month, or yesterday.
pub(super) fn is_of_months(day: Date, today: Date) -> bool {
    day == day.last_of_month() || day == today.saturating_sub(1.day())
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_number_of_days_ends_yesterday_and_a_leap_day_is_one_of_them() {
        let today = date(2028, 3, 1);
        let days = |since: &str, until| days_of(since.parse().unwrap(), until, today);
        assert_eq!(days("2d", None), Ok(date(2028, 2, 28)..=date(2028, 2, 29)));
        assert_eq!(days("1d", None), Ok(date(2028, 2, 29)..=date(2028, 2, 29)));
        assert_eq!(each(&days("366d", None).unwrap()).count(), 366);
        let until = Some(date(2028, 1, 1));
        assert_eq!(days("2027-12-31", until), Ok(date(2027, 12, 31)..=date(2028, 1, 1)));
        let all: Vec<Date> = each(&days("3d", until).unwrap()).collect();
        assert_eq!(all, [date(2027, 12, 30), date(2027, 12, 31), date(2028, 1, 1)]);
    }

    #[test]
    fn days_that_are_not_over_or_in_the_wrong_order_are_refused() {
        let today = date(2026, 11, 26);
        let error = days_of(Since::Days(3), Some(today), today).unwrap_err();
        assert_eq!(error, "--until: 2026-11-26 is not over yet; the last day is 2026-11-25");
        let error = days_of(Since::Day(today), None, today).unwrap_err();
        assert_eq!(error, "--since: 2026-11-26 is later than the last day, 2026-11-25");
        for text in ["", "d", "0d", "365", "-1d", "99999d", "2026-02-30", "yesterday"] {
            let error = text.parse::<Since>().unwrap_err();
            assert!(error.contains("such as 365d"), "{text}: {error}");
        }
    }
}
