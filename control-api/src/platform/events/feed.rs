//! Who follows the events of this process' clients: places for them, and what wakes them. The events themselves are read from the
//! rows by each follower, from its own cursor on.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, broadcast, watch};
use uuid::Uuid;

use crate::http::error::ApiError;

/// Followers at the same time.
const FOLLOWERS_MAX: usize = 1_000;
/// Of one actor.
const FOLLOWERS_OF_ONE_MAX: usize = 20;
/// Guests that follow at the same time, beside those.
const GUESTS_MAX: usize = 1_000;
/// Of one guest: a page that is loaded again may come before the one before has gone.
const FOLLOWERS_OF_GUEST_MAX: usize = 3;
/// Followers that read rows at the same time: the others wait, so that requests find a connection.
const READING_MAX: usize = 2;
/// Wake-up calls that a follower may be behind; beyond it, it looks.
const CALLS_MAX: usize = 1_024;
/// A follower that takes nothing for so long is closed; it comes back with its cursor.
const STALLED_MAX: Duration = Duration::from_secs(30);
/// When whoever has too many followers may try again.
const CROWDED: Duration = Duration::from_secs(10);

/// What followers share. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Feed {
    /// Organisations with something new.
    news: broadcast::Sender<Uuid>,
    ending: Arc<watch::Sender<bool>>,
    pub(super) reading: Arc<Semaphore>,
    places: Arc<Semaphore>,
    guest_places: Arc<Semaphore>,
    followers: Arc<Mutex<BTreeMap<Uuid, usize>>>,
    pub(super) stalled_max: Duration,
}

impl Default for Feed {
    fn default() -> Self {
        Self::with_patience(STALLED_MAX)
    }
}

impl Feed {
    /// One that closes a follower who takes nothing for so long.
    pub fn with_patience(stalled_max: Duration) -> Self {
        Self {
            news: broadcast::Sender::new(CALLS_MAX),
            ending: Arc::new(watch::Sender::new(false)),
            reading: Arc::new(Semaphore::new(READING_MAX)),
            places: Arc::new(Semaphore::new(FOLLOWERS_MAX)),
            guest_places: Arc::new(Semaphore::new(GUESTS_MAX)),
            followers: Arc::default(),
            stalled_max,
        }
    }

    /// How many follow now.
    pub fn followers(&self) -> usize {
        FOLLOWERS_MAX.saturating_sub(self.places.available_permits())
    }

    /// There is something new for this organisation's followers.
    pub fn tell(&self, org: Uuid) {
        // Nobody follows.
        let _ = self.news.send(org);
    }

    /// Has all followers go: they come back to whoever is there then.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }

    /// A place for one more follower of this actor's.
    pub(super) fn place(&self, actor: Uuid) -> Result<Place, ApiError> {
        self.place_among(&self.places, actor, FOLLOWERS_OF_ONE_MAX)
    }

    /// The same for one of a guest's session, whose crowd takes no place from the organisation's people.
    pub(super) fn guest_place(&self, session: Uuid) -> Result<Place, ApiError> {
        self.place_among(&self.guest_places, session, FOLLOWERS_OF_GUEST_MAX)
    }

    fn place_among(&self, places: &Arc<Semaphore>, actor: Uuid, most: usize) -> Result<Place, ApiError> {
        let permit = Arc::clone(places).try_acquire_owned().map_err(|_| ApiError::Busy)?;
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        let count = followers.entry(actor).or_default();
        if *count >= most {
            return Err(ApiError::TooMany(CROWDED));
        }
        *count += 1;
        drop(followers);
        let (news, ending) = (self.news.subscribe(), self.ending.subscribe());
        Ok(Place { actor, followers: Arc::clone(&self.followers), news, ending, _permit: permit })
    }
}

/// One follower's place, given back when it goes.
#[derive(Debug)]
pub(super) struct Place {
    actor: Uuid,
    followers: Arc<Mutex<BTreeMap<Uuid, usize>>>,
    pub(super) news: broadcast::Receiver<Uuid>,
    pub(super) ending: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
}

/// Until all followers are to go.
pub(super) async fn ended(ending: &mut watch::Receiver<bool>) {
    // Whoever could say so is gone: so is everything.
    let _ = ending.wait_for(|is_ending| *is_ending).await;
}

/// Until there is something new for this organisation, or might be.
pub(super) async fn woken(news: &mut broadcast::Receiver<Uuid>, org: Uuid) {
    loop {
        match news.recv().await {
            Ok(other) if other != org => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut followers = self.followers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = followers.get_mut(&self.actor) {
            *count -= 1;
            if *count == 0 {
                followers.remove(&self.actor);
            }
        }
    }
}
