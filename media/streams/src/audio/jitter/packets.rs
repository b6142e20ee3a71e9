//! The packets that wait: a fixed number of places of a fixed size, found by sequence number.
//!
//! It knows order and duplicates. What is due when, and what is too old, is decided by whoever holds it.

/// Packets that wait at once. More than the longest wait needs, of packets of 10 ms.
pub(super) const PLACES: usize = 32;
pub(super) const PLACES_SIGNED: i64 = 32;

/// What stands in a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Sound of the leg's codec.
    Speech,
    /// The description of a silence (RFC 3389).
    Noise,
    /// It has a sequence number of the stream and no sound: an event (RFC 4733).
    Other,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Held {
    /// Counted on over its wraps.
    pub sequence: i64,
    /// In clock units, counted on over its wraps.
    pub timestamp: i64,
    pub kind: Kind,
    length: usize,
}

#[derive(Clone, Debug)]
pub(super) struct Packets {
    held: [Option<Held>; PLACES],
    octets: Box<[u8]>,
    payload_bytes_max: usize,
}

fn place(sequence: i64) -> usize {
    usize::try_from(sequence.rem_euclid(PLACES_SIGNED)).unwrap_or(0)
}

impl Packets {
    pub fn new(payload_bytes_max: usize) -> Self {
        let octets = vec![0; PLACES * payload_bytes_max].into_boxed_slice();
        Self { held: [None; PLACES], octets, payload_bytes_max }
    }

    /// Takes a packet in. False where it is too long or there already. The sequence number is at most [`PLACES`] from
    /// any other held.
    pub fn insert(&mut self, sequence: i64, timestamp: i64, kind: Kind, payload: &[u8]) -> bool {
        let at = place(sequence);
        let start = at * self.payload_bytes_max;
        let room = self.octets.get_mut(start..start + self.payload_bytes_max);
        let (Some(held), Some(room)) = (self.held.get_mut(at), room) else { return false };
        let Some(room) = room.get_mut(..payload.len()) else { return false };
        if held.is_some() {
            return false;
        }
        room.copy_from_slice(payload);
        *held = Some(Held { sequence, timestamp, kind, length: payload.len() });
        true
    }

    /// The packet of this sequence number.
    pub fn get(&self, sequence: i64) -> Option<(Held, &[u8])> {
        let at = place(sequence);
        let held = self.held.get(at).copied().flatten().filter(|held| held.sequence == sequence)?;
        let start = at * self.payload_bytes_max;
        Some((held, self.octets.get(start..start + held.length)?))
    }

    /// Its place is free again.
    pub fn remove(&mut self, sequence: i64) -> bool {
        let found = self.get(sequence).is_some();
        if found && let Some(held) = self.held.get_mut(place(sequence)) {
            *held = None;
        }
        found
    }

    pub fn count(&self) -> usize {
        self.held.iter().flatten().count()
    }

    pub fn clear(&mut self) {
        self.held = [None; PLACES];
    }

    /// The first and the last held by sequence number.
    pub fn ends(&self) -> Option<(Held, Held)> {
        let held = || self.held.iter().flatten();
        Some((*held().min_by_key(|h| h.sequence)?, *held().max_by_key(|h| h.sequence)?))
    }
}
