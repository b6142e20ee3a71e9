//! Puts what goes by on the tape of its call, and makes room for the next one.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry, hash_map::RandomState},
    hash::{BuildHasher, BuildHasherDefault, Hasher},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use calls::Trace;
use contract::{
    id::CallId,
    journal::{self, EventKind, Fact},
    live::LiveCall,
    trace::CallSummary,
};

use super::{Found, Message, Tape, Which, call_id, lobby::Lobby};

/// Calls of which a list tells at most.
const LIST_MAX: usize = 200;
/// Legs of a call that are told apart, so that one Call-ID more costs nothing.
const LEGS_MAX: usize = 1_024;

/// What the recorder counts.
#[derive(Debug, Default)]
pub struct Counters {
    /// Bytes of memory that the tapes take now.
    pub memory_bytes: AtomicU64,
    /// Calls that are remembered now.
    pub calls: AtomicU64,
    /// Calls that made room for others.
    pub forgotten: AtomicU64,
}

/// Remembers the last calls.
pub struct Recorder {
    memory_bytes_max: usize,
    memory_bytes: usize,
    /// By id and so by age: ids are UUIDv7.
    tapes: BTreeMap<CallId, Tape>,
    /// Those of `tapes` that have ended; the oldest of them makes room first.
    ended: BTreeSet<CallId>,
    /// The call and the number of the leg that a Call-ID belongs to, by its keyed hash.
    legs: HashMap<u64, (CallId, u16), BuildHasherDefault<AsItIs>>,
    /// The tape that was forgotten last, for the next call.
    spare: Option<Tape>,
    hasher: RandomState,
    lobby: Lobby,
    counters: Arc<Counters>,
}

impl Recorder {
    /// Remembers nothing yet, and never more than `memory_bytes_max`; with 0 it stays empty.
    pub fn new(memory_bytes_max: usize) -> Self {
        Self {
            memory_bytes_max,
            memory_bytes: 0,
            tapes: BTreeMap::new(),
            ended: BTreeSet::new(),
            legs: HashMap::default(),
            spare: None,
            hasher: RandomState::new(),
            lobby: Lobby::new(),
            counters: Arc::default(),
        }
    }

    /// What is counted.
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// A message went by; says whose it was, if it was a call's.
    pub fn message(&mut self, message: &Message<'_>) -> Option<CallId> {
        if self.memory_bytes_max == 0 {
            return None;
        }
        let key = self.key(call_id::of(message.bytes)?);
        let Some((call, leg)) = self.legs.get(&key).copied() else {
            if call_id::is_of_invite(message.bytes) || self.lobby.knows(key) {
                self.lobby.put(key, message);
            }
            return None;
        };
        self.change(call, |tape| tape.message(leg, message));
        Some(call)
    }

    /// The switchboard explains something.
    pub fn trace(&mut self, trace: Trace) {
        if self.memory_bytes_max == 0 {
            return;
        }
        match trace {
            Trace::Routed { call, revision, decision } => {
                self.change(call, |tape| tape.routed(revision, decision));
            }
            Trace::Leg { call, sip_call_id } => self.leg(call, sip_call_id),
            Trace::Media { call, media } => self.change(call, |tape| tape.media(*media)),
        }
    }

    /// A fact goes to the journal.
    pub fn fact(&mut self, entry: &journal::Entry) {
        let Some(call) = entry.call.filter(|_| self.memory_bytes_max > 0) else { return };
        if let Fact::Call(_) = &entry.fact {
            self.begin(call);
        }
        self.change(call, |tape| tape.fact(entry));
        if let Fact::Event(event) = &entry.fact
            && event.kind == EventKind::Ended
        {
            self.change(call, |tape| tape.is_live = false);
            if self.tapes.contains_key(&call) {
                self.ended.insert(call);
            }
        }
    }

    /// The table of live calls knows who calls.
    pub fn live(&mut self, call: &LiveCall) {
        if let Some(tape) = self.tapes.get_mut(&call.call)
            && tape.caller.is_empty()
        {
            tape.caller = call.caller.as_str().into();
        }
    }

    /// Looks for a call.
    pub fn find(&self, which: Which) -> Found {
        let (first, last) = match which {
            Which::Last => {
                let last = self.tapes.values().next_back();
                return last.map_or(Found::None, |tape| Found::One(Box::new(tape.clone())));
            }
            Which::Between(first, last) => (first, last),
        };
        let mut found = self.tapes.range(first..=last).rev().map(|(_, tape)| tape);
        match (found.next(), found.next()) {
            (None, _) => Found::None,
            (Some(tape), None) => Found::One(Box::new(tape.clone())),
            (Some(one), Some(other)) => {
                Found::Many([one, other].into_iter().chain(found).take(LIST_MAX).map(Tape::summary).collect())
            }
        }
    }

    /// The last calls, the latest first.
    pub fn list(&self) -> Vec<CallSummary> {
        self.tapes.values().rev().take(LIST_MAX).map(Tape::summary).collect()
    }

    fn key(&self, call_id: &[u8]) -> u64 {
        // 0 stands for an empty slot of the lobby.
        self.hasher.hash_one(call_id).max(1)
    }

    fn leg(&mut self, call: CallId, sip_call_id: Box<str>) {
        let key = self.key(sip_call_id.as_bytes());
        // A call of a former life has no first fact in this one.
        self.begin(call);
        let mut no = None;
        self.change(call, |tape| {
            if tape.legs.len() < LEGS_MAX {
                tape.legs.push(sip_call_id);
                no = u16::try_from(tape.legs.len()).ok();
            }
        });
        let Some(no) = no.filter(|_| self.tapes.contains_key(&call)) else { return };
        self.legs.insert(key, (call, no));
        let mut lobby = std::mem::replace(&mut self.lobby, Lobby::nowhere());
        self.change(call, |tape| lobby.take(key, |message| tape.message(no, message)));
        self.lobby = lobby;
    }

    /// Begins the tape of a call, unless there is one. What comes late of a call that is forgotten begins none.
    fn begin(&mut self, call: CallId) {
        if let Entry::Vacant(place) = self.tapes.entry(call) {
            let spare = self.spare.take().map(|tape| Tape { call, ..tape });
            self.memory_bytes += place.insert(spare.unwrap_or_else(|| Tape::new(call))).memory_bytes();
        }
    }

    /// Changes the tape of a call and makes room for what has come upon it.
    fn change(&mut self, call: CallId, change: impl FnOnce(&mut Tape)) {
        let Some(tape) = self.tapes.get_mut(&call) else { return };
        let before = tape.memory_bytes();
        change(tape);
        self.memory_bytes = (self.memory_bytes + tape.memory_bytes()).saturating_sub(before);
        while self.memory_bytes > self.memory_bytes_max {
            let oldest = self.ended.first().or_else(|| self.tapes.keys().next()).copied();
            let Some(oldest) = oldest else { break };
            self.forget(oldest);
        }
        self.counters.memory_bytes.store(self.memory_bytes as u64, Ordering::Relaxed);
        self.counters.calls.store(self.tapes.len() as u64, Ordering::Relaxed);
    }

    fn forget(&mut self, call: CallId) {
        self.ended.remove(&call);
        let Some(tape) = self.tapes.remove(&call) else { return };
        self.memory_bytes = self.memory_bytes.saturating_sub(tape.memory_bytes());
        for call_id in &tape.legs {
            let key = self.key(call_id.as_bytes());
            // A Call-ID that a phone uses again is a later call's by now.
            if self.legs.get(&key).is_some_and(|(owner, _)| *owner == call) {
                self.legs.remove(&key);
            }
        }
        self.spare = tape.emptied();
        self.counters.forgotten.fetch_add(1, Ordering::Relaxed);
    }
}

/// The keys of the table are hashes already, with a secret of this process in them.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |sum, byte| sum.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }
}
