//! An endpoint for remote write that a backfill writes to.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::civil::Date;
use tokio::time::Instant;

use super::outcome::{DayResult, Outcome, Reason};
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
    /// A day whose samples it has, with the requests that mark it as complete.
    unmarked: Option<(Date, Vec<Request>)>,
}

impl Receiver {
    /// A receiver to which nothing has been written.
    pub fn new(endpoint: Endpoint) -> Self {
        Self { endpoint, down: None, refused: BTreeSet::new(), unmarked: None }
    }

    fn can_be_asked(&self) -> bool {
        self.endpoint.settings().query_url.is_some()
    }

    /// Its settings.
    pub(super) fn settings(&self) -> &RemoteWriteSettings {
        self.endpoint.settings()
    }

    /// Writes the samples of a day, unless the endpoint can be asked and has all of them. The day is marked
    /// as complete while the next one is written, or by [`Self::finish`], which return what became of it.
    pub(super) async fn write(
        &mut self,
        day: Date,
        samples: &[Samples],
        requests: Result<Vec<Request>, EncodeError>,
    ) -> Vec<DayResult> {
        let unmarked = self.unmarked.take();
        let write = async {
            if let Some(reason) = self.down.clone() {
                return Err(Outcome::Failed(reason));
            }
            if self.has(samples).await {
                return Err(Outcome::Present);
            }
            let requests = requests.map_err(|error| Outcome::Failed(error.to_string().into()))?;
            let (marks, others) = requests.into_iter().partition(|request| request.is_mark);
            Ok((marks, self.send(others).await))
        };
        let (written, marked) = tokio::join!(write, self.mark(unmarked));
        let mut results = Vec::from_iter(self.marked(marked));
        match written {
            Ok((marks, Ok(()))) => self.unmarked = Some((day, marks)),
            Ok((_, Err(error))) => results.push(self.note(day, Err(error))),
            Err(outcome) => results.push(self.outcome(day, outcome)),
        }
        results
    }

    /// Marks the last day that was written as complete.
    pub(super) async fn finish(&mut self) -> Option<DayResult> {
        let unmarked = self.unmarked.take();
        let marked = self.mark(unmarked).await;
        self.marked(marked)
    }

    /// Whether the endpoint says that it has samples with their values.
    async fn has(&self, samples: &[Samples]) -> bool {
        self.can_be_asked()
            && self.endpoint.verify(samples).await.is_ok_and(|report| report.is_complete())
    }

    async fn send(&self, requests: Vec<Request>) -> Result<(), WriteError> {
        self.endpoint.write(&requests, Deadline::after(PATIENCE)).await.map(drop)
    }

    /// Sends what marks a day as complete.
    async fn mark(
        &self,
        unmarked: Option<(Date, Vec<Request>)>,
    ) -> Option<(Date, Result<(), WriteError>)> {
        let (day, requests) = unmarked?;
        Some((day, self.send(requests).await))
    }

    fn marked(&mut self, marked: Option<(Date, Result<(), WriteError>)>) -> Option<DayResult> {
        marked.map(|(day, sent)| self.note(day, sent))
    }

    /// Notes what the endpoint said to a day.
    fn note(&mut self, day: Date, sent: Result<(), WriteError>) -> DayResult {
        let outcome = match sent {
            Ok(()) => Outcome::Written,
            Err(error) => {
                let advice = hint(&error).map(|hint| format!(" ({hint})")).unwrap_or_default();
                let reason = Reason::from(format!("{error}{advice}"));
                if !is_about_the_day(&error) {
                    self.down = Some(reason.clone());
                }
                Outcome::Failed(reason)
            }
        };
        self.outcome(day, outcome)
    }

    fn outcome(&mut self, day: Date, outcome: Outcome) -> DayResult {
        if matches!(outcome, Outcome::Failed(_)) {
            self.refused.insert(day);
        }
        DayResult { receiver: self.endpoint.name().to_owned(), day, outcome }
    }

    /// Asks for the samples of a day. `None`: the endpoint can't be asked, or has refused them.
    pub(super) async fn verify(
        &mut self,
        day: Date,
        samples: &[Samples],
        correct: bool,
        patience: Instant,
    ) -> Option<DayResult> {
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
        Some(DayResult { receiver: self.endpoint.name().to_owned(), day, outcome })
    }

    /// Waits until the endpoint has samples: some show what was written after some seconds only.
    async fn wait_for(&self, samples: &[Samples], patience: Instant) -> Result<(), Verdict> {
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
        match encode(&corrected, self.endpoint.settings()) {
            Ok(requests) => {
                let sent = self.send(requests).await;
                self.note(day, sent).outcome
            }
            Err(error) => Outcome::Failed(error.to_string().into()),
        }
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
