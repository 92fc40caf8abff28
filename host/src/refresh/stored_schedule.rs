//! The schedule of a target as the leader stores it: so a follower knows what is missing, and a new leader
//! asks GitHub for nothing that is not due.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::outcome::Outcome;
use crate::body::Body;
use crate::github::{FetchError, Refusal};
use crate::model::{Document, MappingId, Part, Target};
use crate::store::{Key, Slot};

/// The name in the store. No document has it, and listings of the store leave it out.
const NAME: &str = ".schedule";

/// What the leader of a target knows.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredSchedule {
    /// The mappings that it runs, in the order in which their samples are served.
    pub(super) mappings: Vec<MappingId>,
    /// What is known about the documents, by name.
    pub(super) documents: BTreeMap<String, StoredState>,
    /// How many revisions of days it has fetched.
    #[serde(default)]
    pub(super) revised: u64,
}

/// What is known about a document.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct StoredState {
    /// When it is due.
    pub(super) due: Timestamp,
    /// How the last attempt ended, if there was one.
    pub(super) outcome: Option<StoredOutcome>,
    /// How often in a row it failed.
    pub(super) failures: u32,
    /// How long the last attempt took.
    pub(super) took: Option<Duration>,
    /// The day it was last joined on.
    pub(super) joined_day: Option<Date>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum StoredOutcome {
    Fresh,
    Absent,
    /// GitHub refused it.
    Refused {
        status: u16,
        what: String,
        permission: Option<String>,
        message: Option<String>,
        /// Without it, the other replicas would not know that a fallback replaces the document.
        refusal: Option<Refusal>,
    },
    /// The rate limit of the credential is used up.
    RateLimited {
        what: String,
        wait: Duration,
    },
    /// Anything else, in words.
    Failed(String),
}

impl StoredState {
    /// Whether the leader has fetched the document.
    pub(super) fn has_document(&self) -> bool {
        matches!(self.outcome, Some(StoredOutcome::Fresh))
    }
}

impl From<&Outcome> for StoredOutcome {
    fn from(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Fresh => Self::Fresh,
            Outcome::Absent => Self::Absent,
            Outcome::Failed(FetchError::Status {
                status,
                what,
                permission,
                message,
                refusal,
                retry_after: _,
            }) => Self::Refused {
                status: *status,
                what: what.clone(),
                permission: permission.clone(),
                message: message.clone(),
                refusal: *refusal,
            },
            Outcome::Failed(FetchError::RateLimited { what, wait }) => {
                Self::RateLimited { what: what.clone(), wait: *wait }
            }
            Outcome::Failed(error) => Self::Failed(error.to_string()),
            Outcome::Unmapped(reason) => Self::Failed(reason.clone()),
        }
    }
}

impl StoredOutcome {
    /// The outcome.
    pub(super) fn into_outcome(self) -> Outcome {
        match self {
            Self::Fresh => Outcome::Fresh,
            Self::Absent => Outcome::Absent,
            Self::Refused { status, what, permission, message, refusal } => {
                let retry_after = None;
                let error =
                    FetchError::Status { status, what, permission, message, refusal, retry_after };
                Outcome::Failed(error)
            }
            Self::RateLimited { what, wait } => {
                Outcome::Failed(FetchError::RateLimited { what, wait })
            }
            Self::Failed(reason) => Outcome::Unmapped(reason),
        }
    }
}

impl StoredSchedule {
    /// Its key.
    pub(super) fn key(target: &Target) -> Key {
        Key::document(target, NAME, None, Slot::Good)
    }

    /// It as a document, which is what a store keeps.
    pub(super) fn to_document(&self) -> std::io::Result<Document> {
        let body = Body::of(&serde_json::to_vec(self)?)?;
        let parts = vec![Part { body, validator: None, next: None, day: None }];
        Ok(Document::new(parts, Timestamp::now(), None))
    }

    /// The schedule of a stored document. Nothing, if it is of another version of the exporter.
    pub(super) fn from_document(document: &Document) -> Self {
        let reader = document.parts.first().map(|part| part.body.reader());
        reader.and_then(|reader| serde_json::from_reader(reader).ok()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::super::schedule::Schedule;
    use super::*;

    #[test]
    fn a_schedule_is_the_same_for_another_replica() {
        let (now, time) = (Instant::now(), Timestamp::now());
        let mut schedule = Schedule::default();
        let missing = Outcome::Failed(FetchError::Status {
            status: 404,
            what: "report".to_owned(),
            permission: None,
            message: Some("Not Found".to_owned()),
            refusal: Some(Refusal::NotFound),
            retry_after: None,
        });
        let text = |outcome: Option<&Outcome>| match outcome {
            Some(Outcome::Failed(error)) => error.to_string(),
            _ => String::new(),
        };
        let expected = text(Some(&missing));
        schedule.note_fetched("report", missing, Duration::from_secs(1), now);
        schedule.note_fetched("seats", Outcome::Fresh, Duration::from_secs(20), now);
        schedule.set_joined_day("seats", Some(jiff::civil::date(2026, 11, 20)));
        let stored = schedule.to_stored(now, time);
        let document = stored.to_document().unwrap();
        let loaded = StoredSchedule::from_document(&document);
        assert_eq!(loaded, stored);
        let mut other = Schedule::default();
        for (name, state) in loaded.documents {
            other.take(&name, state, now, time);
        }
        assert!(other.outcome("report").is_some_and(Outcome::is_not_found));
        assert_eq!(text(other.outcome("report")), expected);
        assert!(matches!(other.outcome("seats"), Some(Outcome::Fresh)));
        assert_eq!(other.took("seats"), Some(Duration::from_secs(20)));
        assert_eq!(other.to_stored(now, time), stored);
        // One that can't be read says nothing.
        let other = Document::new(Vec::new(), time, None);
        assert_eq!(StoredSchedule::from_document(&other), StoredSchedule::default());
    }
}
