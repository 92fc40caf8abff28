//! Why a mapping is not taken.

use std::io;

use thiserror::Error;

use super::conflict::Conflict;
use crate::runner::pipeline::MapError;
use crate::wasm::LoadError;
use crate::config::SettingError;

/// Why a file in the folder of mappings is not in use. Whatever was before stays.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It can't be read, or is no file.
    #[error("it can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is larger than mappings may be.
    #[error("it has {0} bytes, more than the limit of {1} (mapping.max_file_mib)")]
    TooLarge(u64, u64),
    /// Only named digests are taken, and its is none of them.
    #[error("its SHA-256 is {0}, which mapping.sha256 does not name")]
    Digest(String),
    /// It is no mapping, or one that wants or says what it may not.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It can't run beside another one.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The settings name options or documents that it does not have.
    #[error("the settings are not for it: {0}")]
    Settings(SettingError),
    /// It failed over what is cached.
    #[error("it was tried over the cached documents of {0}: {1}")]
    Trial(String, #[source] Box<MapError>),
    /// It came together with another one that was refused, and can't be used without it.
    #[error("it came together with a mapping that was refused, and does not fit without it")]
    Together,
    /// It trapped again and again after it had been taken.
    #[error("it failed {0} times in a row; it is tried again when the file changes")]
    Quarantined(u32),
}

impl Refusal {
    /// The cause as a label.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::TooLarge(..) => "size",
            Self::Digest(_) => "digest",
            Self::Load(error) => error.cause(),
            Self::Conflict(_) => "conflict",
            Self::Settings(_) => "settings",
            Self::Trial(_, error) => error.cause(),
            Self::Together => "conflict",
            Self::Quarantined(_) => "quarantined",
        }
    }

    /// Whether it could be taken although its file has not changed: it depends on what else there is.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Unreadable(_) | Self::Conflict(_) | Self::Settings(_) | Self::Together)
    }
}
