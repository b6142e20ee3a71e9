//! The media thread: waits for packets and commands, and never for anything else (DESIGN D5).
//!
//! One turn is: wait, stamp the time once, obey commands, carry packets, play what is due, report, bind a few ports if the
//! stock is low, hand out events, publish counters. What each of these does stands in a file of its own.

mod agenda;
mod captures;
mod carrying;
mod commands;
mod connections;
mod gathering;
mod images;
mod ports;
mod refusals;
mod reports;
mod rooms;
mod shared;
mod sounds;

use std::{
    collections::VecDeque,
    hash::RandomState,
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::SyncSender,
    },
    time::{Duration, Instant},
};

use mio::{Events, Poll, Token};
use rtrb::{Consumer, Producer};
use streams::{
    audio::library::Library,
    media::{MediaCommand, MediaEvent},
    voice::Made,
};

use agenda::Agenda;
use captures::Captures;
pub use gathering::GATHER_MICROS_MAX;
use gathering::Gathering;
use reports::Rounds;
use rooms::Rooms;
pub(crate) use rooms::Seated;
use shared::{Place, Shared};

use crate::{
    Helpers,
    config::{RelayConfig, RelayError},
    counters::{Counters, Tally},
    shaking::Shakers,
    slots::Slots,
    stock::Pool,
    survival::{Keep, Resumed},
    syscall::{Batch, pin_thread},
    tap::Taps,
};

/// The token of the command waker; those of shared ports lie below it (`shared`), leg tokens are twice the slot, plus one for RTCP.
pub(crate) const COMMANDS: Token = Token(usize::MAX);
/// Sockets served in one turn.
const EVENTS_MAX: usize = 1_024;
/// Full batches read from one socket in one turn; a flooded port must not starve the others.
const BATCHES_PER_TURN_MAX: usize = 4;
/// Events that found no room, for which memory is taken before: beyond, keys that are pressed are lost.
const BACKLOG_ROOM: usize = 256;
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
    taps: Taps,
    /// Packets of our own making, on their way.
    made: Made,
    agenda: Agenda,
    rooms: Rooms,
    libraries: Consumer<Arc<Library>>,
    /// Tells whoever reads the library that it is wanted.
    wanted: SyncSender<()>,
    rounds: Rounds,
    captures: Captures,
    random: RandomState,
    shakers: Shakers,
    shared: Shared,
}

/// What the worker shares with its owner.
pub(crate) struct Ends<W> {
    pub(crate) poll: Poll,
    pub(crate) commands: Consumer<MediaCommand>,
    pub(crate) events: Producer<MediaEvent>,
    pub(crate) wake_owner: W,
    pub(crate) stop: Arc<AtomicBool>,
    pub(crate) counters: Arc<Counters>,
    pub(crate) helpers: Helpers,
    pub(crate) libraries: Consumer<Arc<Library>>,
    pub(crate) wanted: SyncSender<()>,
}

impl<W: Fn()> Worker<W> {
    /// Takes back the legs of a former life, and binds the first pairs of each pool, so that a range which cannot
    /// work is told at start.
    pub(crate) fn new(config: RelayConfig, resumed: Resumed, ends: Ends<W>) -> Result<Self, RelayError> {
        let (pairs, slots) = (config.ports.pairs(), config.pairs() + config.shared_legs());
        let target = config.stock_target;
        let pools: Vec<Pool> = config.addresses.iter().map(|a| Pool::new(*a, pairs, target)).collect();
        let Ends { poll, commands, events, wake_owner, stop, counters, helpers, libraries, wanted } = ends;
        let started = config.origin.unwrap_or_else(Instant::now);
        let mut worker = Self {
            slots: Slots::new(slots),
            shared: Shared::bind(&config, &poll)?,
            shakers: Shakers::new(config.identity.clone(), started),
            config,
            poll,
            commands,
            events,
            backlog: VecDeque::with_capacity(BACKLOG_ROOM),
            wake_owner,
            stop,
            pools,
            started,
            tally: Tally::default(),
            counters,
            keep: helpers.keep,
            changed: Vec::new(),
            taps: Taps::new(helpers.recorder),
            made: Made::new(),
            agenda: Agenda::new(slots),
            rooms: Rooms::new(slots),
            libraries,
            wanted,
            rounds: Rounds::new(started.elapsed()),
            captures: Captures::default(),
            random: RandomState::new(),
        };
        worker.resume(resumed);
        for at in 0..worker.pools.len() {
            worker.first_pair(at)?;
        }
        worker.stock_shared();
        Ok(worker)
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
        let mut gathering = Gathering::new(self.config.gather);
        while !self.stop.load(Relaxed) {
            let mut wait = self.wait(now);
            if let Some(pause) = gathering.pause(now, self.tally.datagrams_received, wait) {
                std::thread::sleep(pause);
                wait = self.wait(self.now_micros());
            }
            match self.poll.poll(&mut ready, wait) {
                Err(error) if error.kind() != ErrorKind::Interrupted => {
                    tracing::error!(%error, "media worker cannot wait for packets and ends");
                    return;
                }
                _ => {}
            }
            now = self.now_micros();
            self.tally.wakeups += 1;
            self.take_library(now);
            self.obey(&mut batch, now);
            for event in ready.iter().filter(|event| event.token() != COMMANDS) {
                let token = event.token().0;
                match Place::of(token) {
                    Some(Place::Port(port)) => self.carry_shared(&mut batch, port, now),
                    Some(Place::Listener(listener)) => self.take_connections(listener, now),
                    Some(Place::Connection(at)) => self.carry_connection(&mut batch, at, now),
                    None => {
                        if event.is_error() {
                            self.hear_refusals(token, now);
                        }
                        self.carry(&mut batch, token, now);
                    }
                }
            }
            self.look_at_shared(&mut batch, now);
            self.tick(&mut batch, now);
            self.tick_rooms(&mut batch, now);
            self.changed.extend(self.shakers.advance(&mut self.slots, now, &mut self.tally));
            self.refuse_late_strangers(now);
            self.report(now);
            self.end_captures(now);
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
        let turn = self.agenda.deadline_micros().into_iter().chain(self.rooms.deadline_micros());
        let turn = turn.chain(self.shared.looks.deadline_micros()).min();
        let turn = turn.map(|due| until(due, self.now_micros()));
        if !self.backlog.is_empty() {
            return turn.into_iter().chain([BACKLOG_RETRY]).min();
        }
        if !self.commands.is_empty() {
            return Some(Duration::ZERO);
        }
        let pools = self.pools.iter().filter_map(Pool::deadline_micros);
        let others = pools.chain(self.shakers.deadline_micros()).chain(self.rounds.deadline_micros());
        let others = others.chain(self.captures.deadline_micros());
        let others = others.chain(self.shared.connections.deadline_micros());
        let others = others.map(|due| until(due, now));
        turn.into_iter().chain(others).min()
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
        self.tally.ports_looked_at = self.shared.looked_at() as u64;
        self.tally.connections_open = self.shared.connections.len() as u64;
        self.tally.publish(&self.counters);
    }
}

fn until(due_micros: u64, now_micros: u64) -> Duration {
    Duration::from_micros(due_micros.saturating_sub(now_micros))
}
