//! Where a request comes from. Behind a reverse proxy that is who the proxy says (`X-Forwarded-For`, `X-Forwarded-Proto`,
//! `X-Request-Id`); from anybody else these headers are a stranger's words and nobody reads them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::HeaderMap,
};
use ipnet::IpNet;

/// Characters of an id that a proxy may give to a request.
const ID_CHARS_MAX: usize = 64;

/// What is known about it before it is known who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The client's address, of either family.
    pub address: IpAddr,
    /// A proxy has taken it by TLS.
    pub is_https: bool,
    /// What the proxy calls it.
    pub request_id: Option<String>,
}

impl Source {
    /// That of `request`, when whoever is in `proxies` is believed.
    pub fn of(request: &Request, proxies: &[IpNet]) -> Self {
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(peer)| peer.ip());
        Self::behind(peer, request.headers(), proxies)
    }

    fn behind(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Self {
        let peer = peer.to_canonical();
        let is_proxy = |address: &IpAddr| proxies.iter().any(|net| net.contains(address));
        if !is_proxy(&peer) {
            return Self { address: peer, is_https: false, request_id: None };
        }
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        // Each proxy has added on the right whom it has heard; what stands left of the first stranger is the stranger's.
        let forwarded =
            headers.get_all("x-forwarded-for").iter().rev().map_while(|value| value.to_str().ok());
        let mut address = peer;
        for said in forwarded.flat_map(|list| list.rsplit(',')) {
            let Ok(before) = said.trim().parse::<IpAddr>() else { break };
            address = before.to_canonical();
            if !is_proxy(&address) {
                break;
            }
        }
        let is_id = |id: &&str| {
            (1..=ID_CHARS_MAX).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        Self {
            address,
            is_https: text("x-forwarded-proto") == Some("https"),
            request_id: text("x-request-id").filter(is_id).map(str::to_owned),
        }
    }

    /// Whom it counts for: whoever has an IPv6 address has all of its /64.
    pub fn neighbourhood(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => self.address,
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(peer: &str, headers: &[(&'static str, &str)]) -> Source {
        let proxies: Vec<IpNet> = ["127.0.0.0/8", "10.0.0.0/8"].map(|net| net.parse().unwrap()).to_vec();
        let headers = headers.iter().map(|(name, value)| {
            (axum::http::HeaderName::from_static(name), value.parse::<axum::http::HeaderValue>().unwrap())
        });
        Source::behind(peer.parse().unwrap(), &headers.collect(), &proxies)
    }

    fn address(peer: &str, forwarded: &str) -> String {
        source(peer, &[("x-forwarded-for", forwarded)]).address.to_string()
    }

    #[test]
    fn only_a_proxy_is_believed_and_only_about_whom_it_has_heard() {
        assert_eq!(address("127.0.0.1", "192.0.2.7"), "192.0.2.7");
        assert_eq!(address("127.0.0.1", "203.0.113.9, 192.0.2.7, 10.0.0.2"), "192.0.2.7");
        assert_eq!(address("::ffff:127.0.0.1", "::ffff:192.0.2.7"), "192.0.2.7");
        assert_eq!(address("127.0.0.1", "192.0.2.7, nonsense"), "127.0.0.1");
        assert_eq!(address("198.51.100.1", "192.0.2.7"), "198.51.100.1");
        let said = [("x-forwarded-proto", "https"), ("x-request-id", "a1-b2")];
        let proxied = source("127.0.0.1", &said);
        assert!(proxied.is_https && proxied.request_id.as_deref() == Some("a1-b2"));
        let stranger = source("198.51.100.1", &said);
        assert!(!stranger.is_https && stranger.request_id.is_none());
        for id in ["", "a b", "a/b", &"x".repeat(65)] {
            assert_eq!(source("127.0.0.1", &[("x-request-id", id)]).request_id, None, "{id}");
        }
    }

    #[test]
    fn a_whole_network_of_ipv6_counts_as_one() {
        let of = |peer: &str| source(peer, &[]).neighbourhood();
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
