//! Settings, checked once: from here on, nothing can be malformed.
//!
//! They come from flags and environment variables ([`ServeArgs`]) and from the config file
//! (`sections`); [`Settings`] puts them together. A setting of the file is one field of a struct,
//! declared with its type, default, documentation and parser (`section!` in `parse`); `values` and
//! `paths` have the parsers, and `yaml` adds file, line and key to their errors. [`web`] is the web
//! server's own config file, and `web_paths` where its endpoints are. The settings of the config file can be reloaded while the exporter
//! runs; the others cannot change.

mod credentials;
mod demo;
mod error;
pub mod files;
mod flags;
mod github;
mod history;
mod log;
mod mapping;
mod parse;
mod paths;
mod registry;
mod remote_write;
mod secret_files;
mod secret_source;
mod sections;
mod settings;
mod store;
mod target;
#[cfg(test)]
mod tests;
mod values;
pub mod web;
mod web_paths;
mod yaml;

pub use credentials::{CredentialSettings, CredentialSource};
pub use demo::{Demo, wants_demo};
pub use error::SettingError;
pub use files::{Stamp, stamp};
pub use flags::{ServeArgs, WebArgs, given, listen_addresses};
pub use github::GithubOptions;
pub use history::HistoryOptions;
pub use log::{Log, LogFormat, LogLevel};
pub use mapping::{MappingPolicy, MappingSource};
pub use registry::{
    ArtifactReference, Login, RegistryArgs, RegistryOptions, VerificationKey, Version,
};
pub use remote_write::{
    Authentication, EndpointUrl, Pattern, Pem, ProtobufMessage, QueueSettings, RelabelAction,
    RelabelRule, RemoteWriteSettings, TlsFiles, TlsSettings,
};
pub use secret_files::{check_private_key, read_ca_file, read_private_key, read_token_file};
pub use secret_source::SecretSource;
pub use settings::{DEFAULT_API_URL, DEFAULT_TTL_SECONDS, Settings};
pub use store::{SentinelSettings, StoreUrl, ValkeySettings};
pub use target::{MappingSettings, Placed, TargetSettings};
pub use values::is_loopback;
pub use web_paths::{WebPaths, route_prefix};
