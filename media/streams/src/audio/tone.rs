//! Call-progress tones (ITU-T E.180): what a network says without words. Each is made once as one turn of its cadence and
//! then played from that copy to everybody, over and over.
//!
//! Which frequencies and cadences a country uses is data; the ones given here are 425 Hz with cadences as E.180
//! recommends them. The tones of keys (DTMF) are made alike; which frequencies they have is `keys::tones`' business.

use std::f32::consts::TAU;

use super::{
    Rate,
    player::Clip,
    sample::{count, round},
};

/// Two frequencies at once, at most.
const FREQUENCIES_MAX: usize = 2;
/// One turn of a cadence, at most.
const CADENCE_MS_MAX: usize = 30_000;
/// E.180: -10 dBm0 for all frequencies together. 0 dBm0 is 3.14 dB below A-law's overload.
const LEVEL_DBM0: f32 = -10.0;
#[expect(clippy::approx_constant, reason = "decibels (G.711 §5), not a circle")]
const OVERLOAD_DBM0: f32 = 3.14;
/// A tone begins and ends in this time, lest it click.
const EDGE_MS: usize = 4;

/// A part of a cadence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// In Hz; 0 is none.
    pub frequencies_hz: [u16; FREQUENCIES_MAX],
    /// How long.
    pub ms: u16,
}

/// Sound of one frequency.
const fn on(hz: u16, ms: u16) -> Part {
    Part { frequencies_hz: [hz, 0], ms }
}

/// Nothing.
const fn off(ms: u16) -> Part {
    Part { frequencies_hz: [0; FREQUENCIES_MAX], ms }
}

/// Dial: continuous. One second has 425 whole waves and can go on from its beginning.
pub const DIAL: &[Part] = &[on(425, 1_000)];
/// The other side is being rung.
pub const RINGING: &[Part] = &[on(425, 1_000), off(4_000)];
/// The other side is busy.
pub const BUSY: &[Part] = &[on(425, 500), off(500)];
/// No way through the network.
pub const CONGESTION: &[Part] = &[on(425, 250), off(250)];
/// Special information: the call has failed, and a recording may say why.
pub const SPECIAL_INFORMATION: &[Part] = &[on(950, 330), on(1_400, 330), on(1_800, 330), off(1_000)];
/// Somebody else calls. E.180 leaves the cadence open; this one is ours.
pub const WAITING: &[Part] = &[on(425, 200), off(600), on(425, 200), off(3_000)];

/// From now on it is recorded. Its frequency is ours: none of those that mean something else.
pub const BEEP: &[Part] = &[on(1_000, 400), off(100)];

/// Somebody has come into a room: up.
pub const JOINED: &[Part] = &[on(440, 120), on(660, 160), off(20)];
/// Somebody has left it: down.
pub const LEFT: &[Part] = &[on(660, 120), on(440, 160), off(20)];

/// A tone that cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToneError {
    /// A cadence is of 20 ms to 30 s.
    #[error("a cadence of {0} ms is not between 20 and 30,000 ms")]
    Length(usize),
    /// A frequency is below half of the rate.
    #[error("{0} Hz is too high for this sample rate")]
    Frequency(u16),
}

/// Makes one turn of the cadence.
pub fn render(cadence: &[Part], rate: Rate) -> Result<Clip, ToneError> {
    let ms = cadence.iter().map(|part| usize::from(part.ms)).sum();
    if !(super::FRAME_MS..=CADENCE_MS_MAX).contains(&ms) {
        return Err(ToneError::Length(ms));
    }
    let frequencies = || cadence.iter().flat_map(|part| part.frequencies_hz);
    if let Some(hz) = frequencies().find(|hz| u32::from(*hz) * 2 >= rate.hz()) {
        return Err(ToneError::Frequency(hz));
    }
    // What never pauses has no edges: its end must meet its beginning.
    let continuous = cadence.len() == 1;
    let mut samples = Vec::with_capacity(rate.samples(ms));
    for part in cadence {
        samples.extend(sound(part, rate, continuous));
    }
    Ok(Clip::new(samples.into(), rate))
}

fn sound(part: &Part, rate: Rate, continuous: bool) -> impl Iterator<Item = i16> {
    let voices = part.frequencies_hz.iter().filter(|hz| **hz > 0).count();
    let power_db = LEVEL_DBM0 - OVERLOAD_DBM0 - 10.0 * count(voices.max(1)).log10();
    let amplitude = 32_768.0 * 10_f32.powf(power_db / 20.0);
    let (length, edge) = (rate.samples(usize::from(part.ms)), rate.samples(EDGE_MS));
    let (per_ms, frequencies) = (rate.per_ms(), part.frequencies_hz);
    (0..length).map(move |n| {
        // Whole milliseconds turn the phase by a rational part of a circle, so it stays exact however long it lasts.
        let (ms, rest) = (n / per_ms, count(n % per_ms) / count(per_ms));
        let wave = |hz: u16| {
            let turned = count((ms * usize::from(hz)) % 1_000) + rest * f32::from(hz);
            (turned / 1_000.0 * TAU).sin()
        };
        let sum: f32 = frequencies.iter().filter(|hz| **hz > 0).map(|hz| wave(*hz)).sum();
        let from_edge = count(n.min(length - 1 - n).min(edge)) / count(edge);
        round(sum * amplitude * if continuous { 1.0 } else { from_edge })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::sample::power;

    fn made(cadence: &[Part], rate: Rate) -> Vec<i16> {
        render(cadence, rate).unwrap().samples().to_vec()
    }

    #[test]
    fn e_180_levels_and_cadences_at_every_rate() {
        for rate in Rate::ALL {
            for (cadence, sounding) in [
                (DIAL, &[(0, 1_000)][..]),
                (RINGING, &[(0, 1_000)]),
                (BUSY, &[(0, 500)]),
                (CONGESTION, &[(0, 250)]),
                (SPECIAL_INFORMATION, &[(0, 990)]),
                (WAITING, &[(0, 200), (800, 1_000)]),
            ] {
                let samples = made(cadence, rate);
                let ms: usize = cadence.iter().map(|part| usize::from(part.ms)).sum();
                assert_eq!(samples.len(), rate.samples(ms));
                for n in (0..ms - 10).step_by(10) {
                    let piece = power(&samples[rate.samples(n)..rate.samples(n + 10)]);
                    let dbm0 = 10.0 * (piece / 32_768.0_f32.powi(2) * 2.0).log10() + OVERLOAD_DBM0;
                    let inside = sounding.iter().any(|(from, to)| (from + 10..=to - 20).contains(&n));
                    let outside = !sounding.iter().any(|(from, to)| (*from..*to).contains(&n));
                    assert!(!outside || piece < 1.0, "{cadence:?} sounds at {n} ms");
                    // The joints of the special information tone have edges too.
                    let joint = [320, 330, 650, 660].contains(&n) && cadence == SPECIAL_INFORMATION;
                    assert!(
                        !inside || joint || (dbm0 + 10.0).abs() < 1.0,
                        "{cadence:?} at {n} ms: {dbm0} dBm0"
                    );
                }
            }
        }
    }

    #[test]
    fn a_continuous_tone_goes_on_from_its_beginning_without_a_step() {
        for rate in Rate::ALL {
            let samples = made(DIAL, rate);
            let steepest = |s: &[i16]| s.windows(2).map(|w| (w[1] - w[0]).abs()).max().unwrap();
            let twice = [samples.clone(), samples.clone()].concat();
            assert_eq!(steepest(&twice), steepest(&samples), "{rate:?}");
        }
    }

    #[test]
    fn two_frequencies_share_the_level_of_one() {
        let both = made(&[Part { frequencies_hz: [350, 440], ms: 1_000 }], Rate::Narrow);
        let one = made(DIAL, Rate::Narrow);
        assert!((power(&both) / power(&one) - 1.0).abs() < 0.02);
    }

    #[test]
    fn what_cannot_be_made_is_refused_with_the_reason() {
        let refused = |cadence: &[Part]| render(cadence, Rate::Narrow).err();
        assert_eq!(refused(&[]), Some(ToneError::Length(0)));
        assert_eq!(refused(&[on(425, 19)]), Some(ToneError::Length(19)));
        assert_eq!(refused(&[off(20_000), off(20_000)]), Some(ToneError::Length(40_000)));
        assert_eq!(refused(&[on(4_000, 100)]), Some(ToneError::Frequency(4_000)));
    }
}
