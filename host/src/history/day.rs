//! Maps the documents of days.

use jiff::Timestamp;
use jiff::civil::Date;
use thiserror::Error;
use tokio_util::task::TaskTracker;

use super::kept::DayDocuments;
use crate::mappings::{MappingSet, Member};
use crate::model::{Documents, MappingOption, Samples, Span, Target};
use crate::output::daily::{fetched_at, to_daily};
use crate::runner::{Budget, Request, Runner};

/// The label of failed runs in the metrics: only daily samples are affected.
const FAILURE_LABEL: &str = "daily";

/// Whose days are mapped, and how.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The target.
    pub target: &'a Target,
    /// Its options.
    pub options: &'a [MappingOption],
    /// Its mappings.
    pub set: &'a MappingSet,
}

/// What documents of days were mapped into.
#[derive(Default)]
pub struct Mapped {
    /// The samples of each mapping, each at the beginning of its day.
    pub(super) samples: Vec<Samples>,
    /// The documents that they were made of.
    pub used: Documents,
    /// The documents that are malformed, and why.
    pub malformed: Vec<(String, String)>,
}

/// A mapping failed.
#[derive(Debug, Error)]
#[error("mapping {mapping}: {reason}")]
pub struct MapFailure {
    /// Its name.
    pub mapping: String,
    /// Why.
    pub reason: String,
}

/// Maps every day of documents.
pub async fn map(
    runner: &Runner,
    subject: &Subject<'_>,
    documents: &DayDocuments,
    tracker: &TaskTracker,
) -> Result<Mapped, MapFailure> {
    let mut mapped = Mapped::default();
    for member in subject.set.members() {
        mapped.add(map_with(member, runner, subject, documents, tracker).await?);
    }
    Ok(mapped)
}

/// Maps every day of documents with one mapping.
pub(super) async fn map_with(
    member: &Member,
    runner: &Runner,
    subject: &Subject<'_>,
    documents: &DayDocuments,
    tracker: &TaskTracker,
) -> Result<Mapped, MapFailure> {
    let request = Request {
        member,
        target: subject.target,
        options: subject.options,
        documents: &documents.newest,
        last_good: &documents.good,
        span: Span::History,
        families: None,
        budget: Budget::Daily,
        strict: false,
        failure_label: Some(FAILURE_LABEL),
    };
    let outcome = runner.run(request, tracker).await;
    let malformed = outcome.malformed.into_iter();
    let malformed = malformed.map(|of| (of.document, of.reason)).collect();
    match (outcome.result, outcome.failure) {
        (Some((result, used)), _) => Ok(Mapped { samples: vec![result.samples], used, malformed }),
        (None, Some(failure)) => {
            Err(MapFailure { mapping: member.name().to_owned(), reason: failure.reason })
        }
        // No document is left.
        (None, None) => Ok(Mapped { malformed, ..Mapped::default() }),
    }
}

impl Mapped {
    /// Adds what another mapping has returned.
    pub(super) fn add(&mut self, other: Self) {
        self.samples.extend(other.samples);
        self.used.extend(other.used);
        self.malformed.extend(other.malformed);
    }

    /// Tells when the newest document about a day was fetched.
    pub fn fetched_at(&self) -> impl Fn(Date) -> Timestamp + use<> {
        fetched_at(&self.used)
    }

    /// Whether a family has samples.
    pub fn has(&self, family: &str) -> bool {
        let mut families = self.samples.iter().flat_map(|samples| &samples.families);
        families.any(|(known, _)| known.name == family)
    }

    /// The daily samples, as [`to_daily`] makes them. Those of the future are left out, such as today's
    /// before noon: databases refuse them.
    pub fn into_daily(
        self,
        prefix: &str,
        time: impl Fn(&str, Date) -> Option<i64>,
    ) -> Vec<Samples> {
        let now = Timestamp::now().as_millisecond();
        let time = |family: &str, day| time(family, day).filter(|time| *time <= now);
        self.samples.into_iter().map(|samples| to_daily(samples, prefix, time)).collect()
    }
}
