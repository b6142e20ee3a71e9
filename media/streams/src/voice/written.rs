//! Frames of sound, written in a leg's own codec as packets of the stream of our own that it is sent.

use super::{made::Made, own::Own, speech::packet_ms};
use crate::{
    audio::Rate,
    codec::{Encoder, MakeError},
    media::{Voice, VoiceFormat},
};

/// A leg's encoder, and the frame that it takes next: as long as the leg wants its packets.
#[derive(Debug)]
pub(super) struct Written {
    encoder: Encoder,
    format: VoiceFormat,
    pub(super) frame: Box<[i16]>,
    has_begun: bool,
}

impl Written {
    /// In what a leg has agreed on first. `None`: nothing that we can write.
    pub(super) fn new(voice: &Voice) -> Option<Self> {
        let format = *voice.formats.first()?;
        let rate = format.codec.rate().min(Rate::Wide);
        let encoder: Result<Encoder, MakeError> = Encoder::new(format.codec, rate, &format.wanted);
        let samples = rate.samples(packet_ms(format.codec, voice.packet_ms));
        Some(Self {
            encoder: encoder.ok()?,
            format,
            frame: vec![0; samples].into_boxed_slice(),
            has_begun: false,
        })
    }

    /// The rate of the sound that goes in: 8 or 16 kHz.
    pub(super) fn rate(&self) -> Rate {
        self.encoder.rate()
    }

    /// Of the stream that it is sent on.
    pub(super) fn clock_rate_hz(&self) -> u32 {
        self.format.codec.clock_rate_hz()
    }

    /// How long a packet is.
    pub(super) fn packet_micros(&self) -> u64 {
        u64::try_from(self.frame.len() / self.rate().per_ms()).unwrap_or(0) * 1_000
    }

    /// Nothing is sent for a while: what comes then is a beginning.
    pub(super) fn pause(&mut self) {
        self.has_begun = false;
    }

    /// Sends the frame, which was due at that instant.
    pub(super) fn send(&mut self, due_micros: u64, own: &mut Own, made: &mut Made) {
        if !std::mem::replace(&mut self.has_begun, true) {
            own.begin(due_micros, self.clock_rate_hz());
        }
        let mut is_silence = false;
        own.packet(made, self.format.to_them, false, 0, |payload| {
            let octets = self.encoder.encode(&self.frame, payload).unwrap_or(0);
            is_silence = octets == 0;
            octets
        });
        let ms = u32::try_from(self.packet_micros() / 1_000).unwrap_or(0);
        own.advance(self.format.codec.clock_units(ms));
        if is_silence {
            own.mark();
        }
    }
}
