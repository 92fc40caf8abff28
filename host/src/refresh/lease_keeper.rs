//! Keeps the lease of a target, or waits for it: in a task of its own, since a refresh may take longer than a
//! lease lasts.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tracing::info;

use super::role::{Answer, Role};
use super::shared::Shared;
use crate::model::Target;

/// How long a lease lasts, and how often it is renewed.
const TTL: Duration = Duration::from_secs(30);
const RENEWAL: Duration = Duration::from_secs(10);
/// How often the replicas are counted. After a death, the leases of the dead one are granted as soon as the
/// others know that they may have more.
const COUNTING: Duration = Duration::from_secs(2);
/// How often a lease is requested that another replica has.
const RETRY: Duration = Duration::from_secs(2);
/// How long a replica does not request a lease that it has given up for others.
const GIVEN_UP: Duration = Duration::from_secs(8);

/// How long the task of a target may take to store what the store has lost, before its lease is given up.
const HANDING_OVER: Duration = Duration::from_secs(5);

/// Asks the task of a target to see to it that everything is stored.
pub(super) struct Handover {
    /// Told when that is so.
    pub(super) stored: oneshot::Sender<()>,
    /// Closed when the lease is given up, or will be kept.
    pub(super) decided: oneshot::Receiver<()>,
}

/// Keeps the lease of a target, or waits for it, until cancelled; then ends it, so that another replica
/// takes over at once. `handovers` go to its task, which does not answer while it refreshes the target: then
/// the lease is not given up.
pub(super) async fn keep_lease(
    shared: Arc<Shared>,
    target: Target,
    role: watch::Sender<Role>,
    handovers: mpsc::Sender<Handover>,
    cancel: CancellationToken,
) {
    let (leases, holder) = (&shared.leases, shared.holder.as_str());
    let mut is_held = false;
    let keep = async {
        loop {
            if is_held
                && leases.are_too_many()
                && let Some(undecided) = stored(&handovers).await
                && leases.give_up(&target)
            {
                let [org, scope] = target.labels();
                info!(org, scope, "giving up the lease of the target to another replica");
                role.send_replace(Role::Follower);
                drop(undecided);
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

/// Waits until the task of a target has everything stored, so that the next leader need not fetch it. Until what is
/// returned is dropped, the task fetches nothing. `None`: it takes too long.
async fn stored(handovers: &mpsc::Sender<Handover>) -> Option<oneshot::Sender<()>> {
    let ((stored, answer), (undecided, decided)) = (oneshot::channel(), oneshot::channel());
    // It fails if the one before has not been answered yet.
    handovers.try_send(Handover { stored, decided }).ok()?;
    tokio::time::timeout(HANDING_OVER, answer).await.ok()?.ok()?;
    Some(undecided)
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
            "the shared store is unavailable: fetching documents once they are older than twice their TTL"
        }
        Role::Undecided => "undecided",
    };
    info!(org, scope, "{text}");
    role.send_replace(after);
}

/// Tells the other replicas that this one exists, and counts those that export the same targets.
pub(super) async fn count_replicas(shared: &Shared) {
    let group = shared.leases.group();
    // While the store is away, no lease is granted anyway.
    if let Ok(replicas) = shared.store.replicas((&group, &shared.holder), TTL).await {
        shared.leases.set_replicas(replicas);
    }
}

/// Counts the replicas again and again, until cancelled.
pub(super) async fn keep_counting(shared: Arc<Shared>) {
    let mut group = shared.leases.group();
    loop {
        tokio::time::sleep(COUNTING).await;
        let before = std::mem::replace(&mut group, shared.leases.group());
        if before != group {
            // Else it would count for as long as a lease lasts. If it fails, it does.
            shared.store.leave((&before, &shared.holder)).await.ok();
        }
        count_replicas(&shared).await;
    }
}
