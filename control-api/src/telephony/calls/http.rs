//! The door: `/api/telephony/calls`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{Call, CallDetail, CallsQuery},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::Actor,
        error::ApiError,
        extract::{Path, Query},
        page::Page,
    },
    identity::permission::Permission,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// Calls, newest first
#[utoipa::path(get, path = "/api/telephony/calls", tag = "calls",
    security(("api_key" = ["calls.read"])),
    params(CallsQuery),
    responses((status = 200, description = "A page of calls", body = Page<Call>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<CallsQuery>,
) -> Result<Json<Page<Call>>, ApiError> {
    actor.must(Permission::CallsRead)?;
    let filter = query.check()?;
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, org, filter))).await?;
    Ok(Json(Page::new(rows, filter.limit, Call::cursor)))
}

/// One call with all that is known of it
#[utoipa::path(get, path = "/api/telephony/calls/{id}", tag = "calls",
    security(("api_key" = ["calls.read"])),
    params(("id" = Uuid, Path, description = "The call")),
    responses((status = 200, description = "The call", body = CallDetail)))]
async fn one(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
) -> Result<Json<CallDetail>, ApiError> {
    actor.must(Permission::CallsRead)?;
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let found = app.database.read(scope, move |c| Box::pin(store::one(c, org, id))).await?;
    found.map(Json).ok_or(ApiError::NotFound)
}
