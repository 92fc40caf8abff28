//! Keeps the daily samples of all targets up to date: in a task of its own, so that no refresh waits for
//! them.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::shared::Shared;
use super::targets::{DailyInput, TargetView};
use crate::history::Days;
use crate::model::noon::{next_noon, sleep_time};
use crate::model::{Samples, Target};

/// Maps every day of the documents of a target whenever they change, and publishes the daily samples: as
/// soon as someone has asked for them.
pub(super) async fn keep_daily(shared: Arc<Shared>) {
    let runs = TaskTracker::new();
    shared.daily.wanted().await;
    let mut changes = shared.targets.changes();
    // What the published samples were made of.
    let mut made_of: HashMap<Target, (Timestamp, DailyInput)> = HashMap::new();
    loop {
        // Samples of today, such as those of seats, are left out before noon.
        let noon = next_noon(Timestamp::now());
        let views = shared.targets.all();
        made_of.retain(|target, _| views.iter().any(|view| view.target == *target));
        shared.daily.keep(views.iter().map(|view| &view.target));
        for view in views {
            let input = (noon, view.daily_input());
            if view.documents.is_empty() || made_of.get(&view.target) == Some(&input) {
                continue;
            }
            if publish(&shared, &view, &runs).await {
                made_of.insert(view.target.clone(), input);
            }
        }
        if !made_of.is_empty() {
            shared.daily.set_ready();
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(sleep_time(Timestamp::now(), noon)) => {}
        }
    }
}

/// Publishes the daily samples of a target. If a mapping fails, those that are published stay. Returns whether
/// the days that are kept could be read.
async fn publish(shared: &Arc<Shared>, view: &TargetView, runs: &TaskTracker) -> bool {
    // Memory has only the newest days.
    if shared.store.list_shared(&view.target).await.is_err() {
        return false;
    }
    let kept = Days::list(&*shared.store, &view.target).await;
    let kept = shared.note_store_error(&view.target, "load", kept).unwrap_or_default();
    let [org, scope] = view.target.labels();
    let of_days = match view.map_days((&*shared.runner, &*shared.store), &kept, runs).await {
        Ok(of_days) => of_days,
        Err(failure) => {
            warn!(org, scope, %failure, "no new daily samples");
            return true;
        }
    };
    let samples: usize = of_days.iter().map(Samples::len).sum();
    let (publishing, target) = (Arc::clone(shared), view.target.clone());
    let publishing = move || publishing.daily.publish(&target, &of_days);
    // It fails only while the exporter stops, or if a mapping's names are invalid, which was checked.
    tokio::task::spawn_blocking(publishing).await.ok();
    debug!(org, scope, samples, "daily samples published");
    true
}
