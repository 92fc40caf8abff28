//! Which replica fetches what, if several share a store. Pure: leases and ages are handed in.

use std::time::Duration;

/// Without a shared store to say so, a replica that is not the leader fetches what is older than this many
/// times its TTL: by then, the leader would have fetched it.
const PATIENCE: u32 = 2;

/// What a replica does for a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It is not known yet whether another replica is the leader.
    Undecided,
    /// It fetches, maps and stores.
    Leader,
    /// It publishes what the leader has stored.
    Follower,
    /// The store is away, and it was not the leader before: it serves what it has, and fetches what becomes
    /// too old.
    Alone,
}

/// The answer to the request for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is granted or renewed.
    Granted,
    /// Another replica has it.
    Refused,
    /// The store failed.
    Failed,
}

impl Role {
    /// The role after an answer.
    pub(super) fn after(self, answer: Answer) -> Self {
        match (answer, self) {
            (Answer::Granted, _) => Self::Leader,
            (Answer::Refused, _) => Self::Follower,
            // The last leader goes on: a second one costs a fetch, none costs the data.
            (Answer::Failed, Self::Leader) => Self::Leader,
            (Answer::Failed, _) => Self::Alone,
        }
    }

    /// How long a document that is due must still wait until this replica may fetch it. `None`: another
    /// one does. `age` is the time since GitHub confirmed it, if there is one.
    pub(super) fn wait(self, ttl: Duration, age: Option<Duration>) -> Option<Duration> {
        match self {
            Self::Leader => Some(Duration::ZERO),
            Self::Undecided | Self::Follower => None,
            Self::Alone => Some(
                age.map_or(Duration::ZERO, |age| ttl.saturating_mul(PATIENCE).saturating_sub(age)),
            ),
        }
    }

    /// Whether it maps what it has.
    pub(super) fn maps(self) -> bool {
        matches!(self, Self::Leader | Self::Alone)
    }
}

/// Whether a document is so old that its leader must have failed to fetch it.
pub(super) fn is_overdue(ttl: Duration, age: Duration) -> bool {
    age > ttl.saturating_mul(PATIENCE)
}

/// How many targets a replica may be the leader of.
pub(super) fn limit(targets: usize, replicas: usize) -> usize {
    targets.div_ceil(replicas.max(1)) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(3600);

    #[test]
    fn the_last_leader_goes_on_while_the_store_is_away() {
        let leader = Role::Undecided.after(Answer::Granted);
        assert_eq!(leader.after(Answer::Failed), Role::Leader);
        assert_eq!(leader.after(Answer::Failed).after(Answer::Refused), Role::Follower);
        let follower = Role::Undecided.after(Answer::Refused);
        assert_eq!(follower.after(Answer::Failed), Role::Alone);
        assert_eq!(follower.after(Answer::Failed).after(Answer::Failed), Role::Alone);
        assert_eq!(Role::Alone.after(Answer::Refused), Role::Follower);
        assert_eq!(Role::Undecided.after(Answer::Failed), Role::Alone);
    }

    #[test]
    fn without_the_store_others_wait_for_twice_the_ttl_unless_they_have_nothing() {
        let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
        assert_eq!(Role::Leader.wait(TTL, Some(minutes(0))), Some(Duration::ZERO));
        assert_eq!(Role::Follower.wait(TTL, Some(minutes(600))), None);
        assert_eq!(Role::Follower.wait(TTL, None), None);
        assert_eq!(Role::Undecided.wait(TTL, None), None);
        assert_eq!(Role::Alone.wait(TTL, Some(minutes(61))), Some(minutes(59)));
        assert_eq!(Role::Alone.wait(TTL, Some(minutes(121))), Some(Duration::ZERO));
        assert_eq!(Role::Alone.wait(TTL, None), Some(Duration::ZERO));
        assert_eq!(Role::Alone.wait(Duration::MAX, Some(TTL)), Some(Duration::MAX - TTL));
    }

    #[test]
    fn the_leases_of_all_targets_fit_into_the_limits_of_the_replicas() {
        for (targets, replicas, expected) in [(20, 1, 21), (20, 3, 8), (1, 3, 2), (0, 3, 1)] {
            assert_eq!(limit(targets, replicas), expected);
            assert!(limit(targets, replicas) * replicas >= targets);
        }
        assert_eq!(limit(5, 0), 6);
    }
}
