//! The daily samples of a target by day.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use super::due::Version;
use crate::model::day::day_of_ms;
use crate::model::{FamilySamples, Samples};
use crate::output::daily::is_last;

/// The daily samples of a target, which may be about many days.
pub(super) struct TargetDays {
    samples: Vec<Samples>,
    versions: BTreeMap<Date, Version>,
}

impl TargetDays {
    /// Those of each of its mappings. Samples without a timestamp are left out.
    pub(super) fn new(samples: Vec<Samples>) -> Self {
        let mut versions: BTreeMap<Date, Version> = BTreeMap::new();
        for (family, columns) in samples.iter().flat_map(|samples| &samples.families) {
            let is_complete = is_last(&family.name);
            for timestamp in columns.timestamps.iter().flatten().copied() {
                let Some(day) = day_of_ms(timestamp) else { continue };
                let version = versions.entry(day).or_insert(Version {
                    timestamp,
                    samples: 0,
                    is_complete: false,
                });
                version.timestamp = version.timestamp.max(timestamp);
                version.samples += 1;
                version.is_complete |= is_complete;
            }
        }
        Self { samples, versions }
    }

    /// The days with samples, oldest first.
    pub(super) fn versions(&self) -> impl Iterator<Item = (Date, Version)> {
        self.versions.iter().map(|(day, version)| (*day, *version))
    }

    /// The samples of a day, with the label values that they have only.
    pub(super) fn of_day(&self, day: Date) -> Vec<Samples> {
        let of_day = self.samples.iter().map(|samples| select(samples, day));
        of_day.filter(|samples| !samples.is_empty()).collect()
    }
}

fn select(samples: &Samples, day: Date) -> Samples {
    let mut selected = Samples { left_out: samples.left_out.clone(), ..Samples::default() };
    let mut indexes: HashMap<u32, u32> = HashMap::new();
    for (family, columns) in &samples.families {
        let mut found = FamilySamples {
            name: columns.name.clone(),
            label_values: Vec::new(),
            values: Vec::new(),
            timestamps: Some(Vec::new()),
        };
        for (ids, value, time) in columns.iter(family.label_names.len()) {
            let Some(time) = time.filter(|time| day_of_ms(*time) == Some(day)) else { continue };
            for id in ids {
                let index = indexes.entry(*id).or_insert_with(|| {
                    let text = usize::try_from(*id).ok().and_then(|id| samples.strings.get(id));
                    selected.strings.push(text.cloned().unwrap_or_default());
                    // There are not more than before, whose indexes are of the same type.
                    u32::try_from(selected.strings.len() - 1).unwrap_or(u32::MAX)
                });
                found.label_values.push(*index);
            }
            found.values.push(value);
            found.timestamps.get_or_insert_default().push(time);
        }
        if !found.values.is_empty() {
            selected.families.push((family.clone(), found));
        }
    }
    selected
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::civil::date;

    use super::*;
    use crate::model::{Family, MetricKind};

    const DAY_MS: i64 = 24 * 3600 * 1000;

    fn family(name: &str, rows: &[(u32, f64, i64)]) -> (Arc<Family>, FamilySamples) {
        let family = Family {
            name: name.to_owned(),
            help: String::new(),
            kind: MetricKind::Gauge,
            label_names: vec!["l".to_owned()],
            enabled_by: None,
            detail: 0,
        };
        let columns = FamilySamples {
            name: name.to_owned(),
            label_values: rows.iter().map(|(id, ..)| *id).collect(),
            values: rows.iter().map(|(_, value, _)| *value).collect(),
            timestamps: Some(rows.iter().map(|(.., time)| *time).collect()),
        };
        (Arc::new(family), columns)
    }

    #[test]
    fn samples_are_found_by_their_day_with_the_labels_that_they_have() {
        let marker = "daily_github_copilot_report_day_timestamp_seconds";
        let first = Samples {
            strings: vec!["a".to_owned(), "b".to_owned()],
            families: vec![
                family("daily_x", &[(0, 1.0, 5), (1, 2.0, 5), (1, 3.0, DAY_MS + 7)]),
                family(marker, &[(1, 4.0, 5)]),
            ],
            left_out: None,
        };
        let second = Samples {
            strings: vec!["c".to_owned()],
            families: vec![family("daily_y", &[(0, 5.0, 5)])],
            left_out: None,
        };
        let days = TargetDays::new(vec![first.clone(), second.clone()]);
        let (one, two) = (date(1970, 1, 1), date(1970, 1, 2));
        let version = |timestamp, samples, is_complete| Version { timestamp, samples, is_complete };
        let found: Vec<_> = days.versions().collect();
        assert_eq!(found, [(one, version(5, 4, true)), (two, version(DAY_MS + 7, 1, false))]);
        let of_second_day = Samples {
            strings: vec!["b".to_owned()],
            families: vec![family("daily_x", &[(0, 3.0, DAY_MS + 7)])],
            left_out: None,
        };
        assert_eq!(days.of_day(two), [of_second_day]);
        let of_first_day = days.of_day(one);
        assert_eq!(of_first_day[0].strings, ["a", "b"]);
        assert_eq!(of_first_day.iter().map(Samples::len).sum::<usize>(), 4);
        assert_eq!(of_first_day[1], second);
        assert!(days.of_day(date(1970, 1, 3)).is_empty());
    }
}
