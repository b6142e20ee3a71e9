//! The door: `/api/telephony/outside-budgets`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{OutsideBudget, OutsideBudgetDescription};
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

/// Budgets, newest first
#[utoipa::path(get, path = "/api/telephony/outside-budgets", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<OutsideBudget>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<OutsideBudget>>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    resource::list(&app, &actor, &query).await
}

/// A new budget
#[utoipa::path(post, path = "/api/telephony/outside-budgets", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = OutsideBudgetDescription,
    responses((status = 201, description = "It is there", body = OutsideBudget)))]
async fn create(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::create::<OutsideBudget>(&app, &actor, asked).await
}

/// One budget
#[utoipa::path(get, path = "/api/telephony/outside-budgets/{id}", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It; its version is the ETag", body = OutsideBudget)))]
async fn show(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    resource::show::<OutsideBudget>(&app, &actor, id).await
}

/// Another description of a budget
#[utoipa::path(put, path = "/api/telephony/outside-budgets/{id}", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = OutsideBudgetDescription,
    params(("id" = Uuid, Path, description = "Which one")),
    responses((status = 200, description = "It is so now", body = OutsideBudget)))]
async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    resource::replace::<OutsideBudget>(&app, &actor, id, asked).await
}

/// No such budget any more: what everybody may is theirs
#[utoipa::path(delete, path = "/api/telephony/outside-budgets/{id}", tag = "telephony",
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
    resource::remove::<OutsideBudget>(&app, &actor, id, asked).await
}
