//! What every version of the contract offers the host. One file per version (`v0_1`, `v0_2`) has the
//! generated bindings and translates them to the host's own types.
//!
//! A new version gets a directory under `wit`, a file here, a variant of [`Version`] and an arm in
//! [`Version::parse`] and [`Version::prepare`].

use wasmtime::Store;
use wasmtime::component::types::Component as ComponentType;
use wasmtime::component::{InstancePre, ResourceAny};

use super::LoadError;
use super::engine::Engine;
use super::run::MappingError;
use super::store::State;
use super::{v0_1, v0_2};
use crate::model::text::sanitize;
use crate::model::{Manifest, MappingOption, PartHeader, SampleSet, Span, Target};

/// The interface that a mapping exports, without its version.
pub const INTERFACE: &str = "copilot-metrics-exporter:mapping/mapper";

/// A version of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 0.1.0 and compatible versions.
    V0_1,
    /// 0.2.0 and compatible versions.
    V0_2,
}

impl Version {
    /// The version to build mappings for.
    pub const NEWEST: &str = "0.2.0";

    /// The version of a name such as `…/mapper@0.1.0`, if this host supports it. By the rules of
    /// semantic versioning, 0.1.1 only adds to 0.1.0.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse::<u32>().ok());
        match (numbers.next()??, numbers.next()??) {
            (0, 1) => Some(Self::V0_1),
            (0, 2) => Some(Self::V0_2),
            _ => None,
        }
    }

    /// The version that a component exports; the newest one if there are several.
    pub(super) fn find(engine: &Engine, ty: &ComponentType) -> Result<Self, LoadError> {
        let exports: Vec<&str> = ty.exports(engine.wasmtime()).map(|(name, _)| name).collect();
        let versions = exports.iter().filter_map(|name| name.strip_prefix(INTERFACE));
        let versions: Vec<&str> = versions.filter_map(|rest| rest.strip_prefix('@')).collect();
        let supported = versions.iter().filter_map(|version| Self::parse(version));
        match supported.max_by_key(|version| *version as u8) {
            Some(version) => Ok(version),
            None => Err(match versions.first() {
                Some(found) => LoadError::Version(sanitize(found)),
                None => LoadError::Export(match exports.is_empty() {
                    true => "nothing".to_owned(),
                    false => sanitize(&exports.join(", ")),
                }),
            }),
        }
    }

    /// Checks that a component with its imports satisfied exports what this version requires.
    pub(super) fn prepare(self, pre: InstancePre<State>) -> wasmtime::Result<Box<dyn Contract>> {
        match self {
            Self::V0_1 => v0_1::prepare(pre),
            Self::V0_2 => v0_2::prepare(pre),
        }
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::V0_1 => "0.1.0",
            Self::V0_2 => "0.2.0",
        })
    }
}

/// A component that is ready to be instantiated.
pub(super) trait Contract: Send + Sync {
    fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Box<dyn Instance>>;
}

/// An instance of a mapping.
pub(super) trait Instance: Send {
    /// Asks the mapping for its manifest.
    fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<Manifest>;

    /// Starts a run, which is a resource of the instance.
    fn construct(
        &self,
        store: &mut Store<State>,
        target: &Target,
        span: Span,
        options: &[MappingOption],
    ) -> wasmtime::Result<ResourceAny>;

    /// Feeds bytes to a run.
    fn feed(
        &self,
        store: &mut Store<State>,
        run: ResourceAny,
        header: &PartHeader,
        chunk: &[u8],
    ) -> wasmtime::Result<Result<(), MappingError>>;

    /// Ends a run.
    fn finish(
        &self,
        store: &mut Store<State>,
        run: ResourceAny,
    ) -> wasmtime::Result<Result<SampleSet, MappingError>>;
}
