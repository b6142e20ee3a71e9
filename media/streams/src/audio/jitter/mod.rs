//! The jitter buffer of a leg that is decoded: packets as they come go in, and every 20 ms a frame of sound comes out.
//!
//! [`JitterBuffer`] decides what is due: a packet, something in the place of a lost one, nothing yet. [`Playout`] decodes
//! it and makes the wait longer or shorter by single periods of the voice. Only legs whose audio is decoded have one;
//! whatever is passed on goes as it came. Everything is bounded by the limits named here and in [`delay`].

pub mod delay;
mod packets;
mod playout;
mod stretch;

use self::{delay::Delay, packets::Packets};
pub use self::{
    packets::Kind,
    playout::{Playout, Sound},
};

/// Sound that waits is never more than this; what is older is let go.
pub const DEPTH_MS_MAX: i64 = 240;
/// Nothing came for so long: the next packet begins a new wait.
const UNDERRUN_MS_MAX: i64 = 100;
/// Numbers so far behind are late (RFC 3550 A.1); further ones, and those too far ahead, are another stream's once two in
/// a row agree.
const MISORDER_MAX: i64 = 100;
/// Timestamps that jump further than this are a new timeline and not a pause.
const PAUSE_MS_MAX: i64 = 200;
/// The wait is changed when it is off by more than this.
const TOO_LONG_MICROS: i64 = 15_000;
const TOO_SHORT_MICROS: i64 = 5_000;
/// … and whatever the sound is like, by more than this.
const URGENT_MICROS: i64 = 60_000;
/// Where packets repeat what is in those before them, and some are lost, the next one is waited for.
const REDUNDANCY_WAIT_MS: u32 = 45;
/// Packets without a loss after which none is expected: 5 s.
const LOSS_REMEMBERED_PACKETS: u16 = 250;

/// What a packet says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival<'a> {
    /// Synchronisation source.
    pub ssrc: u32,
    /// Wraps at 65,536.
    pub sequence: u16,
    /// In the codec's clock; wraps.
    pub timestamp: u32,
    /// What the payload is.
    pub kind: Kind,
    /// Empty for [`Kind::Other`].
    pub payload: &'a [u8],
}

/// What is due now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due<'a> {
    /// This.
    Packet(Kind, &'a [u8]),
    /// A packet that did not come, and the one after it if that is here.
    Lost(Option<&'a [u8]>),
    /// The sender sent nothing for so many clock units.
    Pause(i64),
    /// A packet that has not come yet.
    Late,
    /// Nothing is expected, or what came still has to wait.
    Nothing,
}

/// How the wait should change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Correction {
    None,
    Shorten { urgent: bool },
    Lengthen,
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Handed over in time.
    pub played: u64,
    /// Due when only later ones were there.
    pub lost: u64,
    /// Came after their time.
    pub late: u64,
    /// Came twice, or were too long.
    pub refused: u64,
    /// Let go because too much was waiting.
    pub discarded: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No packet is held.
    Idle,
    /// The first packets are held and wait.
    Filling,
    /// So much was made up since the last packet was due, in clock units.
    Playing { made_up: i64 },
}

/// One stream's numbering, counted on over its wraps.
#[derive(Clone, Copy, Debug)]
struct Run {
    ssrc: u32,
    newest: (u16, i64),
    timestamp: (u32, i64),
    /// The sequence number that is due next, and its timestamp.
    next: i64,
    due: i64,
    /// The last sequence number that was due.
    passed: i64,
}

/// Packets of one leg, in order and in time.
#[derive(Clone, Debug)]
pub struct JitterBuffer {
    clock_rate_hz: i64,
    packets: Packets,
    delay: Delay,
    state: State,
    run: Option<Run>,
    /// The sequence number that would confirm another stream.
    restart: Option<u16>,
    /// Handed over and still in its place.
    lent: Option<i64>,
    /// Clock units of the last packet.
    packet_units: i64,
    /// Packets repeat what is in those before them.
    redundant: bool,
    loss_remembered: u16,
    counts: Counts,
}

impl JitterBuffer {
    /// For payloads of at most so many octets.
    ///
    /// `redundant` says that a packet may repeat what was in the one before it (Opus).
    pub fn new(clock_rate_hz: u32, payload_bytes_max: usize, redundant: bool) -> Self {
        let clock_rate_hz = i64::from(clock_rate_hz.max(1_000));
        Self {
            clock_rate_hz,
            packets: Packets::new(payload_bytes_max),
            delay: Delay::new(),
            state: State::Idle,
            run: None,
            restart: None,
            lent: None,
            packet_units: clock_rate_hz / 50,
            redundant,
            loss_remembered: 0,
            counts: Counts::default(),
        }
    }

    /// What became of the packets so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How long packets shall wait, in milliseconds.
    pub fn target_ms(&self) -> u32 {
        let least = if self.redundant && self.loss_remembered > 0 { REDUNDANCY_WAIT_MS } else { 0 };
        self.delay.target_ms().max(least)
    }

    fn target_micros(&self) -> i64 {
        i64::from(self.target_ms()) * 1_000
    }

    /// Takes a packet in as it comes.
    pub fn push(&mut self, now_micros: u64, packet: &Arrival<'_>) {
        self.release();
        let now = now_micros.cast_signed();
        let mut run = match self.run {
            Some(run) if run.ssrc == packet.ssrc => run,
            _ => self.begin(packet),
        };
        let mut sequence = run.sequence(packet.sequence);
        let late = sequence < run.next && run.next - sequence <= MISORDER_MAX;
        let unheard = self.state == State::Idle
            && sequence >= run.next
            && sequence < run.next + i64::from(u16::MAX / 2);
        let in_window = sequence >= run.next && sequence < run.next + packets::PLACES_SIGNED;
        let reordered = late
            && self.state == State::Filling
            && sequence > run.passed
            && run.newest.1 - sequence < packets::PLACES_SIGNED;
        if !(late || unheard || in_window) {
            if self.restart != Some(packet.sequence) {
                self.restart = Some(packet.sequence.wrapping_add(1));
                return;
            }
            run = self.begin(packet);
            sequence = run.sequence(packet.sequence);
        }
        self.restart = None;
        let timestamp = run.timestamp(packet.timestamp);
        run.newest = if sequence > run.newest.1 { (packet.sequence, sequence) } else { run.newest };
        run.timestamp = (packet.timestamp, timestamp);
        if packet.kind != Kind::Other {
            self.delay.arrived(now, self.micros(timestamp));
        }
        if late && !reordered {
            self.counts.late += 1;
            self.run = Some(run);
            return;
        }
        if self.state == State::Idle {
            (run.next, run.due) = (sequence, timestamp);
            self.state = State::Filling;
        } else if reordered {
            (run.next, run.due) = (sequence, timestamp);
        }
        if !self.packets.insert(sequence, timestamp, packet.kind, packet.payload) {
            self.counts.refused += 1;
        }
        self.run = Some(run);
        self.bound_depth();
    }

    /// A stream without a past: its first packet is due first.
    fn begin(&mut self, packet: &Arrival<'_>) -> Run {
        let dropped = self.packets.count();
        self.counts.discarded += u64::try_from(dropped).unwrap_or(0);
        self.packets.clear();
        self.delay.new_timeline();
        self.state = State::Idle;
        let (sequence, timestamp) = (i64::from(packet.sequence), i64::from(packet.timestamp));
        Run {
            ssrc: packet.ssrc,
            newest: (packet.sequence, sequence),
            timestamp: (packet.timestamp, timestamp),
            next: sequence,
            due: timestamp,
            passed: i64::MIN,
        }
    }

    /// Lets the oldest go while more than [`DEPTH_MS_MAX`] waits.
    fn bound_depth(&mut self) {
        let waiting = i64::try_from(self.packets.count()).unwrap_or(0) * self.packet_units;
        if self.state != State::Filling && waiting * 1_000 > DEPTH_MS_MAX * self.clock_rate_hz {
            self.keep_newest(self.target_micros());
        }
    }

    /// Lets go what is older than this before the newest.
    fn keep_newest(&mut self, micros: i64) {
        let keep = micros * self.clock_rate_hz / 1_000_000;
        while let Some((first, last)) = self.packets.ends()
            && first.sequence < last.sequence
            && last.timestamp - first.timestamp > keep
        {
            self.packets.remove(first.sequence);
            self.counts.discarded += 1;
        }
        if let (Some((first, _)), Some(run)) = (self.packets.ends(), &mut self.run) {
            (run.next, run.due) = (first.sequence, first.timestamp);
        }
    }

    /// Begins to play once the first packet has waited long enough, on the way or here.
    fn start(&mut self, now: i64) {
        let (Some(run), Some(base)) = (self.run, self.delay.base_micros()) else { return };
        let waited = now.wrapping_sub(self.micros(run.due)).wrapping_sub(base);
        if waited >= self.target_micros() {
            self.state = State::Playing { made_up: 0 };
            if waited > DEPTH_MS_MAX * 1_000 {
                self.keep_newest(self.target_micros());
            }
        }
    }

    /// What is due. Everything it returns is to be played before the next is asked for.
    pub(crate) fn pull(&mut self, now_micros: u64) -> Due<'_> {
        self.release();
        if self.state == State::Filling {
            self.start(now_micros.cast_signed());
        }
        let State::Playing { mut made_up } = self.state else { return Due::Nothing };
        let Some(run) = &mut self.run else { return Due::Nothing };
        let newest = self.packets.ends().map(|(_, newest)| newest.sequence);
        // What was made up while nothing came stood for what is lost, as it turns out.
        while newest.is_some_and(|newest| run.next < newest)
            && made_up >= self.packet_units
            && self.packets.get(run.next).is_none()
        {
            made_up -= self.packet_units;
            run.skip(self.packet_units);
            self.counts.lost += 1;
            self.loss_remembered = LOSS_REMEMBERED_PACKETS;
        }
        self.state = State::Playing { made_up: 0 };
        let units_per_20_ms = self.clock_rate_hz / 50;
        if let Some((held, payload)) = self.packets.get(run.next) {
            let pause = held.timestamp - run.due;
            if pause > 0 && pause <= PAUSE_MS_MAX * self.clock_rate_hz / 1_000 && held.kind != Kind::Other {
                let step = pause.min(units_per_20_ms);
                run.due += step;
                return Due::Pause(step);
            }
            let due = if held.kind == Kind::Other { run.due } else { held.timestamp };
            run.skip(0);
            run.due = due;
            self.lent = Some(held.sequence);
            self.counts.played += 1;
            self.loss_remembered = self.loss_remembered.saturating_sub(1);
            return Due::Packet(held.kind, payload);
        }
        if newest.is_some() {
            run.skip(self.packet_units);
            self.counts.lost += 1;
            self.loss_remembered = LOSS_REMEMBERED_PACKETS;
            let next = self.packets.get(run.next).filter(|(held, _)| held.kind == Kind::Speech);
            return Due::Lost(next.map(|(_, payload)| payload));
        }
        if made_up * 1_000 >= UNDERRUN_MS_MAX * self.clock_rate_hz {
            self.state = State::Idle;
            return Due::Nothing;
        }
        self.state = State::Playing { made_up: made_up + units_per_20_ms };
        Due::Late
    }

    /// The packet just handed over described a silence: nothing more is expected until something comes.
    pub(crate) fn rest(&mut self) {
        self.release();
        if self.packets.ends().is_none() {
            self.state = State::Idle;
        }
    }

    /// The packet just handed over lasts so many clock units.
    pub(crate) fn lasted(&mut self, units: i64) {
        if units > 0 {
            self.packet_units = units;
        }
        if let Some(run) = &mut self.run {
            run.due += self.packet_units;
        }
    }

    /// How long the sound that is played now has waited since it could have come, in microseconds; `held_micros` of it
    /// is decoded already.
    pub(crate) fn wait_micros(&self, now_micros: u64, held_micros: i64) -> Option<i64> {
        let (State::Playing { .. }, Some(run)) = (self.state, &self.run) else { return None };
        let played = self.micros(run.due) - held_micros;
        Some(now_micros.cast_signed().wrapping_sub(played).wrapping_sub(self.delay.base_micros()?))
    }

    /// Whether that is what it should be.
    pub(crate) fn correction(&self, now_micros: u64, held_micros: i64) -> Correction {
        let Some(wait) = self.wait_micros(now_micros, held_micros) else { return Correction::None };
        let excess = wait - self.target_micros();
        if excess > TOO_LONG_MICROS {
            Correction::Shorten { urgent: excess > URGENT_MICROS }
        } else if excess < -TOO_SHORT_MICROS {
            Correction::Lengthen
        } else {
            Correction::None
        }
    }

    fn release(&mut self) {
        if let Some(lent) = self.lent.take() {
            self.packets.remove(lent);
        }
    }

    fn micros(&self, units: i64) -> i64 {
        units.saturating_mul(1_000_000) / self.clock_rate_hz
    }
}

impl Run {
    /// The packet that was due is done with.
    fn skip(&mut self, units: i64) {
        self.passed = self.next;
        self.next += 1;
        self.due += units;
    }

    fn sequence(&self, sequence: u16) -> i64 {
        self.newest.1 + i64::from(sequence.wrapping_sub(self.newest.0).cast_signed())
    }

    fn timestamp(&self, timestamp: u32) -> i64 {
        self.timestamp.1 + i64::from(timestamp.wrapping_sub(self.timestamp.0).cast_signed())
    }
}
