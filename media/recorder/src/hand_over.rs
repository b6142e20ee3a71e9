//! Finished recordings to the store, the oldest first, for as long as it takes.
//!
//! The list of what waits is the spool folder itself, so nothing is forgotten when the process ends. A recording stays there
//! until whoever writes facts down says that the store's having it is one ([`crate::Order::Recorded`]); after a crash in
//! between it is put into the store once more, under the same name.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read as _},
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use crossbeam_channel::{Sender, TrySendError};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::{
    News, Stored,
    counters::Counters,
    sealed::{About, SealedError, Standing},
    spool::Spool,
    store::{Store, StoreError},
};

/// The first pause after a failure; each is twice as long as the one before.
const PAUSE_MIN: Duration = Duration::from_secs(1);
/// The longest.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// While nobody fetches news it is looked again so often.
const NEWS_PAUSE: Duration = Duration::from_millis(100);
/// The folder is looked through at least so often.
const LOOK_EVERY: Duration = Duration::from_secs(300);
const READ_BYTES: usize = 64 * 1_024;

/// What the task works with.
pub struct HandOver {
    /// Where recordings wait.
    pub spool: Spool,
    /// Where they go.
    pub store: Store,
    /// Whom to tell ([`crate::Recorder::news`]), and how to wake them.
    pub news: Sender<News>,
    /// See `news`.
    pub waker: Box<dyn Fn() + Send + Sync>,
    /// Notified when one is finished.
    pub finished: Arc<Notify>,
    /// Figures.
    pub counters: Arc<Counters>,
}

enum Trouble {
    /// The file is no recording.
    File(SealedError),
    /// The disk does not give this one now.
    Disk(io::Error),
    /// The store does not want to now.
    Store(StoreError),
}

/// What the task knows from one look through the folder to the next.
struct Round {
    /// What the store has and nobody has written down yet.
    told: BTreeSet<Uuid>,
    /// After the next failure.
    pause: Duration,
}

/// What a look through the folder has come to.
enum Outcome {
    /// Nothing is left.
    Done,
    /// Something is, which nothing else has to wait for.
    Left,
    /// The store is away, or the folder.
    Away,
}

impl HandOver {
    /// Hands over for ever. Dropping it at any point is safe.
    pub async fn run(self) {
        let mut round = Round { told: BTreeSet::new(), pause: PAUSE_MIN };
        loop {
            let outcome = self.look_through(&mut round).await;
            let pause = round.pause;
            let wait = match outcome {
                Outcome::Done => LOOK_EVERY,
                Outcome::Left | Outcome::Away => {
                    round.pause = (pause * 2).min(PAUSE_MAX);
                    pause
                }
            };
            if matches!(outcome, Outcome::Away) {
                tokio::time::sleep(wait).await;
            } else {
                let _ = tokio::time::timeout(wait, self.finished.notified()).await;
            }
        }
    }

    /// Hands over whatever waits.
    async fn look_through(&self, round: &mut Round) -> Outcome {
        let waiting = match self.spool.finished() {
            Ok(waiting) => waiting,
            Err(error) => {
                // What is in it is not known, so what was known goes on to hold.
                Counters::add(&self.counters.store_failures, 1);
                tracing::error!(%error, retry_secs = round.pause.as_secs(), "the spool of recordings cannot be read now");
                return Outcome::Away;
            }
        };
        round.told.retain(|recording| waiting.contains(recording));
        let left: Vec<Uuid> = waiting.into_iter().filter(|one| !round.told.contains(one)).collect();
        self.counters.waiting.store(left.len() as u64, Relaxed);
        let mut outcome = Outcome::Done;
        for recording in left {
            match self.hand(recording).await {
                Ok(stored) => {
                    self.tell(News::Stored(Box::new(stored))).await;
                    round.told.insert(recording);
                    Counters::add(&self.counters.stored, 1);
                    round.pause = PAUSE_MIN;
                }
                Err(Trouble::File(error)) => {
                    tracing::error!(%recording, %error, "a finished recording cannot be read; it is put aside");
                    self.spool.put_aside(&self.spool.done(recording));
                }
                Err(Trouble::Disk(error)) => {
                    Counters::add(&self.counters.store_failures, 1);
                    tracing::error!(%recording, %error, retry_secs = round.pause.as_secs(), "a finished recording cannot be read now; it waits in the spool");
                    outcome = Outcome::Left;
                }
                Err(Trouble::Store(error)) => {
                    Counters::add(&self.counters.store_failures, 1);
                    tracing::warn!(%recording, %error, retry_secs = round.pause.as_secs(), "the store does not take a recording; it waits in the spool");
                    return Outcome::Away;
                }
            }
        }
        outcome
    }

    async fn hand(&self, recording: Uuid) -> Result<Stored, Trouble> {
        let path = self.spool.done(recording);
        let looked = path.clone();
        let look = tokio::task::spawn_blocking(move || look(&looked)).await;
        let (standing, bytes, sha256) = look
            .unwrap_or_else(|error| Err(io::Error::other(error).into()))
            .map_err(|error| match error {
                SealedError::Io(error) => Trouble::Disk(error),
                error => Trouble::File(error),
            })?;
        let key = name_of(&standing.about);
        self.store.put(&key, &path).await.map_err(|error| match error {
            StoreError::Io(error) => Trouble::Disk(error),
            error => Trouble::Store(error),
        })?;
        // The first segment is nobody's death.
        let deaths = standing.segments.saturating_sub(1);
        Ok(Stored {
            about: standing.about,
            key,
            length_ms: u64::from(standing.progress.frames) * 20,
            bytes,
            sha256,
            interruptions: deaths,
        })
    }

    async fn tell(&self, news: News) {
        let mut news = news;
        while let Err(TrySendError::Full(back)) = self.news.try_send(news) {
            news = back;
            tokio::time::sleep(NEWS_PAUSE).await;
        }
        (self.waker)();
    }
}

/// Brings a finished file to the disk, and reads what is to be said of it.
fn look(path: &std::path::Path) -> Result<(Standing, u64, [u8; 32]), SealedError> {
    let mut file = File::open(path)?;
    file.sync_all()?;
    let standing = Standing::read(&mut file)?;
    let (mut hash, mut bytes, mut room) = (Sha256::new(), 0, vec![0; READ_BYTES]);
    let mut file = File::open(path)?;
    loop {
        let read = file.read(&mut room)?;
        let Some(octets) = room.get(..read).filter(|octets| !octets.is_empty()) else { break };
        hash.update(octets);
        bytes += octets.len() as u64;
    }
    Ok((standing, bytes, hash.finalize().into()))
}

/// The name of a recording's object: the organisation, the day (UTC), the call, the recording, what is in it.
fn name_of(about: &About) -> String {
    let day =
        Timestamp::from_microsecond(about.began_at).unwrap_or_default().strftime("%Y-%m-%d").to_string();
    let About { org, call, recording, format, .. } = about;
    format!("{org}/{day}/{call}/{recording}.{}.sealed", format.as_str())
}
