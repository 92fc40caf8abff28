//! Tells when folders may have changed, once things have come to rest.
//!
//! Files arrive in many ways: written slowly in place, renamed over others, or by the swap of the
//! symbolic link `..data` as Kubernetes does it. What counts is that nothing has happened for a
//! moment and no file is being written. Whether anything really changed is for the digests to say.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode, ModifyKind};
use notify::{Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;
use tokio::time::Instant;
use tracing::warn;

/// How long nothing may have happened.
const QUIET: Duration = Duration::from_millis(50);
/// How long a file that is being written is waited for since its last piece. Only Linux tells
/// when it is closed.
const WRITING: Duration = Duration::from_secs(if cfg!(target_os = "linux") { 15 } else { 1 });
/// How long it is waited at most.
const MOST: Duration = Duration::from_secs(120);

/// Watches folders.
pub struct Watcher {
    system: Option<RecommendedWatcher>,
    events: mpsc::UnboundedReceiver<Event>,
    folders: Arc<Mutex<Vec<PathBuf>>>,
    unrest: Option<Unrest>,
}

/// Something has happened.
struct Unrest {
    first: Instant,
    last: Instant,
    writing: HashSet<PathBuf>,
}

impl Unrest {
    fn until(&self) -> Instant {
        let pause = if self.writing.is_empty() { QUIET } else { WRITING };
        (self.last + pause).min(self.first + MOST)
    }
}

impl Watcher {
    /// Watches nothing yet.
    pub fn new() -> Self {
        let (send, events) = mpsc::unbounded_channel();
        let folders: Arc<Mutex<Vec<PathBuf>>> = Arc::default();
        let known = Arc::clone(&folders);
        let handle = move |event: notify::Result<Event>| {
            // After an error something may have been missed.
            let event = event.unwrap_or_else(|_| Event::new(EventKind::Any));
            let folders = known.lock().unwrap_or_else(PoisonError::into_inner);
            let about = |path: &PathBuf| folders.iter().any(|folder| concerns(folder, path));
            if is_change(event.kind) && (event.paths.is_empty() || event.paths.iter().any(about)) {
                // Nobody listens any more when the exporter stops.
                send.send(event).ok();
            }
        };
        let system = notify::recommended_watcher(handle);
        let system = system.inspect_err(|error| {
            warn!(%error, "folders of mappings can't be watched: reload to have them looked into");
        });
        Self { system: system.ok(), events, folders, unrest: None }
    }

    /// Watches these folders from now on, whether they are there by now or not.
    pub fn watch(&mut self, folders: Vec<PathBuf>) {
        let mut known = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<PathBuf> =
            known.iter().filter(|folder| !folders.contains(folder)).cloned().collect();
        *known = folders;
        drop(known);
        if let Some(system) = &mut self.system {
            for folder in gone {
                // It fails where it was not there.
                system.unwatch(&folder).ok();
            }
        }
        self.attach();
    }

    /// Waits until something may have changed, and has come to rest. Nothing is lost if it is
    /// no longer waited for.
    pub async fn changed(&mut self) {
        loop {
            let until = self.unrest.as_ref().map(Unrest::until);
            let rest = tokio::time::sleep_until(until.unwrap_or_else(Instant::now));
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) => self.note(event),
                    None => std::future::pending().await,
                },
                () = rest, if until.is_some() => {
                    self.unrest = None;
                    // A folder may have come, or another one may have taken its place.
                    self.attach();
                    return;
                }
            }
        }
    }

    fn note(&mut self, event: Event) {
        let now = Instant::now();
        let unrest = self.unrest.get_or_insert_with(|| Unrest {
            first: now,
            last: now,
            writing: HashSet::new(),
        });
        unrest.last = now;
        let written = matches!(event.kind, EventKind::Modify(ModifyKind::Data(_)));
        for path in event.paths {
            match written {
                true => unrest.writing.insert(path),
                // It is closed, gone, or another one.
                false => unrest.writing.remove(&path),
            };
        }
    }

    /// Watches each folder, and what it is in: the system watches what a path leads to, and says
    /// nothing of what takes its place.
    fn attach(&mut self) {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(system) = &mut self.system else { return };
        for folder in &folders {
            let parent = folder.ancestors().skip(1).find(|parent| parent.is_dir());
            let there = Some(folder.as_path()).filter(|folder| folder.is_dir());
            // A link on the way may be swapped for another one.
            let links = folder.ancestors().filter(|path| path.is_symlink());
            let links = links.filter_map(Path::parent);
            for path in parent.into_iter().chain(there).chain(links) {
                if let Err(error) = system.watch(path, RecursiveMode::NonRecursive) {
                    let path = path.display();
                    warn!(%path, %error, "it can't be watched: reload to have it looked into");
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

/// Whether an event may be a change: to read a file is none.
fn is_change(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        _ => true,
    }
}

/// Whether a path is of interest to who watches a folder: the folder, what is in it, what it is in,
/// and links beside it of the kind that Kubernetes swaps.
fn concerns(folder: &Path, path: &Path) -> bool {
    let beside = path.parent() == folder.parent()
        && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(".."));
    path.parent() == Some(folder) || folder.starts_with(path) || beside
}
