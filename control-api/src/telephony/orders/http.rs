//! The doors: `POST /api/telephony/calls`, and what can be ordered of `/api/telephony/live-calls/{id}`.

use axum::extract::State;
use contract::{command::Outcome, id::CallId};
use serde::de::DeserializeOwned;
use utoipa_axum::{router::OpenApiRouter, routes};
use uuid::Uuid;

use super::model::{
    CallOrder, CallOrdered, ConnectOrder, HangUp, HoldOrder, ListenOrder, MuteOrder, Ordered, PickUpOrder,
    RecordOrder, SuperviseOrder, Told, TransferOrder, taken,
};
use crate::{
    app::App,
    http::{
        actor::Actor,
        answer::Answer,
        error::ApiError,
        extract::{Change, Path},
    },
    identifier,
    identity::permission::Permission,
    platform::{
        audit::Event,
        change::{Done, change},
    },
};

/// The routes of this aggregate.
pub fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new()
        .routes(routes!(call))
        .routes(routes!(listen))
        .routes(routes!(pick_up))
        .routes(routes!(hang_up))
        .routes(routes!(transfer))
        .routes(routes!(hold))
        .routes(routes!(record))
        .routes(routes!(mute))
        .routes(routes!(supervise))
        .routes(routes!(connect))
}

/// A call for somebody, whose own phones ring first
#[utoipa::path(post, path = "/api/telephony/calls", tag = "calls",
    security(("api_key" = ["calls.control"])),
    request_body = CallOrder,
    responses((status = 201, description = "Their phones ring", body = Ordered),
        (status = 200, description = "A call with that id has been ordered before", body = Ordered)))]
async fn call(State(app): State<App>, actor: Actor, asked: Change) -> Result<Answer, ApiError> {
    actor.must(Permission::CallsControl)?;
    let (order, switch) = (asked.body::<CallOrder>()?, app.switch()?.clone());
    let id = order.id.map_or_else(identifier::fresh, Ok)?;
    let command = order.command(actor.org, CallId(id));
    change(&app, &actor, asked.once, move |_| {
        Box::pin(async move {
            let outcome = switch.command(&command).await?;
            let told = Told { order: &command, outcome: taken(outcome, "from")? };
            let events = vec![Event::order("call.ordered", id, &told)];
            Ok(Done { answer: rung(outcome, told.outcome, id), events })
        })
    })
    .await
}

/// Phones ring in a call of their own, or have been ordered to before.
fn rung(outcome: Outcome, word: &'static str, id: Uuid) -> Answer {
    let body = Ordered { outcome: word, call_id: id };
    match outcome {
        Outcome::Called(_) => Answer::made(format!("/api/telephony/live-calls/{id}"), &body),
        _ => Answer::done(&body),
    }
}

/// Somebody who listens to a call whose people they supervise; their own phones ring first
#[utoipa::path(post, path = "/api/telephony/live-calls/{id}/listen", tag = "calls",
    security(("api_key" = ["calls.listen"])),
    request_body = ListenOrder,
    params(("id" = Uuid, Path, description = "The call that is listened to")),
    responses((status = 201, description = "Their phones ring", body = Ordered),
        (status = 200, description = "A call with that id has been ordered before", body = Ordered)))]
async fn listen(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::CallsListen)?;
    let (order, org, switch) = (asked.body::<ListenOrder>()?, actor.org, app.switch()?.clone());
    let own = order.id.map_or_else(identifier::fresh, Ok)?;
    let command = order.command(org, CallId(id), CallId(own));
    change(&app, &actor, asked.once, move |_| {
        Box::pin(async move {
            switch.live_call(org, CallId(id)).await?.ok_or(ApiError::NotFound)?;
            let outcome = switch.command(&command).await?;
            let told = Told { order: &command, outcome: taken(outcome, "by")? };
            let events = vec![Event::order("call.listen", id, &told)];
            Ok(Done { answer: rung(outcome, told.outcome, own), events })
        })
    })
    .await
}

/// The end of a call for everybody in it
#[utoipa::path(post, path = "/api/telephony/live-calls/{id}/hang-up", tag = "calls",
    security(("api_key" = ["calls.control"])),
    params(("id" = Uuid, Path, description = "The call")),
    responses((status = 200, description = "It ends", body = Ordered)))]
async fn hang_up(
    State(app): State<App>,
    actor: Actor,
    Path(id): Path<Uuid>,
    asked: Change,
) -> Result<Answer, ApiError> {
    actor.must(Permission::CallsControl)?;
    order(&app, &actor, (id, asked), |_| Ok(HangUp)).await
}

/// The door of an order that a call is given. Rustfmt would move its attribute further to the right with every run.
#[rustfmt::skip]
macro_rules! order_door {
    ($name:ident, $order:ident, $permission:ident = $scope:literal, $path:literal, $summary:literal, $whose:literal, $done:literal) => {
        #[utoipa::path(post, path = $path, tag = "calls", summary = $summary,
            security(("api_key" = [$scope])),
            request_body = $order,
            params(("id" = Uuid, Path, description = $whose)),
            responses((status = 200, description = $done, body = Ordered)))]
        async fn $name(
            State(app): State<App>,
            actor: Actor,
            Path(id): Path<Uuid>,
            asked: Change,
        ) -> Result<Answer, ApiError> {
            actor.must(Permission::$permission)?;
            order(&app, &actor, (id, asked), described::<$order>).await
        }
    };
}

order_door!(
    pick_up,
    PickUpOrder,
    CallsControl = "calls.control",
    "/api/telephony/live-calls/{id}/pick-up",
    "Somebody's own phones ring in a call that rings elsewhere: they take it if they answer first",
    "The call",
    "Their phones ring"
);
order_door!(
    transfer,
    TransferOrder,
    CallsControl = "calls.control",
    "/api/telephony/live-calls/{id}/transfer",
    "One side of a call sent on to another number",
    "The call",
    "It rings there"
);
order_door!(
    hold,
    HoldOrder,
    CallsControl = "calls.control",
    "/api/telephony/live-calls/{id}/hold",
    "A call put on hold in the name of one side, or taken back",
    "The call",
    "It is so"
);
order_door!(
    record,
    RecordOrder,
    CallsControl = "calls.control",
    "/api/telephony/live-calls/{id}/record",
    "A call recorded, or its recording paused, gone on with or ended",
    "The call",
    "It is so"
);
order_door!(
    mute,
    MuteOrder,
    CallsControl = "calls.control",
    "/api/telephony/live-calls/{id}/mute",
    "A member of a conference not heard by the others any more, or heard again",
    "The member's call",
    "It is so"
);
order_door!(
    supervise,
    SuperviseOrder,
    CallsListen = "calls.listen",
    "/api/telephony/live-calls/{id}/supervise",
    "A supervisor who listens to a call heard there by others than before",
    "The supervisor's own call",
    "It is so"
);
order_door!(
    connect,
    ConnectOrder,
    CallsControl = "calls.control",
    "/api/telephony/live-calls/{id}/connect",
    "The two others of somebody who is in two calls put through to each other",
    "A call",
    "They talk"
);

fn described<T: DeserializeOwned>(asked: &Change) -> Result<T, ApiError> {
    asked.body()
}

/// Has the switch do something with calls that the organisation has now. It is asked whose they are before it is asked to do anything.
async fn order<O: CallOrdered>(
    app: &App,
    actor: &Actor,
    (id, asked): (Uuid, Change),
    read: impl FnOnce(&Change) -> Result<O, ApiError>,
) -> Result<Answer, ApiError> {
    let (order, org, switch) = (read(&asked)?, actor.org, app.switch()?.clone());
    let about: Vec<CallId> = std::iter::once(CallId(id)).chain(order.other()).collect();
    let command = order.command(CallId(id));
    change(app, actor, asked.once, move |_| {
        Box::pin(async move {
            for call in about {
                switch.live_call(org, call).await?.ok_or(ApiError::NotFound)?;
            }
            let outcome = taken(switch.command(&command).await?, "by")?;
            let events = vec![Event::order(O::ACTION, id, &Told { order: &command, outcome })];
            Ok(Done { answer: Answer::done(&Ordered { outcome, call_id: id }), events })
        })
    })
    .await
}
