//! The door: `/api/identity/members`. Nobody gives, changes or takes away what they do not have themselves, and an organisation
//! keeps an owner.

use axum::{Json, extract::State};
use contract::id::OrgId;
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{Description, Member},
    page,
    store::{self, Standing},
};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path, Query},
        page::{ListQuery, Page},
    },
    identity::permission::Permission,
    platform::{audit::Event, change::Done},
    telephony::plan,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show, replace, remove))
}

/// Members, newest first
#[utoipa::path(get, path = "/api/identity/members", tag = "identity",
    security(("api_key" = ["members.read"])),
    params(ListQuery),
    responses((status = 200, description = "A page of members", body = Page<Member>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Member>>, ApiError> {
    actor.must(Permission::MembersRead)?;
    page(&app, &actor, &query, Standing::Member).await
}

/// One member
#[utoipa::path(get, path = "/api/identity/members/{id}", tag = "identity",
    security(("api_key" = ["members.read"])),
    params(("id" = Uuid, Path, description = "The membership")),
    responses((status = 200, description = "The member; its version is the ETag", body = Member)))]
async fn show(State(app): State<App>, actor: Actor, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    actor.must(Permission::MembersRead)?;
    let key = (actor.org, id);
    let scope = Scope::Organisation(actor.org);
    let found = app.database.change(scope, move |c| Box::pin(store::one(c, key, Standing::Member))).await;
    found.map(|one| Answer::found(one.version, &one))
}

/// Another role, other permissions, suspended or not: at once
#[utoipa::path(put, path = "/api/identity/members/{id}", tag = "identity",
    security(("api_key" = ["members.write"])),
    request_body = Description,
    params(("id" = Uuid, Path, description = "The membership")),
    responses((status = 200, description = "It is so now", body = Member)))]
async fn replace(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::MembersWrite)?;
    let (org, version, new) = (actor.org, asked.version()?, asked.body::<Description>()?);
    actor.may_give(&new.reach())?;
    let giver = actor.clone();
    plan::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, (org, id), Standing::Member, version).await?;
            giver.may_give(&old.reach())?;
            store::update(c, (org, id), &new).await?;
            keep_owner(c, org, &old).await?;
            let made = store::one(c, (org, id), Standing::Member).await?;
            let events = vec![Event::of("member.changed", id, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::found(made.version, &made), events })
        })
    })
    .await
}

/// No member any more: at once
#[utoipa::path(delete, path = "/api/identity/members/{id}", tag = "identity",
    security(("api_key" = ["members.write"])),
    params(("id" = Uuid, Path, description = "The membership")),
    responses((status = 204, description = "It is there no more")))]
async fn remove(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::MembersWrite)?;
    let (org, version) = (actor.org, asked.version()?);
    let giver = actor.clone();
    plan::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, (org, id), Standing::Member, version).await?;
            giver.may_give(&old.reach())?;
            store::remove(c, (org, id)).await?;
            keep_owner(c, org, &old).await?;
            let events = vec![Event::of("member.removed", id, Some(&old), None)];
            Ok(Done { answer: Answer::gone(), events })
        })
    })
    .await
}

/// Refuses to have changed the last owner. Who has none (the administrator has entered its people) is kept from nothing.
async fn keep_owner(c: &mut PgConnection, org: OrgId, old: &Member) -> Result<(), ApiError> {
    if old.is_acting_owner() && !store::has_owner(c, org).await? {
        return Err(ApiError::Conflict("the organisation would have no owner"));
    }
    Ok(())
}
