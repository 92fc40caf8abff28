//! Runs the mappings of a target for their charts.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio_util::task::TaskTracker;

use super::charts::{ChartSource, Charts, element_id};
use crate::mappings::Member;
use crate::model::{Samples, Span};
use crate::refresh::TargetView;
use crate::runner::{Budget, Request, RunOutcome, Runner};

/// The label of failed runs in the metrics: only the page is affected.
const FAILURE_LABEL: &str = "pictures";

/// The mappings of a target that have charts.
pub(super) fn members_with_charts(view: &TargetView) -> impl Iterator<Item = &Member> {
    let members = view.set.members().iter();
    members.filter(|member| !member.mapping.manifest().charts.is_empty())
}

/// Runs the mappings of a target and draws their charts.
pub(super) async fn draw(runner: &Runner, view: &TargetView, tracker: &TaskTracker) -> Charts {
    let mut sources = Vec::new();
    for member in members_with_charts(view) {
        sources.push(run(runner, view, member, tracker).await);
    }
    let id = element_id(&view.target);
    let drawn = tokio::task::spawn_blocking(move || Charts::draw(&sources, &id));
    let failed = |failure: String| Charts { failures: vec![failure], ..Charts::default() };
    match drawn.await {
        Ok(Ok(charts)) => charts,
        Ok(Err(error)) => failed(error.to_string()),
        Err(error) => failed(error.to_string()),
    }
}

async fn run(
    runner: &Runner,
    view: &TargetView,
    member: &Member,
    tracker: &TaskTracker,
) -> ChartSource {
    let charts = member.mapping.manifest().charts.clone();
    let selections = charts.iter().flat_map(|chart| chart.selections());
    let families: BTreeSet<String> = selections.map(|selection| selection.family.clone()).collect();
    let families: Arc<[String]> = families.into_iter().collect();
    let request = Request {
        member,
        target: &view.target,
        options: &view.options,
        documents: &view.documents,
        last_good: &view.last_good,
        span: Span::History,
        families: Some(&families),
        budget: Budget::Trial,
        strict: false,
        failure_label: Some(FAILURE_LABEL),
    };
    let outcome = runner.run(request, tracker).await;
    let failure = failure(&outcome).map(|reason| format!("mapping {}: {reason}", member.name()));
    let samples = outcome.result.map_or_else(Samples::default, |(result, _)| result.samples);
    ChartSource { charts, samples, failure }
}

/// Why a run returned nothing, if it should have.
fn failure(outcome: &RunOutcome) -> Option<&str> {
    if outcome.result.is_some() {
        return None;
    }
    let failure = outcome.failure.as_ref().map(|failure| failure.reason.as_str());
    // No document may be left.
    failure.or_else(|| outcome.malformed.last().map(|malformed| malformed.reason.as_str()))
}
