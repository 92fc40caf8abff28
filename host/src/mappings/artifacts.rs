//! The mappings that were pulled from OCI registries. To the registry of mappings they are like files,
//! whose path is the reference.

use std::io;
use std::path::PathBuf;

use super::directory::{self, Found};
use super::registry::Registry;
use crate::config::{ArtifactReference, MappingSource};
use crate::oci::{OciError, Update};

impl Registry {
    /// Notes the result of a check of an OCI registry.
    pub fn set_artifact(&mut self, update: Update) {
        self.artifacts.insert(update.reference.clone(), update);
    }

    /// What was pulled for a source, as files.
    pub(super) fn pulled(&self, source: &MappingSource, max_bytes: u64) -> Vec<Found> {
        let updates = source.artifacts.iter().filter_map(|of| self.artifacts.get(of));
        let found = updates.filter_map(|update| {
            let pulled = update.pulled.as_ref()?;
            let found = Found {
                path: path_of(&update.reference),
                content: pulled.sha256().to_owned(),
                location: pulled.content().clone(),
                refusal: None,
            };
            Some(match directory::digest(pulled.content(), max_bytes) {
                Ok(sha256) if sha256 == pulled.sha256() => found,
                Ok(_) => {
                    let error = io::Error::other("the file in CACHE_DIR has changed");
                    Found { refusal: Some(error.into()), ..found }
                }
                Err(refusal) => Found { refusal: Some(refusal), ..found },
            })
        });
        found.collect()
    }

    /// Whether the first check of an artifact of a source has not ended yet.
    pub(super) fn is_waiting(&self, source: &MappingSource) -> bool {
        let is_known = |reference| {
            let update = self.artifacts.get(reference);
            update.is_some_and(|update| update.pulled.is_some() || update.problem.is_some())
        };
        !source.artifacts.iter().all(is_known)
    }

    /// Whether an artifact of a source has not been pulled.
    pub(super) fn lacks_artifact(&self, source: &MappingSource) -> bool {
        let has_content =
            |reference| self.artifacts.get(reference).is_some_and(|update| update.pulled.is_some());
        !source.artifacts.iter().all(has_content)
    }

    /// The problems with OCI registries and their artifacts, by reference.
    pub(super) fn artifact_problems(&self) -> impl Iterator<Item = (PathBuf, &OciError)> {
        let in_use = |reference: &ArtifactReference| {
            self.directories.keys().any(|source| source.artifacts.contains(reference))
        };
        self.artifacts
            .values()
            .filter(move |update| in_use(&update.reference))
            .filter_map(|update| Some((path_of(&update.reference), update.problem.as_ref()?)))
    }

    /// Forgets the artifacts of sources that no target uses any more.
    pub(super) fn prune_artifacts(&mut self) {
        let directories = &self.directories;
        self.artifacts.retain(|reference, _| {
            directories.keys().any(|source| source.artifacts.contains(reference))
        });
    }
}

/// What stands for a path in logs and on the page.
fn path_of(reference: &ArtifactReference) -> PathBuf {
    PathBuf::from(reference.to_string())
}
