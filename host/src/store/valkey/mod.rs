//! The store in Valkey or Redis, which replicas share.
//!
//! All keys of a target have the same hash tag, so that a cluster keeps them on one node and a script can
//! change them in one step. A document is a *manifest* (everything but its bodies, and the SHA-256 of
//! its chunks) in a hash; the bodies are *chunks*, each under its SHA-256, which expire once no manifest
//! names them. Everything of a target expires a month after the last replica that exported it. A lease has
//! a fencing token that only grows; a write with an older token is refused.
//!
//! - `connect` opens connections, `connection` keeps one and replaces it after a failure;
//! - `keys` names the keys, `scripts` has the Lua scripts;
//! - `manifest` encodes manifests, `chunks` divides bodies and joins them again, `transfer` moves chunks;
//! - `failure` says in words what failed, `health` says so once, `metrics` counts;
//! - `access` reads and writes manifests, `notes` what processes tell each other; `grants` remembers what this
//!   process was granted;
//! - `shared` implements the store with all of that.

mod access;
mod chunks;
mod connect;
mod connection;
mod failure;
mod grants;
mod health;
mod keys;
mod manifest;
mod metrics;
mod notes;
mod scripts;
mod shared;
mod transfer;

pub use failure::{Failure, FailureKind};
pub use metrics::ValkeyMetrics;
pub use shared::Valkey;
