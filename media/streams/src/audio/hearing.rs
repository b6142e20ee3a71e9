//! What one leg says, as sound for somebody who is not its peer: packets as they came in, frames out.
//!
//! It goes through the same jitter buffer as everything that is decoded, on the instants at which the packets came. A leg
//! may change its codec at any packet; the one before waits until it is spoken again. What is [expected](Hearing::expect)
//! has its memory before the first packet; whatever else comes takes it then.

use super::{
    FRAME_SAMPLES_MAX, Rate,
    jitter::{Arrival, Kind, Playout, Sound},
    resample::Resampler,
};
use crate::{
    codec::{Codec, MakeError},
    rtp::Header,
    tap::Content,
};

/// The sound of one leg.
#[derive(Debug)]
pub struct Hearing {
    rate: Rate,
    seed: u64,
    /// One for each codec that it has spoken, or is expected to speak.
    playing: Vec<Playing>,
    /// Which of them it speaks now.
    at: usize,
}

#[derive(Debug)]
struct Playing {
    codec: Codec,
    playout: Playout,
    resampler: Resampler,
}

impl Hearing {
    /// For frames of this rate. The seed is that of the comfort noise.
    pub fn new(rate: Rate, seed: u64) -> Self {
        Self { rate, seed, playing: Vec::new(), at: 0 }
    }

    /// The leg may speak this codec. What cannot be had of it will be silence.
    pub fn expect(&mut self, codec: Codec) {
        let is_known = self.playing.iter().any(|playing| playing.codec == codec);
        if !is_known && let Ok(playing) = Playing::new(codec, self.rate, self.seed) {
            self.playing.push(playing);
        }
    }

    /// Takes a packet that came at that instant. `header` and `payload` are its own.
    pub fn push(&mut self, at_micros: u64, content: Content, header: &Header, payload: &[u8]) {
        if let Content::Speech(codec) = content {
            self.expect(codec);
            let Some(at) = self.playing.iter().position(|playing| playing.codec == codec) else { return };
            self.at = at;
        }
        let Some(playing) = self.playing.get_mut(self.at) else { return };
        let (kind, payload) = match content {
            Content::Speech(_) => (Kind::Speech, payload),
            Content::Noise => (Kind::Noise, payload),
            Content::Other => (Kind::Other, &[][..]),
        };
        let Header { ssrc, sequence, timestamp, .. } = *header;
        playing.playout.push(at_micros, &Arrival { ssrc, sequence, timestamp, kind, payload });
    }

    /// The frame of this instant, and whether it says anything; silence when there is nothing.
    pub fn tick(&mut self, at_micros: u64, frame: &mut [i16]) -> bool {
        let is_heard = self.playing.get_mut(self.at).is_some_and(|playing| playing.tick(at_micros, frame));
        if !is_heard {
            frame.fill(0);
        }
        is_heard
    }

    /// Forgets what was heard and what waits.
    pub fn forget(&mut self) {
        self.playing.clear();
        self.at = 0;
    }
}

impl Playing {
    fn new(codec: Codec, rate: Rate, seed: u64) -> Result<Self, MakeError> {
        let own = if codec.works_at(rate) { rate } else { codec.rate() };
        let resampler = Resampler::new(own, rate).map_err(|_| MakeError::Library)?;
        Ok(Self { codec, playout: Playout::new(codec, own, seed)?, resampler })
    }

    fn tick(&mut self, at_micros: u64, frame: &mut [i16]) -> bool {
        if self.resampler.from() == self.resampler.to() {
            return self.playout.tick(at_micros, frame) != Sound::Silence;
        }
        let mut room = [0; FRAME_SAMPLES_MAX];
        let Some(own) = room.get_mut(..self.playout.rate().frame()) else { return false };
        // Through the filter in any case, so that it does not stop in the middle of a sound.
        self.playout.tick(at_micros, own);
        self.resampler.resample(own, frame).is_ok()
    }
}
