//! Comfort noise (RFC 3389, ITU-T G.711 Appendix II): a line that carries no speech sends what its silence sounds like
//! once, and the receiver makes that noise until speech comes.
//!
//! For codecs without a silence of their own (G.711, G.722, L16); Opus has DTX. Whether to send it is settled by the
//! descriptions (`CN` in the m-line), not here.

mod generator;
mod suppressor;

pub use self::{
    generator::Generator,
    suppressor::{Sending, Suppressor},
};

/// Static payload type at 8 kHz (RFC 3389 §4).
pub const PAYLOAD_TYPE: u8 = 13;
/// Coefficients that are sent and made use of (Appendix II). The RFC sets no limit; more are ignored.
pub const ORDER_MAX: usize = 10;
/// Level and coefficients.
pub const PAYLOAD_BYTES_MAX: usize = 1 + ORDER_MAX;

/// How a silence sounds: level and spectrum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noise {
    /// Below overload in dB, 0 to 127 (127 is as good as nothing).
    pub level_dbov: u8,
    /// Reflection coefficients as they are sent, 0 to 254. 127 is 0, and is what those that were not sent are.
    spectrum: [u8; ORDER_MAX],
}

impl Noise {
    /// White noise of this level.
    pub fn white(level_dbov: u8) -> Self {
        Self { level_dbov: level_dbov.min(127), spectrum: [127; ORDER_MAX] }
    }

    /// From a level and reflection coefficients between -1 and 1, in the sign of A(z) = 1 + Σ a z⁻ⁱ (G.729, on which
    /// Appendix II builds): noise that is stronger in the low tones has a negative first one.
    pub fn of(level_dbov: u8, reflection: &[f32]) -> Self {
        let mut noise = Self::white(level_dbov);
        for (octet, k) in noise.spectrum.iter_mut().zip(reflection) {
            // §3.2: k = 258 (N − 127) / 32768
            let n = crate::audio::sample::round(k * (32_768.0 / 258.0)).saturating_add(127);
            *octet = u8::try_from(n.clamp(0, 254)).unwrap_or(127);
        }
        noise
    }

    /// Reads a payload; one without a level is none.
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (level, coefficients) = payload.split_first()?;
        let mut noise = Self::white(level & 0x7f);
        for (octet, sent) in noise.spectrum.iter_mut().zip(coefficients) {
            *octet = (*sent).min(254);
        }
        Some(noise)
    }

    /// Writes the payload. Returns its octets, or nothing where it does not fit.
    pub fn write(&self, payload: &mut [u8]) -> Option<usize> {
        let (level, coefficients) = payload.split_first_mut()?;
        *level = self.level_dbov;
        coefficients.get_mut(..ORDER_MAX)?.copy_from_slice(&self.spectrum);
        Some(PAYLOAD_BYTES_MAX)
    }

    /// Between -1 and 1, both excluded: the filter made of them is stable.
    fn reflection(&self) -> [f32; ORDER_MAX] {
        self.spectrum.map(|n| (f32::from(n) - 127.0) * (258.0 / 32_768.0))
    }

    /// Mean square of the samples.
    fn power(&self) -> f32 {
        OVERLOAD_POWER * 10_f32.powf(-f32::from(self.level_dbov) / 10.0)
    }
}

/// §3.1: 0 dBov is what cannot be exceeded, a square wave from one end to the other.
const OVERLOAD_POWER: f32 = 32_768.0 * 32_768.0;

/// A level as it is sent.
fn level_dbov(power: f32) -> u8 {
    let level = -10.0 * (power.max(f32::MIN_POSITIVE) / OVERLOAD_POWER).log10();
    u8::try_from(crate::audio::sample::round(level).clamp(0, 127)).unwrap_or(127)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_3389_3_payloads_of_any_order_are_read() {
        assert_eq!(Noise::read(&[]), None);
        assert_eq!(Noise::read(&[78]), Some(Noise::white(78)));
        assert_eq!(Noise::read(&[0x80 | 78]), Some(Noise::white(78)), "the most significant bit is reserved");
        let long = Noise::read(&[40, 0, 254, 255, 127, 127, 127, 127, 127, 127, 127, 1, 2, 3]).unwrap();
        assert_eq!(long, Noise::read(&[40, 0, 254, 254]).unwrap(), "what is past the order is ignored");
        assert!(long.reflection().iter().all(|k| k.abs() < 1.0));
    }

    #[test]
    fn rfc_3389_3_2_coefficients_are_quantised_as_258_n_minus_127() {
        let noise = Noise::of(60, &[-0.9, 0.5, 0.0, 1.5]);
        let mut payload = [0; PAYLOAD_BYTES_MAX];
        assert_eq!(noise.write(&mut payload), Some(11));
        assert_eq!(payload, [60, 13, 191, 127, 254, 127, 127, 127, 127, 127, 127]);
        assert_eq!(Noise::read(&payload), Some(noise));
        assert_eq!(noise.write(&mut payload[..10]), None);
    }
}
