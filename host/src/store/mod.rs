//! Keeps documents and samples: in memory, on disk over a restart, or in a Valkey that replicas share.
//!
//! [`Store`] is the interface; [`Memory`], [`Disk`] and [`Valkey`] implement it, [`Tiered`] puts memory in
//! front of another store. `record` is the checksummed format of files, `samples` the stored form of samples. `compiled` keeps machine code.

mod compiled;
mod disk;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod interface;
mod key;
mod lease;
mod memory;
mod metrics;
mod record;
mod samples;
mod tiered;
mod valkey;

pub use compiled::{CodeKey, CompiledCode, WRITABLE_FOR_OTHERS};
pub use disk::Disk;
pub use error::StoreError;
pub use interface::{Put, Store};
pub use key::{Key, Slot};
pub use lease::Lease;
pub use memory::Memory;
pub use metrics::Metrics;
pub use samples::StoredSamples;
pub use tiered::Tiered;
pub use valkey::{Failure, FailureKind, Valkey, ValkeyMetrics};
