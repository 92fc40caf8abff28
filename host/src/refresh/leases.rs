//! The leases of this replica: a task for each target keeps its lease or waits for it.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::role::{Answer, Role, limit};
use super::shared::Shared;
use crate::model::Target;

/// How long a lease lasts, and how often it is renewed.
const TTL: Duration = Duration::from_secs(30);
const RENEWAL: Duration = Duration::from_secs(10);
/// How often a lease is requested that another replica has.
const RETRY: Duration = Duration::from_secs(2);
/// How long a replica does not request a lease that it has given up for others.
const GIVEN_UP: Duration = Duration::from_secs(8);

/// The leases that this replica has, and how many it may have.
#[derive(Default)]
pub(super) struct Leases {
    held: Mutex<HashSet<Target>>,
    limit: AtomicUsize,
}

impl Leases {
    fn held(&self) -> std::sync::MutexGuard<'_, HashSet<Target>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the numbers that decide how many leases it may have.
    fn share(&self, targets: usize, replicas: usize) {
        self.limit.store(limit(targets, replicas), Ordering::Relaxed);
    }

    /// Whether it may request the lease of a target.
    fn may_request(&self, target: &Target) -> bool {
        let held = self.held();
        held.contains(target) || held.len() < self.limit.load(Ordering::Relaxed)
    }

    fn add(&self, target: &Target) {
        self.held().insert(target.clone());
    }

    fn remove(&self, target: &Target) {
        self.held().remove(target);
    }

    /// Gives up a lease if there are more than it may have. Returns whether it did.
    fn give_up(&self, target: &Target) -> bool {
        let mut held = self.held();
        held.len() > self.limit.load(Ordering::Relaxed) && held.remove(target)
    }
}

/// Keeps the lease of a target, or waits for it, until cancelled; then ends it, so that another replica
/// takes over at once. `busy` is whether the target is being refreshed: then its lease is not given up.
pub(super) async fn keep_lease(
    shared: Arc<Shared>,
    target: Target,
    role: watch::Sender<Role>,
    busy: watch::Receiver<bool>,
    cancel: CancellationToken,
) {
    let (leases, holder) = (&shared.leases, shared.holder.as_str());
    let mut is_held = false;
    let keep = async {
        loop {
            if is_held && !*busy.borrow() && leases.give_up(&target) {
                let [org, scope] = target.labels();
                info!(org, scope, "leaving the target to another replica");
                role.send_replace(Role::Follower);
                shared.metrics.set_leader(&target, false);
                // Whether it succeeds or not, it is not renewed.
                shared.store.end_lease(&target, holder).await.ok();
                is_held = false;
                tokio::time::sleep(GIVEN_UP).await;
                continue;
            }
            let answer = match leases.may_request(&target) {
                true => match shared.store.lease(&target, holder, TTL).await {
                    Ok(Some(_)) => Answer::Granted,
                    Ok(None) => Answer::Refused,
                    Err(_) => Answer::Failed,
                },
                // It follows whoever has it.
                false => match shared.store.version(&target).await {
                    Ok(_) => Answer::Refused,
                    Err(_) => Answer::Failed,
                },
            };
            is_held = answer == Answer::Granted || is_held && answer == Answer::Failed;
            match is_held {
                true => leases.add(&target),
                false => leases.remove(&target),
            }
            note(&shared, &target, &role, answer);
            tokio::time::sleep(if answer == Answer::Granted { RENEWAL } else { RETRY }).await;
        }
    };
    cancel.run_until_cancelled(keep).await;
    leases.remove(&target);
    if is_held {
        // If it fails, the lease expires.
        shared.store.end_lease(&target, holder).await.ok();
    }
}

/// Publishes the role after an answer.
fn note(shared: &Shared, target: &Target, role: &watch::Sender<Role>, answer: Answer) {
    let before = *role.borrow();
    let after = before.after(answer);
    shared.metrics.set_leader(target, after == Role::Leader);
    if after == before {
        return;
    }
    let [org, scope] = target.labels();
    let text = match after {
        Role::Leader => "leader: this replica fetches for the target",
        Role::Follower => "follower: another replica fetches for the target",
        Role::Alone => {
            "the shared store is away: documents are fetched when they are twice as old as their TTL"
        }
        Role::Undecided => "undecided",
    };
    info!(org, scope, "{text}");
    role.send_replace(after);
}

/// Tells the other replicas that this one exists, and counts them, until cancelled.
pub(super) async fn count_replicas(shared: Arc<Shared>) {
    loop {
        let targets = shared.publisher.statuses().len();
        // While the store is away, no lease is granted anyway.
        if let Ok(replicas) = shared.store.replicas(&shared.holder, TTL).await {
            shared.leases.share(targets, replicas);
        }
        tokio::time::sleep(RENEWAL).await;
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
