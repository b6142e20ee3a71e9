//! The door: `/api/telephony/holidays`.

use axum::extract::State;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Description, Holidays};
use crate::{
    app::App,
    http::{actor::Actor, answer::Answer, error::ApiError, extract::Change},
    telephony::part,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(show, put))
}

/// Dates with other hours than their weekday's
#[utoipa::path(get, path = "/api/telephony/holidays", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    responses((status = 200, description = "The holidays; the version of the settings is the ETag", body = Holidays)))]
async fn show(State(app): State<App>, actor: Actor) -> Result<Answer, ApiError> {
    part::show::<Holidays>(&app, &actor, actor.org.0).await
}

/// Other holidays, all of them
#[utoipa::path(put, path = "/api/telephony/holidays", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = Description,
    responses((status = 200, description = "They are so now", body = Holidays)))]
async fn put(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    part::put::<Holidays>(&app, &actor, actor.org.0, asked).await
}
