//! What the relay is told at start, and every way in which that can be wrong.

use std::{
    io,
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use streams::{audio::library::Library, dtls::Identity};

/// Addresses that one relay can serve: one of each family, or two of one.
pub const ADDRESSES_MAX: usize = 2;
/// Port pairs over all addresses, with the legs on the shared port; a lease's number has 16 bits for them.
pub const PAIRS_MAX: usize = 1 << 16;
/// Legs on the shared port.
pub const SHARED_LEGS_MAX: usize = 4_096;

/// All settings of the relay.
#[derive(Clone, Debug)]
pub struct RelayConfig {
    /// Where media is received, one pool of ports for each. At least one, at most [`ADDRESSES_MAX`].
    pub addresses: Vec<MediaAddress>,
    /// The UDP ports of every address.
    pub ports: PortRange,
    /// The UDP port of every address that all browsers share, outside `ports`; `None`: none can be called or call.
    pub shared_port: Option<u16>,
    /// Whether browsers may connect to the same port over TCP.
    pub is_shared_over_tcp: bool,
    /// Bound pairs to keep ready for each address; refilled when half of them are gone.
    pub stock_target: usize,
    /// How long a port rests after its leg was closed, so that late packets meet nobody's call.
    pub quarantine: Duration,
    /// CPU that the worker thread is pinned to; `None` leaves it to the kernel. A core that the process may not use
    /// is warned about and left to the kernel too.
    pub core: Option<usize>,
    /// Where the time line of the legs begins: the same real instant for every life of the switch. `None` is the
    /// start of this one.
    pub origin: Option<Instant>,
    /// Who the relay is in handshakes (DTLS-SRTP); `None` has none.
    pub identity: Option<Arc<Identity>>,
    /// Differentiated services code point of sent media, 0 to 63. 46 is expedited forwarding (RFC 3246).
    pub dscp: u8,
    /// For how long packets may be let gather under load, at most [`crate::GATHER_MICROS_MAX`]; `None` is never.
    pub gather: Option<Duration>,
    /// The same of packets that come on the shared port, which gather under less load, and of phones joined to legs there. Nobody
    /// else's wait for them.
    pub gather_browsers: Option<Duration>,
    /// The sounds that can be played. `None`: they are still being read, and come through [`crate::LibraryDoor`]; what is to
    /// be played waits for them.
    pub sounds: Option<Arc<Library>>,
}

impl Default for RelayConfig {
    /// No address yet; ports 20000-29999, none shared, 64 pairs in stock, 5 s of quarantine, not pinned, DSCP 46; no sounds but tones.
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            ports: PortRange { first: 20_000, last: 29_999 },
            shared_port: None,
            is_shared_over_tcp: false,
            stock_target: 64,
            quarantine: Duration::from_secs(5),
            core: None,
            origin: None,
            identity: None,
            dscp: 46,
            gather: None,
            gather_browsers: None,
            sounds: Some(Arc::default()),
        }
    }
}

/// One address of this host, and what the far end is told instead if it sees another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaAddress {
    /// A local address (behind a static NAT: the inner one).
    pub bind: IpAddr,
    /// The address that stands in our SDP (behind a static NAT: the outer one).
    pub advertised: IpAddr,
}

impl MediaAddress {
    /// An address that is seen as it is.
    pub fn direct(ip: IpAddr) -> Self {
        Self { bind: ip, advertised: ip }
    }
}

/// UDP ports `first ..= last`, used in pairs: RTP even, RTCP odd (RFC 3550 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortRange {
    /// Lowest port; even.
    pub first: u16,
    /// Highest port; a last even one stays unused.
    pub last: u16,
}

impl PortRange {
    /// Whole pairs in the range.
    pub fn pairs(self) -> usize {
        (usize::from(self.last) + 1).saturating_sub(usize::from(self.first)) / 2
    }

    /// The RTP port of a pair.
    pub(crate) fn rtp_port(self, pair: usize) -> u16 {
        let offset = u16::try_from(pair * 2).unwrap_or(u16::MAX);
        self.first.saturating_add(offset)
    }

    /// The pair that a port belongs to.
    pub(crate) fn pair_of(self, port: u16) -> Option<usize> {
        let pair = usize::from(port.checked_sub(self.first)?) / 2;
        (pair < self.pairs()).then_some(pair)
    }
}

/// Why the relay does not start. Each text says what to change.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    /// No address.
    #[error("no media address: name at least one local address for RTP")]
    NoAddress,
    /// More than [`ADDRESSES_MAX`].
    #[error("{0} media addresses: at most {ADDRESSES_MAX} are served (one IPv4 and one IPv6)")]
    TooManyAddresses(usize),
    /// IPv4 bound, IPv6 advertised, or the reverse.
    #[error("media address {bind} is advertised as {advertised}: both must be IPv4 or both IPv6")]
    MixedFamilies {
        /// The local address.
        bind: IpAddr,
        /// The advertised one.
        advertised: IpAddr,
    },
    /// A phone cannot send to it.
    #[error("media address {0} cannot be advertised: name the address that phones reach this host at")]
    NotAdvertisable(IpAddr),
    /// Not one whole pair.
    #[error(
        "RTP port range {first}-{last} holds no pair of ports: give it at least two, such as 20000-29999"
    )]
    EmptyRange {
        /// First port as configured.
        first: u16,
        /// Last port as configured.
        last: u16,
    },
    /// RTP ports are even.
    #[error("RTP port range begins with the odd port {0}: begin it with an even one")]
    OddRange(u16),
    /// Not numerable.
    #[error("{0} port pairs over all media addresses: at most {PAIRS_MAX}, narrow the RTP port range")]
    TooManyPairs(usize),
    /// More than six bits.
    #[error("DSCP {0} does not exist: choose 0 to 63, 46 for voice")]
    Dscp(u8),
    /// No such address on this host.
    #[error("media address {bind} is not local: bind an address of this host and advertise {bind} instead")]
    NotLocal {
        /// The address as configured.
        bind: IpAddr,
    },
    /// Ports below 1024.
    #[error(
        "RTP port {port} may not be bound: begin the range at 1024 or above, or grant CAP_NET_BIND_SERVICE"
    )]
    Privileged {
        /// The port that was refused.
        port: u16,
    },
    /// Every pair is taken by somebody else.
    #[error(
        "no free pair in RTP ports {first}-{last} of {bind}: another program uses them, choose another range"
    )]
    RangeTaken {
        /// The local address.
        bind: IpAddr,
        /// First port as configured.
        first: u16,
        /// Last port as configured.
        last: u16,
    },
    /// The shared port is one of the others.
    #[error("the port for browsers, {0}, lies among the RTP ports: choose one outside")]
    SharedInRange(u16),
    /// The shared port is taken, or may not be bound.
    #[error("cannot open UDP port {port} of {bind} for browsers: {error}; choose another port")]
    SharedPort {
        /// The local address.
        bind: IpAddr,
        /// The port as configured.
        port: u16,
        /// What the kernel says.
        error: io::Error,
    },
    /// The same of TCP.
    #[error(
        "cannot listen on TCP port {port} of {bind} for browsers: {error}; choose another port, or set browser_tcp = false"
    )]
    SharedTcp {
        /// The local address.
        bind: IpAddr,
        /// The port as configured.
        port: u16,
        /// What the kernel says.
        error: io::Error,
    },
    /// A socket could not be made, most likely for want of file descriptors.
    #[error("cannot open media sockets: {0}; raise LimitNOFILE if too many files are open")]
    Socket(io::Error),
    /// Poll, waker or thread.
    #[error("cannot start the media worker: {0}")]
    Worker(io::Error),
}

impl RelayConfig {
    /// Pairs of all addresses.
    pub(crate) fn pairs(&self) -> usize {
        self.ports.pairs() * self.addresses.len()
    }

    /// Legs that may be on the shared port.
    pub(crate) fn shared_legs(&self) -> usize {
        let room = PAIRS_MAX.saturating_sub(self.pairs());
        self.shared_port.map_or(0, |_| SHARED_LEGS_MAX.min(room))
    }

    /// Everything that can be said without asking the kernel.
    pub(crate) fn check(&self) -> Result<(), RelayError> {
        if self.addresses.is_empty() {
            return Err(RelayError::NoAddress);
        }
        if self.addresses.len() > ADDRESSES_MAX {
            return Err(RelayError::TooManyAddresses(self.addresses.len()));
        }
        for &MediaAddress { bind, advertised } in &self.addresses {
            if bind.is_ipv4() != advertised.is_ipv4() {
                return Err(RelayError::MixedFamilies { bind, advertised });
            }
            if advertised.is_unspecified() || advertised.is_multicast() {
                return Err(RelayError::NotAdvertisable(advertised));
            }
        }
        let PortRange { first, last } = self.ports;
        if first % 2 != 0 {
            return Err(RelayError::OddRange(first));
        }
        if first == 0 || self.ports.pairs() == 0 {
            return Err(RelayError::EmptyRange { first, last });
        }
        if let Some(port) = self.shared_port.filter(|port| (first..=last).contains(port)) {
            return Err(RelayError::SharedInRange(port));
        }
        let pairs = self.pairs();
        if pairs > PAIRS_MAX {
            return Err(RelayError::TooManyPairs(pairs));
        }
        if self.dscp > 63 {
            return Err(RelayError::Dscp(self.dscp));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut RelayConfig)) -> String {
        let local = MediaAddress::direct(IpAddr::from([127, 0, 0, 1]));
        let mut config = RelayConfig { addresses: vec![local], ..RelayConfig::default() };
        change(&mut config);
        config.check().map_or_else(|e| e.to_string(), |()| "fine".into())
    }

    #[test]
    fn each_mistake_says_what_to_change() {
        let v6 = IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(check(|_| {}), "fine");
        assert!(check(|c| c.addresses.clear()).contains("at least one local address"));
        assert!(check(|c| c.addresses = vec![c.addresses[0]; 3]).contains("at most 2"));
        assert!(check(|c| c.addresses[0].advertised = v6).contains("both must be"));
        assert!(check(|c| c.addresses[0].advertised = [0, 0, 0, 0].into()).contains("that phones reach"));
        assert!(check(|c| c.ports = PortRange { first: 20_001, last: 20_100 }).contains("even one"));
        assert!(check(|c| c.ports = PortRange { first: 20_000, last: 20_000 }).contains("at least two"));
        assert!(check(|c| c.ports = PortRange { first: 20_000, last: 10_000 }).contains("at least two"));
        assert!(check(|c| c.ports = PortRange { first: 0, last: 10_000 }).contains("at least two"));
        assert!(check(|c| c.shared_port = Some(20_001)).contains("outside"));
        assert!(check(|c| c.dscp = 64).contains("0 to 63"));
        assert_eq!(check(|c| c.ports = PortRange { first: 2, last: u16::MAX }), "fine");
    }

    #[test]
    fn ports_and_pairs() {
        let range = PortRange { first: 20_000, last: 20_005 };
        assert_eq!((range.pairs(), range.rtp_port(2)), (3, 20_004));
        assert_eq!(PortRange { first: 20_000, last: 20_004 }.pairs(), 2);
        assert_eq!(range.pair_of(20_005), Some(2));
        assert_eq!((range.pair_of(20_006), range.pair_of(19_999)), (None, None));
        assert_eq!(PortRange { first: 2, last: u16::MAX }.rtp_port(32_766), 65_534);
    }
}
