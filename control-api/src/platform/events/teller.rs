//! Tells one follower its events. Nothing is kept for it but what is on its way; one that takes nothing is told why and closed, and so is
//! one that may not follow any more. Each comes back with the id of what it has seen last.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::FromRequestParts as _,
    http::request::Parts,
};
use tokio::{
    sync::mpsc::{self, OwnedPermit, Sender, error::SendTimeoutError},
    time::{self, Instant},
};
use tokio_stream::{StreamExt as _, wrappers::ReceiverStream};

use super::{
    feed::{self, Place},
    model::{Event, Viewer},
    store,
};
use crate::{
    app::App,
    database::{DatabaseError, Scope},
    http::{actor::Actor, error::ApiError, rate::Admission},
    identity::guests::Guest,
};

/// Events read at a time.
const EVENTS_AT_A_TIME: i64 = 64;
/// Such portions on their way to one follower.
const PORTIONS_MAX: usize = 2;
/// A quiet stream says that it lives this often, and looks by itself.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// What is told is what a follower might see so long ago at most.
const RIGHTS_MAX: Duration = Duration::from_secs(1);
/// Between two looks, so that a burst of events is one portion.
const PAUSE: Duration = Duration::from_millis(50);

/// Why a stream ends, as a word for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closed {
    /// It did not keep up.
    TooSlow,
    /// Its key, or its person, may not follow any more.
    NotPermitted,
    /// What follows its cursor is not kept any more.
    Gone,
    /// We stop.
    Stopping,
    /// Nobody is there.
    Left,
}

impl Closed {
    const fn as_str(self) -> &'static str {
        match self {
            Self::TooSlow => "too_slow",
            Self::NotPermitted => "not_permitted",
            Self::Gone => "gone",
            Self::Stopping => "stopping",
            Self::Left => "left",
        }
    }
}

/// Tells one follower.
pub(super) struct Teller {
    app: App,
    /// What it came with: by this it is known again.
    parts: Parts,
    viewer: Viewer,
    looked_at: Instant,
    place: Place,
    cursor: i64,
    portions: Sender<Bytes>,
}

impl Teller {
    /// Begins to tell `viewer`, who came with `parts`, what follows `cursor`.
    pub(super) fn start(
        (app, mut parts): (App, Parts),
        viewer: Viewer,
        place: Place,
        cursor: i64,
    ) -> Result<Body, ApiError> {
        // Its admission is spent: knowing it again is no request. Where it came from stays, because a key may be good from there alone.
        parts.extensions.remove::<Admission>();
        // One more place, for the last word.
        let (portions, taken) = mpsc::channel(PORTIONS_MAX + 1);
        let last_word = portions.clone().try_reserve_owned().map_err(|_| ApiError::Busy)?;
        let teller = Self { app, parts, viewer, looked_at: Instant::now(), place, cursor, portions };
        tokio::spawn(teller.run(last_word));
        Ok(Body::from_stream(ReceiverStream::new(taken).map(Ok::<_, Infallible>)))
    }

    async fn run(mut self, last_word: OwnedPermit<Bytes>) {
        let reason = match self.tell(format!("retry: 2000\nid: {}\n\n", self.cursor)).await {
            Ok(()) => self.follow().await,
            Err(closed) => closed,
        };
        let text = format!("event: closed\ndata: {{\"reason\":\"{}\"}}\n\n", reason.as_str());
        last_word.send(text.into());
    }

    /// Until there is a reason to end.
    async fn follow(&mut self) -> Closed {
        let org = self.viewer.org().0;
        loop {
            if let Err(closed) = self.catch_up().await {
                return closed;
            }
            tokio::select! {
                () = self.portions.closed() => return Closed::Left,
                () = feed::ended(&mut self.place.ending) => return Closed::Stopping,
                () = feed::woken(&mut self.place.news, org) => time::sleep(PAUSE).await,
                () = time::sleep(HEARTBEAT) => {
                    if let Err(closed) = self.look().await {
                        return closed;
                    }
                    if let Err(closed) = self.tell(":\n\n".to_owned()).await {
                        return closed;
                    }
                }
            }
        }
    }

    /// Tells all that there is.
    async fn catch_up(&mut self) -> Result<(), Closed> {
        loop {
            if self.looked_at.elapsed() > RIGHTS_MAX && !self.look().await? {
                return Ok(());
            }
            // A database that is away comes back; the follower waits.
            let Ok(events) = self.read().await else { return Ok(()) };
            let Some(last) = events.last() else { return Ok(()) };
            if !events.iter().zip(self.cursor + 1..).all(|(event, seq)| event.seq == seq) {
                return Err(Closed::Gone);
            }
            self.cursor = last.seq;
            let mut text = String::new();
            for event in events.iter().filter_map(|event| self.viewer.told(event)) {
                event.tell(&mut text);
            }
            if text.is_empty() {
                // Nothing for it; its cursor moves all the same.
                text = format!("id: {}\n\n", self.cursor);
            }
            self.tell(text).await?;
        }
    }

    async fn read(&self) -> Result<Vec<Event>, DatabaseError> {
        let _turn = self.app.feed.reading.acquire().await;
        let (org, cursor) = (self.viewer.org(), self.cursor);
        let scope = Scope::Organisation(org);
        self.app.database.read(scope, move |c| Box::pin(store::after(c, org, cursor, EVENTS_AT_A_TIME))).await
    }

    /// Who it is now, and what it may see; `false`: nobody can say.
    async fn look(&mut self) -> Result<bool, Closed> {
        let known = async {
            let _turn = self.app.feed.reading.acquire().await;
            match self.viewer {
                Viewer::Actor { .. } => {
                    let actor = Actor::from_request_parts(&mut self.parts, &self.app).await?;
                    viewer(&self.app, actor).await
                }
                Viewer::Guest(_) => {
                    Guest::from_request_parts(&mut self.parts, &self.app).await.map(Viewer::Guest)
                }
            }
        };
        match known.await {
            Ok(viewer) if viewer.org() == self.viewer.org() => {
                (self.viewer, self.looked_at) = (viewer, Instant::now());
                Ok(true)
            }
            Err(ApiError::Busy | ApiError::Unavailable(_)) => Ok(false),
            _ => Err(Closed::NotPermitted),
        }
    }

    async fn tell(&self, text: String) -> Result<(), Closed> {
        match self.portions.send_timeout(Bytes::from(text), self.app.feed.stalled_max).await {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Timeout(_)) => Err(Closed::TooSlow),
            Err(SendTimeoutError::Closed(_)) => Err(Closed::Left),
        }
    }
}

/// An actor, if it may follow, with what is about it.
pub(super) async fn viewer(app: &App, actor: Actor) -> Result<Viewer, ApiError> {
    actor.must(super::http::NEEDED)?;
    let about = about(app, &actor).await?;
    Ok(Viewer::Actor { actor, about })
}

/// What is about an actor: a person, and the extensions whose staff that one is.
async fn about(app: &App, actor: &Actor) -> Result<BTreeSet<uuid::Uuid>, ApiError> {
    let (org, identity) = (actor.org, actor.identity());
    if identity.kind == "api_key" {
        return Ok(BTreeSet::new());
    }
    let scope = Scope::Organisation(org);
    Ok(app.database.read(scope, move |c| Box::pin(store::about(c, org, identity.id))).await?)
}
