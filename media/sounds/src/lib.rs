//! What the switch says and plays: the prompts and the music that are shipped, and those that an operator puts in their
//! place.
//!
//! The shipped ones are made by `bin/sounds` and are part of the program, so that a switch without any file can speak.
//! Everything is decoded once, to 16 kHz, and shared by all who hear it. When what is played to whom is decided
//! elsewhere, and playing it is the relay's business.

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing))]

mod decode;
mod folder;

use include_dir::{Dir, DirEntry, include_dir};
use streams::audio::player::Clip;

pub use decode::{SOUND_BYTES_MAX, SOUND_SECS_MAX, SoundError, decode};
pub use folder::{FOLDERS_DEEP_MAX, SOUNDS_MAX, Unusable, read_file, read_folder};

/// What is said in the prompts that are shipped, as TOML: a table for each, with its text in each language, or texts that are numbered from 0.
pub const PROMPTS: &str = include_str!("../prompts.toml");

static SHIPPED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/shipped");

/// A sound by its name: `id/goodbye`, `music/default`.
#[derive(Clone, Debug)]
pub struct Named {
    /// Folders and name without ending, with `/` in between.
    pub name: String,
    /// The sound.
    pub clip: Clip,
}

/// Decodes what is shipped. Takes some tenths of a second: not for a thread that others wait for.
pub fn shipped() -> Vec<Named> {
    let mut found = Vec::new();
    collect(&SHIPPED, &mut found);
    found
}

fn collect(folder: &'static Dir<'_>, found: &mut Vec<Named>) {
    for entry in folder.entries() {
        match entry {
            DirEntry::Dir(inner) => collect(inner, found),
            // That all of them can be decoded is tested.
            DirEntry::File(file) => found.extend(
                folder::name_of(file.path())
                    .zip(decode(file.contents()).ok())
                    .map(|(name, clip)| Named { name, clip }),
            ),
        }
    }
}
