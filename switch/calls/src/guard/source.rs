//! Whom an address stands for: one host of IPv4, one network of IPv6.
//!
//! A host of IPv6 changes the lower half of its address as it likes (RFC 8981) and is given a whole /64 (RFC 6177), so
//! that counting by address would count nothing.

use std::net::IpAddr;

/// The peer that things are counted by and nonces are bound to: an IPv4 address or an IPv6 /64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Source([u8; 9]);

impl Source {
    pub(crate) fn of(address: IpAddr) -> Self {
        let mut bytes = [0; 9];
        let (family, host) = bytes.split_at_mut(1);
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                family.fill(4);
                host.iter_mut().zip(v4.octets()).for_each(|(to, from)| *to = from);
            }
            IpAddr::V6(v6) => {
                family.fill(6);
                host.iter_mut().zip(v6.octets()).for_each(|(to, from)| *to = from);
            }
        }
        Self(bytes)
    }

    /// Tells two sources apart; of a fixed length.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_a_host_of_ipv4_and_a_network_of_ipv6() {
        let source = |text: &str| Source::of(text.parse().unwrap());
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
        assert_eq!(source("192.0.2.1"), source("::ffff:192.0.2.1"), "as a socket of both families names it");
        assert_eq!(source("2001:db8:1:2::3"), source("2001:db8:1:2:ffff::"));
        assert_ne!(source("2001:db8:1:2::3"), source("2001:db8:1:3::3"));
        assert_ne!(source("0.0.0.0"), source("::"));
    }
}
