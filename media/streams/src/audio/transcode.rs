//! From one codec to another: decode, resample where the rates differ, encode.
//!
//! [`Outlet`] is the second half alone, for sound that comes from a jitter buffer, a mixer or a player. [`Transcoder`]
//! takes payloads in order; who has to bring them into order first wants a jitter buffer in front.

use super::{FRAME_MS, FRAME_MS_MAX, Rate, resample::Resampler, reservoir::Reservoir};
use crate::codec::{Codec, DecodeError, Decoder, EncodeError, Encoder, MakeError, opus};

/// The rates at which two codecs are best decoded and encoded: Opus adapts itself to the other.
pub fn rates(from: Codec, to: Codec) -> (Rate, Rate) {
    match (from, to) {
        (Codec::Opus, _) => (to.rate(), to.rate()),
        (_, Codec::Opus) => (from.rate(), from.rate()),
        _ => (from.rate(), to.rate()),
    }
}

/// One leg's way out for decoded sound: resampler and encoder.
#[derive(Debug)]
pub struct Outlet {
    resampler: Resampler,
    encoder: Encoder,
    resampled: Box<[i16]>,
}

impl Outlet {
    /// For sound of this rate to a receiver of this codec that asked for this.
    pub fn new(from: Rate, to: Codec, wanted: &opus::Parameters) -> Result<Self, MakeError> {
        let rate = if to.works_at(from) { from } else { to.rate() };
        Ok(Self {
            resampler: Resampler::new(from, rate).map_err(|_| MakeError::Library)?,
            encoder: Encoder::new(to, rate, wanted)?,
            resampled: vec![0; rate.frame()].into_boxed_slice(),
        })
    }

    /// The payload of one frame of 20 ms. Returns its octets; 0 means that nothing is to be sent.
    pub fn encode(&mut self, frame: &[i16], payload: &mut [u8]) -> Result<usize, EncodeError> {
        if frame.len() != self.resampler.from().frame() {
            return Err(EncodeError::FrameSize(frame.len()));
        }
        if self.resampler.from() == self.resampler.to() {
            return self.encoder.encode(frame, payload);
        }
        self.resampler.resample(frame, &mut self.resampled).map_err(|_| EncodeError::Library)?;
        self.encoder.encode(&self.resampled, payload)
    }

    /// What the receiver says it loses, in percent.
    pub fn set_expected_loss(&mut self, percent: u8) {
        self.encoder.set_expected_loss(percent);
    }
}

/// One direction of a call between two codecs. Payloads go in as they are long, and come out of 20 ms each.
#[derive(Debug)]
pub struct Transcoder {
    decoder: Decoder,
    decoded: Reservoir,
    outlet: Outlet,
    frame: Box<[i16]>,
}

impl Transcoder {
    /// From what one leg sends to what the other asked for.
    pub fn new(from: Codec, to: Codec, wanted: &opus::Parameters) -> Result<Self, MakeError> {
        let (rate, _) = rates(from, to);
        Ok(Self {
            decoder: Decoder::new(from, rate)?,
            decoded: Reservoir::new(rate.samples(FRAME_MS + FRAME_MS_MAX)),
            outlet: Outlet::new(rate, to, wanted)?,
            frame: vec![0; rate.frame()].into_boxed_slice(),
        })
    }

    /// The next payload in order. Call [`Self::next_payload`] until it has no more before the next one: what does not
    /// fit is refused.
    pub fn accept(&mut self, payload: &[u8]) -> Result<(), DecodeError> {
        let mut verdict = Ok(());
        self.decoded.fill(|free| match self.decoder.decode(payload, free) {
            Ok(samples) => samples,
            Err(error) => {
                verdict = Err(error);
                0
            }
        });
        verdict
    }

    /// A payload that did not come; `next` is the one after it, if it is here already and still to be accepted.
    pub fn lost(&mut self, next: Option<&[u8]>) {
        self.decoded.fill(|free| match next {
            Some(next) => self.decoder.recover(next, free),
            None => self.decoder.conceal(free),
        });
    }

    /// The next payload to send, once there is enough sound for it: its octets, where 0 means that nothing is to be sent
    /// for these 20 ms.
    pub fn next_payload(&mut self, payload: &mut [u8]) -> Option<Result<usize, EncodeError>> {
        self.decoded.take(&mut self.frame).then(|| self.outlet.encode(&self.frame, payload))
    }

    /// What the receiver says it loses, in percent.
    pub fn set_expected_loss(&mut self, percent: u8) {
        self.outlet.set_expected_loss(percent);
    }
}
