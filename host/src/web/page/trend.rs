//! What headline numbers were on earlier days, so that a week can be compared with the one before.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::headline::HEADLINES;
use super::run::{members_with_charts, run};
use super::select::Day;
use crate::model::{Document, Documents, Selection, Target};
use crate::refresh::TargetView;
use crate::runner::{Runner, fingerprint};

/// What a week earlier means.
const WEEK: Day = 7;

/// The values of each compared headline by day, in the order of [`HEADLINES`], of one target.
#[derive(Debug, Default)]
pub(super) struct Trend(Vec<BTreeMap<Day, f64>>);

impl Trend {
    /// The relative change of a headline from a week earlier, such as 0.05 for 5% more. `at` is its number
    /// among the compared ones. It is only known if `value`, which is served, is that of the newest day
    /// here, and if there was more than 0 a week earlier.
    pub(super) fn change(&self, at: usize, value: f64) -> Option<f64> {
        let values = self.0.get(at)?;
        let (newest, of_newest) = values.last_key_value()?;
        let earlier = values.get(&(newest - WEEK))?;
        (*of_newest == value && *earlier > 0.0).then(|| value / earlier - 1.0)
    }
}

/// The trends of targets. Each is computed in the background when the page is first shown, and again when
/// its reports or mappings have changed.
pub(super) struct Trends {
    runner: Arc<Runner>,
    runs: TaskTracker,
    entries: Mutex<HashMap<Target, Entry>>,
    /// One target at a time, so that charts wait for one run at most.
    turn: Arc<Semaphore>,
}

struct Entry {
    /// What it was made of, without keeping its documents in memory.
    view: Weak<TargetView>,
    /// Identifies the reports and mappings that it depends on.
    fingerprint: String,
    trend: watch::Receiver<Option<Arc<Trend>>>,
}

impl Trends {
    /// None yet.
    pub(super) fn new(runner: Arc<Runner>) -> Self {
        let (runs, entries) = (TaskTracker::new(), Mutex::default());
        Self { runner, runs, entries, turn: Arc::new(Semaphore::new(1)) }
    }

    /// The trends of these targets that are known by the deadline. Those of a mapping that fails are empty.
    pub(super) async fn get(
        &self,
        views: &[Arc<TargetView>],
        deadline: Instant,
    ) -> HashMap<Target, Arc<Trend>> {
        let receivers: Vec<_> = {
            let mut entries = self.lock();
            entries.retain(|target, _| views.iter().any(|view| view.target == *target));
            views.iter().map(|view| self.receiver(&mut entries, view)).collect()
        };
        let mut trends = HashMap::new();
        for (view, mut trend) in views.iter().zip(receivers) {
            match timeout_at(deadline, trend.wait_for(Option::is_some)).await {
                Ok(Ok(computed)) => {
                    trends.extend(computed.clone().map(|trend| (view.target.clone(), trend)));
                    continue;
                }
                Ok(Err(_)) => {}
                Err(_) => continue,
            }
            // The task ended without a result: the next request starts it again.
            forget(&mut self.lock(), &view.target, &trend);
        }
        trends
    }

    /// Starts to compute a trend unless it is current.
    fn receiver(
        &self,
        entries: &mut HashMap<Target, Entry>,
        view: &Arc<TargetView>,
    ) -> watch::Receiver<Option<Arc<Trend>>> {
        let entry = entries.get_mut(&view.target);
        if let Some(entry) = &entry
            && entry.view.as_ptr() == Arc::as_ptr(view)
        {
            return entry.trend.clone();
        }
        let [documents, last_good] = [&view.documents, &view.last_good].map(reports);
        let fingerprint: String = members_with_charts(view)
            .map(|member| fingerprint(member, &view.target, &view.options, &documents))
            .collect();
        if let Some(entry) = entry
            && entry.fingerprint == fingerprint
        {
            entry.view = Arc::downgrade(view);
            return entry.trend.clone();
        }
        let (sender, trend) = watch::channel(None);
        let entry = Entry { view: Arc::downgrade(view), fingerprint, trend: trend.clone() };
        entries.insert(view.target.clone(), entry);
        let (runner, runs, turn) =
            (Arc::clone(&self.runner), self.runs.clone(), Arc::clone(&self.turn));
        let view = Arc::clone(view);
        tokio::spawn(async move {
            // It is never closed.
            let _permit = turn.acquire_owned().await;
            // The documents may have changed while it waited.
            if !sender.is_closed() {
                let trend = compute(&runner, &view, (&documents, &last_good), &runs).await;
                sender.send_replace(Some(Arc::new(trend)));
            }
        });
        trend
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Target, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the entry of a target if it is still the one with this trend.
fn forget(
    entries: &mut HashMap<Target, Entry>,
    target: &Target,
    trend: &watch::Receiver<Option<Arc<Trend>>>,
) {
    if entries.get(target).is_some_and(|entry| entry.trend.same_channel(trend)) {
        entries.remove(target);
    }
}

/// The documents that are about several days: what a week earlier was is in none of the others, some of
/// which are large.
fn reports(documents: &Documents) -> Documents {
    let of_days = |document: &Document| document.report_day.is_some() && !document.is_of_day();
    let documents = documents.iter().filter(|(_, document)| of_days(document));
    documents.map(|(name, document)| (name.clone(), document.clone())).collect()
}

/// Runs the mappings over the reports.
async fn compute(
    runner: &Runner,
    view: &TargetView,
    documents: (&Documents, &Documents),
    runs: &TaskTracker,
) -> Trend {
    let compared = || HEADLINES.iter().filter(|headline| headline.is_compared);
    let mut values = vec![BTreeMap::new(); compared().count()];
    for member in members_with_charts(view) {
        let charts = || member.mapping.manifest().charts.iter();
        let selections: Vec<&Selection> =
            compared().flat_map(|headline| headline.selections(charts())).collect();
        if selections.is_empty() {
            continue;
        }
        let outcome = run(runner, view, member, documents, selections.into_iter(), runs).await;
        let Some((result, _)) = outcome.result else { continue };
        for (values, headline) in values.iter_mut().zip(compared()) {
            if values.is_empty() {
                *values = headline.by_day(charts(), &result.samples);
            }
        }
    }
    Trend(values)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;

    /// A trend with the values of one headline.
    fn trend(values: &[(Day, f64)]) -> Trend {
        Trend(vec![values.iter().copied().collect()])
    }

    #[test]
    fn a_change_is_relative_to_seven_days_earlier() {
        let trend = trend(&[(13, 80.0), (14, 50.0), (20, 60.0)]);
        assert_eq!(trend.change(0, 60.0), Some(-0.25));
        assert_eq!(trend.change(1, 60.0), None);
    }

    #[test]
    fn a_change_is_absent_if_a_week_earlier_is_not_known_or_0_or_if_the_value_is_of_another_day() {
        assert_eq!(trend(&[(14, 80.0), (20, 60.0)]).change(0, 60.0), None);
        assert_eq!(trend(&[(13, 0.0), (20, 60.0)]).change(0, 60.0), None);
        assert_eq!(trend(&[(13, 80.0), (20, 60.0)]).change(0, 61.0), None);
        assert_eq!(trend(&[]).change(0, 60.0), None);
    }

    #[test]
    fn a_trend_whose_task_has_ended_without_a_result_is_forgotten_and_a_newer_one_is_not() {
        let target = Target::new(Scope::Organization, "octo").unwrap();
        let (sender, ended) = watch::channel(None);
        drop(sender);
        let (_sender, newer) = watch::channel(None);
        let entry = |trend: &watch::Receiver<_>| {
            let (view, fingerprint) = (Weak::new(), String::new());
            HashMap::from([(target.clone(), Entry { view, fingerprint, trend: trend.clone() })])
        };
        let mut entries = entry(&ended);
        forget(&mut entries, &target, &ended);
        assert!(entries.is_empty());
        let mut entries = entry(&newer);
        forget(&mut entries, &target, &ended);
        assert_eq!(entries.len(), 1);
    }
}
