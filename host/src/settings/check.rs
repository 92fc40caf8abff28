//! Checks the settings against the mapping that they are for.

use super::{MappingSettings, SettingError, Settings};
use crate::plugin::{Mapping, wit};

impl Settings {
    /// Whether the mapping has the options and documents that are named.
    pub fn check(&self, mapping: &Mapping) -> Result<(), SettingError> {
        check(&self.defaults, mapping)?;
        self.targets.iter().try_for_each(|target| check(&target.mapping, mapping))
    }
}

fn check(settings: &MappingSettings, mapping: &Mapping) -> Result<(), SettingError> {
    for (name, value) in &settings.options {
        let wrong = |problem| SettingError::new(value.place.clone(), problem);
        check_option(name, mapping.manifest()).map_err(wrong)?;
        // One by one, so that the error is at the right place.
        let option = wit::OptionValue { name: name.clone(), value: value.value.clone() };
        mapping.check_options(&[option]).map_err(wrong)?;
    }
    let documents = settings.documents.iter().map(|(name, on)| (name, &on.place));
    let ttls = settings.document_ttl.iter().map(|(name, ttl)| (name, &ttl.place));
    for (name, place) in documents.chain(ttls) {
        check_document(name, mapping.manifest())
            .map_err(|problem| SettingError::new(place.clone(), problem))?;
    }
    Ok(())
}

/// Whether there is such an option.
pub(crate) fn check_option(name: &str, manifest: &wit::Manifest) -> Result<(), String> {
    check_name("option", name, manifest, manifest.options.iter().map(|option| &*option.name))
}

/// Whether there is such a document, of organizations or enterprises.
fn check_document(name: &str, manifest: &wit::Manifest) -> Result<(), String> {
    check_name("document", name, manifest, manifest.documents.iter().map(|spec| &*spec.name))
}

fn check_name<'a>(
    what: &str,
    name: &str,
    manifest: &'a wit::Manifest,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    let mut known: Vec<&str> = Vec::new();
    for name in names {
        if !known.contains(&name) {
            known.push(name);
        }
    }
    match known.contains(&name) {
        true => Ok(()),
        false => Err(format!(
            "the mapping {} has no {what} {name:?}; it has: {}",
            manifest.name,
            known.join(", ")
        )),
    }
}
