//! Maps the kept days of a target for its charts with lines.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use tokio_util::task::TaskTracker;

use super::past::Past;
use super::range::Range;
use super::run::{Pasts, failure, members_with_charts, run};
use super::select::day;
use crate::history::{DayDocuments, Days};
use crate::model::{Document, Samples};
use crate::refresh::TargetView;
use crate::runner::{Runner, fingerprint};
use crate::store::Store;

/// The days of a range that are kept, newest first.
fn days_of(kept: &Days, view: &TargetView, range: Range) -> Vec<Date> {
    let newest = Document::newest_day(view.documents.values());
    let Some(newest) = newest.max(kept.days().last()) else { return Vec::new() };
    let first = range.first_day(newest);
    let mut days: Vec<Date> = kept.days().filter(|day| *day >= first).collect();
    days.reverse();
    days
}

/// Maps the kept days of a range, one after the other: those whose documents or mappings have changed since
/// `pasts` was computed. Returns why days are missing.
pub(super) async fn map_days(
    (runner, store): (&Runner, &dyn Store),
    view: &TargetView,
    (range, kept): (Range, &Days),
    pasts: &mut Pasts,
    tracker: &TaskTracker,
) -> Vec<String> {
    prepare(pasts, view, kept);
    let mut failures = Vec::new();
    let mut unreadable = 0_usize;
    let mut failed = BTreeSet::new();
    for date in days_of(kept, view, range) {
        let Ok(documents) = kept.load(store, date).await else {
            unreadable += 1;
            continue;
        };
        for member in members_with_charts(view) {
            let Some(past) = pasts.get_mut(member.name()) else { continue };
            if past.selections().is_empty() {
                continue;
            }
            let DayDocuments { newest, good, .. } = &documents;
            let fingerprint = fingerprint(member, &view.target, &view.options, newest);
            if past.is_current(day(date), &fingerprint) {
                continue;
            }
            // What another mapping or document said is outdated, even if this run fails.
            Arc::make_mut(past).retain(|other| other != day(date));
            // A mapping that fails would most likely fail on each of hundreds of days.
            if failed.contains(member.name()) {
                continue;
            }
            let selections = past.selections().iter();
            let outcome = run(runner, view, member, (newest, good), selections, tracker).await;
            if outcome.failure.is_some() {
                failed.insert(member.name());
                failures.extend(failure(member, &outcome));
                continue;
            }
            // Without a result, all documents of the day are malformed or absent: it is a gap.
            let samples = outcome.result.map_or_else(Samples::default, |(of, _)| of.samples);
            Arc::make_mut(past).insert(day(date), fingerprint, &samples);
        }
    }
    if unreadable > 0 {
        failures.push(format!("{unreadable} kept days could not be loaded"));
    }
    failures
}

/// Adds and removes mappings and days, so that `pasts` has those of the target.
fn prepare(pasts: &mut Pasts, view: &TargetView, kept: &Days) {
    let days: BTreeSet<_> = kept.days().map(day).collect();
    pasts.retain(|name, _| members_with_charts(view).any(|member| member.name() == name));
    for member in members_with_charts(view) {
        let new = Past::new(&member.mapping.manifest().charts);
        let past = pasts.entry(member.name().to_owned()).or_default();
        if past.selections() != new.selections() {
            *past = Arc::new(new);
        }
        Arc::make_mut(past).retain(|day| days.contains(&day));
    }
}
