//! The samples of one run.

use std::collections::HashMap;

use super::catalogue::{Catalogue, FamilyId};
use crate::contract::{FamilySamples, SampleSet, Scope, Target, UnmappedField};

/// The samples of one run, as columns that share one table of strings.
pub struct Samples {
    strings: Strings,
    columns: Vec<FamilySamples>,
    org: u32,
    scope: u32,
}

impl Samples {
    /// Empty columns for the families of `catalogue`; with timestamps if `history`.
    pub fn new(catalogue: &Catalogue, target: &Target, history: bool) -> Self {
        let mut strings = Strings::default();
        let org = strings.id(&target.name);
        let scope = strings.id(match target.scope {
            Scope::Organization => "organization",
            Scope::Enterprise => "enterprise",
        });
        let columns = catalogue.families().iter().map(|family| FamilySamples {
            name: family.name.clone(),
            label_values: Vec::new(),
            values: Vec::new(),
            timestamps: history.then(Vec::new),
        });
        Self { columns: columns.collect(), strings, org, scope }
    }

    /// Adds a sample with the given label values after `org` and `scope`. `at` is the start of its
    /// day, in milliseconds since 1970-01-01T00:00:00Z; it is ignored without `history`.
    pub fn push(&mut self, family: FamilyId, labels: &[&str], value: f64, at: i64) {
        let target = [self.org, self.scope];
        let labels: Vec<_> = labels.iter().map(|label| self.strings.id(label)).collect();
        self.add(family, target.into_iter().chain(labels), value, at);
    }

    /// Adds a sample of a gauge of gcp-metrics-exporter. A label that does not apply is empty.
    pub fn push_compat(
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

    /// Takes the samples out, without the families that have none.
    pub fn take(&mut self, unmapped: Vec<UnmappedField>) -> SampleSet {
        let strings = std::mem::take(&mut self.strings).list;
        let columns = std::mem::take(&mut self.columns).into_iter();
        let families = columns.filter(|column| !column.values.is_empty()).collect();
        SampleSet { strings, families, unmapped }
    }
}

/// Every string once, with its index.
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
