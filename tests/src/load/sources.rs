//! Messages from many addresses of the loopback network, without a socket for each.

use std::{
    io::IoSlice,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    os::fd::AsRawFd,
};

use anyhow::Result;
use nix::sys::socket::{ControlMessage, MsgFlags, SockaddrIn, sendmsg};

/// Addresses that messages come from: 127.128.0.0 and the 65,000 after it.
pub const SOURCES: u32 = 65_000;
const FIRST: u32 = 0x7f80_0001;

/// Sends to one address from any of [`SOURCES`].
#[derive(Debug)]
pub struct Sources {
    socket: UdpSocket,
    to: SockaddrIn,
}

impl Sources {
    /// One socket for all.
    pub fn new(to: SocketAddr) -> Result<Self> {
        let SocketAddr::V4(to) = to else { anyhow::bail!("an IPv4 address") };
        Ok(Self { socket: UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?, to: to.into() })
    }

    /// The address with this number, and the port of all of them.
    pub fn source(&self, number: u32) -> Result<SocketAddrV4> {
        Ok(SocketAddrV4::new(Ipv4Addr::from(FIRST + number % SOURCES), self.socket.local_addr()?.port()))
    }

    /// Sends a message as from that address; false when the kernel had no room.
    pub fn send(&self, number: u32, message: &[u8]) -> bool {
        let from = nix::libc::in_addr { s_addr: u32::from(Ipv4Addr::from(FIRST + number % SOURCES)).to_be() };
        let info = nix::libc::in_pktinfo { ipi_ifindex: 0, ipi_spec_dst: from, ipi_addr: from };
        let beside = [ControlMessage::Ipv4PacketInfo(&info)];
        let message = [IoSlice::new(message)];
        sendmsg(self.socket.as_raw_fd(), &message, &beside, MsgFlags::MSG_DONTWAIT, Some(&self.to)).is_ok()
    }
}
