//! Keeps the charts of each target for as long as its documents and mappings stay the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex as AsyncMutex, Semaphore, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::charts::Charts;
use super::days::map_days;
use super::kept::KeptDays;
use super::range::Range;
use super::run::{Pasts, draw, members_with_charts};
use crate::model::Target;
use crate::refresh::TargetView;
use crate::runner::{Runner, fingerprint};
use crate::store::Store;

/// How long charts that failed are kept: the cause may be temporary, and however often the page is
/// requested, they are not drawn again more often than this.
const RETRY_AFTER: Duration = Duration::from_secs(60);
/// For how many targets and ranges longer than 28 days charts are kept: those of a year take a third of a
/// megabyte.
const MAX_LONG: usize = 8;
/// For how long charts of longer ranges are kept at least, so that requests for many of them in turn do not
/// have them drawn all the time.
const KEEP_LONG_FOR: Duration = Duration::from_secs(60);

/// The charts of a target, if there are any.
pub(super) enum ChartsState {
    /// They are drawn.
    Ready(Arc<Charts>),
    /// They take longer than a request should wait.
    Drawing,
    /// Those of a longer range take longer than a request should wait.
    Computing,
    /// There are no documents yet.
    NoData,
    /// No mapping of the target declares a chart.
    NotDeclared,
}

/// The charts that are drawn, by target and range.
pub(super) struct ChartCache {
    runner: Arc<Runner>,
    store: Arc<dyn Store>,
    runs: TaskTracker,
    entries: Mutex<HashMap<Id, Entry>>,
    /// Charts are drawn for one target at a time.
    drawing: Arc<Semaphore>,
    /// The sums of kept days. They are computed for one target at a time.
    pasts: Arc<AsyncMutex<HashMap<Target, Pasts>>>,
}

type Id = (Target, Range);

/// The charts of a target, once they are drawn.
type Receiver = watch::Receiver<Option<Arc<Charts>>>;

struct Entry {
    /// Identifies the documents and mappings.
    fingerprint: String,
    /// Identifies the kept days: empty if none are needed.
    days: String,
    started: Instant,
    charts: Receiver,
}

impl Entry {
    fn is_current(&self, fingerprint: &str, days: &str) -> bool {
        let charts = self.charts.borrow();
        let failed = charts.as_ref().is_some_and(|charts| !charts.failures.is_empty());
        // A backfill adds a day every few seconds: the charts are there in the meantime, too.
        let has_days =
            self.days == days || charts.is_none() || self.started.elapsed() < KEEP_LONG_FOR;
        self.fingerprint == fingerprint
            && has_days
            && !(failed && self.started.elapsed() > RETRY_AFTER)
    }
}

impl ChartCache {
    /// An empty cache.
    pub(super) fn new(runner: Arc<Runner>, store: Arc<dyn Store>) -> Self {
        Self {
            runner,
            store,
            runs: TaskTracker::new(),
            entries: Mutex::default(),
            drawing: Arc::new(Semaphore::new(1)),
            pasts: Arc::default(),
        }
    }

    /// The charts of a target, those with lines of the days of a range. If they are not drawn yet, it starts
    /// that and waits until `deadline`. `kept` are the days in the store.
    pub(super) async fn get(
        &self,
        view: &Arc<TargetView>,
        (range, kept): (Range, Arc<KeptDays>),
        deadline: Instant,
    ) -> ChartsState {
        let missing = || match range.needs_kept_days() {
            true => ChartsState::Computing,
            false => ChartsState::Drawing,
        };
        if members_with_charts(view).next().is_none() {
            return ChartsState::NotDeclared;
        }
        let Some(mut charts) = self.get_or_draw(view, range, kept) else { return missing() };
        match timeout_at(deadline, charts.wait_for(Option::is_some)).await {
            Ok(Ok(charts)) => charts.clone().map_or_else(missing, ChartsState::Ready),
            // The task ended without a result: the next request starts it again.
            Ok(Err(_)) => {
                self.lock().remove(&(view.target.clone(), range));
                missing()
            }
            Err(_) => missing(),
        }
    }

    /// Forgets all targets that do not satisfy a condition.
    pub(super) fn retain(&self, is_kept: impl Fn(&Target) -> bool) {
        self.lock().retain(|(target, _), _| is_kept(target));
        // While days are being computed, it is left to the next time.
        if let Ok(mut pasts) = self.pasts.try_lock() {
            pasts.retain(|target, _| is_kept(target));
        }
    }

    /// The first request for new charts has them drawn, in a task that does not depend on it. `None` if
    /// there are too many of longer ranges.
    fn get_or_draw(
        &self,
        view: &Arc<TargetView>,
        range: Range,
        kept: Arc<KeptDays>,
    ) -> Option<Receiver> {
        let fingerprint = fingerprint_of(view);
        let days = match range.needs_kept_days() {
            true => format!("{} {}", view.revisions, kept.digest),
            false => String::new(),
        };
        let id = (view.target.clone(), range);
        let mut entries = self.lock();
        if let Some(entry) = entries.get(&id)
            && entry.is_current(&fingerprint, &days)
        {
            return Some(entry.charts.clone());
        }
        if range.needs_kept_days() && !has_room(&mut entries, &id) {
            return None;
        }
        let (sender, charts) = watch::channel(None);
        let entry = Entry { fingerprint, days, started: Instant::now(), charts: charts.clone() };
        entries.insert(id, entry);
        drop(entries);
        let (runner, store) = (Arc::clone(&self.runner), Arc::clone(&self.store));
        let (runs, drawing) = (self.runs.clone(), Arc::clone(&self.drawing));
        let (view, pasts) = (Arc::clone(view), Arc::clone(&self.pasts));
        tokio::spawn(async move {
            let (mut of_target, mut failures) = (Pasts::new(), Vec::new());
            if range.needs_kept_days() {
                let mut pasts = pasts.lock().await;
                // The documents may have changed while it waited.
                if sender.is_closed() {
                    return;
                }
                let past = pasts.entry(view.target.clone()).or_default();
                let parts = (&*runner, &*store);
                failures = map_days(parts, &view, (range, &kept.days), past, &runs).await;
                of_target = past.clone();
            }
            // It is never closed.
            let _permit = drawing.acquire_owned().await;
            let mut charts = draw(&runner, &view, (range, &of_target), &runs).await;
            charts.failures.extend(failures);
            sender.send_replace(Some(Arc::new(charts)));
        });
        Some(charts)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for the charts of a longer range: the oldest others are removed, unless they are new.
fn has_room(entries: &mut HashMap<Id, Entry>, id: &Id) -> bool {
    let others = entries.iter().filter(|(other, _)| other.1.needs_kept_days() && *other != id);
    let others = others.map(|(other, entry)| (entry.started, other.clone()));
    let mut others: Vec<(Instant, Id)> = others.collect();
    if others.len() < MAX_LONG {
        return true;
    }
    others.sort_by_key(|(started, _)| *started);
    match others.first() {
        Some((started, oldest)) if started.elapsed() > KEEP_LONG_FOR => {
            entries.remove(oldest);
            true
        }
        _ => false,
    }
}

/// Identifies what the charts of a target depend on.
fn fingerprint_of(view: &TargetView) -> String {
    let TargetView { target, options, documents, .. } = view;
    let members = members_with_charts(view);
    // The limits decide whether a mapping succeeds.
    let prints = members.map(|member| {
        let limits = member.mapping.limits();
        format!("{} {limits:?} ", fingerprint(member, target, options, documents))
    });
    prints.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;

    /// Charts of a year that were started so long ago, done or not.
    fn entry(age: Duration, is_done: bool, failures: &[&str]) -> Entry {
        let failures = failures.iter().map(|failure| (*failure).to_owned()).collect();
        let charts = is_done.then(|| Arc::new(Charts { failures, ..Charts::default() }));
        Entry {
            fingerprint: "1".to_owned(),
            days: "1".to_owned(),
            started: Instant::now().checked_sub(age).unwrap(),
            charts: watch::channel(charts).1,
        }
    }

    fn id(number: usize, range: Range) -> Id {
        (Target::new(Scope::Organization, &format!("octo-{number}")).unwrap(), range)
    }

    const NEW: Duration = Duration::ZERO;
    const OLD: Duration = Duration::from_secs(61);

    #[test]
    fn charts_of_a_year_are_computed_again_for_new_days_once_a_minute_at_most_and_not_while_they_are()
     {
        assert!(entry(OLD, true, &[]).is_current("1", "1"));
        assert!(entry(NEW, true, &[]).is_current("1", "2"));
        assert!(entry(OLD, false, &[]).is_current("1", "2"));
        assert!(!entry(OLD, true, &[]).is_current("1", "2"));
        // A new mapping or document counts at once, and a failure after a minute.
        assert!(!entry(NEW, true, &[]).is_current("2", "1"));
        assert!(entry(NEW, true, &["it trapped"]).is_current("1", "1"));
        assert!(!entry(OLD, true, &["it trapped"]).is_current("1", "1"));
    }

    #[test]
    fn charts_of_many_targets_replace_those_that_are_older_than_a_minute() {
        let mut entries: HashMap<Id, Entry> =
            (0..MAX_LONG).map(|at| (id(at, Range::Year), entry(NEW, true, &[]))).collect();
        // Those of 28 days need no room.
        entries.insert(id(0, Range::Days28), entry(OLD, true, &[]));
        assert!(!has_room(&mut entries, &id(MAX_LONG, Range::Year)));
        // It replaces itself.
        assert!(has_room(&mut entries, &id(0, Range::Year)));
        entries.insert(id(3, Range::Year), entry(OLD, true, &[]));
        assert!(has_room(&mut entries, &id(MAX_LONG, Range::Year)));
        assert!(!entries.contains_key(&id(3, Range::Year)));
        assert_eq!(entries.len(), MAX_LONG);
    }
}
