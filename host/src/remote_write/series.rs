//! The series that an endpoint is sent: labels with external ones, relabeled, in the order of their names.

use std::borrow::Cow;
use std::collections::HashSet;

use super::error::EncodeError;
use super::message::v1::Sample;
use super::relabel::{Labels, relabel};
use crate::config::RemoteWriteSettings;
use crate::model::{Family, FamilySamples, Samples};
use crate::output::daily::is_last;

/// The label with the name of a series.
pub(super) const NAME: &str = "__name__";

/// A label. Its texts are those of the samples or the settings, unless a rule has changed them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Label<'a> {
    pub name: Cow<'a, str>,
    pub value: Cow<'a, str>,
}

impl<'a> Label<'a> {
    pub(super) fn new(name: &'a str, value: &'a str) -> Self {
        Self { name: Cow::Borrowed(name), value: Cow::Borrowed(value) }
    }
}

/// A series with its samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SentSeries<'a> {
    /// The labels in the order of their names, none of them empty.
    pub labels: Vec<Label<'a>>,
    /// The samples in the order of their timestamps.
    pub samples: Vec<Sample>,
    /// The description of its family.
    pub help: &'a str,
    /// Whether it completes a day, and so must be sent after all others.
    pub is_last: bool,
}

/// The series in the order of the families, those that complete a day last. Those that the rules drop are
/// left out.
pub(super) fn series<'a>(
    samples: &'a [Samples],
    settings: &'a RemoteWriteSettings,
) -> Result<Vec<SentSeries<'a>>, EncodeError> {
    let labeler = Labeler::new(settings);
    let mut found = Vec::with_capacity(samples.iter().map(Samples::len).sum());
    for last in [false, true] {
        for Samples { strings, families, .. } in samples {
            for (family, columns) in families.iter().filter(|(of, _)| is_last(&of.name) == last) {
                add_family(family, columns, strings, &labeler, &mut found)?;
            }
        }
    }
    // The samples of one mapping were checked when they were made.
    if samples.len() > 1 || labeler.may_merge_series() {
        let mut seen: HashSet<&[Label<'_>]> = HashSet::with_capacity(found.len());
        for series in &found {
            if !seen.insert(&series.labels) {
                return Err(EncodeError::Duplicate { series: name_of(&series.labels) });
            }
        }
    }
    Ok(found)
}

fn add_family<'a>(
    family: &'a Family,
    columns: &'a FamilySamples,
    strings: &'a [String],
    labeler: &Labeler<'a>,
    found: &mut Vec<SentSeries<'a>>,
) -> Result<(), EncodeError> {
    let missing_time = || EncodeError::NoTimestamp { family: family.name.clone() };
    let mut rows = Vec::with_capacity(columns.values.len());
    for (ids, value, time) in columns.iter(family.label_names.len()) {
        rows.push((ids, Sample { value, timestamp: time.ok_or_else(missing_time)? }));
    }
    // Daily samples are in this order already.
    rows.sort_by_key(|(ids, sample)| (*ids, sample.timestamp));
    let is_last = is_last(&family.name);
    for rows in rows.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((ids, _)) = rows.first() else { continue };
        let values = ids.iter().map(|id| strings.get(*id as usize).map_or("", String::as_str));
        let labels = family.label_names.iter().map(String::as_str).zip(values);
        let Some(labels) = labeler.labels(&family.name, labels)? else { continue };
        let samples: Vec<Sample> = rows.iter().map(|(_, sample)| *sample).collect();
        if samples.windows(2).any(|pair| matches!(pair, [a, b] if a.timestamp == b.timestamp)) {
            return Err(EncodeError::Duplicate { series: name_of(&labels) });
        }
        found.push(SentSeries { labels, samples, help: &family.help, is_last });
    }
    Ok(())
}

/// Gives series their labels.
pub(super) struct Labeler<'a> {
    settings: &'a RemoteWriteSettings,
}

impl<'a> Labeler<'a> {
    pub(super) fn new(settings: &'a RemoteWriteSettings) -> Self {
        Self { settings }
    }

    /// Whether series that differ may get the same labels.
    fn may_merge_series(&self) -> bool {
        !self.settings.external_labels.is_empty() || !self.settings.relabel.is_empty()
    }

    /// The labels of a series. `None` if a rule drops it.
    pub(super) fn labels(
        &self,
        name: &'a str,
        own: impl ExactSizeIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Option<Vec<Label<'a>>>, EncodeError> {
        let external = &self.settings.external_labels;
        let mut labels = Vec::with_capacity(1 + own.len() + external.len());
        labels.push(Label::new(NAME, name));
        // Prometheus treats an empty label like one that is missing.
        let own = own.filter(|(_, value)| !value.is_empty());
        labels.extend(own.map(|(name, value)| Label::new(name, value)));
        for (name, value) in external.iter().filter(|(_, value)| !value.is_empty()) {
            if !labels.iter().any(|own| own.name == name.as_str()) {
                labels.push(Label::new(name, value));
            }
        }
        labels.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        if self.settings.relabel.is_empty() {
            return Ok(Some(labels));
        }
        let texts =
            labels.iter().map(|Label { name, value }| (name.to_string(), value.to_string()));
        let mut texts: Labels = texts.collect();
        if !relabel(&self.settings.relabel, &mut texts) || texts.is_empty() {
            return Ok(None);
        }
        if !texts.contains_key(NAME) {
            return Err(EncodeError::Nameless { series: name_of(&labels) });
        }
        let owned =
            |(name, value): (String, String)| Label { name: name.into(), value: value.into() };
        Ok(Some(texts.into_iter().map(owned).collect()))
    }
}

/// A series in the syntax of PromQL.
pub(super) fn name_of(labels: &[Label<'_>]) -> String {
    let (name, others): (Vec<_>, Vec<_>) = labels.iter().partition(|label| label.name == NAME);
    let name = name.first().map(|label| &*label.value).unwrap_or_default();
    let others: Vec<_> =
        others.iter().map(|label| format!("{}={:?}", label.name, label.value)).collect();
    format!("{name}{{{}}}", others.join(","))
}
