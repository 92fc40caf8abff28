//! Limits the requests that need no password, by address: no probe is sent hundreds of times a second.

use std::net::IpAddr;
use std::num::NonZeroU32;

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::peer::network;

/// How many requests an address may send each second, on average and at once.
const PER_SECOND: NonZeroU32 = NonZeroU32::MIN.saturating_add(19);
const BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(99);
/// Above this number, addresses that could send at their full rate again are forgotten.
const MAX_ADDRESSES: usize = 10_000;

/// The requests of all addresses.
pub(super) struct Probes(DefaultKeyedRateLimiter<IpAddr>);

impl Default for Probes {
    fn default() -> Self {
        Self(RateLimiter::keyed(Quota::per_second(PER_SECOND).allow_burst(BURST)))
    }
}

impl Probes {
    /// Whether an address may send another request.
    pub(super) fn admits(&self, address: IpAddr) -> bool {
        if self.0.len() > MAX_ADDRESSES {
            self.0.retain_recent();
        }
        self.0.check_key(&network(address)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_that_sends_too_much_is_refused_and_no_other_one() {
        let probes = Probes::default();
        let [busy, other] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        let admitted = (0..1000).filter(|_| probes.admits(busy)).count();
        assert!((BURST.get() as usize..200).contains(&admitted), "{admitted}");
        assert!(probes.admits(other));
    }
}
