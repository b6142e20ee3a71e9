//! What one leg is played: a place in shared clips, an encoder, and when the next packet is due.
//!
//! Packets leave on a grid that is the leg's own, so that a thousand listeners are not served in one instant. What is
//! late by more than [`LATE_MICROS_MAX`] is left out; nothing is sent in a burst.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{made::Made, own::Own, written::Written};
use crate::{
    audio::{
        library::Library,
        player::{Clip, Played, Player, Repeat},
    },
    media::{SOUNDS_MAX, SoundName, Voice},
};

/// More than this behind, and the packets between are left out.
pub const LATE_MICROS_MAX: u64 = 100_000;

/// What is played, and how far it has come: enough to go on in another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programme {
    /// One after the other.
    #[serde(serialize_with = "written", deserialize_with = "read")]
    pub sounds: Arc<[SoundName]>,
    /// Without end.
    pub repeat: bool,
    /// The sound that comes next …
    pub sound: usize,
    /// … and the millisecond in it.
    pub ms: usize,
}

fn written<S: Serializer>(sounds: &Arc<[SoundName]>, serializer: S) -> Result<S::Ok, S::Error> {
    sounds.as_ref().serialize(serializer)
}

fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[SoundName]>, D::Error> {
    Ok(Vec::deserialize(deserializer)?.into())
}

/// A programme under way.
#[derive(Debug)]
pub(super) struct Playing {
    programme: Programme,
    player: Player,
    written: Written,
    due_micros: u64,
}

/// What a tick has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ticked {
    /// There is more to come.
    More,
    /// The last sound has ended.
    Ended,
}

/// A programme that cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unplayable {
    /// None of its sounds is in the library.
    Missing,
    /// The leg has no format that we can write.
    Voiceless,
}

impl Programme {
    /// From the beginning.
    pub fn new(sounds: Arc<[SoundName]>, repeat: bool) -> Self {
        let sounds = if sounds.len() > SOUNDS_MAX {
            sounds.iter().take(SOUNDS_MAX).cloned().collect()
        } else {
            sounds
        };
        Self { sounds, repeat, sound: 0, ms: 0 }
    }

    /// How many of its sounds are not there, be it that others stand in for them.
    pub fn missing(&self, library: &Library) -> usize {
        self.sounds.iter().filter(|name| !library.has(name)).count()
    }
}

/// The first point of a leg's grid at or after `now`. A grid is `step` wide and begins `phase` after a whole step.
pub(crate) fn on_grid(now: u64, step: u64, phase: u64) -> u64 {
    let (step, phase) = (step.max(1), phase % step.max(1));
    let since = (now % step + step - phase) % step;
    if since == 0 { now } else { now.saturating_add(step - since) }
}

impl Playing {
    pub(super) fn new(
        now_micros: u64,
        phase_micros: u64,
        programme: Programme,
        voice: &Voice,
        library: &Library,
    ) -> Result<Self, Unplayable> {
        let written = Written::new(voice).ok_or(Unplayable::Voiceless)?;
        let rate = written.rate();
        let silence = || Clip::new(Arc::from([]), rate);
        // A missing sound keeps its place, so that the place of the others is theirs.
        let clips: Arc<[Clip]> =
            programme.sounds.iter().map(|name| library.find(name, rate).unwrap_or_else(silence)).collect();
        let repeat = if programme.repeat { Repeat::Forever } else { Repeat::Times(1) };
        let mut player = Player::new(clips, rate, repeat).map_err(|_| Unplayable::Missing)?;
        player.seek(programme.sound, rate.samples(programme.ms));
        let due_micros = on_grid(now_micros, written.packet_micros(), phase_micros);
        Ok(Self { programme, player, written, due_micros })
    }

    pub(super) fn due(&self) -> u64 {
        self.due_micros
    }

    /// What it plays, and how far it is.
    pub(super) fn programme(&self) -> Programme {
        let (sound, sample) = self.player.position();
        Programme { sound, ms: sample / self.written.rate().per_ms(), ..self.programme.clone() }
    }

    /// Writes what is due. Nothing is encoded for a leg that cannot be sent to now, but time goes on.
    pub(super) fn tick(&mut self, now_micros: u64, is_heard: bool, own: &mut Own, made: &mut Made) -> Ticked {
        let step = self.written.packet_micros();
        if now_micros.saturating_sub(self.due_micros) > LATE_MICROS_MAX {
            let phase = self.due_micros % step.max(1);
            self.due_micros = on_grid(now_micros, step, phase);
            self.written.pause();
        }
        while self.due_micros <= now_micros {
            let played = self.player.frame(&mut self.written.frame);
            if played == Played::Ended(0) {
                return Ticked::Ended;
            }
            if is_heard {
                self.written.send(self.due_micros, own, made);
            } else {
                self.written.pause();
            }
            self.due_micros = self.due_micros.saturating_add(step.max(1));
            if matches!(played, Played::Ended(_)) {
                return Ticked::Ended;
            }
        }
        Ticked::More
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grid_is_met_at_its_phase_and_never_in_the_past() {
        for (now, phase, expected) in [
            (0, 0, 0),
            (1, 0, 20_000),
            (20_000, 3_000, 23_000),
            (23_000, 3_000, 23_000),
            (24_000, 23_000, 43_000),
        ] {
            assert_eq!(on_grid(now, 20_000, phase), expected, "{now} {phase}");
        }
    }
}
