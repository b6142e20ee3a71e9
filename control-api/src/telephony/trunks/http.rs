//! The door: `/api/telephony/trunks`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{Trunk, TrunkDescription};
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

/// Trunks, newest first
#[utoipa::path(get, path = "/api/telephony/trunks", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<Trunk>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Trunk>>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    resource::list(&app, &actor, &query).await
}

/// A new trunk
#[utoipa::path(post, path = "/api/telephony/trunks", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = TrunkDescription,
    responses((status = 201, description = "It is there", body = Trunk)))]
async fn create(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::create::<Trunk>(&app, &actor, asked).await
}

/// One trunk
#[utoipa::path(get, path = "/api/telephony/trunks/{id}", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It; its version is the ETag", body = Trunk)))]
async fn show(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    resource::show::<Trunk>(&app, &actor, id).await
}

/// Another description of a trunk. A password that is left out is kept as long as the username stays
#[utoipa::path(put, path = "/api/telephony/trunks/{id}", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = TrunkDescription,
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It is so now", body = Trunk)))]
async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::replace::<Trunk>(&app, &actor, id, asked).await
}

/// No trunk any more; routes that name it go first
#[utoipa::path(delete, path = "/api/telephony/trunks/{id}", tag = "telephony",
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
    resource::remove::<Trunk>(&app, &actor, id, asked).await
}
