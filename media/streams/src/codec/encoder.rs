//! One leg's way out: frames of sound to payloads of its codec.

use super::{Codec, EncodeError, LinearRate, MakeError, g711::Law, g722, opus};
use crate::audio::{FRAME_MS_MAX, Rate};

/// Encodes for one leg. Made once for each leg and codec; encoding allocates nothing.
#[derive(Debug)]
pub struct Encoder {
    kind: Kind,
    rate: Rate,
}

#[derive(Debug)]
enum Kind {
    G711(Law),
    G722(Box<g722::Encoder>),
    Opus(opus::Encoder),
    L16,
}

impl Encoder {
    /// For sound at this rate. The parameters are what the receiver asked for, and count for Opus only.
    pub fn new(codec: Codec, rate: Rate, wanted: &opus::Parameters) -> Result<Self, MakeError> {
        if !codec.works_at(rate) {
            return Err(MakeError::Rate);
        }
        let kind = match codec {
            Codec::Pcmu => Kind::G711(Law::Mu),
            Codec::Pcma => Kind::G711(Law::A),
            Codec::G722 => Kind::G722(Box::default()),
            Codec::Opus => Kind::Opus(opus::Encoder::new(rate, opus::Channels::Mono, wanted)?),
            Codec::L16(LinearRate::Narrow | LinearRate::Wide) => Kind::L16,
        };
        Ok(Self { kind, rate })
    }

    /// The rate of the sound that goes in.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Writes the payload of a frame of whole 10 ms, at most 60 (Opus: 10, 20, 40, 60). Returns its octets; 0 means that
    /// nothing is to be sent (Opus in silence, where the receiver asked for it).
    pub fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> Result<usize, EncodeError> {
        let (unit, most) = (self.rate.samples(10), self.rate.samples(FRAME_MS_MAX));
        if samples.is_empty() || samples.len() > most || !samples.len().is_multiple_of(unit) {
            return Err(EncodeError::FrameSize(samples.len()));
        }
        let needed = match self.kind {
            Kind::G711(_) => samples.len(),
            Kind::G722(_) => samples.len() / 2,
            Kind::L16 => samples.len() * 2,
            Kind::Opus(_) => 1,
        };
        let room = payload.len();
        if room < needed {
            return Err(EncodeError::NoRoom);
        }
        match &mut self.kind {
            Kind::G711(law) => Ok(law.encode(samples, payload)),
            Kind::G722(encoder) => Ok(encoder.encode(samples, payload)),
            Kind::Opus(encoder) => encoder.encode(samples, payload),
            Kind::L16 => {
                let (octets, _) = payload.as_chunks_mut::<2>();
                for (pair, sample) in octets.iter_mut().zip(samples) {
                    *pair = sample.to_be_bytes();
                }
                Ok(needed)
            }
        }
    }

    /// What the receiver says it loses, in percent: Opus deals out redundancy by it. Others cannot.
    pub fn set_expected_loss(&mut self, percent: u8) {
        if let Kind::Opus(encoder) = &mut self.kind {
            // A hint; an encoder that does not take it goes on as before.
            let _ = encoder.set_expected_loss(percent);
        }
    }
}
