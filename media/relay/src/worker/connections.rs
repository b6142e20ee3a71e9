//! Connections to the port that browsers share (ICE over TCP, RFC 6544), for networks that let no UDP through: who has one,
//! and for how long.
//!
//! Whoever connects is a stranger until a check of theirs has shown a leg's password, for [`PATIENCE_MICROS`] at most and with
//! nothing but checks. From then on a connection is a way to that leg like any other (`shared`), until one of the two has no
//! more use for it. What a frame means is not decided here.

use std::{
    collections::{HashMap, VecDeque},
    io::{self, ErrorKind, Read as _},
    net::{IpAddr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    os::fd::{AsRawFd as _, RawFd},
    sync::Arc,
};

use mio::{Interest, Registry, unix::SourceFd};
use streams::{
    framing::Frames,
    ice::{Check, Route},
};

use super::{Worker, shared::Place};
use crate::{
    config::{ADDRESSES_MAX, RelayConfig, RelayError},
    sockets::listen,
    syscall::{BATCH_MAX, Batch},
};

/// Connections at a time.
pub(super) const CONNECTIONS_MAX: usize = 4_096;
/// Those of them that have shown no password yet: the oldest is closed for another.
const STRANGERS_MAX: usize = 256;
/// The same from one address, or one network of IPv6: no further one is taken.
const STRANGERS_PER_SOURCE_MAX: usize = 32;
/// How long a stranger may take.
const PATIENCE_MICROS: u64 = 5_000_000;
/// Connections taken at one listener in one turn.
const ACCEPTS_PER_TURN_MAX: usize = 64;
/// Reads from one connection in one turn, each of no more than it may keep; others must not starve.
const READS_PER_TURN_MAX: usize = 8;

/// The listeners, one of each media address, and all who are connected.
#[derive(Debug)]
pub(super) struct Connections {
    listeners: Vec<TcpListener>,
    /// By the number in their tokens.
    places: Vec<Option<Connection>>,
    free: Vec<usize>,
    by_route: HashMap<Route, usize>,
    /// The oldest first.
    strangers: VecDeque<usize>,
}

#[derive(Debug)]
struct Connection {
    stream: Arc<TcpStream>,
    route: Route,
    frames: Frames,
    came_micros: u64,
    is_stranger: bool,
}

/// What reading a connection has come to.
enum Read {
    /// The batch has what is to be taken.
    Frames,
    /// Nothing more for now.
    Nothing,
    /// There may be more in the kernel, and nothing whole is here.
    Enough,
    /// The far end has gone, or says what cannot be read.
    End,
}

/// Whether a way leads over a connection.
pub(super) fn is_connection(route: Route) -> bool {
    usize::from(route.port) >= ADDRESSES_MAX
}

impl Connections {
    pub(super) fn listen(config: &RelayConfig, registry: &Registry) -> Result<Self, RelayError> {
        let mut listeners = Vec::new();
        for (n, address) in config.addresses.iter().enumerate() {
            let Some(port) = config.shared_port.filter(|_| config.is_shared_over_tcp) else { break };
            let bound = listen(address.bind, port, config.dscp).and_then(|listener| {
                let token = Place::Listener(n).token();
                registry.register(&mut SourceFd(&listener.as_raw_fd()), token, Interest::READABLE)?;
                Ok(listener)
            });
            listeners.push(bound.map_err(|error| RelayError::SharedTcp {
                bind: address.bind,
                port,
                error,
            })?);
        }
        Ok(Self {
            listeners,
            places: Vec::new(),
            free: Vec::new(),
            by_route: HashMap::new(),
            strangers: VecDeque::new(),
        })
    }

    /// What whoever is there can be sent to by.
    pub(super) fn stream(&self, route: Route) -> Option<Arc<TcpStream>> {
        self.get(*self.by_route.get(&route)?).map(|connection| Arc::clone(&connection.stream))
    }

    /// Its far end has shown a password.
    pub(super) fn prove(&mut self, route: Route) {
        let Some(at) = self.by_route.get(&route).copied() else { return };
        if let Some(connection) = self.places.get_mut(at).and_then(Option::as_mut) {
            connection.is_stranger = false;
            self.strangers.retain(|stranger| *stranger != at);
        }
    }

    /// When the oldest stranger's time is over.
    pub(super) fn deadline_micros(&self) -> Option<u64> {
        let oldest = self.get(*self.strangers.front()?)?;
        Some(oldest.came_micros.saturating_add(PATIENCE_MICROS))
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }

    fn get(&self, at: usize) -> Option<&Connection> {
        self.places.get(at)?.as_ref()
    }

    /// Whether a source has as many strangers as it may.
    fn has_enough(&self, source: IpAddr) -> bool {
        let source = network(source);
        let of_source = self.strangers.iter().filter_map(|at| self.get(*at));
        let of_source = of_source.filter(|one| network(one.route.remote.ip()) == source);
        of_source.take(STRANGERS_PER_SOURCE_MAX).count() == STRANGERS_PER_SOURCE_MAX
    }

    /// Takes the next one that waits at a listener: its stream, and where it comes from.
    fn accept(&self, listener: usize) -> io::Result<(TcpStream, SocketAddr)> {
        let listener = self.listeners.get(listener).ok_or(ErrorKind::NotFound)?;
        let (stream, remote) = listener.accept()?;
        stream.set_nonblocking(true)?;
        Ok((stream, remote))
    }

    fn add(&mut self, connection: Connection, registry: &Registry) -> io::Result<()> {
        let at = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        let (token, socket) = (Place::Connection(at).token(), connection.stream.as_raw_fd());
        let registered = registry.register(&mut SourceFd(&socket), token, Interest::READABLE);
        let Some(place) = self.places.get_mut(at).filter(|_| registered.is_ok()) else {
            self.free.push(at);
            return registered;
        };
        self.by_route.insert(connection.route, at);
        self.strangers.push_back(at);
        *place = Some(connection);
        Ok(())
    }

    /// Closes one: which way is no more.
    fn remove(&mut self, at: usize, registry: &Registry) -> Option<Route> {
        let connection = self.places.get_mut(at)?.take()?;
        self.free.push(at);
        self.by_route.remove(&connection.route);
        if connection.is_stranger {
            self.strangers.retain(|stranger| *stranger != at);
        }
        // A leg may have it for a moment longer. What fails here has ended already.
        let _ = registry.deregister(&mut SourceFd(&connection.stream.as_raw_fd()));
        let _ = connection.stream.shutdown(Shutdown::Both);
        Some(connection.route)
    }

    /// Asks to be told again of what has not been read to its end; the poll tells edges only.
    fn ask_again(&self, place: Place, registry: &Registry) -> io::Result<()> {
        let socket: Option<RawFd> = match place {
            Place::Listener(n) => self.listeners.get(n).map(|listener| listener.as_raw_fd()),
            Place::Connection(at) => self.get(at).map(|connection| connection.stream.as_raw_fd()),
            Place::Port(_) => None,
        };
        let Some(socket) = socket else { return Ok(()) };
        registry.reregister(&mut SourceFd(&socket), place.token(), Interest::READABLE)
    }
}

impl Connection {
    /// Fills the batch with what has come, of a stranger one frame at a time. What has been read is always taken to its end:
    /// the poll tells of nothing but the kernel.
    fn read(&mut self, batch: &mut Batch, reads_left: &mut usize) -> Read {
        let most = if self.is_stranger { 1 } else { BATCH_MAX };
        batch.begin(self.route.remote);
        loop {
            while batch.received() < most {
                match self.frames.take() {
                    Ok(Some(frame)) => batch.put(frame),
                    Ok(None) => break,
                    Err(_) => return Read::End,
                }
            }
            if batch.received() > 0 {
                return Read::Frames;
            }
            let Some(left) = reads_left.checked_sub(1) else { return Read::Enough };
            *reads_left = left;
            match (&*self.stream).read(self.frames.room()) {
                Ok(0) => return Read::End,
                Ok(bytes) => self.frames.came(bytes),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Read::Nothing,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Read::End,
            }
        }
    }
}

impl<W: Fn()> Worker<W> {
    /// Whoever waits at a listener.
    pub(super) fn take_connections(&mut self, listener: usize, now: u64) {
        for _ in 0..ACCEPTS_PER_TURN_MAX {
            match self.shared.connections.accept(listener) {
                Ok((stream, remote)) => self.take_connection(listener, (stream, remote), now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Somebody who has gone before they were taken is no reason to keep the next one waiting.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(_) => {
                    self.tally.receive_errors += 1;
                    return;
                }
            }
        }
        let asked = self.shared.connections.ask_again(Place::Listener(listener), self.poll.registry());
        self.tally.receive_errors += u64::from(asked.is_err());
    }

    fn take_connection(&mut self, listener: usize, (stream, remote): (TcpStream, SocketAddr), now: u64) {
        self.tally.connections_taken += 1;
        let connections = &self.shared.connections;
        if connections.has_enough(remote.ip()) {
            self.tally.connections_refused += 1;
            return;
        }
        let is_full = connections.len() >= CONNECTIONS_MAX;
        if is_full || connections.strangers.len() >= STRANGERS_MAX {
            let Some(oldest) = connections.strangers.front().copied() else {
                self.tally.connections_refused += 1;
                return;
            };
            self.refuse_connection(oldest);
        }
        let connection = Connection {
            stream: Arc::new(stream),
            route: Route { port: u8::try_from(ADDRESSES_MAX + listener).unwrap_or(u8::MAX), remote },
            frames: Frames::default(),
            came_micros: now,
            is_stranger: true,
        };
        let added = self.shared.connections.add(connection, self.poll.registry());
        self.tally.receive_errors += u64::from(added.is_err());
    }

    /// Everything that has come on a connection.
    pub(super) fn carry_connection(&mut self, batch: &mut Batch, at: usize, now: u64) {
        let mut reads_left = READS_PER_TURN_MAX;
        loop {
            let place = self.shared.connections.places.get_mut(at);
            let Some(connection) = place.and_then(Option::as_mut) else { return };
            let (route, was_stranger) = (connection.route, connection.is_stranger);
            match connection.read(batch, &mut reads_left) {
                Read::Frames => {}
                Read::Nothing => return,
                Read::Enough => break,
                Read::End if was_stranger => return self.refuse_connection(at),
                Read::End => return self.end_connection(at),
            }
            let first = batch.datagram(0).and_then(|(_, room, len)| Check::read(room.get(..len)?));
            if was_stranger && first.is_none() {
                return self.refuse_connection(at);
            }
            let received = batch.received();
            self.tally.datagrams_received += received as u64;
            self.sort(batch, usize::from(route.port), received, now);
        }
        let asked = self.shared.connections.ask_again(Place::Connection(at), self.poll.registry());
        self.tally.receive_errors += u64::from(asked.is_err());
    }

    /// Those who have shown nothing for too long.
    pub(super) fn refuse_late_strangers(&mut self, now: u64) {
        while self.shared.connections.deadline_micros().is_some_and(|deadline| deadline <= now) {
            let Some(oldest) = self.shared.connections.strangers.front().copied() else { return };
            self.refuse_connection(oldest);
        }
    }

    fn refuse_connection(&mut self, at: usize) {
        self.tally.connections_refused += 1;
        self.shared.connections.remove(at, self.poll.registry());
    }

    /// It is no more. The leg that it was a way to goes on by another one, when its far end says so.
    fn end_connection(&mut self, at: usize) {
        let Some(route) = self.shared.connections.remove(at, self.poll.registry()) else { return };
        let Some(at) = self.shared.forget(route) else { return };
        if let Some(leg) = self.slots.leg(at) {
            leg.state.forget_routes(|other| other == route);
        }
        self.resettle(at);
        self.changed.push(at);
    }

    /// A way to a leg is not one any more.
    pub(super) fn forget_route(&mut self, route: Route) {
        self.shared.forget(route);
        if let Some(at) = self.shared.connections.by_route.get(&route).copied() {
            self.shared.connections.remove(at, self.poll.registry());
        }
    }
}

/// Who is one source: an IPv4 address, or a network of IPv6, in which a host has as many addresses as it likes.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).into(),
    }
}
