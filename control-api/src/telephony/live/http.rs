//! The doors: `/api/telephony/live-calls`, `live-queues` and `registrations`.

use axum::{Json, extract::State};
use contract::id::CallId;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{All, LiveCall, LiveCallDetail, LiveQueue, Registration};
use crate::{
    app::App,
    http::{actor::Actor, error::ApiError, extract::Path},
    identity::permission::Permission,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(calls))
        .routes(routes!(call))
        .routes(routes!(queues))
        .routes(routes!(registrations))
}

/// Calls that go on
#[utoipa::path(get, path = "/api/telephony/live-calls", tag = "calls",
    security(("api_key" = ["calls.read"])),
    responses((status = 200, description = "All of them", body = All<LiveCall>)))]
async fn calls(State(app): State<App>, actor: Actor) -> Result<Json<All<LiveCall>>, ApiError> {
    actor.must(Permission::CallsRead)?;
    Ok(Json(All::of(app.switch()?.live_calls(actor.org).await?)))
}

/// A call that goes on, with its legs
#[utoipa::path(get, path = "/api/telephony/live-calls/{id}", tag = "calls",
    security(("api_key" = ["calls.read"])),
    params(("id" = Uuid, Path, description = "The call")),
    responses((status = 200, description = "The call", body = LiveCallDetail)))]
async fn call(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
) -> Result<Json<LiveCallDetail>, ApiError> {
    actor.must(Permission::CallsRead)?;
    let found = app.switch()?.live_call(actor.org, CallId(id)).await?;
    found.map(|call| Json(call.into())).ok_or(ApiError::NotFound)
}

/// Queues as they stand, with who waits
#[utoipa::path(get, path = "/api/telephony/live-queues", tag = "calls",
    security(("api_key" = ["calls.read"])),
    responses((status = 200, description = "All of them", body = All<LiveQueue>)))]
async fn queues(State(app): State<App>, actor: Actor) -> Result<Json<All<LiveQueue>>, ApiError> {
    actor.must(Permission::CallsRead)?;
    Ok(Json(All::of(app.switch()?.live_queues(actor.org).await?)))
}

/// Phones that can be reached
#[utoipa::path(get, path = "/api/telephony/registrations", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    responses((status = 200, description = "All of them", body = All<Registration>)))]
async fn registrations(State(app): State<App>, actor: Actor) -> Result<Json<All<Registration>>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    Ok(Json(All::of(app.switch()?.registrations(actor.org).await?)))
}
