//! Why a mapping file is not used.

use std::io;

use thiserror::Error;

use super::conflict::Conflict;
use crate::config::SettingError;
use crate::wasm::LoadError;

/// Why a file in the directory of mappings is not in use. Its predecessor stays in use.
#[derive(Debug, Error)]
pub enum Refusal {
    /// It can't be read, or is not a regular file.
    #[error("cannot read it: {0}")]
    Unreadable(#[from] io::Error),
    /// It is larger than mappings may be.
    #[error("its {0} bytes exceed the limit of {1} (mapping.max_file_mib)")]
    TooLarge(u64, u64),
    /// Only named digests are allowed, and its digest is not among them.
    #[error("its SHA-256 {0} is not in mapping.sha256")]
    Digest(String),
    /// It is not a mapping, or not a valid one.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It can't run side by side with another one.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The settings name options or documents that it does not have.
    #[error("the settings do not fit it: {0}")]
    Settings(SettingError),
    /// Its dry run over the stored documents failed.
    #[error("its dry run over the stored documents of the {target} failed: {reason}")]
    DryRun {
        /// The target.
        target: String,
        /// What happened.
        reason: String,
        /// The cause as a label.
        cause: &'static str,
    },
    /// It changed together with another one that was refused, and can't be used without it.
    #[error("it depends on a mapping that was refused")]
    Together,
    /// It failed repeatedly after it had been in use.
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
            Self::DryRun { cause, .. } => cause,
            Self::Together => "conflict",
            Self::Quarantined(_) => "quarantined",
        }
    }

    /// Whether the file may become usable when the limits of mappings change.
    pub(super) fn depends_on_limits(&self) -> bool {
        matches!(
            self,
            Self::Load(LoadError::Describe(_) | LoadError::Compile(_)) | Self::DryRun { .. }
        )
    }

    /// Whether the machine failed, not the file.
    pub(super) fn blames_machine(&self) -> bool {
        matches!(self, Self::Load(error) if error.blames_machine())
    }

    /// Whether the file may become usable without changing, because other files or settings change, or
    /// the machine recovers. A file that does not load otherwise, or whose dry run failed, is not tried
    /// again until it changes or the limits do.
    pub(super) fn depends_on_others(&self) -> bool {
        self.blames_machine()
            || matches!(
                self,
                Self::Unreadable(_)
                    | Self::TooLarge(..)
                    | Self::Digest(_)
                    | Self::Conflict(_)
                    | Self::Settings(_)
                    | Self::Together
            )
    }
}
