//! Tones in G.711 µ-law and RTP, and whether one is heard among what came in (Goertzel's algorithm).

use std::f64::consts::TAU;

/// Samples a second.
const RATE: f64 = 8_000.0;
/// Samples of a packet: 20 ms.
pub(super) const PACKET: usize = 160;
const RTP_HEADER: usize = 12;
/// µ-law's bias (ITU-T G.711).
const BIAS: i32 = 132;
const LOUDEST: i32 = 32_635;

/// One RTP packet (RFC 3550 §5.1) of PCMU with the tone as it goes on from packet `number`.
pub(super) fn packet(number: u16, ssrc: u32, tone: f64) -> Vec<u8> {
    let first = u32::from(number) * 160;
    let mut packet = vec![0x80, 0];
    packet.extend(number.to_be_bytes());
    packet.extend(first.to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet
        .extend((first..first + 160).map(|at| encode(10_000.0 * (TAU * tone * f64::from(at) / RATE).sin())));
    packet
}

/// The samples of a packet; `None` when it is no PCMU.
pub(super) fn samples(packet: &[u8]) -> Option<Vec<f64>> {
    let (head, payload) = packet.split_at_checked(RTP_HEADER)?;
    let is_pcmu = head.first() == Some(&0x80) && head.get(1).is_some_and(|kind| kind & 0x7F == 0);
    (is_pcmu && payload.len() == PACKET).then(|| payload.iter().map(|byte| decode(*byte)).collect())
}

/// How much of the sound is this tone, 0 to 1.
pub(super) fn share(samples: &[f64], tone: f64) -> f64 {
    let coefficient = 2.0 * (TAU * tone / RATE).cos();
    let (mut one, mut two) = (0.0, 0.0);
    for sample in samples {
        (one, two) = (sample + coefficient * one - two, one);
    }
    let power = one * one + two * two - coefficient * one * two;
    let energy: f64 = samples.iter().map(|sample| sample * sample).sum();
    let count = f64::from(u32::try_from(samples.len()).unwrap_or(u32::MAX)).max(1.0);
    if energy > 0.0 { 2.0 * power / (energy * count) } else { 0.0 }
}

#[expect(clippy::cast_possible_truncation, reason = "clamped to what fits")]
fn encode(sample: f64) -> u8 {
    let sample = sample.clamp(-32_768.0, 32_767.0) as i32;
    let sign = if sample < 0 { 0x80 } else { 0 };
    let magnitude = sample.abs().min(LOUDEST) + BIAS;
    let exponent = (magnitude.ilog2()).clamp(7, 14) - 7;
    let mantissa = (magnitude >> (exponent + 3)) & 0x0F;
    let code = sign | i32::try_from(exponent << 4).unwrap_or(0) | mantissa;
    !u8::try_from(code).unwrap_or(0)
}

fn decode(byte: u8) -> f64 {
    let code = i32::from(!byte);
    let magnitude = (((code & 0x0F) << 3) + BIAS) << ((code & 0x70) >> 4);
    let magnitude = f64::from(magnitude - BIAS);
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_heard_and_no_other() {
        let heard: Vec<f64> =
            (0..25).filter_map(|number| samples(&packet(number, 1, 700.0))).flatten().collect();
        assert_eq!(heard.len(), 25 * PACKET);
        assert!(share(&heard, 700.0) > 0.95, "{}", share(&heard, 700.0));
        assert!(share(&heard, 1_100.0) < 0.01);
        assert!(share(&[0.0; 800], 700.0) < 0.01 && samples(&[0; 5]).is_none());
    }

    #[test]
    fn g_711_codes_are_those_of_the_recommendation() {
        // Its ends and the smallest steps, by the table of G.711.
        assert_eq!((encode(0.0), encode(32_767.0), encode(-32_768.0)), (0xFF, 0x80, 0x00));
        for byte in 0..=255_u8 {
            let again = encode(decode(byte));
            assert!(again == byte || (byte == 0x7F && again == 0xFF), "{byte:#x} {again:#x}");
        }
    }
}
