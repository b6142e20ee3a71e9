//! Tells speech from the silence between, and describes the silence once instead of sending it.
//!
//! Speech is what stands clearly above the noise of the line, which is learned from the quietest frames (the measure of
//! G.729 Annex B that decides nearly alone; its spectral ones are left out). A little is kept after every word.

use super::{Noise, ORDER_MAX, level_dbov};
use crate::audio::sample::power;

/// What to send for one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// The frame, by the call's codec.
    Speech,
    /// This description as `CN`.
    Noise(Noise),
    /// Nothing.
    Nothing,
}

/// One leg's way out. Expects frames of 20 ms.
#[derive(Clone, Debug)]
pub struct Suppressor {
    /// Level of the line's own noise, in dB; 0 is overload, silence is negative.
    floor_db: f32,
    quiet_frames: u32,
    frames_since_sent: u32,
    sent: Option<Noise>,
    /// Of the silence, smoothed.
    correlation: [f32; ORDER_MAX + 1],
}

/// Speech is louder than the noise by this.
const SPEECH_OVER_NOISE_DB: f32 = 9.0;
/// Never speech, however quiet the line.
const SPEECH_DB_MIN: f32 = -60.0;
/// Always speech, whatever has been learned: music or a tone that lasts is no noise.
const NOISE_DB_MAX: f32 = -35.0;
/// The floor rises so fast when the noise does: 3 dB in a second.
const FLOOR_RISE_DB: f32 = 0.06;
/// The ends of words are quiet: 200 ms.
const HANGOVER_FRAMES: u32 = 10;
/// A changed noise is described again at most every 200 ms.
const NOISE_INTERVAL_FRAMES_MIN: u32 = 10;
const NOISE_CHANGE_DB: u8 = 3;
/// How much of a new frame goes into the smoothed spectrum.
const SMOOTHING: f32 = 0.2;

impl Default for Suppressor {
    fn default() -> Self {
        Self {
            floor_db: NOISE_DB_MAX,
            quiet_frames: 0,
            frames_since_sent: 0,
            sent: None,
            correlation: [0.0; ORDER_MAX + 1],
        }
    }
}

impl Suppressor {
    /// What to send for this frame.
    pub fn decide(&mut self, frame: &[i16]) -> Sending {
        let power = power(frame);
        let level_db = -f32::from(level_dbov(power));
        self.floor_db = if level_db < self.floor_db {
            (self.floor_db + level_db) / 2.0
        } else {
            (self.floor_db + FLOOR_RISE_DB).min(NOISE_DB_MAX)
        };
        let threshold = (self.floor_db + SPEECH_OVER_NOISE_DB).clamp(SPEECH_DB_MIN, NOISE_DB_MAX);
        if level_db > threshold {
            self.quiet_frames = 0;
        } else {
            self.quiet_frames = self.quiet_frames.saturating_add(1);
        }
        if self.quiet_frames <= HANGOVER_FRAMES {
            self.sent = None;
            if self.quiet_frames > 0 {
                self.learn(frame);
            } else {
                self.correlation = [0.0; ORDER_MAX + 1];
            }
            return Sending::Speech;
        }
        self.learn(frame);
        self.silence()
    }

    fn silence(&mut self) -> Sending {
        let noise = self.noise();
        self.frames_since_sent = self.frames_since_sent.saturating_add(1);
        let changed = self.sent.is_none_or(|sent| {
            self.frames_since_sent >= NOISE_INTERVAL_FRAMES_MIN
                && sent.level_dbov.abs_diff(noise.level_dbov) >= NOISE_CHANGE_DB
        });
        if !changed {
            return Sending::Nothing;
        }
        self.frames_since_sent = 0;
        self.sent = Some(noise);
        Sending::Noise(noise)
    }

    /// Takes the frame into the smoothed autocorrelation; the first value is the mean square.
    fn learn(&mut self, frame: &[i16]) {
        let length = crate::audio::sample::count(frame.len()).max(1.0);
        let first = self.correlation.iter().all(|r| *r <= 0.0);
        let weight = if first { 1.0 } else { SMOOTHING };
        for (lag, smoothed) in self.correlation.iter_mut().enumerate() {
            let later = frame.get(lag..).unwrap_or_default();
            let sum: f32 = frame.iter().zip(later).map(|(a, b)| f32::from(*a) * f32::from(*b)).sum();
            *smoothed += (sum / length - *smoothed) * weight;
        }
    }

    /// Levinson and Durbin's recursion over the smoothed autocorrelation.
    fn noise(&self) -> Noise {
        let [power, lags @ ..] = &self.correlation;
        let mut reflection = [0.0; ORDER_MAX];
        let mut predictor = [0.0_f32; ORDER_MAX];
        // A little white noise keeps the recursion well-conditioned.
        let mut error = power * 1.001 + 1.0;
        for (order, (k, lag)) in reflection.iter_mut().zip(lags).enumerate() {
            let (known, _) = predictor.split_at(order);
            let (earlier, _) = lags.split_at(order);
            let sum: f32 = known.iter().zip(earlier.iter().rev()).map(|(a, r)| a * r).sum();
            *k = (-(lag + sum) / error).clamp(-0.999, 0.999);
            let mirrored = predictor;
            let (mirrored, _) = mirrored.split_at(order);
            for (a, b) in predictor.iter_mut().zip(mirrored.iter().rev()) {
                *a += *k * b;
            }
            if let Some(newest) = predictor.get_mut(order) {
                *newest = *k;
            }
            error *= 1.0 - *k * *k;
        }
        Noise::of(level_dbov(*power), &reflection)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Generator, *};

    /// Frames of noise at this level below overload.
    fn line(noise: &Noise, frames: usize) -> Vec<[i16; 160]> {
        let mut generator = Generator::new(3);
        generator.describe(noise);
        generator.fill(&mut [0; 1_600]);
        (0..frames)
            .map(|_| {
                let mut frame = [0; 160];
                generator.fill(&mut frame);
                frame
            })
            .collect()
    }

    fn voice(n: usize) -> [i16; 160] {
        std::array::from_fn(|i| (6_000.0 * ((n * 160 + i) as f32 * 0.17).sin()) as i16)
    }

    #[test]
    fn a_silence_is_described_once_and_its_end_is_heard_at_once() {
        let mut suppressor = Suppressor::default();
        let quiet = line(&Noise::white(60), 200);
        for n in 0..50 {
            assert_eq!(suppressor.decide(&voice(n)), Sending::Speech, "frame {n}");
        }
        let decided: Vec<Sending> = quiet.iter().map(|frame| suppressor.decide(frame)).collect();
        let first = decided.iter().position(|d| *d != Sending::Speech).unwrap();
        assert_eq!(first, 10, "200 ms are kept after a word");
        let described: Vec<&Sending> = decided.iter().filter(|d| matches!(d, Sending::Noise(_))).collect();
        assert_eq!(described.len(), 1, "{described:?}");
        assert_eq!(suppressor.decide(&voice(0)), Sending::Speech);
    }

    #[test]
    fn the_description_is_that_of_the_noise() {
        let mut suppressor = Suppressor::default();
        let original = Noise::of(55, &[-0.7, 0.6]);
        let mut found = None;
        for frame in line(&original, 60) {
            if let Sending::Noise(noise) = suppressor.decide(&frame) {
                found = Some(noise);
            }
        }
        let found = found.unwrap();
        assert!(found.level_dbov.abs_diff(55) <= 2, "{found:?}");
        for (ours, theirs) in found.reflection().iter().zip(original.reflection()) {
            assert!((ours - theirs).abs() < 0.15, "{found:?} for {original:?}");
        }
    }

    #[test]
    fn a_louder_noise_is_described_again_and_speech_over_it_is_speech() {
        let mut suppressor = Suppressor::default();
        let mut levels = Vec::new();
        for level in [70, 65, 61] {
            for frame in line(&Noise::white(level), 150) {
                if let Sending::Noise(noise) = suppressor.decide(&frame) {
                    levels.push(noise.level_dbov);
                }
            }
        }
        assert!(levels.first().unwrap().abs_diff(70) <= 2 && levels.last().unwrap().abs_diff(61) <= 2);
        assert!(levels.len() <= 6, "{levels:?}");
        assert_eq!(suppressor.decide(&voice(0)), Sending::Speech);
    }

    #[test]
    fn music_and_tones_that_last_are_never_taken_for_noise() {
        let mut suppressor = Suppressor::default();
        for n in 0..3_000 {
            assert_eq!(suppressor.decide(&voice(n)), Sending::Speech, "after {} s", n / 50);
        }
    }
}
