//! Numbers and times as text.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Unit {
    /// A count, or another number without a unit.
    Count,
    /// A fraction of one, shown as a percentage.
    Ratio,
    /// US dollars.
    Dollars,
}

impl Unit {
    /// The unit of a family, which is at the end of its name, as Prometheus' naming conventions have it.
    pub(super) fn of_family(name: &str) -> Self {
        if name.ends_with("_dollars") { Self::Dollars } else { Self::Count }
    }

    /// The number in full: `12,345`, `1.25`, `24.5%` or `$20.64`.
    pub(super) fn full(self, value: f64) -> String {
        match self {
            // Counts are whole; other small numbers, such as averages, are not.
            Self::Count if value.abs() < 1000.0 => rounded(value),
            Self::Count => grouped(value),
            Self::Ratio => format!("{:.1}%", 100.0 * value),
            Self::Dollars => dollars(value, cents),
        }
    }

    /// The number for an axis: `12k`, `25%` or `$2.5k`.
    pub(super) fn short(self, value: f64) -> String {
        match self {
            Self::Ratio => format!("{}%", rounded(100.0 * value)),
            Self::Dollars => dollars(value, |amount| Self::Count.short(amount)),
            Self::Count => {
                let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")];
                let unit = units.into_iter().find(|(size, _)| value.abs() >= *size);
                unit.map_or_else(|| rounded(value), |(size, of)| rounded(value / size) + of)
            }
        }
    }
}

/// An amount with its sign and currency.
fn dollars(value: f64, amount: impl Fn(f64) -> String) -> String {
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}${}", amount(value.abs()))
}

/// With cents, unless the amount is so large that they don't matter, or so small that they are not enough.
fn cents(dollars: f64) -> String {
    match dollars {
        0.0 => "0".to_owned(),
        1000.0.. => grouped(dollars),
        0.1.. => format!("{dollars:.2}"),
        _ => format!("{dollars:.4}"),
    }
}

/// With at most two decimal places.
fn rounded(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

/// Without decimal places, with commas between thousands.
fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if value < 0.0 { format!("-{grouped}") } else { grouped }
}

/// Round numbers from 0 to `most` or a little more, in at most five steps.
pub(super) fn ticks(most: f64) -> Vec<f64> {
    let power = 10_f64.powf((most / 4.0).log10().floor());
    let steps = [1.0, 2.0, 2.5, 5.0, 10.0].map(|step| step * power);
    let step = steps.into_iter().find(|step| most / step <= 4.0).unwrap_or(10.0 * power);
    let count = (most / step).ceil().clamp(1.0, 5.0);
    // Zero, values that are not finite and the smallest and largest numbers have no round steps.
    if !(step.is_normal() && (count * step).is_finite()) {
        return vec![0.0, 1.0];
    }
    (0..=count as u32).map(|at| f64::from(at) * step).collect()
}

/// An age in one unit: `3 min`.
pub(super) fn short_age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// A time to the minute, in UTC.
pub(super) fn minute(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC).strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A day as the axes show it: `Nov 25`.
pub(super) fn short_day(day: Date) -> String {
    day.strftime("%b %-d").to_string()
}

/// The month of a day as the axes of a year show it: `Nov 2026`.
pub(super) fn month(day: Date) -> String {
    day.strftime("%b %Y").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_easy_to_read() {
        let full = |value| Unit::Count.full(value);
        assert_eq!([full(0.0), full(999.0), full(-0.001)], ["0", "999", "0"]);
        assert_eq!([full(0.128), full(24.5), full(-0.2)], ["0.13", "24.5", "-0.2"]);
        assert_eq!([full(1234.0), full(-1_234_567.0)], ["1,234", "-1,234,567"]);
        let short = |value| Unit::Count.short(value);
        assert_eq!(
            [short(0.5), short(250.0), short(1500.0), short(2e6)],
            ["0.5", "250", "1.5k", "2M"]
        );
        assert_eq!([Unit::Ratio.full(0.2456), Unit::Ratio.short(0.25)], ["24.6%", "25%"]);
    }

    #[test]
    fn amounts_have_the_cents_that_matter() {
        let full = |value| Unit::Dollars.full(value);
        assert_eq!([full(0.0), full(1444.94), full(999.994)], ["$0", "$1,445", "$999.99"]);
        assert_eq!([full(20.6), full(0.33), full(0.0103)], ["$20.60", "$0.33", "$0.0103"]);
        assert_eq!([full(-0.25), full(-1234.0)], ["-$0.25", "-$1,234"]);
        let short = |value| Unit::Dollars.short(value);
        assert_eq!([short(0.5), short(2500.0), short(-20.0)], ["$0.5", "$2.5k", "-$20"]);
    }

    #[test]
    fn the_unit_of_a_family_is_at_the_end_of_its_name() {
        assert_eq!(Unit::of_family("seats_cost_dollars"), Unit::Dollars);
        assert_eq!(Unit::of_family("dollars_of_seats"), Unit::Count);
    }

    #[test]
    fn ticks_are_round_and_reach_the_largest_value() {
        assert_eq!(ticks(220.0), [0.0, 100.0, 200.0, 300.0]);
        assert_eq!(ticks(0.9), [0.0, 0.25, 0.5, 0.75, 1.0]);
        assert_eq!(ticks(0.0), [0.0, 1.0]);
        for most in [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MAX, 5e-324, f64::MIN_POSITIVE] {
            let ticks = ticks(most);
            assert!((2..=6).contains(&ticks.len()), "{most}: {} ticks", ticks.len());
            assert!(ticks.iter().all(|tick| tick.is_finite()), "{most}: {ticks:?}");
        }
        for most in [1.0, 3.0, 7.0, 99.0, 1e-9, 1e12] {
            let ticks = ticks(most);
            assert!((2..=6).contains(&ticks.len()) && ticks.last() >= Some(&most), "{ticks:?}");
        }
    }

    #[test]
    fn ages_have_one_unit() {
        let of = |seconds| short_age(Duration::from_secs(seconds));
        assert_eq!([of(0), of(60), of(7200), of(259_200)], ["0 s", "1 min", "2 h", "3 days"]);
    }
}
