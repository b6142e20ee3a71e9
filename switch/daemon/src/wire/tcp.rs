//! SIP over TCP (RFC 3261 §18): connections that phones open, and those that we open to reach one.
//!
//! A send that names a connection goes there or is lost; one that names only an address takes a connection to it
//! or opens one. Connections are bounded in number, per source, in time, and in what they may leave unread.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, ErrorKind},
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use mio::{
    Interest, Registry, Token,
    event::Event,
    net::{TcpListener, TcpStream},
};
use sip::{Flow, Transport};
use socket2::{Protocol, Type};

use super::{
    Counters, FIRST_CONNECTION_TOKEN, Received, TCP_LISTENER_TOKENS, add, bind_mistake, bound_socket,
    connection::{Connection, End, Read1},
    lose,
};
use crate::{
    clock,
    config::{self, Mistake},
};

/// Connections the kernel may keep until we accept them.
const BACKLOG: i32 = 1_024;

pub(super) struct Tcp {
    registry: Registry,
    listeners: Vec<Listener>,
    connections: HashMap<u64, Connection>,
    /// The latest connection to an address.
    by_remote: HashMap<SocketAddr, u64>,
    per_source: HashMap<IpAddr, usize>,
    /// Connections to be read, in turn.
    queue: VecDeque<u64>,
    next_id: u64,
    connections_max: usize,
    per_source_max: usize,
    idle: Duration,
    scratch: Vec<u8>,
    counters: Arc<Counters>,
}

struct Listener {
    socket: TcpListener,
    local: SocketAddr,
    /// More connections may wait, but the system had no room for them.
    starved: bool,
}

impl Tcp {
    pub(super) fn bind(
        config: &config::Sip,
        registry: &Registry,
        counters: Arc<Counters>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let mut listeners = Vec::new();
        for (index, address) in config.tcp.iter().enumerate() {
            match listen(*address, registry, Token(TCP_LISTENER_TOKENS + index)) {
                Ok(socket) => {
                    let local = config.known_as(*address);
                    listeners.push(Listener { socket, local, starved: false });
                }
                Err(error) => mistakes.push(bind_mistake("sip.tcp", *address, &error)),
            }
        }
        let registry = match registry.try_clone() {
            Ok(registry) => registry,
            Err(error) => {
                mistakes.push(Mistake::new("sip.tcp", error));
                return None;
            }
        };
        // Ids must not be those of a former life: registrations that survived the restart still name them.
        let seconds = u64::try_from(clock::unix_now().0 / 1_000_000).unwrap_or(0);
        Some(Self {
            registry,
            listeners,
            connections: HashMap::new(),
            by_remote: HashMap::new(),
            per_source: HashMap::new(),
            queue: VecDeque::new(),
            next_id: FIRST_CONNECTION_TOKEN.max(seconds << 20),
            connections_max: config.tcp_connections_max,
            per_source_max: config.tcp_connections_per_source_max,
            idle: Duration::from_secs(config.tcp_idle_secs),
            scratch: vec![0; 64 * 1024],
            counters,
        })
    }

    pub(super) fn ready(&mut self, token: usize, event: &Event, now: Instant, lost: &mut VecDeque<Flow>) {
        if let Some(index) =
            token.checked_sub(TCP_LISTENER_TOKENS).filter(|index| *index < self.listeners.len())
        {
            return self.accept(index, now);
        }
        let id = token as u64;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if event.is_writable()
            && let Err(end) = connection.writable(now)
        {
            return self.close(id, end, lost);
        }
        if event.is_readable() || event.is_read_closed() || event.is_error() {
            connection.readable = true;
            enqueue(&mut self.queue, id, connection);
        }
    }

    fn accept(&mut self, index: usize, now: Instant) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        listener.starved = false;
        let local = listener.local;
        loop {
            let Some(listener) = self.listeners.get_mut(index) else { return };
            match listener.socket.accept() {
                Ok((stream, remote)) => self.take_in(stream, local, remote, now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error)
                    if matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::ConnectionAborted) => {}
                // No descriptors left: the poll will not report those that wait, so the sweep tries again.
                Err(_) => {
                    listener.starved = true;
                    return;
                }
            }
        }
    }

    fn take_in(&mut self, stream: TcpStream, local: SocketAddr, remote: SocketAddr, now: Instant) {
        let from_there = self.per_source.get(&source_of(remote)).copied().unwrap_or(0);
        if self.connections.len() >= self.connections_max || from_there >= self.per_source_max {
            add(&self.counters.tcp_refused);
            return;
        }
        let flow = Flow { transport: Transport::Tcp, local, remote, connection: self.next_id };
        self.keep(Connection::accepted(stream, flow, now));
    }

    /// Registers a connection with the poll and in every map. False: the system would not.
    fn keep(&mut self, mut connection: Connection) -> bool {
        let (id, remote) = (connection.flow.connection, connection.flow.remote);
        let token = Token(usize::try_from(id).unwrap_or(usize::MAX));
        let interest = Interest::READABLE | Interest::WRITABLE;
        let _ = connection.stream.set_nodelay(true);
        if self.registry.register(&mut connection.stream, token, interest).is_err() {
            return false;
        }
        self.next_id += 1;
        self.by_remote.insert(remote, id);
        *self.per_source.entry(source_of(remote)).or_default() += 1;
        if connection.readable {
            enqueue(&mut self.queue, id, &mut connection);
        }
        self.connections.insert(id, connection);
        self.counters.tcp_connections.store(self.connections.len() as u64, Ordering::Relaxed);
        true
    }

    pub(super) fn has_more(&self) -> bool {
        !self.queue.is_empty()
    }

    pub(super) fn next(&mut self, now: Instant, lost: &mut VecDeque<Flow>) -> Option<Received> {
        // Each connection in the queue is looked at once, so that a turn is bounded.
        for _ in 0..self.queue.len() {
            let id = self.queue.pop_front()?;
            let Some(connection) = self.connections.get_mut(&id) else { continue };
            connection.queued = false;
            match connection.read(now, &mut self.scratch) {
                Ok(Read1::Message(bytes)) => {
                    enqueue(&mut self.queue, id, connection);
                    add(&self.counters.tcp_received);
                    return Some(Received::Message { flow: connection.flow, bytes });
                }
                Ok(Read1::Ping) => {
                    add(&self.counters.keep_alives);
                    enqueue(&mut self.queue, id, connection);
                }
                Ok(Read1::Later) => enqueue(&mut self.queue, id, connection),
                Ok(Read1::Nothing) => {}
                Err(end) => self.close(id, end, lost),
            }
        }
        None
    }

    /// False: there is no way to that flow.
    pub(super) fn send(&mut self, now: Instant, flow: Flow, bytes: Bytes, lost: &mut VecDeque<Flow>) -> bool {
        let id = match flow.connection {
            0 => self.by_remote.get(&flow.remote).copied().or_else(|| self.open(flow, now)),
            id => Some(id),
        };
        let Some(id) = id else { return false };
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        match connection.send(bytes) {
            Ok(()) => add(&self.counters.tcp_sent),
            Err(end) => self.close(id, end, lost),
        }
        true
    }

    /// Begins to connect. Our own port is the system's choice; `local` stays what peers can reach us at.
    fn open(&mut self, flow: Flow, now: Instant) -> Option<u64> {
        let listens = self.listeners.iter().any(|listener| listener.local == flow.local);
        if !listens || self.connections.len() >= self.connections_max {
            return None;
        }
        let stream = TcpStream::connect(flow.remote).ok()?;
        let id = self.next_id;
        self.keep(Connection::opened(stream, Flow { connection: id, ..flow }, now)).then_some(id)
    }

    pub(super) fn sweep(&mut self, now: Instant, lost: &mut VecDeque<Flow>) {
        let overdue = |connection: &&Connection| connection.overdue(now, self.idle);
        let ends: Vec<u64> = self.connections.values().filter(overdue).map(|c| c.flow.connection).collect();
        for id in ends {
            self.close(id, End::TimedOut, lost);
        }
        for index in 0..self.listeners.len() {
            if self.listeners.get(index).is_some_and(|listener| listener.starved) {
                self.accept(index, now);
            }
        }
    }

    fn close(&mut self, id: u64, end: End, lost: &mut VecDeque<Flow>) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        let _ = self.registry.deregister(&mut connection.stream);
        let flow = connection.flow;
        if self.by_remote.get(&flow.remote) == Some(&id) {
            self.by_remote.remove(&flow.remote);
        }
        let source = source_of(flow.remote);
        if let Some(count) = self.per_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.per_source.remove(&source);
            }
        }
        self.counters.tcp_connections.store(self.connections.len() as u64, Ordering::Relaxed);
        match end {
            End::Broken(_) => add(&self.counters.tcp_broken),
            End::TimedOut => add(&self.counters.tcp_timed_out),
            End::Closed | End::Failed => {}
        }
        tracing::debug!(?flow, ?end, "connection closed");
        if end == End::Failed || connection.has_unsent() {
            add(&self.counters.unreachable);
        }
        // Whoever only knocked is not worth a look through everything that might have used the connection.
        if connection.is_known {
            lose(lost, flow);
        }
    }
}

/// Who counts as one source: an IPv4 address, or an IPv6 network of 64 bits, of which one host has every address
/// (RFC 6177, RFC 8981).
pub(super) fn source_of(remote: SocketAddr) -> IpAddr {
    match remote.ip() {
        IpAddr::V6(ip) => Ipv6Addr::from_bits(ip.to_bits() & !u128::from(u64::MAX)).into(),
        ip => ip,
    }
}

fn enqueue(queue: &mut VecDeque<u64>, id: u64, connection: &mut Connection) {
    if !connection.queued {
        connection.queued = true;
        queue.push_back(id);
    }
}

fn listen(address: SocketAddr, registry: &Registry, token: Token) -> io::Result<TcpListener> {
    let socket = bound_socket(Type::STREAM, Protocol::TCP, address)?;
    socket.listen(BACKLOG)?;
    let mut listener = TcpListener::from_std(socket.into());
    registry.register(&mut listener, token, Interest::READABLE)?;
    Ok(listener)
}
