//! Errors of requests.

use std::time::Duration;

use thiserror::Error;
use url::Url;

use super::refusal::Refusal;
use crate::model::mask::mask;
use crate::model::text::causes;

/// Why a document could not be fetched. The texts contain no links, no tokens, and nothing of a body
/// except the `message` of GitHub's own error responses.
#[derive(Clone, Debug, Error)]
pub enum FetchError {
    /// GitHub returned an error status.
    #[error(
        "GitHub returned {status} for {what}{}{}",
        message.as_ref().map(|text| format!(": {text}")).unwrap_or_default(),
        refusal.map(|refusal| format!(" ({})", refusal.advice(permission.as_deref()))).unwrap_or_default()
    )]
    Status {
        /// The HTTP status.
        status: u16,
        /// What was requested.
        what: String,
        /// The permission that the request requires, if known.
        permission: Option<String>,
        /// GitHub's message.
        message: Option<String>,
        /// The cause, if it is known.
        refusal: Option<Refusal>,
        /// When to retry, if the server says so and the rate limit does not take care of it.
        retry_after: Option<Duration>,
    },
    /// There was no response, or it was cut off.
    #[error(
        "no complete response{} for {what}: {reason}",
        host.as_ref().map(|host| format!(" from {host}")).unwrap_or_default()
    )]
    Request {
        /// The server, if one was reached or looked up.
        host: Option<String>,
        /// What was requested.
        what: String,
        /// What happened.
        reason: String,
        /// Whether a retry may succeed.
        passing: bool,
    },
    /// The response is not usable.
    #[error("the response for {what} is not usable: {reason}")]
    Answer {
        /// What was requested.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The rate limit allows no request at the moment, so none was sent.
    #[error("{what} was not requested: GitHub's rate limit allows it in {} s", wait.as_secs())]
    RateLimited {
        /// What was to be requested.
        what: String,
        /// When it will be allowed.
        wait: Duration,
    },
    /// Signing in failed. It has been retried already, and is not retried for every document.
    #[error(transparent)]
    SignIn(Box<FetchError>),
    /// The credential is not usable.
    #[error("credential {credential}: {reason}")]
    Credential {
        /// Its name.
        credential: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl FetchError {
    /// A request that cannot succeed, and is not retried.
    pub(super) fn impossible(what: &str, reason: impl Into<String>) -> Self {
        Self::Request { host: None, what: what.to_owned(), reason: reason.into(), passing: false }
    }

    /// Marks an error as a failure to sign in, which has been retried already.
    pub(super) fn of_sign_in(self) -> Self {
        match self {
            error @ Self::Credential { .. } => error,
            error => Self::SignIn(Box::new(error)),
        }
    }

    /// A response that is not usable.
    pub(super) fn answer(what: &str, reason: impl Into<String>) -> Self {
        Self::Answer { what: what.to_owned(), reason: reason.into() }
    }

    /// The HTTP status as a label value. For errors without one, the value that the original exporter
    /// uses.
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

    /// The cause as a label value: the refusal if it is known, and otherwise the status.
    pub fn cause(&self) -> String {
        match self {
            Self::Status { refusal: Some(refusal), .. } => refusal.label().to_owned(),
            Self::SignIn(error) => error.cause(),
            _ => self.status_code(),
        }
    }

    /// Whether the API says that the resource does not exist. (A file host says the same about an
    /// expired link.)
    pub fn is_not_found(&self) -> bool {
        let Self::Status { refusal: Some(refusal), .. } = self else { return false };
        matches!(refusal, Refusal::NotFound | Refusal::BilledToEnterprise)
    }

    /// Whether it is expected and not a failure: an organization has no bill if its enterprise pays.
    pub fn is_expected(&self) -> bool {
        matches!(self, Self::Status { refusal: Some(Refusal::BilledToEnterprise), .. })
    }

    /// How long to wait before a retry, if the server says so.
    pub(super) fn retry_after(&self) -> Duration {
        match self {
            Self::Status { retry_after, .. } => retry_after.unwrap_or_default(),
            _ => Duration::ZERO,
        }
    }

    /// Whether it persists until someone changes a setting at GitHub.
    pub fn is_settled(&self) -> bool {
        use Refusal::{
            AccountSuspended, AddressNotAllowed, BilledToEnterprise, ClassicTokenForbidden,
            NotFound, PermissionMissing, PolicyOff, SsoRequired, TokenLifetime,
        };
        let Self::Status { refusal: Some(refusal), .. } = self else { return false };
        matches!(
            refusal,
            AccountSuspended
                | AddressNotAllowed
                | BilledToEnterprise
                | ClassicTokenForbidden
                | NotFound
                | PermissionMissing
                | PolicyOff
                | SsoRequired
                | TokenLifetime
        )
    }

    /// Whether it may resolve itself soon.
    pub fn can_pass(&self) -> bool {
        match self {
            Self::Status { refusal: Some(Refusal::RateLimit), .. } => true,
            Self::Status { status, .. } => *status >= 500 || *status == 429,
            Self::Request { passing, .. } => *passing,
            Self::RateLimited { .. } => true,
            Self::Answer { .. } | Self::Credential { .. } | Self::SignIn(_) => false,
        }
    }

    /// An error of the HTTP client. Its text would contain the link, so only the causes are kept.
    /// The host is kept, but not the path or query, which may be a signed link.
    pub(super) fn request(what: &str, error: reqwest::Error) -> Self {
        let passing = !error.is_builder();
        let host = error.url().map(host_of);
        let reason = mask(&causes(&error.without_url()), None);
        Self::Request { host, what: what.to_owned(), reason, passing }
    }

    /// The same error, about another subject than the one request.
    pub fn about(&self, subject: &str) -> Self {
        let mut error = self.clone();
        match &mut error {
            Self::Status { what, .. }
            | Self::Request { what, .. }
            | Self::Answer { what, .. }
            | Self::RateLimited { what, .. } => subject.clone_into(what),
            // These are not about a document.
            Self::SignIn(_) | Self::Credential { .. } => {}
        }
        error
    }

    /// The same error with the server that it is about.
    pub(super) fn at_host(self, url: &Url) -> Self {
        match self {
            Self::Request { host: None, what, reason, passing } => {
                Self::Request { host: Some(host_of(url)), what, reason, passing }
            }
            other => other,
        }
    }
}

/// Host and port of a URL.
fn host_of(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}
