//! The door: `/api/telephony/route`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::model::{Route, RouteQuery, refused};
use crate::{
    app::App,
    http::{
        actor::Actor,
        error::{ApiError, Problem},
        extract::Query,
    },
    identity::permission::Permission,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(route))
}

/// What a call would come to, and why
#[utoipa::path(get, path = "/api/telephony/route", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(RouteQuery),
    responses(
        (status = 200, description = "What is done with the call, be it a refusal", body = Route),
        (status = 400, description = "A parameter is not as it must be, or nobody calls by that", body = Problem,
            content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the database or the switch is away, or no switch is configured", body = Problem,
            content_type = "application/problem+json")
    ))]
async fn route(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<RouteQuery>,
) -> Result<Json<Route>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let answer = app.switch()?.route(&query.of(actor.org)).await?;
    Route::try_from(answer.map_err(refused)?).map(Json)
}
