//! The settings of a target.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use url::Url;

use super::credentials::CredentialSettings;
use super::history::HistoryOptions;
use super::mapping::MappingSource;
use crate::model::{DocumentSpec, MappingOption, Target};

/// The settings of a target.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetSettings {
    /// The organization or enterprise.
    pub target: Target,
    /// How to sign in.
    pub credential: Arc<CredentialSettings>,
    /// Base URL of the API.
    pub api: Url,
    /// Time between two refreshes.
    pub ttl: Duration,
    /// The settings whose names the mappings define.
    pub mapping: MappingSettings,
    /// Which mappings run.
    pub source: MappingSource,
    /// What is kept of the past, and how daily samples are named.
    pub history: HistoryOptions,
}

impl TargetSettings {
    /// Whether to fetch a document.
    pub fn wants(&self, document: &str) -> bool {
        self.mapping.documents.get(document).is_none_or(|on| on.value)
    }

    /// Whether to fetch what a mapping asks for.
    pub fn fetches(&self, spec: &DocumentSpec) -> bool {
        let is_on = |option: &String| {
            let set = self.mapping.options.get(option);
            set.is_some_and(|value| value.value == "true")
        };
        self.wants(&spec.name) && (spec.only_with.is_empty() || spec.only_with.iter().any(is_on))
    }

    /// The time between two fetches of a document.
    pub fn ttl_of(&self, document: &str) -> Duration {
        self.mapping.document_ttl.get(document).map_or(self.ttl, |ttl| ttl.value)
    }
}

/// Settings whose names the mappings define, so that only they can tell whether they are valid.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MappingSettings {
    /// The time between two fetches, of individual documents.
    pub document_ttl: BTreeMap<String, Placed<Duration>>,
    /// Whether to fetch individual documents. All others are fetched.
    pub documents: BTreeMap<String, Placed<bool>>,
    /// The options of the mappings.
    pub options: BTreeMap<String, Placed<String>>,
}

impl MappingSettings {
    /// The options as a mapping accepts them.
    pub fn mapping_options(&self) -> Vec<MappingOption> {
        let options = self.options.iter();
        options
            .map(|(name, value)| MappingOption { name: name.clone(), value: value.value.clone() })
            .collect()
    }
}

/// A value, and the flag or line that it comes from. Two are equal if the values are.
#[derive(Clone, Debug)]
pub struct Placed<T> {
    /// The value.
    pub value: T,
    /// Where it is set.
    pub place: String,
}

impl<T: PartialEq> PartialEq for Placed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}
