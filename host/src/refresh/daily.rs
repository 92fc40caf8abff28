//! Keeps the daily samples of all targets up to date: in a task of its own, so that no refresh waits for
//! them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::shared::Shared;
use super::targets::TargetView;
use crate::history::{DayDocuments, Days, map_recent};
use crate::model::{Samples, Target};
use crate::runner::fingerprint;

/// How many days are published, up to the newest report: what databases accept that are set up for it.
const DAYS: i64 = 28;

/// Maps every day of the documents of a target whenever they change, and publishes the daily samples: as
/// soon as someone has asked for them.
pub(super) async fn keep_daily(shared: Arc<Shared>) {
    let runs = TaskTracker::new();
    shared.daily.wanted().await;
    let mut changes = shared.targets.changes();
    // What the published samples were made of.
    let mut made_of: HashMap<Target, (u64, Timestamp, Vec<String>)> = HashMap::new();
    loop {
        // Samples of today, such as those of seats, are left out before noon.
        let (noon, until_next) = noons(Timestamp::now());
        let views = shared.targets.all();
        made_of.retain(|target, _| views.iter().any(|view| view.target == *target));
        shared.daily.keep(views.iter().map(|view| &view.target));
        for view in views {
            let members = view.set.members().iter();
            let fingerprints: Vec<String> = members
                .map(|member| fingerprint(member, &view.target, &view.options, &view.documents))
                .collect();
            let input = (view.revisions, noon, fingerprints);
            if view.documents.is_empty() || made_of.get(&view.target) == Some(&input) {
                continue;
            }
            publish(&shared, &view, &runs).await;
            made_of.insert(view.target.clone(), input);
        }
        if !made_of.is_empty() {
            shared.daily.set_ready();
        }
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(until_next) => {}
        }
    }
}

/// The last noon (UTC), and how long it is until the next one.
fn noons(now: Timestamp) -> (Timestamp, Duration) {
    const DAY_SECONDS: i64 = 24 * 3600;
    let since = (now.as_second() - DAY_SECONDS / 2).rem_euclid(DAY_SECONDS);
    let last = Timestamp::from_second(now.as_second() - since).unwrap_or(now);
    (last, Duration::from_secs((DAY_SECONDS - since).unsigned_abs()))
}

/// Publishes the daily samples of a target. If a mapping fails, those that are published stay.
async fn publish(shared: &Arc<Shared>, view: &TargetView, runs: &TaskTracker) {
    let documents = DayDocuments { newest: view.documents.clone(), good: view.last_good.clone() };
    let newest = view.documents.values().filter_map(|document| document.report_day).max();
    let since = newest.map_or(Date::MIN, |day| day.saturating_sub((DAYS - 1).days()));
    let kept = Days::list(&*shared.store, &view.target).await;
    let kept = shared.note_store_error(&view.target, "load", kept).unwrap_or_default();
    let parts = (&*shared.runner, &*shared.store);
    let wants = |day: Date| day >= since;
    let days = (view.prefix.as_str(), &wants as &(dyn Fn(Date) -> bool + Sync));
    let [org, scope] = view.target.labels();
    let of_days = match map_recent(parts, &view.subject(), (&documents, &kept), days, runs).await {
        Ok(of_days) => of_days,
        Err(failure) => {
            warn!(org, scope, %failure, "no new daily samples");
            return;
        }
    };
    let samples: usize = of_days.iter().map(Samples::len).sum();
    let (publishing, target) = (Arc::clone(shared), view.target.clone());
    let publishing = move || publishing.daily.publish(&target, &of_days);
    // It fails only while the exporter stops, or if a mapping's names are invalid, which was checked.
    tokio::task::spawn_blocking(publishing).await.ok();
    debug!(org, scope, samples, "daily samples published");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_noon_is_today_from_noon_on() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        let noon = at("2026-11-26T12:00:00Z");
        assert_eq!(noons(noon), (noon, hours(24)));
        assert_eq!(noons(at("2026-11-26T17:00:00Z")), (noon, hours(19)));
        assert_eq!(noons(at("2026-11-27T11:00:00Z")), (noon, hours(1)));
    }
}
