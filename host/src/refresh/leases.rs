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
    targets: AtomicUsize,
    replicas: AtomicUsize,
}

impl Leases {
    fn held(&self) -> MutexGuard<'_, HashSet<Target>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the number of targets.
    pub(super) fn set_targets(&self, targets: usize) {
        self.targets.store(targets, Ordering::Relaxed);
    }

    /// Sets the number of replicas.
    pub(super) fn set_replicas(&self, replicas: usize) {
        self.replicas.store(replicas, Ordering::Relaxed);
    }

    fn limit(&self) -> usize {
        limit(self.targets.load(Ordering::Relaxed), self.replicas.load(Ordering::Relaxed))
    }

    /// Whether it may request the lease of a target.
    pub(super) fn may_request(&self, target: &Target) -> bool {
        let held = self.held();
        held.contains(target) || held.len() < self.limit()
    }

    /// Whether this replica has the lease of a target.
    pub(super) fn holds(&self, target: &Target) -> bool {
        self.held().contains(target)
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
        held.len() > self.limit() && held.remove(target)
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
        leases.set_targets(6);
        leases.set_replicas(1);
        for target in &targets {
            assert!(leases.may_request(target));
            leases.add(target);
        }
        assert!(!targets.iter().any(|target| leases.give_up(target)));
        // A second replica has come.
        leases.set_replicas(2);
        let given_up = targets.iter().filter(|target| leases.give_up(target)).count();
        assert_eq!(given_up, 2);
        assert!(!leases.may_request(&targets[0]) && leases.may_request(&targets[5]));
    }
}
