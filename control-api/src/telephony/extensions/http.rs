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
        error::{ApiError, Problem},
        extract::{Change, Path, Query},
        page::Page,
    },
    identifier,
    identity::api_keys::Permission,
    platform::{
        audit::Event,
        change::{Done, change},
    },
    telephony::plan,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, replace, remove))
}

/// Extensions, newest first
#[utoipa::path(get, path = "/api/telephony/extensions", tag = "telephony", params(ExtensionsQuery), responses(
    (status = 200, description = "A page of extensions", body = Page<Extension>),
    (status = 400, description = "A parameter is not as it must be", body = Problem),
    (status = 401, description = "No valid key", body = Problem),
    (status = 403, description = "The key lacks `telephony.read`", body = Problem),
    (status = 503, description = "Busy, or the database is away", body = Problem)
))]
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
#[utoipa::path(post, path = "/api/telephony/extensions", tag = "telephony", request_body = Description,
    params(("Idempotency-Key" = Option<String>, Header, description = "The request's name: it has one effect, however often it comes")),
    responses(
    (status = 201, description = "It is there", body = Extension),
    (status = 400, description = "A field is not as it must be", body = Problem),
    (status = 401, description = "No valid key", body = Problem),
    (status = 403, description = "The key lacks `telephony.write`", body = Problem),
    (status = 409, description = "The number is taken", body = Problem),
    (status = 413, description = "Too large", body = Problem),
    (status = 415, description = "Not JSON", body = Problem),
    (status = 422, description = "No plan of calls can be made of it", body = Problem),
    (status = 503, description = "Busy, or the database is away", body = Problem)
))]
async fn create(
    State(app): State<App>,
    actor: Actor,
    asked: Change<Description>,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (org, id, new) = (actor.org, identifier::fresh()?, asked.body.check()?);
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let made = store::insert(c, (org, id), &new).await?;
            let revision = plan::check(c).await?;
            let events = vec![Event::of("extension.created", id, None, Some(&made))];
            let answer = Answer::created(format!("/api/telephony/extensions/{id}"), made.version, &made);
            Ok(Done { answer: answer.at(revision), events })
        })
    })
    .await
}

/// One extension
#[utoipa::path(get, path = "/api/telephony/extensions/{id}", tag = "telephony",
    params(("id" = Uuid, Path, description = "The extension")), responses(
    (status = 200, description = "The extension; its version is the ETag", body = Extension),
    (status = 401, description = "No valid key", body = Problem),
    (status = 403, description = "The key lacks `telephony.read`", body = Problem),
    (status = 404, description = "No such extension in your organisation", body = Problem),
    (status = 503, description = "Busy, or the database is away", body = Problem)
))]
async fn show(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyRead)?;
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let found = app.database.read(scope, move |c| Box::pin(store::one(c, org, id))).await?;
    found.map(|one| Answer::found(one.version, &one)).ok_or(ApiError::NotFound)
}

/// Another description of an extension
#[utoipa::path(put, path = "/api/telephony/extensions/{id}", tag = "telephony", request_body = Description,
    params(
        ("id" = Uuid, Path, description = "The extension"),
        ("If-Match" = String, Header, description = "The ETag that was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "The request's name: it has one effect, however often it comes")
    ),
    responses(
    (status = 200, description = "It is so now", body = Extension),
    (status = 400, description = "A field is not as it must be", body = Problem),
    (status = 401, description = "No valid key", body = Problem),
    (status = 403, description = "The key lacks `telephony.write`", body = Problem),
    (status = 404, description = "No such extension in your organisation", body = Problem),
    (status = 409, description = "The number is taken", body = Problem),
    (status = 412, description = "Somebody has changed it since it was read", body = Problem),
    (status = 413, description = "Too large", body = Problem),
    (status = 415, description = "Not JSON", body = Problem),
    (status = 422, description = "No plan of calls can be made of it", body = Problem),
    (status = 428, description = "No `If-Match`", body = Problem),
    (status = 503, description = "Busy, or the database is away", body = Problem)
))]
async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change<Description>,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (org, version, new) = (actor.org, asked.version()?, asked.body.check()?);
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, (org, id), version).await?;
            let made = store::update(c, org, &old, &new).await?;
            let revision = plan::check(c).await?;
            let events = vec![Event::of("extension.changed", id, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::found(made.version, &made).at(revision), events })
        })
    })
    .await
}

/// No extension any more, nor its number, hours and rules
#[utoipa::path(delete, path = "/api/telephony/extensions/{id}", tag = "telephony",
    params(
        ("id" = Uuid, Path, description = "The extension"),
        ("If-Match" = String, Header, description = "The ETag that was read"),
        ("Idempotency-Key" = Option<String>, Header, description = "The request's name: it has one effect, however often it comes")
    ),
    responses(
    (status = 204, description = "It is there no more"),
    (status = 401, description = "No valid key", body = Problem),
    (status = 403, description = "The key lacks `telephony.write`", body = Problem),
    (status = 404, description = "No such extension in your organisation", body = Problem),
    (status = 409, description = "Something else leads there", body = Problem),
    (status = 412, description = "Somebody has changed it since it was read", body = Problem),
    (status = 422, description = "No plan of calls can be made without it", body = Problem),
    (status = 428, description = "No `If-Match`", body = Problem),
    (status = 503, description = "Busy, or the database is away", body = Problem)
))]
async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change<()>,
) -> Result<Answer, ApiError> {
    actor.must(Permission::TelephonyWrite)?;
    let (org, version) = (actor.org, asked.version()?);
    change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, (org, id), version).await?;
            store::delete(c, org, id).await?;
            let revision = plan::check(c).await?;
            let events = vec![Event::of("extension.deleted", id, Some(&old), None)];
            Ok(Done { answer: Answer::gone().at(revision), events })
        })
    })
    .await
}
