//! Makes sound a little shorter or longer without changing its pitch: one period is left out or said twice, with a
//! crossfade. This is how the wait of a jitter buffer is changed while somebody speaks.

use super::super::{Rate, pitch, reservoir::Reservoir, sample::crossfade};

/// What is taken out or put in: 100 to 200 Hz, or a multiple of a higher voice's period.
const PERIOD_MS_MIN: usize = 5;
/// See [`PERIOD_MS_MIN`]; two of them fit into a frame.
pub(super) const PERIOD_MS_MAX: usize = 10;
/// Sound that is less like itself one period later is left as it is, unless it must be.
const LIKENESS_MIN: f32 = 0.7;
/// Sound so quiet may be cut anywhere: 50 dB below overload.
const QUIET_POWER: f32 = 1e4;

/// Leaves a period out of the first 20 ms held. Returns the samples it is shorter by, 0 where it is better left.
pub(super) fn shorten(sound: &mut Reservoir, rate: Rate, urgent: bool) -> usize {
    let Some(period) = period(sound, rate, urgent) else { return 0 };
    let (first, rest) = sound.held_mut().split_at_mut(period);
    let (second, _) = rest.split_at_mut(period.min(rest.len()));
    crossfade(first, second);
    sound.drop_oldest(period);
    period
}

/// Says a period of the first 20 ms held twice. Returns the samples it is longer by, 0 where it is better left.
pub(super) fn lengthen(sound: &mut Reservoir, rate: Rate, urgent: bool) -> usize {
    let Some(period) = period(sound, rate, urgent) else { return 0 };
    let held = sound.len();
    if sound.room() < period {
        return 0;
    }
    sound.fill(|_| period);
    let all = sound.held_mut();
    all.copy_within(..held, period);
    let (_, again) = all.split_at_mut(period);
    let (again, after) = again.split_at_mut(period);
    // After the first period comes the second, and it becomes the first again on its way to the second.
    crossfade(after.get(..period).unwrap_or_default(), again);
    period
}

fn period(sound: &Reservoir, rate: Rate, urgent: bool) -> Option<usize> {
    let frame = sound.held().get(..rate.frame())?;
    let (first, last) = (rate.samples(PERIOD_MS_MIN), rate.samples(PERIOD_MS_MAX));
    let found = pitch::repetition(frame, first..=last, rate);
    let quiet = super::super::sample::power(frame) < QUIET_POWER;
    (urgent || quiet || found.likeness >= LIKENESS_MIN).then_some(found.samples)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: Rate, hz: f32) -> Reservoir {
        let mut sound = Reservoir::new(rate.samples(60));
        sound.fill(|free| {
            for (n, sample) in free[..rate.samples(40)].iter_mut().enumerate() {
                *sample =
                    (10_000.0 * (n as f32 / rate.hz() as f32 * hz * std::f32::consts::TAU).sin()) as i16;
            }
            rate.samples(40)
        });
        sound
    }

    fn steepest(sound: &[i16]) -> i32 {
        sound.windows(2).map(|w| (i32::from(w[1]) - i32::from(w[0])).abs()).max().unwrap()
    }

    #[test]
    fn a_voice_is_made_shorter_or_longer_by_a_period_and_without_a_click() {
        for rate in Rate::ALL {
            for hz in [100.0, 150.0, 230.0, 410.0] {
                let original = tone(rate, hz);
                let (mut less, mut more) = (original.clone(), original.clone());
                let (out, put) = (shorten(&mut less, rate, false), lengthen(&mut more, rate, false));
                assert!(out > 0 && out == put, "{rate:?} {hz} Hz");
                assert_eq!((less.len(), more.len()), (original.len() - out, original.len() + put));
                for changed in [&less, &more] {
                    assert!(
                        steepest(changed.held()) * 10 <= steepest(original.held()) * 11,
                        "{rate:?} {hz} Hz"
                    );
                    assert_eq!(changed.held().last(), original.held().last());
                }
                // As many whole waves as fit into what was left out.
                let waves = out as f32 / rate.hz() as f32 * hz;
                assert!((waves - waves.round()).abs() < 0.1, "{rate:?} {hz} Hz: {waves} waves");
            }
        }
    }

    #[test]
    fn noise_is_left_alone_unless_there_is_no_time() {
        let mut sound = Reservoir::new(640);
        let mut state = 5_u32;
        sound.fill(|free| {
            for sample in free[..320].iter_mut() {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                *sample = (state >> 16) as i16;
            }
            320
        });
        assert_eq!(
            (shorten(&mut sound, Rate::Narrow, false), lengthen(&mut sound, Rate::Narrow, false)),
            (0, 0)
        );
        assert!(shorten(&mut sound, Rate::Narrow, true) >= 40);
        assert!(lengthen(&mut sound, Rate::Narrow, true) >= 40);
    }

    #[test]
    fn what_does_not_repeat_itself_is_crossfaded_all_the_same() {
        for rate in Rate::ALL {
            let original = tone(rate, 37.0);
            let (mut less, mut more) = (original.clone(), original.clone());
            assert!(shorten(&mut less, rate, true) > 0 && lengthen(&mut more, rate, true) > 0);
            for changed in [&less, &more] {
                assert!(steepest(changed.held()) <= steepest(original.held()) * 3, "{rate:?}");
                // What was played before goes on where it was.
                assert!((changed.held()[0] - original.held()[0]).abs() < 700, "{rate:?}");
            }
        }
    }

    #[test]
    fn too_little_sound_and_too_little_room_change_nothing() {
        let mut little = Reservoir::new(400);
        little.fill(|_| 159);
        assert_eq!(
            (shorten(&mut little, Rate::Narrow, true), lengthen(&mut little, Rate::Narrow, true)),
            (0, 0)
        );
        let mut full = Reservoir::new(160);
        full.fill(|_| 160);
        assert_eq!(lengthen(&mut full, Rate::Narrow, true), 0);
    }
}
