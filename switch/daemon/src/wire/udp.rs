//! SIP datagrams. One message is one datagram; nothing is kept about peers.
//!
//! The kernel stamps what arrives, so that how long a message has waited for us is measured, not guessed.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind, IoSliceMut},
    net::SocketAddr,
    os::fd::{AsFd as _, AsRawFd},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use mio::{Interest, Registry, Token, event::Event, net::UdpSocket};
use nix::{
    cmsg_space,
    errno::Errno,
    sys::{
        socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt},
        time::TimeSpec,
    },
};
use sip::{Flow, Transport};
use socket2::{Protocol, Type};

use super::{Counters, Inherited, Received, add, aside::Aside, bind_mistake, bound_socket, lose};
use crate::config::{self, Mistake};

/// What the kernel is asked to keep for us: about 3,000 messages of a burst.
const KERNEL_BUFFER_BYTES: usize = 4 * 1024 * 1024;
/// Datagrams kept for a socket whose kernel buffer is full; SIP repeats what is dropped beyond.
const WAITING_DATAGRAMS_MAX: usize = 256;
/// A datagram cannot have waited longer in so small a buffer: the clock was set since it came.
const STAMP_AGE_MAX: Duration = Duration::from_secs(10);

/// STUN keep-alives that are answered: 100,000 phones that ask every 30 s, and some more. A forged source gets no more
/// than that either.
const STUN_ANSWERS_PER_SECOND: u32 = 5_000;

pub(super) struct Udp {
    ports: Vec<Port>,
    turn: usize,
    /// Room for what the kernel says beside a datagram: when it came.
    beside: Vec<u8>,
    stun: Ration,
    /// Who writes refusals; `None` where no thread could be had.
    aside: Option<Aside>,
    /// When this life began, on the wall clock.
    born: Duration,
    counters: Arc<Counters>,
}

/// So many in a second and no more.
struct Ration {
    per_second: u32,
    left: u32,
    since: Option<Instant>,
}

impl Ration {
    fn takes(&mut self, now: Instant) -> bool {
        if self.since.is_none_or(|since| now.saturating_duration_since(since) >= Duration::from_secs(1)) {
            (self.left, self.since) = (self.per_second, Some(now));
        }
        let takes = self.left > 0;
        self.left -= u32::from(takes);
        takes
    }
}

struct Port {
    socket: UdpSocket,
    local: SocketAddr,
    readable: bool,
    waiting: VecDeque<(SocketAddr, Bytes)>,
}

impl Udp {
    pub(super) fn bind(
        config: &config::Sip,
        inherited: &mut Inherited,
        registry: &Registry,
        counters: Arc<Counters>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let mut ports = Vec::new();
        for (index, address) in config.udp.iter().enumerate() {
            match bind_port(*address, inherited.udp(*address), registry, Token(index)) {
                Ok(socket) => {
                    let local = config.known_as(*address);
                    ports.push(Port { socket, local, readable: true, waiting: VecDeque::new() });
                }
                Err(error) => mistakes.push(bind_mistake("sip.udp", *address, &error)),
            }
        }
        let copies: io::Result<Vec<_>> = ports.iter().map(copy_of).collect();
        let aside = copies.and_then(|copies| Aside::start(copies, &counters)).ok();
        (ports.len() == config.udp.len()).then_some(Self {
            ports,
            turn: 0,
            beside: cmsg_space!(TimeSpec),
            stun: Ration { per_second: STUN_ANSWERS_PER_SECOND, left: 0, since: None },
            aside,
            born: wall_now(),
            counters,
        })
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = &UdpSocket> {
        self.ports.iter().map(|port| &port.socket)
    }

    pub(super) fn ready(&mut self, index: usize, event: &Event, lost: &mut VecDeque<Flow>) {
        let Some(port) = self.ports.get_mut(index) else { return };
        port.readable |= event.is_readable() || event.is_error();
        if event.is_writable() {
            while let Some((remote, bytes)) = port.waiting.pop_front() {
                match port.socket.send_to(&bytes, remote) {
                    Ok(_) => add(&self.counters.udp_sent),
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {
                        port.waiting.push_front((remote, bytes));
                        return;
                    }
                    Err(_) => lose(lost, Flow::udp(port.local, remote)),
                }
            }
        }
    }

    /// Looks at all sockets with the next message, whatever the poll has reported.
    pub(super) fn look_again(&mut self) {
        self.ports.iter_mut().for_each(|port| port.readable = true);
    }

    /// Takes a refusal, for [`Udp::send_aside`]; false when it cannot be sent at all.
    pub(super) fn refuse(&mut self, flow: Flow, bytes: Bytes) -> bool {
        let port = self.ports.iter().position(|port| port.local == flow.local);
        match (port, &mut self.aside) {
            (Some(port), Some(aside)) => {
                aside.put(port, flow.remote, bytes);
                true
            }
            _ => self.send(flow, bytes),
        }
    }

    /// Has the refusals written.
    pub(super) fn send_aside(&mut self) {
        if let Some(aside) = &mut self.aside {
            aside.hand_over();
        }
    }

    pub(super) fn has_more(&self) -> bool {
        self.ports.iter().any(|port| port.readable)
    }

    pub(super) fn next(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Received> {
        for _ in 0..self.ports.len() {
            self.turn = (self.turn + 1) % self.ports.len();
            let Some(port) = self.ports.get_mut(self.turn).filter(|port| port.readable) else { continue };
            // A few keep-alives in front of a message must not cost it its turn.
            for _ in 0..16 {
                match receive(&port.socket, buffer, &mut self.beside, self.born) {
                    Ok((bytes, remote, _)) if sip::stun::is_stun(buffer.get(..bytes).unwrap_or_default()) => {
                        add(&self.counters.keep_alives);
                        let answer = sip::stun::answer(buffer.get(..bytes).unwrap_or_default(), remote);
                        if let Some(answer) = answer.filter(|_| self.stun.takes(now)) {
                            // A lost answer is asked for again; nothing waits for a STUN client.
                            let _ = port.socket.send_to(&answer, remote);
                        }
                    }
                    Ok((bytes, _, _)) if is_keep_alive(buffer.get(..bytes).unwrap_or_default()) => {
                        add(&self.counters.keep_alives);
                    }
                    Ok((bytes, remote, queued)) => {
                        add(&self.counters.udp_received);
                        let flow =
                            Flow { transport: Transport::Udp, local: port.local, remote, connection: 0 };
                        return Some(Received::Datagram { flow, bytes, queued });
                    }
                    Err(Errno::EAGAIN) => {
                        port.readable = false;
                        break;
                    }
                    // The kernel reports something about an earlier datagram; the socket itself is fine.
                    Err(_) => {}
                }
            }
        }
        None
    }

    /// False: it cannot be sent at all. A kernel without room is not that: SIP repeats over UDP.
    pub(super) fn send(&mut self, flow: Flow, bytes: Bytes) -> bool {
        let Some(port) = self.ports.iter_mut().find(|port| port.local == flow.local) else { return false };
        if port.waiting.is_empty() {
            match port.socket.send_to(&bytes, flow.remote) {
                Ok(_) => {
                    add(&self.counters.udp_sent);
                    return true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return false,
            }
        }
        if port.waiting.len() < WAITING_DATAGRAMS_MAX {
            port.waiting.push_back((flow.remote, bytes));
        } else {
            add(&self.counters.udp_send_dropped);
        }
        true
    }
}

fn copy_of(port: &Port) -> io::Result<std::net::UdpSocket> {
    Ok(port.socket.as_fd().try_clone_to_owned()?.into())
}

/// One datagram: its length, where it came from, how long it has waited.
fn receive(
    socket: &UdpSocket,
    buffer: &mut [u8],
    beside: &mut [u8],
    born: Duration,
) -> nix::Result<(usize, SocketAddr, Duration)> {
    let mut into = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut into, Some(beside), MsgFlags::empty())?;
    let remote = message.address.as_ref().and_then(socket_address).ok_or(Errno::EAFNOSUPPORT)?;
    let arrived = message.cmsgs().ok().and_then(|mut beside| {
        beside.find_map(|word| match word {
            ControlMessageOwned::ScmTimestampns(stamp) => Some(Duration::from(stamp)),
            _ => None,
        })
    });
    // What came before this life has waited for it, and not for its turn: that is no overload.
    let arrived = arrived.filter(|arrived| *arrived >= born);
    Ok((message.bytes, remote, arrived.map_or(Duration::ZERO, waited)))
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    let v4 = || storage.as_sockaddr_in().map(|address| SocketAddr::V4((*address).into()));
    let v6 = || storage.as_sockaddr_in6().map(|address| SocketAddr::V6((*address).into()));
    v4().or_else(v6)
}

fn wall_now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Since a stamp of the kernel, which is wall time: a clock that was set must not look like a queue.
fn waited(arrived: Duration) -> Duration {
    wall_now().checked_sub(arrived).filter(|waited| *waited < STAMP_AGE_MAX).unwrap_or_default()
}

fn bind_port(
    address: SocketAddr,
    inherited: Option<std::net::UdpSocket>,
    registry: &Registry,
    token: Token,
) -> io::Result<UdpSocket> {
    let socket = match inherited {
        Some(socket) => socket.into(),
        None => bound_socket(Type::DGRAM, Protocol::UDP, address)?,
    };
    // As much as the system allows (net.core.rmem_max).
    socket.set_recv_buffer_size(KERNEL_BUFFER_BYTES)?;
    socket.set_send_buffer_size(KERNEL_BUFFER_BYTES)?;
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true)?;
    let mut socket = UdpSocket::from_std(socket.into());
    registry.register(&mut socket, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(socket)
}

/// Line ends and zero bytes, which phones send to keep a NAT's door open.
fn is_keep_alive(bytes: &[u8]) -> bool {
    bytes.len() <= 4 && bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0))
}
