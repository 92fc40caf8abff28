//! Runs the mappings of a target for their charts.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use tokio_util::task::TaskTracker;
use url::form_urlencoded;

use super::charts::{ChartSource, Charts};
use super::past::Past;
use super::range::Range;
use crate::mappings::Member;
use crate::model::{Documents, Samples, Selection, Span, Target};
use crate::refresh::TargetView;
use crate::runner::{Budget, Request, RunOutcome, Runner};

/// The label of failed runs in the metrics: only the page is affected.
const FAILURE_LABEL: &str = "pictures";

/// The mappings of a target that have charts.
pub(super) fn members_with_charts(view: &TargetView) -> impl Iterator<Item = &Member> {
    let members = view.set.members().iter();
    members.filter(|member| !member.mapping.manifest().charts.is_empty())
}

/// The sums of the kept days of each mapping, by its name.
pub(super) type Pasts = HashMap<String, Arc<Past>>;

/// Runs the mappings of a target over its newest documents and draws their charts, those with lines with
/// the kept days of a range.
pub(super) async fn draw(
    runner: &Runner,
    view: &TargetView,
    (range, pasts): (Range, &Pasts),
    tracker: &TaskTracker,
) -> Charts {
    let mut sources = Vec::new();
    for member in members_with_charts(view) {
        let past = pasts.get(member.name()).cloned().unwrap_or_default();
        sources.push(source(runner, view, member, past, tracker).await);
    }
    let link = query(&view.target, range);
    let drawn = tokio::task::spawn_blocking(move || Charts::draw(&sources, range, &link));
    let failed = |failure: String| Charts { failures: vec![failure], ..Charts::default() };
    match drawn.await {
        Ok(Ok(charts)) => charts,
        Ok(Err(error)) => failed(error.to_string()),
        Err(error) => failed(error.to_string()),
    }
}

/// The query that selects a target and a range.
fn query(target: &Target, range: Range) -> String {
    let [org, scope] = target.labels();
    let pairs = [("org", org), ("scope", scope), ("range", range.value())];
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

async fn source(
    runner: &Runner,
    view: &TargetView,
    member: &Member,
    past: Arc<Past>,
    tracker: &TaskTracker,
) -> ChartSource {
    let charts = member.mapping.manifest().charts.clone();
    let selections = charts.iter().flat_map(|chart| chart.selections());
    let documents = (&view.documents, &view.last_good);
    let outcome = run(runner, view, member, documents, selections, tracker).await;
    let failure = failure(member, &outcome);
    let samples = outcome.result.map_or_else(Samples::default, |(result, _)| result.samples);
    ChartSource { charts, samples, past, failure }
}

/// Runs a mapping over documents, given the newest version of each and the last good one. Only the
/// families that are selected are kept.
pub(super) async fn run(
    runner: &Runner,
    view: &TargetView,
    member: &Member,
    (documents, last_good): (&Documents, &Documents),
    selections: impl Iterator<Item = &Selection>,
    tracker: &TaskTracker,
) -> RunOutcome {
    let families: BTreeSet<String> = selections.map(|selection| selection.family.clone()).collect();
    let families: Arc<[String]> = families.into_iter().collect();
    let request = Request {
        member,
        target: &view.target,
        options: &view.options,
        documents,
        last_good,
        span: Span::History,
        families: Some(&families),
        budget: Budget::Trial,
        strict: false,
        failure_label: Some(FAILURE_LABEL),
    };
    runner.run(request, tracker).await
}

/// Why a run returned nothing, if it should have.
pub(super) fn failure(member: &Member, outcome: &RunOutcome) -> Option<String> {
    if outcome.result.is_some() {
        return None;
    }
    let failure = outcome.failure.as_ref().map(|failure| failure.reason.as_str());
    // No document may be left.
    let reason =
        failure.or_else(|| outcome.malformed.last().map(|malformed| malformed.reason.as_str()));
    reason.map(|reason| format!("mapping {}: {reason}", member.name()))
}
