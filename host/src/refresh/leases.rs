//! The leases that this replica has, and how many it may have.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::role::limit;
use crate::model::Target;

/// The leases that this replica has, and how many it may have.
#[derive(Default)]
pub(super) struct Leases {
    held: Mutex<HashSet<Target>>,
    limit: AtomicUsize,
}

impl Leases {
    fn held(&self) -> MutexGuard<'_, HashSet<Target>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the numbers that decide how many leases it may have.
    pub(super) fn share(&self, targets: usize, replicas: usize) {
        self.limit.store(limit(targets, replicas), Ordering::Relaxed);
    }

    /// Whether it may request the lease of a target.
    pub(super) fn may_request(&self, target: &Target) -> bool {
        let held = self.held();
        held.contains(target) || held.len() < self.limit.load(Ordering::Relaxed)
    }

    pub(super) fn add(&self, target: &Target) {
        self.held().insert(target.clone());
    }

    pub(super) fn remove(&self, target: &Target) {
        self.held().remove(target);
    }

    /// Gives up a lease if there are more than it may have. Returns whether it did.
    pub(super) fn give_up(&self, target: &Target) -> bool {
        let mut held = self.held();
        held.len() > self.limit.load(Ordering::Relaxed) && held.remove(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;

    #[test]
    fn leases_above_the_limit_are_given_up_one_by_one() {
        let targets: Vec<Target> = (0..6)
            .map(|number| Target::new(Scope::Organization, &format!("octo-{number}")).unwrap())
            .collect();
        let leases = Leases::default();
        // It is not known yet how many there are.
        assert!(!leases.may_request(&targets[0]));
        leases.share(6, 1);
        for target in &targets {
            assert!(leases.may_request(target));
            leases.add(target);
        }
        assert!(!targets.iter().any(|target| leases.give_up(target)));
        // A second replica has come.
        leases.share(6, 2);
        let given_up = targets.iter().filter(|target| leases.give_up(target)).count();
        assert_eq!(given_up, 2);
        assert!(!leases.may_request(&targets[0]) && leases.may_request(&targets[5]));
    }
}
