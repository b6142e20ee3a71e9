//! Makes the noise that a payload describes: white noise of a seeded generator through an all-pole lattice.

use super::{Noise, ORDER_MAX};
use crate::audio::sample::round;

/// One listener's noise. A new description is faded to, lest the change be heard.
#[derive(Clone, Debug)]
pub struct Generator {
    seed: u64,
    wanted: Noise,
    /// Of the white noise that goes into the filter; follows what is wanted by a part of the difference each sample.
    gain: f32,
    reflection: [f32; ORDER_MAX],
    backward: [f32; ORDER_MAX],
}

const FOLLOW: f32 = 1.0 / 160.0;

impl Generator {
    /// Silence until something is described.
    pub fn new(seed: u64) -> Self {
        let (reflection, backward) = ([0.0; ORDER_MAX], [0.0; ORDER_MAX]);
        Self { seed, wanted: Noise::white(127), gain: 0.0, reflection, backward }
    }

    /// From now on this noise.
    pub fn describe(&mut self, noise: &Noise) {
        self.wanted = *noise;
        self.reflection = noise.reflection();
    }

    /// Fills the frame with noise.
    pub fn fill(&mut self, frame: &mut [i16]) {
        // The filter raises the power by 1 / Π (1 − k²).
        let loss: f32 = self.reflection.iter().map(|k| 1.0 - k * k).product();
        let gain = (self.wanted.power() * loss).sqrt();
        for sample in frame {
            self.gain += (gain - self.gain) * FOLLOW;
            let mut forward = self.gain * self.white();
            // f[m-1] = f[m] − k g[m-1]; g[m] = g[m-1] + k f[m-1], from the last stage to the first.
            let mut above: Option<&mut f32> = None;
            for (k, backward) in self.reflection.iter().zip(&mut self.backward).rev() {
                forward -= k * *backward;
                if let Some(above) = above {
                    *above = *backward + k * forward;
                }
                above = Some(backward);
            }
            if let Some(first) = above {
                *first = forward;
            }
            *sample = round(forward);
        }
    }

    /// Even between ±√3, so that its power is 1.
    fn white(&mut self) -> f32 {
        self.seed = self.seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let [.., low, high] = self.seed.to_le_bytes();
        f32::from(i16::from_le_bytes([low, high])) * (1.732_050_8 / 32_768.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::sample::power;

    fn noise(described: &Noise) -> Vec<i16> {
        let mut generator = Generator::new(7);
        generator.describe(described);
        let mut sound = vec![0; 16_000];
        sound.chunks_mut(160).for_each(|frame| generator.fill(frame));
        sound.split_off(3_200)
    }

    #[test]
    fn rfc_3389_the_noise_has_the_level_described_whatever_its_spectrum() {
        for level in [30, 45, 60] {
            for spectrum in [&[][..], &[-0.9], &[0.7, -0.5, 0.3], &[-0.8, 0.6, -0.4, 0.2, 0.1]] {
                let made = super::super::level_dbov(power(&noise(&Noise::of(level, spectrum))));
                assert!(made.abs_diff(level) <= 1, "{level} dBov with {spectrum:?}: {made}");
            }
        }
        assert!(noise(&Noise::white(127)).iter().all(|s| *s == 0));
    }

    #[test]
    fn a_negative_first_coefficient_is_a_low_noise() {
        let likeness = |sound: &[i16]| {
            let product: f32 = sound.windows(2).map(|w| f32::from(w[0]) * f32::from(w[1])).sum();
            product / (power(sound) * sound.len() as f32)
        };
        // The first coefficient is minus the likeness of neighbouring samples.
        for k in [-0.8_f32, 0.0, 0.8] {
            let found = likeness(&noise(&Noise::of(40, &[k])));
            assert!((found + k).abs() < 0.05, "{k}: {found}");
        }
    }

    #[test]
    fn the_harshest_payload_a_peer_can_send_neither_rings_up_nor_stops_being_a_number() {
        for octet in [0, 255] {
            let sound = noise(&Noise::read(&[&[0][..], &[octet; 30]].concat()).unwrap());
            assert!(sound.iter().any(|s| *s != 0));
            let mut generator = Generator::new(1);
            generator.describe(&Noise::read(&[&[0][..], &[octet; 30]].concat()).unwrap());
            generator.fill(&mut [0; 160]);
            generator.describe(&Noise::white(127));
            let mut quiet = [1; 8_000];
            (0..100).for_each(|_| generator.fill(&mut quiet));
            assert!(quiet.iter().all(|s| *s == 0), "it dies away");
        }
    }
}
