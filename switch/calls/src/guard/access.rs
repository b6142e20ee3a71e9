//! Which addresses may speak to the switch at all, as a session border controller is told: the most specific network
//! that holds an address decides, and an address that none holds may.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;

/// What is said of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It may, and is never locked out.
    Allowed,
    /// It may not: nothing from it is answered.
    Denied,
}

/// Networks and what is said of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessList {
    v4: BTreeMap<Reverse<u8>, BTreeMap<Ipv4Addr, Access>>,
    v6: BTreeMap<Reverse<u8>, BTreeMap<Ipv6Addr, Access>>,
}

impl AccessList {
    /// A network that stands in both is denied.
    #[must_use]
    pub fn new(allowed: &[IpNet], denied: &[IpNet]) -> Self {
        let mut list = Self::default();
        let allowed = allowed.iter().map(|net| (net, Access::Allowed));
        for (net, access) in allowed.chain(denied.iter().map(|net| (net, Access::Denied))) {
            let length = Reverse(net.prefix_len());
            match net {
                IpNet::V4(net) => list.v4.entry(length).or_default().insert(net.network(), access),
                IpNet::V6(net) => list.v6.entry(length).or_default().insert(net.network(), access),
            };
        }
        list
    }

    /// What is said of an address.
    #[must_use]
    pub fn of(&self, address: IpAddr) -> Option<Access> {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.v4.iter().find_map(|(Reverse(length), nets)| {
                let mask = u32::MAX.checked_shl(32 - u32::from(*length)).unwrap_or(0);
                nets.get(&Ipv4Addr::from_bits(v4.to_bits() & mask)).copied()
            }),
            IpAddr::V6(v6) => self.v6.iter().find_map(|(Reverse(length), nets)| {
                let mask = u128::MAX.checked_shl(128 - u32::from(*length)).unwrap_or(0);
                nets.get(&Ipv6Addr::from_bits(v6.to_bits() & mask)).copied()
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(allowed: &[&str], denied: &[&str], address: &str, expected: Option<Access>) {
        let nets = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<IpNet>>();
        let list = AccessList::new(&nets(allowed), &nets(denied));
        assert_eq!(list.of(address.parse().unwrap()), expected, "{allowed:?} {denied:?} {address}");
    }

    #[test]
    fn the_most_specific_network_decides() {
        use Access::{Allowed, Denied};
        check(&[], &[], "192.0.2.1", None);
        check(&["192.0.2.0/24"], &["0.0.0.0/0"], "192.0.2.1", Some(Allowed));
        check(&["192.0.2.0/24"], &["0.0.0.0/0"], "192.0.3.1", Some(Denied));
        check(&["192.0.2.0/24"], &["192.0.2.7/32"], "192.0.2.7", Some(Denied));
        check(&["192.0.2.7/32"], &["192.0.2.0/24"], "192.0.2.7", Some(Allowed));
        check(&["192.0.2.0/24"], &["192.0.2.0/24"], "192.0.2.7", Some(Denied));
        check(&["192.0.2.5/24"], &[], "192.0.2.7", Some(Allowed));
    }

    #[test]
    fn families_are_told_apart_and_mapped_addresses_are_not() {
        use Access::{Allowed, Denied};
        check(&[], &["0.0.0.0/0"], "2001:db8::1", None);
        check(&[], &["0.0.0.0/0"], "::ffff:192.0.2.1", Some(Denied));
        check(&["2001:db8::/32"], &["::/0"], "2001:db8::1", Some(Allowed));
        check(&["2001:db8::/32"], &["::/0"], "2001:db9::1", Some(Denied));
        check(&[], &["2001:db8::1/128"], "2001:db8::1", Some(Denied));
    }
}
