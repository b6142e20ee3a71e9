//! The doors: `/api/events`, and `/api/guest/events` for guests.

use axum::{
    extract::{Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    feed::Place,
    model::{Event, EventsQuery, Viewer},
    store,
    teller::{self, Teller},
};
use crate::{
    app::App,
    database::Scope,
    http::{actor::Actor, error::ApiError, extract::Query},
    identity::{guests::Guest, permission::Permission},
};

/// What a follower needs; which events it sees is a matter of each kind.
pub(super) const NEEDED: Permission = Permission::EventsRead;

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(follow)).routes(routes!(follow_as_guest))
}

/// What happens in the organisation, as server-sent events: each has its number as `id`, its kind as `event` and an `Event` as `data`. After a
/// break go on with the last `id` (`Last-Event-ID`, which `EventSource` sends by itself): nothing is missed or told twice. You see
/// the kinds that you may read, and as a person what is about you and your extensions. `event: closed` says why a stream ends.
#[utoipa::path(get, path = "/api/events", tag = "platform",
    security(("api_key" = ["events.read"])),
    params(EventsQuery, ("Last-Event-ID" = Option<i64>, Header, description = "The `id` of the last event that was seen")),
    responses(
        (status = 200, description = "The stream", body = Event, content_type = "text/event-stream"),
        (status = 410, description = "What follows that event is not kept any more: read what there is and begin without a cursor",
            body = crate::http::error::Problem, content_type = "application/problem+json")))]
async fn follow(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<EventsQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let place = app.feed.place(actor.identity().id)?;
    let viewer = teller::viewer(&app, actor).await?;
    tell(app, (viewer, place), query, request).await
}

/// How my call goes, as server-sent events: `call.queued` and `call.queue_updated` with `queue_count`, `call.ringing`, `call.answered` … `call.ended`,
/// each with its number as `id`. After a break go on with the last `id` (`Last-Event-ID`, which `EventSource` sends by itself).
/// `event: closed` says why a stream ends.
#[utoipa::path(get, path = "/api/guest/events", tag = "guests",
    security(("guest" = [])),
    params(EventsQuery, ("Last-Event-ID" = Option<i64>, Header, description = "The `id` of the last event that was seen")),
    responses(
        (status = 200, description = "The stream", body = Event, content_type = "text/event-stream"),
        (status = 410, description = "What follows that event is not kept any more: begin without a cursor",
            body = crate::http::error::Problem, content_type = "application/problem+json")))]
async fn follow_as_guest(
    State(app): State<App>,
    guest: Guest,
    Query(query): Query<EventsQuery>,
    request: Request,
) -> Result<Response, ApiError> {
    let place = app.feed.guest_place(guest.session)?;
    tell(app, (Viewer::Guest(guest), place), query, request).await
}

async fn tell(
    app: App,
    (viewer, place): (Viewer, Place),
    query: EventsQuery,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, _) = request.into_parts();
    let last = parts.headers.get("last-event-id").map(|value| value.to_str().unwrap_or("?"));
    let (after, org) = (query.check(last)?, viewer.org());
    let scope = Scope::Organisation(org);
    let (latest, first) = app.database.read(scope, move |c| Box::pin(store::ends(c, org))).await?;
    let cursor = match after {
        None => latest,
        Some(0) => first - 1,
        Some(after) if (first - 1..=latest).contains(&after) => after,
        Some(_) => return Err(ApiError::Gone("what follows that event is not kept any more")),
    };
    let body = Teller::start((app, parts), viewer, place, cursor)?;
    Ok(([(header::CONTENT_TYPE, "text/event-stream")], body).into_response())
}
