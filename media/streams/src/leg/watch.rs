//! What is remembered of a leg for whoever asks later how it was and why it was silent: what was refused last, what the
//! last packet was, whether it held anything but silence, and what every few seconds were worth.
//!
//! Nothing here decides anything about a packet, and a packet that is taken and sent on leaves no trace here but every
//! [`LOOK_EVERY_PACKETS`]th: what would have to be forgotten with it is kept with the count of packets until then.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::DropReason;
use crate::{
    codec::Codec,
    diagnosis::{Obstacle, Other, Refused},
    media::Voice,
    quality::{Format, Mos, Passage, Robustness},
    reception::{Reception, Totals},
    rtp::Header,
};

/// Every so many packets one is looked into.
pub const LOOK_EVERY_PACKETS: u64 = 32;
/// Packets of a last, shorter period that are enough to be worth a score.
const PERIOD_PACKETS_MIN: u64 = 25;
/// Failures to reach an address that lie so far apart are two stories.
const FAILURES_APART_MICROS: u64 = 5_000_000;
/// A phone that hangs up closes its port before it says so; one that never listened refuses for longer.
const FAILURES_SPAN_MICROS: u64 = 1_000_000;
/// Comfort noise without a description that says so (RFC 3551 table 4).
const COMFORT_NOISE: u8 = 13;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Watch {
    refused: Option<(DropReason, SocketAddr)>,
    refusals: InARow,
    too_long: InARow,
    /// Of a packet that was looked into.
    payload_type: Option<u8>,
    pub(super) silent_looks: u8,
    unsealed: InARow,
    pub(super) looped_micros: Option<u64>,
    failures: Option<Failures>,
    /// What the leg that it was joined to last had to do with it.
    pub(super) former: Option<Other>,
    period: Period,
}

/// Events without a good packet in between.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct InARow {
    count: u32,
    /// Good packets before the last of them.
    good: u64,
}

impl InARow {
    fn add(&mut self, good: u64) {
        *self = Self { count: self.so_far(good).saturating_add(1), good };
    }

    /// How many there are after so many good packets.
    fn so_far(&self, good: u64) -> u32 {
        if self.good == good { self.count } else { 0 }
    }
}

/// When the network would not take what was sent.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Failures {
    obstacle: Obstacle,
    first_micros: u64,
    last_micros: u64,
}

/// The score of every few seconds.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Period {
    /// What there was at its beginning.
    before: Totals,
    /// The last whole one.
    loss_percent: u8,
    mos: Option<Mos>,
    lowest: Option<Mos>,
    sum: u64,
    count: u64,
}

impl Watch {
    /// A packet was not taken, after `taken` were.
    pub(super) fn refuse(&mut self, taken: u64, reason: DropReason, source: SocketAddr) {
        self.refusals.add(taken);
        self.refused = Some((reason, source));
    }

    /// What was refused since the last of `taken` packets.
    pub(super) fn refused(&self, taken: u64) -> Option<Refused> {
        let in_a_row = self.refusals.so_far(taken);
        let (reason, source) = self.refused.filter(|_| in_a_row > 0)?;
        Some(Refused { in_a_row, reason, source })
    }

    /// A packet was too long to be read, after `taken` were taken.
    pub(super) fn miss(&mut self, taken: u64) {
        self.too_long.add(taken);
    }

    pub(super) fn too_long(&self, taken: u64) -> u32 {
        self.too_long.so_far(taken)
    }

    /// A packet could not be put under its key, after `sent` were sent to it.
    pub(super) fn expose(&mut self, sent: u64) {
        self.unsealed.add(sent);
    }

    pub(super) fn unsealed(&self, sent: u64) -> u32 {
        self.unsealed.so_far(sent)
    }

    /// A packet was taken: the `count`th, plain in `packet`. The first is looked into, and then every so many.
    pub(super) fn take(&mut self, header: &Header, count: u64, packet: &[u8], voice: Option<&Voice>) {
        if count % LOOK_EVERY_PACKETS == 1 {
            self.look(header.payload_type, packet, voice);
        }
    }

    #[cold]
    fn look(&mut self, payload_type: u8, packet: &[u8], voice: Option<&Voice>) {
        self.payload_type = Some(payload_type);
        let located = Header::locate(packet).ok().and_then(|(_, place)| packet.get(place));
        let Some(payload) = located else { return };
        let noise = voice.and_then(|voice| voice.noise).unwrap_or(COMFORT_NOISE);
        let is_silent = match format(payload_type, voice) {
            _ if payload_type == noise => Some(true),
            // Whatever it is, what is sent is not the microphone's: neither sound nor silence.
            _ if is_event(payload_type, voice) => None,
            // Zero, and the step next to it, of each law.
            Format::Codec(Codec::Pcmu) => Some(payload.iter().all(|octet| octet & 0x7f == 0x7f)),
            Format::Codec(Codec::Pcma) => Some(payload.iter().all(|octet| octet & 0x7f == 0x55)),
            Format::Codec(Codec::L16(_)) => Some(payload.iter().all(|octet| *octet == 0)),
            // To tell it would take a decoder.
            Format::Codec(Codec::G722 | Codec::Opus) | Format::PayloadType(_) => None,
        };
        match is_silent {
            Some(true) => self.silent_looks = self.silent_looks.saturating_add(1),
            Some(false) => self.silent_looks = 0,
            None => {}
        }
    }

    /// Its payload type, where the two ends have agreed on formats and this is none of them.
    pub(super) fn other_format(&self, voice: Option<&Voice>) -> Option<u8> {
        let (payload_type, voice) = (self.payload_type?, voice?);
        let is_agreed = voice.formats.iter().any(|format| format.from_them == payload_type)
            || voice.noise == Some(payload_type)
            || payload_type == COMFORT_NOISE
            || is_event(payload_type, Some(voice));
        (!is_agreed).then_some(payload_type)
    }

    /// What it was sent could not be sent, or did not arrive.
    pub(super) fn fail(&mut self, now: u64, obstacle: Obstacle) {
        let first =
            self.failures.filter(|failures| now.saturating_sub(failures.last_micros) < FAILURES_APART_MICROS);
        let first_micros = first.map_or(now, |failures| failures.first_micros);
        self.failures = Some(Failures { obstacle, first_micros, last_micros: now });
    }

    /// What keeps from it what it is sent.
    pub(super) fn obstacle(&self, now: u64) -> Option<Obstacle> {
        let Failures { obstacle, first_micros, last_micros } = self.failures?;
        let is_lasting = last_micros.saturating_sub(first_micros) >= FAILURES_SPAN_MICROS
            && now.saturating_sub(last_micros) < FAILURES_APART_MICROS;
        is_lasting.then_some(obstacle)
    }

    pub(super) fn is_looped(&self, now: u64) -> bool {
        self.looped_micros.is_some_and(|at| now.saturating_sub(at) < FAILURES_APART_MICROS)
    }

    /// Ends a period: what it was worth.
    pub(super) fn measure(&mut self, reception: &Reception, rtt_micros: Option<u32>, voice: Option<&Voice>) {
        let (now, before) = (reception.totals(), self.period.before);
        let received = now.received.saturating_sub(before.received);
        // What was late in this period was lost in the one before.
        let lost = u64::try_from(now.lost.saturating_sub(before.lost)).unwrap_or(0);
        let passage = Passage {
            expected: received.saturating_add(lost),
            lost,
            gaps: now.gaps.saturating_sub(before.gaps),
            jitter_micros: reception.jitter_micros(),
            rtt_micros,
        };
        self.period.before = now;
        self.period.loss_percent = passage.loss_percent();
        let robustness = self.payload_type.and_then(|number| Robustness::of(format(number, voice)));
        let mos = robustness.and_then(|robustness| passage.mos(robustness));
        self.period.mos = mos;
        if let Some(mos) = mos {
            self.period.sum = self.period.sum.saturating_add(u64::from(mos.hundredths()));
            self.period.count = self.period.count.saturating_add(1);
            self.period.lowest = Some(self.period.lowest.map_or(mos, |lowest| lowest.min(mos)));
        }
    }

    /// Whether what came since the last period is worth a score of its own.
    pub(super) fn has_rest(&self, reception: &Reception) -> bool {
        let now = reception.totals().received;
        now.saturating_sub(self.period.before.received) >= PERIOD_PACKETS_MIN
    }

    /// Packets have come and gone that nobody has counted.
    pub(super) fn skip_unseen(&mut self, reception: &Reception) {
        self.period.before = reception.totals();
    }

    /// Of the last period: loss in percent, and the score.
    pub(super) fn latest(&self) -> (u8, Option<Mos>) {
        (self.period.loss_percent, self.period.mos)
    }

    /// Of all periods: the mean score and the lowest.
    pub(super) fn scores(&self) -> (Option<Mos>, Option<Mos>) {
        (Mos::mean(self.period.sum, self.period.count), self.period.lowest)
    }
}

/// What a payload type from the far end stands for.
fn format(payload_type: u8, voice: Option<&Voice>) -> Format {
    let agreed = voice.and_then(|voice| voice.formats.iter().find(|format| format.from_them == payload_type));
    match (agreed, payload_type) {
        (Some(format), _) => Format::Codec(format.codec),
        // RFC 3551 table 4.
        (None, 0) => Format::Codec(Codec::Pcmu),
        (None, 8) => Format::Codec(Codec::Pcma),
        (None, 9) => Format::Codec(Codec::G722),
        (None, other) => Format::PayloadType(other),
    }
}

pub(super) fn is_event(payload_type: u8, voice: Option<&Voice>) -> bool {
    voice.is_some_and(|voice| voice.events.iter().any(|event| event.from_them == payload_type))
}
