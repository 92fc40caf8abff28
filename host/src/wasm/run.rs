//! One run of a mapping, in an instance of its own.

use std::time::Duration;

use thiserror::Error;
use wasmtime::component::ResourceAny;
use wasmtime::{Store, Trap};
use wasmtime_wasi::I32Exit;

use super::engine::Engine;
use super::interface::{Contract, Instance, MappingError};
use super::limits::OutOfMemory;
use super::store::{State, store};
use crate::model::mask::mask;
use crate::model::text::sanitize;
use crate::model::{Malformed, Manifest, MappingOption, PartHeader, SampleSet, Span, Target};

/// wasmtime's error for a result over the limit: its type is private, so that only its whole text
/// identifies it. A test fails if another version of wasmtime has another text.
const RESULT_TOO_LARGE: &str = "too much data is being copied between the host and the guest: \
    fuel allocated for hostcalls has been exhausted";

/// How long `describe` may take.
const DESCRIBE_TIME: Duration = Duration::from_secs(5);

/// How many lines of a mapping's standard error are shown.
const MAX_STDERR_LINES: usize = 20;

/// Why a run ended without samples.
#[derive(Debug, Error)]
pub enum RunError {
    /// A document is malformed.
    #[error("{}", describe_malformed(.0))]
    Malformed(Malformed),
    /// The mapping rejected its input for another reason.
    #[error("{0}")]
    Refused(String),
    /// The mapping was stopped.
    #[error("the mapping {cause}: {detail}")]
    Trapped {
        /// What it did.
        cause: TrapCause,
        /// wasmtime's error, and the first and last lines that the mapping wrote to standard error.
        detail: String,
    },
}

/// Why a mapping was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrapCause {
    /// It exceeded its time limit.
    Time,
    /// It exceeded its memory, its stack or the size of a result.
    Memory,
    /// It panicked, or trapped in another way.
    Panic,
}

impl TrapCause {
    /// The cause as the value of a label.
    pub fn label(self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Panic => "panic",
        }
    }
}

impl std::fmt::Display for TrapCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Time => "exceeded its time limit",
            Self::Memory => "exceeded its memory limit",
            Self::Panic => "failed",
        })
    }
}

fn describe_malformed(malformed: &Malformed) -> String {
    let Malformed { document, part, offset, path, reason } = malformed;
    let path = path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
    let reason = mask(reason, None);
    sanitize(&format!("document {document}, part {part}, byte {offset}: {path}{reason}"))
}

/// The reason of a failed call.
fn trapped(store: &Store<State>, error: &wasmtime::Error) -> RunError {
    let mut detail = error.root_cause().to_string();
    if let Some(I32Exit(status)) = error.downcast_ref() {
        detail = format!("it exited with status {status}, which mappings must not do");
    }
    let cause = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => TrapCause::Time,
        Some(Trap::StackOverflow | Trap::AllocationTooLarge) => TrapCause::Memory,
        _ if error.is::<OutOfMemory>() || detail == RESULT_TOO_LARGE => TrapCause::Memory,
        _ => TrapCause::Panic,
    };
    let message = store.data().stderr().excerpt();
    let detail = if message.is_empty() { detail } else { format!("{detail} ({message})") };
    RunError::Trapped { cause, detail }
}

/// Asks a mapping for its manifest.
pub(super) fn describe(engine: &Engine, contract: &dyn Contract) -> Result<Manifest, RunError> {
    // It should return at once.
    let mut store = store(engine, engine.limits().run_time.min(DESCRIBE_TIME));
    contract
        .instantiate(&mut store)
        .and_then(|mapping| mapping.describe(&mut store))
        .map_err(|error| trapped(&store, &error))
}

/// A run that takes documents. Its calls block: they belong on a thread for blocking work.
pub struct Run {
    store: Store<State>,
    instance: Box<dyn Instance>,
    resource: ResourceAny,
}

impl Run {
    pub(super) fn start(
        engine: &Engine,
        contract: &dyn Contract,
        target: &Target,
        span: Span,
        options: &[MappingOption],
    ) -> Result<Self, RunError> {
        let mut store = store(engine, engine.limits().run_time);
        let started = contract.instantiate(&mut store).and_then(|instance| {
            let resource = instance.construct(&mut store, target, span, options)?;
            Ok((instance, resource))
        });
        match started {
            Ok((instance, resource)) => Ok(Self { store, instance, resource }),
            Err(error) => Err(trapped(&store, &error)),
        }
    }

    /// Feeds the next bytes of a body.
    pub fn feed(&mut self, header: &PartHeader, chunk: &[u8]) -> Result<(), RunError> {
        let fed = self.instance.feed(&mut self.store, self.resource, header, chunk);
        self.result(fed)
    }

    /// Ends the run and returns the samples. It is called once, at the end.
    pub fn finish(&mut self) -> Result<SampleSet, RunError> {
        let finished = self.instance.finish(&mut self.store, self.resource);
        self.result(finished)
    }

    /// The peak memory of the instance, in bytes.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes()
    }

    /// What the mapping wrote to standard error: the first lines of it.
    pub fn stderr(&self) -> Vec<String> {
        self.store.data().stderr().lines(MAX_STDERR_LINES)
    }

    fn result<T>(&self, called: wasmtime::Result<Result<T, MappingError>>) -> Result<T, RunError> {
        called.map_err(|error| trapped(&self.store, &error))?.map_err(|error| match error {
            MappingError::Malformed(malformed) => RunError::Malformed(malformed),
            MappingError::UnknownDocument(name) => RunError::Refused(sanitize(&format!(
                "the mapping does not know the document {name:?}"
            ))),
            MappingError::InvalidOption(reason) => {
                RunError::Refused(sanitize(&format!("mapping option: {reason}")))
            }
        })
    }
}
