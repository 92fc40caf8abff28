//! What signs a request, and reading it from a file.

use std::sync::Arc;
use std::time::Duration;

use super::rate_limit::RateLimit;
use crate::model::Secret;

/// What a request needs.
#[derive(Clone)]
pub(super) struct Authorization {
    pub token: Secret,
    pub rate: Arc<RateLimit>,
}

/// How long reading a token or key may take: it may be on a dead mount.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads a file on a thread for blocking work, with a time limit.
pub(super) async fn read_file<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    match tokio::time::timeout(READ_TIMEOUT, tokio::task::spawn_blocking(read)).await {
        Ok(read) => read.map_err(|error| error.to_string())?,
        Err(_) => Err(format!("reading its file takes longer than {} s", READ_TIMEOUT.as_secs())),
    }
}
