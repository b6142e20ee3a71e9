//! What one member hears of a room: 20 ms after 20 ms of what the others say, in packets as the member wants them.

use super::{made::Made, own::Own, speech::Bridge, written::Written};
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
}

impl Share {
    /// `None`: the member has no format that we can write.
    pub(super) fn new(voice: &Voice) -> Option<Self> {
        let written = Written::new(voice)?;
        let bridge = Bridge::new(RATE, written.rate()).ok()?;
        let ready = Reservoir::new(written.rate().samples(2 * FRAME_MS_MAX));
        Some(Self { voice: voice.clone(), bridge, ready, written })
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

    /// The member hears something else.
    pub(super) fn pause(&mut self) {
        self.ready.clear();
        self.written.pause();
    }
}
