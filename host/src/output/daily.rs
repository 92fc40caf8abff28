//! Daily samples: the numbers of a day, with a timestamp on that day, under names of their own.
//!
//! A live series says how things stand when it is scraped; a daily one belongs to the day that it is
//! about. With the same name, `sum()` would count both.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::model::day::{FINAL_AFTER_DAYS, day_of_ms};
use crate::model::{Document, Documents, FamilySamples, Samples};

/// Where a day's samples are: at noon, so that a window of a day holds exactly one of them.
const NOON_HOUR: i8 = 12;

/// The family that comes last: a day of a target that has it is complete.
pub const LAST_FAMILY: &str = "github_copilot_report_day_timestamp_seconds";

/// How many days a report of 28 days is about.
const DAYS_OF_REPORT: i64 = 28;

/// Whether a family, whose name may have a prefix, is the one that comes last.
pub fn is_last(family: &str) -> bool {
    family.ends_with(LAST_FAMILY)
}

/// Tells when the newest report about a day was fetched; of days without a report, the newest document.
/// So what other documents do in the meantime does not move the samples of a day.
pub fn fetched_at(documents: &Documents) -> impl Fn(Date) -> Timestamp + use<> {
    let of_reports: Vec<(Date, Date, Timestamp)> = documents
        .values()
        .filter_map(|document| {
            let newest = document.report_day?;
            let first = |day: Date| match document.is_of_day() {
                true => day,
                false => day.saturating_sub((DAYS_OF_REPORT - 1).days()),
            };
            let days = document.parts.iter().filter_map(|part| part.day).chain([newest]);
            let oldest = days.min().unwrap_or(newest);
            Some((first(oldest), newest, document.fetched_at))
        })
        .collect();
    let others = documents.values().filter(|document| document.report_day.is_none());
    let newest = |documents: &mut dyn Iterator<Item = &Document>| {
        documents.map(|document| document.fetched_at).max()
    };
    let other = newest(&mut others.into_iter()).or_else(|| newest(&mut documents.values()));
    move |day| {
        let about = of_reports.iter().filter(|(first, last, _)| (*first..=*last).contains(&day));
        about.map(|(.., fetched_at)| *fetched_at).max().or(other).unwrap_or(Timestamp::MIN)
    }
}

/// The timestamp of the samples of a day from a document that was fetched at a time, in milliseconds
/// since 1970: 12:00 UTC, minus a millisecond for each minute that is left until the day is final. So a
/// revision comes after what it revises, as no database replaces a sample with the same timestamp, the
/// final one is at noon exactly, and the same document always has the same timestamp.
pub fn timestamp_ms(day: Date, fetched_at: Timestamp) -> i64 {
    let at_hour = |day: Date, hour: i8| {
        let time = day.at(hour, 0, 0, 0).to_zoned(TimeZone::UTC);
        time.map_or(i64::MAX, |time| time.timestamp().as_millisecond())
    };
    let final_at = at_hour(day.saturating_add(FINAL_AFTER_DAYS.days()), 0);
    let left_ms = final_at.saturating_sub(fetched_at.as_millisecond());
    // One that is not final is never at noon. A clock may be wrong: no day is fetched before it begins.
    let left_minutes = left_ms.saturating_add(59_999) / 60_000;
    at_hour(day, NOON_HOUR) - left_minutes.clamp(0, i64::from(FINAL_AFTER_DAYS) * 24 * 60)
}

/// Turns samples of days (see [`crate::model::Span::History`]) into daily samples. `time` is the
/// timestamp, in milliseconds since 1970, of the samples of a family on a day; without one, they are left
/// out. The samples of one series follow each other in the order of their days.
pub fn to_daily(
    samples: Samples,
    prefix: &str,
    time: impl Fn(&str, Date) -> Option<i64>,
) -> Samples {
    let Samples { strings, families, left_out } = samples;
    let families = families.into_iter().filter_map(|(family, samples)| {
        let width = family.label_names.len();
        let mut rows: Vec<(&[u32], i64, f64)> = samples
            .iter(width)
            .filter_map(|(ids, value, midnight)| {
                let day = day_of_ms(midnight?)?;
                Some((ids, time(&family.name, day)?, value))
            })
            .collect();
        if rows.is_empty() {
            return None;
        }
        rows.sort_by_key(|(ids, time, _)| (*ids, *time));
        let daily = FamilySamples {
            name: format!("{prefix}{}", samples.name),
            label_values: rows.iter().flat_map(|(ids, ..)| ids.iter().copied()).collect(),
            values: rows.iter().map(|(.., value)| *value).collect(),
            timestamps: Some(rows.iter().map(|(_, time, _)| *time).collect()),
        };
        let mut family = (*family).clone();
        family.name.clone_from(&daily.name);
        Some((family.into(), daily))
    });
    Samples { families: families.collect(), strings, left_out }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::civil::date;

    use super::*;
    use crate::model::{Family, MetricKind};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn ms(text: &str) -> i64 {
        at(text).as_millisecond()
    }

    #[test]
    fn a_final_day_is_at_noon_exactly_and_stays_there() {
        let day = date(2026, 11, 20);
        let noon = ms("2026-11-20T12:00:00Z");
        for fetched in ["2026-11-24T00:00:00Z", "2026-12-24T08:30:00Z", "2027-11-20T00:00:00Z"] {
            assert_eq!(timestamp_ms(day, at(fetched)), noon, "{fetched}");
        }
        assert_eq!(timestamp_ms(day, at("2026-11-23T23:59:59.999Z")), noon - 1);
        assert_eq!(timestamp_ms(day, at("2026-11-23T23:59:00Z")), noon - 1);
        assert_eq!(timestamp_ms(day, at("2026-11-23T23:58:59Z")), noon - 2);
    }

    #[test]
    fn a_revision_comes_after_what_it_revises_within_six_seconds() {
        let day = date(2028, 2, 29);
        let start = at("2028-02-28T00:00:00Z");
        let mut previous = i64::MIN;
        for minute in 0..6 * 24 * 60 {
            let time = timestamp_ms(day, start + jiff::SignedDuration::from_mins(minute));
            assert!(time >= previous);
            let shift = ms("2028-02-29T12:00:00Z") - time;
            assert!((0..=5760).contains(&shift), "{shift}");
            previous = time;
        }
        // From the start of the day until it is final, every minute counts.
        let of = |fetched: &str| timestamp_ms(day, at(fetched));
        assert!(of("2028-02-29T00:00:00Z") < of("2028-02-29T00:01:00Z"));
        assert!(of("2028-03-03T23:58:00Z") < of("2028-03-04T00:00:00Z"));
    }

    #[test]
    fn samples_get_the_prefix_and_a_time_on_their_own_day_in_the_order_of_days() {
        let family = Family {
            name: "github_copilot_active_users".to_owned(),
            help: "h".to_owned(),
            kind: MetricKind::Gauge,
            label_names: vec!["window".to_owned()],
            enabled_by: None,
            detail: 0,
        };
        let columns = FamilySamples {
            name: family.name.clone(),
            label_values: vec![0, 1, 0, 0],
            values: vec![2.0, 9.0, 1.0, 0.0],
            timestamps: Some(vec![
                ms("2026-11-21T00:00:00Z"),
                ms("2026-11-21T00:00:00Z"),
                ms("2026-11-20T00:00:00Z"),
                ms("2026-11-19T00:00:00Z"),
            ]),
        };
        let samples = Samples {
            strings: vec!["day".to_owned(), "week".to_owned()],
            families: vec![(Arc::new(family), columns)],
            left_out: None,
        };
        let since = date(2026, 11, 20);
        let time =
            |_: &str, day| (day >= since).then(|| timestamp_ms(day, at("2026-11-24T00:00:00Z")));
        let daily = to_daily(samples, "daily_", time);
        let (family, columns) = &daily.families[0];
        assert_eq!(family.name, "daily_github_copilot_active_users");
        assert_eq!(columns.values, [1.0, 2.0, 9.0]);
        assert_eq!(columns.label_values, [0, 0, 1]);
        let (final_day, revised) = (ms("2026-11-20T12:00:00Z"), ms("2026-11-21T12:00:00Z") - 1440);
        assert_eq!(columns.timestamps, Some(vec![final_day, revised, revised]));
    }
}
