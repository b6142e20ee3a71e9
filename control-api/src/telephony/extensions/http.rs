//! The door: `/api/telephony/extensions`.

use axum::{Json, extract::State};
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{Description, Extension, ExtensionsQuery},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path, Query},
        page::Page,
    },
    identifier,
    identity::permission::Permission,
    platform::{audit::Event, change::Done},
    telephony::plan,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace, remove))
}

/// Extensions, newest first
#[utoipa::path(get, path = "/api/telephony/extensions", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(ExtensionsQuery),
    responses((status = 200, description = "A page of extensions", body = Page<Extension>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ExtensionsQuery>,
) -> Result<Json<Page<Extension>>, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let filter = query.check()?;
    let (org, limit) = (actor.org, filter.limit);
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, org, filter))).await?;
    Ok(Json(Page::new(rows, limit, Extension::cursor)))
}

/// A new extension
#[utoipa::path(post, path = "/api/telephony/extensions", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = Description,
    responses((status = 201, description = "It is there", body = Extension)))]
async fn create(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (org, id, new) = (actor.org, identifier::fresh()?, asked.body::<Description>()?.check()?);
    plan::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let made = store::insert(c, (org, id), &new).await?;
            let events = vec![Event::of("extension.created", id, None, Some(&made))];
            let answer = Answer::created(format!("/api/telephony/extensions/{id}"), made.version, &made);
            Ok(Done { answer, events })
        })
    })
    .await
}

/// One extension
#[utoipa::path(get, path = "/api/telephony/extensions/{id}", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(("id" = Uuid, Path, description = "The extension")),
    responses((status = 200, description = "The extension; its version is the ETag", body = Extension)))]
async fn show(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let found = app.database.read(scope, move |c| Box::pin(store::one(c, org, id))).await?;
    found.map(|one| Answer::found(one.version, &one)).ok_or(ApiError::NotFound)
}

/// Another description of an extension
#[utoipa::path(put, path = "/api/telephony/extensions/{id}", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    request_body = Description,
    params(("id" = Uuid, Path, description = "The extension")),
    responses((status = 200, description = "It is so now", body = Extension)))]
async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (org, version, new) = (actor.org, asked.version()?, asked.body::<Description>()?.check()?);
    plan::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, (org, id), version).await?;
            let made = store::update(c, org, &old, &new).await?;
            let events = vec![Event::of("extension.changed", id, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::found(made.version, &made), events })
        })
    })
    .await
}

/// No extension any more, nor its number, hours and rules; what it leads to (a queue, a menu, a conference, a page group) goes first
#[utoipa::path(delete, path = "/api/telephony/extensions/{id}", tag = "telephony",
    security(("api_key" = ["telephony.write"])),
    params(("id" = Uuid, Path, description = "The extension")),
    responses((status = 204, description = "It is there no more")))]
async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (org, version) = (actor.org, asked.version()?);
    plan::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, (org, id), version).await?;
            store::delete(c, org, id).await?;
            let events = vec![Event::of("extension.deleted", id, Some(&old), None)];
            Ok(Done { answer: Answer::gone(), events })
        })
    })
    .await
}
