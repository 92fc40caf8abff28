//! The sections of the config file that set what to export: `targets`, and `defaults` for all of
//! them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_saphyr::Spanned;
use url::Url;

use super::credentials::{CredentialSettings, CredentialSource, Credentials};
use super::error::SettingError;
use super::github::GithubOptions;
use super::history::HistoryOptions;
use super::mapping::{MappingSection, MappingSource, TargetMappingSection};
use super::parse::{Parsed, optional, section};
use super::remote_write::EndpointSection;
use super::store::StoreSection;
use super::target::{MappingSettings, Placed, TargetSettings};
use super::values::{ApiUrl, Ttl};
use super::yaml::YamlFile;
use crate::model::{Scope, Target};

section! {
    /// The whole config file.
    pub(super) struct Config {
        /// For all targets that set nothing else.
        pub defaults: TargetDefaults = TargetDefaults::default(),
        /// By the name that targets refer to.
        pub credentials: BTreeMap<String, CredentialSource> = BTreeMap::new(),
        /// What to export.
        pub targets: Vec<Spanned<TargetSection>> = Vec::new(),
        /// How requests are sent.
        pub github: GithubOptions = GithubOptions::default(),
        /// Which mappings run, and their limits.
        pub mapping: MappingSection = MappingSection::default(),
        /// What is kept of the past.
        pub history: HistoryOptions = HistoryOptions::default(),
        /// Where samples are pushed to.
        pub remote_write: Vec<Spanned<EndpointSection>> = Vec::new(),
        /// Where documents and samples are kept.
        pub store: StoreSection = StoreSection::default(),
    }
}

/// Declares a section with the settings that `defaults` and every target share.
macro_rules! target_section {
    ($(#[$meta:meta])* $name:ident { $($own:tt)* }) => {
        section! {
            $(#[$meta])*
            pub(super) struct $name {
                $($own)*
                /// Name of one of the credentials.
                credential: Option<Spanned<String>> = None,
                /// Base URL of the API.
                #[serde(deserialize_with = "optional::<ApiUrl, _>")]
                api_url: Option<Url> = None,
                /// Time between two refreshes.
                #[serde(deserialize_with = "optional::<Ttl, _>")]
                ttl: Option<Duration> = None,
                /// Time between two fetches of individual documents.
                document_ttl: BTreeMap<String, Spanned<Parsed<Ttl>>> = BTreeMap::new(),
                /// Whether to fetch individual documents.
                documents: BTreeMap<String, Spanned<bool>> = BTreeMap::new(),
                /// Options of the mappings.
                options: BTreeMap<String, Spanned<String>> = BTreeMap::new(),
            }
        }

        impl $name {
            /// Applies the section on top of what is inherited.
            pub(super) fn apply(
                &self,
                place: &Place<'_>,
                credentials: &Credentials,
                to: &mut InheritedSettings,
            ) -> Result<(), SettingError> {
                if let Some(name) = &self.credential {
                    to.credential = Some(place.credential(name, credentials)?);
                }
                if let Some(api) = &self.api_url {
                    to.api = api.clone();
                }
                to.ttl = self.ttl.unwrap_or(to.ttl);
                let mapping = &mut to.mapping;
                let ttls = place.of_all("document_ttl", &self.document_ttl, |Parsed(ttl)| *ttl);
                mapping.document_ttl.extend(ttls);
                mapping.documents.extend(place.of_all("documents", &self.documents, |on| *on));
                mapping.options.extend(place.of_all("options", &self.options, String::clone));
                Ok(())
            }
        }
    };
}

target_section! {
    /// What all targets have in common.
    TargetDefaults {}
}

target_section! {
    /// A target.
    TargetSection {
        /// Login of the organization to export.
        organization: Option<Spanned<String>> = None,
        /// Slug of the enterprise to export.
        enterprise: Option<Spanned<String>> = None,
        /// Value of the label `org`.
        name: Option<Spanned<String>> = None,
        /// Which mappings run.
        mapping: TargetMappingSection = TargetMappingSection::default(),
    }
}

/// The settings that targets inherit, from the built-in defaults, the section `defaults` and the
/// flags.
#[derive(Clone)]
pub(super) struct InheritedSettings {
    /// None if there is no default credential.
    pub credential: Option<Arc<CredentialSettings>>,
    pub api: Url,
    pub ttl: Duration,
    pub mapping: MappingSettings,
    pub source: MappingSource,
    pub history: HistoryOptions,
}

/// The file and key of a section, for the places of its values.
pub(super) struct Place<'a> {
    pub file: &'a YamlFile<'a>,
    pub key: &'a str,
}

impl Place<'_> {
    fn error<T>(&self, value: &Spanned<T>, name: &str, problem: impl Into<String>) -> SettingError {
        self.file.error(value, &format!("{}.{name}", self.key), problem)
    }

    fn of_all<'a, T, U>(
        &'a self,
        section: &'a str,
        values: &'a BTreeMap<String, Spanned<T>>,
        value: impl Fn(&T) -> U + 'a,
    ) -> impl Iterator<Item = (String, Placed<U>)> + 'a {
        values.iter().map(move |(name, spanned)| {
            let place = self.file.place(spanned, &format!("{}.{section}.{name}", self.key));
            (name.clone(), Placed { value: value(&spanned.value), place })
        })
    }

    fn credential(
        &self,
        name: &Spanned<String>,
        credentials: &Credentials,
    ) -> Result<Arc<CredentialSettings>, SettingError> {
        credentials.get(name.value.trim()).cloned().ok_or_else(|| {
            let names: Vec<_> = credentials.keys().map(String::as_str).collect();
            let problem = match names.as_slice() {
                [] => format!("there is no credential {:?}, and no other", name.value),
                names => {
                    format!("{:?} is not one of the credentials {}", name.value, names.join(", "))
                }
            };
            self.error(name, "credential", problem)
        })
    }
}

impl InheritedSettings {
    /// The settings of a target that sets nothing else. None if it has no credential.
    pub(super) fn of(self, target: Target) -> Option<TargetSettings> {
        let Self { credential, api, ttl, mapping, source, history } = self;
        let credential = credential?;
        Some(TargetSettings { target, credential, api, ttl, mapping, source, history })
    }
}

/// The settings of a target of the config file.
pub(super) fn resolve_target(
    section: Spanned<TargetSection>,
    place: &Place<'_>,
    credentials: &Credentials,
    mut inherited: InheritedSettings,
) -> Result<TargetSettings, SettingError> {
    let whole = |problem| SettingError::new(place.file.place(&section, place.key), problem);
    let TargetSection { organization, enterprise, name, mapping, .. } = &section.value;
    let (scope, login) = match (organization, enterprise) {
        (Some(login), None) => (Scope::Organization, login),
        (None, Some(login)) => (Scope::Enterprise, login),
        _ => return Err(whole("it needs either organization or enterprise")),
    };
    let mut target = Target::new(scope, login.value.trim())
        .map_err(|problem| place.error(login, scope.label(), problem))?;
    if let Some(name) = name {
        target = target.named(&name.value).map_err(|problem| place.error(name, "name", problem))?;
    }
    inherited.source = mapping.source(&inherited.source);
    section.value.apply(place, credentials, &mut inherited)?;
    let target = target.at(&inherited.api);
    inherited.of(target).ok_or_else(|| {
        whole("it has no credential, and there is no default one: set GHC_TOKEN, or credentials.default")
    })
}
