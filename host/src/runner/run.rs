//! Runs a mapping over the stored documents of a target.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use super::blame::{Blame, Failure};
use super::execute::{MapError, RunResult, execute};
use super::metrics::Metrics;
use crate::body::Body;
use crate::mappings::Member;
use crate::model::{Document, Documents, MappingOption, Part, PartHeader, Span, Target};
use crate::wasm::RunError;

/// How many mappings run at once for refreshes. Each takes a core and up to its memory limit.
const CONCURRENT_RUNS: usize = 2;
/// How many dry runs and charts: a budget of their own, so that no refresh waits for them.
const CONCURRENT_TRIALS: usize = 1;
/// How many runs for daily samples: neither refreshes nor dry runs wait for them.
const CONCURRENT_DAILY_RUNS: usize = 1;
/// Runs without malformed documents may take this many times the limit of one run, all together.
const MAX_RUN_TIMES: u32 = 2;

/// Which budget a run counts against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// A refresh.
    Refresh,
    /// A dry run of a new mapping, or the charts of the page.
    Trial,
    /// Daily samples.
    Daily,
}

/// What a mapping is run over.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The mapping.
    pub member: &'a Member,
    /// The target.
    pub target: &'a Target,
    /// All options of the target.
    pub options: &'a [MappingOption],
    /// The documents of the target.
    pub documents: &'a Documents,
    /// The last good version of each document, which replaces a malformed one.
    pub last_good: &'a Documents,
    /// Which days.
    pub span: Span,
    /// The families to keep: all if not given.
    pub families: Option<&'a Arc<[String]>>,
    /// The budget.
    pub budget: Budget,
    /// Whether the first malformed document ends it.
    pub strict: bool,
    /// The label of failures in the metrics, instead of their cause.
    pub failure_label: Option<&'static str>,
}

/// The result of a run, and of those that were needed because documents are malformed.
#[derive(Default)]
pub struct RunOutcome {
    /// The result, and the documents that it was made of.
    pub result: Option<(RunResult, Documents)>,
    /// The documents that were left out, or replaced by their last good version.
    pub malformed: Vec<MalformedDocument>,
    /// Why the mapping as a whole failed.
    pub failure: Option<Failure>,
}

/// A document that a mapping found malformed.
#[derive(Clone, Debug, PartialEq)]
pub struct MalformedDocument {
    /// The document's name in the store.
    pub document: String,
    /// What is wrong with it.
    pub reason: String,
    /// Whether it was the last good version itself.
    pub was_last_good: bool,
}

impl RunOutcome {
    /// Whether the mapping is to blame.
    pub fn blames_mapping(&self) -> bool {
        self.failure.as_ref().is_some_and(|failure| failure.blame == Blame::Mapping)
    }
}

/// Runs mappings, a few at once.
pub struct Runner {
    runs: Arc<Semaphore>,
    trials: Arc<Semaphore>,
    daily: Arc<Semaphore>,
    metrics: Metrics,
}

impl Runner {
    /// A runner that measures what it does.
    pub fn new(metrics: Metrics) -> Self {
        let slots = |number| Arc::new(Semaphore::new(number));
        Self {
            runs: slots(CONCURRENT_RUNS),
            trials: slots(CONCURRENT_TRIALS),
            daily: slots(CONCURRENT_DAILY_RUNS),
            metrics,
        }
    }

    /// The metrics of runs.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Runs a mapping. A malformed document is replaced by its last good version, or left out, and the
    /// mapping runs again without it: one document can't affect the others. Nothing happens if there
    /// is no document for the mapping.
    ///
    /// The run continues on its thread if no one waits for it any more; `tracker` tracks it.
    pub async fn run(&self, request: Request<'_>, tracker: &TaskTracker) -> RunOutcome {
        let Request { member, target, documents, last_good, .. } = request;
        let scope = target.scope();
        let mut own = member.own(scope, documents);
        let mut outcome = RunOutcome::default();
        let budget = member.mapping.limits().run_time * MAX_RUN_TIMES;
        let started = Instant::now();
        // Each round takes a version of a document out, so that it ends.
        while !own.is_empty() {
            let error = match self.run_once(&request, &own, tracker).await {
                Ok(result) => {
                    outcome.result = Some((result, own));
                    return outcome;
                }
                Err(error) => error,
            };
            let label = request.failure_label.unwrap_or_else(|| error.cause());
            self.metrics.count_failure(target, member.name(), label);
            let malformed = match &error {
                MapError::Run(RunError::Malformed(malformed)) => {
                    // A mapping that blames a document it was not given gets no second run.
                    member.take(scope, &mut own, &malformed.document)
                }
                _ => None,
            };
            let Some((feed, failed)) = malformed else {
                let mut failure = Failure::new(&error);
                if let MapError::Run(RunError::Malformed(malformed)) = &error {
                    // It may miss a document; one that does not exist is its own mistake.
                    let mut feeds = member.feeds(scope).iter();
                    if !feeds.any(|feed| feed.name == malformed.document) {
                        failure.blame = Blame::Mapping;
                    }
                }
                outcome.failure = Some(failure);
                return outcome;
            };
            let name = feed.document.clone();
            let good = last_good.get(&name).filter(|good| good.source == feed.source);
            let was_last_good = good.is_some_and(|good| good.has_content_of(&failed));
            if let Some(good) = good.filter(|_| !was_last_good) {
                own.insert(name.clone(), good.clone());
            }
            let reason = error.to_string();
            outcome.malformed.push(MalformedDocument { document: name, reason, was_last_good });
            if request.strict {
                outcome.failure = Some(Failure::new(&error));
                return outcome;
            }
            if started.elapsed() > budget {
                let error = MapError::OutOfTime(budget.as_secs());
                outcome.failure = Some(Failure::new(&error));
                return outcome;
            }
        }
        outcome
    }

    /// Runs a mapping over these documents once, on a thread for blocking work: on tokio's own threads
    /// it would delay scrapes.
    async fn run_once(
        &self,
        request: &Request<'_>,
        documents: &Documents,
        tracker: &TaskTracker,
    ) -> Result<RunResult, MapError> {
        let semaphore = match request.budget {
            Budget::Refresh => &self.runs,
            Budget::Trial => &self.trials,
            Budget::Daily => &self.daily,
        };
        // It is never closed. The run keeps the permit, even if no one waits for it any more.
        let permit = Arc::clone(semaphore).acquire_owned().await;
        let Request { member, target, span, .. } = *request;
        let bodies = bodies(member, target, documents);
        let (mapping, target) = (Arc::clone(&member.mapping), target.clone());
        let options = member.options(request.options);
        let families = request.families.map(Arc::clone);
        let run = tracker.spawn_blocking(move || {
            let _permit = permit;
            let started = Instant::now();
            let readers = bodies.iter().map(|(header, body)| (header.clone(), body.reader()));
            let families = families.as_deref();
            let result = execute(&mapping, &target, span, &options, readers, families);
            (result, started.elapsed())
        });
        let (result, took): (_, Duration) = run.await.map_err(MapError::Aborted)?;
        if span == Span::Latest {
            self.metrics.observe(member.name(), took);
        }
        if let Ok(result) = &result {
            self.metrics.observe_memory(member.name(), result.memory_bytes);
        }
        result
    }
}

/// The bodies that a mapping is fed, in its order.
fn bodies(member: &Member, target: &Target, documents: &Documents) -> Vec<(PartHeader, Body)> {
    let fed = member.fed(target.scope(), documents);
    let parts = fed.flat_map(|(feed, document)| {
        let parts = member.parts_for(feed, document, documents);
        (0..).zip(parts).map(move |(number, part)| {
            (header(&feed.name, number, part, document), part.body.clone())
        })
    });
    parts.collect()
}

fn header(name: &str, number: u32, part: &Part, document: &Document) -> PartHeader {
    PartHeader {
        name: name.to_owned(),
        part: number,
        fetched_at: document.as_of().as_second(),
        report_day: part.day.or(document.report_day),
    }
}
