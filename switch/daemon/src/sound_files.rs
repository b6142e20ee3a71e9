//! The sounds of a running switch: those that it brings along, and in their place those of the operator and of single
//! organisations. They are read once; which of them are played is not decided here. While it runs organisations upload sounds, replace them and take them
//! away; and messages of mailboxes come and go: the latest are among the sounds until others have taken their places.

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crossbeam_channel::{Receiver, Sender};
use relay::LibraryDoor;
use sounds::{Named, read_file, read_folder, shipped};
use streams::{
    audio::library::{Library, SoundError},
    media::SoundName,
};
use tokio::sync::oneshot;
use uuid::Uuid;

/// Sounds that were added and are kept. A leg that plays one keeps it by itself.
const ADDED_MAX: usize = 16;
/// Seconds of all uploaded sounds together that are kept decoded: 345 MB. What is beyond is not played.
const OWN_SECS_MAX: usize = 7_200;
/// Sounds that wait to be added.
const WAITING_MAX: usize = 64;
/// The relay takes a library within a turn of its loop; how often it is looked, and how far apart.
const LOOKS_MAX: u32 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// A sound that an organisation has uploaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnSound {
    /// What it is played as, its owner's name in front.
    pub(crate) name: String,
    /// Its file. Another version has another one.
    pub(crate) path: PathBuf,
}

/// What the shelf is asked to do.
enum Order {
    /// To have this sound among the others.
    Add(Named, oneshot::Sender<()>),
    /// To look at what organisations have uploaded.
    Look,
}

/// The way to add sounds while the switch runs. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Librarian {
    orders: Sender<Order>,
    /// All that organisations have uploaded, unless the shelf has it already.
    own: Arc<Mutex<Option<Vec<OwnSound>>>>,
}

impl Librarian {
    /// Adds a sound. True: it can be played from now on.
    pub(crate) async fn add(&self, sound: Named) -> bool {
        let (tell, told) = oneshot::channel();
        self.orders.try_send(Order::Add(sound, tell)).is_ok() && told.await.is_ok()
    }

    /// These and no others are what organisations have uploaded; they can be played a moment later.
    pub(crate) fn own(&self, all: Vec<OwnSound>) {
        let was_taken = self.own.lock().unwrap_or_else(PoisonError::into_inner).replace(all).is_none();
        if was_taken {
            // With a full channel the shelf looks too, at its next order.
            let _ = self.orders.try_send(Order::Look);
        }
    }
}

/// Decodes all sounds on a thread of its own, because that takes longer than a call may be silent, and gives them to the
/// relay: when the first of them is to be heard, so that a switch that plays nothing pays nothing. What cannot be used is told
/// in the log. Sounds are added after that.
pub(crate) fn read(folder: PathBuf, door: LibraryDoor) -> Librarian {
    let (orders, ordered) = crossbeam_channel::bounded(WAITING_MAX);
    let own = Arc::default();
    let librarian = Librarian { orders, own: Arc::clone(&own) };
    let run = move || {
        if door.wanted() {
            Shelf::new(door, library(&folder), own).run(&ordered);
        }
    };
    if let Err(error) = std::thread::Builder::new().name("sounds".into()).spawn(run) {
        tracing::error!(%error, "no sound can be played");
    }
    librarian
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
    /// Without what organisations have uploaded.
    base: Library,
    /// What they have, unless it was looked at.
    uploaded: Arc<Mutex<Option<Vec<OwnSound>>>>,
    /// The files of what of it is in the library, and how many seconds each is.
    own: BTreeMap<String, (PathBuf, usize)>,
    /// Libraries that the relay may still have: they are given up here, because its thread frees nothing.
    former: Vec<Arc<Library>>,
    added: VecDeque<SoundName>,
}

impl Shelf {
    fn new(mut door: LibraryDoor, base: Library, uploaded: Arc<Mutex<Option<Vec<OwnSound>>>>) -> Self {
        let mut own = BTreeMap::new();
        let mut library = base.clone();
        if let Some(all) = taken(&uploaded) {
            put(&mut library, (&base, &mut own), all);
        }
        let library = Arc::new(library);
        door.give(Arc::clone(&library));
        Self { door, library, base, uploaded, own, former: Vec::new(), added: VecDeque::new() }
    }

    fn run(mut self, ordered: &Receiver<Order>) {
        while let Ok(order) = ordered.recv() {
            if let Some(all) = taken(&self.uploaded) {
                let mut library = Library::clone(&self.library);
                put(&mut library, (&self.base, &mut self.own), all);
                if !self.replace(library) {
                    tracing::warn!("the relay takes no sounds");
                }
            }
            let Order::Add(sound, told) = order else { continue };
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
        Ok(self.replace(library))
    }

    /// Whether the relay plays from this one from now on.
    fn replace(&mut self, library: Library) -> bool {
        let former = std::mem::replace(&mut self.library, Arc::new(library));
        self.former.push(former);
        self.give()
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

fn taken(uploaded: &Mutex<Option<Vec<OwnSound>>>) -> Option<Vec<OwnSound>> {
    uploaded.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Has the library hold all these, in place of what is in `base`, and no other uploaded ones. What cannot be used is told in the log.
fn put(
    library: &mut Library,
    (base, own): (&Library, &mut BTreeMap<String, (PathBuf, usize)>),
    all: Vec<OwnSound>,
) {
    let wanted: BTreeMap<&str, &Path> =
        all.iter().map(|sound| (sound.name.as_str(), sound.path.as_path())).collect();
    own.retain(|name, (path, _)| {
        let stays = wanted.get(name.as_str()) == Some(&path.as_path());
        if !stays {
            library.restore(&SoundName::new(name), base);
        }
        stays
    });
    let mut secs: usize = own.values().map(|(_, secs)| secs).sum();
    for OwnSound { name, path } in all {
        if own.contains_key(&name) {
            continue;
        }
        let added = read_file(&path).map_err(|error| error.to_string()).and_then(|clip| {
            let clip_secs = clip.samples().len() / clip.rate().hz() as usize + 1;
            if secs + clip_secs > OWN_SECS_MAX {
                return Err(format!("uploaded sounds come to more than {OWN_SECS_MAX} s"));
            }
            library.add(SoundName::new(&name), &clip).map_err(|error| error.to_string())?;
            Ok(clip_secs)
        });
        match added {
            Ok(clip_secs) => {
                secs += clip_secs;
                own.insert(name, (path, clip_secs));
            }
            Err(reason) => {
                tracing::warn!(sound = %path.display(), reason, "an uploaded sound cannot be played");
            }
        }
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

    /// A tenth of a second of one value, 16 bits at 16 kHz.
    fn wav(sample: i16) -> Vec<u8> {
        let mut file = b"RIFF\xa4\x0c\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data\x80\x0c\0\0".to_vec();
        file.extend(std::iter::repeat_n(sample.to_le_bytes(), 1_600).flatten());
        file
    }

    #[test]
    fn what_is_uploaded_is_played_in_the_place_of_the_operators_until_it_is_taken_away() {
        let (folder, name) = (tempfile::tempdir().unwrap(), SoundName::new("@a/id/menu"));
        let sound = |file: &str, octets: &[u8]| {
            let path = folder.path().join(file);
            std::fs::write(&path, octets).unwrap();
            vec![OwnSound { name: "@a/id/menu".to_owned(), path }]
        };
        let mut base = Library::of_tones();
        base.add(name.clone(), &sounds::decode(&wav(100)).unwrap()).unwrap();
        let (mut library, mut own) = (base.clone(), BTreeMap::new());
        for (all, heard) in [
            (sound("1", &wav(200)), 200),
            (sound("2", &wav(300)), 300),
            (sound("3", b"broken"), 100),
            (sound("2", &wav(300)), 300),
            (vec![], 100),
        ] {
            put(&mut library, (&base, &mut own), all);
            let clip = library.find(&name, streams::audio::Rate::Wide).unwrap();
            assert_eq!(clip.samples()[800], heard);
        }
    }

    #[test]
    fn an_organisations_folder_holds_its_own_sounds() {
        let id = "0198a1f0-0000-7000-8000-000000000001";
        assert_eq!(owned(&format!("{id}/id/goodbye")), format!("@{id}/id/goodbye"));
        assert_eq!(owned(&format!("{}/music/default", id.to_uppercase())), format!("@{id}/music/default"));
        assert_eq!(owned("id/goodbye"), "id/goodbye");
        assert_eq!(owned(id), id, "no folder");
    }
}
