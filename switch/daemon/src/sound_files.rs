//! The sounds of a running switch: those that it brings along, and in their place those of the operator and of single
//! organisations. They are read once; which of them are played is not decided here.

use std::{path::PathBuf, sync::Arc};

use relay::LibraryDoor;
use sounds::{Named, read_folder, shipped};
use streams::{audio::library::Library, media::SoundName};
use uuid::Uuid;

/// Decodes all sounds on a thread of its own, because that takes longer than a call may be silent, and gives them to the
/// relay: when the first of them is to be heard, so that a switch that plays nothing pays nothing. What cannot be used is told
/// in the log.
pub(crate) fn read(folder: PathBuf, mut door: LibraryDoor) {
    let read = move || {
        if !door.wanted() {
            return;
        }
        let mut library = Library::of_tones();
        let (own, unusable) = read_folder(&folder);
        for reason in unusable {
            tracing::warn!(%reason, "a sound cannot be played");
        }
        for Named { name, clip } in shipped().into_iter().chain(own) {
            if let Err(error) = library.add(SoundName::new(&owned(&name)), &clip) {
                tracing::warn!(%name, %error, "a sound cannot be played");
            }
        }
        tracing::info!(sounds = library.len(), "sounds are read");
        door.give(Arc::new(library));
    };
    if let Err(error) = std::thread::Builder::new().name("sounds".into()).spawn(read) {
        tracing::error!(%error, "no sound can be played");
    }
}

/// A folder that is called like an organisation's id holds that organisation's own.
fn owned(name: &str) -> String {
    let parts = name.split_once('/').and_then(|(owner, rest)| Some((Uuid::try_parse(owner).ok()?, rest)));
    parts.map_or_else(|| name.to_owned(), |(owner, rest)| format!("@{owner}/{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_organisations_folder_holds_its_own_sounds() {
        let id = "0198a1f0-0000-7000-8000-000000000001";
        assert_eq!(owned(&format!("{id}/id/goodbye")), format!("@{id}/id/goodbye"));
        assert_eq!(owned(&format!("{}/music/default", id.to_uppercase())), format!("@{id}/music/default"));
        assert_eq!(owned("id/goodbye"), "id/goodbye");
        assert_eq!(owned(id), id, "no folder");
    }
}
