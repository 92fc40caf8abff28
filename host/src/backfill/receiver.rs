//! An endpoint for remote write that a backfill writes to.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Date;
use tokio::time::Instant;

use super::outcome::{Outcome, Reason, Result};
use crate::config::RemoteWriteSettings;
use crate::model::{FamilySamples, Samples};
use crate::remote_write::{
    DayReport, Deadline, EncodeError, Endpoint, Request, WriteError, encode, hint,
};

/// How long an endpoint may be unavailable.
const PATIENCE: Duration = Duration::from_secs(120);
/// The pause before an endpoint is asked again for what it should have.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a correction may take until it is visible.
const VISIBLE_AFTER: Duration = Duration::from_secs(10);

/// An endpoint, and what is known about it in this run.
pub struct Receiver {
    endpoint: Endpoint,
    /// Why nothing more is sent to it.
    down: Option<Reason>,
    /// The days that it refused.
    refused: BTreeSet<Date>,
}

impl Receiver {
    /// A receiver to which nothing has been written.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, down: None, refused: BTreeSet::new() }
    }

    fn can_be_asked(&self) -> bool {
        self.endpoint.settings().query_url.is_some()
    }

    /// Its settings.
    pub(super) fn settings(&self) -> &RemoteWriteSettings {
        self.endpoint.settings()
    }

    /// Writes the samples of a day, unless the endpoint can be asked and has all of them.
    pub(super) async fn write(
        &mut self,
        day: Date,
        samples: &[Samples],
        requests: std::result::Result<Vec<Request>, EncodeError>,
    ) -> Result {
        let outcome = match self.down.clone() {
            Some(reason) => Outcome::Failed(reason),
            None if self.has(samples).await => Outcome::Present,
            None => self.push(requests).await,
        };
        if matches!(outcome, Outcome::Failed(_)) {
            self.refused.insert(day);
        }
        (self.endpoint.name().to_owned(), outcome)
    }

    /// Whether the endpoint says that it has samples with their values.
    async fn has(&self, samples: &[Samples]) -> bool {
        self.can_be_asked()
            && self.endpoint.verify(samples).await.is_ok_and(|report| report.is_complete())
    }

    async fn push(&mut self, requests: std::result::Result<Vec<Request>, EncodeError>) -> Outcome {
        let requests = match requests {
            Ok(requests) => requests,
            Err(error) => return Outcome::Failed(error.to_string().into()),
        };
        match self.endpoint.write(&requests, Deadline::after(PATIENCE)).await {
            Ok(_) => Outcome::Written,
            Err(error) => {
                let advice = hint(&error).map(|hint| format!(" ({hint})")).unwrap_or_default();
                let reason = Reason::from(format!("{error}{advice}"));
                if !is_about_the_day(&error) {
                    self.down = Some(reason.clone());
                }
                Outcome::Failed(reason)
            }
        }
    }

    /// Asks for the samples of a day. `None`: the endpoint can't be asked, or has refused them.
    pub(super) async fn verify(
        &mut self,
        day: Date,
        samples: &[Samples],
        correct: bool,
        patience: Instant,
    ) -> Option<Result> {
        if !self.can_be_asked() || self.refused.contains(&day) {
            return None;
        }
        let mut outcome = self.wait_for(samples, patience).await;
        if let Err(Verdict { different: true, .. }) = outcome
            && correct
        {
            outcome = match self.correct(day, samples).await {
                Outcome::Written => self.wait_for(samples, Instant::now() + VISIBLE_AFTER).await,
                Outcome::Failed(reason) => Err(Verdict { reason, different: false }),
                Outcome::Present | Outcome::Verified => Ok(()),
            };
        }
        let outcome = match outcome {
            Ok(()) => Outcome::Verified,
            Err(Verdict { reason, .. }) => Outcome::Failed(reason),
        };
        Some((self.endpoint.name().to_owned(), outcome))
    }

    /// Waits until the endpoint has samples: some show what was written after some seconds only.
    async fn wait_for(
        &self,
        samples: &[Samples],
        patience: Instant,
    ) -> std::result::Result<(), Verdict> {
        loop {
            let verdict = match self.endpoint.verify(samples).await {
                Ok(report) if report.is_complete() => return Ok(()),
                Ok(report) => Verdict::of(&report),
                Err(error) => Verdict { reason: error.to_string().into(), different: false },
            };
            if Instant::now() >= patience {
                return Err(verdict);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Writes samples of a day once more, a millisecond after those that the endpoint has: no database
    /// replaces a sample with the same timestamp.
    async fn correct(&mut self, day: Date, samples: &[Samples]) -> Outcome {
        let newest = match self.endpoint.newest_on(day, samples).await {
            Ok(newest) => newest,
            Err(error) => return Outcome::Failed(error.to_string().into()),
        };
        let time = |time: i64| newest.map_or(time, |newest| time.max(newest + 1));
        let corrected: Vec<Samples> = samples.iter().map(|samples| at(samples, time)).collect();
        self.push(encode(&corrected, self.endpoint.settings())).await
    }
}

/// Why an endpoint does not have what it should have.
struct Verdict {
    reason: Reason,
    /// Whether it has other values.
    different: bool,
}

impl Verdict {
    fn of(report: &DayReport) -> Self {
        let DayReport { missing, different, .. } = report;
        let reason = match (missing.first(), different.first()) {
            (Some(series), _) => Reason {
                text: "series are missing: is the retention period of the server long enough?"
                    .to_owned(),
                example: Some(format!("{} of them, such as {series}", missing.len())),
            },
            (None, Some(of)) => Reason {
                text: "series have other values".to_owned(),
                example: Some(format!(
                    "{} of them, such as {}: {} instead of {}",
                    different.len(),
                    of.series,
                    of.found,
                    of.expected
                )),
            },
            (None, None) => String::new().into(),
        };
        Self { reason, different: !different.is_empty() }
    }
}

/// Whether an error says something about the samples, so that those of other days may be accepted.
fn is_about_the_day(error: &WriteError) -> bool {
    match error {
        WriteError::Refused { status, .. } => !matches!(status, 401 | 403 | 404 | 405),
        WriteError::Unconfirmed { .. } => true,
        WriteError::GaveUp { .. } | WriteError::Setup(_) => false,
    }
}

/// Samples at other times.
fn at(samples: &Samples, time: impl Fn(i64) -> i64) -> Samples {
    let mut samples = samples.clone();
    for (_, FamilySamples { timestamps, .. }) in &mut samples.families {
        timestamps.iter_mut().flatten().for_each(|of| *of = time(*of));
    }
    samples
}
