//! Fetches the documents of a target once.

use std::sync::Arc;

use crate::config::TargetSettings;
use crate::github::{Client, FetchError, Fetched};
use crate::mappings::MappingSet;
use crate::model::{Document, DocumentSpec, Need};

/// A target to record.
pub struct RecordJob {
    /// Its settings.
    pub settings: TargetSettings,
    /// Its mappings.
    pub set: Arc<MappingSet>,
    /// Requests its documents.
    pub client: Client,
}

/// A document that the mappings want, and what became of it.
pub(super) struct Obtained {
    /// Its name.
    pub name: String,
    /// Whether the target depends on it.
    pub is_required: bool,
    /// What became of it.
    pub result: Outcome,
}

/// What became of a document.
pub(super) enum Outcome {
    /// GitHub sent it.
    Fetched(Document),
    /// GitHub does not have it yet.
    Absent,
    /// It was not requested, and why.
    NotRequested(String),
    /// It can't be had.
    Failed(FetchError),
}

/// Fetches what the mappings want, in their order.
pub(super) async fn fetch(job: &RecordJob) -> Vec<Obtained> {
    let mut all: Vec<Obtained> = Vec::new();
    for spec in job.set.documents(job.settings.target.scope()) {
        if spec.need == Need::Offline {
            continue;
        }
        let result = match reason_not_to(spec, job, &all) {
            Some(reason) => Outcome::NotRequested(reason),
            None => request(spec, job, &all).await,
        };
        let is_required = spec.need == Need::Required;
        if matches!(result, Outcome::Fetched(_))
            && let Some(name) = &spec.fallback_for
            && let Some(original) = all.iter_mut().find(|other| other.name == *name)
        {
            // This one takes its place.
            original.is_required = false;
        }
        all.push(Obtained { name: spec.name.clone(), is_required, result });
    }
    all
}

/// Why a document is not requested.
fn reason_not_to(spec: &DocumentSpec, job: &RecordJob, all: &[Obtained]) -> Option<String> {
    let settings = &job.settings;
    if !settings.wants(&spec.name) {
        return Some("switched off in the settings".to_owned());
    }
    if !settings.fetches(spec) {
        let options: Vec<_> =
            spec.only_with.iter().map(|name| format!("--option {name}=true")).collect();
        return Some(format!("only with {}", options.join(" or ")));
    }
    let name = spec.fallback_for.as_ref().filter(|name| settings.wants(name))?;
    let original = all.iter().find(|other| other.name == *name)?;
    match &original.result {
        Outcome::Failed(error) if error.is_not_found() => None,
        _ => Some(format!("only if GitHub has no {name}")),
    }
}

async fn request(spec: &DocumentSpec, job: &RecordJob, all: &[Obtained]) -> Outcome {
    let joined = all.iter().filter(|other| spec.same_day_as.contains(&other.name));
    let mut days = joined.filter_map(|other| match &other.result {
        Outcome::Fetched(document) => document.report_day,
        _ => None,
    });
    match job.client.fetch(spec, days.next(), None).await {
        Ok(Fetched::Fresh(document)) => Outcome::Fetched(document),
        Ok(Fetched::Final | Fetched::Absent) => Outcome::Absent,
        Err(error) => Outcome::Failed(error),
    }
}
