//! What one member hears of a room: 20 ms after 20 ms of what the others say, in packets as the member wants them; and, of a
//! leg that it is joined to besides, the keys, which nobody can hear.

use super::{
    carriage::{Arrived, send_event},
    made::Made,
    own::Own,
    speech::Bridge,
    table::{Action, Table},
    written::Written,
};
use crate::{
    audio::{FRAME_MS_MAX, reservoir::Reservoir},
    conference::RATE,
    media::Voice,
};

/// A member's ear.
#[derive(Debug)]
pub(super) struct Share {
    voice: Voice,
    bridge: Bridge,
    /// Sound that makes up no packet yet.
    ready: Reservoir,
    written: Written,
    /// Which packets of the joined leg are events.
    keys: Option<Box<Table>>,
    /// The event that is going on: its time there and here.
    event: Option<(u32, u32)>,
}

impl Share {
    /// `None`: the member has no format that we can write.
    pub(super) fn new(voice: &Voice) -> Option<Self> {
        let written = Written::new(voice)?;
        let bridge = Bridge::new(RATE, written.rate()).ok()?;
        let ready = Reservoir::new(written.rate().samples(2 * FRAME_MS_MAX));
        Some(Self { voice: voice.clone(), bridge, ready, written, keys: None, event: None })
    }

    /// Whether it is what would be made of this.
    pub(super) fn is_of(&self, voice: &Voice) -> bool {
        self.voice == *voice
    }

    /// Another 20 ms, due at that instant. Nothing is encoded for a leg that cannot be sent to now.
    pub(super) fn hear(
        &mut self,
        (due_micros, frame): (u64, &[i16]),
        is_heard: bool,
        own: &mut Own,
        made: &mut Made,
    ) {
        self.bridge.cross(&mut self.ready, |free| {
            let taken = free.len().min(frame.len());
            let (room, _) = free.split_at_mut(taken);
            room.copy_from_slice(frame.get(..taken).unwrap_or_default());
            taken
        });
        let mut due_micros = due_micros;
        while self.ready.take(&mut self.written.frame) {
            if is_heard {
                self.written.send(due_micros, own, made);
            } else {
                self.written.pause();
            }
            due_micros = due_micros.saturating_add(self.written.packet_micros());
        }
    }

    /// It is joined to a leg that sends this, or to none.
    pub(super) fn join(&mut self, from: Option<&Voice>) {
        // Of what the member has agreed on it hears the first format alone.
        let formats = self.voice.formats.first().copied().into_iter().collect();
        let heard = Voice { formats, ..self.voice.clone() };
        self.keys = from.map(|from| Box::new(Table::new(from, &heard)));
    }

    /// A packet of the joined leg: a key goes between the sound of the room (RFC 4733 §2.5.1.2), all else is the room's.
    pub(super) fn key(&mut self, arrived: Arrived<'_>, own: &mut Own, made: &mut Made) -> bool {
        let Some(table) = &self.keys else { return false };
        let Action::Event(n) = table.action(arrived.header.payload_type) else { return false };
        let events = table.events.get(n).copied().unwrap_or_default();
        // Whatever clock its duration counts on, its time is the stream's.
        if own.clock_rate_hz() != Some(self.written.clock_rate_hz()) {
            return false;
        }
        let theirs = arrived.header.timestamp;
        let known = self.event.filter(|(known, _)| *known == theirs);
        let (_, ours) = *self.event.insert(known.unwrap_or((theirs, own.timestamp())));
        send_event(arrived, ours.wrapping_sub(own.timestamp()), &events, own, made);
        true
    }

    /// The member hears something else.
    pub(super) fn pause(&mut self) {
        self.ready.clear();
        self.written.pause();
    }
}
