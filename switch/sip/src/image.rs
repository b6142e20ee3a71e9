//! Images: sessions and their transactions as plain data, so that the next process can go on with them.
//!
//! An image holds the structs themselves and when their timers fire; there is no second description of a session
//! that could fall out of step with the first. What is not in an image: the generator of tokens, which must not
//! repeat itself, and whatever the owner knows. An image is believed: it comes from ourselves.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::endpoint::{
    ClientKey, ClientTransaction, Endpoint, Identities, ServerKey, ServerTransaction, Servers, Why,
};
use crate::session::{Session, SessionKey};
use crate::timer::{Running, TimerQueue};

/// Sessions with all their transactions, to be given to [`Endpoint::resume`].
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionsImage(Image<Session, ClientTransaction, ServerTransaction>);

/// The same for whoever writes and for whoever reads: one borrows, the other owns.
#[derive(Serialize, Deserialize)]
struct Image<S, C, V> {
    sessions: Vec<Part<SessionKey, S>>,
    clients: Vec<Part<ClientKey, C>>,
    servers: Vec<Part<ServerKey, V>>,
}

/// One thing, and when the timers that run for it fire: microseconds after the origin.
#[derive(Serialize, Deserialize)]
struct Part<K, T> {
    key: K,
    what: T,
    timers: Vec<(Why, u64)>,
}

impl<K, T> Part<K, T> {
    fn of(key: K, what: T, running: &Running, queue: &TimerQueue<Why>, origin: Instant) -> Self {
        let micros = |at: Instant| at.saturating_duration_since(origin).as_micros();
        let timers = running.deadlines(queue).into_iter();
        let timers = timers.map(|(why, at)| (why, u64::try_from(micros(at)).unwrap_or(u64::MAX))).collect();
        Self { key, what, timers }
    }
}

fn start(running: &mut Running, timers: &[(Why, u64)], queue: &mut TimerQueue<Why>, origin: Instant) {
    for (why, micros) in timers {
        running.set(queue, origin + Duration::from_micros(*micros), *why);
    }
}

impl Endpoint {
    /// Keeps the tags of stateless answers, and what requests are found by, the same as in a former life with the same
    /// key. To be called before anything is received.
    #[must_use]
    pub fn with_secret(mut self, key: [u8; 32]) -> Self {
        self.tokens.set_tag_key(key);
        self.servers = Servers::new(Identities::new(self.tokens.table_key()));
        self
    }

    /// An image of sessions with their transactions. Sessions that are over are left out, but not transactions of
    /// theirs that absorb repeats.
    pub fn image(&self, sessions: &[SessionKey], origin: Instant) -> impl Serialize + '_ {
        let queue = &self.timers;
        let live = sessions.iter().filter_map(|key| Some((*key, self.sessions.get(key)?)));
        let clients = sessions.iter().flat_map(|session| self.clients.of_session(*session));
        let servers = sessions.iter().flat_map(|session| self.servers.of_session(*session));
        Image {
            sessions: live.map(|(key, one)| Part::of(key, one, &one.running, queue, origin)).collect(),
            clients: clients.map(|(key, one)| Part::of(key, one, &one.running, queue, origin)).collect(),
            servers: servers.map(|(key, one)| Part::of(key, one, &one.running, queue, origin)).collect(),
        }
    }

    /// An image of everything else: what belongs to no session, or to one that `is_apart` does not know.
    pub fn image_of_rest(
        &self,
        is_apart: impl Fn(SessionKey) -> bool,
        origin: Instant,
    ) -> impl Serialize + '_ {
        let queue = &self.timers;
        let is_rest = |session: Option<SessionKey>| session.is_none_or(|session| !is_apart(session));
        let sessions = self.sessions.iter().filter(|(key, _)| is_rest(Some(**key)));
        let clients = self.clients.all().filter(|(_, one)| is_rest(one.user.session()));
        let servers = self.servers.all().filter(|(_, one)| is_rest(one.user.session()));
        Image {
            sessions: sessions.map(|(key, one)| Part::of(*key, one, &one.running, queue, origin)).collect(),
            clients: clients.map(|(key, one)| Part::of(key, one, &one.running, queue, origin)).collect(),
            servers: servers.map(|(key, one)| Part::of(key, one, &one.running, queue, origin)).collect(),
        }
    }

    /// Goes on with what an image of an endpoint with the same secret shows. Whatever is there already under the same key
    /// stays as it is. Timers that should have fired in between fire at the next [`crate::Input::Timeout`].
    pub fn resume(&mut self, image: SessionsImage, origin: Instant) {
        let SessionsImage(Image { sessions, clients, servers }) = image;
        for Part { key, mut what, timers } in sessions {
            if !self.sessions.contains_key(&key) {
                start(&mut what.running, &timers, &mut self.timers, origin);
                self.sessions.insert(key, what);
            }
        }
        for Part { key, mut what, timers } in clients {
            if self.clients.get(key).is_none() {
                start(&mut what.running, &timers, &mut self.timers, origin);
                self.clients.put_back(key, what);
            }
        }
        for Part { key, mut what, timers } in servers {
            if self.servers.get(key).is_none() {
                start(&mut what.running, &timers, &mut self.timers, origin);
                self.servers.put_back(key, what);
            }
        }
    }
}
