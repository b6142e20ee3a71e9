//! The length of one period of a voice, found where the sound before repeats itself best (ITU-T G.711 Appendix I).

use std::ops::RangeInclusive;

use super::{Rate, sample::count};

/// Appendix I: 66.7 to 200 Hz.
const PERIOD_MS_MIN: usize = 5;
const PERIOD_MS_MAX: usize = 15;
/// Sound that is compared.
const TEMPLATE_MS: usize = 20;
/// Sound that has to be there for [`period`] to look at.
pub(super) const LOOKBACK_MS: usize = PERIOD_MS_MAX + TEMPLATE_MS;

/// A period in samples, and how well it fits: 1 is a pure repetition, 0 none at all.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Period {
    pub samples: usize,
    pub likeness: f32,
}

/// The longest period that is ever found.
pub(super) const fn period_max(rate: Rate) -> usize {
    rate.samples(PERIOD_MS_MAX)
}

/// Of the sound that ends here; at least [`LOOKBACK_MS`] of it.
pub(super) fn period(sound: &[i16], rate: Rate) -> Period {
    let range = rate.samples(PERIOD_MS_MIN)..=rate.samples(PERIOD_MS_MAX);
    search(range, rate, |shift, step| likeness(sound, rate.samples(TEMPLATE_MS), shift, step))
}

/// The length at which the beginning of the sound is said again right after it; at most half of the sound.
pub(super) fn repetition(sound: &[i16], range: RangeInclusive<usize>, rate: Rate) -> Period {
    search(range, rate, |shift, step| {
        likeness(sound.get(..2 * shift).unwrap_or_default(), shift, shift, step)
    })
}

/// A coarse search at 4 kHz, then around the best at full rate.
fn search(range: RangeInclusive<usize>, rate: Rate, like: impl Fn(usize, usize) -> f32) -> Period {
    let best = |best: Period, samples: usize, step: usize| {
        let likeness = like(samples, step);
        if likeness > best.likeness { Period { samples, likeness } } else { best }
    };
    let nothing = Period { samples: *range.end(), likeness: f32::MIN };
    let coarse = rate.per_ms() / 4;
    let (first, last) = (*range.start(), *range.end());
    let rough = range.step_by(coarse).fold(nothing, |found, samples| best(found, samples, coarse));
    let around = rough.samples.saturating_sub(coarse).max(first)..=(rough.samples + coarse).min(last);
    around.fold(nothing, |found, samples| best(found, samples, 1))
}

/// The normalised cross-correlation of the end of the sound with itself `shift` earlier.
fn likeness(sound: &[i16], template: usize, shift: usize, step: usize) -> f32 {
    let end = sound.len();
    let now = sound.get(end.saturating_sub(template)..).unwrap_or_default();
    let then = sound.get(end.saturating_sub(template + shift)..end.saturating_sub(shift)).unwrap_or_default();
    // Silence is like nothing: a little is added to what is divided by.
    let floor = count(template);
    let (mut product, mut power_now, mut power_then) = (0.0, floor, floor);
    for (a, b) in now.iter().zip(then).step_by(step) {
        let (a, b) = (f32::from(*a), f32::from(*b));
        product += a * b;
        power_now += a * a;
        power_then += b * b;
    }
    product / (power_now * power_then).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A pulse train through a decaying resonance, as a throat makes it.
    fn voice(rate: Rate, period: usize, samples: usize) -> Vec<i16> {
        (0..samples)
            .map(|n| {
                let t = (n % period) as f32 / rate.hz() as f32;
                (12_000.0 * (-t * 400.0).exp() * (t * 700.0 * std::f32::consts::TAU).sin()) as i16
            })
            .collect()
    }

    #[test]
    fn g_711_appendix_i_finds_the_period_of_a_voice() {
        for rate in [Rate::Narrow, Rate::Wide] {
            for ms_10 in [55, 63, 80, 101, 140] {
                let period_samples = rate.samples(ms_10) / 10;
                let sound = voice(rate, period_samples, rate.samples(LOOKBACK_MS));
                let found = period(&sound, rate);
                // Twice the period repeats as well where it is in range.
                assert_eq!(found.samples % period_samples, 0, "{rate:?} {ms_10}: {found:?}");
                assert!(found.likeness > 0.99, "{found:?}");
            }
        }
    }

    #[test]
    fn noise_and_silence_are_like_nothing() {
        let mut state = 1_u32;
        let noise: Vec<i16> = (0..400)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 16) as i16
            })
            .collect();
        assert!(period(&noise, Rate::Narrow).likeness < 0.5);
        assert!(period(&[0; 400], Rate::Narrow).likeness.abs() < 0.01);
        assert!(period(&[], Rate::Narrow).likeness.abs() < 0.01);
    }
}
