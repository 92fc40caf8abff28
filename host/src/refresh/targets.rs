//! What the tasks of targets publish for others to read: the page, and dry runs of mappings.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use jiff::ToSpan;
use jiff::civil::Date;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

use super::budget::Demand;
use crate::history::{DayDocuments, Days, MapFailure, Subject, map_recent};
use crate::mappings::MappingSet;
use crate::model::{Document, Documents, MappingOption, Samples, Target};
use crate::runner::{Runner, fingerprint};
use crate::store::Store;

/// How many days daily samples are about, up to the newest report: what databases accept that are set up
/// for it.
const DAYS: i64 = 28;

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
    /// Whether this replica fetches for it. If not, another one does, which also pushes its daily samples.
    pub is_leader: bool,
    /// What is requested for it. `None`: it is not known yet which mappings are in use.
    pub demand: Option<Demand>,
}

/// Identifies what the daily samples of a target are made of: the same input means the same samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DailyInput {
    /// The start of the names.
    pub prefix: String,
    /// How often a document of an earlier day has been revised.
    revisions: u64,
    /// The fingerprint of each mapping over the newest documents.
    fingerprints: Vec<String>,
}

impl TargetView {
    /// Whose days are mapped, and how.
    fn subject(&self) -> Subject<'_> {
        Subject { target: &self.target, options: &self.options, set: &self.set }
    }

    /// What its daily samples are made of.
    pub fn daily_input(&self) -> DailyInput {
        let fingerprints = self
            .set
            .members()
            .iter()
            .map(|member| fingerprint(member, &self.target, &self.options, &self.documents));
        DailyInput {
            prefix: self.prefix.clone(),
            revisions: self.revisions,
            fingerprints: fingerprints.collect(),
        }
    }

    /// The daily samples of the last 28 days, of its documents and of those that are kept of single days.
    pub async fn map_days(
        &self,
        parts: (&Runner, &dyn Store),
        kept: &Days,
        runs: &TaskTracker,
    ) -> Result<Vec<Samples>, MapFailure> {
        let documents = DayDocuments {
            newest: self.documents.clone(),
            good: self.last_good.clone(),
            absent: Documents::new(),
        };
        let newest = Document::newest_day(self.documents.values());
        let since = newest.map_or(Date::MIN, |day| day.saturating_sub((DAYS - 1).days()));
        let wants = |day: Date| day >= since;
        let days = (self.prefix.as_str(), &wants as &(dyn Fn(Date) -> bool + Sync));
        map_recent(parts, &self.subject(), (&documents, kept), days, runs).await
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
    has_all_mappings: watch::Sender<bool>,
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
    pub fn all(&self) -> Vec<Arc<TargetView>> {
        let views = self.views.read().unwrap_or_else(PoisonError::into_inner);
        views.values().cloned().collect()
    }

    /// Told of every change of a view.
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Removes the view of a target.
    pub(super) fn remove(&self, target: &Target) {
        self.views.write().unwrap_or_else(PoisonError::into_inner).remove(target);
        self.changed.send_replace(());
    }

    /// Waits until every mapping file that existed at the start is in use or refused.
    pub async fn all_mappings_loaded(&self) {
        // It fails only if this is gone.
        self.has_all_mappings.subscribe().wait_for(|has_all| *has_all).await.ok();
    }

    /// Whether every mapping file that existed at the start is in use or refused. Until then, it is not
    /// known which documents are wanted.
    pub(super) fn has_all_mappings(&self) -> bool {
        *self.has_all_mappings.borrow()
    }

    /// Every mapping file that existed at the start is in use or refused.
    pub(super) fn set_all_mappings(&self) {
        self.has_all_mappings.send_replace(true);
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
