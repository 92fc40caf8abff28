//! Makes the running targets and mappings those of the settings, and of the files in the directories of
//! mappings. It only coordinates: compilations, dry runs and refreshes are tasks of their own, so that
//! no reload and no other file waits for them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;
use tokio_util::task::AbortOnDropHandle;
use tracing::{error, info, warn};

use super::checks::Checks;
use super::compilations::{Compilation, Compilations};
use super::daily::keep_daily;
use super::dry_run::Cause;
use super::lease_keeper::{count_replicas, keep_counting};
use super::plan::keep_plan;
use super::reload::Request;
use super::restore::restore_samples;
use super::rollout::{self, Checked};
use super::shared::{FailureReport, Parts, Shared};
use super::shared_limits::keep_sharing;
use super::sources::note_update;
use super::tasks::Tasks;
use crate::config::{MappingSource, SettingError, Settings};
use crate::github::TransportError;
use crate::mappings::{CandidateSet, Registry, Rescan, Scan, Watcher};
use crate::model::Target;
use crate::oci::{Sources, Update};
use crate::wasm::{Engine, LoadError, Mapping};

/// Reads the settings: at the start and at every reload.
pub type Source = Box<dyn Fn() -> Result<Settings, SettingError> + Send + Sync>;

/// Why the exporter stops by itself.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting does not fit the mappings.
    #[error(transparent)]
    Setting(#[from] SettingError),
    /// No request can be sent.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// The default mapping does not load.
    #[error("the default mapping: {0}")]
    DefaultMapping(#[from] LoadError),
}

/// Coordinates the tasks of targets, the registry of mappings and the settings.
pub struct Reconciler {
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Arc<Settings>,
    pub(super) source: Arc<Source>,
    engine: Engine,
    pub(super) tasks: Tasks,
    pub(super) watcher: Watcher,
    pub(super) sources: Sources,
    failures: mpsc::UnboundedReceiver<FailureReport>,
    reloads: mpsc::Receiver<Request>,
    pub(super) compilations: Compilations,
    pub(super) checks: Checks,
    /// The names of mappings whose samples are stored, by SHA-256.
    stored_names: HashMap<String, String>,
    /// Whether the files that existed at the start have not all been compiled yet.
    is_starting: bool,
}

impl Reconciler {
    /// A reconciler that has not started. Directories are watched from now on, so that no change is
    /// missed.
    pub fn new(
        parts: Parts,
        settings: Arc<Settings>,
        source: Arc<Source>,
        engine: Engine,
        reloads: mpsc::Receiver<Request>,
    ) -> Result<Self, TransportError> {
        let (shared, failures) = Shared::new(parts);
        let shared = Arc::new(shared);
        let sources = Sources::new(shared.kept.clone(), shared.oci_metrics.clone());
        let mut watcher = Watcher::new();
        watcher.watch(directories(&settings));
        Ok(Self {
            tasks: Tasks::new(Arc::clone(&shared), &settings)?,
            shared,
            settings,
            source,
            watcher,
            sources,
            failures,
            reloads,
            compilations: Compilations::new(engine.clone()),
            engine,
            checks: Checks::default(),
            stored_names: HashMap::new(),
            is_starting: true,
        })
    }

    /// Serves what is stored, starts everything and keeps it running, until cancelled. It ends by
    /// itself only if the default mapping does not load, or the settings do not fit the mappings in the
    /// directories.
    pub async fn run(&mut self) -> Result<(), StartError> {
        // First of all: before anything is compiled, dry-run or fetched.
        for settings in &self.settings.targets {
            let names = restore_samples(&self.shared, &settings.target).await;
            self.stored_names.extend(names);
        }
        // It ends with this function.
        let _replicas = match self.shared.store.is_shared() {
            true => {
                // Before the first lease is requested, so that not one replica takes all of them.
                let targets = self.settings.targets.iter().map(|settings| &settings.target);
                self.shared.leases.set_targets(targets);
                count_replicas(&self.shared).await;
                let counting = tokio::spawn(keep_counting(Arc::clone(&self.shared)));
                let credentials = self.tasks.credentials();
                let sharing = tokio::spawn(keep_sharing(Arc::clone(&self.shared), credentials));
                Some([counting, sharing].map(AbortOnDropHandle::new))
            }
            false => None,
        };
        let default = Arc::new(Mapping::load_default(&self.engine).await?);
        let registry = Arc::new(Mutex::new(Registry::new(self.engine.clone(), default)));
        let settings = Arc::clone(&self.settings);
        // It ends with this function.
        let _daily = settings
            .enable_daily
            .then(|| AbortOnDropHandle::new(tokio::spawn(keep_daily(Arc::clone(&self.shared)))));
        self.tasks.apply(&settings, &registry).await?;
        // It ends with this function.
        let _plan = AbortOnDropHandle::new(tokio::spawn(keep_plan(Arc::clone(&self.shared))));
        self.shared.remote_write.send_replace(settings.remote_write.clone());
        self.watch_sources(&registry).await;
        self.rescan(&registry, Rescan::All, Cause::Start).await?;
        loop {
            tokio::select! {
                Some(request) = self.reloads.recv() => {
                    // Those that wait already are served by one reload.
                    let mut requests = vec![request];
                    requests.extend(std::iter::from_fn(|| self.reloads.try_recv().ok()));
                    let result = self.reload(&registry).await;
                    self.shared.metrics.set_reloaded(result.is_ok());
                    match &result {
                        Ok(()) => {
                            info!(targets = self.settings.targets.len(), "settings reloaded");
                        }
                        Err(error) => {
                            error!(error, "reload failed; keeping the previous settings");
                        }
                    }
                    for request in requests {
                        // It fails if no one is waiting any more.
                        request.send(result.clone()).ok();
                    }
                }
                () = self.watcher.changed() => {
                    self.rescan(&registry, Rescan::Changes, Cause::Change).await?;
                }
                Some(failure) = self.failures.recv() => {
                    self.roll_back(&registry, &failure);
                }
                Some(progress) = next_progress(&mut self.compilations, &mut self.checks, &mut self.sources) => {
                    self.advance(&registry, progress).await?;
                }
            }
        }
    }

    /// Stops all tasks.
    pub async fn shutdown(&mut self) {
        self.compilations.abort_all();
        self.checks.abort_all();
        if self.shared.store.is_shared() {
            // Then the others may have more leases. If it fails, they find out later.
            let group = self.shared.leases.group();
            self.shared.store.leave((&group, &self.shared.holder)).await.ok();
        }
        self.tasks.stop_all().await;
    }

    /// Keeps the sources in OCI registries current that the settings name.
    pub(super) async fn watch_sources(&mut self, registry: &Mutex<Registry>) {
        for update in self.sources.watch(&self.settings).await {
            note_update(&self.shared, registry, update);
        }
    }

    /// Scans the directories, compiles what is new, and checks the candidate sets.
    async fn rescan(
        &mut self,
        registry: &Arc<Mutex<Registry>>,
        rescan: Rescan,
        cause: Cause,
    ) -> Result<(), SettingError> {
        let scan = self.scan(registry, rescan).await?;
        self.start(scan, cause);
        Ok(())
    }

    /// Scans the directories. Nothing changes by that.
    pub(super) async fn scan(
        &self,
        registry: &Arc<Mutex<Registry>>,
        rescan: Rescan,
    ) -> Result<Scan, SettingError> {
        let (settings, registry) = (Arc::clone(&self.settings), Arc::clone(registry));
        let names = self.stored_names.clone();
        let scan =
            tokio::task::spawn_blocking(move || lock(&registry).rescan(&settings, rescan, &names));
        scan.await.unwrap_or_else(|error| {
            error!(%error, "failed to scan the directories of mappings");
            Ok(Scan::default())
        })
    }

    /// Compiles and checks what a scan found.
    pub(super) fn start(&mut self, scan: Scan, cause: Cause) {
        // Until the files that existed at the start are compiled, nothing else could stay in use.
        let cause = if self.is_starting { Cause::Start } else { cause };
        if scan.pending.is_empty() {
            self.is_starting = false;
        }
        self.compilations.set(scan.pending);
        for candidate in scan.candidates {
            self.check(candidate, cause);
        }
    }

    /// Dry-runs a candidate set.
    fn check(&mut self, candidate: CandidateSet, cause: Cause) {
        let targets = self.targets_of(candidate.source());
        self.checks.start(&self.shared, candidate, targets, self.engine.limits(), cause);
    }

    /// Continues with what a compilation or a dry run has returned.
    pub(super) async fn advance(
        &mut self,
        registry: &Arc<Mutex<Registry>>,
        progress: Progress,
    ) -> Result<(), SettingError> {
        match progress {
            Progress::Compiled(Compilation { file, result, limits }) => {
                lock(registry).add_compiled(&file.sha256, result, limits);
                let rescan = if self.is_starting { Rescan::All } else { Rescan::Changes };
                self.rescan(registry, rescan, Cause::Change).await?;
            }
            Progress::Checked(checked) => {
                let cause = checked.cause();
                rollout::commit(&self.shared, registry, checked).await;
                if cause == Cause::Rollback {
                    // It took the place of the check of a file that had changed.
                    self.rescan(registry, Rescan::Changes, Cause::Change).await?;
                }
            }
            Progress::Pulled(update) => {
                note_update(&self.shared, registry, update);
                let rescan = if self.is_starting { Rescan::All } else { Rescan::Changes };
                self.rescan(registry, rescan, Cause::Change).await?;
            }
        }
        if self.compilations.is_empty() && self.checks.is_empty() {
            self.shared.targets.set_all_mappings();
            lock(registry).forget_compiled();
        }
        Ok(())
    }

    /// Rolls a mapping that failed repeatedly back to its predecessor.
    fn roll_back(&mut self, registry: &Arc<Mutex<Registry>>, failure: &FailureReport) {
        let FailureReport { source, sha256, times } = failure;
        let rollback_after = self.settings.policy.rollback_after;
        if *times < rollback_after {
            return;
        }
        let registry = lock(registry);
        let candidate = registry.candidate_for_rollback(source, sha256, *times);
        let is_in_use = registry.uses(source, sha256);
        drop(registry);
        match candidate {
            Some(candidate) => self.check(candidate, Cause::Rollback),
            // Once.
            None if *times == rollback_after && is_in_use => {
                warn!(sha256, "a mapping fails repeatedly and has no predecessor to roll back to");
            }
            None => {}
        }
    }

    fn targets_of(&self, source: &MappingSource) -> Vec<Target> {
        let targets = self.settings.targets.iter().filter(|target| target.source == *source);
        targets.map(|target| target.target.clone()).collect()
    }
}

/// A compilation, a dry run or a check of an OCI registry that has ended.
pub(super) enum Progress {
    Compiled(Compilation),
    Checked(Checked),
    Pulled(Update),
}

/// The next one that ends. `None`: there are none.
pub(super) async fn next_progress(
    compilations: &mut Compilations,
    checks: &mut Checks,
    sources: &mut Sources,
) -> Option<Progress> {
    tokio::select! {
        Some(compiled) = compilations.next() => Some(Progress::Compiled(compiled)),
        Some(checked) = checks.next() => Some(Progress::Checked(checked)),
        Some(update) = sources.next() => Some(Progress::Pulled(update)),
        else => None,
    }
}

pub(super) fn lock(registry: &Mutex<Registry>) -> MutexGuard<'_, Registry> {
    registry.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The directories of mappings.
pub(super) fn directories(settings: &Settings) -> Vec<PathBuf> {
    let targets = settings.targets.iter().map(|target| &target.source);
    let sources = targets.chain([&settings.source]);
    let mut directories: Vec<PathBuf> =
        sources.filter_map(|source| source.directory.clone()).collect();
    directories.sort();
    directories.dedup();
    directories
}
