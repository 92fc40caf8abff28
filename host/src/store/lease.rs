//! Who may fetch for a target, if several processes share a store.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::model::Target;

/// The right to fetch for a target for a while. Correctness does not depend on it: fetching twice
/// costs requests, nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Grows with every new holder.
    pub fence: u64,
}

/// The leases of a store that only one process uses.
#[derive(Debug, Default)]
pub(super) struct Leases {
    held: HashMap<Target, Held>,
    fence: u64,
}

#[derive(Debug)]
struct Held {
    holder: String,
    until: Instant,
    fence: u64,
}

impl Leases {
    /// Grants or renews a lease, unless another holder has it.
    pub(super) fn acquire(
        &mut self,
        target: &Target,
        holder: &str,
        ttl: Duration,
        now: Instant,
    ) -> Option<Lease> {
        if let Some(held) = self.held.get_mut(target)
            && held.until > now
        {
            if held.holder != holder {
                return None;
            }
            held.until = now + ttl;
            return Some(Lease { fence: held.fence });
        }
        self.fence += 1;
        let held = Held { holder: holder.to_owned(), until: now + ttl, fence: self.fence };
        self.held.insert(target.clone(), held);
        Some(Lease { fence: self.fence })
    }

    /// Ends a lease.
    pub(super) fn end(&mut self, target: &Target, holder: &str) {
        if self.held.get(target).is_some_and(|held| held.holder == holder) {
            self.held.remove(target);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Scope;

    #[test]
    fn a_lease_is_renewed_by_its_holder_and_taken_over_when_it_expires() {
        let target = Target::new(Scope::Organization, "octo-org").unwrap();
        let (ttl, start) = (Duration::from_secs(30), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut leases = Leases::default();
        let first = leases.acquire(&target, "a", ttl, at(0)).unwrap();
        assert_eq!(leases.acquire(&target, "b", ttl, at(10)), None);
        assert_eq!(leases.acquire(&target, "a", ttl, at(20)), Some(first.clone()));
        assert_eq!(leases.acquire(&target, "b", ttl, at(49)), None);
        let second = leases.acquire(&target, "b", ttl, at(50)).unwrap();
        assert!(second.fence > first.fence);
        assert_eq!(leases.acquire(&target, "a", ttl, at(60)), None);
    }
}
