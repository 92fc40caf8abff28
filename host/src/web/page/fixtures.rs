//! Samples and charts for the tests of the page.

use std::sync::Arc;

use super::select::Day;
use crate::model::{
    ChartSeries, Family, FamilySamples, LabelMatcher, MetricKind, Samples, Selection,
};

/// The newest day of the samples.
pub(super) const NEWEST: Day = 20_000;

/// A sample: the value of its label `kind`, its day and its value.
pub(super) type Row<'a> = (&'a str, Day, f64);

/// Samples of families with the one label `kind`.
pub(super) fn samples(families: &[(&str, &[Row<'_>])]) -> Samples {
    let mut samples = Samples::default();
    for (name, rows) in families {
        let family = Family {
            name: (*name).to_owned(),
            help: String::new(),
            kind: MetricKind::Gauge,
            label_names: vec!["kind".to_owned()],
            enabled_by: None,
            detail: 0,
        };
        let strings = samples.strings.len() as u32;
        samples.strings.extend(rows.iter().map(|(kind, ..)| (*kind).to_owned()));
        let columns = FamilySamples {
            name: (*name).to_owned(),
            label_values: (strings..).take(rows.len()).collect(),
            values: rows.iter().map(|(_, _, value)| *value).collect(),
            timestamps: Some(rows.iter().map(|(_, day, _)| day * 86_400_000).collect()),
        };
        samples.families.push((Arc::new(family), columns));
    }
    samples
}

/// Selects all samples of a family.
pub(super) fn all_of(family: &str) -> Selection {
    Selection { family: family.to_owned(), matchers: vec![] }
}

/// Selects the samples of a family with these values of the label `kind`.
pub(super) fn of_kind(family: &str, kinds: &[&str]) -> Selection {
    let values = kinds.iter().map(|kind| (*kind).to_owned()).collect();
    let matchers = vec![LabelMatcher { label: "kind".to_owned(), values }];
    Selection { matchers, ..all_of(family) }
}

/// A series that is a sum.
pub(super) fn series(name: &str, value: Selection) -> ChartSeries {
    ChartSeries { name: name.to_owned(), value, divided_by: None }
}
