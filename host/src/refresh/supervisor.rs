//! Has one refresh run for each target, and changes them when the settings change; changes the
//! mappings when their files do.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::join_all;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::github::{Client, Credentials, Transport, TransportError};
use crate::mappings::{Library, Proposal};
use crate::output::publisher::Placed;
use crate::refresh::{Misbehaved, Refresh, Shared};
use crate::config::{MappingSource, Settings, TargetSettings};
use crate::refresh::rollout::{Cause, Published, Swapper};

/// The refreshes that run.
pub struct Supervisor {
    shared: Arc<Shared>,
    library: Arc<Mutex<Library>>,
    swapper: Swapper,
    transport: Arc<Transport>,
    credentials: Credentials,
    running: Vec<Running>,
}

struct Running {
    settings: Arc<TargetSettings>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
    blocking: TaskTracker,
}

impl Supervisor {
    /// No targets yet.
    pub fn new(
        shared: Arc<Shared>,
        library: Arc<Mutex<Library>>,
        settings: &Settings,
    ) -> Result<Self, TransportError> {
        let transport = Transport::new(settings.github.clone(), Arc::clone(&shared.telemetry))?;
        Ok(Self {
            swapper: Swapper::new(Arc::clone(&shared), Arc::clone(&library)),
            shared,
            library,
            transport: Arc::new(transport),
            credentials: Credentials::default(),
            running: Vec::new(),
        })
    }

    /// Makes the targets those of the settings, with the mappings that are proposed for them. One whose settings
    /// are as they were goes on undisturbed. If it fails, nothing has changed.
    pub async fn apply(
        &mut self,
        settings: &Settings,
        proposals: Vec<Proposal>,
        cause: Cause,
    ) -> Result<(), TransportError> {
        let mut stopped = Vec::new();
        if *self.transport.settings() != settings.github {
            let telemetry = Arc::clone(&self.shared.telemetry);
            self.transport = Arc::new(Transport::new(settings.github.clone(), telemetry)?);
            // Each of them has the transport of before.
            stopped = self.stop(|_| true).await;
        }
        stopped.extend(self.stop(|running| !settings.targets.contains(running)).await);
        // What they still write must not come after what the new ones do.
        for blocking in stopped {
            blocking.close();
            blocking.wait().await;
        }
        let Shared { publisher, telemetry, cache, .. } = &*self.shared;
        let targets: Vec<_> = settings.targets.iter().map(|one| one.target.clone()).collect();
        for (target, _) in publisher.statuses() {
            if !targets.contains(&target) {
                cache.forget(&target);
                telemetry.remove_target(&target);
            }
        }
        publisher.set_targets(&targets, settings.missing.clone());
        let is_new = |one: &&TargetSettings| !self.running.iter().any(|r| *r.settings == **one);
        let new: Vec<Arc<TargetSettings>> =
            settings.targets.iter().filter(is_new).cloned().map(Arc::new).collect();
        for settings in &new {
            telemetry.add_target(&settings.target);
            self.load_cached(settings, &proposals).await;
        }
        let published = self.swap(settings, proposals, cause).await;
        self.place(&new, &published).await;
        let mut refreshes: Vec<(Refresh, HashSet<String>)> = Vec::new();
        for settings in new {
            let client = Client::new(&self.transport, &self.credentials, &settings);
            let mappings = self.lock().subscribe(&settings.source);
            let done = published.get(&settings.target).cloned().unwrap_or_default();
            refreshes.push((Refresh::new(&self.shared, client, settings, mappings), done));
        }
        // Before any request: what is cached is served at once, whatever GitHub does.
        join_all(refreshes.iter_mut().map(|(refresh, done)| refresh.restore(std::mem::take(done))))
            .await;
        for (refresh, _) in refreshes {
            let (settings, cancel) = (Arc::clone(refresh.settings()), CancellationToken::new());
            let blocking = refresh.blocking().clone();
            let task = tokio::spawn(refresh.run(cancel.clone()));
            self.running.push(Running { settings, cancel, task, blocking });
        }
        self.credentials.prune();
        self.lock().prune(settings);
        Ok(())
    }

    /// Proposals with those mappings only that have run over the stored documents of their targets
    /// before, and the default one.
    pub async fn proven(&self, settings: &Settings, proposals: &[Proposal]) -> Vec<Proposal> {
        let mut proven = Vec::new();
        for proposal in proposals {
            // It needs no trial.
            if proposal.is_default_only() {
                proven.push(proposal.clone());
                continue;
            }
            let targets = targets_of(settings, proposal.source());
            for settings in &targets {
                self.load_cached(settings, proposals).await;
            }
            proven.push(self.swapper.proven(proposal, &targets).await);
        }
        proven
    }

    /// Puts proposed mappings in place, for the targets that have them.
    pub async fn swap(
        &self,
        settings: &Settings,
        proposals: Vec<Proposal>,
        cause: Cause,
    ) -> Published {
        let mut published = Published::new();
        for proposal in proposals {
            let targets = targets_of(settings, proposal.source());
            published.extend(self.swapper.swap(proposal, &targets, cause).await);
        }
        published
    }

    /// Has the mapping of before take the place of one that failed too often.
    pub async fn roll_back(&self, settings: &Settings, misbehaved: &Misbehaved) {
        let Misbehaved { source, sha256, times } = misbehaved;
        if *times < settings.policy.rollback_after {
            return;
        }
        let proposal = self.lock().propose_rollback(source, sha256, *times);
        match proposal {
            Some(proposal) => {
                self.swap(settings, vec![proposal], Cause::Rollback).await;
            }
            // Once.
            None if *times == settings.policy.rollback_after
                && self.lock().uses(source, sha256) =>
            {
                warn!(sha256, "a mapping fails again and again, and there is none to go back to");
            }
            None => {}
        }
    }

    /// Reads what is stored of a target: what its mappings want, and those that are to come.
    async fn load_cached(&self, settings: &Arc<TargetSettings>, proposals: &[Proposal]) {
        let names = self.names_of(settings, proposals);
        let (shared, settings) = (Arc::clone(&self.shared), Arc::clone(settings));
        let loaded = tokio::task::spawn_blocking(move || {
            let names = names.iter().map(String::as_str);
            let (wanted, off): (Vec<_>, Vec<_>) = names.partition(|name| settings.wants(name));
            (shared.cache.add(&settings, &wanted, &off), settings)
        });
        let Ok((errors, settings)) = loaded.await else { return };
        for error in errors {
            self.shared.count_store_error(&settings.target, "load", &error);
        }
    }

    /// The documents of a target's mappings, and of the default one, which runs where they fail.
    fn names_of(&self, settings: &TargetSettings, proposals: &[Proposal]) -> Vec<String> {
        let scope = settings.target.scope();
        let library = self.lock();
        let default = library.default_mapping().manifest().documents_of(scope);
        let set = library.set(&settings.source);
        let proposed = proposals.iter().find(|proposal| *proposal.source() == settings.source);
        let proposed = proposed.into_iter().flat_map(|of| of.set().documents(scope));
        let mut names: Vec<String> = Vec::new();
        for spec in default.chain(set.documents(scope)).chain(proposed) {
            if !names.contains(&spec.name) {
                names.push(spec.name.clone());
            }
        }
        names
    }

    /// Sets the mappings of new targets, where that has not been done with a swap.
    async fn place(&self, new: &[Arc<TargetSettings>], published: &Published) {
        let left = new.iter().filter(|settings| !published.contains_key(&settings.target));
        let placed: Vec<Placed> = left
            .map(|settings| {
                let set = self.lock().set(&settings.source);
                Placed { target: settings.target.clone(), set, families: Vec::new() }
            })
            .collect();
        if placed.is_empty() {
            return;
        }
        let shared = Arc::clone(&self.shared);
        // It compresses everything there is.
        tokio::task::spawn_blocking(move || shared.publisher.place(placed)).await.ok();
    }

    fn lock(&self) -> MutexGuard<'_, Library> {
        self.library.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything is refreshed.
    pub fn has_targets(&self) -> bool {
        !self.running.is_empty()
    }

    /// Stops all refreshes.
    pub async fn shutdown(mut self) {
        self.stop(|_| true).await;
    }

    /// Answers what of them goes on for a moment on other threads.
    async fn stop(&mut self, which: impl Fn(&TargetSettings) -> bool) -> Vec<TaskTracker> {
        let stopped: Vec<Running> =
            self.running.extract_if(.., |running| which(&running.settings)).collect();
        for running in &stopped {
            running.cancel.cancel();
        }
        join_all(stopped.into_iter().map(|running| async {
            running.task.await.ok();
            running.blocking
        }))
        .await
    }
}

/// The targets that have the mappings of a source.
fn targets_of(settings: &Settings, source: &MappingSource) -> Vec<Arc<TargetSettings>> {
    let targets = settings.targets.iter().filter(|target| target.source == *source);
    targets.cloned().map(Arc::new).collect()
}
