//! Speech of one leg in the codec of another: decoders for all that it may send, one encoder, and the samples between.
//!
//! Everything is made when the legs are joined or agree on something else. Opus works at the rate of the other side, so
//! only two codecs of different rates need a resampler.

use crate::{
    audio::{FRAME_MS_MAX, PACKET_SAMPLES_MAX, Rate, resample::Resampler, reservoir::Reservoir},
    codec::{
        Codec, Decoder, Encoder, MakeError,
        comfort_noise::{Generator, Noise},
    },
    media::VoiceFormat,
};

/// What a resampler works on at once.
const BLOCK_MS: usize = 10;
/// Comfort noise is described at this rate (RFC 3389 §3.2).
const NOISE_RATE: Rate = Rate::Narrow;

/// From any of some codecs to one.
#[derive(Debug)]
pub(super) struct Speech {
    decoders: Vec<Source>,
    noise: Option<(Generator, Bridge)>,
    encoder: Encoder,
    /// Sound at the encoder's rate that makes up no packet yet.
    ready: Reservoir,
    frame: Box<[i16]>,
    format: VoiceFormat,
}

#[derive(Debug)]
struct Source {
    codec: Codec,
    decoder: Decoder,
    bridge: Bridge,
}

/// From one rate to the other, if they differ.
#[derive(Debug)]
pub(super) struct Bridge(Option<(Resampler, Reservoir)>);

/// How long a packet of this codec is, if it shall be of about so many milliseconds.
pub(super) fn packet_ms(codec: Codec, wanted: u8) -> usize {
    match (codec, wanted) {
        (_, 10 | 20 | 40 | 60) => usize::from(wanted),
        // Opus has no frame of 30 ms.
        (codec, 30) if codec != Codec::Opus => 30,
        _ => crate::audio::FRAME_MS,
    }
}

impl Bridge {
    pub(super) fn new(from: Rate, to: Rate) -> Result<Self, MakeError> {
        if from == to {
            return Ok(Self(None));
        }
        let resampler = Resampler::new(from, to).map_err(|_| MakeError::Library)?;
        Ok(Self(Some((resampler, Reservoir::new(from.samples(BLOCK_MS + FRAME_MS_MAX))))))
    }

    /// Lets `write` give sound, and takes it over. Returns its samples, as they were given.
    pub(super) fn cross(&mut self, ready: &mut Reservoir, write: impl FnOnce(&mut [i16]) -> usize) -> usize {
        let Some((resampler, waiting)) = &mut self.0 else { return ready.fill(write) };
        let given = waiting.fill(write);
        let (block, made) = (resampler.from().samples(BLOCK_MS), resampler.to().samples(BLOCK_MS));
        while let Some(from) = waiting.held().get(..block)
            && ready.room() >= made
        {
            ready.fill(|to| resampler.resample(from, to.split_at_mut(made).0).unwrap_or(0));
            waiting.drop_oldest(block);
        }
        given
    }
}

impl Speech {
    /// From these codecs, and from comfort noise if it shall be heard, to what one leg wants.
    pub(super) fn new(
        from: impl Iterator<Item = Codec> + Clone,
        makes_noise: bool,
        to: VoiceFormat,
        wanted_ms: u8,
    ) -> Result<Self, MakeError> {
        let rate = match to.codec {
            // As good as what comes, and no better.
            Codec::Opus => from.clone().map(Codec::rate).max().unwrap_or(Rate::Wide),
            codec => codec.rate(),
        };
        let source = |codec: Codec| {
            let own = if codec.works_at(rate) { rate } else { codec.rate() };
            Ok(Source { codec, decoder: Decoder::new(codec, own)?, bridge: Bridge::new(own, rate)? })
        };
        let packet_ms = packet_ms(to.codec, wanted_ms);
        let noise = if makes_noise {
            Some((Generator::new(u64::from(to.to_them)), Bridge::new(NOISE_RATE, rate)?))
        } else {
            None
        };
        Ok(Self {
            decoders: from.map(source).collect::<Result<_, MakeError>>()?,
            noise,
            encoder: Encoder::new(to.codec, rate, &to.wanted)?,
            ready: Reservoir::new(rate.samples(2 * FRAME_MS_MAX)),
            frame: vec![0; rate.samples(packet_ms)].into_boxed_slice(),
            format: to,
        })
    }

    /// What the other leg is sent.
    pub(super) fn format(&self) -> VoiceFormat {
        self.format
    }

    /// Units of one packet, on the other leg's clock.
    pub(super) fn packet_units(&self) -> u32 {
        self.units(self.frame.len())
    }

    /// That many samples at the encoder's rate, on the other leg's clock.
    fn units(&self, samples: usize) -> u32 {
        let samples = u64::try_from(samples).unwrap_or(0) * u64::from(self.format.codec.clock_rate_hz());
        u32::try_from(samples / u64::from(self.encoder.rate().hz())).unwrap_or(0)
    }

    fn source(&mut self, codec: Codec) -> Option<(&mut Source, &mut Reservoir)> {
        let source = self.decoders.iter_mut().find(|source| source.codec == codec)?;
        Some((source, &mut self.ready))
    }

    /// A payload in order. Returns how many units of its own clock it lasts; what does not decode lasts none.
    pub(super) fn hear(&mut self, codec: Codec, payload: &[u8]) -> u32 {
        let Some((source, ready)) = self.source(codec) else { return 0 };
        let decoder = &mut source.decoder;
        let samples = source.bridge.cross(ready, |free| decoder.decode(payload, free).unwrap_or(0));
        of_clock(samples, codec, source.decoder.rate())
    }

    /// A payload that is missing; `next` is the one after it. Returns how many units of its clock are made up.
    pub(super) fn miss(&mut self, codec: Codec, next: Option<&[u8]>) -> u32 {
        let Some((source, ready)) = self.source(codec) else { return 0 };
        let decoder = &mut source.decoder;
        let samples = source.bridge.cross(ready, |free| match next {
            Some(next) => decoder.recover(next, free),
            None => decoder.conceal(free),
        });
        of_clock(samples, codec, source.decoder.rate())
    }

    /// From now on this noise, until speech comes.
    pub(super) fn describe(&mut self, payload: &[u8]) -> bool {
        let (Some((generator, _)), Some(noise)) = (&mut self.noise, Noise::read(payload)) else {
            return false;
        };
        generator.describe(&noise);
        true
    }

    /// One packet of the noise that was described.
    pub(super) fn fill_with_noise(&mut self) {
        let ms = self.frame.len() / self.encoder.rate().per_ms();
        if let Some((generator, bridge)) = &mut self.noise {
            bridge.cross(&mut self.ready, |free| {
                let frame = free.split_at_mut(NOISE_RATE.samples(ms).min(free.len())).0;
                generator.fill(frame);
                frame.len()
            });
        }
    }

    /// What waits is made a whole packet with silence. Returns how many units of silence that took.
    pub(super) fn round_up(&mut self) -> u32 {
        let missing = match self.ready.len() % self.frame.len().max(1) {
            0 => 0,
            over => self.frame.len() - over,
        };
        let added = self.ready.fill(|free| {
            let silence = free.split_at_mut(missing.min(free.len())).0;
            silence.fill(0);
            silence.len()
        });
        self.units(added)
    }

    /// What waits is not heard any more.
    pub(super) fn clear(&mut self) {
        self.ready.clear();
    }

    /// The payload of the next packet, if there is sound enough for one: its octets, 0 for silence that is not to be sent.
    pub(super) fn has_packet(&mut self) -> bool {
        self.ready.take(&mut self.frame)
    }

    /// Writes what [`Self::has_packet`] has found.
    pub(super) fn write(&mut self, payload: &mut [u8]) -> usize {
        self.encoder.encode(&self.frame, payload).unwrap_or(0)
    }
}

/// That many samples of a rate on the clock of a codec.
fn of_clock(samples: usize, codec: Codec, rate: Rate) -> u32 {
    debug_assert!(samples <= PACKET_SAMPLES_MAX);
    let samples = u64::try_from(samples).unwrap_or(0) * u64::from(codec.clock_rate_hz());
    u32::try_from(samples / u64::from(rate.hz())).unwrap_or(0)
}
