//! The versions of the contract that this host speaks. This file is the only one that knows how
//! they differ: it finds out which one a component has, and calls it. The host's own types
//! ([`wit`]) are those of the newest version.
//!
//! `wit/0.1/mapping.wit` is frozen for each version. A new version gets bindings of its own in
//! `bindings`, a variant in [`Pre`] and one in [`Instance`], and is translated here.

use wasmtime::Store;
use wasmtime::component::{Component, InstancePre, ResourceAny};

use super::LoadError;
use super::bindings::{MappingPre, wit};
use super::engine::Engine;
use super::store::State;
use crate::text::plain;

/// The interface that a mapping exports, without its version.
pub const INTERFACE: &str = "copilot-metrics-exporter:mapping/mapper";

/// A version of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// 0.1.0 and what is compatible with it.
    V0_1,
}

impl Version {
    /// The newest: the one to write mappings for.
    pub const NEWEST: &str = "0.1.0";

    /// The version of a name such as `…/mapper@0.1.0`, if it is one that this host speaks. By the
    /// rules of semantic versioning, 0.1.1 only adds to 0.1.0.
    fn of(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse::<u32>().ok());
        match (numbers.next()??, numbers.next()??) {
            (0, 1) => Some(Self::V0_1),
            _ => None,
        }
    }

    /// Which version a component has.
    pub(super) fn find(engine: &Engine, component: &Component) -> Result<Self, LoadError> {
        let ty = component.component_type();
        let exports: Vec<&str> = ty.exports(engine.wasmtime()).map(|(name, _)| name).collect();
        let versions = exports.iter().filter_map(|name| name.strip_prefix(INTERFACE));
        let mut versions = versions.filter_map(|rest| rest.strip_prefix('@'));
        match versions.clone().find_map(Self::of) {
            Some(version) => Ok(version),
            None => Err(match versions.next() {
                Some(found) => LoadError::Version(plain(found)),
                None => LoadError::Export(match exports.is_empty() {
                    true => "nothing".to_owned(),
                    false => plain(&exports.join(", ")),
                }),
            }),
        }
    }
}

/// A component whose imports are there, ready to be made instances of.
pub(super) enum Pre {
    V0_1(MappingPre<State>),
}

impl Pre {
    pub(super) fn new(version: Version, pre: InstancePre<State>) -> wasmtime::Result<Self> {
        match version {
            Version::V0_1 => MappingPre::new(pre).map(Self::V0_1),
        }
    }

    pub(super) fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Instance> {
        match self {
            Self::V0_1(pre) => {
                let mapping = pre.instantiate(store)?;
                Ok(Instance::V0_1(mapping.copilot_metrics_exporter_mapping_mapper().clone()))
            }
        }
    }
}

/// An instance of a mapping.
pub(super) enum Instance {
    V0_1(wit::Guest),
}

impl Instance {
    pub(super) fn describe(&self, store: &mut Store<State>) -> wasmtime::Result<wit::Manifest> {
        match self {
            Self::V0_1(mapper) => mapper.call_describe(store),
        }
    }

    pub(super) fn construct(
        &self,
        store: &mut Store<State>,
        target: &wit::Target,
        span: wit::Span,
        options: &[wit::OptionValue],
    ) -> wasmtime::Result<ResourceAny> {
        match self {
            Self::V0_1(mapper) => mapper.run().call_constructor(store, target, span, options),
        }
    }

    pub(super) fn feed(
        &self,
        store: &mut Store<State>,
        run: ResourceAny,
        document: &wit::Document,
        chunk: &[u8],
    ) -> wasmtime::Result<Result<(), wit::Error>> {
        match self {
            Self::V0_1(mapper) => mapper.run().call_feed(store, run, document, chunk),
        }
    }

    pub(super) fn finish(
        &self,
        store: &mut Store<State>,
        run: ResourceAny,
    ) -> wasmtime::Result<Result<wit::SampleSet, wit::Error>> {
        match self {
            Self::V0_1(mapper) => mapper.run().call_finish(store, run),
        }
    }
}
