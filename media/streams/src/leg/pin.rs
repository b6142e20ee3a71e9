//! The learning state of a leg: sources on probation, then the pinned one.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{EXACT_WINS_MICROS, PROBE_PACKETS, PROBES_MAX, SSRC_SILENCE_MICROS};
use crate::rtp::Header;

/// Whose packets are taken.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Latch {
    /// Nobody's yet.
    Open(Probes),
    /// One source's.
    Pinned(Pin),
}

/// What the pin rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Proof {
    /// It is the address of the SDP.
    Sdp,
    /// It shares the IP address of the signalling.
    Signalling,
}

/// A proven source.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Pin {
    pub(super) source: SocketAddr,
    pub(super) ssrc: u32,
    pub(super) proof: Proof,
    pub(super) since_micros: u64,
    pub(super) heard_micros: u64,
}

impl Pin {
    /// Whether the exact SDP address may take over: the pin is the weaker proof, and young or silent.
    pub(super) fn yields(&self, now_micros: u64) -> bool {
        self.proof == Proof::Signalling
            && (now_micros.saturating_sub(self.since_micros) < EXACT_WINS_MICROS
                || now_micros.saturating_sub(self.heard_micros) >= SSRC_SILENCE_MICROS)
    }
}

/// Sources that share the signalling address, with how far each has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Probes([Option<Probe>; PROBES_MAX]);

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Probe {
    source: SocketAddr,
    ssrc: u32,
    next: u16,
    in_sequence: u8,
    heard_micros: u64,
}

impl Probes {
    /// Notes a packet; true when it is the one that proves its source. The source that was quiet for longest makes
    /// room for a new one.
    pub(super) fn proven(&mut self, now_micros: u64, source: SocketAddr, header: &Header) -> bool {
        let of = |p: &Option<Probe>| p.is_some_and(|p| p.source == source && p.ssrc == header.ssrc);
        let known = self.0.iter().position(of);
        let oldest = || {
            let heard = |(_, p): &(usize, &Option<Probe>)| p.map_or(0, |p| p.heard_micros);
            self.0.iter().enumerate().min_by_key(heard).map_or(0, |(i, _)| i)
        };
        let at = known.unwrap_or_else(oldest);
        let Some(slot) = self.0.get_mut(at) else { return false };
        let before = if known.is_some() { *slot } else { None };
        let in_sequence = match before {
            Some(p) if p.next == header.sequence => p.in_sequence.saturating_add(1),
            _ => 1,
        };
        *slot = Some(Probe {
            source,
            ssrc: header.ssrc,
            next: header.sequence.wrapping_add(1),
            in_sequence,
            heard_micros: now_micros,
        });
        in_sequence >= PROBE_PACKETS
    }
}
