//! The door: `/api/telephony/did-numbers`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{DidNumber, DidNumberDescription};
use crate::{
    app::App,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path, Query},
        page::Page,
    },
    identity::permission::Permission,
    telephony::resource::{self, ListQuery},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace, remove))
}

/// Numbers in the telephone network, newest first
#[utoipa::path(get, path = "/api/telephony/did-numbers", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<DidNumber>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<DidNumber>>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    resource::list(&app, &actor, &query).await
}

/// A new number in the telephone network
#[utoipa::path(post, path = "/api/telephony/did-numbers", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = DidNumberDescription,
    responses((status = 201, description = "It is there", body = DidNumber)))]
async fn create(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::create::<DidNumber>(&app, &actor, asked).await
}

/// One number in the telephone network
#[utoipa::path(get, path = "/api/telephony/did-numbers/{id}", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It; its version is the ETag", body = DidNumber)))]
async fn show(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    resource::show::<DidNumber>(&app, &actor, id).await
}

/// Another description of a number in the telephone network
#[utoipa::path(put, path = "/api/telephony/did-numbers/{id}", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = DidNumberDescription,
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It is so now", body = DidNumber)))]
async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::replace::<DidNumber>(&app, &actor, id, asked).await
}

/// No such number any more
#[utoipa::path(delete, path = "/api/telephony/did-numbers/{id}", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 204, description = "It is there no more")))]
async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::remove::<DidNumber>(&app, &actor, id, asked).await
}
