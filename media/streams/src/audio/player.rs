//! Prompts, music and tones from one decoded copy: a clip is shared, a listener has nothing but a position in it.
//!
//! Where clips come from, and in which language, is not decided here.

use std::sync::Arc;

use super::{
    Rate,
    resample::{ResampleError, Resampler},
};

/// Clips that are played one after the other.
pub const PLAYLIST_MAX: usize = 32;
/// What a filter makes later is cut off, and room is left for what it still holds.
const FILTER_MS: usize = 10;

/// Decoded sound that any number of listeners hear.
#[derive(Clone, Debug)]
pub struct Clip {
    samples: Arc<[i16]>,
    rate: Rate,
}

impl Clip {
    /// Sound of this rate.
    pub fn new(samples: Arc<[i16]>, rate: Rate) -> Self {
        Self { samples, rate }
    }

    /// The sound.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// Its rate.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// The same at another rate, as long and without delay. Allocates: done once for each clip and rate.
    pub fn at(&self, rate: Rate) -> Result<Self, ResampleError> {
        if rate == self.rate {
            return Ok(self.clone());
        }
        let mut resampler = Resampler::new(self.rate, rate)?;
        let block = self.rate.samples(FILTER_MS);
        let mut source = self.samples.to_vec();
        source.resize(source.len().div_ceil(block) * block + block, 0);
        let mut made = vec![0; source.len() / self.rate.per_ms() * rate.per_ms()];
        resampler.resample(&source, &mut made)?;
        let late = rate.samples(resampler.delay_ms());
        let length = self.samples.len() * rate.per_ms() / self.rate.per_ms();
        Ok(Self { samples: made.iter().skip(late).take(length).copied().collect(), rate })
    }
}

/// How often a playlist is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// So many times; 0 is not at all.
    Times(u32),
    /// Until somebody stops it: tones and music.
    Forever,
}

/// A playlist that cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaylistError {
    /// More than [`PLAYLIST_MAX`] clips.
    #[error("{0} clips are more than {PLAYLIST_MAX}")]
    TooMany(usize),
    /// A clip of another rate than the listener's.
    #[error("a clip has another sample rate than its listener")]
    Rate,
    /// No sound in any of its clips.
    #[error("there is nothing to play")]
    Empty,
}

/// What a frame held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Played {
    /// Sound, and more is to come.
    More,
    /// The end of it, and silence after so many samples.
    Ended(usize),
}

/// One listener's place in a playlist.
#[derive(Clone, Debug)]
pub struct Player {
    clips: Arc<[Clip]>,
    /// Playlists still to come, this one included. `None` is without end.
    left: Option<u32>,
    clip: usize,
    sample: usize,
}

impl Player {
    /// From the beginning, for a listener of this rate.
    pub fn new(clips: Arc<[Clip]>, rate: Rate, repeat: Repeat) -> Result<Self, PlaylistError> {
        if clips.len() > PLAYLIST_MAX {
            return Err(PlaylistError::TooMany(clips.len()));
        }
        if clips.iter().any(|clip| clip.rate != rate) {
            return Err(PlaylistError::Rate);
        }
        if clips.iter().all(|clip| clip.samples.is_empty()) {
            return Err(PlaylistError::Empty);
        }
        let left = match repeat {
            Repeat::Times(times) => Some(times),
            Repeat::Forever => None,
        };
        Ok(Self { clips, left, clip: 0, sample: 0 })
    }

    /// The next frame. After the end it is silence.
    pub fn frame(&mut self, frame: &mut [i16]) -> Played {
        let length = frame.len();
        let mut rest = frame;
        while !rest.is_empty() {
            if self.left == Some(0) {
                rest.fill(0);
                return Played::Ended(length - rest.len());
            }
            let Some(clip) = self.clips.get(self.clip) else {
                self.clip = 0;
                self.left = self.left.map(|left| left.saturating_sub(1));
                continue;
            };
            let sound = clip.samples.get(self.sample..).unwrap_or_default();
            if sound.is_empty() {
                self.clip += 1;
                self.sample = 0;
                continue;
            }
            let count = sound.len().min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(sound.get(..count).unwrap_or_default());
            self.sample += count;
            rest = later;
        }
        Played::More
    }

    /// The clip and the sample in it that come next: to go on from there after a pause.
    pub fn position(&self) -> (usize, usize) {
        (self.clip, self.sample)
    }

    /// Goes on from there; past the end of a clip is the next one.
    pub fn seek(&mut self, clip: usize, sample: usize) {
        (self.clip, self.sample) = (clip, sample);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::sample::power;

    fn clip(samples: &[i16]) -> Clip {
        Clip::new(samples.into(), Rate::Narrow)
    }

    fn player(clips: &[&[i16]], repeat: Repeat) -> Player {
        Player::new(clips.iter().map(|samples| clip(samples)).collect(), Rate::Narrow, repeat).unwrap()
    }

    /// Plays in frames of four.
    fn play(player: &mut Player, frames: usize) -> (Vec<i16>, Vec<Played>) {
        let (mut heard, mut said) = (Vec::new(), Vec::new());
        for _ in 0..frames {
            let mut frame = [99; 4];
            said.push(player.frame(&mut frame));
            heard.extend(frame);
        }
        (heard, said)
    }

    #[test]
    fn clips_follow_each_other_without_a_gap_and_the_end_is_told_to_the_sample() {
        let mut player = player(&[&[1, 2, 3], &[], &[4, 5, 6, 7, 8], &[9]], Repeat::Times(1));
        let (heard, said) = play(&mut player, 4);
        assert_eq!(heard, [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(said, [Played::More, Played::More, Played::Ended(1), Played::Ended(0)]);
    }

    #[test]
    fn a_playlist_is_repeated_as_often_as_asked() {
        let (twice, said) = play(&mut player(&[&[1, 2, 3]], Repeat::Times(2)), 2);
        assert_eq!((twice, said[1]), (vec![1, 2, 3, 1, 2, 3, 0, 0], Played::Ended(2)));
        let (never, _) = play(&mut player(&[&[1]], Repeat::Times(0)), 1);
        assert_eq!(never, [0; 4]);
        let (music, said) = play(&mut player(&[&[1, 2, 3]], Repeat::Forever), 30);
        assert!(music.iter().zip([1, 2, 3].iter().cycle()).all(|(a, b)| a == b));
        assert!(said.iter().all(|played| *played == Played::More));
    }

    #[test]
    fn listeners_share_the_sound_and_not_the_position() {
        let shared: Arc<[Clip]> = [clip(&[1, 2, 3, 4, 5, 6, 7, 8])].into();
        let listen = || Player::new(Arc::clone(&shared), Rate::Narrow, Repeat::Forever).unwrap();
        let (mut one, mut other) = (listen(), listen());
        play(&mut one, 1);
        assert_eq!((play(&mut one, 1).0, play(&mut other, 1).0), (vec![5, 6, 7, 8], vec![1, 2, 3, 4]));
        assert_eq!(Arc::strong_count(&shared), 3);
        let (at_clip, at_sample) = other.position();
        one.seek(at_clip, at_sample);
        assert_eq!(play(&mut one, 1).0, [5, 6, 7, 8]);
        one.seek(7, 9);
        assert_eq!(play(&mut one, 1).0, [1, 2, 3, 4], "past the end is the beginning");
    }

    #[test]
    fn what_cannot_be_played_is_refused_with_the_reason() {
        let refused = |clips: Vec<Clip>| Player::new(clips.into(), Rate::Wide, Repeat::Forever).err();
        assert_eq!(refused(vec![clip(&[1])]), Some(PlaylistError::Rate));
        assert_eq!(refused(vec![]), Some(PlaylistError::Empty));
        assert_eq!(refused(vec![Clip::new([].into(), Rate::Wide); 2]), Some(PlaylistError::Empty));
        let many = vec![Clip::new([1].into(), Rate::Wide); PLAYLIST_MAX + 1];
        assert_eq!(refused(many), Some(PlaylistError::TooMany(33)));
    }

    #[test]
    fn a_clip_at_another_rate_is_as_long_and_neither_late_nor_cut() {
        // Silence, a burst, silence: the burst has to be where it was.
        let burst = |rate: Rate| -> Vec<i16> {
            (0..rate.samples(123))
                .map(|n| {
                    let ms = n / rate.per_ms();
                    let t = n as f32 / rate.hz() as f32;
                    if (40..120).contains(&ms) {
                        (8_000.0 * (t * 500.0 * std::f32::consts::TAU).sin()) as i16
                    } else {
                        0
                    }
                })
                .collect()
        };
        for from in Rate::ALL {
            for to in Rate::ALL {
                let made = Clip::new(burst(from).into(), from).at(to).unwrap();
                let expected = burst(to);
                assert_eq!((made.samples().len(), made.rate()), (expected.len(), to));
                let error: Vec<i16> = made.samples().iter().zip(&expected).map(|(a, b)| a - b).collect();
                let ratio = 10.0 * (power(&expected) / power(&error).max(1e-3)).log10();
                assert!(ratio > 25.0, "{from:?} to {to:?}: {ratio} dB");
            }
        }
    }
}
