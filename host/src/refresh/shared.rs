//! What the tasks of all targets share.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};
use tracing::{debug, warn};

use super::leases::Leases;
use super::metrics::Metrics;
use super::targets::Targets;
use crate::body::Spool;
use crate::config::{MappingSource, RemoteWriteSettings};
use crate::model::Target;
use crate::oci::Kept;
use crate::output::{DailyExposition, Publisher};
use crate::runner::Runner;
use crate::store::{self, Store, StoreError};
use crate::{github, mappings, oci};

/// A mapping failed for a target, and is to blame.
#[derive(Debug)]
pub(super) struct FailureReport {
    /// The source of the mapping.
    pub source: MappingSource,
    /// Its SHA-256.
    pub sha256: String,
    /// How often in a row, for one target.
    pub times: u32,
}

/// The parts of the exporter that refreshes work with.
pub struct Parts {
    /// Keeps documents and samples.
    pub store: Arc<dyn Store>,
    /// Keeps the bodies of responses.
    pub spool: Spool,
    /// Runs mappings.
    pub runner: Arc<Runner>,
    /// Serves samples.
    pub publisher: Arc<Publisher>,
    /// Serves daily samples.
    pub daily: Arc<DailyExposition>,
    /// What the tasks publish for others to read.
    pub targets: Arc<Targets>,
    /// The endpoints that daily samples are pushed to, as the settings in use say.
    pub remote_write: watch::Sender<Vec<RemoteWriteSettings>>,
    /// The metrics of refreshes.
    pub metrics: Metrics,
    /// The metrics of the store.
    pub store_metrics: store::Metrics,
    /// The metrics of requests.
    pub github_metrics: github::Metrics,
    /// The metrics of mappings.
    pub mapping_metrics: mappings::Metrics,
    /// Keeps the mappings that are pulled, if a directory is set.
    pub kept: Option<Kept>,
    /// The metrics of OCI registries.
    pub oci_metrics: oci::Metrics,
}

/// What the tasks of all targets share: the parts, and what they tell the reconciler.
pub(super) struct Shared {
    parts: Parts,
    failures: mpsc::UnboundedSender<FailureReport>,
    /// Identifies this process among those that share the store.
    pub holder: String,
    /// The leases that it has.
    pub leases: Leases,
    /// The targets of which something could not be stored in the shared store.
    unsaved: Mutex<HashSet<Target>>,
}

impl Deref for Shared {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

impl Shared {
    /// The receiver gets the failures of mappings.
    pub(super) fn new(parts: Parts) -> (Self, mpsc::UnboundedReceiver<FailureReport>) {
        let (failures, receiver) = mpsc::unbounded_channel();
        let (holder, leases, unsaved) = (new_holder(), Leases::default(), Mutex::default());
        (Self { parts, failures, holder, leases, unsaved }, receiver)
    }

    /// Reports that a mapping failed.
    pub(super) fn report_failure(&self, failure: FailureReport) {
        // It fails only while the exporter stops.
        self.failures.send(failure).ok();
    }

    /// Notes that the store failed (operation `load` or `save`), and continues without it.
    pub(super) fn note_store_error<T>(
        &self,
        target: &Target,
        operation: &str,
        result: Result<T, StoreError>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.store_metrics.count_failure(operation, &error);
                let [org, scope] = target.labels();
                if operation == "save" && matches!(error, StoreError::Server(_)) {
                    self.unsaved().insert(target.clone());
                }
                if error.is_reported() {
                    debug!(org, scope, operation, %error, "the store failed; continuing with what is in memory");
                    return None;
                }
                warn!(org, scope, operation, %error, "the store failed; continuing with what is in memory");
                None
            }
        }
    }

    /// Whether no other replica decides what is stored and published of a target.
    pub(super) fn decides_on(&self, target: &Target) -> bool {
        !self.store.is_shared() || self.leases.holds(target)
    }

    fn unsaved(&self) -> MutexGuard<'_, HashSet<Target>> {
        self.unsaved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something of a target could not be stored since this was last asked.
    pub(super) fn take_unsaved(&self, target: &Target) -> bool {
        self.unsaved().remove(target)
    }
}

/// A new name for this process: that of the machine, which is the pod's in Kubernetes, and random digits.
fn new_holder() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let random = RandomState::new().hash_one(std::process::id());
    format!("{}-{random:016x}", host.trim())
}
