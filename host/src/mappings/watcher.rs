//! Tells when directories may have changed, debounced.
//!
//! Files arrive in many ways: written slowly in place, renamed over others, or by a swap of the
//! symbolic link `..data` as in Kubernetes. A rescan is due once nothing has happened for a moment and
//! no file is being written. Whether anything really changed is decided by the digests.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::warn;

/// A rescan is due when nothing has happened for this long.
const QUIET: Duration = Duration::from_millis(50);
/// How long to wait for the next piece of a file that is being written. Only Linux reports when it is
/// closed.
const WRITING: Duration = Duration::from_secs(if cfg!(target_os = "linux") { 15 } else { 1 });
/// The longest wait since the first event.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// Watches directories.
pub struct Watcher {
    system: Option<RecommendedWatcher>,
    events: mpsc::UnboundedReceiver<Event>,
    directories: Arc<Mutex<Vec<PathBuf>>>,
    debounce: Option<Debounce>,
}

/// Events that have not led to a rescan yet.
struct Debounce {
    first: Instant,
    last: Instant,
    writing: HashSet<PathBuf>,
}

impl Debounce {
    fn deadline(&self) -> Instant {
        let pause = if self.writing.is_empty() { QUIET } else { WRITING };
        (self.last + pause).min(self.first + MAX_WAIT)
    }
}

impl Watcher {
    /// Watches nothing yet.
    pub fn new() -> Self {
        let (send, events) = mpsc::unbounded_channel();
        let directories: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
        let known = Arc::clone(&directories);
        let handle = move |event: notify::Result<Event>| {
            // After an error something may have been missed.
            let event = event.unwrap_or_else(|_| Event::new(EventKind::Any));
            let directories = known.lock().unwrap_or_else(PoisonError::into_inner);
            let is_relevant =
                |path: &PathBuf| directories.iter().any(|directory| concerns(directory, path));
            if is_change(event.kind)
                && (event.paths.is_empty() || event.paths.iter().any(is_relevant))
            {
                // It fails while the exporter stops.
                send.send(event).ok();
            }
        };
        let system = notify::recommended_watcher(handle);
        let system = system.inspect_err(|error| {
            warn!(%error, "cannot watch the directories of mappings: reload the settings after changing them");
        });
        Self { system: system.ok(), events, directories, debounce: None }
    }

    /// Watches these directories from now on, whether they exist yet or not.
    pub fn watch(&mut self, directories: Vec<PathBuf>) {
        let mut known = self.directories.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<PathBuf> =
            known.iter().filter(|directory| !directories.contains(directory)).cloned().collect();
        *known = directories;
        drop(known);
        if let Some(system) = &mut self.system {
            for directory in gone {
                // It fails if the directory did not exist.
                system.unwatch(&directory).ok();
            }
        }
        self.attach();
    }

    /// Waits until something may have changed, debounced. It is safe to cancel.
    pub async fn changed(&mut self) {
        loop {
            let deadline = self.debounce.as_ref().map(Debounce::deadline);
            let quiet = tokio::time::sleep_until(deadline.unwrap_or_else(Instant::now));
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) => self.note(event),
                    None => std::future::pending().await,
                },
                () = quiet, if deadline.is_some() => {
                    self.debounce = None;
                    // A directory may have been created or replaced.
                    self.attach();
                    return;
                }
            }
        }
    }

    fn note(&mut self, event: Event) {
        let now = Instant::now();
        let debounce = self.debounce.get_or_insert_with(|| Debounce {
            first: now,
            last: now,
            writing: HashSet::new(),
        });
        debounce.last = now;
        let written = matches!(event.kind, EventKind::Modify(ModifyKind::Data(_)));
        for path in event.paths {
            match written {
                true => debounce.writing.insert(path),
                // It was closed, removed or replaced.
                false => debounce.writing.remove(&path),
            };
        }
    }

    /// Watches each directory and its parent: the system watches what a path refers to, and does not
    /// report what replaces it.
    fn attach(&mut self) {
        let directories = self.directories.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(system) = &mut self.system else { return };
        for directory in &directories {
            let parent = directory.ancestors().skip(1).find(|parent| parent.is_dir());
            let existing = Some(directory.as_path()).filter(|directory| directory.is_dir());
            // A symbolic link in the path may be replaced.
            let links = directory.ancestors().filter(|path| path.is_symlink());
            let links = links.filter_map(Path::parent);
            for path in parent.into_iter().chain(existing).chain(links) {
                if let Err(error) = system.watch(path, RecursiveMode::NonRecursive) {
                    let path = path.display();
                    warn!(%path, %error, "cannot watch it: reload the settings after changing it");
                }
            }
        }
    }
}

impl Default for Watcher {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether an event may be a change. Reading a file is not.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// Whether an event for a path concerns a directory: its files, the directory itself, its parents, and
/// links next to it of the kind that Kubernetes swaps.
fn concerns(directory: &Path, path: &Path) -> bool {
    let is_link_next_to_it = path.parent() == directory.parent()
        && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".."));
    path.parent() == Some(directory) || directory.starts_with(path) || is_link_next_to_it
}
