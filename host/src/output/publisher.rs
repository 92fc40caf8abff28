//! Holds what is published, and rebuilds the snapshot when it changes.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use prometheus::Gauge;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tracing::error;

use super::mapping_info::mapping_info;
use super::part::{Part, Placement, Published};
use super::readiness::Readiness;
use super::snapshot::Snapshot;
use super::status::{DocumentStatus, Outcome, TargetStatus};
use super::target_texts::TargetTexts;
use crate::model::metrics::Registry;
use crate::model::{MappingId, Samples, Target};

/// How long scrapes wait for the first data, all together: well below Prometheus' default timeout of
/// 10 s, and long enough for the small documents of most organizations.
pub const FIRST_DATA_WAIT: Duration = Duration::from_secs(2);

/// After a rebuild, the next one waits this many times as long as it took. So rebuilds take at most a
/// fifth of a core however many targets end their refreshes one after the other.
const REST: u32 = 4;

/// Holds what is published. Readers never wait for a rebuild.
pub struct Publisher {
    state: Mutex<State>,
    changed: Notify,
    /// The version of the state that the snapshot shows.
    built: watch::Sender<u64>,
    /// Whether every target has data, or has failed to get any.
    settled: watch::Sender<bool>,
    started: Instant,
    readiness: Readiness,
    snapshot: ArcSwap<Snapshot>,
    encode_duration: Gauge,
    /// The texts of single targets.
    texts: TargetTexts,
}

#[derive(Default)]
struct State {
    parts: Vec<Part>,
    /// The settings that are missing: nothing will be exported without them.
    missing: Option<String>,
    version: u64,
    /// The version that someone waits for: it is built at once.
    urgent: u64,
}

impl Publisher {
    /// Starts a publisher without targets. It must be called within a tokio runtime.
    pub fn start(registry: &Registry) -> prometheus::Result<Arc<Self>> {
        let encode_duration = registry.gauge(
            "copilot_exporter_encode_duration_seconds",
            "Duration of the last encoding and compression of the samples.",
        )?;
        let publisher = Arc::new(Self {
            state: Mutex::default(),
            changed: Notify::new(),
            built: watch::Sender::new(0),
            settled: watch::Sender::new(true),
            started: Instant::now(),
            readiness: Readiness::default(),
            snapshot: ArcSwap::default(),
            encode_duration,
            texts: TargetTexts::default(),
        });
        tokio::spawn(rebuild(Arc::downgrade(&publisher)));
        Ok(publisher)
    }

    /// Sets the targets; those that were there before keep their data.
    pub fn set_targets(&self, targets: &[Target], missing: Option<String>) {
        self.change(false, |state| {
            state.parts.retain(|part| targets.contains(&part.target));
            for target in targets {
                if !state.parts.iter().any(|part| part.target == *target) {
                    state.parts.push(Part::new(target.clone()));
                }
            }
            // That of the settings, as after a restart: all replicas serve the same bytes.
            let position = |part: &Part| targets.iter().position(|target| *target == part.target);
            state.parts.sort_by_cached_key(position);
            state.missing = missing;
        });
        self.settle();
    }

    /// Serves stored samples of a target, before it is known which mappings run.
    pub fn restore(&self, target: &Target, stored: Vec<Published>) {
        self.change_part(false, target, |part| part.restore(stored));
    }

    /// Serves the samples that mappings returned for a target.
    pub fn publish(&self, target: &Target, published: Vec<Published>) {
        self.change_part(false, target, |part| part.publish(published));
    }

    /// Serves exactly the samples that another replica has stored for a target, which has these mappings.
    /// Returns whether they are news.
    pub fn follow(&self, target: &Target, stored: Vec<Published>, mappings: &[MappingId]) -> bool {
        let identify = |published: &Published| {
            (published.mapping.sha256.clone(), published.fingerprint.clone())
        };
        let is_served = self.with_parts(|parts| {
            let Some(part) = parts.iter().find(|part| part.target == *target) else {
                return false;
            };
            let served = part.entries.iter().filter_map(|entry| entry.published.as_ref());
            let served: BTreeSet<_> = served.map(identify).collect();
            part.followed == mappings && served == stored.iter().map(identify).collect()
        });
        if !is_served {
            self.change_part(false, target, |part| part.follow(stored, mappings));
        }
        !is_served
    }

    /// Serves the samples of its own mappings from now on, for a target for which it followed another replica.
    pub fn lead(&self, target: &Target) {
        self.change_part(false, target, Part::lead);
    }

    /// Changes the mappings of targets together with their samples: one snapshot has everything old,
    /// the next one everything new. Returns when that one is served.
    pub async fn place(&self, placements: Vec<Placement>) {
        self.change(true, |state| {
            for Placement { target, mappings, published, is_complete } in placements {
                if let Some(part) = state.parts.iter_mut().find(|part| part.target == target) {
                    part.place(&mappings, is_complete);
                    part.publish(published);
                }
            }
        });
        self.shown().await;
    }

    /// Returns when everything that has changed so far is served.
    pub async fn shown(&self) {
        let version = {
            let mut state = self.state();
            state.urgent = state.version;
            state.version
        };
        self.changed.notify_one();
        self.wait_until_built(version).await;
    }

    /// Returns when everything that has changed so far is served, without hurrying.
    pub async fn served(&self) {
        let version = self.state().version;
        self.wait_until_built(version).await;
    }

    async fn wait_until_built(&self, version: u64) {
        let mut built = self.built.subscribe();
        // It fails only if the publisher is gone.
        built.wait_for(|built| *built >= version).await.ok();
    }

    /// Sets how a target's refresh ended.
    pub fn set_outcome(&self, target: &Target, outcome: Outcome) {
        let mut state = self.state();
        if let Some(part) = state.parts.iter_mut().find(|part| part.target == *target) {
            let succeeded_at = outcome.succeeded_at.or(part.outcome.succeeded_at);
            part.outcome = Outcome { succeeded_at, ..outcome };
        }
        drop(state);
        self.settle();
    }

    /// Sets the attempt that has just failed in a refresh that is still running.
    pub fn set_attempt(&self, target: &Target, attempt: String) {
        let mut state = self.state();
        if let Some(part) = state.parts.iter_mut().find(|part| part.target == *target) {
            part.outcome.attempt = Some(attempt);
        }
    }

    /// Sets the documents of a target.
    pub fn set_documents(&self, target: &Target, documents: Vec<DocumentStatus>) {
        let mut state = self.state();
        if let Some(part) = state.parts.iter_mut().find(|part| part.target == *target) {
            part.documents = documents;
        }
    }

    /// What the served samples of a mapping were made of, if there are any.
    pub fn fingerprint(&self, target: &Target, sha256: &str) -> Option<String> {
        let state = self.state();
        let part = state.parts.iter().find(|part| part.target == *target)?;
        part.published(sha256).map(|published| published.fingerprint.clone())
    }

    /// The samples that are served of a mapping, if there are any.
    pub fn published(&self, target: &Target, sha256: &str) -> Option<Published> {
        let state = self.state();
        state.parts.iter().find(|part| part.target == *target)?.published(sha256).cloned()
    }

    /// Whether there are samples of a target.
    pub fn has_data_of(&self, target: &Target) -> bool {
        let state = self.state();
        state.parts.iter().any(|part| part.target == *target && part.has_data())
    }

    /// The samples of a target that are left out because of a limit, in words.
    pub fn left_out_of(&self, target: &Target) -> Vec<String> {
        let state = self.state();
        let parts = state.parts.iter().filter(|part| part.target == *target);
        parts.flat_map(Part::left_out).collect()
    }

    /// The settings that are missing: nothing will be exported without them.
    pub fn missing(&self) -> Option<String> {
        self.state().missing.clone()
    }

    /// Waits until every target has data or has failed to get any, but not longer than
    /// [`FIRST_DATA_WAIT`] after the start.
    pub async fn settled(&self) {
        let mut settled = self.settled.subscribe();
        let deadline = self.started + FIRST_DATA_WAIT;
        tokio::time::timeout_at(deadline, settled.wait_for(|settled| *settled)).await.ok();
    }

    /// From now on, it is not ready with the data of a part of the targets: other replicas have that of all,
    /// next to which it would be a gap.
    pub fn require_all_data(&self) {
        self.readiness.require_all();
    }

    /// Whether it should be scraped: there is data. If that of all targets is required, what is served of
    /// each has once been whole: stored, or of a refresh that has ended.
    pub fn is_ready(&self) -> bool {
        self.readiness.is_ready()
    }

    /// The current snapshot: one pointer, however large.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// The samples of the targets of this name as text, or only of the one with this scope. `None`: there is
    /// no such target. It computes, but only when their samples have changed.
    pub fn text_of(&self, name: &str, scope: Option<&str>) -> Option<prometheus::Result<Bytes>> {
        let samples: Vec<Arc<Samples>> = {
            let state = self.state();
            let is_selected = |part: &&Part| {
                let [org, of_scope] = part.target.labels();
                org == name && scope.is_none_or(|scope| scope == of_scope)
            };
            let mut parts = state.parts.iter().filter(is_selected).peekable();
            parts.peek()?;
            let published = parts.flat_map(|part| &part.entries);
            let published = published.filter_map(|entry| entry.published.as_ref());
            published.map(|published| Arc::clone(&published.samples)).collect()
        };
        Some(self.texts.get((name, scope), &samples))
    }

    /// Told of every new snapshot.
    pub fn snapshots(&self) -> watch::Receiver<u64> {
        self.built.subscribe()
    }

    /// Whether the snapshot has samples of any target.
    pub fn has_data(&self) -> bool {
        self.readiness.has_data()
    }

    /// Every target with its status.
    pub fn statuses(&self) -> Vec<TargetStatus> {
        self.state().parts.iter().map(Part::status).collect()
    }

    pub(super) fn with_parts<T>(&self, read: impl FnOnce(&[Part]) -> T) -> T {
        read(&self.state().parts)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change_part(&self, urgent: bool, target: &Target, change: impl FnOnce(&mut Part)) {
        self.change(urgent, |state| {
            if let Some(part) = state.parts.iter_mut().find(|part| part.target == *target) {
                change(part);
            }
        });
    }

    /// Changes what the snapshot shows, and has it rebuilt. Returns the version of the state.
    fn change(&self, urgent: bool, change: impl FnOnce(&mut State)) -> u64 {
        let mut state = self.state();
        change(&mut state);
        state.version += 1;
        let version = state.version;
        if urgent {
            state.urgent = version;
        }
        drop(state);
        self.changed.notify_one();
        version
    }

    /// Updates whether every target is settled. What the snapshot does not show yet does not count.
    fn settle(&self) {
        let state = self.state();
        let is_built = *self.built.borrow() >= state.version;
        let is_settled = state.parts.iter().all(|part| match part.has_data() {
            true => is_built,
            false => part.is_settled(),
        });
        if is_built && !state.parts.is_empty() && state.parts.iter().all(Part::is_whole) {
            self.readiness.set_whole();
        }
        drop(state);
        self.settled
            .send_if_modified(|settled| std::mem::replace(settled, is_settled) != is_settled);
    }

    /// Rebuilds the snapshot. It computes for as long as writing and compressing everything takes.
    fn build(&self) {
        let started = Instant::now();
        // What is shared is not copied, and the lock is not held while anything is written.
        let (samples, info, has_data, version) = {
            let state = self.state();
            let entries = state.parts.iter().flat_map(|part| &part.entries);
            let published = entries.filter_map(|entry| entry.published.as_ref());
            let samples: Vec<Arc<Samples>> =
                published.map(|published| Arc::clone(&published.samples)).collect();
            let has_data = state.parts.iter().any(Part::has_data);
            (samples, mapping_info(&state.parts), has_data, state.version)
        };
        let size = self.snapshot.load().text().len();
        match Snapshot::new(samples.iter().map(|samples| &**samples), info.as_ref(), size) {
            Ok(snapshot) => {
                self.snapshot.store(Arc::new(snapshot));
                self.readiness.set_has_data(has_data);
            }
            Err(error) => error!(%error, "failed to rebuild the snapshot"),
        }
        self.encode_duration.set(started.elapsed().as_secs_f64());
        self.built.send_replace(version);
        self.settle();
    }
}

/// Rebuilds the snapshot whenever the state has changed, until the publisher is dropped.
async fn rebuild(publisher: Weak<Publisher>) {
    let mut rest_until = Instant::now();
    loop {
        let Some(current) = publisher.upgrade() else { return };
        let is_current = |built: u64| built >= current.state().version;
        let is_urgent = || current.state().urgent > *current.built.borrow();
        while is_current(*current.built.borrow()) {
            // Often enough to notice that the publisher has been dropped by everyone else.
            let changed = tokio::time::timeout(Duration::from_secs(1), current.changed.notified());
            if changed.await.is_err() && Arc::strong_count(&current) == 1 {
                return;
            }
        }
        while Instant::now() < rest_until && !is_urgent() {
            tokio::time::timeout_at(rest_until, current.changed.notified()).await.ok();
        }
        let began = Instant::now();
        let builder = Arc::clone(&current);
        // Not on tokio's own threads: they answer scrapes.
        match tokio::task::spawn_blocking(move || builder.build()).await {
            Ok(()) => {}
            // The exporter is stopping.
            Err(error) if error.is_cancelled() => return,
            Err(error) => error!(%error, "failed to rebuild the snapshot"),
        }
        rest_until = Instant::now() + began.elapsed() * REST;
    }
}
