//! The sounds that can be played, by name: one decoded copy at 8 and 16 kHz for all listeners, and tones that need no file.
//!
//! Whose they are and where they come from is not decided here. A name with `@owner/` in front is the owner's own sound, or
//! the common one where the owner has none. `one|other` is the other one where there is no such sound as the first. 48 kHz is not kept: prompts have nothing up there, and Opus takes 16.

use std::collections::BTreeMap;

use super::{
    Rate,
    player::Clip,
    resample::ResampleError,
    tone::{self, Part},
};
use crate::media::SoundName;

/// Sounds that are kept.
pub const LIBRARY_SOUNDS_MAX: usize = 4_096;
/// Longest sound: ten minutes, and what runs over of a message that may last so long.
pub const SOUND_MS_MAX: usize = 610_000;

const TONES: [(&str, &[Part]); 9] = [
    ("tone/dial", tone::DIAL),
    ("tone/ringing", tone::RINGING),
    ("tone/busy", tone::BUSY),
    ("tone/congestion", tone::CONGESTION),
    ("tone/special-information", tone::SPECIAL_INFORMATION),
    ("tone/waiting", tone::WAITING),
    ("tone/beep", tone::BEEP),
    ("tone/joined", tone::JOINED),
    ("tone/left", tone::LEFT),
];

/// A sound that cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SoundError {
    /// More than [`LIBRARY_SOUNDS_MAX`].
    #[error("more than {LIBRARY_SOUNDS_MAX} sounds")]
    TooMany,
    /// Nothing, or longer than [`SOUND_MS_MAX`].
    #[error("{0} ms of sound: 1 to {SOUND_MS_MAX} are kept")]
    Length(usize),
    /// Not brought to another rate.
    #[error(transparent)]
    Resample(#[from] ResampleError),
}

/// All sounds.
#[derive(Clone, Debug)]
pub struct Library {
    sounds: BTreeMap<SoundName, [Clip; 2]>,
}

impl Library {
    /// The tones alone.
    pub fn of_tones() -> Self {
        let made = TONES.into_iter().filter_map(|(name, cadence)| {
            let [narrow, wide] = [Rate::Narrow, Rate::Wide].map(|rate| tone::render(cadence, rate));
            Some((SoundName::new(name), [narrow.ok()?, wide.ok()?]))
        });
        Self { sounds: made.collect() }
    }

    /// Keeps a sound under this name, in place of what it was before.
    pub fn add(&mut self, name: SoundName, clip: &Clip) -> Result<(), SoundError> {
        let ms = clip.samples().len() / clip.rate().per_ms();
        if ms == 0 || ms > SOUND_MS_MAX {
            return Err(SoundError::Length(ms));
        }
        if self.sounds.len() >= LIBRARY_SOUNDS_MAX && !self.sounds.contains_key(&name) {
            return Err(SoundError::TooMany);
        }
        self.sounds.insert(name, [clip.at(Rate::Narrow)?, clip.at(Rate::Wide)?]);
        Ok(())
    }

    /// Keeps a sound no longer.
    pub fn remove(&mut self, name: &SoundName) {
        self.sounds.remove(name);
    }

    /// Keeps under this name what another library does, or nothing.
    pub fn restore(&mut self, name: &SoundName, other: &Self) {
        match other.sounds.get(name) {
            Some(sound) => drop(self.sounds.insert(name.clone(), sound.clone())),
            None => self.remove(name),
        }
    }

    /// A sound at a rate of 8 or 16 kHz.
    pub fn find(&self, name: &SoundName, rate: Rate) -> Option<Clip> {
        let (owner, names) = owned(name);
        let [narrow, wide] = names.split('|').find_map(|one| self.of(owner, one))?;
        Some(if rate == Rate::Narrow { narrow } else { wide }.clone())
    }

    /// Whether there is what is meant by a name, and not only what stands in for it.
    pub fn has(&self, name: &SoundName) -> bool {
        let (owner, names) = owned(name);
        names.split('|').next().is_some_and(|first| self.of(owner, first).is_some())
    }

    /// The owner's own sound of this name, or the common one.
    fn of(&self, owner: Option<&str>, name: &str) -> Option<&[Clip; 2]> {
        let own = owner.and_then(|owner| self.sounds.get(&SoundName::new(&format!("@{owner}/{name}"))));
        own.or_else(|| self.sounds.get(&SoundName::new(name)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.sounds.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.sounds.is_empty()
    }
}

/// Whose sound is meant, and the names that it may have.
fn owned(name: &SoundName) -> (Option<&str>, &str) {
    match name.as_str().strip_prefix('@').and_then(|owned| owned.split_once('/')) {
        Some((owner, names)) => (Some(owner), names),
        None => (None, name.as_str()),
    }
}

impl Default for Library {
    fn default() -> Self {
        Self::of_tones()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(sample: i16) -> Clip {
        Clip::new(vec![sample; 1_600].into(), Rate::Wide)
    }

    #[test]
    fn an_owners_sound_is_played_to_the_owner_and_the_common_one_to_all_others() {
        let mut library = Library::default();
        library.add(SoundName::new("id/goodbye"), &clip(1_000)).unwrap();
        library.add(SoundName::new("@a/id/goodbye"), &clip(-1_000)).unwrap();
        let heard = |name: &str| Some(library.find(&SoundName::new(name), Rate::Wide)?.samples()[800]);
        assert_eq!(heard("id/goodbye"), Some(1_000));
        assert_eq!(heard("@a/id/goodbye"), Some(-1_000));
        assert_eq!(heard("@b/id/goodbye"), Some(1_000));
        assert_eq!(heard("@a/id/welcome"), None);
        assert_eq!(heard("@a"), None);
        assert_eq!(library.find(&SoundName::new("id/goodbye"), Rate::Narrow).unwrap().samples().len(), 800);
    }

    #[test]
    fn what_stands_in_is_played_where_a_sound_is_not_there_and_the_owner_s_own_before_the_common_one() {
        let mut library = Library::default();
        library.add(SoundName::new("id/menu"), &clip(1_000)).unwrap();
        library.add(SoundName::new("@a/id/menu"), &clip(-1_000)).unwrap();
        library.add(SoundName::new("@b/id/sales"), &clip(2_000)).unwrap();
        for (name, heard, is_meant) in [
            ("@a/id/sales|id/menu", Some(-1_000), false),
            ("@b/id/sales|id/menu", Some(2_000), true),
            ("@c/id/sales|id/menu", Some(1_000), false),
            ("id/sales|id/menu", Some(1_000), false),
            ("id/menu", Some(1_000), true),
            ("@c/id/sales|id/none", None, false),
        ] {
            let name = SoundName::new(name);
            let found = library.find(&name, Rate::Wide).map(|clip| clip.samples()[800]);
            assert_eq!((found, library.has(&name)), (heard, is_meant), "{name:?}");
        }
    }

    #[test]
    fn what_stood_in_a_sounds_place_goes_and_the_sound_is_back() {
        let (mut library, name) = (Library::default(), SoundName::new("@a/id/menu"));
        library.add(name.clone(), &clip(1_000)).unwrap();
        let before = library.clone();
        library.add(name.clone(), &clip(2_000)).unwrap();
        library.restore(&name, &before);
        assert_eq!(library.find(&name, Rate::Wide).map(|clip| clip.samples()[800]), Some(1_000));
        library.restore(&name, &Library::default());
        assert!(library.find(&name, Rate::Wide).is_none());
    }

    #[test]
    fn tones_need_no_file() {
        let library = Library::default();
        assert_eq!(library.len(), TONES.len());
        for (name, _) in TONES {
            assert!(library.find(&SoundName::new(name), Rate::Narrow).is_some(), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_kept_is_refused_with_the_reason() {
        let mut library = Library::default();
        let empty = Clip::new([].into(), Rate::Wide);
        assert_eq!(library.add(SoundName::new("x"), &empty), Err(SoundError::Length(0)));
        let long = Clip::new(vec![0; (SOUND_MS_MAX + 1) * 8].into(), Rate::Narrow);
        assert_eq!(library.add(SoundName::new("x"), &long), Err(SoundError::Length(SOUND_MS_MAX + 1)));
    }
}
