//! Decodes what is due and keeps the wait right: one frame of 20 ms whenever one is asked for, whatever came.

use super::{Arrival, Correction, Counts, Due, JitterBuffer, Kind, stretch};
use crate::{
    audio::{FRAME_MS, FRAME_MS_MAX, Rate, reservoir::Reservoir},
    codec::{
        Codec, Decoder, MakeError,
        comfort_noise::{Generator, Noise},
    },
};

/// After so long without a packet no more is made up: the sender of a silence repeats itself every 400 ms.
const MADE_UP_MS_MAX: usize = 1_000;
/// Steps of the buffer that one frame may take: packets of 10 ms, events between them, single losses.
const STEPS_MAX: usize = 16;

/// What a frame holds, by what it ends with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sound {
    /// What the leg sent.
    Heard,
    /// Something in the place of what is missing.
    MadeUp,
    /// The noise of a silence that was described, or of a pause.
    Noise,
    /// Nothing has come for long.
    Silence,
}

/// The decoded sound of one leg.
#[derive(Debug)]
pub struct Playout {
    codec: Codec,
    buffer: JitterBuffer,
    decoder: Decoder,
    decoded: Reservoir,
    noise: Generator,
    resting: bool,
    made_up: usize,
    wait_micros: Option<i64>,
}

/// Octets of the longest payload that is kept.
const fn payload_bytes_max(codec: Codec) -> usize {
    match codec {
        Codec::Pcmu | Codec::Pcma | Codec::G722 => 480,
        Codec::Opus => crate::codec::opus::PACKET_BYTES_MAX,
        Codec::L16(_) => crate::codec::PAYLOAD_BYTES_MAX,
    }
}

impl Playout {
    /// For a leg that sends this codec, as sound of this rate. The seed is that of its comfort noise.
    pub fn new(codec: Codec, rate: Rate, seed: u64) -> Result<Self, MakeError> {
        let room = rate.samples(FRAME_MS + FRAME_MS_MAX + stretch::PERIOD_MS_MAX);
        Ok(Self {
            codec,
            buffer: JitterBuffer::new(codec.clock_rate_hz(), payload_bytes_max(codec), codec == Codec::Opus),
            decoder: Decoder::new(codec, rate)?,
            decoded: Reservoir::new(room),
            noise: Generator::new(seed),
            resting: true,
            made_up: 0,
            wait_micros: None,
        })
    }

    /// The rate of the sound.
    pub fn rate(&self) -> Rate {
        self.decoder.rate()
    }

    /// What became of the packets so far.
    pub fn counts(&self) -> Counts {
        self.buffer.counts()
    }

    /// How long the frame that was taken last had waited since it could have come, in microseconds, if it was heard.
    pub fn wait_micros(&self) -> Option<i64> {
        self.wait_micros
    }

    /// Takes a packet in as it comes.
    pub fn push(&mut self, now_micros: u64, packet: &Arrival<'_>) {
        self.buffer.push(now_micros, packet);
    }

    /// The next frame of 20 ms; to be called every 20 ms. The slice is of that length at [`Self::rate`].
    pub fn tick(&mut self, now_micros: u64, frame: &mut [i16]) -> Sound {
        let mut sound = Sound::Heard;
        let mut corrected = false;
        for _ in 0..STEPS_MAX {
            if self.decoded.len() < frame.len() {
                sound = self.step(now_micros, frame.len());
            } else if corrected {
                break;
            } else {
                self.correct(now_micros);
                corrected = true;
            }
        }
        self.wait_micros = match sound {
            Sound::Heard => self.buffer.wait_micros(now_micros, self.held_micros()),
            Sound::MadeUp | Sound::Noise | Sound::Silence => None,
        };
        if !self.decoded.take(frame) {
            self.decoded.clear();
            frame.fill(0);
            sound = Sound::Silence;
        }
        sound
    }

    /// Plays what is due next.
    fn step(&mut self, now_micros: u64, wanted: usize) -> Sound {
        let missing = wanted.saturating_sub(self.decoded.len());
        match self.buffer.pull(now_micros) {
            Due::Packet(Kind::Speech, payload) => {
                let samples = self.decoded.fill(|free| self.decoder.decode(payload, free).unwrap_or(0));
                let units = samples * usize::try_from(self.codec.clock_rate_hz() / 1_000).unwrap_or(8)
                    / self.decoder.rate().per_ms();
                self.buffer.lasted(i64::try_from(units).unwrap_or(0));
                self.resting = false;
                self.made_up = 0;
                if samples > 0 { Sound::Heard } else { self.make_up(missing) }
            }
            Due::Packet(Kind::Noise, payload) => {
                if let Some(noise) = Noise::read(payload) {
                    self.noise.describe(&noise);
                }
                self.resting = true;
                self.buffer.rest();
                Sound::Noise
            }
            Due::Packet(Kind::Other, _) => Sound::Noise,
            Due::Lost(next) => {
                self.decoded.fill(|free| match next {
                    Some(next) => self.decoder.recover(next, free),
                    None => self.decoder.conceal(free),
                });
                Sound::MadeUp
            }
            Due::Pause(units) => {
                let clock = usize::try_from(self.codec.clock_rate_hz() / 1_000).unwrap_or(8);
                let samples = usize::try_from(units).unwrap_or(0) * self.rate().per_ms() / clock;
                self.make_up(samples)
            }
            Due::Late | Due::Nothing => self.make_up(missing),
        }
    }

    /// So many samples of what stands for nothing: the noise that was described, else a packet of what the codec makes up.
    fn make_up(&mut self, missing: usize) -> Sound {
        if self.resting {
            self.decoded.fill(|free| {
                let (missing, _) = free.split_at_mut(missing.min(free.len()));
                self.noise.fill(missing);
                missing.len()
            });
            return Sound::Noise;
        }
        if self.made_up >= self.rate().samples(MADE_UP_MS_MAX) {
            self.decoded.fill(|free| {
                let (missing, _) = free.split_at_mut(missing.min(free.len()));
                missing.fill(0);
                missing.len()
            });
            return Sound::Silence;
        }
        self.made_up += self.decoded.fill(|free| self.decoder.conceal(free));
        Sound::MadeUp
    }

    /// Changes the wait by one period if it should be changed.
    fn correct(&mut self, now_micros: u64) {
        let rate = self.rate();
        match self.buffer.correction(now_micros, self.held_micros()) {
            Correction::None => 0,
            Correction::Shorten { urgent } => stretch::shorten(&mut self.decoded, rate, urgent),
            Correction::Lengthen => stretch::lengthen(&mut self.decoded, rate, false),
        };
    }

    fn held_micros(&self) -> i64 {
        i64::try_from(self.decoded.len() * 1_000 / self.rate().per_ms()).unwrap_or(0)
    }
}
