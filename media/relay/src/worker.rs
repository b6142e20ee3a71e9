//! The media thread: waits for packets and commands, and never for anything else (DESIGN D5).
//!
//! One turn is: wait, stamp the time once, obey commands, carry packets, bind a few ports if the stock is low, hand
//! out events, publish counters. Carrying a packet allocates nothing, locks nothing, asks no clock, logs nothing and
//! searches nothing: the poll token is the index of the leg.

use std::{
    collections::{BTreeMap, VecDeque},
    io::{self, ErrorKind},
    net::{SocketAddr, UdpSocket},
    os::fd::AsFd as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

use mio::{Events, Interest, Poll, Token};
use rtrb::{Consumer, Producer};
use streams::{
    leg::{Channel, LegState},
    media::{LeaseId, LegMedia, MediaCommand, MediaEvent, PortLease},
    path::{Path, Step},
};

use crate::{
    config::{PortRange, RelayConfig, RelayError},
    counters::{Counters, Tally},
    slots::Slots,
    sockets::Pair,
    stock::Pool,
    survival::{IMAGE_AGE_MICROS_MAX, Keep, LegImage, Resumed},
    syscall::{BATCH_MAX, Batch, pin_thread},
};

/// The token of the command waker; leg tokens are twice the slot, plus one for RTCP.
pub(crate) const COMMANDS: Token = Token(usize::MAX);
/// Sockets served in one turn.
const EVENTS_MAX: usize = 1_024;
/// Commands obeyed in one turn.
const COMMANDS_PER_TURN_MAX: usize = 256;
/// Full batches read from one socket in one turn; a flooded port must not starve the others.
const BATCHES_PER_TURN_MAX: usize = 4;
/// Pairs bound for one pool in one turn.
const BINDS_PER_TURN_MAX: usize = 8;
/// How soon events that found no room are offered again.
const BACKLOG_RETRY: Duration = Duration::from_millis(10);

/// Everything that the media thread owns.
pub(crate) struct Worker<W> {
    config: RelayConfig,
    poll: Poll,
    commands: Consumer<MediaCommand>,
    events: Producer<MediaEvent>,
    /// Events that the ring had no room for. While there are any no command is taken, so it cannot grow.
    backlog: VecDeque<MediaEvent>,
    wake_owner: W,
    stop: Arc<AtomicBool>,
    slots: Slots,
    pools: Vec<Pool>,
    started: Instant,
    tally: Tally,
    counters: Arc<Counters>,
    keep: Option<Box<dyn Keep>>,
    /// Legs to be imaged at the end of the turn.
    changed: Vec<usize>,
}

/// What the worker shares with its owner.
pub(crate) struct Ends<W> {
    pub(crate) poll: Poll,
    pub(crate) commands: Consumer<MediaCommand>,
    pub(crate) events: Producer<MediaEvent>,
    pub(crate) wake_owner: W,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) keep: Option<Box<dyn Keep>>,
}

impl<W: Fn()> Worker<W> {
    /// Takes back the legs of a former life, and binds the first pairs of each pool, so that a range which cannot
    /// work is told at start.
    pub(crate) fn new(config: RelayConfig, resumed: Resumed, ends: Ends<W>) -> Result<Self, RelayError> {
        let pairs = config.ports.pairs();
        let target = config.stock_target;
        let pools: Vec<Pool> = config.addresses.iter().map(|a| Pool::new(*a, pairs, target)).collect();
        let Ends { poll, commands, events, wake_owner, stop, counters, keep } = ends;
        let started = config.origin.unwrap_or_else(Instant::now);
        let mut worker = Self {
            slots: Slots::new(pairs * pools.len()),
            config,
            poll,
            commands,
            events,
            backlog: VecDeque::new(),
            wake_owner,
            stop,
            pools,
            started,
            tally: Tally::default(),
            counters,
            keep,
            changed: Vec::new(),
        };
        worker.resume(resumed);
        for at in 0..worker.pools.len() {
            worker.first_pair(at)?;
        }
        Ok(worker)
    }

    /// Takes back what can be taken back; the rest is reported closed.
    fn resume(&mut self, resumed: Resumed) {
        let mut sockets: BTreeMap<LeaseId, UdpSocket> = resumed.sockets.into_iter().collect();
        let mut joins = BTreeMap::new();
        for (lease, image) in resumed.images {
            let image = LegImage::read(&image);
            let report = image.as_ref().map(|image| image.state.report()).unwrap_or_default();
            let peer = image.as_ref().and_then(|image| image.peer).map(LeaseId);
            match image.and_then(|image| self.resume_leg(lease, image.state, sockets.remove(&lease))) {
                Some(at) => drop(joins.insert(lease, (at, peer))),
                None => {
                    self.forget(lease);
                    self.tell(MediaEvent::Closed { lease, report });
                }
            }
        }
        // Either half of a pair may be older than the other: only what both say is so.
        for (lease, (at, peer)) in &joins {
            if let Some((other, Some(back))) = peer.and_then(|peer| joins.get(&peer))
                && back == lease
            {
                self.slots.join(*at, *other);
            }
        }
        sockets.into_keys().for_each(|lease| self.forget(lease));
    }

    fn resume_leg(&mut self, lease: LeaseId, state: LegState, socket: Option<UdpSocket>) -> Option<usize> {
        let (ports, dscp, at) = (self.config.ports, self.config.dscp, (lease.0 & 0xffff) as usize);
        let (pool, pair) = self.pool_of(at)?;
        let sockets = Pair::resume(pool.address.bind, ports.rtp_port(pair), dscp, socket).ok()?;
        let at = self.slots.resume(lease, sockets, state)?;
        self.listen_on(at);
        self.tally.legs_open += 1;
        self.changed.push(at);
        self.pool_of(at)?.0.taken(pair);
        Some(at)
    }

    fn listen_on(&mut self, at: usize) {
        let Some(leg) = self.slots.leg(at) else { return };
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let socket = leg.socket(channel);
            if self.poll.registry().register(socket, token(at, channel), Interest::READABLE).is_err() {
                self.tally.receive_errors += 1;
            }
        }
    }

    fn forget(&mut self, lease: LeaseId) {
        if let Some(keep) = &mut self.keep {
            keep.close(lease);
        }
    }

    fn first_pair(&mut self, at: usize) -> Result<(), RelayError> {
        while let Some((port, bound)) = self.bind_next(at, 0) {
            match bound {
                Ok(lease) => {
                    self.tell(MediaEvent::Stock(vec![lease]));
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                    return Err(RelayError::Privileged { port });
                }
                Err(error) => return Err(RelayError::Socket(error)),
            }
        }
        let bind = self.config.addresses.get(at).map(|a| a.bind).ok_or(RelayError::NoAddress)?;
        let PortRange { first, last } = self.config.ports;
        Err(RelayError::RangeTaken { bind, first, last })
    }

    /// Turns until told to stop.
    pub(crate) fn run(mut self) {
        if let Some(core) = self.config.core
            && let Err(error) = pin_thread(core)
        {
            tracing::warn!(core, %error, "media worker is not pinned");
        }
        let mut batch = Batch::new();
        let mut ready = Events::with_capacity(EVENTS_MAX);
        let mut now = self.now_micros();
        while !self.stop.load(Relaxed) {
            match self.poll.poll(&mut ready, self.wait(now)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    tracing::error!(%error, "media worker cannot wait for packets and ends");
                    return;
                }
                _ => {}
            }
            now = self.now_micros();
            self.tally.wakeups += 1;
            self.obey(&mut batch, now);
            for event in &ready {
                if event.token() != COMMANDS {
                    self.carry(&mut batch, event.token().0, now);
                }
            }
            self.refill(now);
            self.put_images(now, false);
            // Figures first, so that whoever has seen an event has seen what it counted.
            self.publish();
            self.hand_out();
        }
        self.changed = (0..self.slots.len()).collect();
        self.put_images(now, true);
    }

    fn now_micros(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// How long there is nothing to do but packets and commands.
    fn wait(&self, now: u64) -> Option<Duration> {
        if !self.backlog.is_empty() {
            return Some(BACKLOG_RETRY);
        }
        if !self.commands.is_empty() {
            return Some(Duration::ZERO);
        }
        let deadline = self.pools.iter().filter_map(Pool::deadline_micros).min()?;
        Some(Duration::from_micros(deadline.saturating_sub(now)))
    }

    fn obey(&mut self, batch: &mut Batch, now: u64) {
        for _ in 0..COMMANDS_PER_TURN_MAX {
            if !self.backlog.is_empty() {
                return;
            }
            let Ok(command) = self.commands.pop() else { return };
            let obeyed = match command {
                MediaCommand::Open { lease, media } => self.open(batch, lease, media),
                MediaCommand::Configure { lease, media } => self.slots.find(lease).and_then(|at| {
                    self.changed.push(at);
                    self.slots.leg(at).map(|leg| leg.state.configure(now, media))
                }),
                MediaCommand::Join { a, b } => {
                    let found = self.slots.find(a).zip(self.slots.find(b));
                    found.filter(|(a, b)| self.slots.join(*a, *b)).map(|(a, b)| self.changed.extend([a, b]))
                }
                MediaCommand::Part { lease } => self.slots.find(lease).map(|at| {
                    self.changed.push(at);
                    self.slots.part(at);
                }),
                MediaCommand::Close { lease } => self.close(lease, now),
            };
            if obeyed.is_none() {
                self.tally.commands_stale += 1;
            }
        }
    }

    fn open(&mut self, batch: &mut Batch, lease: LeaseId, media: LegMedia) -> Option<()> {
        let at = self.slots.find(lease)?;
        let leg = self.slots.open(at, media)?;
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let socket = leg.socket(channel);
            // What came before is from nobody we know. A flood must not hold up the turn, so this is bounded too.
            for _ in 0..BATCHES_PER_TURN_MAX {
                if !batch.receive(socket).is_ok_and(|n| n == BATCH_MAX) {
                    break;
                }
            }
        }
        if let Some(keep) = &mut self.keep {
            keep.open(lease, leg.socket(Channel::Rtp).as_fd());
        }
        self.listen_on(at);
        self.changed.push(at);
        self.tally.legs_open += 1;
        self.pool_of(at).map(|(pool, _)| pool.drawn())
    }

    fn close(&mut self, lease: LeaseId, now: u64) -> Option<()> {
        let at = self.slots.find(lease)?;
        let report = self.slots.close(at);
        self.forget(lease);
        let until = now.saturating_add(u64::try_from(self.config.quarantine.as_micros()).unwrap_or(u64::MAX));
        let (pool, pair) = self.pool_of(at)?;
        pool.rest(pair, until);
        if report.is_none() {
            pool.drawn();
        } else {
            self.tally.legs_open = self.tally.legs_open.saturating_sub(1);
        }
        self.tell(MediaEvent::Closed { lease, report: report.unwrap_or_default() });
        Some(())
    }

    fn pool_of(&mut self, at: usize) -> Option<(&mut Pool, usize)> {
        let pairs = self.config.ports.pairs();
        self.pools.get_mut(at / pairs).map(|pool| (pool, at % pairs))
    }

    /// Has the legs imaged that have changed.
    fn put_images(&mut self, now: u64, is_exact: bool) {
        let Some(keep) = &mut self.keep else { return self.changed.clear() };
        for at in self.changed.drain(..) {
            if let Some((lease, peer, leg)) = self.slots.seen(at) {
                leg.imaged = Some((leg.state.pinned(), now));
                let image = LegImage { peer: peer.map(|peer| peer.0), is_exact, state: &leg.state };
                image.keep(lease, keep.as_mut());
            }
        }
    }

    /// Whether the image of a leg that packets have come for is too old, or shows another source.
    fn mind_image(&mut self, at: usize, now: u64) {
        if self.keep.is_none() {
            return;
        }
        let Some(leg) = self.slots.leg(at) else { return };
        let is_good = leg.imaged.is_some_and(|(pinned, made)| {
            pinned == leg.state.pinned() && now.saturating_sub(made) < IMAGE_AGE_MICROS_MAX
        });
        if !is_good {
            self.changed.push(at);
        }
    }

    /// Everything that has come in on one socket.
    fn carry(&mut self, batch: &mut Batch, token: usize, now: u64) {
        let at = token / 2;
        let channel = if token.is_multiple_of(2) { Channel::Rtp } else { Channel::Rtcp };
        self.mind_image(at, now);
        for _ in 0..BATCHES_PER_TURN_MAX {
            match self.carry_batch(batch, at, channel, now) {
                Some(received) if received == BATCH_MAX => {}
                _ => return,
            }
        }
        // Not drained, and the poll tells edges only: ask to be told again.
        if let Some(leg) = self.slots.leg(at) {
            let socket = leg.socket(channel);
            if self.poll.registry().reregister(socket, Token(token), Interest::READABLE).is_err() {
                self.tally.receive_errors += 1;
            }
        }
    }

    /// One batch from one socket, out through the other leg's. `None` when the socket has nothing more.
    fn carry_batch(&mut self, batch: &mut Batch, at: usize, channel: Channel, now: u64) -> Option<usize> {
        let ports = self.config.ports;
        let pools = &self.pools;
        let round = self.slots.goes_round(at, channel, |address| own_slot(pools, ports, address));
        let (from, to) = self.slots.leg_and_peer(at)?;
        let mut to = to.filter(|_| !round);
        let received = match batch.receive(from.socket(channel)) {
            Ok(received) => received,
            Err(error) => {
                self.tally.receive_errors += u64::from(error.kind() != ErrorKind::WouldBlock);
                return None;
            }
        };
        self.tally.datagrams_received += received as u64;
        self.tally.send_loops += if round { received as u64 } else { 0 };
        let mut path = Path::new(channel, &mut from.state, to.as_deref_mut().map(|leg| &mut leg.state));
        for n in 0..received {
            let Some((source, room, len)) = batch.datagram(n) else {
                self.tally.dropped_too_long += 1;
                continue;
            };
            match path.carry(now, source, room, len) {
                Step::Send(len) => batch.queue(n, len),
                Step::Keep => self.tally.kept += 1,
                Step::Drop(reason) => self.tally.dropped(reason),
            }
        }
        if let (Some(destination), Some(to)) = (path.destination(), &mut to) {
            let sent = batch.send(to.socket(channel), destination);
            self.tally.datagrams_sent += sent.datagrams;
            self.tally.send_errors += sent.errors;
            self.tally.send_blocked += sent.blocked;
            if channel == Channel::Rtp {
                to.state.sent(sent.datagrams, sent.bytes);
            }
        }
        Some(received)
    }

    /// Binds a few pairs for each pool that is short of them.
    fn refill(&mut self, now: u64) {
        for at in 0..self.pools.len() {
            let mut leases = Vec::new();
            for _ in 0..BINDS_PER_TURN_MAX {
                let Some((_, bound)) = self.bind_next(at, now) else { break };
                leases.extend(bound);
            }
            if !leases.is_empty() {
                self.tell(MediaEvent::Stock(leases));
            }
            let Some(pool) = self.pools.get_mut(at) else { continue };
            let dry = pool.runs_dry(now).then_some(pool.address.advertised);
            if let Some(advertised) = dry {
                self.tell(MediaEvent::StockEmpty { advertised });
            }
        }
    }

    /// Tries the next pair of a pool, if it wants one: its RTP port and what came of it.
    fn bind_next(&mut self, at: usize, now: u64) -> Option<(u16, io::Result<PortLease>)> {
        let ports = self.config.ports;
        let pool = self.pools.get_mut(at)?;
        let pair = pool.next(now)?;
        let port = ports.rtp_port(pair);
        let slot = at * ports.pairs() + pair;
        let bound = Pair::bind(pool.address.bind, port, self.config.dscp);
        let stocked = bound.and_then(|sockets| {
            self.slots.stock(slot, sockets).ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))
        });
        let lease = stocked.map(|id| PortLease { id, address: (pool.address.advertised, port).into() });
        match &lease {
            Ok(_) => pool.bound(),
            Err(error) => {
                pool.missed(pair, error.kind() == ErrorKind::AddrInUse, now);
                self.tally.bind_failures += 1;
            }
        }
        Some((port, lease))
    }

    fn tell(&mut self, event: MediaEvent) {
        self.backlog.push_back(event);
    }

    fn hand_out(&mut self) {
        let mut told = false;
        while let Some(event) = self.backlog.pop_front() {
            if let Err(rtrb::PushError::Full(event)) = self.events.push(event) {
                self.backlog.push_front(event);
                break;
            }
            told = true;
        }
        if told {
            (self.wake_owner)();
        }
    }

    fn publish(&mut self) {
        self.tally.pairs_stocked = self.pools.iter().map(|p| p.stocked() as u64).sum();
        self.tally.pairs_quarantined = self.pools.iter().map(|p| p.resting() as u64).sum();
        self.tally.publish(&self.counters);
    }
}

/// The slot whose port an address is, if it is one of our own.
fn own_slot(pools: &[Pool], ports: PortRange, address: SocketAddr) -> Option<usize> {
    let at = pools.iter().position(|pool| pool.is_own(address.ip()))?;
    Some(at * ports.pairs() + ports.pair_of(address.port())?)
}

fn token(at: usize, channel: Channel) -> Token {
    Token(at * 2 + usize::from(channel == Channel::Rtcp))
}
