//! What outlives this process, so that calls do not end with it: after a crash, and in a planned restart
//! (decision 0014).
//!
//! Sockets and two files in memory are left with the service manager ([`fd_store`]). The files hold an image of
//! every call ([`state_file`]), the facts that the journal may not have yet ([`tail`]), and an image of every media
//! leg. The next life takes all of it back ([`FormerLife`]) and goes on. Without a service manager that stores
//! descriptors nothing is written and nothing is kept: then a restart ends all calls, as their records say.

pub mod fd_store;
pub mod heir;
mod identity;
mod inherited;
mod legs;
pub mod state_file;
pub mod tail;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    os::fd::BorrowedFd,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use bytes::Bytes;
use calls::{CallImage, Continuity, ImageChange, Output, Outputs};
use contract::{id::CallId, journal::Entry};
use relay::Resumed;
use rustix::time::{ClockId, clock_gettime};
use streams::{dtls::Identity, media::LeaseId};
use uuid::Uuid;

use crate::{
    journal::{self, OpenCalls},
    wire::{self, Wire},
};
use fd_store::FdStore;
pub use inherited::Inherited;
use inherited::name;
pub use legs::Legs;
use state_file::{Key, StateFile};
use tail::Tail;

/// Keys below are no call ids: those have a version in their middle.
const SECRETS: Key = 1;
/// The certificate for DTLS, with its key.
const IDENTITY: Key = 2;
/// The rest of SIP after a planned stop, in pieces from this key on.
const REST: Key = 1 << 16;
const REST_PIECES_MAX: u128 = 1 << 16;
const REST_PIECE_BYTES: usize = 64 * 1024;
/// Keys of what a connection has left unread, with its id.
const UNREAD: Key = 1 << 64;

/// What this life leaves to the next; the engine's part of it.
pub struct Survival {
    calls: StateFile,
    tail: Tail,
    store: FdStore,
    journal: Arc<journal::Counters>,
    /// Facts given to the journal in this life.
    recorded: u64,
    /// Connections in the store.
    connections: BTreeSet<u64>,
    is_in_trouble: bool,
}

/// What the former life has left.
#[derive(Default)]
pub struct FormerLife {
    /// Keys and time line that all lives share.
    pub continuity: Option<Continuity>,
    /// The certificate for DTLS that all lives share; without a former life it is made when it is needed.
    pub identity: Option<Arc<Identity>>,
    /// Its calls.
    pub calls: Vec<(CallId, Bytes)>,
    /// The rest of its SIP, after a planned stop.
    pub rest: Bytes,
    /// Facts that its journal may not have.
    pub entries: Vec<Entry>,
    /// Bytes that came on connections and were no whole message yet, by connection.
    pub unread: BTreeMap<u64, Vec<u8>>,
    /// Its media, for the relay.
    pub media: Resumed,
    leases: BTreeSet<LeaseId>,
}

impl FormerLife {
    /// That of a life without one before or after it.
    pub fn none() -> io::Result<Self> {
        let (identity, _) = identity::make()?;
        Ok(Self { identity: Some(identity), ..Self::default() })
    }
}

/// Everything that [`open`] gives.
pub struct Opened {
    /// For the engine.
    pub survival: Survival,
    /// For the relay.
    pub legs: Legs,
    /// For whoever asks the next life what it can read.
    pub estate: heir::Estate,
    /// From the life before.
    pub former: FormerLife,
}

/// The SIP sockets among what was left.
pub fn wire(inherited: &mut Inherited, unread: &BTreeMap<u64, Vec<u8>>) -> wire::Inherited {
    let connections = inherited.connections().into_iter();
    wire::Inherited {
        udp: inherited.udp_sockets(),
        listeners: inherited.listeners(),
        connections: connections
            .map(|(id, stream)| {
                let unread = unread.get(&id).cloned().unwrap_or_default();
                wire::InheritedConnection { id, stream, unread }
            })
            .collect(),
    }
}

/// Takes up what a former life has left, or begins anew. `store` is the way to a manager that keeps descriptors.
pub fn open(inherited: &mut Inherited, store: &FdStore) -> io::Result<Opened> {
    let (mut calls, mut values) = reopen(inherited, store, name::CALLS)?;
    let (legs, images) = reopen(inherited, store, name::LEGS)?;
    let secrets = match values.remove(&SECRETS).and_then(|found| <[u8; 32]>::try_from(found).ok()) {
        Some(secrets) => secrets,
        None => {
            let mut secrets = [0; 32];
            getrandom::fill(&mut secrets).map_err(io::Error::other)?;
            calls.put(SECRETS, &secrets)?;
            secrets
        }
    };
    let kept = values.remove(&IDENTITY).and_then(|kept| identity::read(&kept));
    let identity = match kept {
        Some(identity) => identity,
        None => {
            let (identity, kept) = identity::make()?;
            calls.put(IDENTITY, &kept)?;
            identity
        }
    };
    let halves: Vec<_> =
        [name::TAIL_ONE, name::TAIL_TWO].iter().filter_map(|half| inherited.one(half)).collect();
    let entries = Tail::read(halves);
    let rest: Vec<u8> =
        values.range(REST..REST + REST_PIECES_MAX).flat_map(|(_, piece)| piece.iter().copied()).collect();
    let unread = values
        .range(UNREAD..UNREAD << 1)
        .filter_map(|(key, bytes)| Some((u64::try_from(key - UNREAD).ok()?, bytes.clone())));
    let media = legs::resumed(images, inherited.rtp_sockets());
    let former = FormerLife {
        leases: media.images.iter().map(|(lease, _)| *lease).collect(),
        continuity: Some(Continuity { origin: origin(), secrets }),
        identity: Some(identity),
        rest: rest.into(),
        entries,
        unread: unread.collect(),
        media,
        calls: values
            .split_off(&(UNREAD << 1))
            .into_iter()
            .map(|(key, image)| (CallId(Uuid::from_u128(key)), image.into()))
            .collect(),
    };
    for key in values.into_keys() {
        calls.remove(key)?;
    }
    let journal = Arc::default();
    let estate = heir::Estate::of(&calls, &legs)?;
    let survival = Survival {
        calls,
        tail: Tail::create()?,
        store: store.clone(),
        journal,
        recorded: 0,
        connections: BTreeSet::new(),
        is_in_trouble: false,
    };
    Ok(Opened { survival, legs: Legs::new(legs, store.clone()), estate, former })
}

/// The state file of that name, with what is in it; a new one when there is none that can be read.
fn reopen(
    inherited: &mut Inherited,
    store: &FdStore,
    name: &str,
) -> io::Result<(StateFile, BTreeMap<Key, Vec<u8>>)> {
    if let Some(descriptor) = inherited.one(name) {
        match StateFile::open(descriptor) {
            Ok(opened) => return Ok(opened),
            Err(error) => {
                tracing::error!(name, %error, "the state of the former life cannot be read; its calls end");
                store.remove(name.to_owned());
            }
        }
    }
    let file = StateFile::create(name)?;
    store.put(name.to_owned(), file.descriptor());
    Ok((file, BTreeMap::new()))
}

/// The instant at which the machine's monotonic clock stood at nothing: the same for every process since it started.
fn origin() -> Instant {
    let now = clock_gettime(ClockId::Monotonic);
    let since =
        Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0));
    let instant = Instant::now();
    instant.checked_sub(since).unwrap_or(instant)
}

impl Survival {
    /// The journal has all that the former life's tail held: from here on the tail is this life's.
    /// `was_there` are the names in the store when this life began.
    pub fn begin(&mut self, was_there: &[String], wire: &Wire, journal: Arc<journal::Counters>) {
        self.recorded = journal.written.load(Ordering::Relaxed);
        self.journal = journal;
        let connection = |name: &String| name.strip_prefix(name::CONNECTION)?.parse().ok();
        self.connections =
            was_there.iter().filter_map(connection).filter(|id| wire.connection(*id).is_some()).collect();
        self.keep_sockets(was_there, wire);
        for (half, descriptor) in [name::TAIL_ONE, name::TAIL_TWO].into_iter().zip(self.tail.descriptors()) {
            self.store.remove(half.to_owned());
            self.store.put(half.to_owned(), descriptor);
        }
    }

    /// Brings the SIP sockets in the store up to date with those that are bound, and lets go of connections that
    /// could not be taken over.
    fn keep_sockets(&self, was_there: &[String], wire: &Wire) {
        let mut bound = BTreeMap::new();
        for (is_udp, address, socket) in wire.sockets() {
            let kind = if is_udp { name::UDP } else { name::LISTENER };
            bound.insert(format!("{kind}{}", address.to_string().replace(':', "_")), socket);
        }
        for name in was_there {
            let is_socket = name.starts_with(name::UDP) || name.starts_with(name::LISTENER);
            let connection = name.strip_prefix(name::CONNECTION).and_then(|id| id.parse().ok());
            let is_gone = connection.is_some_and(|id| !self.connections.contains(&id));
            if (is_socket && bound.remove(name).is_none()) || is_gone {
                self.store.remove(name.clone());
            }
        }
        for (name, socket) in bound {
            self.store.put(name, socket);
        }
    }

    /// Keeps what is decided before anything of it is done: first the facts, then the calls.
    pub fn note(&mut self, decided: &Outputs) {
        let before = self.recorded;
        let facts = decided.iter().filter_map(|output| match output {
            Output::Journal(entry) => Some(entry),
            _ => None,
        });
        // Counted whether they find room here or not: the journal counts them too.
        let mut outcome = self.tail.append(before, facts.inspect(|_| self.recorded += 1));
        for output in decided.iter() {
            if let Output::Image(change) = output {
                outcome = outcome.and(match change {
                    ImageChange::Put { call, image } => self.calls.put(call.0.as_u128(), image),
                    ImageChange::Remove(call) => self.calls.remove(call.0.as_u128()),
                });
            }
        }
        if let Err(error) = outcome {
            if !self.is_in_trouble {
                tracing::error!(%error, "calls could not be kept: they would not survive a crash");
            }
            self.is_in_trouble = true;
        }
    }

    /// Lets go of the facts that the journal has by now.
    pub fn mind(&mut self) {
        let _ = self.tail.forget(self.journal.written.load(Ordering::Relaxed));
    }

    /// Keeps a connection, once.
    pub fn keep_connection(&mut self, id: u64, socket: BorrowedFd<'_>) {
        if self.connections.insert(id) {
            self.store.put(format!("{}{id}", name::CONNECTION), socket);
        }
    }

    /// A connection is gone.
    pub fn forget_connection(&mut self, id: u64) {
        if self.connections.remove(&id) {
            self.store.remove(format!("{}{id}", name::CONNECTION));
        }
    }

    /// A planned stop: keeps the rest of SIP, and what connections have left unread.
    pub fn hand_over(&mut self, rest: &[u8], unread: impl Iterator<Item = (u64, Vec<u8>)>) -> io::Result<()> {
        for (piece, key) in rest.chunks(REST_PIECE_BYTES).zip(REST..REST + REST_PIECES_MAX) {
            self.calls.put(key, piece)?;
        }
        for (connection, bytes) in unread {
            self.calls.put(UNREAD + Key::from(connection), &bytes)?;
        }
        Ok(())
    }
}

impl FormerLife {
    /// The calls whose images there are.
    pub fn call_ids(&self) -> BTreeSet<CallId> {
        self.calls.iter().map(|(call, _)| *call).collect()
    }

    /// The leases whose legs the relay was given back.
    pub fn media_leases(&self) -> BTreeSet<LeaseId> {
        self.leases.clone()
    }

    /// The images of calls, with the number of the latest event that the journal has of each.
    pub fn calls_in(&mut self, journal: &OpenCalls) -> Vec<CallImage> {
        let calls = std::mem::take(&mut self.calls).into_iter();
        calls.map(|(call, image)| CallImage { call, image, events: journal.latest_event(call) }).collect()
    }
}
