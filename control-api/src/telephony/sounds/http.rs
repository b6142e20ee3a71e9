//! The doors: `/api/telephony/sounds` and `/api/telephony/prompts`.

use axum::{
    Json,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use tokio::sync::Semaphore;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{File, NameQuery, Prompts, Sound},
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
    },
    identity::permission::Permission,
    telephony::{
        doors::{list_door, remove_door, show_door},
        resource,
    },
};

/// Octets of a file, as its column has it.
const FILE_BYTES_MAX: usize = 8 << 20;
/// Files that are decoded at once.
const DECODING_MAX: usize = 2;
static DECODING: Semaphore = Semaphore::const_new(DECODING_MAX);

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(show, put, remove))
        .routes(routes!(file))
        .routes(routes!(prompts))
        .layer(DefaultBodyLimit::max(FILE_BYTES_MAX))
}

list_door!(resource, Sound, "/api/telephony/sounds", "Sounds of our own, newest first");
show_door!(resource, Sound, "/api/telephony/sounds/{id}", "One sound of our own", "The sound");
remove_door!(
    resource,
    Sound,
    "/api/telephony/sounds/{id}",
    "Take a sound away: what the switch brings along is played again",
    "The sound"
);

/// What was uploaded, if it is a sound.
async fn uploaded(asked: &Change) -> Result<File, ApiError> {
    let _turn = DECODING.acquire().await.map_err(|_| ApiError::Busy)?;
    let octets = asked.octets().to_vec();
    let read = tokio::task::spawn_blocking(move || File::read(octets)).await;
    read.map_err(|error| ApiError::Internal(error.to_string()))?
}

/// Upload a sound
///
/// WAV (16 bits; 8, 16 or 48 kHz; one or two channels) or Ogg-Opus, up to 8 MiB; 15 minutes of all together. Under the name of a prompt it is
/// played in its place, from the next call on; under another name it is what greetings and rules name.
#[utoipa::path(post, path = "/api/telephony/sounds", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    params(NameQuery),
    request_body(content = [u8], content_type = "audio/*"),
    responses(
        (status = 201, description = "It is there", body = Sound),
        (status = 422, description = "It is no sound for the switch; why stands in the problem", body = Problem,
            content_type = "application/problem+json")
    ))]
async fn create(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<NameQuery>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let new = (query.check()?, uploaded(&asked).await?);
    resource::add::<Sound>(&app, &actor, asked.once, new).await
}

/// Upload a sound in the place of another one
#[utoipa::path(put, path = "/api/telephony/sounds/{id}", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    params(("id" = Uuid, Path, description = "The sound")),
    request_body(content = [u8], content_type = "audio/*"),
    responses(
        (status = 200, description = "It is so now", body = Sound),
        (status = 422, description = "It is no sound for the switch; why stands in the problem", body = Problem,
            content_type = "application/problem+json")
    ))]
async fn put(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let version = asked.version()?;
    let new = (String::new(), uploaded(&asked).await?);
    resource::replace::<Sound>(&app, &actor, (id, version), (asked.once, new)).await
}

/// The file of a sound, as it was uploaded
#[utoipa::path(get, path = "/api/telephony/sounds/{id}/file", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(("id" = Uuid, Path, description = "The sound")),
    responses((status = 200, description = "The file", content_type = "audio/wav", body = [u8])))]
async fn file(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Response, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let (scope, key) = (Scope::Organisation(actor.org), (actor.org, id));
    let found = app.database.read(scope, move |c| Box::pin(store::file(c, key))).await?;
    let (media_type, octets) = found.ok_or(ApiError::NotFound)?;
    Ok(([(header::CONTENT_TYPE, media_type)], Bytes::from(octets)).into_response())
}

/// What the switch says and plays by itself, all of it, and which of it is replaced
#[utoipa::path(get, path = "/api/telephony/prompts", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    responses((status = 200, description = "All of them by name", body = Prompts)))]
async fn prompts(State(app): State<App>, actor: Actor) -> Result<Json<Prompts>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let (scope, org) = (Scope::Organisation(actor.org), actor.org);
    let own = app.database.read(scope, move |c| Box::pin(store::names(c, org))).await?;
    Ok(Json(Prompts::of(&own)))
}
