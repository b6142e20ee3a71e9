//! Speech-like sound for codecs, and its packets: silence and tones are cheaper than what people say.

use streams::{
    audio::{Rate, sample::round},
    codec::{Codec, Encoder, PAYLOAD_BYTES_MAX, opus::Parameters},
};

/// A second.
pub const FRAMES: usize = 50;

/// A gliding voice with a few overtones and a little noise.
pub fn speech(rate: Rate) -> Vec<i16> {
    let (mut phase, mut noise) = (0.0_f32, 1_u32);
    let rate_hz = f32::from(u16::try_from(rate.hz()).unwrap());
    (0..rate.samples(FRAMES * 20))
        .map(|n| {
            let seconds = f32::from(u16::try_from(n).unwrap()) / rate_hz;
            phase += (120.0 + 30.0 * (seconds * 13.0).sin()) / rate_hz;
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let hiss = f32::from(u8::try_from(noise >> 24).unwrap()) - 128.0;
            let voice: f32 = [1.0_f32, 2.0, 4.0, 5.0, 6.0, 11.0]
                .iter()
                .map(|k| (k * phase * std::f32::consts::TAU).sin() / k)
                .sum();
            round((voice * 5_000.0 + hiss) * (seconds * 20.0).sin().abs())
        })
        .collect()
}

/// A second of it, frame by frame, as a codec writes it.
pub fn payloads(codec: Codec, wanted: &Parameters) -> Vec<Vec<u8>> {
    let rate = codec.rate();
    let mut encoder = Encoder::new(codec, rate, wanted).unwrap();
    speech(rate)
        .chunks_exact(rate.frame())
        .map(|frame| {
            let mut payload = [0; PAYLOAD_BYTES_MAX];
            let bytes = encoder.encode(frame, &mut payload).unwrap();
            payload.get(..bytes).unwrap().to_vec()
        })
        .collect()
}
