//! The leases that this replica has, and how many it may have.

use std::collections::{BTreeSet, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::role::limit;
use crate::model::Target;
use crate::model::digest::sha256;

/// How many digits of the digest identify a group.
const GROUP_CHARS: usize = 16;

/// The leases that this replica has, and how many it may have.
#[derive(Default)]
pub(super) struct Leases {
    held: Mutex<HashSet<Target>>,
    targets: AtomicUsize,
    group: Mutex<String>,
    replicas: AtomicUsize,
}

impl Leases {
    fn held(&self) -> MutexGuard<'_, HashSet<Target>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the targets that this replica exports.
    pub(super) fn set_targets<'a>(&self, targets: impl IntoIterator<Item = &'a Target>) {
        let names: BTreeSet<String> = targets.into_iter().map(name).collect();
        self.targets.store(names.len(), Ordering::Relaxed);
        let mut group = sha256(names);
        group.truncate(GROUP_CHARS);
        *self.group.lock().unwrap_or_else(PoisonError::into_inner) = group;
    }

    /// Identifies the replicas that export the same targets. Others don't count: they may never request the
    /// leases that these must share.
    pub(super) fn group(&self) -> String {
        self.group.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Sets the number of replicas that export the same targets.
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

    /// Whether there are more than it may have.
    pub(super) fn are_too_many(&self) -> bool {
        self.held().len() > self.limit()
    }

    /// Gives up a lease if there are more than it may have. Returns whether it did.
    pub(super) fn give_up(&self, target: &Target) -> bool {
        let mut held = self.held();
        held.len() > self.limit() && held.remove(target)
    }
}

/// A target as all replicas name it, on a line.
fn name(target: &Target) -> String {
    let (github, scope, login) = (target.github(), target.scope().label(), target.login());
    format!("{github}/{scope}/{}\n", login.to_ascii_lowercase())
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
        leases.set_targets(&targets);
        leases.set_replicas(1);
        for target in &targets {
            assert!(leases.may_request(target));
            leases.add(target);
        }
        assert!(!leases.are_too_many());
        assert!(!targets.iter().any(|target| leases.give_up(target)));
        // A second replica has come.
        leases.set_replicas(2);
        assert!(leases.are_too_many());
        let given_up = targets.iter().filter(|target| leases.give_up(target)).count();
        assert_eq!(given_up, 2);
        assert!(!leases.may_request(&targets[0]) && leases.may_request(&targets[5]));
    }

    #[test]
    fn only_replicas_with_the_same_targets_are_of_the_same_group() {
        let target = |login: &str| Target::new(Scope::Organization, login).unwrap();
        let group = |targets: &[Target]| {
            let leases = Leases::default();
            leases.set_targets(targets);
            leases.group()
        };
        let both = group(&[target("octo-org"), target("octo-other")]);
        assert_eq!(both.len(), GROUP_CHARS);
        // Neither the order nor the spelling matters.
        assert_eq!(group(&[target("octo-other"), target("Octo-Org")]), both);
        assert_ne!(group(&[target("octo-org")]), both);
        let enterprise = Target::new(Scope::Enterprise, "octo-other").unwrap();
        assert_ne!(group(&[target("octo-org"), enterprise]), both);
    }
}
