//! Checks settings against the mappings that they are for.

use super::set::MappingSet;
use crate::config::{MappingSettings, SettingError};
use crate::model::{Manifest, MappingOption};

impl MappingSet {
    /// Checks that the mappings have the options and documents that the settings name.
    pub fn check_settings(&self, settings: &MappingSettings) -> Result<(), SettingError> {
        let set = self;
        for (name, value) in &settings.options {
            let wrong = |problem| SettingError::new(value.place.clone(), problem);
            let manifests = set.members().iter().map(|member| member.mapping.manifest());
            check_option(name, manifests).map_err(wrong)?;
            // One by one, so that the error is at the right place.
            let option = MappingOption { name: name.clone(), value: value.value.clone() };
            for member in set.members() {
                if member.mapping.manifest().options.iter().any(|spec| spec.name == *name) {
                    member.mapping.check_options(std::slice::from_ref(&option)).map_err(wrong)?;
                }
            }
        }
        let documents = settings.documents.iter().map(|(name, on)| (name, &on.place));
        let ttls = settings.document_ttl.iter().map(|(name, ttl)| (name, &ttl.place));
        for (name, place) in documents.chain(ttls) {
            check_document(name, set)
                .map_err(|problem| SettingError::new(place.clone(), problem))?;
        }
        Ok(())
    }
}

/// Checks that a mapping has an option.
pub fn check_option<'a>(
    name: &str,
    manifests: impl Iterator<Item = &'a Manifest>,
) -> Result<(), String> {
    check_name("option", name, manifests, |manifest| {
        manifest.options.iter().map(|option| &*option.name).collect()
    })
}

/// Checks that a mapping has a document, of organizations or enterprises.
fn check_document(name: &str, set: &MappingSet) -> Result<(), String> {
    let manifests = set.members().iter().map(|member| member.mapping.manifest());
    check_name("document", name, manifests, |manifest| {
        manifest.documents.iter().map(|spec| &*spec.name).collect()
    })
}

fn check_name<'a>(
    what: &str,
    name: &str,
    manifests: impl Iterator<Item = &'a Manifest>,
    names: fn(&'a Manifest) -> Vec<&'a str>,
) -> Result<(), String> {
    let (mut mappings, mut known): (Vec<&str>, Vec<&str>) = Default::default();
    for manifest in manifests {
        mappings.push(&manifest.name);
        for name in names(manifest) {
            if !known.contains(&name) {
                known.push(name);
            }
        }
    }
    match known.contains(&name) {
        true => Ok(()),
        false => Err(format!(
            "the mapping {} has no {what} {name:?}; it has: {}",
            mappings.join(", "),
            known.join(", ")
        )),
    }
}
