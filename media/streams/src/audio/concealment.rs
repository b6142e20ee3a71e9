//! Something in the place of sound that is missing, after ITU-T G.711 Appendix I: the last periods of the voice, again
//! and again, fading to silence within 60 ms.
//!
//! Unlike the Appendix it adds no delay: where it begins, the step between the last sound that was heard and the period
//! before it is levelled out over a quarter of a period. At 16 kHz (G.722) it does the same with twice the samples. Opus
//! has its own concealment.

use super::{
    Rate,
    pitch::{self, LOOKBACK_MS, period_max},
    sample::{count, crossfade, round},
};

/// Appendix I: 48.75 ms, three of the longest periods and a quarter.
const MEMORY_MS: usize = 49;
/// Sound is repeated in full for so long; then it fades by a fifth every 10 ms.
const FULL_MS: usize = 10;
const FADED_MS: usize = 60;
/// How much of the sound after a loss is mixed with what was made up, besides a quarter of a period.
const OVERLAP_MS_PER_10_MS: usize = 4;
const OVERLAP_MS_MAX: usize = 10;
/// More periods are repeated the longer it lasts, lest it buzz.
const PERIODS_MAX: usize = 3;

/// What has been heard lately, and what is made of it.
#[derive(Clone, Debug)]
pub struct Concealment {
    rate: Rate,
    /// The newest last.
    memory: Box<[i16]>,
    /// As the memory was when the loss began.
    basis: Box<[i16]>,
    /// Room to go on where sound comes back.
    overlap: Box<[i16]>,
    loss: Option<Loss>,
}

#[derive(Clone, Copy, Debug)]
struct Loss {
    period: usize,
    made_up: usize,
    /// Between the last sample heard and the one a period earlier.
    step: f32,
    now: Loop,
    before: Loop,
    /// Samples until `now` has taken over from `before`.
    takeover: usize,
}

/// A place in the last so many periods.
#[derive(Clone, Copy, Debug)]
struct Loop {
    periods: usize,
    place: usize,
}

impl Concealment {
    /// Nothing heard yet: what is missing is silence.
    pub fn new(rate: Rate) -> Self {
        let silence = || vec![0; rate.samples(MEMORY_MS)].into_boxed_slice();
        let overlap = vec![0; rate.samples(OVERLAP_MS_MAX)].into_boxed_slice();
        Self { rate, memory: silence(), basis: silence(), overlap, loss: None }
    }

    /// Sound that came. After a loss its beginning is mixed with what was made up.
    pub fn heard(&mut self, sound: &mut [i16]) {
        if let Some(mut loss) = self.loss.take() {
            let more = loss.made_up.saturating_sub(self.rate.samples(10)) * OVERLAP_MS_PER_10_MS / 10;
            let wanted = (loss.quarter() + more).min(sound.len());
            let (made_up, _) = self.overlap.split_at_mut(wanted.min(self.overlap.len()));
            for sample in made_up.iter_mut() {
                *sample = loss.next(&self.basis, self.rate);
            }
            let (beginning, _) = sound.split_at_mut(made_up.len());
            crossfade(made_up, beginning);
        }
        self.remember(sound);
    }

    /// Sound that is missing.
    pub fn fill(&mut self, missing: &mut [i16]) {
        let mut loss = match self.loss.take() {
            Some(loss) => loss,
            None => self.begin(),
        };
        for sample in missing.iter_mut() {
            *sample = loss.next(&self.basis, self.rate);
        }
        self.loss = Some(loss);
        self.remember(missing);
    }

    fn begin(&mut self) -> Loss {
        self.basis.copy_from_slice(&self.memory);
        let lookback = self.basis.len().saturating_sub(self.rate.samples(LOOKBACK_MS));
        let period = pitch::period(self.basis.get(lookback..).unwrap_or_default(), self.rate).samples;
        debug_assert!(period <= period_max(self.rate));
        let start = Loop { periods: 1, place: 0 };
        let heard = from_end(&self.basis, 1);
        let step = heard - from_end(&self.basis, period + 1);
        Loss { period, made_up: 0, step, now: start, before: start, takeover: 0 }
    }

    fn remember(&mut self, sound: &[i16]) {
        let room = self.memory.len();
        let newest = sound.get(sound.len().saturating_sub(room)..).unwrap_or_default();
        self.memory.copy_within(newest.len().., 0);
        let (_, end) = self.memory.split_at_mut(room.saturating_sub(newest.len()));
        end.copy_from_slice(newest);
    }
}

impl Loss {
    fn quarter(&self) -> usize {
        self.period / 4
    }

    fn next(&mut self, basis: &[i16], rate: Rate) -> i16 {
        let (full, faded, quarter) = (rate.samples(FULL_MS), rate.samples(FADED_MS), self.quarter());
        if self.made_up >= faded {
            return 0;
        }
        if self.made_up > 0 && self.made_up.is_multiple_of(full) && self.now.periods < PERIODS_MAX {
            self.before = self.now;
            self.now = Loop { periods: self.now.periods + 1, place: self.now.place % self.period.max(1) };
            self.takeover = quarter;
        }
        let mut value = self.now.next(basis, self.period);
        if self.takeover > 0 {
            let old = self.before.next(basis, self.period);
            let weight = count(self.takeover) / (count(quarter) + 1.0);
            value = old * weight + value * (1.0 - weight);
            self.takeover -= 1;
        }
        if self.made_up < quarter {
            value += self.step * (1.0 - (count(self.made_up) + 1.0) / (count(quarter) + 1.0));
        }
        if self.made_up > full {
            value *= 1.0 - count(self.made_up - full) / count(faded - full);
        }
        self.made_up += 1;
        round(value)
    }
}

impl Loop {
    /// The last quarter of a period is mixed with the one before the loop, so that its end meets its beginning.
    fn next(&mut self, basis: &[i16], period: usize) -> f32 {
        let (length, quarter) = (self.periods * period, period / 4);
        let mut value = from_end(basis, length - self.place);
        let until_end = length - self.place;
        if until_end <= quarter {
            let weight = count(quarter - until_end + 1) / (count(quarter) + 1.0);
            value = value * (1.0 - weight) + from_end(basis, length + until_end) * weight;
        }
        self.place = (self.place + 1) % length.max(1);
        value
    }
}

/// The last sample is 1.
fn from_end(basis: &[i16], place: usize) -> f32 {
    basis.len().checked_sub(place).and_then(|i| basis.get(i)).copied().map_or(0.0, f32::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::sample::power;

    fn tone(rate: Rate, hz: f32, from: usize, samples: usize) -> Vec<i16> {
        (from..from + samples)
            .map(|n| (10_000.0 * (n as f32 / rate.hz() as f32 * hz * std::f32::consts::TAU).sin()) as i16)
            .collect()
    }

    /// A tone with one hole of so many milliseconds after 100: hole, and what comes after.
    fn hole(rate: Rate, hz: f32, ms: usize) -> (Vec<i16>, Vec<i16>) {
        let mut concealment = Concealment::new(rate);
        let frame = rate.samples(10);
        for n in 0..10 {
            concealment.heard(&mut tone(rate, hz, n * frame, frame));
        }
        let mut missing = vec![0; rate.samples(ms)];
        for piece in missing.chunks_mut(frame) {
            concealment.fill(piece);
        }
        let mut after = tone(rate, hz, 10 * frame + missing.len(), 2 * frame);
        concealment.heard(&mut after);
        (missing, after)
    }

    #[test]
    fn g_711_appendix_i_goes_on_with_a_steady_voice_in_the_first_ten_milliseconds() {
        for rate in [Rate::Narrow, Rate::Wide] {
            for hz in [100.0, 200.0, 400.0] {
                let (made_up, _) = hole(rate, hz, 10);
                let expected = tone(rate, hz, rate.samples(100), rate.samples(10));
                let error: Vec<i16> = made_up.iter().zip(&expected).map(|(a, b)| a - b).collect();
                let ratio = 10.0 * (power(&expected) / power(&error).max(1.0)).log10();
                assert!(ratio > 20.0, "{rate:?} {hz} Hz: {ratio} dB");
            }
        }
    }

    #[test]
    fn g_711_appendix_i_fades_by_a_fifth_every_ten_milliseconds_and_is_silent_after_sixty() {
        let rate = Rate::Narrow;
        let (made_up, _) = hole(rate, 200.0, 80);
        let levels: Vec<f32> = made_up.chunks(80).map(|piece| power(piece).sqrt() / 7_071.0).collect();
        for (ms_10, expected) in [1.0, 0.9, 0.7, 0.5, 0.3, 0.1, 0.0, 0.0].into_iter().enumerate() {
            assert!((levels[ms_10] - expected).abs() < 0.06, "{ms_10}: {levels:?}");
        }
        assert!(made_up[480..].iter().all(|s| *s == 0));
    }

    #[test]
    fn neither_edge_of_a_loss_clicks() {
        for rate in [Rate::Narrow, Rate::Wide] {
            for hz in [97.0, 203.0, 333.0] {
                for ms in [10, 20, 40, 80] {
                    let (made_up, after) = hole(rate, hz, ms);
                    let before = tone(rate, hz, 0, rate.samples(100));
                    let all = [before.clone(), made_up, after].concat();
                    let steepest = |sound: &[i16]| {
                        sound.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap()
                    };
                    let (usual, worst) = (steepest(&before), steepest(&all));
                    assert!(worst <= usual * 3, "{rate:?} {hz} Hz {ms} ms: {worst} where {usual} is usual");
                }
            }
        }
    }

    /// A voice too low for its period to be found: what is repeated does not fit, and begins where the voice was all the same.
    #[test]
    fn what_does_not_repeat_itself_begins_without_a_step() {
        for hz in [23.0, 31.0, 41.0, 47.0] {
            let before = tone(Rate::Narrow, hz, 0, 800);
            let (made_up, _) = hole(Rate::Narrow, hz, 10);
            let step = (made_up[0] - before[799]).abs();
            assert!(step < 1_000, "{hz} Hz: {step}");
        }
    }

    #[test]
    fn before_anything_was_heard_a_loss_is_silence() {
        let mut missing = [7; 160];
        Concealment::new(Rate::Narrow).fill(&mut missing);
        assert_eq!(missing, [0; 160]);
    }
}
