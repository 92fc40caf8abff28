//! What every version of the contract offers the host.

use wasmtime::Store;
use wasmtime::component::ResourceAny;

use super::store::State;
use crate::model::{Malformed, Manifest, MappingOption, PartHeader, SampleSet, Span, Target};

/// An error that a mapping returned.
#[derive(Debug)]
pub(super) enum MappingError {
    /// A document is not what it claims to be.
    Malformed(Malformed),
    /// A document that is not in the manifest: its name.
    UnknownDocument(String),
    /// An invalid value of an option: which one, and what would be valid.
    InvalidOption(String),
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
