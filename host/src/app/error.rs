//! Why the exporter does not start.

use std::io;
use std::time::Duration;

use thiserror::Error;

use crate::config::SettingError;
use crate::github::TransportError;
use crate::refresh;
use crate::wasm::{EngineError, LoadError};

/// How long reading the settings may take: a file may be on a dead mount.
pub(super) const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Why the exporter did not start, or ended by itself.
#[derive(Debug, Error)]
pub enum StartError {
    /// An invalid setting.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// Two of its own metrics have the same name.
    #[error("the exporter's own metrics: {0}")]
    Metrics(#[from] prometheus::Error),
    /// The WebAssembly engine does not work.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The default mapping does not load.
    #[error("the default mapping: {0}")]
    Mapping(#[from] LoadError),
    /// No request can be sent.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// No request can be sent to OCI registries.
    #[error("cannot send requests to OCI registries: {0}")]
    Registry(reqwest::Error),
    /// The settings can't be read in time.
    #[error("reading the settings takes longer than {} s", READ_TIMEOUT.as_secs())]
    ReadTimeout,
    /// It can't listen on an address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: String,
        /// Why.
        error: io::Error,
    },
}

impl From<refresh::StartError> for StartError {
    fn from(error: refresh::StartError) -> Self {
        match error {
            refresh::StartError::Setting(error) => error.into(),
            refresh::StartError::Transport(error) => error.into(),
            refresh::StartError::DefaultMapping(error) => error.into(),
        }
    }
}
