//! The wire: SIP over UDP, TCP, TLS and WebSocket, in and out, without waiting.
//!
//! Everything here runs on the engine's thread and on the engine's poll. What comes in is pulled one message at a
//! time ([`Wire::next`]), so that the engine can look at its timers in between; what goes out is written at once or
//! kept in a bounded buffer. Bytes are not understood here beyond where a message ends: parsing is `sip`'s.
//!
//! A listener bound to 0.0.0.0 or [::] calls itself by the advertised address: that is the `local` of its flows.

mod adopt;
mod aside;
mod connection;
mod framing;
mod layer;
mod names;
mod streams;
mod tls;
mod udp;
mod validity;
mod ws;

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::{Registry, Token, event::Event};
use sip::{Flow, Transport, locate::Target};
use socket2::{Domain, Protocol, Socket, Type};

pub use tls::{Tls, watch_certificate};

use crate::config::{self, Mistake};
pub use adopt::{Inherited, InheritedConnection};

/// Bytes a receive buffer must have so that no datagram is cut.
pub const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Tokens of this number and above belong to the owner of the poll.
pub const FOREIGN_TOKENS: usize = 1 << 16;
const LISTENER_TOKENS: usize = 1 << 8;
/// Tokens of connections are their ids, which start beyond every other token.
const FIRST_CONNECTION_TOKEN: u64 = 1 << 32;
/// How often connections are looked through for silent ones.
const SWEEP_EVERY: Duration = Duration::from_secs(2);
/// Flows that could not be reached, until the engine asks.
const LOST_FLOWS_MAX: usize = 4_096;

/// What the wire counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Datagrams received.
    pub udp_received: AtomicU64,
    /// Datagrams sent.
    pub udp_sent: AtomicU64,
    /// Datagrams that the kernel had no room for.
    pub udp_send_dropped: AtomicU64,
    /// Datagrams and pings that only keep a path open.
    pub keep_alives: AtomicU64,
    /// Messages received over streams: TCP, TLS and WebSocket.
    pub tcp_received: AtomicU64,
    /// Messages sent over streams.
    pub tcp_sent: AtomicU64,
    /// TCP connections now, those under TLS and of WebSockets included.
    pub tcp_connections: AtomicU64,
    /// TCP connections refused because of a limit.
    pub tcp_refused: AtomicU64,
    /// TCP connections closed because what they sent was no SIP, or more than strangers may send.
    pub tcp_broken: AtomicU64,
    /// TCP connections closed because they were silent, too slow, or never said anything.
    pub tcp_timed_out: AtomicU64,
    /// TCP connections of strangers closed to make room for newcomers.
    pub tcp_pushed_out: AtomicU64,
    /// TLS handshakes that peers began.
    pub tls_handshakes: AtomicU64,
    /// TLS connections closed because the two sides did not agree, or the peer spoke no TLS.
    pub tls_refused: AtomicU64,
    /// Connections that have become WebSockets.
    pub ws_opened: AtomicU64,
    /// Connections that wanted to become WebSockets and were not let.
    pub ws_refused: AtomicU64,
    /// Sends that could not be done.
    pub unreachable: AtomicU64,
}

pub(crate) fn add(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// Something that came in.
#[derive(Debug)]
pub enum Received {
    /// A datagram: that many bytes of the buffer.
    Datagram {
        /// Where it came from.
        flow: Flow,
        /// Its length.
        bytes: usize,
        /// How long it has waited since the kernel took it.
        queued: Duration,
    },
    /// A whole message from a stream.
    Message {
        /// The connection.
        flow: Flow,
        /// The message.
        bytes: Bytes,
        /// How long it has waited since its connection was reported readable.
        queued: Duration,
    },
    /// A send failed, or a connection is gone: what was sent lately may not have arrived.
    Lost {
        /// The flow of the send, or that of the connection.
        flow: Flow,
    },
}

/// All SIP sockets.
pub struct Wire {
    udp: udp::Udp,
    streams: streams::Streams,
    tls: Option<Tls>,
    lost: VecDeque<Flow>,
    stream_is_next: bool,
    sweep_at: Instant,
    counters: Arc<Counters>,
}

impl Wire {
    /// Binds all listeners. All that cannot be bound are reported together.
    pub fn bind(config: &config::Sip, registry: &Registry, now: Instant) -> Result<Self, Vec<Mistake>> {
        Self::adopt(config, Inherited::default(), registry, now)
    }

    /// As [`Wire::bind`], with sockets that a former life has left. Those that nothing here fits are closed.
    pub fn adopt(
        config: &config::Sip,
        mut inherited: Inherited,
        registry: &Registry,
        now: Instant,
    ) -> Result<Self, Vec<Mistake>> {
        let counters = Arc::new(Counters::default());
        let mut mistakes = Vec::new();
        let tls = Tls::open(config).unwrap_or_else(|more| {
            mistakes.extend(more);
            None
        });
        let udp = udp::Udp::bind(config, &mut inherited, registry, Arc::clone(&counters), &mut mistakes);
        let streams = tls.clone();
        let streams = streams::Streams::bind(
            config,
            streams,
            &mut inherited,
            registry,
            Arc::clone(&counters),
            &mut mistakes,
        );
        let (Some(udp), Some(mut streams), true) = (udp, streams, mistakes.is_empty()) else {
            return Err(mistakes);
        };
        streams.adopt(inherited.connections, now);
        Ok(Self {
            udp,
            streams,
            tls,
            lost: VecDeque::new(),
            stream_is_next: false,
            sweep_at: now + SWEEP_EVERY,
            counters,
        })
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// The certificate of the TLS listeners, to be replaced by whoever watches its files.
    pub fn tls(&self) -> Option<Tls> {
        self.tls.clone()
    }

    /// The peer of a connection has proved who it is: it may stay for longer and hold more than a stranger.
    pub fn trust(&mut self, connection: u64) {
        self.streams.trust(connection);
    }

    /// Says where a target is found now, so that a TLS connection there must prove its name. Nowhere: it is not looked for.
    pub fn found(&mut self, target: &Target, addresses: Vec<SocketAddr>) {
        self.streams.names.found(target, addresses);
    }

    /// Takes note of what the poll has reported.
    pub fn ready(&mut self, event: &Event, now: Instant) {
        let Token(token) = event.token();
        if token < LISTENER_TOKENS {
            self.udp.ready(token, event, &mut self.lost);
        } else {
            self.streams.ready(token, event, now, &mut self.lost);
        }
    }

    /// The next message, if one is there. UDP and streams take turns, and so do sockets and connections.
    pub fn next(&mut self, now: Instant, buffer: &mut [u8]) -> Option<Received> {
        if let Some(flow) = self.lost.pop_front() {
            return Some(Received::Lost { flow });
        }
        self.stream_is_next = !self.stream_is_next;
        let received = if self.stream_is_next {
            self.streams.next(now, &mut self.lost).or_else(|| self.udp.next(now, buffer))
        } else {
            self.udp.next(now, buffer).or_else(|| self.streams.next(now, &mut self.lost))
        };
        received.or_else(|| self.lost.pop_front().map(|flow| Received::Lost { flow }))
    }

    /// Whether [`Wire::next`] may still have something without a new report of the poll.
    pub fn has_more(&self) -> bool {
        !self.lost.is_empty() || self.udp.has_more() || self.streams.has_more()
    }

    /// Sends, or reports the flow as lost with a later [`Wire::next`].
    pub fn send(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        let sent = match flow.transport {
            Transport::Udp => self.udp.send(flow, bytes),
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                self.streams.send(now, flow, bytes, &mut self.lost)
            }
        };
        if !sent {
            add(&self.counters.unreachable);
            lose(&mut self.lost, flow);
        }
    }

    /// Sends a refusal of new work that nobody waits for: over UDP with the next [`Wire::send_aside`].
    pub fn refuse(&mut self, now: Instant, flow: Flow, bytes: Bytes) {
        if flow.transport != Transport::Udp || !self.udp.refuse(flow, bytes.clone()) {
            self.send(now, flow, bytes);
        }
    }

    /// Has the refusals that were taken written by their own thread.
    pub fn send_aside(&mut self) {
        self.udp.send_aside();
    }

    /// Looks with the next [`Wire::next`] whether datagrams have come that the poll has not reported yet.
    pub fn look_again(&mut self) {
        self.udp.look_again();
    }

    /// Closes connections that are silent or slow. To be called when [`Wire::deadline`] is reached.
    pub fn sweep(&mut self, now: Instant) {
        if now >= self.sweep_at {
            self.sweep_at = now + SWEEP_EVERY;
            self.streams.sweep(now, &mut self.lost);
        }
    }

    /// When [`Wire::sweep`] wants to be called.
    pub fn deadline(&self) -> Instant {
        self.sweep_at
    }
}

/// Notes a flow as lost, once.
fn lose(lost: &mut VecDeque<Flow>, flow: Flow) {
    if lost.len() < LOST_FLOWS_MAX && lost.back() != Some(&flow) {
        lost.push_back(flow);
    }
}

/// A bound socket that never waits; `socket2` because `mio` sets no options.
fn bound_socket(kind: Type, protocol: Protocol, address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if kind == Type::STREAM {
        // A restart must not wait for connections of the former life to time out.
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())?;
    Ok(socket)
}

/// A bind that failed, in words that help.
fn bind_mistake(key: &str, address: SocketAddr, error: &io::Error) -> Mistake {
    let hint = match error.kind() {
        io::ErrorKind::AddrInUse => " (another program listens there, perhaps another sambungd)",
        io::ErrorKind::AddrNotAvailable => " (no such address on this machine)",
        io::ErrorKind::PermissionDenied => " (ports below 1024 need CAP_NET_BIND_SERVICE)",
        _ => "",
    };
    Mistake::new(key, format!("cannot listen on {address}: {error}{hint}"))
}

#[cfg(test)]
mod tests;
