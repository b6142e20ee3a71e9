//! The door: `/api/telephony/settings`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Description, Settings};
use crate::{
    app::App,
    http::{actor::Actor, answer::Answer, error::ApiError, extract::Change},
    telephony::part,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put))
}

/// What holds for all calls
#[utoipa::path(get, path = "/api/telephony/settings", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    responses((status = 200, description = "The settings; their version is the ETag", body = Settings)))]
async fn show(State(app): State<App>, actor: Actor) -> Result<Answer, ApiError> {
    part::show::<Settings>(&app, &actor, actor.org.0).await
}

/// Other settings
#[utoipa::path(put, path = "/api/telephony/settings", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = Description,
    responses((status = 200, description = "They are so now", body = Settings)))]
async fn put(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    part::put::<Settings>(&app, &actor, actor.org.0, asked).await
}
