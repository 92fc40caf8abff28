//! The series that an endpoint is sent: labels with external ones, relabeled, in the order of their names.

use std::collections::HashSet;

use bytes::Bytes;

use super::error::EncodeError;
use super::message::v1::{Label, Sample};
use super::relabel::{Labels, relabel};
use crate::config::RemoteWriteSettings;
use crate::model::{Family, FamilySamples, Samples};
use crate::output::daily::is_last;

/// The label with the name of a series.
pub(super) const NAME: &str = "__name__";

/// A series with its samples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct SentSeries {
    /// The labels in the order of their names, none of them empty.
    pub labels: Vec<Label>,
    /// The samples in the order of their timestamps.
    pub samples: Vec<Sample>,
    /// The description of its family.
    pub help: Bytes,
    /// Whether it completes a day, and so must be sent after all others.
    pub is_last: bool,
}

/// The series in the order of the families, those that complete a day last. Those that the rules drop are
/// left out.
pub(super) fn series(
    samples: &[Samples],
    settings: &RemoteWriteSettings,
) -> Result<Vec<SentSeries>, EncodeError> {
    let labeler = Labeler::new(settings);
    let mut found = Vec::new();
    for last in [false, true] {
        for samples in samples {
            let strings: Vec<Bytes> = samples
                .strings
                .iter()
                .map(|text| Bytes::copy_from_slice(text.as_bytes()))
                .collect();
            let families = samples.families.iter();
            for (family, columns) in families.filter(|(family, _)| is_last(&family.name) == last) {
                add_family(family, columns, &strings, &labeler, &mut found)?;
            }
        }
    }
    let mut seen: HashSet<&[Label]> = HashSet::with_capacity(found.len());
    for series in &found {
        if !seen.insert(&series.labels) {
            return Err(EncodeError::Duplicate { series: name_of(&series.labels) });
        }
    }
    Ok(found)
}

fn add_family(
    family: &Family,
    columns: &FamilySamples,
    strings: &[Bytes],
    labeler: &Labeler<'_>,
    found: &mut Vec<SentSeries>,
) -> Result<(), EncodeError> {
    let missing_time = || EncodeError::NoTimestamp { family: family.name.clone() };
    let mut rows = Vec::with_capacity(columns.values.len());
    for (ids, value, time) in columns.iter(family.label_names.len()) {
        rows.push((ids, Sample { value, timestamp: time.ok_or_else(missing_time)? }));
    }
    // Daily samples are in this order already.
    rows.sort_by_key(|(ids, sample)| (*ids, sample.timestamp));
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let names: Vec<Bytes> = family.label_names.iter().map(|name| bytes(name)).collect();
    let (name, help) = (bytes(&family.name), bytes(&family.help));
    for rows in rows.chunk_by(|(one, _), (other, _)| one == other) {
        let Some((ids, _)) = rows.first() else { continue };
        let values = ids.iter().map(|id| strings.get(*id as usize).cloned().unwrap_or_default());
        let labels = names.iter().cloned().zip(values);
        let Some(labels) = labeler.labels(&name, labels)? else { continue };
        let samples: Vec<Sample> = rows.iter().map(|(_, sample)| *sample).collect();
        if samples.windows(2).any(|pair| matches!(pair, [a, b] if a.timestamp == b.timestamp)) {
            return Err(EncodeError::Duplicate { series: name_of(&labels) });
        }
        let is_last = is_last(&family.name);
        found.push(SentSeries { labels, samples, help: help.clone(), is_last });
    }
    Ok(())
}

/// Gives series their labels.
pub(super) struct Labeler<'a> {
    settings: &'a RemoteWriteSettings,
    name: Bytes,
    external: Vec<Label>,
}

impl<'a> Labeler<'a> {
    pub(super) fn new(settings: &'a RemoteWriteSettings) -> Self {
        let external = settings.external_labels.iter().map(|(name, value)| Label {
            name: Bytes::copy_from_slice(name.as_bytes()),
            value: Bytes::copy_from_slice(value.as_bytes()),
        });
        Self { settings, name: Bytes::from_static(NAME.as_bytes()), external: external.collect() }
    }

    /// The labels of a series. `None` if a rule drops it.
    pub(super) fn labels(
        &self,
        name: &Bytes,
        own: impl Iterator<Item = (Bytes, Bytes)>,
    ) -> Result<Option<Vec<Label>>, EncodeError> {
        let name = Label { name: self.name.clone(), value: name.clone() };
        let mut labels = vec![name];
        // Prometheus treats an empty label like one that is missing.
        let own = own.filter(|(_, value)| !value.is_empty());
        labels.extend(own.map(|(name, value)| Label { name, value }));
        for label in self.external.iter().filter(|label| !label.value.is_empty()) {
            if !labels.iter().any(|own| own.name == label.name) {
                labels.push(label.clone());
            }
        }
        labels.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        if self.settings.relabel.is_empty() {
            return Ok(Some(labels));
        }
        let mut texts: Labels =
            labels.iter().map(|label| (text(&label.name), text(&label.value))).collect();
        if !relabel(&self.settings.relabel, &mut texts) || texts.is_empty() {
            return Ok(None);
        }
        if !texts.contains_key(NAME) {
            return Err(EncodeError::Nameless { series: name_of(&labels) });
        }
        let label =
            |(name, value): (String, String)| Label { name: name.into(), value: value.into() };
        Ok(Some(texts.into_iter().map(label).collect()))
    }
}

/// The text of a label, which is always UTF-8.
pub(super) fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A series in the syntax of PromQL.
pub(super) fn name_of(labels: &[Label]) -> String {
    let (name, others): (Vec<_>, Vec<_>) =
        labels.iter().partition(|label| label.name == NAME.as_bytes());
    let name = name.first().map(|label| text(&label.value)).unwrap_or_default();
    let others: Vec<_> = others
        .iter()
        .map(|label| format!("{}={:?}", text(&label.name), text(&label.value)))
        .collect();
    format!("{name}{{{}}}", others.join(","))
}
