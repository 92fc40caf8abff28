//! Counts wrong passwords by address. After some, an address has to wait before another one is checked,
//! each time twice as long.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::peer::network;

/// How many wrong passwords cost nothing.
const FREE: u32 = 3;
/// The first and the longest wait.
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The number of addresses that are remembered.
const MAX_ADDRESSES: usize = 10_000;

/// The wrong passwords of an address.
#[derive(Default)]
struct Failures {
    number: u32,
    wait_until: Option<Instant>,
    /// Whether a password is being checked.
    is_checking: bool,
}

/// The wrong passwords of all addresses.
#[derive(Default)]
pub(super) struct FailuresByAddress(HashMap<IpAddr, Failures>);

impl FailuresByAddress {
    /// Whether a password from this address may be checked now: one at a time. If so, [`Self::end`] has
    /// to be called.
    pub(super) fn begin(&mut self, address: IpAddr, now: Instant) -> bool {
        if self.0.len() >= MAX_ADDRESSES {
            self.0.retain(|_, of| of.is_checking || of.wait_until.is_some_and(|until| until > now));
        }
        let of = self.0.entry(network(address)).or_default();
        if of.is_checking || of.wait_until.is_some_and(|until| until > now) {
            return false;
        }
        of.is_checking = true;
        true
    }

    /// A password from this address was checked, or not in the end (`None`).
    pub(super) fn end(&mut self, address: IpAddr, was_right: Option<bool>, now: Instant) {
        let address = network(address);
        if was_right == Some(true) {
            self.0.remove(&address);
        }
        let Some(of) = self.0.get_mut(&address) else { return };
        of.is_checking = false;
        if was_right.is_none() {
            return;
        }
        of.number += 1;
        let doublings = of.number.saturating_sub(FREE).min(16);
        let wait = (FIRST_WAIT * 2_u32.pow(doublings) / 2).min(LONGEST_WAIT);
        of.wait_until = (of.number > FREE).then(|| now + wait);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_passwords_make_an_address_wait_longer_and_longer_and_no_other_one() {
        let (mut failures, mut now) = (FailuresByAddress::default(), Instant::now());
        let [bad, good] = [1, 2].map(|last| IpAddr::from([192, 0, 2, last]));
        let mut waits = Vec::new();
        for _ in 0..12 {
            assert!(failures.begin(bad, now));
            assert!(!failures.begin(bad, now), "one at a time");
            failures.end(bad, Some(false), now);
            let began = now;
            while !failures.begin(bad, now) {
                now += Duration::from_secs(1);
            }
            waits.push((now - began).as_secs());
            failures.0.get_mut(&bad).unwrap().is_checking = false;
            assert!(failures.begin(good, began));
            failures.end(good, Some(true), began);
        }
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
        // A right password ends it.
        assert!(failures.begin(bad, now));
        failures.end(bad, Some(true), now);
        assert!(failures.begin(bad, now));
    }

    #[test]
    fn the_number_of_addresses_is_limited() {
        let (mut failures, now) = (FailuresByAddress::default(), Instant::now());
        for number in 0..3 * MAX_ADDRESSES as u32 {
            let address = IpAddr::from((0xc000_0000 + number).to_be_bytes());
            assert!(failures.begin(address, now));
            failures.end(address, Some(false), now);
        }
        assert!(failures.0.len() <= MAX_ADDRESSES);
    }
}
