//! Says at once which requests fail, while a refresh is still trying: a server that never answers
//! would otherwise look for minutes like one that is about to.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tracing::{debug, warn};

use crate::github::{FetchError, OnRetry};
use crate::model::Target;
use crate::output::Publisher;

/// The failed attempts of one refresh.
pub(super) struct Attempts {
    target: Target,
    publisher: Arc<Publisher>,
    /// The causes already logged.
    logged: Mutex<BTreeSet<String>>,
    /// The optional data that was missing at the end of the last refresh.
    missing: Mutex<Vec<String>>,
}

impl Attempts {
    /// No attempt of the target has failed yet.
    pub(super) fn new(target: Target, publisher: Arc<Publisher>) -> Arc<Self> {
        Arc::new(Self { target, publisher, logged: Mutex::default(), missing: Mutex::default() })
    }

    /// The callback for failed attempts.
    pub(super) fn observer(self: &Arc<Self>) -> OnRetry {
        let attempts = Arc::clone(self);
        Arc::new(move |error, pause| attempts.failed(error, pause))
    }

    /// Notes that an attempt failed: for the page and `/-/ready` always, in the log once per cause.
    fn failed(&self, error: &FetchError, pause: Duration) {
        let at = Timestamp::now() + pause;
        let next = at.strftime("%H:%M:%S UTC");
        let attempt = format!("{error}; next attempt at {next}");
        self.publisher.set_attempt(&self.target, attempt);
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let [org, scope] = self.target.labels();
        let seconds = pause.as_secs_f64();
        if logged.insert(error.cause()) {
            warn!(org, scope, %error, retry_in_seconds = seconds, "request failed; trying again");
        } else {
            debug!(org, scope, %error, retry_in_seconds = seconds, "request failed again");
        }
    }

    /// Notes that a document failed while the refresh continues with others.
    pub(super) fn gave_up(&self, error: &FetchError) {
        self.publisher.set_attempt(&self.target, error.to_string());
    }

    /// Notes which optional data is missing. Returns whether the log does not say so yet.
    pub(super) fn is_news(&self, missing: &[String]) -> bool {
        // A number of samples changes with every refresh.
        let without_digits = |text: &String| text.replace(|c: char| c.is_ascii_digit(), "");
        let missing: Vec<String> = missing.iter().map(without_digits).collect();
        let mut known = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = !missing.is_empty() && *known != missing;
        *known = missing;
        is_news
    }

    /// The refresh has ended: the next one is logged again.
    pub(super) fn ended(&self) {
        self.logged.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
