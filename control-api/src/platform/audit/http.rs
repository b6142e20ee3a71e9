//! The door: `/api/platform/audit-events`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    model::{AuditEvent, AuditQuery},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{actor::Actor, error::ApiError, extract::Query, page::Page},
    identity::api_keys::Permission,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list))
}

/// What was done in the organisation, newest first
#[utoipa::path(get, path = "/api/platform/audit-events", tag = "platform",
    security(("api_key" = ["audit.read"])),
    params(AuditQuery),
    responses((status = 200, description = "A page of events", body = Page<AuditEvent>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<AuditQuery>,
) -> Result<Json<Page<AuditEvent>>, ApiError> {
    actor.must(Permission::AuditRead)?;
    let filter = query.check()?;
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, org, filter))).await?;
    Ok(Json(Page::new(rows, filter.limit, |event| event.seq)))
}
