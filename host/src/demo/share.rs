//! Shares of recorded numbers, in integers: the same on every machine.

use serde_json::Value;

/// A share of something, in millionths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Share(u32);

const MILLION: u32 = 1_000_000;

impl Share {
    /// All of it.
    pub(super) const WHOLE: Self = Self(MILLION);

    /// A number of hundredths, at most all of them.
    pub(super) const fn percent(percent: u32) -> Self {
        Self(if percent < 100 { percent * (MILLION / 100) } else { MILLION })
    }

    /// The share that goes evenly from this one to `end` within `days`, after `day` of them.
    pub(super) fn towards(self, end: Self, day: i32, days: i32) -> Self {
        let (start, end) = (i64::from(self.0), i64::from(end.0));
        let (days, day) = (i64::from(days.max(1)), i64::from(day.clamp(0, days.max(0))));
        let share = start + (end - start) * day / days;
        Self(u32::try_from(share).unwrap_or(MILLION).min(MILLION))
    }

    /// A share of a share.
    pub(super) fn times(self, other: Self) -> Self {
        Self(u32::try_from(self.of(u64::from(other.0))).unwrap_or(MILLION))
    }

    /// The share of a count, rounded down. So a part is never more than the whole that it was part of,
    /// and parts never add up to more than a whole that they did not exceed before.
    pub(super) fn of(self, count: u64) -> u64 {
        let share = u128::from(count) * u128::from(self.0) / u128::from(MILLION);
        u64::try_from(share).unwrap_or(count)
    }

    /// Whether something with this hash belongs to the share. What belongs to a share belongs to every
    /// larger one as well.
    pub(super) fn includes(self, hash: u64) -> bool {
        // The position of the hash among all hashes, in millionths.
        (u128::from(hash) * u128::from(MILLION)) >> 64 < u128::from(self.0)
    }
}

/// Takes a share of every count in a recording. Counts are its integers, but for the fields in `fixed`,
/// such as identifiers. Numbers with a fraction are averages and medians, which stay.
pub(super) fn scale(value: &mut Value, share: Share, fixed: &[String]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| scale(item, share, fixed)),
        Value::Object(fields) => {
            let counts = fields.iter_mut().filter(|(name, _)| !fixed.contains(name));
            counts.for_each(|(_, field)| scale(field, share, fixed));
        }
        Value::Number(number) => {
            if let Some(count) = number.as_u64() {
                *number = share.of(count).into();
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_stay_integers_and_parts_never_exceed_the_whole() {
        for percent in 0..=100 {
            let mut row =
                json!({"id": 7, "n": 100, "average": 2.5, "parts": [{"n": 33}, {"n": 67}]});
            scale(&mut row, Share::percent(percent), &["id".to_owned()]);
            let count = |value: &Value| value["n"].as_u64().unwrap();
            assert_eq!((&row["id"], count(&row)), (&json!(7), u64::from(percent)));
            assert_eq!(row["average"], 2.5);
            assert!(row["parts"].as_array().unwrap().iter().map(count).sum::<u64>() <= count(&row));
        }
    }

    #[test]
    fn a_share_goes_evenly_to_another() {
        let at = |day| Share::percent(100).towards(Share::percent(40), day, 60);
        assert_eq!((at(-1), at(0)), (Share::WHOLE, Share::WHOLE));
        assert_eq!((at(30), at(60), at(61)), (Share(700_000), Share(400_000), Share(400_000)));
        assert_eq!(at(30).times(Share::percent(50)), Share::percent(35));
        assert_eq!(Share::WHOLE.of(u64::MAX), u64::MAX);
    }

    #[test]
    fn the_whole_includes_everything_and_nothing_includes_nothing() {
        for hash in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(Share::WHOLE.includes(hash) && !Share::percent(0).includes(hash));
        }
        assert!(
            Share::percent(50).includes(u64::MAX / 3) && !Share::percent(30).includes(u64::MAX / 3)
        );
    }
}
