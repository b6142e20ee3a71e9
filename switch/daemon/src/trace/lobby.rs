//! Messages around INVITEs that belong to no call (yet): a ring of a fixed size, made once.
//!
//! A call begins when its caller has authenticated; the challenge before that is told from here. Whoever floods the
//! switch with INVITEs makes others' challenges fall out of the ring, and takes no memory.

use contract::{time::Timestamp, trace::Way};
use sip::Flow;

use super::Message;

/// Messages in the ring.
const SLOTS: usize = 256;
/// Longer ones are left out, so that the ring takes 1 MiB at most.
const MESSAGE_BYTES_MAX: usize = 4_096;

/// The ring.
pub(super) struct Lobby {
    /// The hash of the Call-ID by slot; 0 is an empty slot.
    keys: Vec<u64>,
    slots: Vec<Slot>,
    next: usize,
}

/// A place for a message.
struct Slot {
    at: Timestamp,
    way: Way,
    flow: Option<Flow>,
    bytes: Vec<u8>,
}

impl Lobby {
    pub(super) fn new() -> Self {
        Self { keys: vec![0; SLOTS], slots: (0..SLOTS).map(|_| Slot::empty()).collect(), next: 0 }
    }

    /// Whether a message with this Call-ID is here.
    pub(super) fn knows(&self, key: u64) -> bool {
        self.keys.contains(&key)
    }

    /// Takes a message; the oldest makes room.
    pub(super) fn put(&mut self, key: u64, message: &Message<'_>) {
        let (Some(known), Some(slot)) = (self.keys.get_mut(self.next), self.slots.get_mut(self.next)) else {
            return;
        };
        if message.bytes.len() > MESSAGE_BYTES_MAX {
            return;
        }
        *known = key;
        (slot.at, slot.way, slot.flow) = (message.at, message.way, Some(message.flow));
        slot.bytes.clear();
        slot.bytes.extend_from_slice(message.bytes);
        self.next = (self.next + 1) % SLOTS;
    }

    /// A lobby without a place in it.
    pub(super) fn nowhere() -> Self {
        Self { keys: Vec::new(), slots: Vec::new(), next: 0 }
    }

    /// Gives up what it has with this Call-ID, oldest first. The slots keep their room for other messages.
    pub(super) fn take(&mut self, key: u64, mut tell: impl FnMut(&Message<'_>)) {
        for index in (0..SLOTS).map(|step| (self.next + step) % SLOTS) {
            let Some(known) = self.keys.get_mut(index).filter(|known| **known == key) else { continue };
            *known = 0;
            if let Some(message) = self.slots.get(index).and_then(Slot::message) {
                tell(&message);
            }
        }
    }
}

impl Slot {
    fn empty() -> Self {
        Self { at: Timestamp(0), way: Way::In, flow: None, bytes: Vec::new() }
    }

    /// What is in it.
    fn message(&self) -> Option<Message<'_>> {
        Some(Message { at: self.at, way: self.way, flow: self.flow?, bytes: &self.bytes })
    }
}
