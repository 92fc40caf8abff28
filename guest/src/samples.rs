//! The catalogue of metric families and the samples of one run.

use std::collections::HashMap;

use crate::component::wit::{
    Family, FamilySamples, MetricKind, SampleSet, Scope, Span, Target, UnmappedField,
};

/// The prefix of every family of GitHub's current API.
const PREFIX: &str = "github_copilot_";
/// The labels that every family with [`PREFIX`] has, before its own.
const TARGET_LABELS: [&str; 2] = ["org", "scope"];
/// The labels of the original exporter's gauges: no more, no fewer, in this order.
const ORIGINAL_LABELS: [&str; 4] = ["editor", "language", "stream", "org"];

/// A family of the [`Catalogue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FamilyId(usize);

/// Every family that the mapping may answer, in the order of `/metrics`.
///
/// The collectors declare their families here when they are made, so that what a mapping says
/// of itself and what it does are the same.
#[derive(Default)]
pub struct Catalogue(Vec<Family>);

impl Catalogue {
    /// Declares the gauge `github_copilot_{name}` with the labels `org`, `scope` and `labels`.
    pub fn gauge(&mut self, name: &str, help: &str, labels: &[&str]) -> FamilyId {
        let labels = TARGET_LABELS.iter().chain(labels);
        self.declare(format!("{PREFIX}{name}"), help, labels)
    }

    /// Declares a gauge of the original exporter's, with its name and labels.
    pub fn original(&mut self, name: &str, help: &str) -> FamilyId {
        self.declare(name.to_owned(), help, &ORIGINAL_LABELS)
    }

    fn declare<'a>(
        &mut self,
        name: String,
        help: &str,
        labels: impl IntoIterator<Item = &'a &'a str>,
    ) -> FamilyId {
        self.0.push(Family {
            name,
            help: help.to_owned(),
            kind: MetricKind::Gauge,
            label_names: labels.into_iter().map(|label| (*label).to_owned()).collect(),
        });
        FamilyId(self.0.len() - 1)
    }

    /// The declared families.
    pub fn into_families(self) -> Vec<Family> {
        self.0
    }
}

/// The samples of one run, as columns over one table of strings.
pub struct Samples {
    strings: Strings,
    columns: Vec<FamilySamples>,
    org: u32,
    scope: u32,
}

impl Samples {
    /// No samples yet, for the families of `catalogue`.
    pub fn new(catalogue: &Catalogue, target: &Target, span: Span) -> Self {
        let mut strings = Strings::default();
        let org = strings.id(&target.name);
        let scope = strings.id(match target.scope {
            Scope::Organization => "organization",
            Scope::Enterprise => "enterprise",
        });
        let history = span == Span::History;
        let columns = catalogue.0.iter().map(|family| FamilySamples {
            name: family.name.clone(),
            label_values: Vec::new(),
            values: Vec::new(),
            timestamps: history.then(Vec::new),
        });
        Self { columns: columns.collect(), strings, org, scope }
    }

    /// Adds a sample with the given label values after `org` and `scope`.
    /// `at` is its day's first millisecond; it is kept with `history` only.
    pub fn push(&mut self, family: FamilyId, labels: &[&str], value: f64, at: i64) {
        let target = [self.org, self.scope];
        let labels: Vec<_> = labels.iter().map(|label| self.strings.id(label)).collect();
        self.add(family, target.into_iter().chain(labels), value, at);
    }

    /// Adds a sample of a gauge of the original exporter's. Empty strings stand where a label does not apply.
    pub fn push_original(
        &mut self,
        family: FamilyId,
        [editor, language, stream]: [&str; 3],
        value: f64,
        at: i64,
    ) {
        let labels = [editor, language, stream].map(|label| self.strings.id(label));
        let org = self.org;
        self.add(family, labels.into_iter().chain([org]), value, at);
    }

    fn add(&mut self, family: FamilyId, labels: impl Iterator<Item = u32>, value: f64, at: i64) {
        if let Some(columns) = self.columns.get_mut(family.0) {
            columns.label_values.extend(labels);
            columns.values.push(value);
            if let Some(timestamps) = &mut columns.timestamps {
                timestamps.push(at);
            }
        }
    }

    /// Takes the samples out, leaving none.
    pub fn take(&mut self) -> Self {
        Self {
            strings: std::mem::take(&mut self.strings),
            columns: std::mem::take(&mut self.columns),
            ..*self
        }
    }

    /// The set that crosses to the host, without the families that have no samples.
    pub fn into_set(self, unmapped: Vec<UnmappedField>) -> SampleSet {
        SampleSet {
            strings: self.strings.list,
            families: self.columns.into_iter().filter(|column| !column.values.is_empty()).collect(),
            unmapped,
        }
    }
}

/// Every string once.
#[derive(Default)]
struct Strings {
    list: Vec<String>,
    ids: HashMap<String, u32>,
}

impl Strings {
    fn id(&mut self, text: &str) -> u32 {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = self.list.len() as u32;
        self.list.push(text.to_owned());
        self.ids.insert(text.to_owned(), id);
        id
    }
}
