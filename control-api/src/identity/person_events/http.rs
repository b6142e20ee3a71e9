//! The doors: `/api/identity/me/events` for whoever it is about, and the same under `/api/platform/people` for the platform's staff.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{model::PersonEvent, store};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::{Person, Staff},
        error::ApiError,
        extract::{Path, Query},
        page::{ListQuery, Page},
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(mine)).routes(routes!(theirs))
}

/// What was done to what I prove myself by, newest first
#[utoipa::path(get, path = "/api/identity/me/events", tag = "identity",
    security(("sign_in" = [])),
    params(ListQuery),
    responses((status = 200, description = "A page of it", body = Page<PersonEvent>)))]
async fn mine(
    State(app): State<App>,
    person: Person,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<PersonEvent>>, ApiError> {
    page(&app, Scope::Person(person.user), person.user, &query).await
}

/// What was done to what a person proves themselves by, newest first
#[utoipa::path(get, path = "/api/platform/people/{id}/events", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    params(("id" = Uuid, Path, description = "The person"), ListQuery),
    responses((status = 200, description = "A page of it", body = Page<PersonEvent>)))]
async fn theirs(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<Uuid>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<PersonEvent>>, ApiError> {
    page(&app, Scope::Staff(staff.user), id, &query).await
}

async fn page(
    app: &App,
    scope: Scope,
    user: Uuid,
    query: &ListQuery,
) -> Result<Json<Page<PersonEvent>>, ApiError> {
    let asked = query.check()?;
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, user, asked))).await?;
    Ok(Json(Page::new(rows, asked.0, PersonEvent::cursor)))
}
