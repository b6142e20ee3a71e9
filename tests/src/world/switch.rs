//! The switch's call control as the world holds it: fed with inputs, its outputs kept where the checker
//! looks. This is the part the daemon's engine has in the real system.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use calls::{
    Binding, BindingChange, CallImage, ClockMark, Continuity, Counts, ImageChange, Input, LiveChange, Output,
    Outputs, Switchboard, SwitchboardConfig,
};
use contract::{
    id::{AccountId, CallId},
    live::LiveCall,
    snapshot::Snapshot,
};
use dialplan::Plan;
use sip::{Frame, StreamFramer, Transport, digest::Algorithm};
use streams::codec::Codec;

use super::{
    clock::Clock,
    scenario::{SWITCH, SWITCH_V6},
};

/// What a switch that speaks turns into each other.
const CODECS: [Codec; 4] = [Codec::Opus, Codec::G722, Codec::Pcma, Codec::Pcmu];

/// Compiles rows that are known to be right.
pub fn plan(snapshot: &Snapshot) -> Arc<Plan> {
    match dialplan::compile(snapshot) {
        Ok(plan) => Arc::new(plan),
        Err(wrong) => panic!("the simulated rows do not compile: {wrong:?}"),
    }
}

/// The switch and what it has last said about itself.
pub struct Switch {
    /// Calls that are up, as the switch shows them.
    pub live: BTreeMap<CallId, LiveCall>,
    /// The contacts that would be on disk, by account and key.
    pub bindings: BTreeMap<(AccountId, Arc<str>), Arc<Binding>>,
    /// The images of calls, as the state file would hold them.
    images: BTreeMap<CallId, Bytes>,
    /// The journal has said that it cannot keep up.
    pub has_pressure: bool,
    /// It transcodes, plays music and explains itself.
    pub speaks: bool,
    /// It keeps images of its calls.
    is_mortal: bool,
    board: Switchboard,
    outputs: Outputs,
    framers: BTreeMap<u64, StreamFramer>,
}

impl Switch {
    /// A switch that has just started: whether it speaks, and whether it keeps images of its calls.
    pub fn new(
        snapshot: &Snapshot,
        seed: [u8; 32],
        clock: &Clock,
        (speaks, is_mortal): (bool, bool),
    ) -> Self {
        let mark = ClockMark { instant: clock.instant(), unix: clock.unix() };
        let config = SwitchboardConfig {
            // RFC 8760 §2.4's order; half of the phones know MD5 only.
            listeners: vec![(Transport::Udp, SWITCH), (Transport::Udp, SWITCH_V6)],
            digest_algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            codecs: if speaks { CODECS.to_vec() } else { Vec::new() },
            hold_music: speaks,
            announcements: speaks,
            ..SwitchboardConfig::default()
        };
        let continuity = Continuity { origin: clock.beginning(), secrets: [7; 32] };
        let board = Switchboard::new(config, plan(snapshot), seed, mark);
        Self {
            live: BTreeMap::new(),
            bindings: BTreeMap::new(),
            images: BTreeMap::new(),
            has_pressure: false,
            speaks,
            is_mortal,
            board: if is_mortal { board.with_images(continuity) } else { board },
            outputs: Outputs::new(),
            framers: BTreeMap::new(),
        }
    }

    /// Takes one input.
    pub fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.board.handle(now, input, &mut self.outputs);
    }

    /// The next of its decisions.
    pub fn next_output(&mut self) -> Option<Output> {
        self.outputs.pop()
    }

    /// When it wants to be woken.
    pub fn deadline(&self, clock: &Clock) -> Option<Duration> {
        self.board.deadline().map(|(at, _)| clock.since_beginning(at))
    }

    /// Why it wants to be woken.
    pub fn why(&self) -> String {
        format!("{:?}", self.board.deadline().map(|(_, why)| why))
    }

    /// What it holds.
    pub fn counts(&self) -> Counts {
        self.board.counts()
    }

    /// Reads a piece of a connection's stream: the messages that are complete.
    pub fn read_stream(&mut self, connection: u64, piece: &[u8]) -> Result<Vec<Vec<u8>>, String> {
        let framer = self.framers.entry(connection).or_default();
        framer.push(piece);
        let mut messages = Vec::new();
        while let Some(frame) = framer.next().map_err(|error| error.to_string())? {
            if let Frame::Message(bytes) = frame {
                messages.push(bytes.to_vec());
            }
        }
        Ok(messages)
    }

    /// A change of the live table.
    pub fn show(&mut self, change: LiveChange) -> Result<(), String> {
        match change {
            LiveChange::Put(call) => {
                self.live.insert(call.call, call);
                Ok(())
            }
            LiveChange::Remove(call) => match self.live.remove(&call) {
                Some(_) => Ok(()),
                None => Err(format!("call {call} leaves the live table and was not in it")),
            },
        }
    }

    /// A change of the contacts.
    pub fn store(&mut self, change: BindingChange) -> Result<(), String> {
        match change {
            BindingChange::Put(binding) => {
                self.bindings.insert((binding.account, binding.key.clone()), binding);
                Ok(())
            }
            BindingChange::Remove { account, key } => match self.bindings.remove(&(account, key)) {
                Some(_) => Ok(()),
                None => Err(format!("a contact of account {account} is removed and was never put")),
            },
        }
    }

    /// A change of the images.
    pub fn keep(&mut self, change: ImageChange) {
        match change {
            ImageChange::Put { call, image } => drop(self.images.insert(call, image)),
            ImageChange::Remove(call) => drop(self.images.remove(&call)),
        }
    }

    /// The process dies and another goes on with what is kept outside of it: contacts, images, connections. A
    /// planned restart also hands over the SIP that belongs to no call.
    pub fn reincarnate(&mut self, snapshot: &Snapshot, seed: [u8; 32], clock: &Clock, is_planned: bool) {
        let rest = if is_planned { self.board.image_of_rest() } else { Bytes::new() };
        let before = std::mem::replace(self, Self::new(snapshot, seed, clock, (self.speaks, self.is_mortal)));
        let Self { live, bindings, images, has_pressure, framers, .. } = before;
        self.handle(clock.instant(), Input::Restore(bindings.values().cloned().collect()));
        let of = |(call, image)| CallImage { call, image, events: Some(0) };
        let calls = images.clone().into_iter().map(of).collect();
        self.handle(clock.instant(), Input::Resume { calls, rest });
        (self.bindings, self.images, self.live, self.framers) = (bindings, images, live, framers);
        self.has_pressure = has_pressure;
        self.handle(clock.instant(), Input::JournalPressure(has_pressure));
    }

    /// Forgets everything but what is on disk, as after a restart.
    pub fn restart(&mut self, snapshot: &Snapshot, seed: [u8; 32], clock: &Clock) {
        let bindings = std::mem::take(&mut self.bindings);
        *self = Self::new(snapshot, seed, clock, (self.speaks, self.is_mortal));
        // A connection does not survive a restart, nor is it stored.
        let stored = bindings.values().cloned().map(|mut binding| {
            Arc::make_mut(&mut binding).flow.connection = 0;
            binding
        });
        self.handle(clock.instant(), Input::Restore(stored.collect()));
        self.bindings = bindings;
    }
}

/// A number that stands for a value's text.
pub fn hash_of(value: &impl std::fmt::Debug) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    format!("{value:?}").hash(&mut hasher);
    hasher.finish()
}
