//! One leg's way in: payloads of its codec to sound, and something in the place of what is missing.

use super::{Codec, DecodeError, LinearRate, MakeError, g711::Law, g722, opus};
use crate::audio::{FRAME_MS_MAX, Rate, concealment::Concealment};

/// Decodes what one leg receives, in order. Made once for each leg and codec; decoding allocates nothing.
#[derive(Debug)]
pub struct Decoder {
    kind: Kind,
    rate: Rate,
    /// Samples of the last packet.
    last_samples: usize,
}

#[derive(Debug)]
enum Kind {
    G711(Law, Concealment),
    G722(Box<g722::Decoder>, Concealment),
    Opus(opus::Decoder),
    L16(Concealment),
}

impl Decoder {
    /// For sound at this rate.
    pub fn new(codec: Codec, rate: Rate) -> Result<Self, MakeError> {
        if !codec.works_at(rate) {
            return Err(MakeError::Rate);
        }
        let concealment = || Concealment::new(rate);
        let kind = match codec {
            Codec::Pcmu => Kind::G711(Law::Mu, concealment()),
            Codec::Pcma => Kind::G711(Law::A, concealment()),
            Codec::G722 => Kind::G722(Box::default(), concealment()),
            Codec::Opus => Kind::Opus(opus::Decoder::new(rate, opus::Channels::Mono)?),
            Codec::L16(LinearRate::Narrow | LinearRate::Wide) => Kind::L16(concealment()),
        };
        Ok(Self { kind, rate, last_samples: rate.frame() })
    }

    /// The rate of the sound that comes out.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Decodes the next payload in order. Returns how many samples it has, at most 60 ms.
    pub fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, DecodeError> {
        let count = match &self.kind {
            Kind::Opus(_) => 0,
            Kind::G711(..) => payload.len(),
            Kind::G722(..) => payload.len() * 2,
            Kind::L16(_) if !payload.len().is_multiple_of(2) => return Err(DecodeError::Malformed),
            Kind::L16(_) => payload.len() / 2,
        };
        if payload.is_empty() {
            return Err(DecodeError::Malformed);
        }
        if count > self.rate.samples(FRAME_MS_MAX) {
            return Err(DecodeError::TooLong);
        }
        let available = samples.len();
        let room = samples.get_mut(..if count == 0 { available } else { count });
        let room = room.ok_or(DecodeError::TooLong)?;
        let decoded = match &mut self.kind {
            Kind::Opus(decoder) => decoder.decode(payload, room)?,
            Kind::G711(law, concealment) => {
                law.decode(payload, room);
                concealment.heard(room);
                count
            }
            Kind::G722(decoder, concealment) => {
                decoder.decode(payload, room);
                concealment.heard(room);
                count
            }
            Kind::L16(concealment) => {
                let (octets, _) = payload.as_chunks::<2>();
                for (sample, pair) in room.iter_mut().zip(octets) {
                    *sample = i16::from_be_bytes(*pair);
                }
                concealment.heard(room);
                count
            }
        };
        self.last_samples = decoded;
        Ok(decoded)
    }

    /// A payload is missing and none after it is here. Returns how many samples were made up, as many as the last had.
    pub fn conceal(&mut self, samples: &mut [i16]) -> usize {
        let count = self.last_samples.min(samples.len());
        let Some(missing) = samples.get_mut(..count) else { return 0 };
        match &mut self.kind {
            Kind::Opus(decoder) => return decoder.conceal(missing),
            Kind::G711(_, concealment) | Kind::G722(_, concealment) | Kind::L16(concealment) => {
                concealment.fill(missing);
            }
        }
        count
    }

    /// A payload is missing, the one after it is here, still to be decoded. Returns how many samples were recovered or
    /// made up, as many as the last had.
    pub fn recover(&mut self, next: &[u8], samples: &mut [i16]) -> usize {
        match &mut self.kind {
            Kind::Opus(decoder) => decoder.recover(next, samples),
            Kind::G711(..) | Kind::G722(..) | Kind::L16(_) => self.conceal(samples),
        }
    }
}
