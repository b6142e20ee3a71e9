//! Opens what recordings need: the key, the spool, the store, the ring between media thread and recorder.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Instant,
};

use recorder::{
    Counters, HandOver, Parts, Recorder, Spool, Store, StoreConfig,
    key::{KeyError, Keys, PrivateKey, PublicKey},
};
use rtrb::{Producer, RingBuffer};
use tokio::sync::{Notify, mpsc};

use super::Desk;
use crate::{
    atomic_file,
    config::{Config, Mistake},
    messages::{FETCHES_MAX, Reader},
};

/// The key pair that a switch makes for itself when it is given none.
pub(crate) const OWN_KEY: &str = "recording.key";
const OWN_PUBLIC_KEY: &str = "recording.public";
/// What messages are locked with; the switch opens them for whoever they are for.
const MESSAGES_KEY: &str = "voicemail.key";
const MEBIBYTE: u64 = 1_024 * 1_024;

/// Everything open.
pub(crate) struct Opened {
    /// For the engine.
    pub(crate) desk: Desk,
    /// For the media thread.
    pub(crate) ring: Producer<u8>,
    /// To be run; it has the store.
    pub(crate) hand_over: HandOver,
    /// To be run: brings messages of mailboxes to whoever hears them.
    pub(crate) reader: Reader,
}

/// Opens it all. `origin` is where the time line of media begins; `waker` is called when the engine has something to fetch.
pub(crate) fn open(
    config: &Config,
    origin: Instant,
    waker: impl Fn() + Clone + Send + Sync + 'static,
) -> Result<Opened, Vec<Mistake>> {
    let one = |key: &str, reason: String| vec![Mistake::new(key, reason)];
    let settings = &config.recording;
    let key = key(settings.public_key_file.as_deref(), &config.data_dir)
        .map_err(|(path, error)| one("recording.public_key_file", format!("{}: {error}", path.display())))?;
    tracing::info!(key = key.name_text(), "recordings are locked");
    let path = config.data_dir.join(MESSAGES_KEY);
    let messages_key =
        read_or_make(&path).map_err(|error| one("data_dir", format!("{}: {error}", path.display())))?;
    let keys = Keys { calls: key, messages: messages_key.public() };
    let counters = Arc::<Counters>::default();
    let spool = config.recordings_dir().join("spool");
    let spool = Spool::open(&spool, settings.spool_max_mb.saturating_mul(MEBIBYTE), Arc::clone(&counters))
        .map_err(|error| one("data_dir", format!("{}: {error}", spool.display())))?;
    let store = store(config).map_err(|error| one("recording.store", error.to_string()))?;
    let (ring, taken) = RingBuffer::new(relay::TAP_RING_BYTES);
    let finished = Arc::<Notify>::default();
    let notify = Arc::clone(&finished);
    let parts = Parts {
        spool: spool.clone(),
        keys,
        ring: taken,
        clock: Box::new(move || u64::try_from(origin.elapsed().as_micros()).unwrap_or(u64::MAX)),
        finished: Box::new(move || notify.notify_one()),
        counters: Arc::clone(&counters),
    };
    let recorder =
        Recorder::start(parts, waker.clone()).map_err(|error| one("recording", error.to_string()))?;
    let (fetches, wanted) = mpsc::channel(FETCHES_MAX);
    let reader = Reader { store: store.clone(), key: Arc::new(messages_key), wanted };
    let hand_over = HandOver {
        spool,
        store,
        news: recorder.news(),
        waker: Box::new(waker),
        finished,
        counters: Arc::clone(&counters),
    };
    let desk = Desk {
        recorder,
        counters,
        format: settings.format,
        origin,
        waiting: Default::default(),
        journal: Arc::default(),
        written_before: 0,
        unconfirmed: Default::default(),
        is_lost: false,
        fetches,
    };
    Ok(Opened { desk, ring, hand_over, reader })
}

fn store(config: &Config) -> Result<Store, recorder::StoreError> {
    let settings = &config.recording;
    Store::open(&match settings.store.as_str() {
        "" => StoreConfig::Folder(config.recordings_dir().join("store")),
        url if url.starts_with("s3://") => StoreConfig::S3 {
            url: url.to_owned(),
            endpoint: Some(settings.s3_endpoint.clone()).filter(|endpoint| !endpoint.is_empty()),
            region: Some(settings.s3_region.clone()).filter(|region| !region.is_empty()),
        },
        folder => StoreConfig::Folder(PathBuf::from(folder)),
    })
}

/// The public key that was named; else that of a pair of our own, which is made when it is needed first.
fn key(named: Option<&Path>, data_dir: &Path) -> Result<PublicKey, (PathBuf, KeyError)> {
    if let Some(path) = named {
        return PublicKey::read(path).map_err(|error| (path.to_owned(), error));
    }
    let (private, public) = (data_dir.join(OWN_KEY), data_dir.join(OWN_PUBLIC_KEY));
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    // Who has taken the private key away to a safe place goes on with the public one.
    match fs::exists(&public) {
        Ok(true) => PublicKey::read(&public).map_err(at(&public)),
        Ok(false) => {
            let key = read_or_make(&private).map_err(at(&private))?.public();
            atomic_file::replace(&public, key.to_text().as_bytes())
                .map_err(|error| at(&public)(error.into()))?;
            Ok(key)
        }
        Err(error) => Err(at(&public)(error.into())),
    }
}

/// The private key of a file, which is made when it is needed first.
fn read_or_make(path: &Path) -> Result<PrivateKey, KeyError> {
    match PrivateKey::read(path) {
        Err(KeyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => {
            let made = PrivateKey::generate()?;
            made.write_new(path)?;
            Ok(made)
        }
        found => found,
    }
}
