//! Sounds to test with, and how much of one is left in another.

use std::f64::consts::TAU;

/// A sine of this amplitude.
pub fn tone(rate_hz: u32, hz: f64, amplitude: f64, samples: usize) -> Vec<i16> {
    (0..samples)
        .map(|n| (amplitude * (n as f64 / f64::from(rate_hz) * hz * TAU).sin()).round() as i16)
        .collect()
}

/// A repeatable number between 0 and 1.
pub struct Chance(pub u64);

impl Chance {
    pub fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Something like speech: syllables of a gliding voice with formants, and pauses between them.
pub fn speech(rate_hz: u32, samples: usize) -> Vec<i16> {
    let mut chance = Chance(9);
    let rate = f64::from(rate_hz);
    let mut phase = 0.0;
    (0..samples)
        .map(|n| {
            let t = n as f64 / rate;
            let pitch = 110.0 + 30.0 * (t * 2.1).sin();
            phase += pitch / rate;
            let syllable = (t * 3.3 * TAU).sin().max(0.0);
            let voice: f64 = (1..20)
                .map(|k| {
                    let hz = f64::from(k) * pitch;
                    let formant = (-((hz - 600.0) / 250.0).powi(2)).exp()
                        + 0.4 * (-((hz - 1_500.0) / 300.0).powi(2)).exp();
                    formant * (f64::from(k) * phase * TAU).sin()
                })
                .sum();
            (syllable * voice * 6_000.0 + (chance.next() - 0.5) * 20.0) as i16
        })
        .collect()
}

/// How far a sine of this frequency stands above all else, in dB; delay, phase and level do not count. The sine is fitted
/// by least squares.
pub fn purity_db(sound: &[i16], rate_hz: u32, hz: f64) -> f64 {
    let (mut ss, mut cc, mut sc, mut ys, mut yc, mut yy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for (n, y) in sound.iter().enumerate() {
        let (s, c) = (n as f64 / f64::from(rate_hz) * hz * TAU).sin_cos();
        let y = f64::from(*y);
        ss += s * s;
        cc += c * c;
        sc += s * c;
        ys += y * s;
        yc += y * c;
        yy += y * y;
    }
    let determinant = ss * cc - sc * sc;
    let (a, b) = ((ys * cc - yc * sc) / determinant, (yc * ss - ys * sc) / determinant);
    let wanted = a * ys + b * yc;
    10.0 * (wanted / (yy - wanted).max(1e-9)).log10()
}

/// Level of a sine of this frequency in the sound, as an amplitude.
pub fn amplitude(sound: &[i16], rate_hz: u32, hz: f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, y) in sound.iter().enumerate() {
        let (s, c) = (n as f64 / f64::from(rate_hz) * hz * TAU).sin_cos();
        re += f64::from(*y) * c;
        im += f64::from(*y) * s;
    }
    2.0 * re.hypot(im) / sound.len() as f64
}

/// Mean square.
pub fn power(sound: &[i16]) -> f64 {
    sound.iter().map(|s| f64::from(*s).powi(2)).sum::<f64>() / sound.len().max(1) as f64
}

/// Mean square of the difference.
pub fn error_power(a: &[i16], b: &[i16]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2)).sum::<f64>() / a.len().max(1) as f64
}
