//! Who sends a request.

use std::net::{IpAddr, Ipv6Addr};

/// The address that a request comes from: an extension of every request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub IpAddr);

/// What counts as one client: an IPv4 address, or the 64 bits of an IPv6 network. Everyone who has one
/// of its addresses has all of them.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !(u64::MAX as u128)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_client() {
        let of = |text: &str| network(text.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
    }
}
