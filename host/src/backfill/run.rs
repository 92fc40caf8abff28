//! Fills one day after the other.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::Arc;

use jiff::civil::Date;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;
use tracing::warn;

use super::days::DaySource;
use super::pace::Pace;
use super::progress::Progress;
use super::range::each;
use super::report::{Report, TargetReport};
use super::sink::{Sink, SinkError};
use crate::config::TargetSettings;
use crate::github::Client;
use crate::history::{Subject, map};
use crate::mappings::MappingSet;
use crate::model::{DocumentSpec, Need, Samples};
use crate::output::daily::timestamp_ms;
use crate::runner::Runner;
use crate::store::{Key, Slot, Store};

/// How many days wait while the samples of another are written.
const DAYS_AHEAD: usize = 1;

/// The targets to fill, and how.
pub struct Backfill {
    /// Runs mappings.
    pub runner: Runner,
    /// Keeps documents.
    pub store: Arc<dyn Store>,
    /// The days.
    pub days: RangeInclusive<Date>,
    /// The documents to fetch: all if empty.
    pub documents: BTreeSet<String>,
    /// The most requests to GitHub in an hour.
    pub requests_per_hour: Option<NonZeroU32>,
}

/// A target to fill.
pub struct Job {
    /// Its settings.
    pub settings: TargetSettings,
    /// Its mappings.
    pub set: Arc<MappingSet>,
    /// Requests its documents.
    pub client: Client,
}

/// A day that is mapped.
struct Day {
    day: Date,
    samples: Vec<Samples>,
}

impl Backfill {
    /// How many days it fills for each target.
    pub fn number_of_days(&self) -> u64 {
        each(&self.days).count() as u64
    }

    /// Fills all targets, one after the other.
    pub async fn run(
        &self,
        jobs: Vec<Job>,
        mut sink: Sink,
        progress: &mut Progress,
    ) -> Result<Report, SinkError> {
        let mut report = Report::default();
        let mut pace = Pace::new(self.requests_per_hour, Instant::now());
        for job in jobs {
            let target = job.settings.target.clone();
            let filled = self.fill(job, &mut pace, &mut sink, progress).await?;
            report.add(target, filled);
        }
        sink.finish()?;
        Ok(report)
    }

    /// Fills a target: while the samples of a day are written, the next day is fetched and mapped.
    async fn fill(
        &self,
        job: Job,
        pace: &mut Pace,
        sink: &mut Sink,
        progress: &mut Progress,
    ) -> Result<TargetReport, SinkError> {
        let (days, mut mapped) = mpsc::channel::<Day>(DAYS_AHEAD);
        let mapping = self.map_days(job, pace, progress, days);
        let writing = async {
            let (mut written, mut samples) = (Vec::new(), 0);
            while let Some(day) = mapped.recv().await {
                sink.add(&day.samples)?;
                written.push(day.day);
                samples += day.samples.iter().map(|samples| samples.len() as u64).sum::<u64>();
            }
            Ok::<_, SinkError>((written, samples))
        };
        let (report, written) = tokio::join!(mapping, writing);
        let (written, samples) = written?;
        Ok(TargetReport { written, samples, ..report })
    }

    /// Fetches and maps each day. It ends early if no one takes them any more.
    async fn map_days(
        &self,
        job: Job,
        pace: &mut Pace,
        progress: &mut Progress,
        days: mpsc::Sender<Day>,
    ) -> TargetReport {
        let Job { settings, set, client } = job;
        let (target, prefix) = (&settings.target, settings.history.prefix.as_str());
        let options = settings.mapping.mapping_options();
        let subject = Subject { target, options: &options, set: &set };
        let wanted = self.wanted(&settings, &set);
        let is_fetched = |name: &String| self.documents.is_empty() || self.documents.contains(name);
        let fetched = wanted.iter().map(|spec| spec.name.clone()).filter(is_fetched).collect();
        let store = Arc::clone(&self.store);
        let mut source = DaySource::new(client, store, target.clone(), wanted, fetched);
        let mut report = TargetReport::default();
        source.probe(*self.days.end(), pace).await;
        for day in each(&self.days) {
            match self.map_day(day, &mut source, &subject, prefix, pace).await {
                Ok(samples) if samples.iter().all(Samples::is_empty) => report.absent.push(day),
                Ok(samples) => {
                    if days.send(Day { day, samples }).await.is_err() {
                        break;
                    }
                }
                Err(reason) => report.fail(day, reason),
            }
            progress.day(target, day, source.requests);
        }
        TargetReport { refused: source.refused, requests: source.requests, ..report }
    }

    /// The documents of days that mappings want.
    fn wanted(&self, settings: &TargetSettings, set: &MappingSet) -> Vec<DocumentSpec> {
        let wanted = set.documents(settings.target.scope()).iter();
        let wanted = wanted.filter(|spec| {
            spec.is_of_day() && spec.need != Need::Offline && settings.fetches(spec)
        });
        wanted.cloned().collect()
    }

    /// The daily samples of a day; none if GitHub has no report of it.
    async fn map_day(
        &self,
        day: Date,
        source: &mut DaySource,
        subject: &Subject<'_>,
        prefix: &str,
        pace: &mut Pace,
    ) -> Result<Vec<Samples>, String> {
        let mut documents = source.get(day, pace).await?;
        let tracker = TaskTracker::new();
        let mapped = loop {
            let mapped = map(&self.runner, subject, &documents, &tracker).await;
            let mapped = mapped.map_err(|failure| failure.to_string())?;
            let Some((document, reason)) = mapped.malformed.first() else { break mapped };
            // GitHub may have repaired it since.
            match source.get_again(document, day, pace).await {
                Some(repaired) => documents = repaired,
                None => return Err(format!("{document}: {reason}")),
            }
        };
        for name in documents.newly_accepted(&mapped.used) {
            let key = Key::document(subject.target, name, Some(day), Slot::Good);
            let accepted = self.store.accept(&key).await;
            accepted.inspect_err(|error| warn!(%day, %error, "the store failed")).ok();
        }
        let time = timestamp_ms(day, mapped.fetched_at()(day));
        Ok(mapped.into_daily(prefix, |_, other| (other == day).then_some(time)))
    }
}
