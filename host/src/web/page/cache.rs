//! Keeps the charts of each target for as long as its documents and mappings stay the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, timeout_at};
use tokio_util::task::TaskTracker;

use super::charts::Charts;
use super::run::{draw, members_with_charts};
use crate::model::Target;
use crate::refresh::TargetView;
use crate::runner::{Runner, fingerprint};

/// How long charts that failed are kept: the cause may be temporary, and however often the page is
/// requested, they are not drawn again more often than this.
const RETRY_AFTER: Duration = Duration::from_secs(60);

/// The charts of a target, if there are any.
pub(super) enum ChartsState {
    /// They are drawn.
    Ready(Arc<Charts>),
    /// They take longer than a request should wait.
    Drawing,
    /// There are no documents yet.
    NoData,
    /// No mapping of the target declares a chart.
    NotDeclared,
    /// They are on another page.
    Elsewhere,
}

/// The charts that are drawn, by target.
pub(super) struct ChartCache {
    runner: Arc<Runner>,
    runs: TaskTracker,
    entries: Mutex<HashMap<Target, Entry>>,
    /// Charts are drawn for one target at a time.
    drawing: Arc<Semaphore>,
}

/// The charts of a target, once they are drawn.
type Receiver = watch::Receiver<Option<Arc<Charts>>>;

struct Entry {
    /// Identifies the documents and mappings.
    fingerprint: String,
    started: Instant,
    charts: Receiver,
}

impl Entry {
    fn is_current(&self, fingerprint: &str) -> bool {
        let charts = self.charts.borrow();
        let failed = charts.as_ref().is_some_and(|charts| !charts.failures.is_empty());
        self.fingerprint == fingerprint && !(failed && self.started.elapsed() > RETRY_AFTER)
    }
}

impl ChartCache {
    /// An empty cache.
    pub(super) fn new(runner: Arc<Runner>) -> Self {
        Self {
            runner,
            runs: TaskTracker::new(),
            entries: Mutex::default(),
            drawing: Arc::new(Semaphore::new(1)),
        }
    }

    /// The charts of a target. If they are not drawn yet, it starts that and waits until `deadline`.
    pub(super) async fn get(&self, view: &Arc<TargetView>, deadline: Instant) -> ChartsState {
        if members_with_charts(view).next().is_none() {
            return ChartsState::NotDeclared;
        }
        let mut charts = self.get_or_draw(view);
        match timeout_at(deadline, charts.wait_for(Option::is_some)).await {
            Ok(Ok(charts)) => charts.clone().map_or(ChartsState::Drawing, ChartsState::Ready),
            // The task ended without a result: the next request starts it again.
            Ok(Err(_)) => {
                self.lock().remove(&view.target);
                ChartsState::Drawing
            }
            Err(_) => ChartsState::Drawing,
        }
    }

    /// Forgets all targets that do not satisfy a condition.
    pub(super) fn retain(&self, is_kept: impl Fn(&Target) -> bool) {
        self.lock().retain(|target, _| is_kept(target));
    }

    /// The first request for new charts has them drawn, in a task that does not depend on it.
    fn get_or_draw(&self, view: &Arc<TargetView>) -> Receiver {
        let fingerprint = fingerprint_of(view);
        let mut entries = self.lock();
        if let Some(entry) =
            entries.get(&view.target).filter(|entry| entry.is_current(&fingerprint))
        {
            return entry.charts.clone();
        }
        let (sender, charts) = watch::channel(None);
        let entry = Entry { fingerprint, started: Instant::now(), charts: charts.clone() };
        entries.insert(view.target.clone(), entry);
        drop(entries);
        let (runner, view) = (Arc::clone(&self.runner), Arc::clone(view));
        let (runs, drawing) = (self.runs.clone(), Arc::clone(&self.drawing));
        tokio::spawn(async move {
            // It is never closed.
            let _permit = drawing.acquire_owned().await;
            let charts = draw(&runner, &view, &runs).await;
            sender.send_replace(Some(Arc::new(charts)));
        });
        charts
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Target, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
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
