//! A stream of our own towards one leg: who it says it is, its numbers and its time (RFC 3550 §5.1).
//!
//! A stream has one clock (RFC 7160 §4.1), so a leg may have several, of which one runs. Numbers never go back, as
//! one key seals them all; while somebody else is heard time goes on and numbers stand still.

use serde::{Deserialize, Serialize};

use super::made::{HEADER_BYTES, Made};

/// Clocks that one leg is sent: 8, 16 and 48 kHz.
const STREAMS_MAX: usize = 3;

/// The streams of our own that one leg has been sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    seed: u64,
    streams: [Option<Stream>; STREAMS_MAX],
    at: usize,
    /// The next packet begins something new.
    marks: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stream {
    clock_rate_hz: u32,
    ssrc: u32,
    sequence: u16,
    /// Of the next sample, which is due at that time.
    timestamp: u32,
    due_micros: u64,
}

/// SplitMix64: every bit of the seed reaches every bit of the number.
fn scattered(seed: u64, n: u64) -> u64 {
    let mut z = seed.wrapping_add(n.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ z >> 31
}

/// That many units of a clock, in microseconds.
pub(super) fn micros(units: u32, clock_rate_hz: u32) -> u64 {
    u64::from(units) * 1_000_000 / u64::from(clock_rate_hz.max(1))
}

/// What passes on a clock in so long, as its 32 bits show it.
fn units(micros: u64, clock_rate_hz: u32) -> u32 {
    let units = micros.saturating_mul(u64::from(clock_rate_hz)) / 1_000_000;
    u32::try_from(units & 0xffff_ffff).unwrap_or(0)
}

impl Own {
    /// Nothing sent yet. Who knows the seed knows all numbers.
    pub fn new(seed: u64) -> Self {
        Self { seed, streams: [None; STREAMS_MAX], at: 0, marks: true }
    }

    /// Something else begins now, at this clock.
    pub(super) fn begin(&mut self, now_micros: u64, clock_rate_hz: u32) {
        self.marks = true;
        let is_known = |stream: &Option<Stream>| stream.is_some_and(|s| s.clock_rate_hz == clock_rate_hz);
        let free = || self.streams.iter().position(Option::is_none);
        self.at = self.streams.iter().position(is_known).or_else(free).unwrap_or(STREAMS_MAX - 1);
        let new = self.stream(now_micros, clock_rate_hz);
        if let Some(place) = self.streams.get_mut(self.at) {
            let stream = place.get_or_insert(new);
            let passed = now_micros.saturating_sub(stream.due_micros);
            stream.timestamp = stream.timestamp.wrapping_add(units(passed, clock_rate_hz));
            stream.due_micros = stream.due_micros.max(now_micros);
        }
    }

    fn stream(&self, now_micros: u64, clock_rate_hz: u32) -> Stream {
        let [a, b, c, d, e, f, g, h] = scattered(self.seed, u64::from(clock_rate_hz)).to_le_bytes();
        let [i, j, ..] = scattered(self.seed, !u64::from(clock_rate_hz)).to_le_bytes();
        Stream {
            clock_rate_hz,
            ssrc: u32::from_le_bytes([a, b, c, d]),
            // RFC 3711 §3.3.1: the first one below 2^15, lest a receiver that misses it take the roll-over for another.
            sequence: u16::from_le_bytes([i, j]) & 0x7fff,
            timestamp: u32::from_le_bytes([e, f, g, h]),
            due_micros: now_micros,
        }
    }

    /// Of the stream that runs.
    pub(super) fn clock_rate_hz(&self) -> Option<u32> {
        self.streams.get(self.at).and_then(Option::as_ref).map(|stream| stream.clock_rate_hz)
    }

    /// The source that is heard, if any is.
    pub fn ssrc(&self) -> Option<u32> {
        self.streams.get(self.at).and_then(Option::as_ref).map(|stream| stream.ssrc)
    }

    /// What follows is a beginning.
    pub(super) fn mark(&mut self) {
        self.marks = true;
    }

    /// Of the next sample.
    pub(super) fn timestamp(&self) -> u32 {
        self.streams.get(self.at).and_then(Option::as_ref).map_or(0, |stream| stream.timestamp)
    }

    /// So many packets are missing before the next one, and shall be seen to be.
    pub(super) fn miss(&mut self, packets: u16) {
        if let Some(stream) = self.streams.get_mut(self.at).and_then(Option::as_mut) {
            stream.sequence = stream.sequence.wrapping_add(packets);
        }
    }

    /// So much sound lies in the packet before, or so much silence follows it.
    pub(super) fn advance(&mut self, units: u32) {
        if let Some(stream) = self.streams.get_mut(self.at).and_then(Option::as_mut) {
            stream.timestamp = stream.timestamp.wrapping_add(units);
            stream.due_micros = stream.due_micros.saturating_add(micros(units, stream.clock_rate_hz));
        }
    }

    /// Makes the next packet, if there is room for it. `offset` is where its time lies against the next sample's;
    /// `write` fills the payload and says how long it is. A payload of nothing is no packet. Says whether there is one.
    pub(super) fn packet(
        &mut self,
        made: &mut Made,
        payload_type: u8,
        marker: bool,
        offset: u32,
        write: impl FnOnce(&mut [u8]) -> usize,
    ) -> bool {
        let Some(stream) = self.streams.get_mut(self.at).and_then(Option::as_mut) else { return false };
        let head = Head {
            payload_type,
            marker: marker || self.marks,
            sequence: stream.sequence,
            timestamp: stream.timestamp.wrapping_add(offset),
            ssrc: stream.ssrc,
        };
        if !made.packet(|room| head.write(room, write)) {
            return false;
        }
        stream.sequence = stream.sequence.wrapping_add(1);
        self.marks = false;
        true
    }

    /// A packet that comes so many numbers after its place in the order.
    pub(super) fn late_packet(
        &mut self,
        made: &mut Made,
        payload_type: u8,
        marker: bool,
        (behind, offset): (u16, u32),
        write: impl FnOnce(&mut [u8]) -> usize,
    ) {
        let Some(stream) = self.streams.get(self.at).and_then(Option::as_ref) else { return };
        let head = Head {
            payload_type,
            marker,
            sequence: stream.sequence.wrapping_sub(behind),
            timestamp: stream.timestamp.wrapping_add(offset),
            ssrc: stream.ssrc,
        };
        made.packet(|room| head.write(room, write));
    }
}

struct Head {
    payload_type: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
}

impl Head {
    /// The whole packet's length; 0 without a payload.
    fn write(&self, room: &mut [u8], payload: impl FnOnce(&mut [u8]) -> usize) -> usize {
        let Some((head, rest)) = room.split_first_chunk_mut::<HEADER_BYTES>() else { return 0 };
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        let kind = self.payload_type & 0x7f | if self.marker { 0x80 } else { 0 };
        *head = [0x80, kind, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3];
        match payload(rest) {
            0 => 0,
            bytes => bytes + HEADER_BYTES,
        }
    }
}
