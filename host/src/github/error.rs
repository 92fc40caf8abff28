//! What goes wrong with a request.

use thiserror::Error;

/// Why a document could not be fetched. The texts hold no links, no tokens and no bodies but the
/// `message` of GitHub's own error answers.
#[derive(Clone, Debug, Error)]
pub enum FetchError {
    /// GitHub answered something else than the document.
    #[error("GitHub answered {status} to {what}{}", message.as_ref().map(|m| format!(": {m}")).unwrap_or_default())]
    Status {
        /// The HTTP status.
        status: u16,
        /// What was asked for.
        what: String,
        /// GitHub's message.
        message: Option<String>,
    },
    /// There was no answer, or it broke off.
    #[error("no whole answer to {what}: {reason}")]
    Request {
        /// What was asked for.
        what: String,
        /// What happened.
        reason: String,
    },
    /// The answer is not what it should be.
    #[error("the answer to {what} can't be used: {reason}")]
    Answer {
        /// What was asked for.
        what: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl FetchError {
    /// The cause as a label: the HTTP status, or the original exporter's word for what has none.
    pub fn cause(&self) -> String {
        match self {
            Self::Status { status, .. } => status.to_string(),
            Self::Request { .. } => "request_exception".to_owned(),
            Self::Answer { .. } => "invalid_answer".to_owned(),
        }
    }

    /// Whether GitHub says that there is no such thing.
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { status: 404, .. })
    }

    /// An error of the HTTP client. Its text would have the link, so that only the causes are taken.
    pub(super) fn request(what: &str, error: reqwest::Error) -> Self {
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
        Self::Request { what: what.to_owned(), reason }
    }
}
