//! Where a message came from or goes to: transport, both addresses, and the connection of a stream.
//!
//! A `Flow` is a value, not a socket. The switch's wire keeps the sockets; this crate only says which flow a
//! message belongs to (RFC 3261 18, RFC 5626 for the word).

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// A SIP transport (RFC 3261 19.1.1, RFC 7118 for WebSocket).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream under TLS.
    Tls,
    /// WebSocket.
    Ws,
    /// WebSocket under TLS.
    Wss,
}

impl Transport {
    /// Whether the transport itself repeats what is lost, so that the transactions must not (RFC 3261 17).
    pub fn is_reliable(self) -> bool {
        self != Self::Udp
    }

    /// Whether the transport is encrypted; a request is never sent on over a lesser one.
    pub fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// The word of a Via header.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// The value of a URI's `transport` parameter, or `None` where none is written.
    pub fn uri_parameter(self) -> Option<&'static str> {
        match self {
            Self::Udp => None,
            Self::Tcp => Some("tcp"),
            Self::Tls => Some("tls"),
            Self::Ws | Self::Wss => Some("ws"),
        }
    }

    /// Reads the token of a Via header or of a `transport` parameter, in any case.
    pub fn from_token(token: &str) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss]
            .into_iter()
            .find(|transport| transport.as_str().eq_ignore_ascii_case(token))
    }

    /// The port meant where none is written (RFC 3261 18.1.1, RFC 7118 for WebSocket).
    pub fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

/// One way between us and a peer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Flow {
    /// Its transport.
    pub transport: Transport,
    /// Our address, as the peer sees it.
    pub local: SocketAddr,
    /// The peer's address, as we see it.
    pub remote: SocketAddr,
    /// The connection of a stream. 0: a datagram, or "reuse or open one" for a stream.
    pub connection: u64,
}

impl Flow {
    /// A datagram flow.
    pub fn udp(local: SocketAddr, remote: SocketAddr) -> Self {
        Self { transport: Transport::Udp, local, remote, connection: 0 }
    }

    /// Whether a failure of `failed` is a failure of this flow: the same connection, or, where one of the two
    /// does not name a connection, the same peer over the same transport.
    pub fn is_hit_by(&self, failed: &Self) -> bool {
        self.transport == failed.transport
            && self.remote == failed.remote
            && (self.connection == failed.connection || self.connection == 0 || failed.connection == 0)
    }

    /// The peer at another port. The zone of an IPv6 address stays: a link-local peer is not reached without it.
    pub fn remote_at(&self, port: u16) -> SocketAddr {
        let mut remote = self.remote;
        remote.set_port(port);
        remote
    }

    /// The same peer without its connection, to be reached by a new one.
    pub fn reopened(self, remote: SocketAddr) -> Self {
        Self { remote, connection: 0, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(transport: Transport, connection: u64) -> Flow {
        let address = |text: &str| text.parse().expect("an address");
        Flow { transport, local: address("192.0.2.1:5060"), remote: address("192.0.2.2:40000"), connection }
    }

    #[test]
    fn tokens_are_read_in_any_case() {
        assert_eq!(Transport::from_token("tcp"), Some(Transport::Tcp));
        assert_eq!(Transport::from_token("WsS"), Some(Transport::Wss));
        assert_eq!(Transport::from_token("sctp"), None);
    }

    #[test]
    fn rfc_4007_a_link_local_peer_keeps_its_zone() {
        let remote = "[fe80::7%3]:40000".parse().expect("an address");
        let link = Flow { remote, ..flow(Transport::Udp, 0) };
        assert_eq!(link.remote_at(5060), "[fe80::7%3]:5060".parse().expect("an address"));
    }

    #[test]
    fn a_failed_connection_hits_its_own_flow_only() {
        let one = flow(Transport::Tcp, 1);
        assert!(one.is_hit_by(&one));
        assert!(one.is_hit_by(&flow(Transport::Tcp, 0)));
        assert!(!one.is_hit_by(&flow(Transport::Tcp, 2)));
        assert!(!one.is_hit_by(&flow(Transport::Tls, 1)));
    }
}
