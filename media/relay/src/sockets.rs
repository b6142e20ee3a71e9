//! Binding ports: a pair of non-blocking UDP sockets, RTP even and RTCP odd, marked for voice, or one that legs share, of UDP
//! and of TCP.

use std::{
    io,
    net::{self, IpAddr, SocketAddr, TcpListener, TcpStream},
    os::fd::AsFd as _,
    sync::Arc,
};

use mio::net::UdpSocket;
use socket2::{Domain, Protocol, Socket, Type};
use streams::leg::Channel;

use crate::{
    syscall::hear_refusals,
    way::{UNACKNOWLEDGED_BYTES_MAX, Way},
};

/// Connections that the kernel keeps until they are taken.
const BACKLOG_MAX: i32 = 256;
/// The kernel counts what it keeps frames in besides, which is far more than short frames.
const CONNECTION_BUFFER_BYTES: usize = 8 * UNACKNOWLEDGED_BYTES_MAX;

/// What the kernel is asked to keep in front of a port that legs share, and behind it; it gives `net.core.rmem_max` and
/// `wmem_max` at most. A leg alone fills 4 KB in a tenth of a second, all browsers together as many times that.
const SHARED_BUFFER_BYTES: usize = 4 * 1024 * 1024;

/// What a leg sends by.
#[derive(Debug)]
pub(crate) enum Sockets {
    /// Its own.
    Own(Pair),
    /// One that it shares with others, RTP and RTCP alike.
    Shared(Arc<UdpSocket>),
    /// A connection of its far end, for the same.
    Connected(Arc<TcpStream>),
}

impl Sockets {
    /// How one channel leaves.
    pub(crate) fn way(&self, channel: Channel) -> Way<'_> {
        match self {
            Self::Own(pair) => Way::Datagrams(pair.of(channel).as_fd()),
            Self::Shared(socket) => Way::Together(socket.as_fd()),
            Self::Connected(stream) => Way::Frames(stream),
        }
    }

    /// Its own one, to be listened on.
    pub(crate) fn own(&mut self, channel: Channel) -> Option<&mut UdpSocket> {
        match (self, channel) {
            (Self::Own(pair), Channel::Rtp) => Some(&mut pair.rtp),
            (Self::Own(pair), Channel::Rtcp) => Some(&mut pair.rtcp),
            (Self::Shared(_) | Self::Connected(_), _) => None,
        }
    }
}

/// One port of all legs that share it.
#[derive(Debug)]
pub(crate) struct SharedPort {
    /// Is listened on.
    pub(crate) receive: UdpSocket,
    /// The same, for those who send.
    pub(crate) send: Arc<UdpSocket>,
}

impl SharedPort {
    pub(crate) fn bind(ip: IpAddr, port: u16, dscp: u8) -> io::Result<Self> {
        let socket = bound(ip, port, dscp)?;
        socket.set_recv_buffer_size(SHARED_BUFFER_BYTES)?;
        socket.set_send_buffer_size(SHARED_BUFFER_BYTES)?;
        let socket: net::UdpSocket = socket.into();
        let send = Arc::new(UdpSocket::from_std(socket.try_clone()?));
        Ok(Self { receive: UdpSocket::from_std(socket), send })
    }
}

/// Where whoever shares a port may connect to. Connections have what is set here.
pub(crate) fn listen(ip: IpAddr, port: u16, dscp: u8) -> io::Result<TcpListener> {
    let socket = Socket::new(domain(ip), Type::STREAM.nonblocking(), Some(Protocol::TCP))?;
    // Connections of a former life end by and by; nobody else can listen meanwhile.
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_send_buffer_size(CONNECTION_BUFFER_BYTES)?;
    socket.set_recv_buffer_size(CONNECTION_BUFFER_BYTES)?;
    mark(&socket, ip, dscp)?;
    socket.bind(&SocketAddr::new(ip, port).into())?;
    socket.listen(BACKLOG_MAX)?;
    Ok(socket.into())
}

/// The two sockets of a lease.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
}

impl Pair {
    /// The socket of one channel.
    pub(crate) fn of(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }

    /// Both or neither.
    pub(crate) fn bind(ip: IpAddr, rtp_port: u16, dscp: u8) -> io::Result<Self> {
        let rtcp_port = rtp_port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?;
        let rtp = udp(ip, rtp_port, dscp)?;
        hear_refusals(&rtp, ip.is_ipv4());
        Ok(Self { rtp, rtcp: udp(ip, rtcp_port, dscp)? })
    }
}

impl Pair {
    /// The pair of a former life's RTP socket, or of a new one. RTCP is bound anew in any case.
    pub(crate) fn resume(
        ip: IpAddr,
        rtp_port: u16,
        dscp: u8,
        inherited: Option<net::UdpSocket>,
    ) -> io::Result<Self> {
        let Some(socket) = inherited
            .filter(|found| found.local_addr().is_ok_and(|address| address == SocketAddr::new(ip, rtp_port)))
        else {
            return Self::bind(ip, rtp_port, dscp);
        };
        socket.set_nonblocking(true)?;
        hear_refusals(&socket, ip.is_ipv4());
        let rtcp_port = rtp_port.checked_add(1).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(Self { rtp: UdpSocket::from_std(socket), rtcp: udp(ip, rtcp_port, dscp)? })
    }
}

/// Whether an address is one of this host's: the kernel knows best.
pub(crate) fn is_local(ip: IpAddr) -> bool {
    let refused = net::UdpSocket::bind(SocketAddr::new(ip, 0)).err();
    refused.is_none_or(|e| e.kind() != io::ErrorKind::AddrNotAvailable)
}

fn udp(ip: IpAddr, port: u16, dscp: u8) -> io::Result<UdpSocket> {
    bound(ip, port, dscp).map(|socket| UdpSocket::from_std(socket.into()))
}

fn bound(ip: IpAddr, port: u16, dscp: u8) -> io::Result<Socket> {
    let socket = Socket::new(domain(ip), Type::DGRAM.nonblocking(), Some(Protocol::UDP))?;
    mark(&socket, ip, dscp)?;
    socket.bind(&SocketAddr::new(ip, port).into())?;
    Ok(socket)
}

fn domain(ip: IpAddr) -> Domain {
    if ip.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 }
}

fn mark(socket: &Socket, ip: IpAddr, dscp: u8) -> io::Result<()> {
    let class = u32::from(dscp) << 2;
    // Marking is a wish; a container may not be allowed to, and media must flow all the same.
    if ip.is_ipv4() {
        let _ = socket.set_tos_v4(class);
    } else {
        // An IPv4 peer would appear as ::ffff:a.b.c.d, which no SDP address equals.
        socket.set_only_v6(true)?;
        let _ = socket.set_tclass_v6(class);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_both_ports_or_neither() {
        let ip = IpAddr::from([127, 0, 0, 1]);
        // Any even port that is free together with its neighbour.
        let (port, pair) = (41_000..41_400)
            .step_by(2)
            .find_map(|port| Pair::bind(ip, port, 46).ok().map(|pair| (port, pair)))
            .unwrap();
        assert_eq!(pair.rtp.local_addr().unwrap().port(), port);
        assert_eq!(pair.rtcp.local_addr().unwrap().port(), port + 1);
        drop(pair.rtp);
        let refused = Pair::bind(ip, port, 46).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AddrInUse, "RTCP is still taken");
        assert!(net::UdpSocket::bind((ip, port)).is_ok(), "and RTP was given back");
    }

    #[test]
    fn the_port_of_all_browsers_has_more_room_than_one_of_a_single_leg() {
        let ip = IpAddr::from([127, 0, 0, 1]);
        let room = |socket: &UdpSocket| socket2::SockRef::from(socket).recv_buffer_size().unwrap();
        let (shared, own) = (SharedPort::bind(ip, 0, 46).unwrap(), udp(ip, 0, 46).unwrap());
        assert!(room(&shared.receive) > room(&own), "{} and {}", room(&shared.receive), room(&own));
    }

    #[test]
    fn addresses_of_others_are_not_local() {
        assert!(is_local([127, 0, 0, 1].into()));
        assert!(!is_local([192, 0, 2, 1].into()), "TEST-NET-1 is nobody's");
    }
}
