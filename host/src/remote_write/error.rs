//! Errors. Their texts contain no secrets, and of a server's response only the beginning of its message.

use thiserror::Error;

use super::failure::{Failure, Refusal};

/// Why samples can't be turned into requests. All are about the settings or the samples, so a retry does
/// not help.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum EncodeError {
    /// Two series have the same labels after relabeling, or one has two samples at the same time.
    #[error(
        "{series} occurs twice: write_relabel_configs and external_labels must keep series apart"
    )]
    Duplicate {
        /// The series.
        series: String,
    },
    /// The rules remove the name of a series.
    #[error("write_relabel_configs removes the name (__name__) of {series}")]
    Nameless {
        /// The series before it was relabeled.
        series: String,
    },
    /// The samples are about the present.
    #[error("the samples of {family} have no timestamps")]
    NoTimestamp {
        /// Their family.
        family: String,
    },
}

/// Why samples were not written. Requests before the one that failed may have been accepted.
#[derive(Clone, Debug, Error)]
pub enum WriteError {
    /// The server refuses the request, and a retry does not help.
    #[error("the server refused the samples with status {status}{}", after_colon(message))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the server says about it: its first line, or nothing.
        message: String,
    },
    /// There was no usable response until the deadline. A later attempt may succeed.
    #[error("gave up after {attempts} attempts: {failure}")]
    GaveUp {
        /// The number of attempts.
        attempts: u32,
        /// The last failure.
        failure: Failure,
    },
    /// No request can be sent, such as because a file with a password is missing.
    #[error("no request can be sent: {0}")]
    Setup(String),
    /// The server reports fewer samples than it was sent, or does not report any with version 2.0, which
    /// requires it.
    #[error(
        "the server confirmed {} of {sent} samples",
        written.map_or_else(|| "none".to_owned(), |written| written.to_string())
    )]
    Unconfirmed {
        /// The number of samples that were sent.
        sent: usize,
        /// The number of samples that it reports, if it does.
        written: Option<u64>,
    },
}

impl WriteError {
    /// Whether a later attempt may succeed without a change of settings.
    pub fn can_pass(&self) -> bool {
        matches!(self, Self::GaveUp { .. })
    }

    pub(super) fn of(failure: Failure, attempts: u32) -> Self {
        match failure {
            Failure::Status(Refusal { status, message, .. }) if !failure_can_pass(status) => {
                Self::Refused { status, message }
            }
            Failure::Setup(reason) => Self::Setup(reason),
            failure => Self::GaveUp { attempts, failure },
        }
    }
}

/// Whether a status is transient.
pub(super) fn failure_can_pass(status: u16) -> bool {
    status >= 500 || status == 429
}

/// Why a query has no result.
#[derive(Clone, Debug, Error)]
pub enum QueryError {
    /// The settings have no `query_url`.
    #[error("query_url is not set")]
    NotConfigured,
    /// There was no usable response.
    #[error("the query failed: {0}")]
    Failed(#[from] Failure),
    /// The response is larger than the limit.
    #[error("the response to the query exceeds {} MiB", limit >> 20)]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The response is not what a query API returns.
    #[error("the response to the query is not usable: {0}")]
    Malformed(String),
}

/// Why a day could not be compared.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// The samples can't be turned into series.
    #[error(transparent)]
    Encode(#[from] EncodeError),
    /// The samples are not those of one day.
    #[error("the samples are not those of a single day")]
    NotOneDay,
    /// A rule drops the series that marks days as complete.
    #[error("write_relabel_configs drops {family}, which marks days as complete")]
    NoMarker {
        /// The family.
        family: String,
    },
    /// The endpoint could not be asked.
    #[error(transparent)]
    Query(#[from] QueryError),
}

fn after_colon(message: &str) -> String {
    match message {
        "" => String::new(),
        message => format!(": {message}"),
    }
}
