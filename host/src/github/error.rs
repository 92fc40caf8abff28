//! What goes wrong with a request.

use std::time::Duration;

use thiserror::Error;

use super::refusal::Refusal;

/// Why a document could not be fetched. The texts hold no links, no tokens and no bodies but the
/// `message` of GitHub's own error answers.
#[derive(Clone, Debug, Error)]
pub enum FetchError {
    /// GitHub answered something else than the document.
    #[error(
        "GitHub answered {status} to {what}{}{}",
        message.as_ref().map(|text| format!(": {text}")).unwrap_or_default(),
        refusal.map(|refusal| format!(" ({})", refusal.advice(what))).unwrap_or_default()
    )]
    Status {
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
        /// GitHub's message.
        message: Option<String>,
        /// Why, if that can be told.
        refusal: Option<Refusal>,
    },
    /// There was no answer, or it broke off.
    #[error("no whole answer to {what}: {reason}")]
    Request {
        /// What was asked for.
        what: String,
        /// What happened.
        reason: String,
        /// Whether it may be otherwise at the next try.
        passing: bool,
    },
    /// The answer is not what it should be.
    #[error("the answer to {what} can't be used: {reason}")]
    Answer {
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// GitHub allows no request now, so that none was sent.
    #[error("{what} was not asked for: GitHub's rate limit allows it in {} s", wait.as_secs())]
    RateLimited {
        /// What was to be asked for.
        what: String,
        /// When it can be.
        wait: Duration,
    },
    /// There is no way to sign in.
    #[error("credential {credential}: {reason}")]
    Credential {
        /// Its name.
        credential: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl FetchError {
    /// A request that can't be made at all.
    pub(super) fn impossible(what: &str, reason: impl Into<String>) -> Self {
        Self::Request { what: what.to_owned(), reason: reason.into(), passing: false }
    }

    /// An answer that is not what it should be.
    pub(super) fn answer(what: &str, reason: impl Into<String>) -> Self {
        Self::Answer { what: what.to_owned(), reason: reason.into() }
    }

    /// The HTTP status as a label, or the original exporter's word for what has none.
    pub fn status_code(&self) -> String {
        match self {
            Self::Status { status, .. } => status.to_string(),
            Self::Request { .. } => "request_exception".to_owned(),
            Self::Answer { .. } => "invalid_answer".to_owned(),
            Self::RateLimited { .. } => "rate_limit".to_owned(),
            Self::Credential { .. } => "credential".to_owned(),
        }
    }

    /// The cause as a label: what is known of the status, if it is.
    pub fn cause(&self) -> String {
        match self {
            Self::Status { refusal: Some(refusal), .. } => refusal.label().to_owned(),
            _ => self.status_code(),
        }
    }

    /// Whether GitHub says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: 404, .. })
    }

    /// Whether it may be otherwise soon without anybody doing something.
    pub fn can_pass(&self) -> bool {
        match self {
            Self::Status { refusal: Some(Refusal::RateLimit), .. } => true,
            Self::Status { status, .. } => *status >= 500,
            Self::Request { passing, .. } => *passing,
            Self::RateLimited { .. } => true,
            Self::Answer { .. } | Self::Credential { .. } => false,
        }
    }

    /// An error of the HTTP client. Its text would have the link, so that only the causes are taken.
    pub(super) fn request(what: &str, error: reqwest::Error) -> Self {
        let passing = !error.is_builder();
        let error = error.without_url();
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            let text = cause.to_string();
            if !reason.contains(&text) {
                reason = format!("{reason}: {text}");
            }
            source = cause.source();
        }
        Self::Request { what: what.to_owned(), reason, passing }
    }
}
