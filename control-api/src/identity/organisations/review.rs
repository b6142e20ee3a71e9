//! The doors of the platform's staff: `/api/platform/organisations`, to see organisations and say how they stand. What is done is written
//! into the organisation's own record, and its owners are told by letter; staff see nothing of its telephony.

use std::collections::BTreeSet;

use axum::{Json, extract::State, http::StatusCode};
use contract::{id::OrgId, language::Language};
use sqlx::PgConnection;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{NewNote, Note, Order, Organisation, OrganisationsQuery, Verdict},
    store,
};
use crate::{
    app::App,
    database::{Scope, enter, enter_login, leave_staff},
    http::{
        actor::{Actor, Staff},
        answer::Answer,
        error::ApiError,
        extract::{Change, Path, Query},
        page::{ListQuery, Page},
    },
    identifier,
    identity::letters::{self, Kind, New},
    platform::{audit::Event, change::Done},
    telephony::plan,
};

/// The routes.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(show))
        .routes(routes!(notes, add_note))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(suspend))
        .routes(routes!(reactivate))
}

/// All organisations, newest first
#[utoipa::path(get, path = "/api/platform/organisations", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    params(OrganisationsQuery),
    responses((status = 200, description = "A page of organisations", body = Page<Organisation>)))]
async fn list(
    State(app): State<App>,
    staff: Staff,
    Query(query): Query<OrganisationsQuery>,
) -> Result<Json<Page<Organisation>>, ApiError> {
    let filter = query.check()?;
    let scope = Scope::Staff(staff.user);
    let rows = app.database.read(scope, move |c| Box::pin(store::list(c, filter))).await?;
    Ok(Json(Page::new(rows, filter.limit, Organisation::cursor)))
}

/// One organisation
#[utoipa::path(get, path = "/api/platform/organisations/{id}", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    params(("id" = Uuid, Path, description = "The organisation")),
    responses((status = 200, description = "The organisation", body = Organisation)))]
async fn show(State(app): State<App>, staff: Staff, Path(id): Path<Uuid>) -> Result<Answer, ApiError> {
    let scope = Scope::Staff(staff.user);
    let found = app.database.change(scope, move |c| Box::pin(store::one(c, id))).await;
    found.map(|one| Answer::found(one.version, &one))
}

/// What the platform's staff have written down about an organisation, newest first
#[utoipa::path(get, path = "/api/platform/organisations/{id}/notes", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    params(("id" = Uuid, Path, description = "The organisation"), ListQuery),
    responses((status = 200, description = "A page of notes", body = Page<Note>)))]
async fn notes(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<Uuid>,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Note>>, ApiError> {
    let asked = query.check()?;
    let found = app.database.change(Scope::Staff(staff.user), move |c| {
        Box::pin(async move {
            store::one(c, id).await?;
            Ok::<_, ApiError>(store::notes(c, id, asked).await?)
        })
    });
    Ok(Json(Page::new(found.await?, asked.0, Note::cursor)))
}

/// One more note about an organisation, which its own people never see
#[utoipa::path(post, path = "/api/platform/organisations/{id}/notes", tag = "platform",
    security(("sign_in" = ["super_admin"])),
    request_body = NewNote,
    params(("id" = Uuid, Path, description = "The organisation")),
    responses((status = 201, description = "It is written down", body = Note)))]
async fn add_note(
    State(app): State<App>,
    staff: Staff,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<(StatusCode, Json<Note>), ApiError> {
    let (new, note) = (asked.body::<NewNote>()?.check()?, identifier::fresh()?);
    let made = app.database.change(Scope::Staff(staff.user), move |c| {
        Box::pin(async move {
            store::one(c, id).await?;
            Ok::<_, ApiError>(store::add_note(c, (id, note, staff.user), &new.text).await?)
        })
    });
    Ok((StatusCode::CREATED, Json(made.await?)))
}

/// A door of an order: `/api/platform/organisations/{id}/…`.
macro_rules! order_door {
    ($name:ident, $order:expr, $path:literal, $summary:literal, $done:literal) => {
        #[doc = $summary]
        #[utoipa::path(post, path = $path, tag = "platform",
            security(("sign_in" = ["super_admin"])),
            request_body = Verdict,
            params(("id" = Uuid, Path, description = "The organisation")),
            responses((status = 200, description = $done, body = Organisation),
                (status = 409, description = "It does not stand so that this could be ordered", body = crate::http::error::Problem, content_type = "application/problem+json"),
                (status = 422, description = "No plan of calls can be made of it so", body = crate::http::error::Problem, content_type = "application/problem+json")))]
        async fn $name(
            State(app): State<App>,
            staff: Staff,
            Path(id): Path<Uuid>,
            asked: Change,
        ) -> Result<Answer, ApiError> {
            let said = asked.body::<Verdict>()?.check($order)?;
            judge(&app, staff, (id, $order), said).await
        }
    };
}

order_door!(
    approve,
    Order::Approve,
    "/api/platform/organisations/{id}/approve",
    "Let an organisation that waits begin",
    "It is live: its people may act, and its phones register"
);
order_door!(
    reject,
    Order::Reject,
    "/api/platform/organisations/{id}/reject",
    "Reject an organisation that waits",
    "It is rejected, and its owners are told"
);
order_door!(
    suspend,
    Order::Suspend,
    "/api/platform/organisations/{id}/suspend",
    "Suspend an organisation",
    "Nobody can do anything in it: sign-ins to it and registrations of its phones have ended, its keys are refused"
);
order_door!(
    reactivate,
    Order::Reactivate,
    "/api/platform/organisations/{id}/reactivate",
    "Let a suspended organisation go on as what it was",
    "It is what it was before"
);

async fn judge(
    app: &App,
    staff: Staff,
    (id, order): (Uuid, Order),
    said: Verdict,
) -> Result<Answer, ApiError> {
    let org = OrgId(id);
    let actor = Actor::person(staff.user, org, BTreeSet::new());
    plan::change(app, &actor, None, move |c| {
        Box::pin(async move {
            enter(c, Scope::Staff(staff.user)).await?;
            let old = store::one(c, id).await?;
            let status = old
                .status
                .after(order, (old.suspended_from, old.is_suspended_with_owner))
                .map_err(ApiError::Conflict)?;
            store::judge(c, &old, status, said.reason.as_deref()).await?;
            if order == Order::Approve {
                store::settle(c, org, said.sip_domain.as_deref()).await?;
            }
            let made = store::one(c, id).await?;
            // What follows is of this organisation alone.
            leave_staff(c).await?;
            let events = vec![tell(c, order, (&old, &made)).await?];
            Ok(Done { answer: Answer::found(made.version, &made), events })
        })
    })
    .await
}

/// Writes to the owners of an organisation, whose scope it is, and gives what its record is to say.
pub(in crate::identity) async fn tell(
    c: &mut PgConnection,
    order: Order,
    (old, made): (&Organisation, &Organisation),
) -> Result<Event, ApiError> {
    for address in store::owners(c, OrgId(made.id)).await? {
        let kind = Kind::Judged { organisation: made.name.clone(), verdict: order.done() };
        enter_login(c, &address).await?;
        let language = Language::of(&made.language).unwrap_or_default();
        letters::store::write(c, &New { id: identifier::fresh()?, address, language, kind }).await?;
    }
    Ok(Event::of(order.action(), made.id, Some(old), Some(made)))
}
