//! The status of a target, as users see it.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::model::{MappingId, Samples, Target};

/// How the last refresh of a target ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Status {
    /// The first refresh has not ended yet.
    #[default]
    Starting,
    /// It has all required data.
    Fresh,
    /// What failed. Older data may still be served.
    Failed(Vec<String>),
}

/// How the last refresh of a target ended, and when the next one is due.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Whether it has what it needs.
    pub status: Status,
    /// Problems with optional documents.
    pub left_out: Vec<String>,
    /// When it last had all required data.
    pub succeeded_at: Option<Timestamp>,
    /// When the next refresh is due.
    pub next: Option<Timestamp>,
    /// The last attempt that failed in the refresh that is still running.
    pub attempt: Option<String>,
}

/// A target and its status.
#[derive(Clone, Debug)]
pub struct TargetStatus {
    /// The target.
    pub target: Target,
    /// How its last refresh ended. `succeeded_at` is that of the last one that succeeded.
    pub outcome: Outcome,
    /// The mappings whose samples are served, or will be.
    pub mappings: Vec<MappingId>,
    /// Whether there are samples to serve.
    pub has_data: bool,
    /// The samples that are served of each mapping.
    pub samples: Vec<Arc<Samples>>,
}

/// A stored document, for the metrics about it.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentStatus {
    /// Its name.
    pub name: String,
    /// When it was fetched, or last confirmed by GitHub.
    pub confirmed_at: Timestamp,
    /// The time from one fetch to the next.
    pub ttl: Duration,
    /// The memory it takes.
    pub bytes: u64,
    /// The day that it is about.
    pub report_day: Option<Date>,
}
