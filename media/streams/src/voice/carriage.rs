//! One direction between two legs that do not have everything in common: numbers changed, or a stream of our own.
//!
//! Where all that one leg sends has a name on the other, only names are changed, where the packet lies. Where some of it
//! has to be decoded, all of it goes on one stream of our own: its time follows the sender's, so that pauses stay
//! pauses and jitter stays for the listener's buffer to even out. Nothing waits for what is missing; it is made up, and is
//! too late when it comes after all.

use super::{
    made::Made,
    own::{Own, micros},
    speech::Speech,
    table::{Action, Events, Table},
};
use crate::{
    codec::{Codec, MakeError},
    leg::DropReason,
    media::{Voice, VoiceFormat},
    rtp::Header,
};

/// Missing sound that is made up at most; more is a pause.
const CONCEALED_MS_MAX: u32 = 100;
/// How far behind a packet is late, and not the first of another run of numbers (RFC 3550 A.1).
const LATE_PACKETS_MAX: u16 = 100;
/// Sender's time and ours may differ by so much; more is another timeline, and so is what comes after nothing has for so long.
const TIMELINE_STEP_MICROS_MAX: u64 = 5_000_000;
/// A payload that does not say how long it is.
const PACKET_MS_USUAL: u32 = 20;
/// Of formats that are not known, and of comfort noise, where there is no speech around them.
const CLOCK_USUAL_HZ: u32 = 8_000;
/// An Opus packet of so few octets is silence that the sender need not have sent (RFC 7587 §3.1.3).
const SILENT_OCTETS_MAX: usize = 2;
/// After a pause, without more than a packet: it goes on, when nothing has come for so many packets.
const PAUSE_PACKETS: u32 = 3;
/// A pause is filled so long without a packet; Opus repeats its noise every 400 ms.
const FILLED_MICROS_MAX: u64 = 1_000_000;
/// Filling never becomes a burst.
const FILLING_MICROS_MIN: u64 = 5_000;
/// Comfort noise may be described once for a long silence.
const NOISE_MICROS_MAX: u64 = 60_000_000;

/// From one leg to another.
#[derive(Debug)]
pub(super) struct Carriage {
    between: (Voice, Voice),
    table: Table,
    /// All goes on a stream of our own.
    is_own: bool,
    speech: Option<Box<Speech>>,
    place: Option<Place>,
    event: Option<Event>,
    pause: Option<Pause>,
    /// Sound that was made in a pause, or to fill a packet, on the other leg's clock: the sender's time has still to pass it.
    ahead: u32,
    /// Packets passed in a row, whose numbers still mean what they meant.
    passed: u16,
}

/// Where the sender is.
#[derive(Clone, Copy, Debug)]
struct Place {
    ssrc: u32,
    /// Of the next packet.
    sequence: u16,
    timestamp: u32,
    clock_hz: u32,
    /// The last packet's length.
    units: u32,
    heard_micros: u64,
}

/// The event that is going on: all its packets have one time.
#[derive(Clone, Copy, Debug)]
struct Event {
    theirs: u32,
    timestamp: u32,
}

/// The sender is silent and has said so.
#[derive(Clone, Copy, Debug)]
struct Pause {
    sound: Filling,
    due_micros: u64,
    until_micros: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filling {
    /// What its decoder makes of nothing.
    Opus,
    /// What it has described.
    Noise,
}

/// A packet as it was accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived<'a> {
    pub(super) header: Header,
    pub(super) payload: &'a [u8],
}

fn units_of(codec: Codec, payload: &[u8]) -> u32 {
    let usual = codec.clock_units(PACKET_MS_USUAL);
    codec.payload_units(payload).unwrap_or(usual)
}

fn scaled(units: u32, from_hz: u32, to_hz: u32) -> u32 {
    if from_hz == to_hz {
        return units;
    }
    let scaled = u64::from(units) * u64::from(to_hz) / u64::from(from_hz.max(1));
    u32::try_from(scaled & 0xffff_ffff).unwrap_or(0)
}

/// As [`scaled`], of a difference that may go back.
fn scaled_step(step: u32, from_hz: u32, to_hz: u32) -> u32 {
    let signed = i64::from(step.cast_signed()) * i64::from(to_hz) / i64::from(from_hz.max(1));
    u32::try_from(signed & 0xffff_ffff).unwrap_or(0)
}

impl Carriage {
    /// Between two legs; `None` where everything may pass as it comes. `is_ours`: on a stream of our own in any case.
    pub(super) fn new(from: &Voice, to: &Voice, is_ours: bool) -> Result<Option<Self>, MakeError> {
        let table = Table::new(from, to);
        if table.is_verbatim && !is_ours {
            return Ok(None);
        }
        let speech = match to.formats.first() {
            Some(first) if table.decodes => Some(Box::new(Speech::new(
                table.decoded().collect::<Vec<_>>().into_iter(),
                table.makes_noise(),
                *first,
                to.packet_ms,
            )?)),
            _ => None,
        };
        let mut carriage = Self::of((from.clone(), to.clone()), table, speech);
        carriage.is_own |= is_ours;
        Ok(Some(carriage))
    }

    /// Back to the leg that sends it.
    pub(super) fn echo(voice: &Voice) -> Self {
        let mut echo = Self::of((voice.clone(), voice.clone()), Table::new(voice, voice), None);
        echo.is_own = true;
        echo
    }

    fn of(between: (Voice, Voice), table: Table, speech: Option<Box<Speech>>) -> Self {
        Self {
            between,
            table,
            is_own: speech.is_some(),
            speech,
            place: None,
            event: None,
            pause: None,
            ahead: 0,
            passed: 0,
        }
    }

    /// Whether it is what would be made between these two.
    pub(super) fn is_between(&self, from: &Voice, to: &Voice) -> bool {
        self.between.0 == *from && self.between.1 == *to
    }

    /// Whether the other leg hears a stream of our own.
    pub(super) fn is_own(&self) -> bool {
        self.is_own
    }

    /// The other leg has heard something else in between.
    pub(super) fn interrupt(&mut self) {
        self.place = None;
        self.event = None;
        self.pause = None;
        self.ahead = 0;
        self.passed = 0;
        if let Some(speech) = &mut self.speech {
            speech.clear();
        }
    }

    /// When it has something to say although nothing comes.
    pub(super) fn due(&self) -> Option<u64> {
        self.pause.map(|pause| pause.due_micros)
    }

    /// Changes names in a packet that stays the sender's own.
    pub(super) fn rename(
        &self,
        packet: &mut [u8],
        header: &Header,
        payload: usize,
    ) -> Result<(), DropReason> {
        let number = match self.table.action(header.payload_type) {
            Action::Drop => return Err(DropReason::Format),
            Action::Pass(_, number) | Action::Noise(number) => number,
            Action::Event(n) => {
                let events = self.table.events.get(n).copied().unwrap_or_default();
                let body = packet.get_mut(payload..).unwrap_or_default();
                rescale(body, &events);
                events.to
            }
            Action::Unknown | Action::Decode(_) | Action::Sound => return Ok(()),
        };
        if let Some(kind) = packet.get_mut(1) {
            *kind = *kind & 0x80 | number & 0x7f;
        }
        Ok(())
    }

    /// Carries a packet over to the stream of our own.
    pub(super) fn carry(
        &mut self,
        now_micros: u64,
        arrived: Arrived<'_>,
        own: &mut Own,
        made: &mut Made,
    ) -> Result<(), DropReason> {
        let action = match self.table.action(arrived.header.payload_type) {
            // Nobody decodes anything: as it came.
            Action::Unknown if self.speech.is_none() => Action::Noise(arrived.header.payload_type),
            action => action,
        };
        match action {
            Action::Drop | Action::Unknown => return Err(DropReason::Format),
            Action::Pass(codec, number) => {
                self.pass(now_micros, arrived, (Some(codec), number), own, made)?;
            }
            Action::Noise(number) => self.pass(now_micros, arrived, (None, number), own, made)?,
            Action::Decode(codec) => self.decode(now_micros, arrived, codec, own, made)?,
            Action::Event(n) => self.event(now_micros, arrived, n, own, made)?,
            Action::Sound => self.noise(now_micros, arrived, own, made)?,
        }
        if let Some(place) = &mut self.place {
            place.heard_micros = now_micros;
        }
        Ok(())
    }

    /// How many numbers are missing before this packet, or how late it is.
    fn missing(&mut self, now: u64, header: &Header, clock_hz: u32, own: &mut Own, to_hz: u32) -> Missing {
        let passed = |place: &Place| now.saturating_sub(place.heard_micros);
        let is_same = |place: &Place| place.ssrc == header.ssrc && passed(place) <= TIMELINE_STEP_MICROS_MAX;
        let Some(place) = self.place.filter(is_same) else {
            self.start(now, header, clock_hz, own, to_hz);
            return Missing::Packets(0);
        };
        let ahead = header.sequence.wrapping_sub(place.sequence);
        if ahead >= u16::MAX - LATE_PACKETS_MAX {
            return Missing::Late(place.sequence.wrapping_sub(header.sequence));
        }
        let is_elsewhere = place.clock_hz != clock_hz || own.clock_rate_hz() != Some(to_hz);
        let step = header.timestamp.wrapping_sub(place.timestamp).cast_signed();
        let is_other_time =
            step < 0 || micros(step.unsigned_abs(), clock_hz) > passed(&place) + TIMELINE_STEP_MICROS_MAX;
        if is_elsewhere || is_other_time || ahead > u16::MAX / 2 {
            self.start(now, header, clock_hz, own, to_hz);
            return Missing::Packets(0);
        }
        Missing::Packets(ahead)
    }

    /// Of a packet that does not say it by its codec: that of the speech around it.
    fn clock_hz(&self) -> u32 {
        let usual = self.between.0.formats.first().map(|format| format.codec.clock_rate_hz());
        self.place.map(|place| place.clock_hz).or(usual).unwrap_or(CLOCK_USUAL_HZ)
    }

    /// Another source, timeline or clock: ours goes on from now.
    fn start(&mut self, now: u64, header: &Header, clock_hz: u32, own: &mut Own, to_hz: u32) {
        self.interrupt();
        own.begin(now, to_hz);
        self.place = Some(Place {
            ssrc: header.ssrc,
            sequence: header.sequence,
            timestamp: header.timestamp,
            clock_hz,
            units: 0,
            heard_micros: now,
        });
    }

    /// Time has passed at the sender that brought no sound. Whether what follows is a beginning may be the sender's to say.
    fn skip_to(&mut self, timestamp: u32, is_beginning: bool, own: &mut Own) {
        let Some(place) = &mut self.place else { return };
        let step = timestamp.wrapping_sub(place.timestamp);
        place.timestamp = timestamp;
        let to_hz = own.clock_rate_hz().unwrap_or(place.clock_hz);
        let step = scaled(step, place.clock_hz, to_hz);
        let made_already = step.min(self.ahead);
        self.ahead -= made_already;
        own.advance(step - made_already);
        if is_beginning && step > made_already {
            own.mark();
        }
    }

    /// The packet is dealt with.
    fn after(&mut self, header: &Header, units: u32) {
        if let Some(place) = &mut self.place {
            place.sequence = header.sequence.wrapping_add(1);
            place.timestamp = header.timestamp.wrapping_add(units);
            place.units = units;
        }
    }

    /// The same payload, on our stream.
    fn pass(
        &mut self,
        now: u64,
        Arrived { header, payload }: Arrived<'_>,
        (codec, number): (Option<Codec>, u8),
        own: &mut Own,
        made: &mut Made,
    ) -> Result<(), DropReason> {
        let clock = codec.map_or_else(|| self.clock_hz(), Codec::clock_rate_hz);
        let copy = |room: &mut [u8]| copied(payload, room);
        match self.missing(now, &header, clock, own, clock) {
            Missing::Late(behind) if behind <= self.passed => {
                let step = self.place.map_or(0, |place| header.timestamp.wrapping_sub(place.timestamp));
                own.late_packet(made, number, header.marker, (behind, step), copy);
                return Ok(());
            }
            Missing::Late(_) => return Err(DropReason::Late),
            Missing::Packets(count) => {
                own.miss(count);
                self.passed = self.passed.saturating_add(count);
            }
        }
        self.pause = None;
        self.skip_to(header.timestamp, false, own);
        let units = codec.map_or(0, |codec| units_of(codec, payload));
        own.packet(made, number, header.marker, 0, copy);
        own.advance(units);
        self.passed = self.passed.saturating_add(1);
        self.after(&header, units);
        Ok(())
    }

    fn decode(
        &mut self,
        now: u64,
        Arrived { header, payload }: Arrived<'_>,
        codec: Codec,
        own: &mut Own,
        made: &mut Made,
    ) -> Result<(), DropReason> {
        let Some(format) = self.format() else { return Err(DropReason::Format) };
        let clock = codec.clock_rate_hz();
        match self.missing(now, &header, clock, own, format.codec.clock_rate_hz()) {
            Missing::Late(_) => return Err(DropReason::Late),
            Missing::Packets(0) => {}
            Missing::Packets(count) => self.make_up(&header, codec, count, payload, own, made),
        }
        self.passed = 0;
        self.event = None;
        let was_pause = self.place.is_some_and(|place| place.timestamp != header.timestamp);
        if was_pause {
            self.round_up(own, made);
            self.skip_to(header.timestamp, true, own);
        }
        let Some(speech) = &mut self.speech else { return Err(DropReason::Format) };
        let mut units = speech.hear(codec, payload);
        if units == 0 {
            // Nothing that its codec knows: as good as lost.
            units = speech.miss(codec, None);
        }
        self.drain(header.marker, own, made);
        self.after(&header, units);
        self.expect_silence(now, codec, payload, was_pause, units);
        Ok(())
    }

    fn format(&self) -> Option<VoiceFormat> {
        self.speech.as_ref().map(|speech| speech.format())
    }

    /// Packets are missing between two that follow each other in time.
    fn make_up(
        &mut self,
        header: &Header,
        codec: Codec,
        count: u16,
        next: &[u8],
        own: &mut Own,
        made: &mut Made,
    ) {
        let Some(mut place) = self.place.filter(|place| place.units > 0) else { return };
        let step = header.timestamp.wrapping_sub(place.timestamp);
        let most = codec.clock_units(CONCEALED_MS_MAX) / place.units;
        let fitting = (step / place.units).min(u32::from(count)).min(most);
        for n in 0..fitting {
            let is_last = n + 1 == fitting && u32::from(count) == fitting;
            let Some(speech) = &mut self.speech else { return };
            let units = speech.miss(codec, is_last.then_some(next));
            place.timestamp = place.timestamp.wrapping_add(units);
            self.drain(false, own, made);
        }
        self.place = Some(place);
    }

    /// Sends what there is sound for.
    fn drain(&mut self, mut marker: bool, own: &mut Own, made: &mut Made) {
        let Some(speech) = &mut self.speech else { return };
        let (number, units) = (speech.format().to_them, speech.packet_units());
        while speech.has_packet() {
            let mut is_silence = false;
            let sent = own.packet(made, number, marker, 0, |payload| {
                let octets = speech.write(payload);
                is_silence = octets == 0;
                octets
            });
            own.advance(units);
            if is_silence {
                own.mark();
            }
            marker &= !sent;
        }
    }

    fn round_up(&mut self, own: &mut Own, made: &mut Made) {
        let Some(speech) = &mut self.speech else { return };
        self.ahead = self.ahead.saturating_add(speech.round_up());
        self.drain(false, own, made);
    }

    /// Whether the sender has fallen silent, and is to be heard so.
    fn expect_silence(&mut self, now: u64, codec: Codec, payload: &[u8], was_pause: bool, units: u32) {
        let packet = micros(units, codec.clock_rate_hz());
        let after = match codec {
            Codec::Opus if payload.len() <= SILENT_OCTETS_MAX => packet,
            Codec::Opus if was_pause => packet * u64::from(PAUSE_PACKETS),
            _ => {
                self.pause = None;
                return;
            }
        };
        self.pause = Some(Pause {
            sound: Filling::Opus,
            due_micros: now.saturating_add(after.max(1_000)),
            until_micros: now.saturating_add(FILLED_MICROS_MAX),
        });
    }

    /// The sender has described its silence.
    fn noise(
        &mut self,
        now: u64,
        Arrived { header, payload }: Arrived<'_>,
        own: &mut Own,
        made: &mut Made,
    ) -> Result<(), DropReason> {
        let Some(format) = self.format() else { return Err(DropReason::Format) };
        let clock = self.place.map_or(CLOCK_USUAL_HZ, |place| place.clock_hz);
        if let Missing::Late(_) = self.missing(now, &header, clock, own, format.codec.clock_rate_hz()) {
            return Err(DropReason::Late);
        }
        self.passed = 0;
        self.round_up(own, made);
        self.skip_to(header.timestamp, true, own);
        self.after(&header, 0);
        if self.speech.as_mut().is_some_and(|speech| speech.describe(payload)) {
            self.pause = Some(Pause {
                sound: Filling::Noise,
                due_micros: now,
                until_micros: now.saturating_add(NOISE_MICROS_MAX),
            });
        }
        Ok(())
    }

    /// Says what is due in a pause.
    pub(super) fn tick(&mut self, now_micros: u64, own: &mut Own, made: &mut Made) {
        let Some(mut pause) = self.pause.filter(|pause| pause.due_micros <= now_micros) else { return };
        let Some(speech) = &mut self.speech else { return self.pause = None };
        if now_micros >= pause.until_micros {
            self.pause = None;
            return;
        }
        let units = speech.packet_units();
        let to_hz = speech.format().codec.clock_rate_hz();
        match pause.sound {
            Filling::Opus => {
                speech.miss(Codec::Opus, None);
            }
            Filling::Noise => speech.fill_with_noise(),
        }
        let before = own.timestamp();
        self.drain(false, own, made);
        self.ahead = self.ahead.saturating_add(own.timestamp().wrapping_sub(before));
        let next = pause.due_micros.saturating_add(micros(units, to_hz));
        pause.due_micros = next.max(now_micros.saturating_add(FILLING_MICROS_MIN));
        self.pause = Some(pause);
    }

    /// An event rides on the stream of speech; its time is that of its beginning.
    fn event(
        &mut self,
        now: u64,
        Arrived { header, payload }: Arrived<'_>,
        n: usize,
        own: &mut Own,
        made: &mut Made,
    ) -> Result<(), DropReason> {
        let events = self.table.events.get(n).copied().unwrap_or_default();
        // On the stream that runs; where none does, on the one that speech will have.
        let usual = self.format().map_or(events.to_clock_hz, |format| format.codec.clock_rate_hz());
        let clock = self.place.map_or(events.from_clock_hz, |place| place.clock_hz);
        let to_hz = own.clock_rate_hz().filter(|_| self.place.is_some()).unwrap_or(usual);
        // Its time is none of the order: it stands still, and may lie before the end of the last sound.
        let place = self.place.map_or(header.timestamp, |place| place.timestamp);
        match self.missing(now, &Header { timestamp: place, ..header }, clock, own, to_hz) {
            Missing::Late(_) => return Err(DropReason::Late),
            Missing::Packets(count) if self.speech.is_none() => own.miss(count),
            Missing::Packets(_) => {}
        }
        let Some(place) = &mut self.place else { return Err(DropReason::Format) };
        let timestamp = match self.event.filter(|event| event.theirs == header.timestamp) {
            Some(event) => event.timestamp,
            None => {
                let step = header.timestamp.wrapping_sub(place.timestamp);
                own.timestamp().wrapping_add(scaled_step(step, place.clock_hz, to_hz))
            }
        };
        place.sequence = header.sequence.wrapping_add(1);
        self.event = Some(Event { theirs: header.timestamp, timestamp });
        self.pause = None;
        self.passed = if self.speech.is_none() { self.passed.saturating_add(1) } else { 0 };
        let offset = timestamp.wrapping_sub(own.timestamp());
        send_event(Arrived { header, payload }, offset, &events, own, made);
        Ok(())
    }
}

enum Missing {
    /// That many before this one.
    Packets(u16),
    /// It is that many behind the next one.
    Late(u16),
}

/// Sends an event's packet on our stream, so far from the time of its next sample.
pub(super) fn send_event(
    Arrived { header, payload }: Arrived<'_>,
    offset: u32,
    events: &Events,
    own: &mut Own,
    made: &mut Made,
) {
    own.packet(made, events.to, header.marker, offset, |room| {
        let bytes = copied(payload, room);
        rescale(room.get_mut(..bytes).unwrap_or_default(), events);
        bytes
    });
}

fn copied(payload: &[u8], room: &mut [u8]) -> usize {
    let Some(room) = room.get_mut(..payload.len()) else { return 0 };
    room.copy_from_slice(payload);
    payload.len()
}

/// Durations on the other clock (RFC 4733 §2.3: the last two of each four octets). Longer than can be said is the longest.
fn rescale(body: &mut [u8], events: &Events) {
    if events.from_clock_hz == events.to_clock_hz {
        return;
    }
    for report in body.as_chunks_mut::<4>().0 {
        let [_, _, high, low] = report;
        let units = u32::from(u16::from_be_bytes([*high, *low]));
        let units = scaled(units, events.from_clock_hz, events.to_clock_hz);
        [*high, *low] = u16::try_from(units).unwrap_or(u16::MAX).to_be_bytes();
    }
}
