//! The doors: `/api/telephony/people/{id}/…`.

use axum::{Json, extract::State};
use contract::id::UserId;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::{
    model::{CallWaitingOrder, DoNotDisturbOrder, PauseOrder, PersonAvailability, PersonOrdered, Turned},
    store,
};
use crate::{
    app::App,
    database::Scope,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path},
    },
    identity::permission::Permission,
    platform::{
        audit::Event,
        change::{Done, change},
    },
    telephony::orders::model::{Told, taken},
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(show))
        .routes(routes!(pause))
        .routes(routes!(do_not_disturb))
        .routes(routes!(call_waiting))
}

/// Refuses whoever asks about somebody else without the permission: for them there is nobody else.
fn must(actor: &Actor, permission: Permission, user: Uuid) -> Result<(), ApiError> {
    let is_theirs = actor.own_or(permission)?.is_none_or(|own| own == user);
    is_theirs.then_some(()).ok_or(ApiError::NotFound)
}

/// How somebody can be had
///
/// What a queue or a phone has changed is here a moment later. Whoever has signed in sees their own without the permission.
#[utoipa::path(get, path = "/api/telephony/people/{id}/availability", tag = "telephony",
    security(("api_key" = ["telephony.read"])),
    params(("id" = Uuid, Path, description = "Whose, as of a member")),
    responses((status = 200, description = "How it is", body = PersonAvailability)))]
async fn show(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
) -> Result<Json<PersonAvailability>, ApiError> {
    must(&actor, Permission::TelephonyRead, id)?;
    let org = actor.org;
    let read = app.database.read(Scope::Organisation(org), move |c| {
        Box::pin(async move {
            let is_there = store::is_there(c, org, id).await?;
            Ok(is_there.then_some(store::of(c, org, id).await?))
        })
    });
    let rows = read.await?.ok_or(ApiError::NotFound)?;
    Ok(Json(PersonAvailability::of(id, &rows)))
}

/// The door of an order about somebody. Rustfmt would move its attribute further to the right with every run.
#[rustfmt::skip]
macro_rules! order_door {
    ($name:ident, $order:ident, $path:literal, $summary:literal) => {
        #[utoipa::path(post, path = $path, tag = "telephony", summary = $summary,
            description = "Whoever has signed in orders it of themselves without the permission.",
            security(("api_key" = ["calls.control"])),
            request_body = $order,
            params(("id" = Uuid, Path, description = "Who, as of a member")),
            responses((status = 200, description = "It is so", body = Turned)))]
        async fn $name(
            State(app): State<App>,
            actor: Actor,
            Path(id): Path<Uuid>,
            asked: Change,
        ) -> Result<Answer, ApiError> {
            must(&actor, Permission::CallsControl, id)?;
            let wanted = asked.body::<$order>()?;
            order(&app, &actor, (id, asked), wanted).await
        }
    };
}

order_door!(
    pause,
    PauseOrder,
    "/api/telephony/people/{id}/pause",
    "Queues do not ask somebody any more, or ask them again"
);
order_door!(
    do_not_disturb,
    DoNotDisturbOrder,
    "/api/telephony/people/{id}/do-not-disturb",
    "Nothing of somebody's rings any more, or it rings again"
);
order_door!(
    call_waiting,
    CallWaitingOrder,
    "/api/telephony/people/{id}/call-waiting",
    "A second call rings while somebody is in one, or does not any more"
);

/// Has the switch turn something of somebody's on or off, who is in the organisation.
async fn order<O: PersonOrdered>(
    app: &App,
    actor: &Actor,
    (id, asked): (Uuid, Change),
    wanted: O,
) -> Result<Answer, ApiError> {
    let (org, switch) = (actor.org, app.switch()?.clone());
    let command = wanted.command(org, UserId(id));
    change(app, actor, asked.once, move |c| {
        Box::pin(async move {
            if !store::is_there(c, org, id).await? {
                return Err(ApiError::NotFound);
            }
            let outcome = taken(switch.command(&command).await?, "id")?;
            let events = vec![Event::order(O::ACTION, id, &Told { order: &command, outcome })];
            Ok(Done { answer: Answer::done(&Turned { outcome, user_id: id }), events })
        })
    })
    .await
}
