//! Keeps the daily samples of all targets up to date: in a task of its own, so that no refresh waits for
//! them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::shared::Shared;
use super::targets::TargetView;
use crate::model::{Samples, Span, Target};
use crate::output::daily::{DEFAULT_PREFIX, fetched_at, to_daily};
use crate::runner::{Budget, Request, fingerprint};

/// How many days are published, up to the newest report: what databases accept that are set up for it.
const DAYS: i64 = 28;
/// The label of failed runs in the metrics: only daily samples are affected.
const FAILURE_LABEL: &str = "daily";

/// Maps every day of the documents of a target whenever they change, and publishes the daily samples: as
/// soon as someone has asked for them.
pub(super) async fn keep_daily(shared: Arc<Shared>) {
    let runs = TaskTracker::new();
    shared.daily.wanted().await;
    let mut changes = shared.targets.changes();
    // What the published samples were made of.
    let mut made_of: HashMap<Target, Vec<String>> = HashMap::new();
    loop {
        let views = shared.targets.all();
        made_of.retain(|target, _| views.iter().any(|view| view.target == *target));
        shared.daily.keep(views.iter().map(|view| &view.target));
        for view in views {
            let members = view.set.members().iter();
            let input: Vec<String> = members
                .map(|member| fingerprint(member, &view.target, &view.options, &view.documents))
                .collect();
            if view.documents.is_empty() || made_of.get(&view.target) == Some(&input) {
                continue;
            }
            publish(&shared, &view, &runs).await;
            made_of.insert(view.target.clone(), input);
        }
        if !made_of.is_empty() {
            shared.daily.set_ready();
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Publishes the daily samples of a target. If a mapping fails, those that are published stay.
async fn publish(shared: &Arc<Shared>, view: &TargetView, runs: &TaskTracker) {
    let mut of_mappings: Vec<Samples> = Vec::new();
    for member in view.set.members() {
        let request = Request {
            member,
            target: &view.target,
            options: &view.options,
            documents: &view.documents,
            last_good: &view.last_good,
            span: Span::History,
            families: None,
            budget: Budget::Daily,
            strict: false,
            failure_label: Some(FAILURE_LABEL),
        };
        let outcome = shared.runner.run(request, runs).await;
        match (outcome.result, outcome.failure) {
            (Some((result, used)), _) => {
                let newest = used.values().filter_map(|document| document.report_day).max();
                let since = newest.map_or(Date::MIN, |day| day.saturating_sub((DAYS - 1).days()));
                let fetched_at = fetched_at(&used);
                of_mappings.push(to_daily(result.samples, DEFAULT_PREFIX, since, fetched_at));
            }
            (None, Some(failure)) => {
                let [org, scope] = view.target.labels();
                let mapping = member.name();
                warn!(org, scope, mapping, reason = failure.reason, "no new daily samples");
                return;
            }
            // No document is left.
            (None, None) => {}
        }
    }
    let samples: usize = of_mappings.iter().map(Samples::len).sum();
    let (shared, target) = (Arc::clone(shared), view.target.clone());
    let publishing = move || shared.daily.publish(&target, &of_mappings);
    // It fails only while the exporter stops, or if a mapping's names are invalid, which was checked.
    tokio::task::spawn_blocking(publishing).await.ok();
    let [org, scope] = view.target.labels();
    debug!(org, scope, samples, "daily samples published");
}
