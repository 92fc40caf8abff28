//! Fills one day after the other.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};
use tracing::warn;

use super::days::DaySource;
use super::encoder::EncodedDay;
use super::pace::Pace;
use super::plan::TargetPlan;
use super::progress::Progress;
use super::range::{each, is_of_months};
use super::report::{Report, TargetReport};
use super::sink::{Sink, SinkError};
use crate::config::TargetSettings;
use crate::github::Client;
use crate::history::{Days, Subject, map_day};
use crate::mappings::MappingSet;
use crate::model::day::today;
use crate::model::{DocumentSpec, Need, Samples};
use crate::output::daily::{is_last, timestamp_ms};
use crate::runner::Runner;
use crate::store::{Key, Slot, Store};

/// How long it may take until a receiver shows what was written.
const VISIBLE_AFTER: Duration = Duration::from_secs(15);
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
    /// Whether only documents of months are fetched, and only the days are filled that they are about.
    pub monthly: bool,
    /// The most requests to GitHub in an hour.
    pub requests_per_hour: Option<NonZeroU32>,
    /// Whether the receivers are asked at the end, and whether what differs is written again.
    pub verify: Option<Verify>,
}

/// What is done about days that a receiver does not have as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verify {
    /// They are reported.
    Report,
    /// Other values are corrected.
    Correct,
}

/// A target to fill.
pub struct Job {
    /// Its settings.
    pub settings: TargetSettings,
    /// Its mappings.
    pub set: Arc<MappingSet>,
    /// Requests its documents.
    pub client: Client,
    /// Whether all of its days have been fetched.
    pub is_fetched: bool,
}

/// A day that is mapped.
struct Day {
    day: Date,
    samples: Vec<Samples>,
}

/// Whether samples of a day are those of its report. A day may have a bill and no report.
fn has_report(samples: &[Samples]) -> bool {
    samples.iter().flat_map(|samples| &samples.families).any(|(family, _)| is_last(&family.name))
}

impl Backfill {
    /// How many days it fills for each target.
    pub fn number_of_days(&self) -> u64 {
        self.each_day().count() as u64
    }

    /// The days that it fills, oldest first.
    fn each_day(&self) -> impl Iterator<Item = Date> + use<> {
        let (monthly, today) = (self.monthly, today());
        each(&self.days).filter(move |day| !monthly || is_of_months(*day, today))
    }

    /// What it would do for the targets.
    pub async fn plan(&self, jobs: &[Job]) -> Vec<TargetPlan> {
        let mut plans = Vec::new();
        for Job { settings, set, .. } in jobs {
            let target = settings.target.clone();
            let kept = Days::list(&*self.store, &target).await;
            let mut wanted = self.wanted(settings, set);
            wanted.retain(|spec| self.is_fetched(spec));
            plans.push(TargetPlan::new(target, &wanted, &kept.unwrap_or_default(), &self.days));
        }
        plans
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
        for mut job in jobs {
            let target = job.settings.target.clone();
            let (used, mut filled) = self.fill(&job, &mut pace, sink, progress).await?;
            sink = used;
            if let Some(verify) = self.verify {
                self.verify(&mut job, &mut pace, &mut sink, verify, &mut filled).await;
            }
            report.add(target, filled);
        }
        sink.finish()?;
        Ok(report)
    }

    /// Fills a target: while a day is written, the next one is encoded, and the one after that is fetched and
    /// mapped.
    async fn fill(
        &self,
        job: &Job,
        pace: &mut Pace,
        mut sink: Sink,
        progress: &mut Progress,
    ) -> Result<(Sink, TargetReport), SinkError> {
        let (days, mut mapped) = mpsc::channel::<Day>(DAYS_AHEAD);
        let (ready, mut encoded) = mpsc::channel::<EncodedDay>(DAYS_AHEAD);
        let encoder = sink.encoder();
        // Tasks of their own, so that they share the cores.
        let _encoding = AbortOnDropHandle::new(tokio::spawn(async move {
            while let Some(Day { day, samples }) = mapped.recv().await {
                if ready.send(encoder.encode(day, samples)).await.is_err() {
                    break;
                }
            }
        }));
        let writing = AbortOnDropHandle::new(tokio::spawn(async move {
            let mut written = TargetReport::default();
            while let Some(encoded) = encoded.recv().await {
                written.days += 1;
                written.samples += encoded.samples.iter().map(|of| of.len() as u64).sum::<u64>();
                written.note(sink.add(encoded).await?);
            }
            written.note(sink.flush().await);
            Ok::<_, SinkError>((sink, written))
        }));
        let report = self.map_days(job, pace, Some(progress), days).await;
        // It is not aborted, and a panic is a bug that must not look like a success.
        let (sink, written) = writing.await.map_err(SinkError::Aborted)??;
        let TargetReport { days, samples, receivers, .. } = written;
        Ok((sink, TargetReport { days, samples, receivers, ..report }))
    }

    /// Maps every day once more, and asks the receivers for it.
    async fn verify(
        &self,
        job: &mut Job,
        pace: &mut Pace,
        sink: &mut Sink,
        verify: Verify,
        report: &mut TargetReport,
    ) {
        let (days, mut mapped) = mpsc::channel::<Day>(DAYS_AHEAD);
        // What was written last may not be visible yet.
        let patience = Instant::now() + VISIBLE_AFTER;
        job.is_fetched = true;
        let mapping = self.map_days(job, pace, None, days);
        let verifying = async {
            while let Some(Day { day, samples }) = mapped.recv().await {
                let correct = verify == Verify::Correct;
                let results = sink.verify(day, &samples, correct, patience).await;
                report.note(results);
            }
        };
        tokio::join!(mapping, verifying);
    }

    /// Fetches and maps each day. It ends early if no one takes them any more.
    async fn map_days(
        &self,
        job: &Job,
        pace: &mut Pace,
        mut progress: Option<&mut Progress>,
        days: mpsc::Sender<Day>,
    ) -> TargetReport {
        let Job { settings, set, client, is_fetched } = job;
        let (target, prefix) = (&settings.target, settings.history.prefix.as_str());
        let options = settings.mapping.mapping_options();
        let subject = Subject { target, options: &options, set };
        let wanted = self.wanted(settings, set);
        let fetched = wanted.iter().filter(|spec| !*is_fetched && self.is_fetched(spec));
        let fetched = fetched.map(|spec| spec.name.clone()).collect();
        let kept = Days::list(&*self.store, target).await;
        let kept = kept.inspect_err(|error| warn!(%target, %error, "the store failed"));
        let store = (Arc::clone(&self.store), kept.unwrap_or_default());
        let mut source = DaySource::new(client, store, target.clone(), wanted, fetched);
        let mut report = TargetReport::default();
        let (mut any_report, mut only_billed) = (false, Vec::new());
        source.probe(&self.days, pace).await;
        for day in self.each_day() {
            match self.map_day(day, &mut source, &subject, prefix, pace).await {
                Ok(samples) if samples.iter().all(Samples::is_empty) => report.absent.push(day),
                Ok(samples) => {
                    match has_report(&samples) {
                        true => any_report = true,
                        false => only_billed.push(day),
                    }
                    if days.send(Day { day, samples }).await.is_err() {
                        break;
                    }
                }
                Err(reason) => report.fail(day, reason),
            }
            if let Some(progress) = &mut progress {
                progress.day(target, day, source.requests);
            }
        }
        // Without any report, none was asked for, or none may be read, which is said otherwise.
        if any_report {
            report.absent.extend(only_billed);
            report.absent.sort_unstable();
        }
        TargetReport { refused: source.refused, requests: source.requests, ..report }
    }

    fn is_fetched(&self, spec: &DocumentSpec) -> bool {
        let is_named = self.documents.is_empty() || self.documents.contains(&spec.name);
        is_named && (!self.monthly || spec.is_of_month())
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
        source: &mut DaySource<'_>,
        subject: &Subject<'_>,
        prefix: &str,
        pace: &mut Pace,
    ) -> Result<Vec<Samples>, String> {
        let mut documents = source.get(day, pace).await?;
        let tracker = TaskTracker::new();
        let mapped = loop {
            let parts = (&self.runner, &*self.store);
            let mapped = map_day(parts, subject, (day, &documents), &tracker).await;
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
