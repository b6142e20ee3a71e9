//! The doors of the platform's staff: `/api/platform/people`.

use std::collections::BTreeSet;

use axum::{Json, extract::State, http::StatusCode};
use contract::{id::OrgId, language::Language};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{Account, Suspension},
    store,
};
use crate::{
    app::App,
    database::{Scope, enter, leave_staff},
    http::{
        actor::{Actor, Staff},
        answer::Answer,
        error::ApiError,
        extract::{Change, Path, Query},
        page::{ListQuery, Page},
    },
    identity::{
        organisations::{
            self,
            model::{Order, Organisation},
            review,
        },
        person_events::{self, Action},
    },
    platform::change,
    telephony::plan,
};

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(suspend))
        .routes(routes!(reactivate))
        .routes(routes!(reset_second_factor))
}

/// Everybody who has an account, newest first
#[utoipa::path(get, path = "/api/platform/people", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    params(ListQuery),
    responses((status = 200, description = "A page of people", body = Page<Account>)))]
async fn list(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Account>>, ApiError> {
    let asked = query.check()?;
    let scope = Scope::Staff(staff.user);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, asked))).await?;
    Ok(Json(Page::new(rows, asked.0, Account::cursor)))
}

/// One person
#[utoipa::path(get, path = "/api/platform/people/{id}", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 200, description = "The person", body = Account)))]
async fn show(State(app): State<App>, staff: Staff, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    let scope = Scope::Staff(staff.user);
    let found = app.database.change(scope, move |c| Box::pin(store::one(c, id))).await;
    found.map(|one| Answer::found(one.version, &one))
}

/// Suspend a person, and with an owner what is theirs
///
/// They are signed in nowhere any more and cannot sign in; their phones are not registered any more.
#[utoipa::path(post, path = "/api/platform/people/{id}/suspend", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    request_body = Suspension,
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 200, description = "They are suspended", body = Account),
        (status = 409, description = "They are already, or it would be you", body = crate::http::error::Problem, content_type = "application/problem+json")))]
async fn suspend(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    judge(&app, staff, (id, Order::Suspend), asked.body::<Suspension>()?.check()?).await
}

/// Let a suspended person go on, and what was suspended with them
#[utoipa::path(post, path = "/api/platform/people/{id}/reactivate", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    request_body = Suspension,
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 200, description = "They may sign in again", body = Account),
        (status = 409, description = "They are not suspended", body = crate::http::error::Problem, content_type = "application/problem+json"),
        (status = 422, description = "No plan of calls can be made of what is theirs", body = crate::http::error::Problem, content_type = "application/problem+json")))]
async fn reactivate(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    judge(&app, staff, (id, Order::Reactivate), asked.body::<Suspension>()?.check()?).await
}

/// Take away the second factor of a person who has lost phone and recovery codes
///
/// They sign in without a code from now on, and are told by a letter.
#[utoipa::path(post, path = "/api/platform/people/{id}/reset-second-factor", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    request_body = Suspension,
    params(("id" = Uuid, Path, description = "The person")),
    responses((status = 204, description = "No code is asked for any more"),
        (status = 409, description = "None is asked for, or it would be you", body = crate::http::error::Problem, content_type = "application/problem+json")))]
async fn reset_second_factor(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<StatusCode, ApiError> {
    let Suspension { reason } = asked.body::<Suspension>()?.check()?;
    let done = app.database.change(Scope::Staff(staff.user), move |c| {
        Box::pin(async move {
            store::one(c, id).await?;
            if !store::reset_second_factor(c, id).await? {
                return Err(ApiError::Conflict("there is none, or it would be you"));
            }
            person_events::append(c, (id, staff.user), Action::FactorReset, reason.as_deref()).await?;
            person_events::tell(c, id, Action::FactorReset, Language::default()).await
        })
    });
    done.await.map(|()| StatusCode::NO_CONTENT)
}

async fn judge(
    app: &App,
    staff: Staff,
    (id, order): (Uuid, Order),
    said: Suspension,
) -> Result<Answer, ApiError> {
    let scope = Scope::Staff(staff.user);
    app.database.change(scope, move |c| Box::pin(carry_out(c, staff, (id, order), said))).await
}

/// What becomes of the person and of what is theirs is one unit of work; what it means to an organisation stands in its own record.
async fn carry_out(
    c: &mut PgConnection,
    staff: Staff,
    (id, order): (Uuid, Order),
    said: Suspension,
) -> Result<Answer, ApiError> {
    plan::begin(c).await?;
    let owns = store::one(c, id).await?.owns;
    let before = organisations(c, &owns).await?;
    let status = if order == Order::Suspend { "suspended" } else { "active" };
    if !store::judge(c, id, status, said.reason.as_deref()).await? {
        return Err(ApiError::Conflict("they are so already, or it would be you"));
    }
    let (made, after) = (store::one(c, id).await?, organisations(c, &owns).await?);
    leave_staff(c).await?;
    for (before, after) in before.iter().zip(&after).filter(|(before, after)| before.status != after.status) {
        let org = OrgId(after.id);
        enter(c, Scope::Organisation(org)).await?;
        let event = review::tell(c, order, (before, after)).await?;
        plan::check(c, org).await?;
        let actor = Actor::person(staff.user, org, BTreeSet::new()).identity();
        change::record(c, actor, &[event]).await?;
    }
    Ok(Answer::found(made.version, &made))
}

async fn organisations(c: &mut PgConnection, ids: &[Uuid]) -> Result<Vec<Organisation>, ApiError> {
    let mut all = Vec::new();
    for id in ids {
        all.push(organisations::store::one(c, *id).await?);
    }
    Ok(all)
}
