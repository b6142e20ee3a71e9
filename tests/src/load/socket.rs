//! A socket of the load's own phones: large buffers, so that what the switch has sent is not lost here, and the kernel's
//! stamps, so that an answer counts from when it came and not from when these phones got round to reading it.

use std::{
    io::IoSliceMut,
    net::{SocketAddr, UdpSocket},
    os::fd::AsRawFd,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, Result};
use nix::sys::{
    socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt},
    time::TimeSpec,
};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// What the kernel is asked to keep: some thousand answers.
const BUFFER_BYTES: usize = 4 << 20;
/// The kernel's list of UDP sockets, with what each has dropped.
const KERNEL_LIST: &str = "/proc/net/udp";
/// Its columns: the address, what waits to be sent and to be read, what was dropped.
const LOCAL_ADDRESS: usize = 1;
const QUEUES: usize = 4;
const DROPS: usize = 12;

/// A socket that speaks to one switch.
#[derive(Debug)]
pub struct Socket {
    socket: UdpSocket,
    /// Room for the stamp of a datagram.
    beside: Vec<u8>,
}

impl Socket {
    /// Beside the switch, on a port of its own.
    pub fn beside(switch: SocketAddr) -> Result<Self> {
        let socket = UdpSocket::bind((switch.ip(), 0))?;
        socket.connect(switch)?;
        let options = socket2::SockRef::from(&socket);
        options.set_recv_buffer_size(BUFFER_BYTES)?;
        options.set_send_buffer_size(BUFFER_BYTES)?;
        setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
        Ok(Self { socket, beside: nix::cmsg_space!(TimeSpec) })
    }

    /// Its own address.
    pub fn local(&self) -> Result<SocketAddr> {
        Ok(self.socket.local_addr()?)
    }

    /// The plain socket, for what is not measured.
    pub fn plain(&self) -> &UdpSocket {
        &self.socket
    }

    /// Sends; a kernel without room is a loss like any other.
    pub fn send(&self, message: &str) {
        let _ = self.socket.send(message.as_bytes());
    }

    /// What has come, if anything has: its length, and when it came in wall time.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Option<(usize, Duration)> {
        let mut into = [IoSliceMut::new(buffer)];
        let beside = Some(self.beside.as_mut_slice());
        let flags = MsgFlags::MSG_DONTWAIT;
        let message = recvmsg::<SockaddrStorage>(self.socket.as_raw_fd(), &mut into, beside, flags).ok()?;
        let stamp = message.cmsgs().ok()?.find_map(|word| match word {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        });
        Some((message.bytes, stamp.unwrap_or_else(wall_now)))
    }

    /// Waits until something has come, or for so long.
    pub fn wait(&self, at_most: Duration) {
        let timeout = Timespec::try_from(at_most).ok();
        let _ = poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], timeout.as_ref());
    }

    /// Datagrams to it that were dropped for want of room.
    pub fn dropped(&self) -> Result<u64> {
        dropped(self.local()?)
    }
}

/// The wall time that the kernel stamps with.
pub fn wall_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Datagrams that the kernel has dropped in front of a socket of this machine, for want of room in its buffer.
pub fn dropped(local: SocketAddr) -> Result<u64> {
    Ok(field(local, DROPS)?.parse()?)
}

/// Bytes that wait in front of a socket of this machine, as the kernel counts them.
pub fn waiting_bytes(local: SocketAddr) -> Result<u64> {
    let queues = field(local, QUEUES)?;
    let receive = queues.split_once(':').context("two queues")?.1;
    Ok(u64::from_str_radix(receive, 16)?)
}

/// The kernel gives its list in pieces, and where sockets are closed in between it leaves others out.
const LOOKS_MAX: usize = 10;

/// A column of a socket's line in the kernel's list.
fn field(local: SocketAddr, column: usize) -> Result<String> {
    let SocketAddr::V4(local) = local else { anyhow::bail!("an IPv4 address") };
    let address = u32::from_ne_bytes(local.ip().octets());
    let name = format!("{address:08X}:{:04X}", local.port());
    for _ in 0..LOOKS_MAX {
        let list = std::fs::read_to_string(KERNEL_LIST)?;
        let line = list.lines().find(|line| line.split_whitespace().nth(LOCAL_ADDRESS) == Some(&name));
        if let Some(found) = line.and_then(|line| line.split_whitespace().nth(column)) {
            return Ok(found.to_owned());
        }
    }
    anyhow::bail!("{name} is not in {KERNEL_LIST}")
}
