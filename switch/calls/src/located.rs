//! Where the URIs that configuration names lead: an address as it stands, a name as DNS said last (decision 0017), each by
//! the listener of ours that speaks the same transport and family. Nothing is resolved here. What a peer has written leads
//! somewhere only where the operator trusts that very name: those of trunks are located too, and are nobody else's.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, SocketAddr},
};

use sip::{
    Flow, Transport, Uri,
    locate::{Choice, Target, in_order, is_special},
};

use crate::means::Random;

/// Names that are kept located.
const LOCATIONS_MAX: usize = 4_096;

/// Where names lead and where from.
#[derive(Debug, Default)]
pub(crate) struct Located {
    listeners: Vec<(Transport, SocketAddr)>,
    /// Names that peers may write.
    proxies: BTreeSet<Target>,
    names: BTreeMap<Target, Vec<Choice>>,
}

impl Located {
    /// Of a switch that calls itself this, and whose phones may be behind these proxies.
    pub(crate) fn new(listeners: Vec<(Transport, SocketAddr)>, proxies: BTreeSet<Target>) -> Self {
        Self { listeners, proxies, names: BTreeMap::new() }
    }

    /// Takes note of where a name leads now. What was found before is kept when nothing is found. Names that nothing is wanted
    /// of any more are forgotten when there is no room for another one, and not before: they may be wanted again.
    pub(crate) fn note(
        &mut self,
        target: &Target,
        choices: Vec<Choice>,
        is_wanted: impl Fn(&Target) -> bool,
    ) {
        if choices.is_empty() {
            return;
        }
        if self.names.len() >= LOCATIONS_MAX && !self.names.contains_key(target) {
            let proxies = &self.proxies;
            self.names.retain(|name, _| proxies.contains(name) || is_wanted(name));
        }
        if self.names.len() < LOCATIONS_MAX || self.names.contains_key(target) {
            self.names.insert(target.clone(), choices);
        }
    }

    /// The flows to a URI of the configuration in the order for one request; none where it leads nowhere. An address that
    /// only this machine can reach is followed from a listener that only this machine can reach, and from no other.
    pub(crate) fn flows(&self, uri: &Uri<'_>, random: &mut Random) -> Vec<Flow> {
        let Some(address) = uri.host.ip() else { return self.named(uri, None, random) };
        self.literal(uri, address.to_canonical()).into_iter().collect()
    }

    /// The flows to a URI that a peer has written: to one of the proxies that the operator trusts, and nowhere else.
    pub(crate) fn trusted(&self, uri: &Uri<'_>, is_ipv4: Option<bool>, random: &mut Random) -> Vec<Flow> {
        let is_trusted = Target::of(uri).is_some_and(|target| self.proxies.contains(&target));
        if is_trusted { self.named(uri, is_ipv4, random) } else { Vec::new() }
    }

    /// The flows to a name, all of one family: of IPv4 or not where there are such, else that of the first. An INVITE names
    /// one address for its media, whichever way it takes.
    fn named(&self, uri: &Uri<'_>, is_ipv4: Option<bool>, random: &mut Random) -> Vec<Flow> {
        let found = Target::of(uri).and_then(|target| self.names.get(&target));
        let dice = |bound: u32| u32::try_from(random.number() % u64::from(bound.max(1))).unwrap_or(0);
        let order = found.map(|choices| in_order(choices, dice)).unwrap_or_default();
        let flows: Vec<Flow> =
            order.into_iter().filter_map(|(transport, remote)| self.flow(transport, remote)).collect();
        let has = |wanted: bool| flows.iter().any(|flow| flow.remote.is_ipv4() == wanted);
        let family =
            is_ipv4.filter(|wanted| has(*wanted)).or(flows.first().map(|flow| flow.remote.is_ipv4()));
        flows.into_iter().filter(|flow| Some(flow.remote.is_ipv4()) == family).collect()
    }

    /// All addresses that a URI of the configuration leads to, in whatever order.
    pub(crate) fn addresses(&self, uri: &Uri<'_>) -> Vec<IpAddr> {
        let named = Target::of(uri).and_then(|target| self.names.get(&target));
        let all = named.into_iter().flatten().flat_map(|choice| &choice.addresses).map(SocketAddr::ip);
        uri.host.ip().into_iter().chain(all).map(|ip| ip.to_canonical()).collect()
    }

    fn literal(&self, uri: &Uri<'_>, address: IpAddr) -> Option<Flow> {
        let transport = uri.param("transport").map_or(Some(Transport::Udp), Transport::from_token)?;
        let remote = SocketAddr::new(address, uri.port.unwrap_or(transport.default_port()));
        let flow = self.flow(transport, remote)?;
        let is_among_ourselves = address.is_loopback() && flow.local.ip().is_loopback();
        let is_us = self.listeners.contains(&(transport, remote));
        (!is_us && (!is_special(address) || is_among_ourselves)).then_some(flow)
    }

    /// From the listener of the same transport and family, the one that is on this machine alone for what is too.
    fn flow(&self, transport: Transport, remote: SocketAddr) -> Option<Flow> {
        let fits = |(ours, local): &&(Transport, SocketAddr)| {
            *ours == transport && local.is_ipv4() == remote.is_ipv4()
        };
        let is_near = |local: &SocketAddr| local.ip().is_loopback() == remote.ip().is_loopback();
        let all = || self.listeners.iter().filter(fits).map(|(_, local)| *local);
        let local = all().find(is_near).or_else(|| all().next())?;
        Some(Flow { transport, local, remote, connection: 0 })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    const PROVIDER: &str = "sip:provider.example";

    /// A switch with four listeners, and a name that leads to four servers.
    pub(crate) fn located(name: &str) -> Located {
        let listener = |transport, address: &str| (transport, address.parse().unwrap());
        let choice = |transport, rank, addresses: &[&str]| Choice {
            transport,
            rank,
            weight: 0,
            addresses: addresses.iter().map(|address| address.parse().unwrap()).collect(),
        };
        let listeners = vec![
            listener(Transport::Udp, "127.0.0.1:5060"),
            listener(Transport::Udp, "192.0.2.1:5060"),
            listener(Transport::Tcp, "192.0.2.1:5060"),
            listener(Transport::Tcp, "[2001:db8::9]:5060"),
        ];
        let target = Target::of(&Uri::parse(name).unwrap()).unwrap();
        let mut located = Located::new(listeners, [target.clone()].into());
        let found = vec![
            choice(Transport::Tls, 1, &["198.51.100.1:5061"]),
            choice(Transport::Tcp, 2, &["[2001:db8::1]:5060", "198.51.100.1:5060"]),
            choice(Transport::Udp, 3, &["198.51.100.2:5060"]),
        ];
        located.note(&target, found, |_| true);
        located
    }

    fn check(uri: &str, expected: &[(Transport, &str, &str)]) {
        let flows = located(PROVIDER).flows(&Uri::parse(uri).unwrap(), &mut Random::new([1; 32]));
        let found: Vec<_> = flows.iter().map(|flow| (flow.transport, flow.local, flow.remote)).collect();
        let expected: Vec<_> = expected
            .iter()
            .map(|(transport, local, remote)| (*transport, local.parse().unwrap(), remote.parse().unwrap()))
            .collect();
        assert_eq!(found, expected, "{uri}");
    }

    #[test]
    fn an_address_is_reached_by_the_listener_that_can() {
        use Transport::{Tcp, Udp};
        let (ours, own) = ("192.0.2.1:5060", "127.0.0.1:5060");
        check("sip:203.0.113.5", &[(Udp, ours, "203.0.113.5:5060")]);
        check("sip:203.0.113.5:5080;transport=tcp", &[(Tcp, ours, "203.0.113.5:5080")]);
        check("sip:203.0.113.5;transport=tls", &[]);
        check("sip:[2001:db8::5]", &[]);
        check("sip:[2001:db8::5];transport=tcp", &[(Tcp, "[2001:db8::9]:5060", "[2001:db8::5]:5060")]);
        check("sip:10.0.0.5", &[(Udp, ours, "10.0.0.5:5060")]);
        check("sip:127.0.0.2", &[(Udp, own, "127.0.0.2:5060")]);
    }

    #[test]
    fn what_only_this_machine_or_everybody_can_reach_is_not_followed() {
        for uri in [
            "sip:127.0.0.1",
            "sip:127.0.0.2;transport=tcp",
            "sip:169.254.169.254",
            "sip:224.0.1.75",
            "sip:192.0.2.1",
        ] {
            check(uri, &[]);
        }
    }

    #[test]
    fn a_name_leads_where_dns_said_last_in_one_family() {
        use Transport::{Tcp, Udp};
        check("sip:provider.example", &[(Tcp, "[2001:db8::9]:5060", "[2001:db8::1]:5060")]);
        check("sip:other.example", &[]);
        let uri = Uri::parse(PROVIDER).unwrap();
        let located = located(PROVIDER);
        let four = located.named(&uri, Some(true), &mut Random::new([1; 32]));
        let four: Vec<_> = four.iter().map(|flow| (flow.transport, flow.remote.to_string())).collect();
        assert_eq!(four, [(Tcp, "198.51.100.1:5060".into()), (Udp, "198.51.100.2:5060".into())]);
        let all: Vec<_> = located.addresses(&uri).iter().map(ToString::to_string).collect();
        assert_eq!(all, ["198.51.100.1", "2001:db8::1", "198.51.100.1", "198.51.100.2"]);
        let literal = located.addresses(&Uri::parse("sip:[::ffff:203.0.113.5]").unwrap());
        assert_eq!(literal, ["203.0.113.5".parse::<IpAddr>().unwrap()]);
    }

    /// A bug: names were never forgotten, so that no further trunk was found after so many in the life of a switch.
    #[test]
    fn a_name_that_nothing_is_wanted_of_makes_room_for_another() {
        let mut located = located(PROVIDER);
        let target = |n: usize| Target::of(&Uri::parse(&format!("sip:p{n}.example")).unwrap()).unwrap();
        let choices = located.names.values().next().unwrap().clone();
        for n in 0..LOCATIONS_MAX {
            located.note(&target(n), choices.clone(), |_| true);
        }
        let beyond = target(LOCATIONS_MAX - 1);
        assert!(!located.names.contains_key(&beyond), "all others are wanted");
        located.note(&beyond, choices, |name| *name == target(7));
        let proxy = Target::of(&Uri::parse(PROVIDER).unwrap()).unwrap();
        let kept: BTreeSet<_> = located.names.into_keys().collect();
        assert_eq!(kept, [proxy, target(7), beyond].into());
    }

    #[test]
    fn what_was_found_is_kept_when_nothing_is_found() {
        let mut located = located(PROVIDER);
        located.note(&Target::of(&Uri::parse(PROVIDER).unwrap()).unwrap(), Vec::new(), |_| true);
        let flows = located.flows(&Uri::parse(PROVIDER).unwrap(), &mut Random::new([1; 32]));
        assert_eq!(flows.len(), 1);
    }
}
