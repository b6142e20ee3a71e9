//! The door: `/api/telephony/recordings`.

use axum::{
    Json,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use contract::id::OrgId;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{
        Heard, Link, LinkOrder, LinkQuery, LinkTold, Recording, RecordingsQuery, fresh_link, hash_of, url,
    },
    store::{self, Linked},
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
        change::{Done, change, tell},
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
    let (org, order, link) = (actor.org, asked.body::<LinkOrder>()?.check()?, fresh_link()?);
    let whose = actor.identity();
    // What is kept for a request that comes again would hold what makes the link good.
    change(&app, &actor, None, move |c| {
        Box::pin(async move {
            let found = store::one(c, org, id).await?.ok_or(ApiError::NotFound)?;
            if found.is_gone() {
                return Err(ApiError::Conflict("the store does not have it any more"));
            }
            let named = (&*hash_of(&link), order.seconds);
            let expires_at = store::add_link(c, (org, id), named, whose).await?;
            let events = vec![Event::of("recording.linked", id, None, Some(&LinkTold { expires_at }))];
            let link = Link { url: url(org, id, &link), expires_at };
            Ok(Done { answer: Answer::done(&link), events })
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
    let (org, hash) = (OrgId(query.org), hash_of(&query.link));
    let range = headers.get(header::RANGE);
    let scope = Scope::Organisation(org);
    let linked =
        app.database.read(scope, move |c| Box::pin(async move { store::linked(c, (org, id), &hash).await }));
    let Linked { maker, key, format, .. } =
        linked.await?.filter(|linked| !linked.is_message).ok_or(ApiError::NotFound)?;
    // Who listens is told before anything is heard, in the name of whoever has made the link.
    let told = Heard::of(range.and_then(|range| range.to_str().ok()));
    let events = vec![Event::of("recording.heard", id, None, Some(&told))];
    tell(&app, maker, events).await?;
    let sound = app.switch()?.sound(&key, range).await?;
    match sound.status() {
        StatusCode::NOT_FOUND => Err(ApiError::NotFound),
        StatusCode::CONFLICT => Err(ApiError::Conflict("the key that it is locked with is kept elsewhere")),
        _ => Ok(played(sound, &format)),
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

/// What a format of ours is called elsewhere.
pub(in crate::telephony) fn media_type(format: &str) -> &'static str {
    if format == "opus" { "audio/ogg" } else { "audio/wav" }
}

/// As players want it. Nobody on the way keeps it.
fn played(sound: reqwest::Response, format: &str) -> Response {
    let (status, mut headers) = (sound.status(), HeaderMap::new());
    for name in [header::CONTENT_LENGTH, header::CONTENT_RANGE] {
        if let Some(value) = sound.headers().get(&name) {
            headers.insert(name, value.clone());
        }
    }
    for (name, value) in [
        (header::CONTENT_TYPE, media_type(format)),
        (header::ACCEPT_RANGES, "bytes"),
        (header::CACHE_CONTROL, "private, no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    let mut response = Response::new(Body::new(reqwest::Body::from(sound)));
    (*response.status_mut(), *response.headers_mut()) = (status, headers);
    response
}
