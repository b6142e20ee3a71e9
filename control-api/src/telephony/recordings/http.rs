//! The door: `/api/telephony/recordings`.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    links::{Link, LinkOrder, LinkQuery, RECORDINGS},
    model::{Recording, RecordingsQuery},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::Actor,
        answer::Answer,
        error::{ApiError, Problem},
        extract::{Change, Path, Query},
        page::Page,
    },
    identity::permission::Permission,
    platform::{
        audit::Event,
        change::{Done, change},
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(link))
        .routes(routes!(sound))
        .routes(routes!(delete))
}

/// Recordings, newest first
#[utoipa::path(get, path = "/api/telephony/recordings", tag = "calls",
    security(("api_key" = ["recordings.read"])),
    params(RecordingsQuery),
    responses((status = 200, description = "A page of recordings", body = Page<Recording>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<RecordingsQuery>,
) -> Result<Json<Page<Recording>>, ApiError> {
    actor.must(Permission::RecordingsRead)?;
    let (org, filter) = (actor.org, query.check()?);
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, org, filter))).await?;
    Ok(Json(Page::new(rows, filter.limit, Recording::cursor)))
}

/// One recording
#[utoipa::path(get, path = "/api/telephony/recordings/{id}", tag = "calls",
    security(("api_key" = ["recordings.read"])),
    params(("id" = Uuid, Path, description = "The recording")),
    responses((status = 200, description = "The recording", body = Recording)))]
async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
) -> Result<Json<Recording>, ApiError> {
    actor.must(Permission::RecordingsRead)?;
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let found = app.database.read(scope, move |c| Box::pin(store::one(c, org, id))).await?;
    found.map(Json).ok_or(ApiError::NotFound)
}

/// A link by which a recording is heard without a key, for some minutes. No answer is kept: each request makes another link, with an
/// `Idempotency-Key` too.
#[utoipa::path(post, path = "/api/telephony/recordings/{id}/link", tag = "calls",
    security(("api_key" = ["recordings.listen"])),
    request_body = LinkOrder,
    params(("id" = Uuid, Path, description = "The recording")),
    responses((status = 200, description = "The link", body = Link)))]
async fn link(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::RecordingsListen)?;
    let (org, whose, fresh) = (actor.org, actor.identity(), asked.body::<LinkOrder>()?.fresh()?);
    // What is kept for a request that comes again would hold what makes the link good.
    change(&app, &actor, None, move |c| {
        Box::pin(async move {
            let found = store::one(c, org, id).await?.ok_or(ApiError::NotFound)?;
            if found.is_gone() {
                return Err(ApiError::Conflict("the store does not have it any more"));
            }
            RECORDINGS.link(c, (org, id), &fresh, whose).await
        })
    })
    .await
}

/// The sound of a recording, for whoever has a link to it
#[utoipa::path(get, path = "/api/telephony/recordings/{id}/sound", tag = "calls",
    params(("id" = Uuid, Path, description = "The recording"), LinkQuery),
    responses(
        (status = 200, description = "The sound", content_type = "audio/wav", body = [u8]),
        (status = 206, description = "The part of it that `Range` asks for", content_type = "audio/wav", body = [u8]),
        (status = 400, description = "The link is not whole", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "The link is good no more, or never was", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "The key that it is locked with is kept elsewhere", body = Problem,
            content_type = "application/problem+json"),
        (status = 416, description = "There is no such part of it"),
        (status = 429, description = "More requests than are allowed", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the database or the switch is away", body = Problem,
            content_type = "application/problem+json")
    ))]
async fn sound(
    State(app): State<App>,
    Path(id): Path<Uuid>,
    Query(query): Query<LinkQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let range = headers.get(header::RANGE);
    let linked = RECORDINGS.find(&app, id, query).await?;
    RECORDINGS.tell(&app, &linked, range).await?;
    let sound = app.switch()?.sound(&linked.key, range).await?;
    match sound.status() {
        StatusCode::NOT_FOUND => Err(ApiError::NotFound),
        StatusCode::CONFLICT => Err(ApiError::Conflict("the key that it is locked with is kept elsewhere")),
        _ => Ok(played(sound, linked.headers())),
    }
}

/// Delete a recording before its time
///
/// Nobody hears it from now on, and the store has it no more within a minute or two; that there was one, and who had it deleted, stays. One
/// that is gone already, for whatever reason, is shown as it stands.
#[utoipa::path(post, path = "/api/telephony/recordings/{id}/delete", tag = "calls",
    security(("api_key" = ["recordings.delete"])),
    params(("id" = Uuid, Path, description = "The recording")),
    responses((status = 200, description = "How it stands", body = Recording)))]
async fn delete(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::RecordingsDelete)?;
    let (org, by) = (actor.org, actor.identity().id);
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, org, id).await?.ok_or(ApiError::NotFound)?;
            if old.is_gone() {
                return Ok(Done { answer: Answer::done(&old), events: Vec::new() });
            }
            store::order_deletion(c, (org, id), by).await?;
            let made = store::one(c, org, id).await?.ok_or(ApiError::NotFound)?;
            let events = vec![Event::of("recording.deleted", id, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::done(&made), events })
        })
    })
    .await
}

/// As the switch answers it.
fn played(sound: reqwest::Response, mut headers: HeaderMap) -> Response {
    let status = sound.status();
    for name in [header::CONTENT_LENGTH, header::CONTENT_RANGE] {
        if let Some(value) = sound.headers().get(&name) {
            headers.insert(name, value.clone());
        }
    }
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    let mut response = Response::new(Body::new(reqwest::Body::from(sound)));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}
