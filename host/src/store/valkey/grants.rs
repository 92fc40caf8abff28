//! What this process was last granted for each target.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::Target;

/// How often the holder of a lease lets everything of the target expire later.
const RENEWAL: Duration = Duration::from_secs(3600);

/// What this process was last granted for each target. It stays after the lease is lost, so that late writes
/// are refused.
#[derive(Default)]
pub(super) struct Grants(Mutex<HashMap<Target, Grant>>);

#[derive(Default)]
struct Grant {
    /// The fencing token.
    fence: u64,
    /// When it last let everything of the target expire later.
    renewed: Option<Instant>,
}

impl Grants {
    fn lock(&self) -> MutexGuard<'_, HashMap<Target, Grant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last fencing token for a target.
    pub(super) fn fence(&self, target: &Target) -> Option<u64> {
        self.lock().get(target).map(|grant| grant.fence)
    }

    /// Notes a fencing token. Returns whether everything of the target should expire later.
    pub(super) fn note(&self, target: &Target, fence: u64, now: Instant) -> bool {
        let mut grants = self.lock();
        let grant = grants.entry(target.clone()).or_default();
        grant.fence = fence;
        grant.renewed.is_none_or(|renewed| now.duration_since(renewed) >= RENEWAL)
    }

    /// Everything of the target expires later.
    pub(super) fn note_renewed(&self, target: &Target, now: Instant) {
        self.lock().entry(target.clone()).or_default().renewed = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;

    #[test]
    fn everything_of_a_target_is_renewed_when_it_is_granted_and_every_hour() {
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        let (grants, now) = (Grants::default(), Instant::now());
        assert_eq!(grants.fence(&target), None);
        assert!(grants.note(&target, 1, now));
        // It failed.
        assert!(grants.note(&target, 1, now));
        grants.note_renewed(&target, now);
        assert!(!grants.note(&target, 2, now));
        assert_eq!(grants.fence(&target), Some(2));
        assert!(grants.note(&target, 2, now + RENEWAL));
    }
}
