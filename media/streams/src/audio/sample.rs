//! Arithmetic on single samples and on the level of many; the only places where a wider number becomes a sample.

/// The nearest sample.
pub fn saturate(value: i32) -> i16 {
    i16::try_from(value.clamp(i32::from(i16::MIN), i32::from(i16::MAX))).unwrap_or(0)
}

/// The nearest sample; what is no number becomes silence.
#[expect(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
pub fn round(value: f32) -> i16 {
    value.round() as i16
}

/// Mean square of the samples, 0 for none.
pub fn power(samples: &[i16]) -> f32 {
    let sum: f32 = samples.iter().map(|s| f32::from(*s) * f32::from(*s)).sum();
    sum / count(samples.len()).max(1.0)
}

/// A number of samples to calculate with; exact up to 2^16, which no frame exceeds.
pub(crate) fn count(samples: usize) -> f32 {
    u16::try_from(samples).map_or(f32::from(u16::MAX), f32::from)
}

/// Mixes `from` into `to` with a weight that goes from all `from` to all `to` in equal steps over both.
pub(crate) fn crossfade(from: &[i16], to: &mut [i16]) {
    let steps = count(from.len().min(to.len())) + 1.0;
    let mut step = 0.0;
    for (new, old) in to.iter_mut().zip(from) {
        step += 1.0;
        let weight = step / steps;
        *new = round(f32::from(*old) * (1.0 - weight) + f32::from(*new) * weight);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_loud_is_cut_and_not_wrapped() {
        assert_eq!([saturate(40_000), saturate(-40_000), saturate(7)], [i16::MAX, i16::MIN, 7]);
        assert_eq!([round(1e9), round(-1e9), round(f32::NAN), round(-2.6)], [i16::MAX, i16::MIN, 0, -3]);
    }

    #[test]
    fn a_crossfade_begins_with_the_old_and_ends_with_the_new() {
        let mut to = [1_000; 9];
        crossfade(&[0; 9], &mut to);
        assert_eq!(to, [100, 200, 300, 400, 500, 600, 700, 800, 900]);
    }

    #[test]
    fn power_is_the_mean_square() {
        assert!(power(&[]).abs() < f32::EPSILON);
        assert!((power(&[100, -100, 100]) - 10_000.0).abs() < 1.0);
    }
}
