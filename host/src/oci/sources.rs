//! Keeps the mappings of all sources current: a task for each checks its registry at an interval.

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{Notify, mpsc};
use tokio_util::task::AbortOnDropHandle;
use tracing::error;

use super::check::Known;
use super::client::Client;
use super::kept::Kept;
use super::metrics::Metrics;
use super::pulled::Pulled;
use super::task::SourceTask;
use super::update::{Update, load};
use crate::config::{ArtifactReference, RegistryOptions, Settings};

/// The sources of mappings in OCI registries.
pub struct Sources {
    kept: Option<Kept>,
    metrics: Metrics,
    client: Option<Arc<Client>>,
    entries: HashMap<ArtifactReference, Entry>,
    generation: u64,
    send: mpsc::UnboundedSender<Update>,
    updates: mpsc::UnboundedReceiver<Update>,
}

struct Entry {
    pulled: Option<Pulled>,
    generation: u64,
    is_checking: bool,
    check_now: Arc<Notify>,
    _task: AbortOnDropHandle<()>,
}

impl Sources {
    /// No sources. What is pulled is kept in `kept`, or else in memory.
    pub fn new(kept: Option<Kept>, metrics: Metrics) -> Self {
        let (send, updates) = mpsc::unbounded_channel();
        let (client, entries, generation) = Default::default();
        Self { kept, metrics, client, entries, generation, send, updates }
    }

    /// Keeps the sources of these settings current from now on, and checks all of them at once. Returns
    /// what is kept of new ones.
    pub async fn watch(&mut self, settings: &Settings) -> Vec<Update> {
        let references: Vec<ArtifactReference> =
            settings.artifacts().into_iter().cloned().collect();
        let metrics = &self.metrics;
        self.entries.retain(|reference, _| {
            let is_in_use = references.contains(reference);
            if !is_in_use {
                metrics.remove(reference);
            }
            is_in_use
        });
        if references.is_empty() {
            self.client = None;
            return load_kept(self.kept.clone(), Vec::new(), Vec::new(), &settings.registry).await;
        }
        let is_same = |client: &Arc<Client>| *client.options() == settings.registry;
        let client = match self.client.clone().filter(is_same) {
            Some(client) => client,
            None => match Client::new(settings.registry.clone()) {
                Ok(client) => Arc::new(client),
                Err(error) => {
                    error!(%error, "cannot send requests to OCI registries");
                    return Vec::new();
                }
            },
        };
        let is_changed = !self.client.as_ref().is_some_and(|old| Arc::ptr_eq(old, &client));
        self.client = Some(Arc::clone(&client));
        let fresh: Vec<_> =
            references.iter().filter(|of| !self.entries.contains_key(of)).cloned().collect();
        let updates = load_kept(self.kept.clone(), references.clone(), fresh, &settings.registry);
        let updates = updates.await;
        for reference in references {
            let known = self.entries.get(&reference).and_then(|entry| entry.pulled.clone());
            let loaded = updates.iter().find(|update| update.reference == reference);
            let pulled = known.or_else(|| loaded.and_then(|update| update.pulled.clone()));
            match self.entries.get_mut(&reference).filter(|_| !is_changed) {
                Some(entry) => {
                    entry.is_checking = true;
                    entry.check_now.notify_one();
                }
                None => self.start(reference, &client, pulled),
            }
        }
        updates
    }

    fn start(
        &mut self,
        reference: ArtifactReference,
        client: &Arc<Client>,
        pulled: Option<Pulled>,
    ) {
        self.generation += 1;
        self.metrics.set_digest(&reference, pulled.as_ref().map(Pulled::digest).as_deref());
        let check_now = Arc::new(Notify::new());
        let task = SourceTask {
            reference: reference.clone(),
            client: Arc::clone(client),
            kept: self.kept.clone(),
            metrics: self.metrics.clone(),
            known: Known { pulled: pulled.clone(), refused: None },
            generation: self.generation,
            check_now: Arc::clone(&check_now),
            send: self.send.clone(),
        };
        let task = AbortOnDropHandle::new(tokio::spawn(task.run()));
        let generation = self.generation;
        let entry = Entry { pulled, generation, is_checking: true, check_now, _task: task };
        self.entries.insert(reference, entry);
    }

    /// Waits for the next check that ends. It is safe to cancel.
    pub async fn next(&mut self) -> Option<Update> {
        loop {
            let update = self.updates.recv().await?;
            let entry = self.entries.get_mut(&update.reference);
            // One that had already ended when its task was replaced is outdated.
            let Some(entry) = entry.filter(|of| of.generation == update.generation) else {
                continue;
            };
            entry.is_checking = false;
            entry.pulled.clone_from(&update.pulled);
            return Some(update);
        }
    }

    /// Whether no source is being checked at once, because the settings were read.
    pub fn is_idle(&self) -> bool {
        self.entries.values().all(|entry| !entry.is_checking)
    }
}

/// Loads what is kept of sources, and removes what is kept of others than `references`.
async fn load_kept(
    kept: Option<Kept>,
    references: Vec<ArtifactReference>,
    fresh: Vec<ArtifactReference>,
    options: &RegistryOptions,
) -> Vec<Update> {
    let options = options.clone();
    let load = move || {
        if let Some(kept) = &kept {
            kept.keep_only(&references);
        }
        fresh.into_iter().map(|reference| load(kept.as_ref(), reference, &options)).collect()
    };
    // It fails only while the exporter stops.
    tokio::task::spawn_blocking(load).await.unwrap_or_default()
}
