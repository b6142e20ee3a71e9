//! The doors of an organisation's own people: `/api/identity/organisations`, to register one, and `/api/identity/organisation`, the one
//! that they act in.

use std::collections::BTreeSet;

use axum::extract::State;
use contract::id::OrgId;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::{
    WAITING_MAX,
    model::{Description, Organisation},
    store,
};
use crate::{
    app::App,
    database::{Scope, enter},
    http::{
        actor::{Actor, Person},
        answer::Answer,
        error::ApiError,
        extract::Change,
    },
    identifier,
    identity::permission::Permission,
    platform::{
        audit::Event,
        change::{self, Done},
    },
    telephony::plan,
};

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(register)).routes(routes!(show, replace))
}

/// Register an organisation
///
/// Whoever does so is its owner. Nothing can be done in it until the platform's staff have approved it; `/api/identity/me` says how it
/// stands.
#[utoipa::path(post, path = "/api/identity/organisations", tag = "identity",
    security(("sign_in" = [])),
    request_body = Description,
    responses((status = 201, description = "It waits to be reviewed", body = Organisation),
        (status = 409, description = "As many of yours wait as may", body = crate::http::error::Problem, content_type = "application/problem+json")))]
async fn register(State(app): State<App>, person: Person, asked: Change) -> Result<Answer, ApiError> {
    let new = asked.body::<Description>()?.check()?;
    let (org, member, user) = (OrgId(identifier::fresh()?), identifier::fresh()?, person.user);
    plan::change(&app, &Actor::person(user, org, BTreeSet::new()), None, move |c| {
        Box::pin(async move {
            enter(c, Scope::Person(user)).await?;
            if store::waiting(c, user).await? >= WAITING_MAX {
                return Err(ApiError::Conflict("as many of yours wait to be reviewed as may"));
            }
            store::add(c, (org, member, user), &new).await?;
            let made = store::one(c, org.0).await?;
            let events = vec![Event::of("organisation.registered", org.0, None, Some(&made))];
            Ok(Done { answer: Answer::first(made.version, &made), events })
        })
    })
    .await
}

/// The organisation that one acts in
#[utoipa::path(get, path = "/api/identity/organisation", tag = "identity",
    security(("api_key" = ["organisation.read"])),
    responses((status = 200, description = "The organisation; its version is the ETag", body = Organisation)))]
async fn show(State(app): State<App>, actor: Actor) -> Result<Answer, ApiError> {
    actor.must(Permission::OrganisationRead)?;
    let org = actor.org;
    let scope = Scope::Organisation(org);
    let found = app.database.change(scope, move |c| Box::pin(store::one(c, org.0))).await;
    found.map(|one| Answer::found(one.version, &one))
}

/// Another name, address, contact of the organisation that one acts in
#[utoipa::path(put, path = "/api/identity/organisation", tag = "identity",
    security(("api_key" = ["organisation.write"])),
    request_body = Description,
    responses((status = 200, description = "It is so now", body = Organisation)))]
async fn replace(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::OrganisationWrite)?;
    let (org, version, new) = (actor.org, asked.version()?, asked.body::<Description>()?.check()?);
    change::change(&app, &actor, asked.once, move |c| {
        Box::pin(async move {
            let old = store::hold(c, org, version).await?;
            store::update(c, org, &new).await?;
            let made = store::one(c, org.0).await?;
            let events = vec![Event::of("organisation.changed", org.0, Some(&old), Some(&made))];
            Ok(Done { answer: Answer::found(made.version, &made), events })
        })
    })
    .await
}
