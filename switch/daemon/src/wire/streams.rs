//! SIP over streams (RFC 3261 §18, RFC 7118): connections that phones and browsers open, and those that we open to reach a phone.
//!
//! A send that names a connection goes there or is lost; one that names only an address takes a connection to it
//! or opens one. Connections are bounded in number, per source, in time, and in what they may leave unread. When there
//! is no room for a newcomer, the oldest stranger goes: whoever has proved nothing cannot keep others out.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, ErrorKind},
    net::{IpAddr, Ipv6Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use calls::{Access, AccessList};
use mio::{
    Interest, Registry, Token,
    event::Event,
    net::{TcpListener, TcpStream},
};
use sip::{Flow, Transport};
use socket2::{Protocol, Type};

use super::{
    Counters, FIRST_CONNECTION_TOKEN, Inherited, LISTENER_TOKENS, Received, add, bind_mistake, bound_socket,
    connection::{Connection, End, Read1},
    framing::Framing,
    layer::Layer,
    lose,
    names::Names,
    tls::Tls,
    ws::Origins,
};
use crate::{
    clock,
    config::{self, Mistake},
};

/// Connections the kernel may keep until we accept them.
const BACKLOG: i32 = 1_024;
/// What is kept for all strangers together: their half messages and unread answers.
const STRANGERS_BYTES_MAX: usize = 16 * 1024 * 1024;
/// TLS handshakes at the same time; each costs some tens of kilobytes.
const HANDSHAKES_MAX: usize = 256;

pub(super) struct Streams {
    registry: Registry,
    listeners: Vec<Listener>,
    tls: Option<Tls>,
    connections: HashMap<u64, Connection>,
    /// The latest connection to an address.
    by_remote: HashMap<(Transport, SocketAddr), u64>,
    per_source: HashMap<IpAddr, usize>,
    /// Connections to be read, in turn.
    queue: VecDeque<u64>,
    /// Accepted connections that were strangers when they came, oldest first.
    strangers: VecDeque<u64>,
    strangers_bytes: usize,
    /// Connections in a TLS handshake, oldest first.
    handshakes: VecDeque<u64>,
    pub(super) names: Names,
    next_id: u64,
    connections_max: usize,
    per_source_max: usize,
    access: AccessList,
    origins: Arc<Origins>,
    idle: Duration,
    scratch: Vec<u8>,
    counters: Arc<Counters>,
}

struct Listener {
    socket: TcpListener,
    transport: Transport,
    local: SocketAddr,
    /// More connections may wait, but the system had no room for them.
    starved: bool,
}

impl Streams {
    pub(super) fn bind(
        config: &config::Sip,
        tls: Option<Tls>,
        inherited: &mut Inherited,
        registry: &Registry,
        counters: Arc<Counters>,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Self> {
        let all = [
            (Transport::Tcp, "sip.tcp", &config.tcp),
            (Transport::Tls, "sip.tls", &config.tls),
            (Transport::Ws, "sip.ws", &config.ws),
            (Transport::Wss, "sip.wss", &config.wss),
        ];
        let all = all.into_iter().flat_map(|(transport, key, addresses)| {
            addresses.iter().map(move |address| (transport, key, *address))
        });
        let mut listeners = Vec::new();
        for (index, (transport, key, address)) in all.enumerate() {
            match listen(address, inherited.listener(address), registry, Token(LISTENER_TOKENS + index)) {
                Ok(socket) => {
                    let local = config.known_as(address);
                    listeners.push(Listener { socket, transport, local, starved: false });
                }
                Err(error) => mistakes.push(bind_mistake(key, address, &error)),
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
            tls,
            connections: HashMap::new(),
            by_remote: HashMap::new(),
            per_source: HashMap::new(),
            queue: VecDeque::new(),
            strangers: VecDeque::new(),
            strangers_bytes: 0,
            handshakes: VecDeque::new(),
            names: Names::default(),
            next_id: FIRST_CONNECTION_TOKEN.max(seconds << 20),
            connections_max: config.tcp_connections_max,
            per_source_max: config.tcp_connections_per_source_max,
            access: AccessList::new(&config.allow, &config.deny),
            origins: Arc::new(Origins::of(config)),
            idle: Duration::from_secs(config.tcp_idle_secs),
            scratch: vec![0; 64 * 1024],
            counters,
        })
    }

    pub(super) fn ready(&mut self, token: usize, event: &Event, now: Instant, lost: &mut VecDeque<Flow>) {
        if let Some(index) = token.checked_sub(LISTENER_TOKENS).filter(|index| *index < self.listeners.len())
        {
            return self.accept(index, now, lost);
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

    fn accept(&mut self, index: usize, now: Instant, lost: &mut VecDeque<Flow>) {
        let Some(listener) = self.listeners.get_mut(index) else { return };
        listener.starved = false;
        let (transport, local) = (listener.transport, listener.local);
        loop {
            let Some(listener) = self.listeners.get_mut(index) else { return };
            match listener.socket.accept() {
                Ok((stream, remote)) => {
                    let flow = Flow { transport, local, remote, connection: self.next_id };
                    self.take_in(stream, flow, now, lost);
                }
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

    fn take_in(&mut self, stream: TcpStream, flow: Flow, now: Instant, lost: &mut VecDeque<Flow>) {
        let from_there = self.per_source.get(&source_of(flow.remote)).copied().unwrap_or(0);
        let is_denied = self.access.of(flow.remote.ip()) == Some(Access::Denied);
        if is_denied || from_there >= self.per_source_max || !self.make_room(lost) {
            add(&self.counters.tcp_refused);
            return;
        }
        let layer = match (&self.tls, flow.transport) {
            (Some(tls), Transport::Tls | Transport::Wss) => Layer::accepting(tls),
            _ => Layer::Plain,
        };
        let framing = Framing::of(flow.transport, &self.origins);
        let id = flow.connection;
        if self.keep(Connection::accepted(stream, (layer, framing), flow, now)) {
            self.strangers.push_back(id);
        }
    }

    /// Room for one more connection, if need be that of the oldest stranger.
    fn make_room(&mut self, lost: &mut VecDeque<Flow>) -> bool {
        while self.connections.len() >= self.connections_max {
            if !self.push_out(lost) {
                return false;
            }
        }
        true
    }

    /// Closes the oldest stranger. False: there is none.
    fn push_out(&mut self, lost: &mut VecDeque<Flow>) -> bool {
        while let Some(id) = self.strangers.pop_front() {
            if self.connections.get(&id).is_some_and(|connection| !connection.is_trusted) {
                self.close(id, End::PushedOut, lost);
                return true;
            }
        }
        false
    }

    pub(super) fn listeners(&self) -> impl Iterator<Item = &TcpListener> {
        self.listeners.iter().map(|listener| &listener.socket)
    }

    /// What the listeners of a transport call themselves.
    pub(super) fn listeners_known_as(&self, transport: Transport) -> impl Iterator<Item = SocketAddr> {
        let fitting = self.listeners.iter().filter(move |listener| listener.transport == transport);
        fitting.map(|listener| listener.local)
    }

    pub(super) fn connection(&self, id: u64) -> Option<&Connection> {
        self.connections.get(&id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values()
    }

    /// Registers a connection with the poll and in every map. False: the system would not.
    pub(super) fn keep(&mut self, mut connection: Connection) -> bool {
        let (id, remote) = (connection.flow.connection, connection.flow.remote);
        let token = Token(usize::try_from(id).unwrap_or(usize::MAX));
        let interest = Interest::READABLE | Interest::WRITABLE;
        let _ = connection.stream.set_nodelay(true);
        if self.registry.register(&mut connection.stream, token, interest).is_err() {
            return false;
        }
        self.next_id += 1;
        self.by_remote.insert((connection.flow.transport, remote), id);
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
            let queued = connection.queued_at.take().map(|since| since.elapsed()).unwrap_or_default();
            let (was_handshaking, was_open) = (connection.is_handshaking(), connection.is_open());
            let outcome = connection.read(now, &mut self.scratch);
            let begins_handshake = !was_handshaking && connection.is_handshaking();
            if !was_open && connection.is_open() && is_web(connection.flow.transport) {
                add(&self.counters.ws_opened);
            }
            settle(&mut self.strangers_bytes, connection);
            let flow = connection.flow;
            if matches!(outcome, Ok(Read1::Message(_) | Read1::Ping | Read1::Later)) {
                enqueue(&mut self.queue, id, connection);
            }
            match outcome {
                Ok(Read1::Message(bytes)) => {
                    add(&self.counters.tcp_received);
                    return Some(Received::Message { flow, bytes, queued });
                }
                Ok(Read1::Ping) => add(&self.counters.keep_alives),
                Ok(Read1::Later | Read1::Nothing) => {}
                Err(end) => self.close(id, end, lost),
            }
            if begins_handshake {
                self.count_handshake(id, lost);
            }
            while self.strangers_bytes > STRANGERS_BYTES_MAX && self.push_out(lost) {}
        }
        None
    }

    /// One more handshake; beyond the limit the oldest one that is not done makes room.
    fn count_handshake(&mut self, id: u64, lost: &mut VecDeque<Flow>) {
        add(&self.counters.tls_handshakes);
        self.handshakes.push_back(id);
        if self.handshakes.len() <= HANDSHAKES_MAX {
            return;
        }
        let connections = &self.connections;
        self.handshakes.retain(|id| connections.get(id).is_some_and(Connection::is_handshaking));
        if self.handshakes.len() > HANDSHAKES_MAX
            && let Some(oldest) = self.handshakes.pop_front()
        {
            self.close(oldest, End::PushedOut, lost);
        }
    }

    /// False: there is no way to that flow.
    pub(super) fn send(&mut self, now: Instant, flow: Flow, bytes: Bytes, lost: &mut VecDeque<Flow>) -> bool {
        let id = match flow.connection {
            // A browser comes back by itself, from another port (RFC 7118 §5).
            0 if is_web(flow.transport) => None,
            0 => self.connected_to(flow).or_else(|| self.open(flow, now, lost)),
            id => Some(id),
        };
        let Some(id) = id else { return false };
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        // What was meant for an encrypted line must not leave on another one.
        if connection.flow.transport != flow.transport {
            return false;
        }
        let outcome = connection.send(bytes, now);
        settle(&mut self.strangers_bytes, connection);
        match outcome {
            Ok(()) => add(&self.counters.tcp_sent),
            Err(end) => self.close(id, end, lost),
        }
        true
    }

    /// The connection to an address that is open. One whose peer may have proved to be somebody else is none (RFC 5922 §7): that it
    /// has not is sure as long as each of the names that were good when it was made still is.
    fn connected_to(&self, flow: Flow) -> Option<u64> {
        let id = *self.by_remote.get(&(flow.transport, flow.remote))?;
        let connection = self.connections.get(&id)?;
        let wanted = self.names.at(flow.remote);
        let is_right = flow.transport != Transport::Tls
            || wanted.is_empty()
            || (!connection.names.is_empty() && connection.names.iter().all(|name| wanted.contains(&**name)));
        is_right.then_some(id)
    }

    /// Begins to connect. Our own port is the system's choice; `local` stays what peers can reach us at.
    fn open(&mut self, flow: Flow, now: Instant, lost: &mut VecDeque<Flow>) -> Option<u64> {
        let is_ours =
            |listener: &Listener| listener.local == flow.local && listener.transport == flow.transport;
        if !self.listeners.iter().any(is_ours) || !self.make_room(lost) {
            return None;
        }
        let names = self.names.at(flow.remote);
        let layer = match (&self.tls, flow.transport) {
            (Some(tls), Transport::Tls) => Layer::connecting(tls, &names, flow.remote.ip())?,
            _ => Layer::Plain,
        };
        let names = names.into_iter().map(Box::from).collect();
        let stream = TcpStream::connect(flow.remote).ok()?;
        let id = self.next_id;
        let flow = Flow { connection: id, ..flow };
        self.keep(Connection::opened(stream, layer, flow, names, now)).then_some(id)
    }

    /// The peer of this connection has proved who it is.
    pub(super) fn trust(&mut self, id: u64) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.is_trusted = true;
            settle(&mut self.strangers_bytes, connection);
        }
    }

    /// What a listener is known as.
    #[cfg(test)]
    pub(super) fn local(&self, transport: Transport) -> Option<SocketAddr> {
        self.listeners.iter().find(|listener| listener.transport == transport).map(|listener| listener.local)
    }

    /// Whether something waits for a connection's peer.
    #[cfg(test)]
    pub(super) fn waits(&self, id: u64) -> bool {
        self.connections.get(&id).is_some_and(Connection::has_unsent)
    }

    pub(super) fn sweep(&mut self, now: Instant, lost: &mut VecDeque<Flow>) {
        let looked_after = self.connections.iter_mut().map(|(id, one)| (*id, one.look_after(now, self.idle)));
        let ends: Vec<(u64, End)> =
            looked_after.filter_map(|(id, outcome)| Some((id, outcome.err()?))).collect();
        for (id, end) in ends {
            self.close(id, end, lost);
        }
        let connections = &self.connections;
        self.strangers.retain(|id| connections.get(id).is_some_and(|connection| !connection.is_trusted));
        for index in 0..self.listeners.len() {
            if self.listeners.get(index).is_some_and(|listener| listener.starved) {
                self.accept(index, now, lost);
            }
        }
    }

    fn close(&mut self, id: u64, end: End, lost: &mut VecDeque<Flow>) {
        let Some(mut connection) = self.connections.remove(&id) else { return };
        connection.end();
        let _ = self.registry.deregister(&mut connection.stream);
        let flow = connection.flow;
        if self.by_remote.get(&(flow.transport, flow.remote)) == Some(&id) {
            self.by_remote.remove(&(flow.transport, flow.remote));
        }
        self.strangers_bytes -= connection.share;
        let source = source_of(flow.remote);
        if let Some(count) = self.per_source.get_mut(&source) {
            *count -= 1;
            if *count == 0 {
                self.per_source.remove(&source);
            }
        }
        self.counters.tcp_connections.store(self.connections.len() as u64, Ordering::Relaxed);
        match end {
            End::Broken(_) | End::Garbled | End::Excessive => add(&self.counters.tcp_broken),
            End::TimedOut => add(&self.counters.tcp_timed_out),
            End::Refused => add(&self.counters.tls_refused),
            End::NotUpgraded(_) => add(&self.counters.ws_refused),
            End::PushedOut => add(&self.counters.tcp_pushed_out),
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

/// Whether it is a WebSocket's.
fn is_web(transport: Transport) -> bool {
    matches!(transport, Transport::Ws | Transport::Wss)
}

/// Brings the strangers' common account up to date with one of them.
fn settle(total: &mut usize, connection: &mut Connection) {
    let share = if connection.is_trusted { 0 } else { connection.held_bytes() };
    *total = *total + share - connection.share;
    connection.share = share;
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
    if connection.queued_at.is_none() {
        connection.queued_at = Some(Instant::now());
        queue.push_back(id);
    }
}

fn listen(
    address: SocketAddr,
    inherited: Option<std::net::TcpListener>,
    registry: &Registry,
    token: Token,
) -> io::Result<TcpListener> {
    let listener = match inherited {
        Some(listener) => listener,
        None => {
            let socket = bound_socket(Type::STREAM, Protocol::TCP, address)?;
            socket.listen(BACKLOG)?;
            socket.into()
        }
    };
    let mut listener = TcpListener::from_std(listener);
    registry.register(&mut listener, token, Interest::READABLE)?;
    Ok(listener)
}
