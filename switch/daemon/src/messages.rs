//! Brings messages of mailboxes from the store to the relay for those who want to hear them: fetched, unlocked with the
//! switch's own key, decoded, and put among the sounds under a name that call control knows.
//!
//! Nothing waits for it: an order that finds no room, a store that is slow and a file that is broken all come to the same,
//! which is that the caller is told so.

use std::{io::Cursor, sync::Arc, time::Duration};

use calls::{MessageFetch, message_sound};
use recorder::{Store, key::PrivateKey, sealed};
use sounds::{Named, SOUND_BYTES_MAX, SOUND_SECS_MAX};
use streams::audio::{library::SOUND_MS_MAX, player::Clip};
use tokio::sync::{Semaphore, mpsc};

use crate::{engine, sound_files::Librarian};

/// Orders that wait.
pub(crate) const FETCHES_MAX: usize = 256;
/// Messages that are fetched at the same time.
const FETCHING_MAX: usize = 8;
/// Shorter than call control waits.
const FETCH_TIMEOUT: Duration = Duration::from_secs(12);

/// A message that is as long as it may be, and ends a moment later, is a sound.
const _: () = {
    let longest = *dialplan::limits::MAILBOX_MESSAGE_SECS.end() as usize;
    assert!(SOUND_SECS_MAX > longest && SOUND_MS_MAX > 1_000 * longest);
};

/// What the task works with.
pub(crate) struct Reader {
    /// Where messages are.
    pub(crate) store: Store,
    /// What opens them.
    pub(crate) key: Arc<PrivateKey>,
    /// What is wanted.
    pub(crate) wanted: mpsc::Receiver<MessageFetch>,
}

impl Reader {
    /// Fetches for ever. Dropping it at any point is safe.
    pub(crate) async fn run(mut self, handle: engine::Handle, librarian: Librarian) {
        let places = Arc::new(Semaphore::new(FETCHING_MAX));
        while let Some(fetch) = self.wanted.recv().await {
            let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
            let (store, key) = (self.store.clone(), Arc::clone(&self.key));
            let (handle, librarian) = (handle.clone(), librarian.clone());
            tokio::spawn(async move {
                let _place = place;
                let brought =
                    tokio::time::timeout(FETCH_TIMEOUT, bring(&store, key, &fetch, &librarian)).await;
                let outcome = brought.unwrap_or_else(|_| Err("it took too long".to_owned()));
                if let Err(reason) = &outcome {
                    tracing::warn!(recording = %fetch.recording, reason, "a message cannot be played");
                }
                // Too busy: the caller is told when call control has waited long enough.
                handle.message_ready(fetch.call, fetch.recording, outcome.is_ok());
            });
        }
    }
}

async fn bring(
    store: &Store,
    key: Arc<PrivateKey>,
    fetch: &MessageFetch,
    librarian: &Librarian,
) -> Result<(), String> {
    let found = store.get_whole(&fetch.key, SOUND_BYTES_MAX).await.map_err(|error| error.to_string())?;
    let locked = found.ok_or("the store does not have it, or it is too large")?;
    let name = message_sound(fetch.recording);
    let opened = tokio::task::spawn_blocking(move || open(&locked, &key)).await;
    let clip = opened.map_err(|error| error.to_string())??;
    if librarian.add(Named { name, clip }).await {
        Ok(())
    } else {
        Err("the relay does not take it".to_owned())
    }
}

fn open(locked: &[u8], key: &PrivateKey) -> Result<Clip, String> {
    let mut file = Cursor::new(Vec::new());
    sealed::open(locked, std::slice::from_ref(key), &mut file).map_err(|error| error.to_string())?;
    let clip = sounds::decode(file.get_ref()).map_err(|error| error.to_string())?;
    // The caller is one of two sides, and the other one is silent: what both come to is half as loud.
    let samples = clip.samples().iter().map(|sample| sample.saturating_mul(2)).collect();
    Ok(Clip::new(samples, clip.rate()))
}
