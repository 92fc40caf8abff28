//! One run of a mapping, in an instance of its own.

use std::time::Duration;

use thiserror::Error;
use wasmtime::component::ResourceAny;
use wasmtime::{Store, Trap};

use super::bindings::wit;
use super::engine::Engine;
use super::store::{State, store};
use super::versions::{Instance, Pre};
use crate::text::plain;

/// How long a mapping may take to say what it is.
const DESCRIBE_TIME: Duration = Duration::from_secs(5);

/// Why a run ended without samples.
#[derive(Debug, Error)]
pub enum RunError {
    /// A document is not what it should be.
    #[error("{}", describe_malformed(.0))]
    Malformed(wit::Malformed),
    /// The mapping refused its input for another reason.
    #[error("{0}")]
    Refused(String),
    /// The mapping was ended.
    #[error("the mapping {cause}: {detail}")]
    Trapped {
        /// What it did.
        cause: TrapCause,
        /// wasmtime's words, and the last line that the mapping wrote to standard error.
        detail: String,
    },
}

/// What a mapping did that ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrapCause {
    /// It ran longer than it may.
    Time,
    /// It wanted more memory, stack or result than it may have.
    Memory,
    /// It panicked, or broke the rules of WebAssembly.
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
            Self::Time => "ran out of time",
            Self::Memory => "wanted too much memory",
            Self::Panic => "failed",
        })
    }
}

fn describe_malformed(malformed: &wit::Malformed) -> String {
    let wit::Malformed { document, part, offset, path, reason } = malformed;
    let path = path.as_ref().map(|path| format!("{path}: ")).unwrap_or_default();
    plain(&format!("document {document}, part {part}, byte {offset}: {path}{reason}"))
}

/// Says what a failed call means.
fn trapped(store: &Store<State>, error: &wasmtime::Error) -> RunError {
    let detail = error.root_cause().to_string();
    let cause = match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => TrapCause::Time,
        Some(Trap::StackOverflow | Trap::AllocationTooLarge) => TrapCause::Memory,
        None if detail.contains("growing") || detail.contains("fuel") => TrapCause::Memory,
        _ => TrapCause::Panic,
    };
    let said = store.data().stderr();
    let said = String::from_utf8_lossy(&said);
    let said = said.lines().map(str::trim).filter(|line| !line.is_empty());
    // The first line of a Rust panic has the place, the second the message.
    let said: String = said.take(2).collect::<Vec<_>>().join(" ");
    let said = plain(&said);
    let detail = if said.is_empty() { detail } else { format!("{detail} ({said})") };
    RunError::Trapped { cause, detail }
}

/// Asks a mapping what it is.
pub(super) fn describe(engine: &Engine, pre: &Pre) -> Result<wit::Manifest, RunError> {
    // It has nothing to do but to answer.
    let mut store = store(engine, engine.limits().run_time.min(DESCRIBE_TIME));
    pre.instantiate(&mut store)
        .and_then(|mapping| mapping.describe(&mut store))
        .map_err(|error| trapped(&store, &error))
}

/// A run that takes documents. Its calls block: they belong on a thread for blocking work.
pub struct Run {
    store: Store<State>,
    instance: Instance,
    resource: ResourceAny,
}

impl Run {
    pub(super) fn start(
        engine: &Engine,
        pre: &Pre,
        target: &wit::Target,
        span: wit::Span,
        options: &[wit::OptionValue],
    ) -> Result<Self, RunError> {
        let mut store = store(engine, engine.limits().run_time);
        let started = pre.instantiate(&mut store).and_then(|instance| {
            let resource = instance.construct(&mut store, target, span, options)?;
            Ok((instance, resource))
        });
        match started {
            Ok((instance, resource)) => Ok(Self { store, instance, resource }),
            Err(error) => Err(trapped(&store, &error)),
        }
    }

    /// Feeds the next bytes of a body.
    pub fn feed(&mut self, document: &wit::Document, chunk: &[u8]) -> Result<(), RunError> {
        let fed = self.instance.feed(&mut self.store, self.resource, document, chunk);
        self.answer(fed)
    }

    /// Ends the run and takes the samples. It is called once, at the end.
    pub fn finish(&mut self) -> Result<wit::SampleSet, RunError> {
        let finished = self.instance.finish(&mut self.store, self.resource);
        self.answer(finished)
    }

    /// The memory that the instance took, in bytes: the most so far.
    pub fn memory_bytes(&self) -> usize {
        self.store.data().memory_bytes()
    }

    fn answer<T>(&self, called: wasmtime::Result<Result<T, wit::Error>>) -> Result<T, RunError> {
        called.map_err(|error| trapped(&self.store, &error))?.map_err(|error| match error {
            wit::Error::Malformed(malformed) => RunError::Malformed(malformed),
            wit::Error::UnknownDocument(name) => RunError::Refused(plain(&format!(
                "the mapping does not know the document {name:?}"
            ))),
            wit::Error::InvalidOption(reason) => {
                RunError::Refused(plain(&format!("mapping option: {reason}")))
            }
        })
    }
}
