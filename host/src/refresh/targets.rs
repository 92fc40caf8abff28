//! What the tasks of targets publish for others to read: the page, and dry runs of mappings.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use tokio::sync::watch;

use crate::history::Subject;
use crate::mappings::MappingSet;
use crate::model::{Documents, MappingOption, Target};

/// A target as its task last published it.
pub struct TargetView {
    /// The target.
    pub target: Target,
    /// The start of the names of its daily samples.
    pub prefix: String,
    /// Its options.
    pub options: Vec<MappingOption>,
    /// Its mappings.
    pub set: Arc<MappingSet>,
    /// The newest version of each document, of which some may be malformed.
    pub documents: Documents,
    /// The last good version of each document.
    pub last_good: Documents,
    /// How often a document of an earlier day has been revised.
    pub revisions: u64,
}

impl TargetView {
    /// Whose days are mapped, and how.
    pub(super) fn subject(&self) -> Subject<'_> {
        Subject { target: &self.target, options: &self.options, set: &self.set }
    }

    /// The documents that its mappings want.
    pub fn wanted(&self) -> Documents {
        let specs = self.set.documents(self.target.scope());
        let is_wanted = |name: &String| specs.iter().any(|spec| spec.name == *name);
        let documents = self.documents.iter().filter(|(name, _)| is_wanted(name));
        documents.map(|(name, document)| (name.clone(), document.clone())).collect()
    }
}

/// The published views of all targets, and the mapping files that none of them uses.
#[derive(Default)]
pub struct Targets {
    views: RwLock<HashMap<Target, Arc<TargetView>>>,
    changed: watch::Sender<()>,
    refused: RwLock<Vec<(PathBuf, String)>>,
}

impl Targets {
    /// The view of a target, if it is exported.
    pub fn get(&self, target: &Target) -> Option<Arc<TargetView>> {
        self.views.read().unwrap_or_else(PoisonError::into_inner).get(target).cloned()
    }

    /// Publishes a view.
    pub(super) fn publish(&self, view: TargetView) {
        let mut views = self.views.write().unwrap_or_else(PoisonError::into_inner);
        views.insert(view.target.clone(), Arc::new(view));
        self.changed.send_replace(());
    }

    /// Every view.
    pub(super) fn all(&self) -> Vec<Arc<TargetView>> {
        let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
        views.values().cloned().collect()
    }

    /// Told of every change of a view.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Removes the view of a target.
    pub(super) fn remove(&self, target: &Target) {
        self.views.write().unwrap_or_else(PoisonError::into_inner).remove(target);
        self.changed.send_replace(());
    }

    /// The mapping files that are refused, with the reason.
    pub fn refused(&self) -> Vec<(PathBuf, String)> {
        self.refused.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Publishes the mapping files that are refused.
    pub(super) fn set_refused(&self, refused: Vec<(PathBuf, String)>) {
        *self.refused.write().unwrap_or_else(PoisonError::into_inner) = refused;
    }
}
