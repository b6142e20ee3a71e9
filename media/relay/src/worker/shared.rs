//! One port for all browsers: whom a datagram is for, and what connectivity checks (ICE) change. It comes over UDP, or on a
//! connection (`connections`).
//!
//! A check names its leg (`streams::ice`), and once it has proven that it knows the leg's password, whatever else comes
//! from where it came is that leg's: one look into a map for each packet. A source is one leg's as long as that leg hears
//! checks from it, so nobody takes another's away. What comes from anywhere else is dropped, and not answered.

use std::{
    collections::{HashMap, hash_map::Entry},
    mem,
    sync::Arc,
    time::Duration,
};

use mio::{Events, Interest, Poll, Token};
use streams::{
    classify::{Class, classify},
    ice::{Agent, Check, Route},
    leg::{Channel, DropReason},
    media::{LeaseId, MediaEvent, PortLease},
};

use super::{
    BATCHES_PER_TURN_MAX, COMMANDS, EVENTS_MAX, Worker,
    carrying::has_more,
    connections::{CONNECTIONS_MAX, Connections, is_connection},
    gathering::{Looks, Turned},
    ports::token,
};
use crate::{
    config::{ADDRESSES_MAX, RelayConfig, RelayError},
    sockets::{SharedPort, Sockets},
    syscall::{BATCH_MAX, Batch},
};

/// The ports of UDP, one of each media address, and who speaks there.
#[derive(Debug)]
pub(super) struct Shared {
    ports: Vec<SharedPort>,
    /// Its legs have the slots from here on.
    first_slot: usize,
    /// At most [`ROUTES_MAX`](streams::ice::ROUTES_MAX) of each leg.
    sources: HashMap<Route, usize>,
    pub(super) connections: Connections,
    pub(super) looks: Looks,
    /// Tells of the sockets of phones that speak with those legs, at each look.
    pub(super) phones: Poll,
    ready: Events,
    /// Datagrams that were read from the ports, good or bad.
    received: u64,
}

/// What a token stands for that is no leg's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// UDP, by the address.
    Port(usize),
    /// TCP, by the address.
    Listener(usize),
    Connection(usize),
}

impl Place {
    const FIRST_LISTENER: usize = ADDRESSES_MAX;
    const FIRST_CONNECTION: usize = 2 * ADDRESSES_MAX;
    const END: usize = Self::FIRST_CONNECTION + CONNECTIONS_MAX;

    pub(super) fn of(token: usize) -> Option<Self> {
        let Token(last) = COMMANDS;
        match last.checked_sub(token)?.checked_sub(1)? {
            n if n < Self::FIRST_LISTENER => Some(Self::Port(n)),
            n if n < Self::FIRST_CONNECTION => Some(Self::Listener(n - Self::FIRST_LISTENER)),
            n if n < Self::END => Some(Self::Connection(n - Self::FIRST_CONNECTION)),
            _ => None,
        }
    }

    pub(super) fn token(self) -> Token {
        let Token(last) = COMMANDS;
        let n = match self {
            Self::Port(n) => n,
            Self::Listener(n) => Self::FIRST_LISTENER + n,
            Self::Connection(n) => Self::FIRST_CONNECTION + n,
        };
        Token(last - 1 - n)
    }
}

impl Shared {
    pub(super) fn bind(config: &RelayConfig, poll: &Poll) -> Result<Self, RelayError> {
        let mut ports = Vec::new();
        for (n, address) in config.addresses.iter().enumerate() {
            let Some(port) = config.shared_port else { break };
            let bound = SharedPort::bind(address.bind, port, config.dscp).and_then(|mut bound| {
                poll.registry().register(&mut bound.receive, Place::Port(n).token(), Interest::READABLE)?;
                Ok(bound)
            });
            ports.push(bound.map_err(|error| RelayError::SharedPort { bind: address.bind, port, error })?);
        }
        Ok(Self {
            ports,
            first_slot: config.pairs(),
            sources: HashMap::new(),
            connections: Connections::listen(config, poll.registry())?,
            looks: Looks::new(config.gather_browsers),
            phones: Poll::new().map_err(RelayError::Worker)?,
            ready: Events::with_capacity(EVENTS_MAX),
            received: 0,
        })
    }

    /// What a leg of this slot sends by, if it is one of those: its way to the far end, or the port of the first address.
    pub(super) fn sockets(&self, at: usize, route: Option<Route>) -> Option<Sockets> {
        if let Some(route) = route.filter(|route| is_connection(*route)) {
            return self.connections.stream(route).map(Sockets::Connected);
        }
        let port = route.map_or(0, |route| usize::from(route.port));
        let port = self.ports.get(port).filter(|_| at >= self.first_slot)?;
        Some(Sockets::Shared(Arc::clone(&port.send)))
    }

    /// Ports that do not tell by themselves that something has come.
    pub(super) fn looked_at(&self) -> usize {
        self.looks.deadline_micros().map_or(0, |_| self.ports.len())
    }

    /// A source is nobody's any more: whose it was.
    pub(super) fn forget(&mut self, route: Route) -> Option<usize> {
        self.sources.remove(&route)
    }
}

impl<W: Fn()> Worker<W> {
    /// Every leg that may be there and is not is told of.
    pub(super) fn stock_shared(&mut self) {
        let slots = self.shared.first_slot..self.slots.len();
        let free = slots.filter(|at| self.slots.leg(*at).is_none()).collect::<Vec<_>>();
        let leases: Vec<PortLease> = free.into_iter().filter_map(|at| self.shared_lease(at)).collect();
        if !leases.is_empty() {
            self.tell(MediaEvent::SharedStock(leases));
        }
    }

    /// A leg was closed: another one may be there. Its checks would name another lease, so no port has to rest.
    pub(super) fn restock_shared(&mut self, at: usize) {
        if let Some(lease) = self.shared_lease(at) {
            self.tell(MediaEvent::SharedStock(vec![lease]));
        }
    }

    fn shared_lease(&mut self, at: usize) -> Option<PortLease> {
        let sockets = self.shared.sockets(at, None)?;
        let (address, port) = (self.config.addresses.first()?.advertised, self.config.shared_port?);
        let id: LeaseId = self.slots.stock(at, sockets)?;
        Some(PortLease { id, address: (address, port).into() })
    }

    /// A shared port has told that something has come in.
    pub(super) fn carry_shared(&mut self, batch: &mut Batch, port: usize, now: u64) {
        if self.drain_shared(batch, port, now) {
            return;
        }
        // As for a leg's own port: ask to be told again.
        let Some(socket) = self.shared.ports.get_mut(port) else { return };
        let token = Place::Port(port).token();
        let registered = self.poll.registry().reregister(&mut socket.receive, token, Interest::READABLE);
        self.tally.receive_errors += u64::from(registered.is_err());
    }

    /// Everything that has come in on a shared port, up to what a turn may take: whether there is no more.
    fn drain_shared(&mut self, batch: &mut Batch, port: usize, now: u64) -> bool {
        for _ in 0..BATCHES_PER_TURN_MAX {
            let Some(socket) = self.shared.ports.get(port) else { return true };
            match batch.receive(&socket.receive) {
                Ok(received) => {
                    self.tally.datagrams_received += received as u64;
                    self.shared.received += received as u64;
                    self.sort(batch, port, received, now);
                    if received < BATCH_MAX {
                        return true;
                    }
                }
                Err(error) if has_more(&error, &mut self.tally) => {}
                Err(_) => return true,
            }
        }
        false
    }

    /// What has gathered on the shared ports and of the phones there when its time has come, and from when to when it may
    /// gather.
    pub(super) fn look_at_shared(&mut self, batch: &mut Batch, now: u64) {
        if self.shared.looks.is_due(now) {
            let ports = 0..self.shared.ports.len();
            let left = ports.filter(|port| !self.drain_shared(batch, *port, now)).count();
            self.look_at_phones(batch, now);
            self.shared.looks.looked(now, left == 0);
        }
        let Some(turned) = self.shared.looks.turn(now, self.shared.received) else { return };
        let registry = self.poll.registry();
        for (port, socket) in self.shared.ports.iter_mut().enumerate() {
            let done = match turned {
                Turned::ToLooks => registry.deregister(&mut socket.receive),
                Turned::ToEvents => {
                    registry.register(&mut socket.receive, Place::Port(port).token(), Interest::READABLE)
                }
            };
            self.tally.receive_errors += u64::from(done.is_err());
        }
        if turned == Turned::ToEvents {
            (0..self.shared.first_slot).for_each(|at| self.mind_gathering(at));
        }
    }

    /// What phones have said to browsers since the last look. It leaves by one port, and so together.
    fn look_at_phones(&mut self, batch: &mut Batch, now: u64) {
        let mut ready = mem::replace(&mut self.shared.ready, Events::with_capacity(0));
        if self.shared.phones.poll(&mut ready, Some(Duration::ZERO)).is_err() {
            self.tally.receive_errors += 1;
        }
        batch.clear(None);
        for event in &ready {
            let Token(token) = event.token();
            if event.is_error() {
                self.hear_refusals(token, now);
            }
            self.carry_more(batch, token, now);
        }
        self.send_postponed(batch, now);
        self.shared.ready = ready;
    }

    /// Has the poll of those whose packets gather tell of a phone's sockets while it speaks with somebody whose packets gather,
    /// and no longer. It is looked after when a packet has come, so that nobody else has to think of it.
    pub(super) fn mind_gathering(&mut self, at: usize) {
        let is_with_browser = self.slots.peer(at).is_some_and(|peer| peer >= self.shared.first_slot);
        let gathers = is_with_browser && self.shared.looks.deadline_micros().is_some();
        let Some(leg) = self.slots.leg(at).filter(|leg| leg.gathers != gathers) else { return };
        let (from, to) =
            if gathers { (&self.poll, &self.shared.phones) } else { (&self.shared.phones, &self.poll) };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let Some(socket) = leg.sockets.own(channel) else { return };
            let moved = from.registry().deregister(socket);
            let moved =
                moved.and_then(|()| to.registry().register(socket, token(at, channel), Interest::READABLE));
            self.tally.receive_errors += u64::from(moved.is_err());
        }
        leg.gathers = gathers;
        let looked_at = self.tally.legs_looked_at;
        self.tally.legs_looked_at = if gathers { looked_at + 1 } else { looked_at.saturating_sub(1) };
    }

    /// Takes the checks of a batch, and carries what else is in it leg by leg.
    pub(super) fn sort(&mut self, batch: &mut Batch, port: usize, received: usize, now: u64) {
        let mut whose = [None; BATCH_MAX];
        for (n, place) in whose.iter_mut().enumerate().take(received) {
            let Some((remote, room, len)) = batch.datagram(n) else {
                self.tally.dropped_too_long += 1;
                continue;
            };
            let datagram = room.get(..len).unwrap_or_default();
            let route = Route { port: u8::try_from(port).unwrap_or(u8::MAX), remote };
            let channel = match classify(datagram) {
                Class::Stun => {
                    self.check(route, datagram, now);
                    continue;
                }
                Class::Rtcp => Channel::Rtcp,
                _ => Channel::Rtp,
            };
            *place = self.shared.sources.get(&route).map(|at| (*at, channel));
            if place.is_none() {
                self.tally.dropped(DropReason::Foreign);
            }
        }
        for n in 0..received {
            let Some(leg) = whose.get(n).copied().flatten() else { continue };
            let mut which = 0;
            for (m, other) in whose.iter_mut().enumerate().filter(|(_, other)| **other == Some(leg)) {
                which |= 1 << m;
                *other = None;
            }
            self.mind_image(leg.0, now);
            self.carry_those(batch, leg, which, now);
        }
        self.send_postponed(batch, now);
    }

    /// A datagram of STUN.
    fn check(&mut self, route: Route, datagram: &[u8], now: u64) {
        let check = Check::read(datagram);
        let holder = self.shared.sources.get(&route).copied();
        let found = check.as_ref().and_then(|check| self.slots.find(check.lease()?));
        let found = found.filter(|at| holder.is_none_or(|holder| holder == *at));
        let checked = found.zip(check).and_then(|(at, check)| {
            let checked = self.slots.leg(at)?.state.check(now, route, &check)?;
            Some((at, checked))
        });
        let Some((at, checked)) = checked else {
            self.tally.checks_refused += 1;
            return;
        };
        let sockets = self.shared.sockets(at, Some(route));
        if let (Some(answer), Some(sockets)) = (&checked.answer, &sockets)
            && sockets.way(Channel::Rtp).send(answer, route.remote).is_err()
        {
            self.tally.send_errors += 1;
        }
        if !checked.is_proven {
            self.tally.checks_refused += 1;
            return;
        }
        self.tally.checks_taken += 1;
        if self.shared.sources.insert(route, at).is_none() && is_connection(route) {
            self.shared.connections.prove(route);
        }
        if let Some(forgotten) = checked.forgotten {
            self.forget_route(forgotten);
        }
        if let (true, Some(leg), Some(sockets)) = (checked.is_moved, self.slots.leg(at), sockets) {
            leg.sockets = sockets;
            self.shakers.mind((at, leg), now, false, &mut self.tally);
            self.changed.push(at);
        }
    }

    /// Has a leg leave by the way that it has now, after it has lost one.
    pub(super) fn resettle(&mut self, at: usize) {
        let Some(leg) = self.slots.leg(at) else { return };
        if let Some(sockets) = self.shared.sockets(at, leg.state.ice().and_then(Agent::chosen)) {
            leg.sockets = sockets;
        }
    }

    /// The ways to a leg of a former life.
    pub(super) fn remember_routes(&mut self, at: usize) {
        let Some(ice) = self.slots.leg(at).and_then(|leg| leg.state.ice()) else { return };
        for route in ice.routes() {
            if let Entry::Vacant(place) = self.shared.sources.entry(route) {
                place.insert(at);
            }
        }
    }

    /// Ways to a leg that nobody has checked for too long.
    pub(super) fn forget_silent(&mut self, at: usize, now: u64) {
        while let Some(route) = self.slots.leg(at).and_then(|leg| leg.state.forget_silent(now)) {
            self.forget_route(route);
            self.resettle(at);
            self.changed.push(at);
        }
    }

    /// A leg is about to be closed.
    pub(super) fn forget_routes(&mut self, at: usize) {
        let Some(ice) = self.slots.leg(at).and_then(|leg| leg.state.ice()) else { return };
        let routes: Vec<Route> = ice.routes().collect();
        routes.into_iter().for_each(|route| self.forget_route(route));
    }
}
