//! What goes wrong with a request.

use std::time::Duration;

use thiserror::Error;

use super::refusal::Refusal;
use crate::model::text::causes;

/// Why a document could not be fetched. The texts hold no links, no tokens and no bodies but the
/// `message` of GitHub's own error answers.
#[derive(Clone, Debug, Error)]
pub enum FetchError {
    /// GitHub answered something else than the document.
    #[error(
        "GitHub answered {status} to {what}{}{}",
        message.as_ref().map(|text| format!(": {text}")).unwrap_or_default(),
        refusal.map(|refusal| format!(" ({})", refusal.advice(permission.as_deref()))).unwrap_or_default()
    )]
    Status {
        /// The HTTP status.
        status: u16,
        /// What was requested.
        what: String,
        /// The permission it needs, if known.
        permission: Option<String>,
        /// GitHub's message.
        message: Option<String>,
        /// Why, if that can be told.
        refusal: Option<Refusal>,
        /// When to come again, if the server says so and nobody else keeps it.
        retry_after: Option<Duration>,
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
    /// Signing in failed, by then for good: it is not tried again for every document.
    #[error(transparent)]
    SignIn(Box<FetchError>),
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

    /// A failure to sign in, which has been tried often enough.
    pub(super) fn of_sign_in(self) -> Self {
        match self {
            error @ Self::Credential { .. } => error,
            error => Self::SignIn(Box::new(error)),
        }
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
            Self::SignIn(error) => error.status_code(),
        }
    }

    /// The cause as a label: what is known of the status, if it is.
    pub fn cause(&self) -> String {
        match self {
            Self::Status { refusal: Some(refusal), .. } => refusal.label().to_owned(),
            Self::SignIn(error) => error.cause(),
            _ => self.status_code(),
        }
    }

    /// Whether GitHub's API says that there is no such thing. (A file's host says so of a link
    /// that is over.)
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { refusal: Some(Refusal::NotFound), .. })
    }

    /// How long to wait before the next try, if the server says so.
    pub(super) fn retry_after(&self) -> Duration {
        match self {
            Self::Status { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// Whether it stays until somebody changes a setting at GitHub.
    pub fn is_settled(&self) -> bool {
        use Refusal::{AddressNotAllowed, NotFound, PermissionMissing, PolicyOff, SsoRequired};
        let Self::Status { refusal: Some(refusal), .. } = self else { return false };
        matches!(
            refusal,
            AddressNotAllowed | NotFound | PermissionMissing | PolicyOff | SsoRequired
        )
    }

    /// Whether it may be otherwise soon without anybody doing something.
    pub fn can_pass(&self) -> bool {
        match self {
            Self::Status { refusal: Some(Refusal::RateLimit), .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            Self::Request { passing, .. } => *passing,
            Self::RateLimited { .. } => true,
            Self::Answer { .. } | Self::Credential { .. } | Self::SignIn(_) => false,
        }
    }

    /// An error of the HTTP client. Its text would have the link, so that only the causes are taken.
    pub(super) fn request(what: &str, error: reqwest::Error) -> Self {
        let passing = !error.is_builder();
        let reason = causes(&error.without_url());
        Self::Request { what: what.to_owned(), reason, passing }
    }
}
