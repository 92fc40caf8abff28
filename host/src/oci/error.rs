//! Errors of registries and their artifacts.

use std::time::Duration;

use thiserror::Error;

use crate::model::text::causes;

/// Why a mapping could not be pulled or pushed. The texts contain no passwords, no tokens, no URLs, and
/// nothing that the registry sent except its error codes.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum OciError {
    /// There was no response, or it was cut off.
    #[error("no complete response from {host}: {reason}")]
    Unreachable {
        /// The server.
        host: String,
        /// What happened.
        reason: String,
    },
    /// It took too long.
    #[error("{host} took longer than {} s", .limit.as_secs_f64())]
    Timeout {
        /// The registry.
        host: String,
        /// The timeout.
        limit: Duration,
    },
    /// An error status.
    #[error("{host} returned {status} for {what}{}", .code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Status {
        /// The server.
        host: String,
        /// The HTTP status.
        status: u16,
        /// What was requested.
        what: &'static str,
        /// The error code of the registry, such as `DENIED`.
        code: Option<String>,
    },
    /// The artifact does not exist, or its existence is hidden from this user.
    #[error("the registry does not have it")]
    NotFound,
    /// The registry wants a password that is missing, or did not accept it.
    #[error("{host} {}", if *.has_password {
        "did not accept the user and password"
    } else {
        "requires a user and password: set REGISTRY_USERNAME and REGISTRY_PASSWORD, or provide Docker's config.json"
    })]
    Unauthorized {
        /// The server.
        host: String,
        /// Whether a password was sent.
        has_password: bool,
    },
    /// The password can't be read.
    #[error("no usable password for {host}: {reason}")]
    Password {
        /// The registry.
        host: String,
        /// Why.
        reason: String,
    },
    /// It leads to a place that is not trusted.
    #[error("{host} {reason}")]
    Redirect {
        /// The server.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// The response is not as the specification says.
    #[error("the response of {host} is not usable: {reason}")]
    Response {
        /// The server.
        host: String,
        /// What is wrong.
        reason: String,
    },
    /// It is larger than it may be.
    #[error("its {what} has more than the {limit} bytes that are accepted{}", if *.what == LAYER { " (mapping.max_file_mib)" } else { "" })]
    TooLarge {
        /// Which part.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The content is not what its digest says.
    #[error("its {what} does not have the digest or size that it should have")]
    Digest {
        /// Which part.
        what: &'static str,
    },
    /// It is not a mapping.
    #[error("it is not a WebAssembly artifact: {0}")]
    Foreign(String),
    /// It has no valid signature.
    #[error("it is not signed with the key of mapping.verify: {0}")]
    Signature(String),
}

/// The part of an artifact that is the mapping.
pub(super) const LAYER: &str = "layer";
/// The part of an artifact that names the others.
pub(super) const MANIFEST: &str = "manifest";

impl OciError {
    /// The cause as a label.
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::Timeout { .. } => "timeout",
            Self::Status { .. } => "status",
            Self::NotFound => "not_found",
            Self::Unauthorized { .. } | Self::Password { .. } => "unauthorized",
            Self::Redirect { .. } => "redirect",
            Self::Response { .. } => "response",
            Self::TooLarge { .. } => "size",
            Self::Digest { .. } => "digest",
            Self::Foreign(_) => "artifact",
            Self::Signature(_) => "signature",
        }
    }

    /// Whether the artifact is refused. Otherwise, the registry failed.
    pub fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::TooLarge { .. } | Self::Digest { .. } | Self::Foreign(_) | Self::Signature(_)
        )
    }

    /// The error of a request that had no complete response. It does not quote the URL, which may be signed.
    pub(super) fn of_request(host: &str, error: reqwest::Error) -> Self {
        Self::Unreachable { host: host.to_owned(), reason: causes(&error.without_url()) }
    }
}
