//! The doors: `/api/guest/calls` and `…/feedback` for guests; `/api/telephony/calls/{id}/feedback` for people of the organisation, and
//! `/api/telephony/call-feedback` for whoever reads its calls.

use axum::{Json, extract::State};
use contract::id::OrgId;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{By, Description, Feedback, GuestCall},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::{Actor, Person},
        error::{ApiError, Problem},
        extract::{Change, Path, Query},
        page::{ListQuery, Page},
    },
    identifier,
    identity::{guests::Guest, permission::Permission},
    platform::events,
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(guest_calls))
        .routes(routes!(by_guest))
        .routes(routes!(by_person))
        .routes(routes!(list))
}

/// My calls, newest first, with what I have said of them
#[utoipa::path(get, path = "/api/guest/calls", tag = "guests",
    security(("guest" = [])),
    params(ListQuery),
    responses((status = 200, description = "A page of them", body = Page<GuestCall>)))]
async fn guest_calls(
    State(app): State<App>,
    guest: Guest,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<GuestCall>>, ApiError> {
    let (asked, whose) = (query.check()?, (guest.org, guest.user));
    let scope = Scope::Organisation(guest.org);
    let rows = app.database.read(scope, move |c| Box::pin(store::calls_of(c, whose, asked))).await?;
    Ok(Json(Page::new(rows, asked.0, GuestCall::cursor)))
}

/// What I say of a call of mine; what I said before is forgotten
#[utoipa::path(put, path = "/api/guest/calls/{id}/feedback", tag = "guests",
    security(("guest" = [])),
    request_body = Description,
    params(("id" = Uuid, Path, description = "The call")),
    responses((status = 200, description = "It is written down", body = Feedback),
        (status = 404, description = "It is no call of yours, or is not known yet", body = Problem, content_type = "application/problem+json")))]
async fn by_guest(
    State(app): State<App>,
    guest: Guest,
    Path(call): Path<Uuid>,
    asked: Change,
) -> Result<Json<Feedback>, ApiError> {
    let said = asked.body::<Description>()?.check()?;
    say(&app, (guest.org, call), By::Guest(guest.user), said).await
}

/// What I say of a call that I took part in; what I said before is forgotten
#[utoipa::path(put, path = "/api/telephony/calls/{id}/feedback", tag = "calls",
    security(("sign_in" = [])),
    request_body = Description,
    params(("id" = Uuid, Path, description = "The call")),
    responses((status = 200, description = "It is written down", body = Feedback)))]
async fn by_person(
    State(app): State<App>,
    person: Person,
    Path(call): Path<Uuid>,
    asked: Change,
) -> Result<Json<Feedback>, ApiError> {
    let none = ApiError::NotForYou("you act in no organisation that is approved");
    let org = OrgId(person.organisation.ok_or(none)?);
    let said = asked.body::<Description>()?.check()?;
    say(&app, (org, call), By::User(person.user), said).await
}

/// What was said of calls, newest first
#[utoipa::path(get, path = "/api/telephony/call-feedback", tag = "calls",
    security(("api_key" = ["calls.read"])),
    params(ListQuery),
    responses((status = 200, description = "A page of it", body = Page<Feedback>)))]
async fn list(
    State(app): State<App>,
    actor: Actor,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Feedback>>, ApiError> {
    actor.must(Permission::CallsRead)?;
    let (asked, org) = (query.check()?, actor.org);
    let scope = Scope::Organisation(org);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, org, asked))).await?;
    Ok(Json(Page::new(rows, asked.0, Feedback::cursor)))
}

async fn say(
    app: &App,
    (org, call): (OrgId, Uuid),
    by: By,
    said: Description,
) -> Result<Json<Feedback>, ApiError> {
    let id = identifier::fresh()?;
    let done = app.database.change(Scope::Organisation(org), move |c| {
        Box::pin(async move {
            let made = store::put(c, (org, call, id), by, &said).await?.ok_or(ApiError::NotFound)?;
            let audiences = events::audiences(c, org, vec![call]).await?;
            let new = events::New {
                kind: "call.feedback".to_owned(),
                subject: call,
                at: None,
                data: serde_json::to_value(&made).ok(),
                audience: audiences.into_iter().flat_map(|(_, audience)| audience).collect(),
            };
            events::publish(c, org, &[new]).await?;
            Ok::<_, ApiError>(made)
        })
    });
    done.await.map(Json)
}
