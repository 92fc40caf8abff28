//! Applies settings that were read again, all or none of them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::time::Instant;
use tracing::warn;

use super::dry_run::Cause;
use super::reconciler::{Reconciler, directories, lock, next_progress};
use crate::mappings::{Registry, Rescan};

/// How long a reload waits for what it started, so that its effects are usually visible when it ends.
const RELOAD_WAIT: Duration = Duration::from_secs(1);
/// How long reading the settings may take: a file may be on a dead mount.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

impl Reconciler {
    /// Reads the settings and applies them. If it fails, nothing has changed.
    pub(super) async fn reload(&mut self, registry: &Arc<Mutex<Registry>>) -> Result<(), String> {
        let source = Arc::clone(&self.source);
        let read = tokio::task::spawn_blocking(move || source());
        let read = tokio::time::timeout(READ_TIMEOUT, read).await.map_err(|_| {
            format!("reading the settings takes longer than {} s", READ_TIMEOUT.as_secs())
        })?;
        let settings = read.map_err(|error| error.to_string())?;
        let settings = Arc::new(settings.map_err(|error| error.to_string())?);
        // A file that is read while it is being written looks like one without targets.
        if let Some(missing) = settings.missing.as_ref().filter(|_| self.tasks.has_targets()) {
            return Err(format!("nothing would be exported any more: {missing}"));
        }
        if settings.valkey != self.settings.valkey {
            warn!("the section \"store\" has changed: restart the exporter to apply it");
        }
        // The directories that may stay in use too.
        let previous = directories(&self.settings);
        self.watcher.watch(previous.into_iter().chain(directories(&settings)).collect());
        lock(registry).forget_failures();
        let limits = lock(registry).set_policy(&settings.policy);
        let previous = std::mem::replace(&mut self.settings, settings);
        self.watch_sources(registry).await;
        let applied = self.apply(registry).await;
        if applied.is_err() {
            lock(registry).set_limits(&limits);
            self.settings = previous;
            self.watch_sources(registry).await;
        }
        self.watcher.watch(directories(&self.settings));
        applied?;
        self.wait_for_effects(registry).await;
        Ok(())
    }

    /// Makes everything what the settings say. If it fails, nothing has changed.
    async fn apply(&mut self, registry: &Arc<Mutex<Registry>>) -> Result<(), String> {
        let scan = self.scan(registry, Rescan::All).await.map_err(|error| error.to_string())?;
        let settings = Arc::clone(&self.settings);
        self.tasks.apply(&settings, registry).await.map_err(|error| error.to_string())?;
        self.shared.remote_write.send_replace(settings.remote_write.clone());
        // With the new targets.
        self.start(scan, Cause::Change);
        lock(registry).prune(&settings);
        Ok(())
    }

    /// Waits for what a reload started, but not for long.
    async fn wait_for_effects(&mut self, registry: &Arc<Mutex<Registry>>) {
        let deadline = Instant::now() + RELOAD_WAIT;
        self.tasks.restored(deadline).await;
        while !(self.checks.is_empty() && self.compilations.is_empty() && self.sources.is_idle()) {
            let progress =
                next_progress(&mut self.compilations, &mut self.checks, &mut self.sources);
            let Ok(Some(progress)) = tokio::time::timeout_at(deadline, progress).await else {
                break;
            };
            if let Err(error) = self.advance(registry, progress).await {
                warn!(%error, "a setting does not fit the mappings in use");
            }
        }
        let shown = self.shared.publisher.shown();
        tokio::time::timeout_at(deadline, shown).await.ok();
    }
}
