//! The sounds of a running switch: those that it brings along, and in their place those of the operator and of single
//! organisations. They are read once; which of them are played is not decided here. Messages of mailboxes come and go while it
//! runs: the latest are among the sounds until others have taken their places.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender};
use relay::LibraryDoor;
use sounds::{Named, read_folder, shipped};
use streams::{
    audio::library::{Library, SoundError},
    media::SoundName,
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// Sounds that were added and are kept. A leg that plays one keeps it by itself.
const ADDED_MAX: usize = 16;
/// Sounds that wait to be added.
const WAITING_MAX: usize = 64;
/// The relay takes a library within a turn of its loop; how often it is looked, and how far apart.
const LOOKS_MAX: u32 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// The way to add sounds while the switch runs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Librarian(Sender<(Named, oneshot::Sender<()>)>);

impl Librarian {
    /// Adds a sound. True: it can be played from now on.
    pub(crate) async fn add(&self, sound: Named) -> bool {
        let (tell, told) = oneshot::channel();
        self.0.try_send((sound, tell)).is_ok() && told.await.is_ok()
    }
}

/// Decodes all sounds on a thread of its own, because that takes longer than a call may be silent, and gives them to the
/// relay: when the first of them is to be heard, so that a switch that plays nothing pays nothing. What cannot be used is told
/// in the log. Sounds are added after that.
pub(crate) fn read(folder: PathBuf, door: LibraryDoor) -> Librarian {
    let (sender, added) = crossbeam_channel::bounded(WAITING_MAX);
    let run = move || {
        if door.wanted() {
            Shelf::new(door, Arc::new(library(&folder))).run(&added);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("sounds".into()).spawn(run) {
        tracing::error!(%error, "no sound can be played");
    }
    Librarian(sender)
}

fn library(folder: &Path) -> Library {
    let mut library = Library::of_tones();
    let (own, unusable) = read_folder(folder);
    for reason in unusable {
        tracing::warn!(%reason, "a sound cannot be played");
    }
    for Named { name, clip } in shipped().into_iter().chain(own) {
        if let Err(error) = library.add(SoundName::new(&owned(&name)), &clip) {
            tracing::warn!(%name, %error, "a sound cannot be played");
        }
    }
    tracing::info!(sounds = library.len(), "sounds are read");
    library
}

/// What the relay plays from, and how it changes.
struct Shelf {
    door: LibraryDoor,
    library: Arc<Library>,
    /// Libraries that the relay may still have: they are given up here, because its thread frees nothing.
    former: Vec<Arc<Library>>,
    added: VecDeque<SoundName>,
}

impl Shelf {
    fn new(mut door: LibraryDoor, library: Arc<Library>) -> Self {
        door.give(Arc::clone(&library));
        Self { door, library, former: Vec::new(), added: VecDeque::new() }
    }

    fn run(mut self, added: &Receiver<(Named, oneshot::Sender<()>)>) {
        while let Ok((sound, told)) = added.recv() {
            match self.add(&sound) {
                Ok(true) => drop(told.send(())),
                Ok(false) => tracing::warn!("the relay takes no sounds"),
                Err(error) => tracing::warn!(%error, "a message cannot be played"),
            }
        }
    }

    /// Whether the relay plays from the new library.
    fn add(&mut self, Named { name, clip }: &Named) -> Result<bool, SoundError> {
        let name = SoundName::new(name);
        let (mut library, mut added) = (Library::clone(&self.library), self.added.clone());
        added.retain(|one| *one != name);
        if added.len() >= ADDED_MAX
            && let Some(oldest) = added.pop_front()
        {
            library.remove(&oldest);
        }
        library.add(name.clone(), clip)?;
        added.push_back(name);
        self.added = added;
        let former = std::mem::replace(&mut self.library, Arc::new(library));
        self.former.push(former);
        Ok(self.give())
    }

    fn give(&mut self) -> bool {
        let mut is_given = false;
        for _ in 0..LOOKS_MAX {
            is_given = is_given || self.door.give(Arc::clone(&self.library));
            if is_given && self.door.is_taken() {
                self.former.retain(|former| Arc::strong_count(former) > 1);
                return true;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        false
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
