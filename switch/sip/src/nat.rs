//! Where messages go: responses by RFC 3261 18.2.2 and RFC 3581, in-dialog requests by route set, target and
//! the flow the peer was heard on.
//!
//! There is no DNS here, and a peer does not choose where our requests go: a route or target counts only where its
//! address is the one the peer is heard from. Everything else, names, private addresses, other people's hosts, is
//! reached by the flow its signalling came on. That is where a phone behind a NAT can hear us, and nobody can make us
//! talk to the loopback, to link-local services or to somebody else's phone (server-side request forgery).

use std::fmt::{self, Display};
use std::net::SocketAddr;

use crate::flow::{Flow, Transport};
use crate::message::fields::{NameAddr, Via};
use crate::uri::Uri;

/// The flow of the response to a request that came on `flow` with this topmost Via.
///
/// Datagrams go to the source address, always (RFC 3581 4). Without `rport` a client that names its own source
/// address in sent-by is answered at the port it names there (18.2.2); any other is behind a NAT.
pub(crate) fn response_flow(flow: Flow, via: &Via<'_>) -> Flow {
    if flow.transport.is_reliable() {
        return flow;
    }
    let source = flow.remote;
    let sent_by = via.host.ip().map(|ip| ip.to_canonical());
    let names_itself = via.rport().is_none() && sent_by == Some(source.ip().to_canonical());
    let port = if names_itself { via.port.unwrap_or(flow.transport.default_port()) } else { source.port() };
    Flow { remote: flow.remote_at(port), ..flow }
}

/// The port to open a connection to, for a response whose connection is gone (18.2.2): that of sent-by, at the address
/// the request came from. A WebSocket client cannot be connected to.
pub(crate) fn response_fallback(flow: Flow, via: &Via<'_>) -> Option<u16> {
    match flow.transport {
        Transport::Tcp | Transport::Tls => Some(via.port.unwrap_or(flow.transport.default_port())),
        Transport::Udp | Transport::Ws | Transport::Wss => None,
    }
}

/// The topmost Via as it stands in the response: `received` and `rport` are ours, whatever the client wrote.
pub(crate) struct StampedVia<'a> {
    /// As it came.
    pub(crate) raw: &'a str,
    /// The same, read.
    pub(crate) via: &'a Via<'a>,
    /// Where it came from.
    pub(crate) source: SocketAddr,
}

impl Display for StampedVia<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { raw, via, source } = self;
        f.write_str(raw.split_once(';').map_or(raw, |(head, _)| head))?;
        let is_ours =
            |name: &str| name.eq_ignore_ascii_case("received") || name.eq_ignore_ascii_case("rport");
        for (name, value) in via.params.iter().filter(|(name, _)| !is_ours(name)) {
            f.write_str(";")?;
            f.write_str(name)?;
            if let Some(value) = value {
                f.write_str("=")?;
                f.write_str(value)?;
            }
        }
        let asked = via.rport().is_some();
        if asked || via.host.ip() != Some(source.ip()) {
            write!(f, ";received={}", source.ip())?;
        }
        if asked {
            write!(f, ";rport={}", source.port())?;
        }
        Ok(())
    }
}

/// The flow of a request inside a dialog. `leg` is the flow the peer was last heard on.
pub(crate) fn next_hop(first_route: Option<&str>, target: &str, leg: Flow) -> Flow {
    let hop = first_route.map_or(target, |route| NameAddr::parse(route).map_or(route, |route| route.uri));
    Uri::parse(hop).ok().and_then(|uri| named_itself(&uri, leg)).unwrap_or(leg)
}

/// Where a peer that is heard on `leg` says it is, if that is the same machine.
fn named_itself(uri: &Uri<'_>, leg: Flow) -> Option<Flow> {
    let address = leg.remote.ip();
    if uri.host.ip()?.to_canonical() != address.to_canonical() {
        return None;
    }
    let transport = uri.param("transport").and_then(Transport::from_token).unwrap_or(leg.transport);
    // Never down from an encrypted leg to a clear one; and a WebSocket client takes no connections (RFC 7118 5).
    let is_lesser = leg.transport.is_secure() && !transport.is_secure();
    if is_lesser || matches!(transport, Transport::Ws | Transport::Wss) {
        return None;
    }
    if transport == leg.transport && leg.transport.is_reliable() && leg.connection != 0 {
        // The connection that is open, whatever port the peer listens on. One that is gone came from a port
        // where nobody listens.
        return None;
    }
    let port = uri.port.unwrap_or(transport.default_port());
    Some(Flow { transport, local: leg.local, remote: leg.remote_at(port), connection: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(transport: Transport, remote: &str) -> Flow {
        let local = "192.0.2.1:5060".parse().unwrap();
        let connection = u64::from(transport.is_reliable());
        Flow { transport, local, remote: remote.parse().unwrap(), connection }
    }

    fn check_response(via: &str, source: &str, to: &str, stamped: &str) {
        let flow = flow(Transport::Udp, source);
        let parsed = Via::parse(via).unwrap();
        assert_eq!(response_flow(flow, &parsed).remote, to.parse::<SocketAddr>().unwrap(), "{via}");
        let written = StampedVia { raw: via, via: &parsed, source: flow.remote };
        assert_eq!(written.to_string(), stamped);
    }

    #[test]
    fn rfc_3581_the_source_is_answered() {
        check_response(
            "SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff",
            "192.0.2.9:9988",
            "192.0.2.9:9988",
            "SIP/2.0/UDP 10.1.1.1:4540;branch=z9hG4bKkjshdyff;received=192.0.2.9;rport=9988",
        );
        check_response(
            "SIP/2.0/UDP [2001:db8::9:1];rport=1;received=10.0.0.1;branch=z9hG4bKas3-111",
            "[2001:db8::9:1]:5060",
            "[2001:db8::9:1]:5060",
            "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111;received=2001:db8::9:1;rport=5060",
        );
    }

    #[test]
    fn rfc_3581_rport_wins_over_the_port_of_sent_by() {
        check_response(
            "SIP/2.0/UDP 192.0.2.9:5062;rport;branch=z9hG4bKa",
            "192.0.2.9:40000",
            "192.0.2.9:40000",
            "SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa;received=192.0.2.9;rport=40000",
        );
    }

    #[test]
    fn rfc_3261_18_2_2_without_rport() {
        // It names its own address: the port it names is where it listens.
        let via = "SIP/2.0/UDP 192.0.2.9:5062;branch=z9hG4bKa";
        check_response(via, "192.0.2.9:40000", "192.0.2.9:5062", via);
        check_response(
            "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa",
            "192.0.2.9:40000",
            "192.0.2.9:5060",
            "SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKa",
        );
        // It does not: it is behind a NAT, or has a name.
        check_response(
            "SIP/2.0/UDP phone.example:5062;branch=z9hG4bKa",
            "192.0.2.9:40000",
            "192.0.2.9:40000",
            "SIP/2.0/UDP phone.example:5062;branch=z9hG4bKa;received=192.0.2.9",
        );
    }

    #[test]
    fn rfc_3261_18_2_2_a_lost_connection_is_replaced_at_sent_by() {
        let via = Via::parse("SIP/2.0/TCP 192.0.2.9:5062;branch=z9hG4bKa").unwrap();
        let to = |transport| response_fallback(flow(transport, "192.0.2.9:40000"), &via);
        assert_eq!(to(Transport::Tcp), Some(5062));
        assert_eq!(to(Transport::Udp), None);
        assert_eq!(to(Transport::Wss), None);
    }

    fn check_hop(route: Option<&str>, target: &str, leg: Flow, transport: Transport, to: &str) {
        let hop = next_hop(route, target, leg);
        assert_eq!((hop.transport, hop.remote), (transport, to.parse().unwrap()), "{route:?} {target}");
    }

    #[test]
    fn a_phone_that_is_where_it_says_is_reached_at_its_contact() {
        let leg = flow(Transport::Udp, "192.0.2.9:40000");
        check_hop(None, "sip:1001@192.0.2.9:5062", leg, Transport::Udp, "192.0.2.9:5062");
        check_hop(None, "sip:1001@192.0.2.9", leg, Transport::Udp, "192.0.2.9:5060");
        check_hop(None, "sip:1001@192.0.2.9:5062;transport=tcp", leg, Transport::Tcp, "192.0.2.9:5062");
    }

    #[test]
    fn a_phone_behind_a_nat_is_reached_where_it_was_heard() {
        let leg = flow(Transport::Udp, "192.0.2.9:40000");
        for target in
            ["sip:1001@10.0.0.7:5062", "sip:1001@phone.example", "sip:a@x.invalid;transport=ws", "tel:1"]
        {
            check_hop(None, target, leg, Transport::Udp, "192.0.2.9:40000");
        }
    }

    #[test]
    fn an_open_connection_is_used_on() {
        let leg = flow(Transport::Tcp, "192.0.2.9:40000");
        assert_eq!(next_hop(None, "sip:1001@192.0.2.9:5062;transport=tcp", leg), leg);
        assert_eq!(next_hop(None, "sip:1001@192.0.2.9:5062", leg), leg);
    }

    #[test]
    fn a_connection_that_is_gone_is_replaced_where_the_peer_listens() {
        let leg = Flow { connection: 0, ..flow(Transport::Tcp, "192.0.2.9:40000") };
        check_hop(None, "sip:1001@192.0.2.9:5062;transport=tcp", leg, Transport::Tcp, "192.0.2.9:5062");
        check_hop(None, "sip:1001@192.0.2.9", leg, Transport::Tcp, "192.0.2.9:5060");
        // Behind a NAT there is no such port.
        check_hop(None, "sip:1001@10.0.0.7:5062", leg, Transport::Tcp, "192.0.2.9:40000");
    }

    #[test]
    fn a_route_comes_first_and_never_leads_out_of_tls() {
        let leg = flow(Transport::Udp, "192.0.2.9:40000");
        let target = "sip:1001@192.0.2.9:5062";
        check_hop(Some("<sip:192.0.2.9:5070;lr>"), target, leg, Transport::Udp, "192.0.2.9:5070");
        check_hop(Some("<sip:proxy.example;lr>"), target, leg, Transport::Udp, "192.0.2.9:40000");
        let leg = flow(Transport::Tls, "192.0.2.9:40000");
        assert_eq!(next_hop(Some("<sip:192.0.2.9;transport=udp;lr>"), target, leg), leg);
    }

    #[test]
    fn a_peer_cannot_make_us_talk_to_anybody_else() {
        let leg = flow(Transport::Udp, "192.0.2.9:40000");
        for elsewhere in [
            "127.0.0.1:6379",
            "[::1]:22",
            "169.254.169.254:80",
            "192.0.2.77",
            "0.0.0.0:5060",
            "[fe80::1]:5060",
            "[::ffff:127.0.0.1]:5060",
            "224.0.1.75",
        ] {
            let route = format!("<sip:{elsewhere};lr;transport=tcp>");
            check_hop(Some(&route), "sip:1001@192.0.2.9:5062", leg, Transport::Udp, "192.0.2.9:40000");
            check_hop(None, &format!("sip:1001@{elsewhere}"), leg, Transport::Udp, "192.0.2.9:40000");
        }
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_the_same_machine() {
        let leg = flow(Transport::Udp, "192.0.2.9:40000");
        check_hop(None, "sip:1001@[::ffff:192.0.2.9]:5062", leg, Transport::Udp, "192.0.2.9:5062");
    }
}
