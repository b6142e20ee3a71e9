//! The sounds of a folder and the folders in it.
//!
//! `id/goodbye.wav` is called `id/goodbye` and stands for the shipped sound of that name, for everybody;
//! `ORGANISATION/id/goodbye.wav` for that organisation alone. A file that is no sound is told and left out.

use std::{
    collections::VecDeque,
    fs, io,
    path::{Path, PathBuf},
};

use streams::audio::player::Clip;

use crate::{
    Named,
    decode::{SOUND_BYTES_MAX, SoundError, decode},
};

/// Sounds that are read, at most.
pub const SOUNDS_MAX: usize = 4_096;
/// Organisation, language, `digits`: folders in each other.
pub const FOLDERS_DEEP_MAX: usize = 4;
const ENDINGS: [&str; 3] = ["opus", "ogg", "wav"];

/// A file or folder that could not be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", path.display())]
pub struct Unusable {
    /// Which.
    pub path: PathBuf,
    /// Why.
    pub error: SoundError,
}

/// Decodes every sound in a folder, in the order of their names, up to [`SOUNDS_MAX`]; the first one beyond is told, and it
/// and all later ones are left out. A folder that does not exist has none. Files with other endings than `.opus`, `.ogg` and `.wav` are overlooked.
pub fn read_folder(folder: &Path) -> (Vec<Named>, Vec<Unusable>) {
    let (mut found, mut unusable) = (Vec::new(), Vec::new());
    let mut folders = VecDeque::from([(folder.to_owned(), 0)]);
    while let Some((inner, depth)) = folders.pop_front() {
        let entries = match entries(&inner) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                unusable.push(Unusable { path: inner, error: error.into() });
                continue;
            }
        };
        for path in entries {
            if path.is_dir() {
                if depth < FOLDERS_DEEP_MAX {
                    folders.push_back((path, depth + 1));
                }
                continue;
            }
            let Some(name) = path.strip_prefix(folder).ok().and_then(name_of) else { continue };
            if found.len() == SOUNDS_MAX {
                unusable.push(Unusable { path, error: SoundError::TooMany });
                return (found, unusable);
            }
            match read_file(&path) {
                Ok(clip) => found.push(Named { name, clip }),
                Err(error) => unusable.push(Unusable { path, error }),
            }
        }
    }
    (found, unusable)
}

fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// The sound of one file, whatever it is called.
pub fn read_file(path: &Path) -> Result<Clip, SoundError> {
    decode(&read(path)?)
}

fn read(path: &Path) -> Result<Vec<u8>, SoundError> {
    // Its length first: what is far too long is not read at all.
    if fs::metadata(path)?.len() > SOUND_BYTES_MAX as u64 {
        return Err(SoundError::TooLarge);
    }
    Ok(fs::read(path)?)
}

/// `id/goodbye` for `id/goodbye.opus`; nothing where it does not end like a sound.
pub(crate) fn name_of(path: &Path) -> Option<String> {
    let ending = path.extension()?.to_str()?;
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)).then_some(())?;
    let parts = path.with_extension("");
    let parts: Option<Vec<&str>> = parts.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}
