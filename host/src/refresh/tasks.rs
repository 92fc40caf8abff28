//! The tasks of the targets: one for each, started and stopped as the settings change.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::admission::Admission;
use super::attempts::Attempts;
use super::lease_keeper::keep_lease;
use super::restore::{load_documents, restore_samples};
use super::role::Role;
use super::shared::Shared;
use super::target::TargetTask;
use crate::config::{Settings, TargetSettings};
use crate::github::{Client, Credentials, Transport, TransportError};
use crate::mappings::Registry;
use crate::model::Target;
use crate::output::Placement;

/// The running tasks.
pub(super) struct Tasks {
    shared: Arc<Shared>,
    transport: Transport,
    /// Lets targets fetch, as many at once as suits the transport.
    admission: Admission,
    credentials: Arc<Credentials>,
    running: Vec<Running>,
    /// Told when a new task serves what is stored.
    restoring: Vec<oneshot::Receiver<()>>,
}

struct Running {
    settings: Arc<TargetSettings>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
    /// Keeps its lease, if there are other replicas.
    keeper: Option<JoinHandle<()>>,
}

/// A task that has not started.
struct Prepared {
    settings: Arc<TargetSettings>,
    cancel: CancellationToken,
    task: TargetTask,
    keeper: Option<JoinHandle<()>>,
}

impl Tasks {
    /// No tasks yet.
    pub(super) fn new(shared: Arc<Shared>, settings: &Settings) -> Result<Self, TransportError> {
        let transport = transport(&shared, settings)?;
        Ok(Self {
            shared,
            transport,
            admission: Admission::new(settings.github.concurrency),
            credentials: Arc::default(),
            running: Vec::new(),
            restoring: Vec::new(),
        })
    }

    /// Makes the tasks those of the settings. A target whose settings have not changed continues
    /// undisturbed. If it fails, nothing has changed.
    pub(super) async fn apply(
        &mut self,
        settings: &Settings,
        registry: &Mutex<Registry>,
    ) -> Result<(), TransportError> {
        if *self.transport.options() != settings.github {
            self.transport = transport(&self.shared, settings)?;
            self.admission = Admission::new(settings.github.concurrency);
            self.shared.spool.set_budget(settings.github.document_memory_bytes);
            // Each of them has the previous transport.
            self.stop(|_| true).await;
        }
        self.stop(|running| !settings.targets.contains(running)).await;
        let targets: Vec<Target> = settings.targets.iter().map(|one| one.target.clone()).collect();
        for status in self.shared.publisher.statuses() {
            if !targets.contains(&status.target) {
                self.shared.store.release(&status.target);
                self.shared.targets.remove(&status.target);
                self.shared.metrics.remove_target(&status.target);
                self.shared.runner.metrics().keep_of_target(&status.target, &[]);
            }
        }
        self.shared.publisher.set_targets(&targets, settings.missing.clone());
        self.shared.leases.set_targets(&targets);
        let is_new = |one: &&TargetSettings| !self.running.iter().any(|r| *r.settings == **one);
        let new: Vec<Arc<TargetSettings>> =
            settings.targets.iter().filter(is_new).cloned().map(Arc::new).collect();
        let mut prepared = Vec::with_capacity(new.len());
        for settings in new {
            prepared.push(self.prepare(settings, registry).await);
        }
        // All together: what is served is written once, not once for each target.
        let placements = prepared.iter().filter_map(|prepared| prepared.task.placement()).collect();
        self.place(placements).await;
        for prepared in prepared {
            self.start(prepared);
        }
        self.credentials.prune(&self.shared.github_metrics);
        Ok(())
    }

    /// Puts the mappings of new targets in place where samples are published.
    async fn place(&self, placements: Vec<Placement>) {
        if !placements.is_empty() {
            self.shared.publisher.place(placements).await;
        }
    }

    /// Prepares the task of a target. Its lease is requested from now on.
    async fn prepare(&self, settings: Arc<TargetSettings>, registry: &Mutex<Registry>) -> Prepared {
        let TargetSettings { target, credential, api, .. } = &*settings;
        self.shared.metrics.set_up(target, false);
        self.shared.metrics.set_credential(target, &credential.name, api);
        let attempts = Attempts::new(target.clone(), Arc::clone(&self.shared.publisher));
        let transport = self.transport.reporting_to(attempts.observer());
        let client = Client::new(transport, &self.credentials, credential, api, target);
        let versions = load_documents(&self.shared, &settings, None).await.unwrap_or_default();
        let mappings = {
            let mut registry = registry.lock().unwrap_or_else(PoisonError::into_inner);
            registry.subscribe(&settings.source)
        };
        let shared = &self.shared;
        // At the start, this has been done before any mapping was loaded.
        if !shared.publisher.has_data_of(&settings.target) {
            restore_samples(shared, &settings.target).await;
        }
        let github = (client, self.admission.clone(), attempts);
        let cancel = CancellationToken::new();
        // Without others, it is always the leader.
        let role = if shared.store.is_shared() { Role::Undecided } else { Role::Leader };
        let ((role, of_task), (ask, handovers)) = (watch::channel(role), mpsc::channel(1));
        let keeper = shared.store.is_shared().then(|| {
            let (shared, target, cancel) = (Arc::clone(shared), target.clone(), cancel.clone());
            tokio::spawn(keep_lease(shared, target, role, ask, cancel))
        });
        let task = TargetTask::new(
            shared,
            github,
            Arc::clone(&settings),
            (mappings, of_task, handovers),
            versions,
        );
        Prepared { settings, cancel, task, keeper }
    }

    fn start(&mut self, prepared: Prepared) {
        let Prepared { settings, cancel, task, keeper } = prepared;
        let (restored, receiver) = oneshot::channel();
        self.restoring.push(receiver);
        let task = tokio::spawn(task.run(cancel.clone(), restored));
        self.running.push(Running { settings, cancel, task, keeper });
    }

    /// Waits until the new tasks serve what is stored, until a deadline.
    pub(super) async fn restored(&mut self, deadline: Instant) {
        let restoring = join_all(std::mem::take(&mut self.restoring));
        tokio::time::timeout_at(deadline, restoring).await.ok();
    }

    /// The credentials in use.
    pub(super) fn credentials(&self) -> Arc<Credentials> {
        Arc::clone(&self.credentials)
    }

    /// Whether any target is refreshed.
    pub(super) fn has_targets(&self) -> bool {
        !self.running.is_empty()
    }

    /// Stops all tasks.
    pub(super) async fn stop_all(&mut self) {
        self.stop(|_| true).await;
    }

    /// Stops tasks. Runs of mappings continue on their threads for a while, and no one receives what
    /// they return: waiting for them would delay a reload.
    async fn stop(&mut self, which: impl Fn(&TargetSettings) -> bool) {
        let stopped: Vec<Running> =
            self.running.extract_if(.., |running| which(&running.settings)).collect();
        for running in &stopped {
            running.cancel.cancel();
        }
        let mut keepers = Vec::new();
        for running in stopped {
            keepers.extend(running.keeper);
            running.task.await.ok();
        }
        let keepers = keepers.into_iter().map(async |keeper| keeper.await.ok());
        join_all(keepers).await;
    }
}

fn transport(shared: &Shared, settings: &Settings) -> Result<Transport, TransportError> {
    let (spool, metrics) = (shared.spool.clone(), shared.github_metrics.clone());
    Transport::new(settings.github.clone(), spool, metrics)
}
