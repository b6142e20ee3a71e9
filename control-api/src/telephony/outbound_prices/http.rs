//! The door: `/api/telephony/outbound-prices`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{OutboundPrice, OutboundPriceDescription};
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

/// Prices of calls to the telephone network, newest first
#[utoipa::path(get, path = "/api/telephony/outbound-prices", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<OutboundPrice>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<OutboundPrice>>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    resource::list(&app, &actor, &query).await
}

/// A new price
#[utoipa::path(post, path = "/api/telephony/outbound-prices", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = OutboundPriceDescription,
    responses((status = 201, description = "It is there", body = OutboundPrice)))]
async fn create(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::create::<OutboundPrice>(&app, &actor, asked).await
}

/// One price
#[utoipa::path(get, path = "/api/telephony/outbound-prices/{id}", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It; its version is the ETag", body = OutboundPrice)))]
async fn show(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    resource::show::<OutboundPrice>(&app, &actor, id).await
}

/// Another description of a price
#[utoipa::path(put, path = "/api/telephony/outbound-prices/{id}", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = OutboundPriceDescription,
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It is so now", body = OutboundPrice)))]
async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::replace::<OutboundPrice>(&app, &actor, id, asked).await
}

/// No such price any more
#[utoipa::path(delete, path = "/api/telephony/outbound-prices/{id}", tag = "telephony",
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
    resource::remove::<OutboundPrice>(&app, &actor, id, asked).await
}
