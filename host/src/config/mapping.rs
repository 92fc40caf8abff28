//! The sections `mapping`: which mappings run, and their limits.

use std::path::PathBuf;
use std::time::Duration;

use super::error::SettingError;
use super::parse::{Parsed, list, optional, section, value};
use super::paths::Directory;
use super::registry::{
    ArtifactReference, RegistryArgs, RegistryOptions, RegistrySection, VerifySection,
};
use super::values::{Mib, Number, Sha256, Timeout, Ttl};
use crate::model::Limits;

/// Which mappings run for a target.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MappingSource {
    /// The directory of mappings, if any. It is absolute.
    pub directory: Option<PathBuf>,
    /// The mappings in OCI registries that run, in addition to those of the directory.
    pub artifacts: Vec<ArtifactReference>,
    /// Whether the embedded mapping runs, unless there is another one of the same name.
    pub default: bool,
    /// The SHA-256 digests of the files that are accepted. If empty, all are.
    pub sha256: Vec<String>,
}

impl Default for MappingSource {
    fn default() -> Self {
        MappingSection::default().source()
    }
}

/// What mappings may do, and what happens to those that fail.
#[derive(Clone, Debug, PartialEq)]
pub struct MappingPolicy {
    /// The limits of a run.
    pub limits: Limits,
    /// Maximum size of a mapping file.
    pub max_file_bytes: u64,
    /// Number of consecutive failures after which a mapping is rolled back to its predecessor.
    pub rollback_after: u32,
}

impl Default for MappingPolicy {
    fn default() -> Self {
        MappingSection::default().policy()
    }
}

section! {
    /// The section `mapping`, for all targets.
    pub(super) struct MappingSection {
        /// Directory of mappings.
        #[serde(rename = "dir", deserialize_with = "optional::<Directory, _>")]
        directory: Option<PathBuf> = None,
        /// Mappings in OCI registries.
        #[serde(deserialize_with = "list::<ArtifactReference, _>")]
        sources: Vec<ArtifactReference> = Vec::new(),
        /// Time between two checks of each of them.
        #[serde(deserialize_with = "value::<Ttl, _>")]
        sources_interval: Duration = Duration::from_secs(30),
        /// Timeout for a check, including the download.
        #[serde(deserialize_with = "value::<Timeout, _>")]
        sources_timeout: Duration = Duration::from_secs(60),
        /// Whose signatures they need.
        verify: VerifySection = VerifySection::default(),
        /// How their registry is reached.
        registry: RegistrySection = RegistrySection::default(),
        /// Whether the embedded mapping runs.
        default: bool = true,
        /// SHA-256 digests of the files to accept.
        #[serde(deserialize_with = "list::<Sha256, _>")]
        sha256: Vec<String> = Vec::new(),
        /// Maximum memory of a run. A mapping can address 32 bits.
        #[serde(rename = "memory_mib", deserialize_with = "value::<Mib<usize, 1, 4096, 64>, _>")]
        memory_bytes: usize = Limits::default().memory_bytes,
        /// Maximum duration of a run.
        #[serde(deserialize_with = "value::<Timeout, _>")]
        run_time: Duration = Limits::default().run_time,
        /// Maximum size of the result of one call.
        #[serde(rename = "result_mib", deserialize_with = "value::<Mib<usize, 1, 4096, 64>, _>")]
        result_bytes: usize = Limits::default().result_bytes,
        /// Maximum duration of a compilation, in wall-clock and in CPU time.
        #[serde(deserialize_with = "value::<Timeout, _>")]
        compile_time: Duration = Limits::default().compile_time,
        /// Maximum memory of a compilation.
        #[serde(
            rename = "compile_memory_mib",
            deserialize_with = "value::<Mib<u64, 64, 65536, 1024>, _>"
        )]
        compile_memory_bytes: u64 = Limits::default().compile_memory_bytes,
        /// Maximum number of samples of one target.
        #[serde(deserialize_with = "value::<Number<usize, 1, 10_000_000, 200_000>, _>")]
        series: usize = Limits::default().series,
        /// Maximum size of a mapping file. A mapping in Rust has a few hundred kilobytes, one with
        /// a JavaScript engine 12 MB.
        #[serde(rename = "max_file_mib", deserialize_with = "value::<Mib<u64, 1, 1024, 64>, _>")]
        max_file_bytes: u64 = 64 << 20,
        /// Number of consecutive failures after which a mapping is rolled back.
        #[serde(deserialize_with = "value::<Number<u32, 1, 1000, 3>, _>")]
        rollback_after: u32 = 3,
    }
}

impl MappingSection {
    /// Which mappings run for targets that set nothing else.
    pub(super) fn source(&self) -> MappingSource {
        MappingSource {
            directory: self.directory.clone(),
            artifacts: self.sources.clone(),
            default: self.default,
            sha256: self.sha256.clone(),
        }
    }

    /// What mappings may do.
    pub(super) fn policy(&self) -> MappingPolicy {
        MappingPolicy {
            limits: Limits {
                memory_bytes: self.memory_bytes,
                run_time: self.run_time,
                result_bytes: self.result_bytes,
                series: self.series,
                compile_time: self.compile_time,
                compile_memory_bytes: self.compile_memory_bytes,
                ..Limits::default()
            },
            max_file_bytes: self.max_file_bytes,
            rollback_after: self.rollback_after,
        }
    }

    /// How registries are reached.
    pub(super) fn registry(self, args: &RegistryArgs) -> Result<RegistryOptions, SettingError> {
        let times = [self.sources_interval, self.sources_timeout];
        RegistryOptions::new(self.registry, self.verify.key, times, self.max_file_bytes, args)
    }
}

section! {
    /// The section `mapping` of a single target.
    pub(super) struct TargetMappingSection {
        /// Directory of mappings, instead of that of all targets.
        #[serde(rename = "dir", deserialize_with = "optional::<Directory, _>")]
        directory: Option<PathBuf> = None,
        /// Mappings in OCI registries, instead of those of all targets.
        sources: Option<Vec<Parsed<ArtifactReference>>> = None,
        /// Whether the embedded mapping runs.
        default: Option<bool> = None,
        /// SHA-256 digests of the files to accept.
        sha256: Option<Vec<Parsed<Sha256>>> = None,
    }
}

impl TargetMappingSection {
    /// Which mappings run for the target: what the section sets, and otherwise what `all` targets
    /// use.
    pub(super) fn source(&self, all: &MappingSource) -> MappingSource {
        let digests = self.sha256.as_ref();
        let digests =
            digests.map(|list| list.iter().map(|Parsed(digest)| digest.clone()).collect());
        let artifacts = self.sources.as_ref();
        let artifacts =
            artifacts.map(|list| list.iter().map(|Parsed(artifact)| artifact.clone()).collect());
        MappingSource {
            directory: self.directory.clone().or_else(|| all.directory.clone()),
            artifacts: artifacts.unwrap_or_else(|| all.artifacts.clone()),
            default: self.default.unwrap_or(all.default),
            sha256: digests.unwrap_or_else(|| all.sha256.clone()),
        }
    }
}
