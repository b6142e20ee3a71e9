//! One side of a recording: packets as they came in, frames of sound out.
//!
//! It goes through the same jitter buffer as everything that is decoded, on the instants at which the packets came, so
//! that a recording sounds as the call did to whoever listened. A side may change its codec at any packet.

use streams::{
    audio::{
        FRAME_SAMPLES_MAX, Rate,
        jitter::{Arrival, Kind, Playout, Sound},
        resample::Resampler,
    },
    codec::{Codec, MakeError},
    rtp::Header,
    tap::Content,
};

/// The sound of one side.
#[derive(Debug)]
pub struct Hearing {
    rate: Rate,
    seed: u64,
    playing: Option<Playing>,
}

#[derive(Debug)]
struct Playing {
    codec: Codec,
    playout: Playout,
    resampler: Resampler,
}

impl Hearing {
    /// For frames of this rate.
    pub fn new(rate: Rate, seed: u64) -> Self {
        Self { rate, seed, playing: None }
    }

    /// Takes a packet that came at that instant. `header` and `payload` are its own.
    pub fn push(&mut self, at_micros: u64, content: Content, header: &Header, payload: &[u8]) {
        if let Content::Speech(codec) = content
            && self.playing.as_ref().is_none_or(|playing| playing.codec != codec)
        {
            // Out of memory, most likely; the side is silent then.
            self.playing = Playing::new(codec, self.rate, self.seed).ok();
        }
        let Some(playing) = &mut self.playing else { return };
        let (kind, payload) = match content {
            Content::Speech(_) => (Kind::Speech, payload),
            Content::Noise => (Kind::Noise, payload),
            Content::Other => (Kind::Other, &[][..]),
        };
        let Header { ssrc, sequence, timestamp, .. } = *header;
        playing.playout.push(at_micros, &Arrival { ssrc, sequence, timestamp, kind, payload });
    }

    /// The frame of this instant; silence when there is nothing.
    pub fn tick(&mut self, at_micros: u64, frame: &mut [i16]) {
        let is_heard = self.playing.as_mut().is_some_and(|playing| playing.tick(at_micros, frame));
        if !is_heard {
            frame.fill(0);
        }
    }

    /// Forgets what was heard and what waits.
    pub fn forget(&mut self) {
        self.playing = None;
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
