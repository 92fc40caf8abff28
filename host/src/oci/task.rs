//! The task that keeps one source current.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};
use tracing::{info, warn};

use super::check::{Found, Known, check};
use super::client::Client;
use super::error::OciError;
use super::kept::Kept;
use super::metrics::Metrics;
use super::pulled::Pulled;
use super::update::Update;
use crate::config::{ArtifactReference, Version};

/// A source, and what is known about it.
pub(super) struct SourceTask {
    pub reference: ArtifactReference,
    pub client: Arc<Client>,
    pub kept: Option<Kept>,
    pub metrics: Metrics,
    pub known: Known,
    pub generation: u64,
    pub check_now: Arc<Notify>,
    pub send: mpsc::UnboundedSender<Update>,
}

impl SourceTask {
    /// Checks the source at its interval, and whenever it is told to.
    pub(super) async fn run(mut self) {
        let mut problem: Option<OciError> = None;
        loop {
            let checked = self.check().await;
            let is_news = match (&problem, &checked) {
                (None, Some(_)) => true,
                // The same failure in other words is not worth another line.
                (Some(old), Some(new)) if new.is_refusal() => old != new,
                (Some(old), Some(new)) => old.cause() != new.cause(),
                _ => false,
            };
            self.report(problem.is_some(), checked.as_ref(), is_news);
            problem = checked;
            let update = Update {
                reference: self.reference.clone(),
                pulled: self.known.pulled.clone(),
                problem: problem.clone(),
                is_news,
                generation: self.generation,
            };
            // It fails while the exporter stops.
            if self.send.send(update).is_err() {
                return;
            }
            let is_final =
                problem.is_none() && matches!(self.reference.version(), Version::Digest(_));
            tokio::select! {
                () = tokio::time::sleep(self.pause()), if !is_final => {}
                () = self.check_now.notified() => {}
            }
        }
    }

    /// The time until the next check: up to a tenth less than the interval, so that exporters that were
    /// started together do not stay together.
    fn pause(&self) -> Duration {
        let interval = self.client.options().interval;
        let random = f64::from(Timestamp::now().subsec_microsecond().unsigned_abs()) / 1000.0;
        interval.mul_f64(1.0 - random.fract().abs() / 10.0)
    }

    /// Checks the source once. Returns why it is not current.
    async fn check(&mut self) -> Option<OciError> {
        let result = check(&self.client, &self.reference, &mut self.known).await;
        self.metrics.count_check(&self.reference, result.as_ref().map(|_| ()));
        match result {
            Ok(Found::Unchanged) => None,
            Ok(Found::New(pulled)) => {
                let pulled = self.keep(pulled).await;
                let (source, digest) = (&self.reference, pulled.digest());
                info!(%source, digest, sha256 = pulled.sha256(), "mapping pulled");
                self.metrics.set_digest(source, Some(&digest));
                self.known.pulled = Some(pulled);
                None
            }
            Err(error) => {
                let key = self.client.options().key.as_ref();
                // Another key has been set since it was pulled.
                let is_verified = |pulled: &Pulled| pulled.is_verified(key);
                if matches!(error, OciError::Signature(_))
                    && !self.known.pulled.as_ref().is_some_and(is_verified)
                {
                    self.known.pulled = None;
                    self.metrics.set_digest(&self.reference, None);
                }
                Some(error)
            }
        }
    }

    /// Keeps what was pulled, in a file if possible.
    async fn keep(&self, mut pulled: Pulled) -> Pulled {
        let Some(kept) = self.kept.clone() else { return pulled };
        let (reference, unkept) = (self.reference.clone(), pulled.clone());
        let save = tokio::task::spawn_blocking(move || {
            kept.save(&reference, &mut pulled).map(|()| pulled)
        });
        match save.await.unwrap_or_else(|error| Err(std::io::Error::other(error))) {
            Ok(pulled) => pulled,
            Err(error) => {
                let source = &self.reference;
                warn!(%source, %error, "cannot keep the pulled mapping: the next start needs the registry");
                unkept
            }
        }
    }

    fn report(&self, had_problem: bool, problem: Option<&OciError>, is_news: bool) {
        let source = &self.reference;
        match problem {
            // Who counts a refusal logs it.
            Some(error) if is_news && !error.is_refusal() => {
                let reason = error.cause();
                warn!(%source, reason, %error, "cannot check the source of a mapping; what was pulled before stays in use");
            }
            None if had_problem => info!(%source, "the source of a mapping can be checked again"),
            _ => {}
        }
    }
}
